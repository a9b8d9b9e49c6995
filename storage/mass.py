"""Many misses that are one event."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.mass import MassEvent, Origin
from storage.tables import EPOCH, mass_events

_EVENT = [
    mass_events.c[name]
    for name in ("id", "group_id", "kind", "opened_at", "joined_at", "closed_at", "told")
]


def _event(row: sa.Row[Any]) -> MassEvent:
    id, group, kind, opened_at, joined_at, closed_at, told = tuple(row)
    times = {int(m): datetime.fromtimestamp(t, EPOCH.tzinfo) for m, t in told.items()}
    return MassEvent(id, group, Origin(kind), opened_at, joined_at, closed_at, times)


class MassEvents:
    """Events of groups; at most one of a group takes in misses."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def add(self, group: int, origin: Origin, now: datetime) -> MassEvent:
        """A new one."""
        row = await self._db.execute(
            sa.insert(mass_events)
            .values(group_id=group, kind=origin, opened_at=now, joined_at=now, told={})
            .returning(*_EVENT)
        )
        return _event(row.one())

    async def get(self, id: int) -> MassEvent | None:
        """By number."""
        row = (
            await self._db.execute(sa.select(*_EVENT).where(mass_events.c.id == id))
        ).one_or_none()
        return _event(row) if row else None

    async def open_in(self, group: int) -> MassEvent | None:
        """The newest one of a group that is not closed."""
        row = (
            await self._db.execute(
                sa.select(*_EVENT)
                .where(mass_events.c.group_id == group, mass_events.c.closed_at.is_(None))
                .order_by(mass_events.c.id.desc())
                .limit(1)
            )
        ).one_or_none()
        return _event(row) if row else None

    async def save(self, event: MassEvent) -> None:
        """Write it as it is now."""
        await self._db.execute(
            sa.update(mass_events)
            .where(mass_events.c.id == event.id)
            .values(
                joined_at=event.joined_at,
                closed_at=event.closed_at,
                told={str(m): at.timestamp() for m, at in event.told.items()},
            )
        )
