"""Small things of the installation, by name."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.rows import param
from storage.tables import facts

RESTORED = "restored"
"""Holds when a database was copied, from when it takes the place of a newer one until somebody has looked
after what that means."""

SHOWN = "status"
"""Holds what the newest audit found, since when the process acts and which platforms answer, as JSON."""

_GET = sa.select(facts.c.value).where(facts.c.name == param("which"))
_REPLACE = (
    sa.update(facts)
    .where(facts.c.name == param("which"))
    .values(value=param("what"), sealed=param("envelope"))
)


class Facts:
    """Named values; setting one again replaces it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def get(self, name: str) -> bytes | None:
        """The value, or None."""
        return (await self._db.execute(_GET, {"which": name})).scalar_one_or_none()

    async def set(self, name: str, value: bytes, *, sealed: bool = False) -> None:
        """Store or replace. `sealed`: the value is an envelope of the vault's."""
        changed = await self._db.execute(
            _REPLACE, {"which": name, "what": value, "envelope": sealed}
        )
        if not changed.rowcount:
            await self._db.execute(sa.insert(facts).values(name=name, value=value, sealed=sealed))

    async def drop(self, name: str) -> None:
        """Nothing is kept under this name any more."""
        await self._db.execute(sa.delete(facts).where(facts.c.name == name))
