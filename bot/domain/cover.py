"""What a plan covers, so that a change which takes cover away is known for what it is.

Cover is who hears of an incident that nobody takes, and how soon. It is lost where anybody who would
have been told is told later or not at all, where a role is (those who get it tomorrow count too),
where people are told again less often, or where a holder may be silent for longer. A plan with
conditions is several plans: cover is lost if it is at any hour, for any cause, at any risk; and so is
one that tells who is on duty, with somebody on duty and with nobody.

Whom a group can count on is another question: only who confirmed that they can be reached, and has an
account that works (`counted`). Nobody is told less for that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from itertools import product
from typing import Any

from bot.domain.conditions import DAY, Cause, Conditions, Situation
from bot.domain.incident import REPEATS_BEFORE_EXHAUSTED
from bot.domain.people import Risk, Roster
from bot.domain.plan import Plan, Recipient, Who

Times = dict[int, timedelta]
"""When each member is told first, since the incident opened."""

NOTHING = timedelta(0)


@dataclass(slots=True)
class _Run:
    """A plan in one situation. `same`: for how long one that begins later runs alike."""

    times: Times = field(default_factory=dict)
    roles: dict[Recipient, timedelta] = field(default_factory=dict)
    repeats: list[tuple[timedelta, timedelta]] = field(default_factory=list)
    same: timedelta = DAY

    def holds(self, only: Conditions, now: Situation) -> bool:
        """Whether they do; remembers that the clock was asked."""
        if only.hours is not None and now.wall is not None:
            self.same = min(self.same, only.hours.stay(now.wall))
        return only.hold(now)


class _Course:
    """A plan with its people looked up, to be run in many situations."""

    def __init__(self, plan: Plan, roster: Roster) -> None:
        self.plan = plan
        self._everyone = roster.everyone
        self._people = [step.resolve(roster, without=None) for step in plan.steps]
        numbers = range(1, len(plan.steps) + 1)
        self._gaps = [*(plan.gap_before(n - 1) for n in numbers), NOTHING]
        self._repeats = [plan.repeat_after(n) for n in numbers]

    def run(self, start: Situation, *, duty: bool = False) -> _Run:
        """As incidents run: an empty step brings the next at once, and the end everyone.

        `duty`: somebody whom nobody can name today is on duty, for whom the next step waits.
        """
        run = _Run()
        at = self._gaps[0]
        told = held = False  # whether this moment told anybody, and whether any step of it holds
        moment = None
        for index, step in enumerate(self.plan.steps):
            if step.after != moment:
                moment, told, held = step.after, False, False
            waits = self._people[index] or (duty and step.on_duty)
            if run.holds(step.only, start.later(at)) and waits:
                told = True
                for member in self._people[index]:
                    run.times.setdefault(member, at)
            # What roles and repeats are by the plan alone, whoever has which role today.
            if run.holds(step.only, start.later(step.after)):
                held = True
                for recipient in step.recipients:
                    if recipient.who is not Who.MEMBER:
                        run.roles.setdefault(recipient, step.after)
            if held:
                run.repeats.append((step.after, self._repeats[index]))
            if index + 1 < len(self.plan.steps):
                at += self._gaps[index + 1] if told else NOTHING
            elif told:
                at += self._repeats[index] * (REPEATS_BEFORE_EXHAUSTED + 1)
        for member in self._everyone:
            run.times.setdefault(member, at)
        return run


def told(plan: Plan, roster: Roster, start: Situation | None = None) -> Times:
    """When each is told first if nobody takes it; those who never are, are not in it.

    `start` is what is so when the incident opens; what it does not say holds.
    """
    return _Course(plan, roster).run(start or Situation()).times


def _situations(*plans: Plan) -> Iterator[Situation]:
    """What these plans tell apart, but for the hour; None stands for all that they do not."""
    only = [step.only for plan in plans for step in plan.steps]
    causes = frozenset[Cause]().union(*(o.causes for o in only))
    risks = frozenset[Risk]().union(*(o.risks for o in only))
    clock = NOTHING if any(o.hours for o in only) else None
    for cause, risk in product(_apart(Cause, causes), _apart(Risk, risks)):
        yield Situation(clock, cause, risk)


def _apart(all_of: Iterable[Any], named: frozenset[Any]) -> list[Any]:
    """Those that are named, and one of the others; where none is, any will do."""
    others = [value for value in all_of if value not in named]
    return [*sorted(named), *others[:1]] if named else [None]


def _every(*plans: Plan, roster: Roster) -> Iterator[tuple[_Run, ...]]:
    """The runs of these plans side by side, in every situation that any of them tells apart.

    Through the day from one change to the next: in between, each runs alike.
    """
    courses = [_Course(plan, roster) for plan in plans]
    on_duty = any(step.on_duty for plan in plans for step in plan.steps)
    for start, duty in product(_situations(*plans), (False, True) if on_duty else (False,)):
        at = NOTHING
        while at < DAY:
            runs = tuple(course.run(start.later(at), duty=duty) for course in courses)
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
