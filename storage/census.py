"""What waits, counted: for who operates the bot. No content, no names, no numbers of people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.incident import State as Incident
from bot.domain.lanes import Lane
from storage.facts import SHOWN
from storage.fence import ACTING
from storage.inbox import NEW, SET_ASIDE
from storage.outbox import FAILED, UNKNOWN, WAITING, WITHDRAWN
from storage.tables import EPOCH, facts, fences, inbox, incidents, outbox, timers

CANARY_SEEN = "canary.seen"
HEARTBEAT = "heartbeat"

_NOT_ARRIVED = sa.or_(
    outbox.c.state.in_(WAITING),
    sa.and_(
        outbox.c.state.in_((FAILED, UNKNOWN)),
        outbox.c.operation == "send",
        outbox.c.error != WITHDRAWN,
    ),
)
"""Messages that wait, and those that a person should know of."""


@dataclass(frozen=True, slots=True)
class Messages:
    """Rows of the outbox of one platform, lane and state."""

    platform: str
    lane: Lane
    state: str
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Census:
    """What there is at one instant, `at`.

    `events` are counted by state: those that wait and those that were set aside. `messages` are those
    that wait, and those that a person should look at. `late` are timers that are due. `until` is how
    long the process that acts has the right to, by its own clock; None if nobody ever did, or it said
    that it acts no more. `shown` is what the newest audit wrote down. `unclaimed` are open incidents
    that nobody holds.
    """

    at: datetime
    events: Mapping[str, int]
    messages: tuple[Messages, ...]
    late: int
    next_timer: datetime | None
    until: datetime | None
    workers: int
    heartbeat: datetime | None
    canary: datetime | None
    shown: Mapping[str, Any]
    open: int
    unclaimed: int

    def waiting(self, lane: Lane) -> int:
        """How many messages of a lane have not left."""
        return sum(m.count for m in self.messages if m.lane is lane and m.state in WAITING)

    def age(self, lane: Lane) -> timedelta:
        """For how long the oldest message of a lane has waited; nothing if none does."""
        since = [m.oldest for m in self.messages if m.lane is lane and m.state in WAITING]
        return max(timedelta(0), self.at - min(since, default=self.at))


async def census(connection: AsyncConnection, now: datetime) -> Census:
    """Count. Nothing sealed is looked at, so no key is needed."""
    rows = await connection.execute(
        sa.select(
            outbox.c.platform, outbox.c.lane, outbox.c.state, sa.func.count(),
            sa.func.min(outbox.c.created_at),
        )
        .where(_NOT_ARRIVED)
        .group_by(outbox.c.platform, outbox.c.lane, outbox.c.state)
        .order_by(outbox.c.lane, outbox.c.platform, outbox.c.state)
    )  # fmt: skip
    messages = tuple(Messages(p, Lane(lane), state, n, at) for p, lane, state, n, at in rows)
    events = await connection.execute(
        sa.select(inbox.c.state, sa.func.count())
        .where(inbox.c.state.in_((NEW, SET_ASIDE)))
        .group_by(inbox.c.state)
    )
    late = sa.select(sa.func.count()).select_from(timers).where(timers.c.due <= now)
    live = sa.select(sa.func.count()).select_from(incidents).where(incidents.c.state != Incident.RESOLVED)
    until, workers = await _processes(connection)
    return Census(
        at=now,
        events={NEW: 0, SET_ASIDE: 0, **{state: count for state, count in events}},
        messages=messages,
        late=(await connection.execute(late)).scalar_one(),
        next_timer=(await connection.execute(sa.select(sa.func.min(timers.c.due)))).scalar_one(),
        until=until,
        workers=workers,
        heartbeat=await _instant(connection, HEARTBEAT),
        canary=await _instant(connection, CANARY_SEEN),
        shown=json.loads(await _fact(connection, SHOWN) or b"{}"),
        open=(await connection.execute(live)).scalar_one(),
        unclaimed=(
            await connection.execute(live.where(incidents.c.holder_id.is_(None)))
        ).scalar_one(),
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """One message that has not arrived, without what it says and to whom it goes."""

    seq: int
    lane: Lane
    platform: str
    state: str
    operation: str
    created_at: datetime
    not_before: datetime
    attempts: int
    error: str


async def unsent(connection: AsyncConnection, limit: int) -> list[Shown]:
    """Messages that wait, failed, or of which nobody knows: urgent lanes first, the oldest first."""
    columns = (
        "seq", "lane", "platform", "state", "operation", "created_at", "not_before", "attempts", "error",
    )  # fmt: skip
    found = await connection.execute(
        sa.select(*(outbox.c[name] for name in columns))
        .where(_NOT_ARRIVED)
        .order_by(outbox.c.lane, outbox.c.seq)
        .limit(limit)
    )
    return [Shown(seq, Lane(lane), *rest) for seq, lane, *rest in found]


async def _processes(connection: AsyncConnection) -> tuple[datetime | None, int]:
    """Until when the one that acts may, and how many workers there are."""
    rows = await connection.execute(sa.select(fences.c.name, fences.c.until))
    ends = {name: until for name, until in rows if until != EPOCH}
    return ends.get(ACTING), sum(name != ACTING for name in ends)


async def _instant(connection: AsyncConnection, fact: str) -> datetime | None:
    value = await _fact(connection, fact)
    return None if value is None else datetime.fromisoformat(value.decode())


async def _fact(connection: AsyncConnection, name: str) -> bytes | None:
    found = await connection.execute(sa.select(facts.c.value).where(facts.c.name == name))
    value = found.scalar_one_or_none()
    return None if value is None else bytes(value)
