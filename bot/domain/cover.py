"""What a plan covers, so that a change which takes cover away is known for what it is.

Cover is who hears of an incident that nobody takes, and how soon. It is lost where anybody who would
have been told is told later or not at all, where a role is (those who get it tomorrow count too),
where people are told again less often, or where a holder may be silent for longer.
"""

from __future__ import annotations

from datetime import timedelta

from bot.domain.incident import REPEATS_BEFORE_EXHAUSTED
from bot.domain.people import Roster
from bot.domain.plan import Plan, Who

Times = dict[int, timedelta]
"""When each member is told first, since the incident opened."""


def told(plan: Plan, roster: Roster, *, duty: bool = False) -> Times:
    """When each is told first if nobody takes it; those who never are, are not in it.

    As incidents run: an empty step brings the next at once, and the end of the plan everyone. `duty`:
    somebody whom nobody can name today is on duty, for whom the next step waits.
    """
    times: Times = {}
    at = plan.gap_before(0)
    for index, step in enumerate(plan.steps):
        people = step.resolve(roster, without=None)
        waits = bool(people) or (duty and step.on_duty)
        for member in people:
            times.setdefault(member, at)
        if index + 1 < len(plan.steps):
            at += plan.gap_before(index + 1) if waits else timedelta(0)
        elif waits:
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
    for duty in (False, True):  # at any hour: with somebody on duty, and with nobody
        earlier, later = told(before, roster, duty=duty), told(after, roster, duty=duty)
        if any(member not in later or later[member] > at for member, at in earlier.items()):
            return True
    then, now = _roles(before), _roles(after)
    if any(role not in now or now[role] > at for role, at in then.items()):
        return True
    return after.repeat > before.repeat or after.news > before.news
