"""What must hold over all tables, asked of the tables themselves."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.arrival import LONG_WAIT
from bot.domain.checkin import OPEN
from bot.domain.checkin import State as Checkin
from bot.domain.incident import State as Incident
from bot.domain.lanes import Lane
from bot.domain.mass import GATHER
from bot.domain.trip import StageState
from storage.inbox import NEW
from storage.outbox import QUEUED, SENT, WAITING
from storage.tables import checkins, inbox, incidents, outbox, rotations, schedules, stages, timers

SLACK = timedelta(minutes=2)
"""How late anything may be before it counts as broken."""

ARRIVAL = timedelta(seconds=30)
"""How long the newest alarm of an incident may take to reach anybody."""

A_DAY = timedelta(days=1)

NOBODY_REACHED = "incident_nobody_reached"

LATENESS = frozenset(
    {"checkin_overdue_without_incident", "timer_late", "alarm_unsent", "event_unhandled"}
)
"""Invariants that only say that something is late, and that are made up for after a start."""


class Audit:
    """Counts of rows that break an invariant, by its name; see docs/en/operating.md."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def broken(self, now: datetime) -> dict[str, int]:
        """Each invariant that does not hold, with how many rows break it; empty if all is well."""
        counts = {
            name: (await self._db.execute(question)).scalar_one()
            for name, question in questions(now).items()
        }
        return {name: count for name, count in counts.items() if count}

    async def nobody_reached(self, now: datetime) -> bool:
        """Whether there is an incident of which nobody heard: what cannot wait for the next audit."""
        return bool((await self._db.execute(_unreached(now - ARRIVAL))).scalar_one())


def questions(now: datetime) -> dict[str, sa.Select[int]]:
    """How many rows break each invariant, by its name."""
    late = now - SLACK
    return {
        "checkin_overdue_without_incident": _overdue(late),
        "miss_without_incident": _unanswered_miss(now - A_DAY),
        "checkin_without_timer": _without_timer(
            checkins, "checkin", checkins.c.state.in_([*OPEN])
        ),
        "schedule_without_timer": _without_timer(schedules, "schedule", schedules.c.active),
        "stage_without_timer": _without_timer(
            stages, "stage", stages.c.state == StageState.AHEAD
        ),
        "incident_without_timer": _without_timer(
            incidents, "incident", incidents.c.state != Incident.RESOLVED
        ),
        "rotation_without_timer": _without_timer(rotations, "duty", rotations.c.ends_at.is_(None)),
        "timer_late": _count(timers).where(timers.c.due <= late),
        "alarm_unsent": _count(outbox).where(
            outbox.c.state.in_(WAITING),
            outbox.c.lane == int(Lane.ALARM),
            outbox.c.created_at <= late,
        ),
        "event_unhandled": _count(inbox).where(
            inbox.c.state == NEW, inbox.c.received_at <= late
        ),
        NOBODY_REACHED: _unreached(now - ARRIVAL),
    }


def _count(table: sa.Table) -> sa.Select[int]:
    return sa.select(sa.func.count()).select_from(table)


def _overdue(late: datetime) -> sa.Select[int]:
    return _count(checkins).where(checkins.c.state.in_([*OPEN]), checkins.c.miss_at <= late)


def _unanswered_miss(since: datetime) -> sa.Select[int]:
    about = sa.exists().where(
        incidents.c.subject_id == checkins.c.member_id,
        sa.or_(incidents.c.closed_at.is_(None), incidents.c.closed_at >= checkins.c.miss_at),
    )
    return _count(checkins).where(
        checkins.c.state.in_((Checkin.MISSED, Checkin.UNREACHABLE)),
        checkins.c.miss_at >= since,
        ~about,
    )


def _without_timer(table: sa.Table, kind: str, live: sa.ColumnElement[bool]) -> sa.Select[int]:
    timer = sa.exists().where(timers.c.kind == kind, timers.c.ref == table.c.id)
    return _count(table).where(live, ~timer)


def _unreached(since: datetime) -> sa.Select[int]:
    """Open incidents that nobody holds and of which the newest messages arrived nowhere.

    Those that wait for their first attempt are no sign of that; if they wait long, that is
    `alarm_unsent`.
    """
    alarms = _purpose("incident:", incidents.c.id, ":alarm")
    digests = _purpose("mass:", incidents.c.mass_id, ":digest")
    alone = incidents.c.mass_id.is_(None)
    return _count(incidents).where(
        incidents.c.state.in_((Incident.NOTIFYING, Incident.EXHAUSTED)),
        incidents.c.step > 0,
        sa.or_(
            sa.and_(alone, incidents.c.opened_at <= since),
            incidents.c.opened_at <= since - GATHER,
        ),
        ~_hopeful(alarms, since),
        sa.or_(alone, ~_hopeful(digests, since)),
    )


def _purpose(what: str, id: sa.Column[int], end: str) -> sa.ColumnElement[str]:
    return sa.literal(what) + sa.cast(id, sa.Text) + sa.literal(end)


def _hopeful(purpose: sa.ColumnElement[str], since: datetime) -> sa.ColumnElement[bool]:
    """Whether one of the newest messages of this purpose arrived, or has not had its time yet.

    The newest are those queued together last before `since`; what came after them counts too if it
    arrived, and as long as nothing came before.
    """
    row, other = outbox.alias(), outbox.alias()
    newest = (
        sa.select(sa.func.max(other.c.created_at))
        .where(other.c.purpose == purpose, other.c.created_at <= since)
        .correlate(incidents)  # of this incident, two levels up, and not of all
        .scalar_subquery()
    )
    # One whose chat wants quiet for long is not waiting for its turn.
    held = sa.type_coerce(row.c.not_before, sa.BigInteger) - sa.type_coerce(
        row.c.created_at, sa.BigInteger
    )
    untried = sa.and_(
        row.c.state == QUEUED,
        row.c.attempts == 0,
        held < LONG_WAIT // timedelta(microseconds=1),
    )
    return sa.exists().where(
        row.c.purpose == purpose,
        sa.or_(
            newest.is_(None),
            sa.and_(row.c.created_at >= newest, sa.or_(row.c.state == SENT, untried)),
        ),
    )
