"""Schedules and the check-ins that they make."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.domain.checkin import OPEN, Checkin, State
from bot.domain.schedule import Schedule
from storage.rows import Query, Rows, among, of_many, param
from storage.tables import EPOCH, checkins, members, schedules


@dataclass(frozen=True, slots=True)
class StoredSchedule:
    """A member's schedule."""

    id: int
    member: int
    rule: Schedule
    paused_until: datetime | None


_SCHEDULE = [schedules.c[name] for name in ("id", "member_id", "rule", "paused_until")]
_CHECKIN = [
    checkins.c[name]
    for name in (
        "id", "member_id", "due", "miss_at", "reminders", "state", "delivered", "answered_at",
        "held", "stage_id",
    )
]  # fmt: skip


def _schedule(row: sa.Row[Any]) -> StoredSchedule:
    id, member, rule, paused_until = tuple(row)
    return StoredSchedule(id, member, Schedule.from_json(rule), paused_until)


def _checkin(row: sa.Row[Any]) -> Checkin:
    id, member, due, miss_at, reminders, state, delivered, answered_at, held, stage = tuple(row)
    return Checkin(
        id=id,
        member=member,
        due=due,
        miss_at=miss_at,
        reminders=tuple(datetime.fromtimestamp(t, EPOCH.tzinfo) for t in reminders),
        state=State(state),
        delivered=delivered,
        answered_at=answered_at,
        held=held,
        stage=stage,
    )


def _changing(checkin: Checkin) -> dict[str, Any]:
    """What changes in the course of it."""
    return {
        "miss_at": checkin.miss_at,
        "reminders": [r.timestamp() for r in checkin.reminders],
        "state": checkin.state,
        "delivered": checkin.delivered,
        "answered_at": checkin.answered_at,
        "held": checkin.held,
    }


# The statements of every turn, made once.
_ID = param("of")
_ACTIVE_BY_ID = Query(sa.select(*_SCHEDULE).where(schedules.c.id == _ID, schedules.c.active))
_BY_ID = sa.select(*_CHECKIN).where(checkins.c.id == _ID)
_OPEN_OF = (
    sa.select(*_CHECKIN)
    .where(checkins.c.member_id == _ID, among(checkins.c.state, OPEN))
    .order_by(checkins.c.id)
)
_OCCURRENCE = sa.select(checkins.c.id).where(
    checkins.c.schedule_id == _ID, checkins.c.due == param("at")
)
_OF_STAGE = sa.select(checkins.c.id).where(
    checkins.c.stage_id == _ID, checkins.c.due == param("at")
)
_NEW = sa.insert(checkins).returning(checkins.c.id)
_ACTIVE_OF_MANY = Query(sa.select(*_SCHEDULE).where(of_many(schedules.c.id), schedules.c.active))
_WITH_OPEN = Query(
    sa.select(checkins.c.member_id)
    .where(of_many(checkins.c.member_id), among(checkins.c.state, OPEN))
    .distinct()
)
_OCCURRENCES = Query(
    sa.select(checkins.c.schedule_id, checkins.c.due).where(
        of_many(checkins.c.schedule_id), checkins.c.due.between(param("low"), param("high"))
    )
)


class Checkins:
    """Who is asked when, and what came of it."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    async def add_schedule(self, member: int, rule: Schedule, now: datetime) -> int:
        """A new schedule, active."""
        return await self._rows.insert(
            schedules, member_id=member, rule=rule.to_json(), created_at=now
        )

    async def schedule(self, id: int) -> StoredSchedule | None:
        """By number, if it is active."""
        row = await self._rows.one(_ACTIVE_BY_ID, of=id)
        return _schedule(row) if row else None

    async def schedules_numbered(self, ids: Sequence[int]) -> dict[int, StoredSchedule]:
        """Those of these that are active, by number."""
        found = await self._rows.many(_ACTIVE_OF_MANY, ids)
        return {row.id: _schedule(row) for row in found}

    async def schedules_of(self, member: int) -> list[StoredSchedule]:
        """A member's active schedules."""
        found = await self._rows.all(
            sa.select(*_SCHEDULE)
            .where(schedules.c.member_id == member, schedules.c.active)
            .order_by(schedules.c.id)
        )
        return [_schedule(row) for row in found]

    async def all_schedules(self) -> list[StoredSchedule]:
        """Everyone's active schedules."""
        found = await self._rows.all(
            sa.select(*_SCHEDULE).where(schedules.c.active).order_by(schedules.c.id)
        )
        return [_schedule(row) for row in found]

    async def end_schedule(self, id: int) -> None:
        """It asks no more."""
        await self._db.execute(
            sa.update(schedules).where(schedules.c.id == id).values(active=False)
        )

    async def resume_schedule(self, id: int, member: int) -> Schedule | None:
        """It asks again. Returns its rule; None if it is not this member's, or was not ended."""
        row = await self._rows.one(
            sa.select(*_SCHEDULE).where(
                schedules.c.id == id, schedules.c.member_id == member, schedules.c.active.is_(False)
            )
        )
        if row is None:
            return None
        await self._db.execute(
            sa.update(schedules).where(schedules.c.id == id).values(active=True)
        )
        return _schedule(row).rule

    async def pause(self, id: int, until: datetime | None) -> None:
        """No questions until then; None ends the pause."""
        await self._db.execute(
            sa.update(schedules).where(schedules.c.id == id).values(paused_until=until)
        )

    async def new_id(
        self, member: int, schedule: int | None, due: datetime, stage: int | None = None
    ) -> int | None:
        """A row for the occurrence of a schedule or a stage, or None if there is one already."""
        occurrence, of = (_OCCURRENCE, schedule) if stage is None else (_OF_STAGE, stage)
        exists = await self._db.execute(occurrence, {"of": of, "at": due})
        if exists.first():
            return None
        row: dict[str, Any] = {
            "member_id": member,
            "schedule_id": schedule,
            "stage_id": stage,
            "due": due,
            "miss_at": due,
            "reminders": [],
            "state": State.DUE,
        }
        return (await self._db.execute(_NEW, row)).scalar_one()

    async def new_ids(self, occurrences: Sequence[tuple[int, datetime]]) -> list[int | None]:
        """Numbers for occurrences of schedules, to be written with `add`; None where there is a row
        already. No schedule may be there twice."""
        dues = [due for _, due in occurrences]
        refs = [schedule for schedule, _ in occurrences]
        found = await self._rows.many(_OCCURRENCES, refs, low=min(dues), high=max(dues))
        there = {(row.schedule_id, row.due) for row in found}
        new = [occurrence not in there for occurrence in occurrences]
        numbers = iter(await self._rows.numbers(checkins, sum(new)) if any(new) else ())
        return [next(numbers) if is_new else None for is_new in new]

    async def add(self, made: Sequence[tuple[Checkin, int]]) -> None:
        """Check-ins of schedules, under the numbers that they have."""
        rows = [
            {
                "member_id": checkin.member, "schedule_id": schedule, "stage_id": None,
                "due": checkin.due, **_changing(checkin),
            }
            for checkin, schedule in made
        ]  # fmt: skip
        if rows:
            await self._rows.insert_numbered(checkins, [c.id for c, _ in made], rows)

    async def save(self, checkin: Checkin) -> None:
        """Write it as it is now."""
        await self._rows.update(checkins, checkin.id, **_changing(checkin))

    async def get(self, id: int) -> Checkin | None:
        """By number."""
        row = (await self._db.execute(_BY_ID, {"of": id})).one_or_none()
        return _checkin(row) if row else None

    async def open_of(self, member: int) -> list[Checkin]:
        """Those that an answer still counts for, the oldest first."""
        found = await self._db.execute(_OPEN_OF, {"of": member})
        return [_checkin(row) for row in found]

    async def with_open(self, members: Sequence[int]) -> frozenset[int]:
        """Those of these members for whom an answer still counts."""
        found = await self._rows.many(_WITH_OPEN, members)
        return frozenset(row.member_id for row in found)

    async def open_of_stages(self, stages: Collection[int]) -> list[Checkin]:
        """The open ones of these stages."""
        found = await self._db.execute(
            sa.select(*_CHECKIN)
            .where(checkins.c.state.in_([*OPEN]), checkins.c.stage_id.in_(list(stages)))
            .order_by(checkins.c.id)
        )
        return [_checkin(row) for row in found]

    async def of_stage(self, stage: int) -> Checkin | None:
        """The newest of a stage, whatever became of it."""
        row = (
            await self._db.execute(
                sa.select(*_CHECKIN)
                .where(checkins.c.stage_id == stage)
                .order_by(checkins.c.id.desc())
                .limit(1)
            )
        ).one_or_none()
        return _checkin(row) if row else None

    async def overdue(self, now: datetime) -> list[Checkin]:
        """Open ones whose grace is over."""
        found = await self._db.execute(
            sa.select(*_CHECKIN)
            .where(checkins.c.state.in_([*OPEN]), checkins.c.miss_at <= now)
            .order_by(checkins.c.id)
        )
        return [_checkin(row) for row in found]

    async def open_in(self, group: int) -> list[Checkin]:
        """Open ones of a group's people, the oldest first."""
        found = await self._db.execute(
            sa.select(*_CHECKIN)
            .join(members, members.c.id == checkins.c.member_id)
            .where(checkins.c.state.in_([*OPEN]), members.c.group_id == group)
            .order_by(checkins.c.due, checkins.c.id)
        )
        return [_checkin(row) for row in found]

    async def paused_in(self, group: int, now: datetime) -> dict[int, datetime]:
        """The members of a group who are not asked now, and until when at the earliest."""
        found = await self._db.execute(
            sa.select(schedules.c.member_id, sa.func.min(schedules.c.paused_until))
            .join(members, members.c.id == schedules.c.member_id)
            .where(
                members.c.group_id == group, members.c.left_at.is_(None), schedules.c.active
            )
            .group_by(schedules.c.member_id)
            .having(
                # Not one of their schedules asks: the others of a person's go on.
                sa.func.count() == sa.func.count(schedules.c.paused_until),
                sa.func.min(schedules.c.paused_until) > now,
            )
        )
        return {member: until for member, until in found}

    async def soon_missed(self, group: int, until: datetime) -> int:
        """How many open ones of a group are missed by then unless somebody answers."""
        return (
            await self._db.execute(
                sa.select(sa.func.count())
                .select_from(checkins.join(members, members.c.id == checkins.c.member_id))
                .where(
                    checkins.c.state.in_([*OPEN]),
                    checkins.c.miss_at <= until,
                    members.c.group_id == group,
                )
            )
        ).scalar_one()

    async def shift(self, by: timedelta) -> None:
        """The clock was changed by `by`: who has ten minutes left to answer still has ten."""
        for checkin in await self._every_open():
            await self.save(
                replace(
                    checkin,
                    miss_at=checkin.miss_at + by,
                    reminders=tuple(at + by for at in checkin.reminders),
                )
            )

    async def _every_open(self) -> list[Checkin]:
        found = await self._db.execute(sa.select(*_CHECKIN).where(checkins.c.state.in_([*OPEN])))
        return [_checkin(row) for row in found]

    async def last_of(self, member: int, until: datetime | None = None) -> Checkin | None:
        """The newest, of those that were due by then, whatever became of it."""
        row = (
            await self._db.execute(
                sa.select(*_CHECKIN)
                .where(
                    checkins.c.member_id == member,
                    sa.true() if until is None else checkins.c.due <= until,
                )
                .order_by(checkins.c.id.desc())
                .limit(1)
            )
        ).one_or_none()
        return _checkin(row) if row else None
