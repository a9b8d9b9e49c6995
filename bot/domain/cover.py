"""What a plan covers, so that a change which takes cover away is known for what it is.

Cover is who hears of an incident that nobody takes, and how soon. It is lost where anybody who would
have been told is told later or not at all, where a role is (those who get it tomorrow count too),
where people are told again less often, or where a holder may be silent for longer.

Whom a group can count on is another question: only who confirmed that they can be reached, and has an
account that works (`counted`). Nobody is told less for that.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from enum import IntEnum

from bot.domain.incident import REPEATS_BEFORE_EXHAUSTED
from bot.domain.people import Roster
from bot.domain.plan import Plan, Who

Times = dict[int, timedelta]
"""When each member is told first, since the incident opened."""


def told(plan: Plan, roster: Roster) -> Times:
    """When each is told first if nobody takes it; those who never are, are not in it.

    As incidents run: an empty step brings the next at once, and the end of the plan everyone.
    """
    times: Times = {}
    at = plan.gap_before(0)
    for index, step in enumerate(plan.steps):
        people = step.resolve(roster, without=None)
        for member in people:
            times.setdefault(member, at)
        if index + 1 < len(plan.steps):
            at += plan.gap_before(index + 1) if people else timedelta(0)
        elif people:
            at += plan.repeat * (REPEATS_BEFORE_EXHAUSTED + 1)
    for member in roster.everyone:
        times.setdefault(member, at)
    return times


def _roles(plan: Plan) -> dict[Who, timedelta]:
    """When each role is told first, whoever has it then."""
    times: dict[Who, timedelta] = {}
    for step in plan.steps:
        for recipient in step.recipients:
            if recipient.who is not Who.MEMBER:
                times.setdefault(recipient.who, step.after)
    return times


def loses(before: Plan, after: Plan, roster: Roster) -> bool:
    """Whether `after` covers less than `before` with these people."""
    earlier, later = told(before, roster), told(after, roster)
    if any(member not in later or later[member] > at for member, at in earlier.items()):
        return True
    then, now = _roles(before), _roles(after)
    if any(role not in now or now[role] > at for role, at in then.items()):
        return True
    return after.repeat > before.repeat or after.news > before.news


# --- whom one can count on ----------------------------------------------------------------------


class Level(IntEnum):
    """How many people a group can count on."""

    NOBODY = 0
    ONE = 1
    ENOUGH = 2  # or more: one may be asleep


def counted(roster: Roster, confirmed: Collection[int], reached: Collection[int]) -> frozenset[int]:
    """Of the circle and those who coordinate, who confirmed and has an account that works."""
    return roster.everyone & frozenset(confirmed) & frozenset(reached)


def level(people: Collection[int]) -> Level:
    """What so many people are worth as cover."""
    return Level(min(len(people), Level.ENOUGH))


def uncovered(plan: Plan, roster: Roster, people: Collection[int]) -> tuple[int, ...]:
    """The numbers of the steps, from 1, that tell nobody whom one can count on."""
    return tuple(
        number
        for number, step in enumerate(plan.steps, 1)
        if step.resolve(roster, without=None).isdisjoint(people)
    )
