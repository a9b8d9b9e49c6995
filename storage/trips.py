"""What members asked to be asked about, and for whom they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from bot.domain.trip import Purpose, Stage, StageState, Trip
from storage.rows import Query, Rows, param
from storage.tables import companions, members, stages, trips


class Standing(StrEnum):
    """What somebody on a collective's list says to it."""

    NAMED = "named"  # no member: a name that the person who answers knows
    ASKED = "asked"
    AGREED = "agreed"
    DECLINED = "declined"
    ANSWERS = "answers"  # put in charge, and not agreed yet
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Companion:
    """Somebody for whom another person answers. `name` is "" for a member."""

    id: int
    trip: int
    member: int | None
    name: str
    state: Standing


_TRIP = [
    trips.c[name]
    for name in (
        "id", "member_id", "purpose", "started_at", "title", "extensions", "extended", "others",
        "ended_at",
    )
]  # fmt: skip
_STAGE = [stages.c[name] for name in ("id", "trip_id", "due", "place", "state")]
_COMPANION = [companions.c[name] for name in ("id", "trip_id", "member_id", "name", "state")]


def _trip(row: sa.Row[Any], of: Sequence[Stage]) -> Trip:
    id, member, purpose, started_at, title, extensions, extended, others, ended_at = tuple(row)
    return Trip(
        id, member, Purpose(purpose), started_at, title, extensions, timedelta(seconds=extended),
        others, ended_at, tuple(of),
    )  # fmt: skip


def _stage(row: sa.Row[Any]) -> Stage:
    id, trip, due, place, state = tuple(row)
    return Stage(id, trip, due, place, StageState(state))


_ID = param("of")
_BY_ID = Query(sa.select(*_TRIP).where(trips.c.id == _ID))
_OPEN_OF = Query(
    sa.select(*_TRIP)
    .where(trips.c.member_id == _ID, trips.c.ended_at.is_(None))
    .order_by(trips.c.id)
)
_STAGES_OF = Query(sa.select(*_STAGE).where(stages.c.trip_id == _ID).order_by(stages.c.id))
_OF_STAGE = sa.select(stages.c.trip_id).where(stages.c.id == _ID)


class Trips:
    """Trips with their stages, and the people of a collective."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    async def add(
        self,
        member: int,
        purpose: Purpose,
        title: str,
        dues: Sequence[tuple[datetime, str]],
        now: datetime,
        *,
        others: int = 0,
    ) -> Trip:
        """A new one, with its stages in order: their times and places."""
        id = await self._rows.insert(
            trips,
            member_id=member,
            purpose=purpose,
            title=title,
            started_at=now,
            extensions=0,
            extended=0,
            others=others,
        )
        await self.add_stages(id, dues)
        found = await self.get(id)
        assert found is not None
        return found

    async def add_stages(self, trip: int, dues: Sequence[tuple[datetime, str]]) -> None:
        """Further stages."""
        await self._rows.insert_many(
            stages,
            [
                {"trip_id": trip, "due": due, "place": place, "state": StageState.AHEAD}
                for due, place in dues
            ],
        )

    async def save(self, trip: Trip) -> None:
        """Write it and its stages as they are now."""
        await self._rows.update(
            trips,
            trip.id,
            member_id=trip.member,
            extensions=trip.extensions,
            extended=int(trip.extended.total_seconds()),
            ended_at=trip.ended_at,
        )
        for stage in trip.stages:
            await self._rows.update(stages, stage.id, due=stage.due, state=stage.state)

    async def get(self, id: int) -> Trip | None:
        """By number, whether it is over or not."""
        row = await self._rows.one(_BY_ID, of=id)
        return None if row is None else _trip(row, await self._stages_of(id))

    async def of_stage(self, stage: int) -> Trip | None:
        """The one that a stage belongs to."""
        id = (await self._db.execute(_OF_STAGE, {"of": stage})).scalar_one_or_none()
        return None if id is None else await self.get(id)

    async def open_of(self, member: int, purpose: Purpose | None = None) -> list[Trip]:
        """A member's that are not over, the oldest first."""
        found = [
            _trip(row, await self._stages_of(row.id))
            for row in await self._rows.all(_OPEN_OF, of=member)
        ]
        return [trip for trip in found if purpose is None or trip.purpose is purpose]

    async def open_in(self, group: int) -> list[tuple[int, Purpose, datetime, datetime]]:
        """Of all that is not over in a group: whose, what for, since when, and its last time."""
        found = await self._db.execute(
            sa.select(
                trips.c.member_id, trips.c.purpose, trips.c.started_at, sa.func.max(stages.c.due)
            )
            .join(members, members.c.id == trips.c.member_id)
            .join(stages, stages.c.trip_id == trips.c.id)
            .where(members.c.group_id == group, trips.c.ended_at.is_(None))
            .group_by(trips.c.id, trips.c.member_id, trips.c.purpose, trips.c.started_at)
            .order_by(trips.c.id)
        )
        return [(member, Purpose(what), since, until) for member, what, since, until in found]

    async def _stages_of(self, trip: int) -> list[Stage]:
        return [_stage(row) for row in await self._rows.all(_STAGES_OF, of=trip)]

    # the people of a collective

    async def add_companion(
        self, trip: int, member: int | None, name: str, state: Standing
    ) -> None:
        """Somebody is on the list."""
        await self._rows.insert(
            companions, trip_id=trip, member_id=member, name=name, state=state
        )

    async def companions(self, trip: int) -> list[Companion]:
        """Everyone on the list, in the order in which they were written."""
        found = await self._rows.all(
            sa.select(*_COMPANION).where(companions.c.trip_id == trip).order_by(companions.c.id)
        )
        return [
            Companion(row.id, row.trip_id, row.member_id, row.name, Standing(row.state))
            for row in found
        ]

    async def set_companion(self, id: int, state: Standing) -> None:
        """What they say, or what is said of them."""
        await self._db.execute(
            sa.update(companions).where(companions.c.id == id).values(state=state)
        )

    async def accompanied(self, member: int) -> list[Trip]:
        """The open ones on whose list this member is."""
        found = await self._db.execute(
            sa.select(companions.c.trip_id)
            .join(trips, trips.c.id == companions.c.trip_id)
            .where(companions.c.member_id == member, trips.c.ended_at.is_(None))
            .order_by(companions.c.trip_id)
        )
        return [trip for id in found.scalars().all() if (trip := await self.get(id))]
