"""The keys that sign what is published: the current one, and those that it replaced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.signing.minisign import PublicKey, SecretKey, read_public_key
from bot.signing.replacing import Statement, replacing
from storage.rows import Rows
from storage.tables import signing_keys


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What the public may know of one. `retired_at` is None for the current one; `statement` says
    whom it replaced, and is None for the first."""

    id: int
    public: PublicKey
    created_at: datetime
    retired_at: datetime | None
    statement: Statement | None


_PUBLIC = [
    signing_keys.c[name] for name in ("id", "public", "created_at", "retired_at", "statement")
]
_CURRENT = sa.select(signing_keys.c.id, signing_keys.c.secret).where(
    signing_keys.c.retired_at.is_(None)
)


def _signing_key(row: Any) -> SigningKey:
    return SigningKey(
        id=row.id,
        public=read_public_key(row.public),
        created_at=row.created_at,
        retired_at=row.retired_at,
        statement=None if row.statement is None else Statement.from_json(row.statement),
    )


class SigningKeys:
    """The keys of one installation.

    Args:
        rows: The rows.
        erased: Called when a secret was erased, so that it is wiped from SQLite's log as well.
    """

    def __init__(self, rows: Rows, erased: Callable[[], None]) -> None:
        self._rows = rows
        self._erased = erased

    async def current(self, now: datetime) -> SecretKey:
        """The key that signs now. The first who asks makes it."""
        row = await self._rows.one(_CURRENT)
        if row is None:
            await self._alone()
            row = await self._rows.one(_CURRENT)
        if row is not None:
            return SecretKey.from_bytes(row.secret)
        key = SecretKey.fresh()
        await self._add(key, now, None)
        return key

    async def rotate(self, now: datetime) -> SigningKey:
        """Another key signs from now on. Of the old one the public half stays, and the secret one
        is erased: nobody can sign with it any more, and what it signed can still be checked.

        Where there was none yet, this makes the first, which has no statement.
        """
        await self._alone()
        row = await self._rows.one(_CURRENT)
        new, statement = SecretKey.fresh(), None
        if row is not None:
            statement = replacing(SecretKey.from_bytes(row.secret), new, now)
            await self._rows.update(signing_keys, row.id, secret=None, retired_at=now)
            self._erased()
        id = await self._add(new, now, statement)
        return SigningKey(id, new.public, now, None, statement)

    async def all(self) -> list[SigningKey]:
        """Every key there was, the oldest first."""
        found = await self._rows.all(sa.select(*_PUBLIC).order_by(signing_keys.c.id))
        return [_signing_key(row) for row in found]

    async def _add(self, key: SecretKey, now: datetime, statement: Statement | None) -> int:
        return await self._rows.insert(
            signing_keys,
            public=key.public.line,
            secret=key.to_bytes(),
            created_at=now,
            retired_at=None,
            statement=None if statement is None else statement.to_json(),
        )

    async def _alone(self) -> None:
        """Of two processes that make a key, the second sees that of the first. SQLite has one
        writer anyway."""
        if self._rows.connection.dialect.name == "postgresql":
            await self._rows.connection.execute(
                sa.text("LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE")
            )
