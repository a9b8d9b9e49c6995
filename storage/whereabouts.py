"""Where somebody said they are, and what will soon explain a silence.

Each row belongs to a member, and to the trip or the incident that it was said in: it goes with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from storage.rows import Rows
from storage.tables import whereabouts


class What(StrEnum):
    """What a row says."""

    BATTERY = "battery"
    SIGNAL = "signal"
    LOCATION = "location"  # shared from the phone's map
    TRIP = "trip"  # the stages as they were when an incident opened
    MISSING = "missing"  # who is missing, in the words of whoever answers for them


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that was said."""

    id: int
    at: datetime
    what: What
    content: Mapping[str, Any]


_NOTE = [whereabouts.c[name] for name in ("id", "at", "what", "content")]


class Whereabouts:
    """The rows of `whereabouts`."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    async def add(
        self,
        member: int,
        at: datetime,
        what: What,
        content: Mapping[str, Any],
        *,
        trip: int | None = None,
        incident: int | None = None,
    ) -> None:
        """Keep it."""
        await self._rows.insert(
            whereabouts, member_id=member, trip_id=trip, incident_id=incident, at=at, what=what,
            content=dict(content),
        )  # fmt: skip

    async def hint(self, member: int, what: What, at: datetime) -> None:
        """ "Low battery": the newest alone is kept."""
        await self._db.execute(
            sa.delete(whereabouts).where(
                whereabouts.c.member_id == member,
                whereabouts.c.what == what,
                whereabouts.c.incident_id.is_(None),
            )
        )
        await self.add(member, at, what, {})

    async def recent(self, member: int, since: datetime) -> list[Note]:
        """What a member said since then, in no incident yet, the oldest first."""
        return await self._all(
            whereabouts.c.member_id == member,
            whereabouts.c.incident_id.is_(None),
            whereabouts.c.at >= since,
        )

    async def of_incident(self, incident: int) -> list[Note]:
        """What belongs to an incident, the oldest first."""
        return await self._all(whereabouts.c.incident_id == incident)

    async def attach(self, notes: list[int], incident: int) -> None:
        """They explain an incident, and stay as long as it does."""
        for id in notes:
            await self._rows.update(whereabouts, id, incident_id=incident, trip_id=None)

    async def _all(self, *where: sa.ColumnElement[bool]) -> list[Note]:
        found = await self._rows.all(
            sa.select(*_NOTE).where(*where).order_by(whereabouts.c.at, whereabouts.c.id)
        )
        return [Note(row.id, row.at, What(row.what), row.content) for row in found]
