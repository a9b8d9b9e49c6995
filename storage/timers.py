"""Stored due times: anything that must happen later is a row here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.fence import ACTING, owned
from storage.rows import of_many, param, some
from storage.tables import timers


@dataclass(frozen=True, slots=True)
class Timer:
    """Handler `kind` is to be called for `ref` once `due` has come."""

    kind: str
    ref: int
    due: datetime
    attempts: int


_KIND, _REF = param("what"), param("which")
_HERE = (timers.c.kind == _KIND) & (timers.c.ref == _REF)
_TAKE_AWAY = sa.delete(timers).where(_HERE)
_DUE_OF_MANY = sa.select(timers.c.ref, timers.c.due).where(timers.c.kind == _KIND, of_many(timers.c.ref))
_NEW = {"kind": _KIND, "ref": _REF, "due": param("at"), "lease_until": None, "attempts": 0}
_MOVED = ("due", "lease_until", "attempts")


def _set(insert: Any) -> Any:
    made = insert(timers).values(_NEW)
    return made.on_conflict_do_update(
        index_elements=[timers.c.kind, timers.c.ref],
        set_={name: made.excluded[name] for name in _MOVED},
    )


_SET = {"sqlite": _set(sqlite.insert), "postgresql": _set(postgresql.insert)}
_NEXT_DUE = sa.select(sa.func.min(timers.c.due))
_IS_DUE = sa.and_(
    timers.c.due <= sa.bindparam("now", type_=timers.c.due.type),
    sa.or_(
        timers.c.lease_until.is_(None),
        timers.c.lease_until <= sa.bindparam("now", type_=timers.c.due.type),
    ),
)
_WAITING = sa.select(timers.c.ref).where(_IS_DUE).limit(1)


@lru_cache(8)
def _claim(acting: sa.ColumnElement[bool]) -> Any:
    due = (
        sa.select(timers.c.kind, timers.c.ref)
        .where(_IS_DUE, acting)
        .order_by(timers.c.due)
        .limit(sa.bindparam("most", type_=sa.Integer))
        .with_for_update(skip_locked=True)
    )
    return (
        sa.update(timers)
        .where(sa.tuple_(timers.c.kind, timers.c.ref).in_(due))
        .values(lease_until=param("until"), owner=param("who"))
        .returning(timers.c.kind, timers.c.ref, timers.c.due, timers.c.attempts)
    )


@lru_cache(8)
def _fire(acting: sa.ColumnElement[bool]) -> sa.Delete:
    return sa.delete(timers).where(_HERE, timers.c.due == param("at"), acting)


class Timers:
    """One timer per kind and ref; setting it again moves it.

    Args:
        owner: The name under which this process claims (`storage.fence`).
    """

    def __init__(
        self, connection: AsyncConnection, acting: sa.ColumnElement[bool], owner: str = ACTING
    ) -> None:
        self._db = connection
        self._acting = acting
        self._owner = owner

    async def set(self, kind: str, ref: int, due: datetime | None) -> None:
        """Make or move; None takes it away."""
        if due is None:
            await self._db.execute(_TAKE_AWAY, {"what": kind, "which": ref})
            return
        timer = {"what": kind, "which": ref, "at": due}
        await self._db.execute(_SET[self._db.dialect.name], timer)

    async def set_all(self, timers: Sequence[tuple[str, int, datetime]]) -> None:
        """Make or move many: kind, ref and due of each."""
        if timers:
            values = [{"what": kind, "which": ref, "at": due} for kind, ref, due in timers]
            await self._db.execute(_SET[self._db.dialect.name], values)

    async def claim(self, now: datetime, limit: int, lease: timedelta) -> list[Timer]:
        """Take the oldest due ones, so that nobody else does; a crash gives them back."""
        found = await self._db.execute(
            _claim(self._acting),
            {"now": now, "most": limit, "until": now + lease, "who": self._owner},
        )
        return sorted((Timer(*row) for row in found), key=lambda t: t.due)

    async def free(self, owner: str = "") -> None:
        """What was claimed under a name, our own if none is given, is free again: whoever had it
        carries it out no more."""
        await self._db.execute(
            sa.update(timers)
            .where(timers.c.lease_until.is_not(None), owned(timers.c.owner, owner or self._owner))
            .values(lease_until=None)
        )

    async def fire(self, timer: Timer) -> bool:
        """Take it away before it is carried out. False if it was moved since it was claimed."""
        gone = await self._db.execute(
            _fire(self._acting), {"what": timer.kind, "which": timer.ref, "at": timer.due}
        )
        return gone.rowcount == 1

    async def fire_all(self, claimed: Sequence[Timer]) -> list[Timer]:
        """The same for several of one kind. Returns those that were not moved, in their order.

        Raises `RuntimeError` if some are gone that cannot be named: then nothing of it may be committed.
        """
        if len(claimed) == 1 or self._db.dialect.name != "sqlite":
            return [timer for timer in claimed if await self.fire(timer)]
        (kind,) = {timer.kind for timer in claimed}
        there: set[tuple[int, datetime]] = set()
        for part in some([timer.ref for timer in claimed]):
            found = await self._db.execute(_DUE_OF_MANY, {"what": kind, **part})
            there.update((ref, due) for ref, due in found)
        same = [timer for timer in claimed if (timer.ref, timer.due) in there]
        if not same:
            return []
        values = [{"what": kind, "which": timer.ref, "at": timer.due} for timer in same]
        gone = await self._db.execute(_fire(self._acting), values if len(values) > 1 else values[0])
        if gone.rowcount == 0:
            return []  # this process acts no more
        if gone.rowcount != len(same):
            # To go on would be to lose those that were taken away: each is carried out alone instead.
            raise RuntimeError(f"{gone.rowcount} of {len(same)} timers were taken away")
        return same

    async def retry(self, timer: Timer, at: datetime) -> None:
        """Carrying it out failed: again at `at`, however often it takes."""
        await self._db.execute(
            sa.update(timers)
            .where(timers.c.kind == timer.kind, timers.c.ref == timer.ref)
            .values(lease_until=at, attempts=timers.c.attempts + 1)
        )

    async def when(self, kind: str, ref: int) -> datetime | None:
        """When it is due; None if it is not set."""
        return (
            await self._db.execute(
                sa.select(timers.c.due).where(timers.c.kind == kind, timers.c.ref == ref)
            )
        ).scalar_one_or_none()

    async def due_of(self, kind: str, until: datetime) -> dict[int, datetime]:
        """The refs of the timers of a kind that are due by then, and when."""
        found = await self._db.execute(
            sa.select(timers.c.ref, timers.c.due).where(
                timers.c.kind == kind, timers.c.due <= until
            )
        )
        return {ref: due for ref, due in found}

    async def shift(self, by: timedelta, *, without: Collection[str]) -> None:
        """The clock was changed by `by`: countdowns go on as they were; `without` is wall time."""
        moved = int(by / timedelta(microseconds=1))
        await self._db.execute(
            sa.update(timers)
            .where(timers.c.kind.not_in(list(without)))
            .values(due=sa.cast(timers.c.due, sa.BigInteger) + moved, lease_until=None)
        )

    async def waiting(self, now: datetime) -> bool:
        """Whether there is one that is due and that nobody carries out just now."""
        found = await self._db.execute(_WAITING, {"now": now})
        return found.first() is not None

    async def next_due(self) -> datetime | None:
        """When the earliest is due."""
        return (await self._db.execute(_NEXT_DUE)).scalar_one_or_none()
