"""Who acts: one row with a number that only grows.

Each process that begins to act takes the next number. Every statement that claims or finishes work
asks whether its own number is still the one in the row, so that a process that was frozen and
comes back can change nothing, whatever it believes (a fencing token).
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import fences

ACTING = "acting"
_HERE = fences.c.name == ACTING


def acting(number: int | None) -> sa.ColumnElement[bool]:
    """True in a statement of the process that acts; None is a tool that needs no such right."""
    if number is None:
        return sa.true()
    return sa.select(fences.c.number).where(_HERE).scalar_subquery() == number


class Fence:
    """The row."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def take(self, now: datetime, until: datetime, *, alone: bool) -> int | None:
        """The next number, ours until `until`; None while somebody else's has not ended.

        `alone`: whoever had it is known to be gone, so that nobody waits for the end of its time.
        """
        free = sa.true() if alone else fences.c.until <= now
        number = (
            await self._db.execute(
                sa.update(fences)
                .where(_HERE, free)
                .values(number=fences.c.number + 1, until=until)
                .returning(fences.c.number)
            )
        ).scalar_one_or_none()
        if number is not None:
            return int(number)
        known = (await self._db.execute(sa.select(fences.c.number).where(_HERE))).first()
        if known is not None:
            return None
        await self._db.execute(sa.insert(fences).values(name=ACTING, number=1, until=until))
        return 1

    async def renew(self, number: int, until: datetime) -> bool:
        """Keep it until `until`. False if somebody else has taken it."""
        changed = await self._db.execute(
            sa.update(fences).where(_HERE, fences.c.number == number).values(until=until)
        )
        return changed.rowcount == 1
