"""A plan of escalation as data: who is told, when, how often, until someone takes it.

What a step has beyond its delay and its people is stored only where it is set, so that a plan from
before there were such things is the same plan, with the same fingerprint.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from bot.domain.conditions import ALWAYS, Conditions, Situation
from bot.domain.people import Roster

DEFAULT_REPEAT = timedelta(minutes=10)
"""How long until the people told so far are told again."""

DEFAULT_NEWS = timedelta(minutes=90)
"""How long a holder may be without news before being asked."""

MOST_STEPS = 30
"""More is no plan that anybody could follow. Checked where one is written, not where one is read."""

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(hours=24)


class Who(StrEnum):
    """What a recipient names."""

    MEMBER = "member"
    COORDINATORS = "coordinators"
    CIRCLE = "circle"  # every responder of the group
    OBSERVERS = "observers"
    ON_DUTY = "on_duty"  # for the region of the person in danger, else for the group
    SUBSTITUTES = "substitutes"  # who answers after them
    GROUP = "group"  # another group: those of its people who said that they answer for this one


class PlanError(ValueError):
    """A plan that cannot be. `code` is a key of the catalogues, `values` its placeholders."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person, a role or another group, whose people are looked up when the step runs.

    A group is told by its people and never by its own plan: plans that name each other do not circle.
    """

    who: Who
    member: int | None = None
    group: int | None = None

    def resolve(self, roster: Roster) -> frozenset[int]:
        """The member ids meant, of those who agreed to be told."""
        match self.who:
            case Who.MEMBER:
                return frozenset({self.member} if self.member is not None else ()) & roster.agreed
            case Who.COORDINATORS:
                return roster.coordinators
            case Who.CIRCLE:
                return roster.responders
            case Who.OBSERVERS:
                return roster.observers
            case Who.ON_DUTY:
                return roster.on_duty
            case Who.SUBSTITUTES:
                return roster.substitutes
            case Who.GROUP:
                return roster.allies.get(self.group or 0, frozenset())

    def to_json(self) -> list[Any]:
        """For storing."""
        return [self.who.value, self.member, *([] if self.group is None else [self.group])]


ON_DUTY = frozenset({Who.ON_DUTY, Who.SUBSTITUTES})
"""Roles whose people another hour has others of, and some hours none."""


@dataclass(frozen=True, slots=True)
class Step:
    """Tell `recipients`, `after` this long since the incident opened.

    `repeat`: from this step on, those told so far are told again after this long; None is the
    plan's. `only`: where it does not hold, the step is skipped at once. `last_resort`: it stays the
    last step whatever is added, and has no conditions.
    """

    after: timedelta
    recipients: tuple[Recipient, ...]
    repeat: timedelta | None = None
    only: Conditions = ALWAYS
    last_resort: bool = False

    def resolve(self, roster: Roster, *, without: int | None) -> frozenset[int]:
        """The member ids of the step, never the person whom the incident is about."""
        found = frozenset[int]().union(*(r.resolve(roster) for r in self.recipients))
        return found - {without} if without is not None else found

    @property
    def on_duty(self) -> bool:
        """Whether who it tells depends on who is on duty."""
        return any(r.who in ON_DUTY for r in self.recipients)

    def tells(self, roster: Roster, now: Situation, *, without: int | None) -> frozenset[int]:
        """Whom it tells in this situation; nobody where its conditions do not hold."""
        return self.resolve(roster, without=without) if self.only.hold(now) else frozenset()

    def to_json(self) -> dict[str, Any]:
        """For storing; delays in seconds."""
        made: dict[str, Any] = {
            "after": self.after.total_seconds(),
            "who": [r.to_json() for r in self.recipients],
        }
        if self.repeat is not None:
            made["repeat"] = self.repeat.total_seconds()
        if self.only:
            made["only"] = self.only.to_json()
        if self.last_resort:
            made["last_resort"] = True
        return made

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Step:
        """The opposite of `to_json`."""
        return cls(
            timedelta(seconds=value["after"]),
            tuple(Recipient(Who(who), *of) for who, *of in value["who"]),
            timedelta(seconds=value["repeat"]) if "repeat" in value else None,
            Conditions.from_json(value.get("only", {})),
            value.get("last_resort", False),
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order of their delays.

    `repeat`: the people told so far are told again after this long, until someone takes it.
    `news`: a holder without news for this long is asked.
    """

    steps: tuple[Step, ...]
    repeat: timedelta = DEFAULT_REPEAT
    news: timedelta = DEFAULT_NEWS

    def __post_init__(self) -> None:
        if not self.steps:
            raise PlanError("plan.error.no_steps")
        delays = [step.after for step in self.steps]
        if delays != sorted(delays) or self._twice():
            raise PlanError("plan.error.order")
        if any(not step.recipients for step in self.steps):
            raise PlanError("plan.error.nobody")
        if delays[0] < timedelta(0) or delays[-1] > LONGEST:
            raise PlanError("plan.error.too_long")
        own = [step.repeat for step in self.steps if step.repeat is not None]
        for span in (self.repeat, self.news, *own):
            if not SHORTEST <= span <= LONGEST:
                raise PlanError("plan.error.interval")
        if any(step.last_resort for step in self.steps[:-1]):
            raise PlanError("plan.error.last_resort")
        if self.steps[-1].last_resort and self.steps[-1].only:
            raise PlanError("plan.error.last_resort_only")

    def _twice(self) -> bool:
        """Whether two steps of one time have the same conditions, and should be one step."""
        when = [(step.after, step.only) for step in self.steps]
        return len(set(when)) < len(when)

    def gap_before(self, index: int) -> timedelta:
        """How long step `index` waits for the one before it."""
        before = self.steps[index - 1].after if index else timedelta(0)
        return self.steps[index].after - before

    def together(self, number: int) -> tuple[Step, ...]:
        """Step `number` (from 1) and those before it that have the same time: one moment."""
        here = self.steps[number - 1]
        return tuple(step for step in self.steps[:number] if step.after == here.after)

    def repeat_after(self, number: int) -> timedelta:
        """How long until those told so far are told again, once step `number` (from 1) ran.

        Of steps at one moment the shortest counts, whichever of them held.
        """
        steps = self.together(number) if number else ()
        return min((step.repeat or self.repeat for step in steps), default=self.repeat)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything in it; what a person's consent is bound to."""
        exact = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(exact.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """For storing; delays in seconds."""
        return {
            "steps": [step.to_json() for step in self.steps],
            "repeat": self.repeat.total_seconds(),
            "news": self.news.total_seconds(),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Plan:
        """The opposite of `to_json`."""
        return cls(
            tuple(Step.from_json(step) for step in value["steps"]),
            timedelta(seconds=value["repeat"]),
            timedelta(seconds=value["news"]),
        )


DEFAULT_PLAN = Plan(
    (
        Step(timedelta(0), (Recipient(Who.CIRCLE),)),
        Step(timedelta(minutes=15), (Recipient(Who.CIRCLE), Recipient(Who.COORDINATORS))),
    )
)
"""What a group has until it writes its own: nobody is left without anyone."""
