"""Drills, who was told in them, and when the next one comes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.domain.drill import NOBODY, Drill, End, Person, Scope, Window
from bot.domain.incident import Incident, Kind, State
from bot.domain.plan import Plan
from storage.rows import Rows
from storage.tables import drill_people, drills, groups

_DRILL = [
    drills.c[name]
    for name in (
        "id", "group_id", "number", "scope", "first", "by", "opened_at", "ends_at", "plan", "state",
        "step", "step_at", "repeats", "repeat_at", "holder", "told", "taken_at", "closed_at", "end",
    )
]  # fmt: skip
_PERSON = [
    drill_people.c[name] for name in ("member_id", "step", "told_at", "reached_at", "answered_at")
]


def _drill(row: Any) -> Drill:
    run = Incident(
        id=row.id,
        number=row.number,
        group=row.group_id,
        subject=NOBODY,
        kind=Kind.PANIC,
        opened_at=row.opened_at,
        plan=Plan.from_json(row.plan),
        state=State(row.state),
        step=row.step,
        step_at=row.step_at,
        repeats=row.repeats,
        repeat_at=row.repeat_at,
        holder=row.holder,
        told=frozenset(row.told),
    )
    return Drill(
        run, Scope(row.scope), row.first, row.by, row.ends_at, row.taken_at, row.closed_at,
        End(row.end) if row.end else None,
    )  # fmt: skip


def _values(drill: Drill) -> dict[str, Any]:
    run = drill.run
    return {
        "group_id": run.group,
        "number": run.number,
        "scope": drill.scope,
        "first": drill.first,
        "by": drill.by,
        "opened_at": run.opened_at,
        "ends_at": drill.ends_at,
        "plan": run.plan.to_json(),
        "state": run.state,
        "step": run.step,
        "step_at": run.step_at,
        "repeats": run.repeats,
        "repeat_at": run.repeat_at,
        "holder": run.holder,
        "told": sorted(run.told),
        "taken_at": drill.taken_at,
        "closed_at": drill.closed_at,
        "end": drill.end,
    }


class Drills:
    """What was practised."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    async def add(self, drill: Drill) -> Drill:
        """A new one, with the number of its row."""
        id = await self._rows.insert(drills, **_values(drill))
        return replace(drill, run=replace(drill.run, id=id))

    async def save(self, drill: Drill) -> None:
        """Write it as it is now."""
        await self._rows.update(drills, drill.id, **_values(drill))

    async def get(self, id: int) -> Drill | None:
        """By row."""
        return await self._one(drills.c.id == id)

    async def numbered(self, group: int, number: int) -> Drill | None:
        """By what people say."""
        return await self._one((drills.c.group_id == group) & (drills.c.number == number))

    async def open_in(self, group: int) -> Drill | None:
        """The one of a group that goes on."""
        return await self._one((drills.c.group_id == group) & drills.c.closed_at.is_(None))

    async def last_of(self, group: int) -> Drill | None:
        """The newest one of a group that is over."""
        return await self._one((drills.c.group_id == group) & drills.c.closed_at.is_not(None))

    async def _one(self, where: sa.ColumnElement[bool]) -> Drill | None:
        newest = sa.select(*_DRILL).where(where).order_by(drills.c.id.desc()).limit(1)
        row = await self._rows.one(newest)
        return _drill(row) if row else None

    async def since(self, group: int, at: datetime) -> int:
        """How many of a group began at or after that instant."""
        begun = (drills.c.group_id == group) & (drills.c.opened_at >= at)
        count = sa.select(sa.func.count()).select_from(drills).where(begun)
        return (await self._db.execute(count)).scalar_one()

    async def shift(self, by: timedelta) -> None:
        """The clock was changed by `by`: countdowns go on as they were."""
        for row in await self._rows.all(sa.select(*_DRILL).where(drills.c.closed_at.is_(None))):
            drill = _drill(row)
            run = replace(
                drill.run,
                step_at=drill.run.step_at and drill.run.step_at + by,
                repeat_at=drill.run.repeat_at and drill.run.repeat_at + by,
            )
            await self.save(
                replace(
                    drill,
                    run=run,
                    ends_at=drill.ends_at + by,
                    taken_at=drill.taken_at and drill.taken_at + by,
                )
            )

    # who was told

    async def told(self, drill: int, members: Collection[int], step: int, now: datetime) -> None:
        """They are told, for the first time as far as nobody told them before."""
        known = {person.member for person in await self.people(drill)}
        await self._rows.insert_many(
            drill_people,
            [
                {"drill_id": drill, "member_id": member, "step": step, "told_at": now}
                for member in sorted(members)
                if member not in known
            ],
        )

    async def people(self, drill: int) -> list[Person]:
        """Everyone who was told, the first first."""
        found = await self._rows.all(
            sa.select(*_PERSON)
            .where(drill_people.c.drill_id == drill)
            .order_by(drill_people.c.told_at, drill_people.c.id)
        )
        return [Person(*row) for row in found]

    async def to_report(self, drill: int, limit: int) -> list[int]:
        """Some who were told and have not had their report; from now on they have."""
        some = (
            sa.select(drill_people.c.id)
            .where(drill_people.c.drill_id == drill, ~drill_people.c.reported)
            .order_by(drill_people.c.id)
            .limit(limit)
        )
        found = await self._db.execute(
            sa.update(drill_people)
            .where(drill_people.c.id.in_(some))
            .values(reported=True)
            .returning(drill_people.c.member_id)
        )
        return sorted(found.scalars())

    async def reached(self, drill: int, member: int, now: datetime) -> None:
        """A platform took what was to be told to them; the first time counts."""
        await self._first(drill, member, drill_people.c.reached_at, now)

    async def answered(self, drill: int, member: int, now: datetime) -> bool:
        """They pressed something. Returns whether it was for the first time.

        Whoever answers was reached, whatever a platform said of its own messages.
        """
        await self._first(drill, member, drill_people.c.reached_at, now)
        return await self._first(drill, member, drill_people.c.answered_at, now)

    async def _first(
        self, drill: int, member: int, column: sa.Column[Any], now: datetime
    ) -> bool:
        changed = await self._db.execute(
            sa.update(drill_people)
            .where(
                drill_people.c.drill_id == drill,
                drill_people.c.member_id == member,
                column.is_(None),
            )
            .values({column.name: now})
        )
        return changed.rowcount == 1

    # by schedule

    async def window(self, group: int) -> Window | None:
        """Between which hours the monthly drill of a group comes; None if it has none."""
        row = await self._rows.one(
            sa.select(groups.c.id, groups.c.drill_window).where(groups.c.id == group)
        )
        return Window.from_json(row.drill_window) if row and row.drill_window else None

    async def set_window(self, group: int, window: Window | None) -> None:
        """From now on; None: no more."""
        kept = window.to_json() if window else None
        await self._rows.update(groups, group, drill_window=kept)
