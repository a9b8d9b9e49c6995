"""Who acts: one row with a number that only grows.

Each process that begins to act takes the next number. Every statement that claims or finishes work
asks whether its own number is still the one in the row, and every transaction asks once at its
start, so that a process that was frozen and comes back can change nothing, whatever it believes (a
fencing token).

A worker, which helps the process that acts (`bot.engine.workers`), has a row of its own, by a name that
nobody has a second time. Whoever acts ends the row of a worker that is not heard of any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.rows import param
from storage.tables import EPOCH, fences

ACTING = "acting"
"""The row of the process that acts."""

WORKER = "worker/"
"""What the name of a worker's row begins with."""

APPLICATION = "acuerpa/"
"""What the name of each of our sessions at PostgreSQL begins with."""

_END_SESSIONS = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = current_user AND xact_start IS NOT NULL"
    " AND application_name = :theirs AND pid <> pg_backend_pid()"  # it may have been ourselves
)

_NAME = param("whose")
_HERE = fences.c.name == _NAME
_WORKERS = fences.c.name.startswith(WORKER, autoescape=True)

_FIRST = sa.text(
    "INSERT INTO fences (name, number, until, session) VALUES (:name, :number, :until, :session)"
    " ON CONFLICT DO NOTHING"
).bindparams(sa.bindparam("until", type_=fences.c.until.type))


class NotActing(RuntimeError):
    """This process may not act: another one does, or it could not renew its right in time."""


@lru_cache(8)
def acting(number: int | None, name: str = ACTING) -> sa.ColumnElement[bool]:
    """True in a statement of the process that has this number in the row of this name; None is a tool
    that needs no such right.

    The same for the same number, so that a statement with it need not be made anew.
    """
    if number is None:
        return sa.true()
    here = fences.c.name == name
    return sa.select(fences.c.number).where(here).scalar_subquery() == number


@lru_cache(8)
def _ours(number: int, name: str) -> sa.Select[int]:
    """The row, as long as it is that number's."""
    ours = sa.select(fences.c.number).where(fences.c.name == name, acting(number, name))
    return ours.with_for_update(read=True)


def owned(owner: sa.ColumnElement[str], name: str) -> sa.ColumnElement[bool]:
    """Whether something was claimed under this name. What bears none is of a version before there
    were workers, and of the process that acts."""
    return owner.in_([name, ""]) if name == ACTING else owner == name


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever acts. `until` is when its right ends by its own clock: for another process a value
    that changes as long as it lives, and nothing to compare its own clock with. `session` is what
    its sessions at PostgreSQL are called."""

    number: int
    until: datetime
    session: str = ""

    @property
    def ended(self) -> bool:
        """It said itself that it acts no more."""
        return self.until == EPOCH


_KEEP_OUT = sa.text("LOCK TABLE fences IN EXCLUSIVE MODE")
_HOLDER = sa.select(fences.c.number, fences.c.until, fences.c.session).where(_HERE)


class Fence:
    """The row of one name, and those of the workers."""

    def __init__(self, connection: AsyncConnection, name: str = ACTING) -> None:
        self._db = connection
        self._name = name
        self._whose = {"whose": name}

    async def require(self, number: int) -> None:
        """Raises `NotActing` unless this number is the one that acts, until the transaction ends.

        SQLite has one writer at a time; on PostgreSQL the row is locked against whoever would take
        it over meanwhile.
        """
        ours = await self._db.execute(_ours(number, self._name))
        if ours.first() is None:
            raise NotActing("another process has taken over")

    async def keep_others_out(self) -> None:
        """Whatever asks for the fence waits until this transaction ends; the first thing in it, so that
        it sees what those did who went before. (LOCK takes no snapshot: PostgreSQL's manual, LOCK.)"""
        await self._db.execute(_KEEP_OUT)

    async def holder(self) -> Holder | None:
        """Whoever has it now; None before anybody ever had."""
        row = (await self._db.execute(_HOLDER, self._whose)).first()
        return Holder(*row) if row else None

    async def take(
        self, after: Holder | None, until: datetime, session: str = ""
    ) -> int | None:
        """The number that follows `after`; None if that one has renewed or ended meanwhile.

        `session`: what our sessions are called.
        """
        if after is None:
            values = {"name": self._name, "number": 1, "until": until, "session": session}
            first = await self._db.execute(_FIRST, values)
            return 1 if first.rowcount == 1 else None
        return (
            await self._db.execute(
                sa.update(fences)
                .where(_HERE, fences.c.number == after.number, fences.c.until == after.until)
                .values(number=fences.c.number + 1, until=until, session=session)
                .returning(fences.c.number),
                self._whose,
            )
        ).scalar_one_or_none()

    async def end_sessions(self, holder: Holder) -> None:
        """End what that process has under way, on PostgreSQL.

        One that stands still in the middle of a transaction holds locks that nobody gets past, and
        only the end of its session frees them.
        """
        if holder.session and self._db.dialect.name == "postgresql":
            await self._db.execute(_END_SESSIONS, {"theirs": holder.session})

    async def renew(self, number: int, until: datetime) -> bool:
        """Keep it until `until`. False if somebody else has taken it."""
        changed = await self._db.execute(
            sa.update(fences).where(_HERE, fences.c.number == number).values(until=until),
            self._whose,
        )
        return changed.rowcount == 1

    async def end_all(self) -> None:
        """Whoever acts may act no more, nor may any worker, and none need be waited for."""
        await self._db.execute(
            sa.update(fences).values(number=fences.c.number + 1, until=EPOCH)
        )

    async def end(self, number: int) -> None:
        """We act no more: nobody need wait."""
        await self.renew(number, EPOCH)

    # --- workers ---

    async def workers(self) -> dict[str, Holder]:
        """All of them by their names, those that ended too."""
        found = await self._db.execute(
            sa.select(fences.c.name, fences.c.number, fences.c.until, fences.c.session).where(_WORKERS)
        )
        return {name: Holder(*holder) for name, *holder in found}

    async def at_work(self) -> int:
        """How many processes may send: the one that acts, and the workers that have not ended."""
        working = sa.select(sa.func.count()).where(_WORKERS, fences.c.until != EPOCH)
        return 1 + (await self._db.execute(working)).scalar_one()

    async def end_worker(self, name: str, holder: Holder) -> None:
        """It may do nothing more, whatever it believes; what it has under way is ended."""
        await self.end_sessions(holder)
        await self._db.execute(
            sa.update(fences).where(_HERE).values(number=fences.c.number + 1, until=EPOCH),
            {"whose": name},
        )

    async def forget(self, name: str) -> None:
        """Nothing of an ended worker is left to be given back. Without its row it may do nothing."""
        await self._db.execute(sa.delete(fences).where(_HERE), {"whose": name})
