"""What a plan covers, so that a change which takes cover away is known for what it is.

Cover is who hears of an incident that nobody takes, and how soon. It is lost where anybody who would
have been told is told later or not at all, where a role is (those who get it tomorrow count too),
where people are told again less often, or where a holder may be silent for longer. A plan with
conditions is several plans: cover is lost if it is at any hour, for any cause, at any risk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import product
from typing import Any

from bot.domain.conditions import DAY, Cause, Hours, Situation
from bot.domain.incident import REPEATS_BEFORE_EXHAUSTED
from bot.domain.people import Risk, Roster
from bot.domain.plan import Plan, Who

Times = dict[int, timedelta]
"""When each member is told first, since the incident opened."""

NOTHING = timedelta(0)


@dataclass(slots=True)
class _Run:
    """A plan in one situation. `same`: for how long one that begins later runs alike."""

    times: Times = field(default_factory=dict)
    roles: dict[Who, timedelta] = field(default_factory=dict)
    repeats: list[tuple[timedelta, timedelta]] = field(default_factory=list)
    same: timedelta = DAY

    def looked(self, hours: Hours | None, now: Situation) -> None:
        """The clock was asked."""
        if hours is not None and now.wall is not None:
            self.same = min(self.same, hours.stay(now.wall))


def _run(plan: Plan, roster: Roster, start: Situation) -> _Run:
    """As incidents run: an empty step brings the next at once, and the end of the plan everyone."""
    run = _Run()
    at = plan.gap_before(0)
    for number, step in enumerate(plan.steps, 1):
        now = start.later(at)
        told = []
        for one in plan.together(number):
            run.looked(one.only.hours, now)
            told.append(one.tells(roster, now, without=None))
        for member in told[-1]:
            run.times.setdefault(member, at)
        if number < len(plan.steps):
            at += plan.gap_before(number) if any(told) else NOTHING
        elif any(told):
            at += plan.repeat_after(number) * (REPEATS_BEFORE_EXHAUSTED + 1)
        # What roles and repeats are by the plan alone, whoever has which role today.
        nominal = start.later(step.after)
        for one in plan.together(number):
            run.looked(one.only.hours, nominal)
        if any(one.only.hold(nominal) for one in plan.together(number)):
            run.repeats.append((step.after, plan.repeat_after(number)))
        if step.only.hold(nominal):
            for recipient in step.recipients:
                if recipient.who is not Who.MEMBER:
                    run.roles.setdefault(recipient.who, step.after)
    for member in roster.everyone:
        run.times.setdefault(member, at)
    return run


def told(plan: Plan, roster: Roster, start: Situation | None = None) -> Times:
    """When each is told first if nobody takes it; those who never are, are not in it.

    `start` is what is so when the incident opens; what it does not say holds.
    """
    return _run(plan, roster, start or Situation()).times


def _situations(*plans: Plan) -> Iterator[Situation]:
    """What these plans tell apart, but for the hour; one more of each for all the rest."""
    only = [step.only for plan in plans for step in plan.steps]
    causes = list(Cause) if any(o.causes for o in only) else [None]
    risks = list(Risk) if any(o.risks for o in only) else [None]
    clock = NOTHING if any(o.hours for o in only) else None
    for cause, risk in product(causes, risks):
        yield Situation(clock, cause, risk)


def _every(*plans: Plan, roster: Roster) -> Iterator[tuple[_Run, ...]]:
    """The runs of these plans side by side, in every situation that any of them tells apart.

    Through the day from one change to the next: in between, each runs alike.
    """
    for start in _situations(*plans):
        at = NOTHING
        while at < DAY:
            runs = tuple(_run(plan, roster, start.later(at)) for plan in plans)
            yield runs
            at += min(run.same for run in runs) if start.wall is not None else DAY


def latest(plan: Plan, roster: Roster) -> Times:
    """When each is told at the latest, in whatever situation; who is not always told, is not in it."""
    runs = [run.times for (run,) in _every(plan, roster=roster)]
    always = set(runs[0]).intersection(*runs[1:])
    return {member: max(times[member] for times in runs) for member in always}


def loses(before: Plan, after: Plan, roster: Roster) -> bool:
    """Whether `after` covers less than `before` with these people."""
    if after.news > before.news:
        return True
    return any(
        _less(earlier.times, later.times)
        or _less(earlier.roles, later.roles)
        or _rarer(earlier, later, before, after)
        for earlier, later in _every(before, after, roster=roster)
    )


def _less(earlier: Mapping[Any, timedelta], later: Mapping[Any, timedelta]) -> bool:
    return any(who not in later or later[who] > at for who, at in earlier.items())


def _rarer(earlier: _Run, later: _Run, before: Plan, after: Plan) -> bool:
    """Whether at any moment of the plans people are told again less often."""
    moments = {NOTHING, *(at for run in (earlier, later) for at, _ in run.repeats)}
    return any(
        _repeat_at(later, after, moment) > _repeat_at(earlier, before, moment)
        for moment in moments
    )


def _repeat_at(run: _Run, plan: Plan, moment: timedelta) -> timedelta:
    return next((repeat for at, repeat in reversed(run.repeats) if at <= moment), plan.repeat)
