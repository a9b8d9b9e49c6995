"""What would happen if somebody did not answer: an incident run ahead by the rules themselves.

Nobody takes it, and the people and their channels are as they are now. So it cannot say anything
else than what the plan will do: there is no second set of rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain import incident as rules
from bot.domain.conditions import situation
from bot.domain.incident import CAUSES, Incident, Kind, Leaves, Notice, State
from bot.domain.people import Roster
from bot.domain.plan import Plan

MOST = 5000
"""Turns of the clock; a plan has at most one a minute of its day, and repeats."""


class Why(StrEnum):
    """Why a step tells nobody."""

    CONDITIONS = "conditions"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Line:
    """What happens `after` the incident opened.

    `step` from 1; 0 is the end of the plan, which tells everyone, again and again. `told` who gets
    it, `reached` those of them who have a channel that works; `skipped` why nobody does.
    """

    after: timedelta
    step: int
    told: frozenset[int] = frozenset()
    reached: frozenset[int] = frozenset()
    skipped: Why | None = None


def forecast(
    plan: Plan, roster: Roster, subject: int, kind: Kind, at: datetime, reachable: frozenset[int]
) -> tuple[Line, ...]:
    """Line by line, in order; the last one is the end of the plan."""
    incident = Incident(0, 0, 0, subject, kind, at, plan)
    lines: list[Line] = []
    now = at
    moved, leaves = rules.opened(incident, roster, now)
    for _ in range(MOST):
        lines += _lines(incident, moved, leaves, roster, now, reachable)
        incident = moved
        if incident.state is State.EXHAUSTED:
            break
        moved, leaves = rules.dead_channel(incident, incident.told & reachable, roster, now)
        if moved == incident and incident.next_at is not None:
            now = max(now, incident.next_at)
            moved, leaves = rules.advance(incident, roster, now)
    return tuple(lines)


def _lines(
    before: Incident, after: Incident, leaves: tuple[Leaves, ...], roster: Roster, now: datetime,
    reachable: frozenset[int],
) -> list[Line]:  # fmt: skip
    since = now - before.opened_at
    told = {leaving.step: leaving.to for leaving in leaves if leaving.notice is Notice.ALARM}
    about = situation(roster, before.subject, CAUSES.get(before.kind), now)
    lines = []
    for number in range(before.step + 1, after.step + 1):
        if number in told:
            lines.append(Line(since, number, told[number], told[number] & reachable))
            continue
        holds = before.plan.steps[number - 1].only.hold(about)
        lines.append(Line(since, number, skipped=Why.NOBODY if holds else Why.CONDITIONS))
    for leaving in leaves:
        if leaving.notice is Notice.EXHAUSTED:
            lines.append(Line(since, 0, leaving.to, leaving.to & reachable))
    return lines
