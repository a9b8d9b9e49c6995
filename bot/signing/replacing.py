"""How a key of ours takes the place of another one, so that who trusts the old one can trust it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from bot.signing.minisign import PublicKey, SecretKey, signed, verified


@dataclass(frozen=True, slots=True)
class Statement:
    """That one key replaces another: a text in Spanish and English, and its signature by each of
    them (texts of .minisig files). All of it is public."""

    statement: str
    by_old: str
    by_new: str

    def to_json(self) -> str:
        """For storing."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Statement:
        """The opposite of `to_json`."""
        return cls(**json.loads(text))

    def check(self, old: PublicKey, new: PublicKey) -> None:
        """Whether both keys signed it. Raises `bot.signing.minisign.SignatureError`."""
        for key, signature in ((old, self.by_old), (new, self.by_new)):
            verified(self.statement.encode(), signature, key)


def replacing(old: SecretKey, new: SecretKey, now: datetime) -> Statement:
    """The statement that `new` replaces `old` from `now` on, to the minute."""
    was, becomes, since = old.public, new.public, f"{now.astimezone(UTC):%F %H:%M} UTC"
    text = (
        f"Esta llave de firma {becomes.id} reemplaza a la llave {was.id} desde {since}.\n"
        f"This signing key {becomes.id} replaces the key {was.id} since {since}.\n"
        f"{becomes.id}: {becomes.line}\n"
        f"{was.id}: {was.line}\n"
    )
    comment = f"{becomes.id} replaces {was.id} since {since}"
    by_old, by_new = (signed(text.encode(), key, comment) for key in (old, new))
    return Statement(text, by_old, by_new)
