"""Who acts: one row with a number that only grows.

Each process that begins to act takes the next number. Every statement that claims or finishes work
asks whether its own number is still the one in the row, and every transaction asks once at its
start, so that a process that was frozen and comes back can change nothing, whatever it believes (a
fencing token).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import EPOCH, fences

ACTING = "acting"
_HERE = fences.c.name == ACTING

APPLICATION = "acuerpa/"
"""What the name of each of our sessions at PostgreSQL begins with."""

_END_OTHERS = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = current_user AND xact_start IS NOT NULL"
    " AND starts_with(application_name, :ours)"
    " AND application_name <> current_setting('application_name')"
)

_FIRST = sa.text(
    "INSERT INTO fences (name, number, until) VALUES (:name, :number, :until) ON CONFLICT DO NOTHING"
).bindparams(sa.bindparam("until", type_=fences.c.until.type))


class NotActing(RuntimeError):
    """This process may not act: another one does, or it could not renew its right in time."""


@lru_cache(8)
def acting(number: int | None) -> sa.ColumnElement[bool]:
    """True in a statement of the process that acts; None is a tool that needs no such right.

    The same for the same number, so that a statement with it need not be made anew.
    """
    if number is None:
        return sa.true()
    return sa.select(fences.c.number).where(_HERE).scalar_subquery() == number


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever acts. `until` is when its right ends by its own clock: for another process a value
    that changes as long as it lives, and nothing to compare its own clock with."""

    number: int
    until: datetime

    @property
    def ended(self) -> bool:
        """It said itself that it acts no more."""
        return self.until == EPOCH


class Fence:
    """The row."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def require(self, number: int) -> None:
        """Raises `NotActing` unless this number is the one that acts, until the transaction ends.

        SQLite has one writer at a time; on PostgreSQL the row is locked against whoever would take
        it over meanwhile.
        """
        ours = await self._db.execute(
            sa.select(fences.c.number).where(_HERE, acting(number)).with_for_update(read=True)
        )
        if ours.first() is None:
            raise NotActing("another process has taken over")

    async def holder(self) -> Holder | None:
        """Whoever has it now; None before anybody ever had."""
        row = (await self._db.execute(sa.select(fences.c.number, fences.c.until).where(_HERE))).first()
        return Holder(*row) if row else None

    async def take(self, after: Holder | None, until: datetime) -> int | None:
        """The number that follows `after`; None if that one has renewed or ended meanwhile."""
        if after is None:
            first = await self._db.execute(_FIRST, {"name": ACTING, "number": 1, "until": until})
            return 1 if first.rowcount == 1 else None
        return (
            await self._db.execute(
                sa.update(fences)
                .where(_HERE, fences.c.number == after.number, fences.c.until == after.until)
                .values(number=fences.c.number + 1, until=until)
                .returning(fences.c.number)
            )
        ).scalar_one_or_none()

    async def end_others(self) -> None:
        """End what other processes of ours have under way, on PostgreSQL.

        One that stands still in the middle of a transaction holds locks that nobody gets past, and
        only the end of its session frees them.
        """
        if self._db.dialect.name == "postgresql":
            await self._db.execute(_END_OTHERS, {"ours": APPLICATION})

    async def renew(self, number: int, until: datetime) -> bool:
        """Keep it until `until`. False if somebody else has taken it."""
        changed = await self._db.execute(
            sa.update(fences).where(_HERE, fences.c.number == number).values(until=until)
        )
        return changed.rowcount == 1

    async def end_all(self) -> None:
        """Whoever acts may act no more, and need not be waited for."""
        await self._db.execute(
            sa.update(fences).where(_HERE).values(number=fences.c.number + 1, until=EPOCH)
        )

    async def end(self, number: int) -> None:
        """We act no more: nobody need wait."""
        await self.renew(number, EPOCH)
