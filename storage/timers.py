"""Stored due times: anything that must happen later is a row here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import timers


@dataclass(frozen=True, slots=True)
class Timer:
    """Handler `kind` is to be called for `ref` once `due` has come."""

    kind: str
    ref: int
    due: datetime
    attempts: int


class Timers:
    """One timer per kind and ref; setting it again moves it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def set(self, kind: str, ref: int, due: datetime | None) -> None:
        """Make or move; None takes it away."""
        here = (timers.c.kind == kind) & (timers.c.ref == ref)
        if due is None:
            await self._db.execute(sa.delete(timers).where(here))
            return
        changed = await self._db.execute(
            sa.update(timers).where(here).values(due=due, lease_until=None, attempts=0)
        )
        if not changed.rowcount:
            await self._db.execute(sa.insert(timers).values(kind=kind, ref=ref, due=due))

    async def claim(self, now: datetime, limit: int, lease: timedelta) -> list[Timer]:
        """Take the oldest due ones, so that nobody else does; a crash gives them back."""
        due = (
            sa.select(timers.c.kind, timers.c.ref)
            .where(
                timers.c.due <= now,
                sa.or_(timers.c.lease_until.is_(None), timers.c.lease_until <= now),
            )
            .order_by(timers.c.due)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        found = await self._db.execute(
            sa.update(timers)
            .where(sa.tuple_(timers.c.kind, timers.c.ref).in_(due))
            .values(lease_until=now + lease)
            .returning(timers.c.kind, timers.c.ref, timers.c.due, timers.c.attempts)
        )
        return sorted((Timer(*row) for row in found), key=lambda t: t.due)

    async def fire(self, timer: Timer) -> bool:
        """Take it away before it is carried out. False if it was moved since it was claimed."""
        gone = await self._db.execute(
            sa.delete(timers).where(
                timers.c.kind == timer.kind, timers.c.ref == timer.ref, timers.c.due == timer.due
            )
        )
        return gone.rowcount == 1

    async def retry(self, timer: Timer, at: datetime) -> None:
        """Carrying it out failed: again at `at`, however often it takes."""
        await self._db.execute(
            sa.update(timers)
            .where(timers.c.kind == timer.kind, timers.c.ref == timer.ref)
            .values(lease_until=at, attempts=timers.c.attempts + 1)
        )

    async def next_due(self) -> datetime | None:
        """When the earliest is due."""
        return (await self._db.execute(sa.select(sa.func.min(timers.c.due)))).scalar_one_or_none()
