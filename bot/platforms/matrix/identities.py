"""The identities of all accounts that we write to, kept sealed, and the doubts to report."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Mapping

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.platforms.base import Acquaintances, Change
from bot.platforms.matrix.identity import Record
from bot.platforms.matrix.secrets import AccountSecrets
from bot.platforms.matrix.signing import Served

_log = logging.getLogger(__name__)

_KEPT_AS = "identity"
_IN_DOUBT = "identities_in_doubt"
_NOTHING = Served()


class Identities:
    """Pins the first identity of each account, and decides what is proven by it.

    What is known of an account is kept under a name that only who has `secret` can make: without
    it a stolen database would tell of any account whether it writes to the bot.
    """

    def __init__(self, secrets: AccountSecrets, acquaintances: Acquaintances, secret: str) -> None:
        self._secrets = secrets
        self._naming = HKDF(SHA256(), 32, None, b"matrix.identities").derive(secret.encode())
        self._acquaintances = acquaintances
        self._records: dict[str, Record] = {}
        self._served: dict[str, Served] = {}
        self._in_doubt: set[str] = set()
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        """Read whose identity is in doubt, with what is known of them."""
        self._in_doubt = set(await self._secrets.get(_IN_DOUBT) or ())
        for user_id in self._in_doubt:
            await self._record(user_id)

    # --- looking ---

    async def look(self, users: Mapping[str, Served]) -> None:
        """Take in what the server gives for these people."""
        async with self._changing:
            for user_id, served in users.items():
                before = await self._record(user_id)
                record = before.seen(served)
                if record.doubts and not before.doubts and not await self._matters(user_id):
                    record = before.forgotten(served)
                # Kept before it is believed: else a crash makes another key the first one.
                await self._keep(user_id, record)
                self._served[user_id] = served

    def looked(self, user_id: str) -> bool:
        """Whether the server was asked for this account's keys in this process."""
        return user_id in self._served

    def proven(self, user_id: str) -> Mapping[str, str]:
        """The devices that are this person's own for certain, each with its Ed25519 key."""
        record = self._records.get(user_id)
        return record.proven(self._served.get(user_id, _NOTHING)) if record else {}

    def pinned(self, user_id: str) -> bool:
        """Whether this account is known by an identity, so that its devices can be told apart."""
        record = self._records.get(user_id)
        return record is not None and bool(record.master)

    def master(self, user_id: str) -> str:
        """The master key that the server gives now, be it the pinned one or not; "" for none."""
        return self._served.get(user_id, _NOTHING).master

    def verified(self, user_id: str) -> bool:
        """Whether pictures were compared with this person, and nothing is in doubt since."""
        record = self._records.get(user_id)
        return record is not None and record.verified and not record.doubts

    # --- deciding ---

    async def confirm(self, user_id: str, number: int) -> bool:
        """A person was asked in another way: it is still they. False if there is no such doubt."""
        async with self._changing:
            record = await self._record(user_id)
            if not any(doubt.number <= number for doubt in record.doubts):
                return False
            await self._keep(user_id, record.confirmed(number).seen(self._now(user_id)))
        return True

    async def compared(self, user_id: str, master: str) -> None:
        """Pictures were the same on both sides: `master` is this person's key."""
        async with self._changing:
            record = await self._record(user_id)
            served = self._now(user_id)
            # If it changed while people compared, that is a new doubt.
            signed = served if served.master == master else _NOTHING
            await self._keep(user_id, record.compared(master, signed).seen(served))

    # --- reporting ---

    def reports(self) -> list[tuple[str, int, Change]]:
        """What people are to be told: the account, the doubt's number, and what it is."""
        found = []
        for user_id in sorted(self._in_doubt):
            record = self._records[user_id]
            doubt = record.untold()
            if doubt is not None:
                found.append((user_id, record.doubts[-1].number, doubt.what))
        return found

    async def told(self, user_id: str, number: int) -> None:
        """The report of the doubts up to this one is stored: not again."""
        async with self._changing:
            record = await self._record(user_id)
            if number > record.told:
                await self._keep(user_id, record.with_told(number))

    # --- keeping ---

    def _now(self, user_id: str) -> Served:
        return self._served.get(user_id, _NOTHING)

    async def _matters(self, user_id: str) -> bool:
        try:
            return await self._acquaintances.known(user_id)
        except Exception as error:  # whatever is wrong with the database, a doubt is the safe side
            _log.warning("cannot ask who is known (%s)", type(error).__name__)
            return True

    async def _record(self, user_id: str) -> Record:
        record = self._records.get(user_id)
        if record is None:
            kept = await self._secrets.get(self._name(user_id))
            record = Record() if kept is None else Record.from_json(kept)
            record = self._records.setdefault(user_id, record)
        return record

    async def _keep(self, user_id: str, record: Record) -> None:
        if record == self._records.get(user_id):
            return
        # Whoever is in doubt is in the index, whatever happens between the two writings.
        if record.doubts:
            await self._index(self._in_doubt | {user_id})
        await self._secrets.set(self._name(user_id), record.to_json())
        self._records[user_id] = record
        if not record.doubts:
            await self._index(self._in_doubt - {user_id})

    async def _index(self, in_doubt: set[str]) -> None:
        if in_doubt != self._in_doubt:
            await self._secrets.set(_IN_DOUBT, sorted(in_doubt))
            self._in_doubt = in_doubt

    def _name(self, user_id: str) -> str:
        digest = hmac.new(self._naming, user_id.encode(), hashlib.sha256).hexdigest()
        return f"{_KEPT_AS}.{digest[:32]}"
