"""Rotations, what was changed in them, and what became of each turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.domain.duty import Change, Rotation, Rule, Turn
from bot.domain.schedule import ScheduleError
from storage.rows import Query, Rows, param
from storage.tables import (
    duty_changes,
    duty_turns,
    rotation_people,
    rotations,
)

SWAP, OVERRIDE = "swap", "override"
"""Kinds of changes."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A rotation with whose it is; `region` None is the whole group's. `waiting` have not accepted."""

    group: int
    region: int | None
    made_at: datetime
    rotation: Rotation
    waiting: frozenset[int]

    @property
    def id(self) -> int:
        """Its number."""
        return self.rotation.id

    @property
    def people(self) -> frozenset[int]:
        """Everyone who is in it, whether they accepted it or not."""
        order = (m for m in self.rotation.order if m is not None)
        return frozenset((*order, *self.rotation.substitutes))


_ROTATION = [
    rotations.c[name] for name in ("id", "group_id", "region_id", "rule", "ends_at", "made_at")
]
_OF_GROUP = Query(
    sa.select(*_ROTATION).where(rotations.c.group_id == param("of")).order_by(rotations.c.id)
)
_TURN = [
    duty_turns.c[name]
    for name in (
        "id", "rotation_id", "starts_at", "ends_at", "member_id", "asked", "declined",
        "confirmed_by", "reminded", "step_at", "nobody", "gap",
    )
]  # fmt: skip


def _rule(value: dict[str, Any]) -> Rule:
    """Where this machine does not know the zone any more, somebody is on duty all the same."""
    try:
        return Rule.from_json(value)
    except ScheduleError:
        return Rule.from_json({**value, "zone": "UTC"})


def _turn(row: sa.Row[Any]) -> Turn:
    id, rotation, start, end, member, asked, declined, *more = tuple(row)
    confirmed, reminded, step_at, nobody, gap = more
    return Turn(
        rotation, start, end, member, tuple(asked), frozenset(declined), confirmed, reminded,
        step_at, nobody, gap, id,
    )  # fmt: skip


class Duty:
    """Who is on duty when, over one connection."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    # rotations

    async def add(
        self, group: int, region: int | None, rule: Rule, order: Sequence[int | None],
        substitutes: Sequence[int], now: datetime,
    ) -> int:  # fmt: skip
        """A new one, which nobody in it has accepted yet."""
        id = await self._rows.insert(
            rotations, group_id=group, region_id=region, rule=rule.to_json(),
            starts_at=rule.begins(0), made_at=now,
        )  # fmt: skip
        places = [(m, place, False) for place, m in enumerate(order) if m is not None]
        places += [(m, place, True) for place, m in enumerate(substitutes)]
        await self._rows.insert_many(
            rotation_people,
            [
                {
                    "rotation_id": id, "member_id": member, "place": place,
                    "substitute": substitute, "accepted_at": None,
                }
                for member, place, substitute in places
            ],
        )  # fmt: skip
        return id

    async def of_group(self, group: int, now: datetime) -> list[Kept]:
        """Those that go on or are still to begin, the oldest first."""
        found = await self._rows.all(_OF_GROUP, of=group)
        return [await self._kept(r) for r in found if r.ends_at is None or r.ends_at > now]

    async def get(self, id: int) -> Kept | None:
        """By number, also one that ended."""
        row = await self._rows.one(sa.select(*_ROTATION).where(rotations.c.id == id))
        return await self._kept(row) if row else None

    async def going_on(self, now: datetime) -> list[int]:
        """The numbers of all groups' that have not ended."""
        found = await self._db.execute(
            sa.select(rotations.c.id).where(
                sa.or_(rotations.c.ends_at.is_(None), rotations.c.ends_at > now)
            )
        )
        return list(found.scalars())

    async def with_member(self, member: int, now: datetime) -> list[Kept]:
        """Those that somebody is in, by its order or by a change that is not over."""
        mine = sa.union(
            sa.select(rotation_people.c.rotation_id).where(rotation_people.c.member_id == member),
            sa.select(duty_changes.c.rotation_id).where(
                duty_changes.c.member_id == member, duty_changes.c.ends_at > now
            ),
        )
        found = await self._rows.all(
            sa.select(*_ROTATION).where(rotations.c.id.in_(mine)).order_by(rotations.c.id)
        )
        return [await self._kept(r) for r in found if r.ends_at is None or r.ends_at > now]

    async def _kept(self, row: sa.Row[Any]) -> Kept:
        rule = _rule(row.rule)
        people = (
            await self._db.execute(
                sa.select(
                    rotation_people.c.member_id, rotation_people.c.place,
                    rotation_people.c.substitute, rotation_people.c.accepted_at,
                )
                .where(rotation_people.c.rotation_id == row.id)
                .order_by(rotation_people.c.place)
            )
        ).all()  # fmt: skip
        order = {place: member for member, place, substitute, _ in people if not substitute}
        changes = await self._db.execute(
            sa.select(duty_changes.c.starts_at, duty_changes.c.ends_at, duty_changes.c.member_id)
            .where(duty_changes.c.rotation_id == row.id)
            .order_by(duty_changes.c.id)
        )
        rotation = Rotation(
            id=row.id,
            rule=rule,
            order=tuple(order.get(place) for place in range(rule.places)),
            substitutes=tuple(member for member, _, substitute, _ in people if substitute),
            accepted=frozenset(member for member, _, _, accepted in people if accepted),
            changes=tuple(Change(*change) for change in changes),
            ends_at=row.ends_at,
        )
        waiting = frozenset(member for member, _, _, accepted in people if accepted is None)
        return Kept(row.group_id, row.region_id, row.made_at, rotation, waiting)

    async def end(self, id: int, at: datetime) -> None:
        """It goes on until then; one that has not begun by then is gone."""
        await self._db.execute(
            sa.delete(rotations).where(rotations.c.id == id, rotations.c.starts_at >= at)
        )
        await self._db.execute(sa.update(rotations).where(rotations.c.id == id).values(ends_at=at))

    async def go_on(self, id: int) -> bool:
        """It has no end any more. False if nothing is left of it."""
        changed = await self._db.execute(
            sa.update(rotations).where(rotations.c.id == id).values(ends_at=None)
        )
        return changed.rowcount == 1

    async def accept(self, id: int, member: int, now: datetime) -> bool:
        """They take it on. False if they are not in it."""
        changed = await self._db.execute(
            sa.update(rotation_people)
            .where(rotation_people.c.rotation_id == id, rotation_people.c.member_id == member)
            .values(accepted_at=now)
        )
        return changed.rowcount == 1

    async def leave(self, member: int, rotation: int | None = None) -> None:
        """Their place is nobody's, in this rotation or in all, and so is what they took on from now."""
        for table in (rotation_people, duty_changes):
            here = sa.true() if rotation is None else table.c.rotation_id == rotation
            await self._db.execute(sa.delete(table).where(table.c.member_id == member, here))

    async def change(self, id: int, change: Change, kind: str, now: datetime) -> None:
        """Somebody else has it between two instants."""
        await self._rows.insert(
            duty_changes, rotation_id=id, member_id=change.member, starts_at=change.start,
            ends_at=change.end, kind=kind, made_at=now,
        )  # fmt: skip

    async def undo(self, id: int, member: int, start: datetime, kind: str) -> bool:
        """A change is as if it had never been. False if it is not there."""
        gone = await self._db.execute(
            sa.delete(duty_changes).where(
                duty_changes.c.rotation_id == id, duty_changes.c.member_id == member,
                duty_changes.c.starts_at == start, duty_changes.c.kind == kind,
            )
        )  # fmt: skip
        return gone.rowcount > 0

    # turns

    async def turn(self, rotation: int, start: datetime) -> Turn | None:
        """What became of the turn that begins then, if anything did."""
        row = await self._rows.one(
            sa.select(*_TURN).where(
                duty_turns.c.rotation_id == rotation, duty_turns.c.starts_at == start
            )
        )
        return _turn(row) if row else None

    async def turn_numbered(self, id: int) -> Turn | None:
        """By number."""
        row = await self._rows.one(sa.select(*_TURN).where(duty_turns.c.id == id))
        return _turn(row) if row else None

    async def save(self, turn: Turn) -> int:
        """Write it as it is now. Returns its number."""
        values = {
            "ends_at": turn.end, "member_id": turn.member, "asked": list(turn.asked),
            "declined": sorted(turn.declined), "confirmed_by": turn.confirmed,
            "reminded": turn.reminded, "step_at": turn.step_at, "nobody": turn.nobody,
            "gap": turn.gap,
        }  # fmt: skip
        if turn.id:
            await self._rows.update(duty_turns, turn.id, **values)
            return turn.id
        return await self._rows.insert(
            duty_turns, rotation_id=turn.rotation, starts_at=turn.start, **values
        )

    async def drop(self, turn: int) -> None:
        """There is no such turn any more."""
        await self._db.execute(sa.delete(duty_turns).where(duty_turns.c.id == turn))

    async def turns_of(self, rotation: int, now: datetime) -> list[Turn]:
        """Those that are not over."""
        found = await self._rows.all(
            sa.select(*_TURN)
            .where(duty_turns.c.rotation_id == rotation, duty_turns.c.ends_at > now)
            .order_by(duty_turns.c.starts_at)
        )
        return [_turn(row) for row in found]

    async def shift(self, by: timedelta) -> None:
        """The clock was changed by `by`: whoever was asked has as long as they had."""
        moved = int(by / timedelta(microseconds=1))
        await self._db.execute(
            sa.update(duty_turns)
            .where(duty_turns.c.step_at.is_not(None))
            .values(step_at=sa.cast(duty_turns.c.step_at, sa.BigInteger) + moved)
        )
