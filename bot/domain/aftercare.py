"""Care after an incident: who may be written to, and when.

A phone that was near an incident may still be in other hands. It is written to only when the person
is known to have it again: the incident ended well, they raised it themselves or have answered since,
and nothing of theirs is suspended. The days come from what those who accompany defenders do: the
first day, the third, a week later.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.domain.incident import Kind, Outcome

DAYS = (1, 3, 7)
"""Days after the end of an incident on which the person is asked how they are."""

QUIET = timedelta(hours=6)
"""How long nothing of this is said after an incident: it may be opened again, and people rest."""

MORNING, EVENING = time(9), time(21)
"""Between these wall times of the reader nobody is woken by a question that can wait."""

RAISED = frozenset({Kind.PANIC, Kind.HELP})
"""What a person opens themselves, and so knows of."""

SPOKEN_TO = frozenset({Outcome.SAFE, Outcome.CARE_NEEDED})
"""Ends after which the person is known to be where they can be written to."""

OF_SILENCE = frozenset({Kind.MISS, Kind.UNREACHABLE})

ANSWERED = "answered_late"
"""The line of a timeline that says that the person has written since."""


class State(StrEnum):
    """Where it stands with one person after one incident."""

    OFFERED = "offered"
    AGREED = "agreed"
    ENDED = "ended"  # refused, stopped, or over


def may_be_written_to(
    kind: Kind, outcome: Outcome | None, events: Iterable[tuple[str, int | None]], subject: int
) -> bool:
    """Whether the person's phone may be asked anything after this incident.

    `events`: the lines of its timeline with their actors. Whether an account is suspended is for the
    caller to look up.
    """
    if outcome not in SPOKEN_TO:
        return False
    if kind in RAISED:
        return True
    return kind in OF_SILENCE and any(
        actor == subject and event in (ANSWERED, "resolved") for event, actor in events
    )


def by_day(at: datetime, zone: str) -> datetime:
    """`at`, or the next morning of that zone if it is night there."""
    local = at.astimezone(ZoneInfo(zone))
    if MORNING <= local.time() < EVENING:
        return at
    day = local.date() + timedelta(days=1 if local.time() >= EVENING else 0)
    return datetime.combine(day, MORNING, ZoneInfo(zone)).astimezone(at.tzinfo)


def asked_by(ended_at: datetime, asked: int, now: datetime) -> int:
    """How many questions are behind us: those asked, or those whose day went by."""
    return max(asked, sum(ended_at + timedelta(days=day) <= now for day in DAYS))


def next_question(ended_at: datetime, asked: int, zone: str, now: datetime) -> datetime | None:
    """When the question after the first `asked` ones is due; None once all were asked.

    Never in the past: a question whose day went by while nothing ran is asked now, once.
    """
    if asked >= len(DAYS):
        return None
    return by_day(max(ended_at + timedelta(days=DAYS[asked]), now), zone)
