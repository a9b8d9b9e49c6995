"""Many misses at once: a blackout, an earthquake, an outage of ours. One event, one digest.

Each person's miss is an incident all the same, with its plan and its outcome; only the messages are
bundled, because a storm of alarms is read by nobody. People at high risk are never bundled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.incident import Incident, Kind, Notice, State

MANY = 6
"""Misses of one group within `WINDOW` that are an event and no longer single alarms."""

WINDOW = timedelta(minutes=10)

SOON = timedelta(minutes=1)
"""Check-ins that are about to be missed count too, so that the first of many is bundled as well."""

GATHER = timedelta(seconds=30)
"""How long a digest waits for more of the same."""

SPACING = timedelta(minutes=10)
"""The least time between two digests to the same person."""

JOINABLE = timedelta(minutes=30)
"""After how long without a further miss an event takes in no more."""


class Origin(StrEnum):
    """Why the misses came together."""

    MANY = "many"
    OUTAGE = "outage"  # the bot itself was away


@dataclass(frozen=True, slots=True)
class MassEvent:
    """One event of one group. `told` holds when each member last got a digest of it."""

    id: int
    group: int
    origin: Origin
    opened_at: datetime
    joined_at: datetime
    closed_at: datetime | None = None
    told: Mapping[int, datetime] = field(default_factory=dict)

    def takes_in(self, now: datetime) -> bool:
        """Whether a miss of this instant belongs to it."""
        return self.closed_at is None and now - self.joined_at <= JOINABLE


def is_many(recent: int, soon: int) -> bool:
    """Whether `recent` open incidents and `soon` further misses, this one included, are many."""
    return recent + soon >= MANY


def bundled(incident: Incident, notice: Notice) -> bool:
    """Whether a digest stands for this notice."""
    silent = incident.kind in (Kind.MISS, Kind.UNREACHABLE)
    return incident.mass is not None and silent and notice is not Notice.ASK_NEWS


def unclaimed(incidents: Iterable[Incident]) -> list[Incident]:
    """Those that nobody looks after: what a digest lists."""
    return [i for i in incidents if i.open and i.state is not State.CLAIMED and i.mass is not None]


def listed_for(cases: Iterable[Incident], reader: int) -> list[Incident]:
    """The cases that a digest may name to this reader: those that they were told of, and no other.

    Plans differ from member to member, for each is the one that the member agreed to; and nobody
    reads of their own silence, since their phone may be in other hands.
    """
    return [case for case in cases if reader in case.told and reader != case.subject]


def readers(event: MassEvent, cases: Iterable[Incident], now: datetime) -> frozenset[int]:
    """Who gets a digest now: everyone told of one of the cases, none more often than `SPACING`."""
    told = frozenset[int]().union(*(case.told - {case.subject} for case in cases))
    return frozenset(m for m in told if m not in event.told or now - event.told[m] >= SPACING)


def next_digest(event: MassEvent, cases: Iterable[Incident], now: datetime) -> datetime | None:
    """When somebody may get a digest next; None if nobody is left to tell."""
    told = frozenset[int]().union(*(case.told - {case.subject} for case in cases))
    dues = [event.told[m] + SPACING if m in event.told else now for m in told]
    return max(min(dues), now + GATHER) if dues else None
