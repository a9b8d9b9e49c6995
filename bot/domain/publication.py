"""What the public sees of a denunciation: in its languages, with its files, and what became of it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime

from bot.domain.denunciation import File
from bot.domain.denunciation import Kind as Kind
from bot.domain.denunciation import Version as Version

SHORT = 10
"""Characters of a short fingerprint: 50 bits, so that nobody finds other words of the same one by
trying (2**50 SHA-256 for each text), and few enough to be read aloud."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """It was taken back; the reason is public, the words are not any more."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Publication:
    """One denunciation as it is public now.

    `code` is its address, the short fingerprint of the words that were published first: it stays,
    also when they are corrected. `fingerprint` is the SHA-256 of the words as they are now, in
    hexadecimal digits. `versions` has at least one; the first is in the language in which it was
    written. `act_by` is the end of an urgent action, `closed_at` when it was closed. `follows` is
    the code of the denunciation that this one continues.
    """

    code: str
    fingerprint: str
    number: int
    organisation: str
    kind: Kind
    versions: tuple[Version, ...]
    published_at: datetime
    files: tuple[File, ...] = ()
    topics: tuple[str, ...] = ()
    region: str = ""
    act_by: datetime | None = None
    closed_at: datetime | None = None
    corrected_at: datetime | None = None
    withdrawal: Withdrawal | None = None
    follows: str = ""

    @property
    def changed_at(self) -> datetime:
        """When the public last saw it change."""
        withdrawn = self.withdrawal.at if self.withdrawal else None
        instants = (self.published_at, self.corrected_at, self.closed_at, withdrawn)
        return max(instant for instant in instants if instant is not None)


def short(fingerprint: str) -> str:
    """The first 50 bits of a fingerprint in small letters and the digits 2 to 7 (RFC 4648, base 32)."""
    return base64.b32encode(bytes.fromhex(fingerprint))[:SHORT].decode().lower()


def spelled(code: str) -> str:
    """In two halves, as it stands in a message."""
    return f"{code[:5]}-{code[5:]}"
