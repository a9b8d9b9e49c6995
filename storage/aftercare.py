"""Who wants to be asked how they are in the days after an incident."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bot.domain.aftercare import State
from storage.rows import Rows
from storage.tables import aftercare


@dataclass(frozen=True, slots=True)
class Care:
    """One person after one incident. `asked` counts the questions so far; `ended_at` is the
    incident's end, from which the days are counted."""

    id: int
    incident: int
    member: int
    state: State
    asked: int
    ended_at: datetime


_COLUMNS = [
    aftercare.c[name] for name in ("id", "incident_id", "member_id", "state", "asked", "ended_at")
]


def _care(row: sa.Row[object]) -> Care:
    id, incident, member, state, asked, ended_at = tuple(row)
    return Care(id, incident, member, State(state), asked, ended_at)  # type: ignore[arg-type]


class Aftercare:
    """One row per incident whose person was asked."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def offer(self, incident: int, member: int, ended_at: datetime) -> Care | None:
        """A new one. None if the person was asked about this incident before."""
        known = sa.select(aftercare.c.id).where(aftercare.c.incident_id == incident)
        if (await self._rows.connection.execute(known)).first():
            return None
        id = await self._rows.insert(
            aftercare, incident_id=incident, member_id=member, state=State.OFFERED, asked=0,
            ended_at=ended_at,
        )  # fmt: skip
        return Care(id, incident, member, State.OFFERED, 0, ended_at)

    async def get(self, id: int) -> Care | None:
        """By number."""
        row = await self._rows.one(sa.select(*_COLUMNS).where(aftercare.c.id == id))
        return _care(row) if row else None

    async def save(self, care: Care) -> None:
        """Where it stands, and how many questions there were."""
        await self._rows.update(aftercare, care.id, state=care.state, asked=care.asked)

    async def of(self, member: int) -> list[Care]:
        """A member's, the newest first."""
        found = await self._rows.all(
            sa.select(*_COLUMNS)
            .where(aftercare.c.member_id == member)
            .order_by(aftercare.c.id.desc())
        )
        return [_care(row) for row in found]
