"""A drill: a plan run for practice, told and taken as a real incident is, and never one.

A drill is kept apart from incidents, with numbers of its own, so that nothing which looks at
incidents can take it for one. It is about nobody: no person is said to be in danger, and so nobody is
left out of a step. The rules of the steps are those of `bot.domain.incident`.

Once somebody takes it the plan stands still, as it would in earnest. Everyone who was told and has
not answered is then asked for one tap, so that a dead button is found also where somebody else was
quicker. It ends when all have answered, or by itself. A real alarm in the group ends it at once.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from random import Random
from zoneinfo import ZoneInfo

from bot.domain import incident as rules
from bot.domain.incident import Incident, Kind, Leaves, Refusal, State
from bot.domain.people import Roster
from bot.domain.plan import Plan, Recipient, Step, Who
from bot.domain.schedule import wall_to_instant

NOBODY = 0
"""Whom a drill is about. No member has this number."""

LASTS = timedelta(hours=1)
"""After how long a drill ends by itself. Steps that would come later are named in its report."""

ROLL_CALL = timedelta(minutes=10)
"""How long the others have for their one tap once somebody took it."""

ANSWER = timedelta(minutes=10)
"""How long a message must have been there before silence about it says something."""

WAIT = timedelta(minutes=10)
"""How long a drill waits each time while a real incident waits for somebody."""

MOST_A_DAY = 3
"""Drills of a group within a day. More of them would teach people not to look."""


class Scope(StrEnum):
    """How much of the plan is run."""

    WHOLE = "whole"
    STEP = "step"
    PERSON = "person"


class End(StrEnum):
    """Why it is over."""

    ANSWERED = "answered"  # everyone who was told has answered
    TIME = "time"
    STOPPED = "stopped"  # by somebody who coordinates
    REAL = "real"  # a real alarm came


@dataclass(frozen=True, slots=True)
class Drill:
    """The facts of one drill. Instants are UTC.

    `run` is the plan as it runs, in the form of an incident about nobody; `first` the number in the
    group's plan of its first step; `by` who began it, None for the schedule.
    """

    run: Incident
    scope: Scope
    first: int
    by: int | None
    ends_at: datetime
    taken_at: datetime | None = None
    closed_at: datetime | None = None
    end: End | None = None

    @property
    def id(self) -> int:
        """The row."""
        return self.run.id

    @property
    def number(self) -> int:
        """What people say: counted per group, apart from incidents."""
        return self.run.number

    @property
    def group(self) -> int:
        """Whose it is."""
        return self.run.group

    @property
    def open(self) -> bool:
        """Whether it goes on."""
        return self.end is None

    @property
    def over_at(self) -> datetime:
        """When it ends by itself."""
        if self.taken_at is None:
            return self.ends_at
        return min(self.ends_at, self.taken_at + ROLL_CALL)

    @property
    def next_at(self) -> datetime | None:
        """When `advance` must be called next; None once it is over."""
        if not self.open:
            return None
        due = None if self.taken_at is not None else self.run.next_at
        return min(t for t in (due, self.over_at) if t is not None)


Decision = tuple[Drill, tuple[Leaves, ...]]


def of_plan(
    plan: Plan, number: int, group: int, by: int | None, now: datetime,
    *, step: int | None = None, person: int | None = None,
) -> Drill:  # fmt: skip
    """A drill of the whole plan, of its step of that number (from 1), or of one person.

    Nothing is told yet: `advance` runs what is due. Raises `IndexError` for a step that is not there.
    """
    scope, first, steps = Scope.WHOLE, 1, plan.steps
    if step is not None:
        if not 1 <= step <= len(plan.steps):
            raise IndexError(step)
        scope, first = Scope.STEP, step
        steps = (Step(timedelta(0), plan.steps[step - 1].recipients),)
    elif person is not None:
        scope = Scope.PERSON
        steps = (Step(timedelta(0), (Recipient(Who.MEMBER, person),)),)
    practised = replace(plan, steps=steps)
    run = Incident(
        id=0, number=number, group=group, subject=NOBODY, kind=Kind.PANIC, opened_at=now,
        plan=practised, step_at=now + practised.gap_before(0),
    )  # fmt: skip
    return Drill(run, scope, first, by, now + LASTS)


def held_back(drill: Drill, now: datetime) -> Drill:
    """A real incident waits for somebody: nothing of the plan is run before `WAIT` is over."""
    return replace(drill, run=replace(drill.run, step_at=now + WAIT))


def advance(drill: Drill, roster: Roster, now: datetime) -> Decision:
    """Whatever is due at `now`; safe to call at any instant, any often."""
    if not drill.open:
        return drill, ()
    if now >= drill.over_at:
        return ended(drill, End.TIME, now), ()
    if drill.taken_at is not None:
        return drill, ()
    return _within(drill, rules.advance(drill.run, roster, now), now)


def _within(drill: Drill, decision: rules.Decision, now: datetime) -> Decision:
    """A drill of one step or one person never reaches those whom the end of a plan would."""
    run, leaves = decision
    if drill.scope is not Scope.WHOLE and run.state is State.EXHAUSTED:
        return ended(drill, End.TIME, now), ()
    return replace(drill, run=run), leaves


def take(drill: Drill, member: int, now: datetime) -> Drill | Refusal:
    """The first to take it has it; the plan stands still, and the others are called."""
    if not drill.open:
        return Refusal.CLOSED
    if drill.taken_at is not None:
        return Refusal.HELD
    run = rules.take(drill.run, member, now)
    if isinstance(run, Refusal):
        return run
    # No news are asked for: what is practised is to be there.
    return replace(drill, run=replace(run, news_at=None), taken_at=now)


def escalate(drill: Drill, roster: Roster, now: datetime) -> Decision | Refusal:
    """The next step now."""
    if not drill.open:
        return Refusal.CLOSED
    if drill.taken_at is not None:
        return Refusal.HELD
    return _within(drill, rules.louder(drill.run, roster, now), now)


def dead_channel(
    drill: Drill, reached: frozenset[int], roster: Roster, now: datetime
) -> Decision:
    """Somebody could not be reached: if nobody of the newest step can be, the next runs now."""
    if not drill.open or drill.taken_at is not None:
        return drill, ()
    return _within(drill, rules.dead_channel(drill.run, reached, roster, now), now)


def ended(drill: Drill, end: End, now: datetime) -> Drill:
    """It is over."""
    return replace(drill, end=end, closed_at=now)


# --- what it found ------------------------------------------------------------------------------


class Found(StrEnum):
    """What a drill found out about one person who was told."""

    ANSWERED = "answered"
    SILENT = "silent"  # it arrived, there was time, and nothing came back
    NO_TIME = "no_time"  # it arrived shortly before the end
    NOT_REACHED = "not_reached"  # no account of theirs took it


@dataclass(frozen=True, slots=True)
class Person:
    """One who was told. `step` is counted from 1 as the drill ran; `reached_at` when a platform took
    the message first, `answered_at` when they pressed anything first."""

    member: int
    step: int
    told_at: datetime
    reached_at: datetime | None = None
    answered_at: datetime | None = None

    def found(self, end: datetime) -> Found:
        """What is known at the drill's end."""
        if self.answered_at is not None:
            return Found.ANSWERED
        if self.reached_at is None:
            return Found.NOT_REACHED
        return Found.SILENT if end - self.reached_at >= ANSWER else Found.NO_TIME


def all_answered(people: Iterable[Person]) -> bool:
    """Whether nobody who was told is waited for."""
    return all(person.answered_at is not None for person in people)


def not_run(drill: Drill) -> tuple[int, ...]:
    """The numbers in the group's plan of the steps that were not run."""
    return tuple(drill.first + i for i in range(drill.run.step, len(drill.run.plan.steps)))


# --- by schedule --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Window:
    """Between which wall times of the group's zone a monthly drill may come. Raises `ValueError`
    unless the start is before the end by an hour or more."""

    start: time
    end: time

    def __post_init__(self) -> None:
        if self.minutes < 60:
            raise ValueError("window")

    @property
    def minutes(self) -> int:
        """How long it is."""
        return (self.end.hour - self.start.hour) * 60 + self.end.minute - self.start.minute

    def to_json(self) -> list[str]:
        """For storing."""
        return [self.start.isoformat("minutes"), self.end.isoformat("minutes")]

    @classmethod
    def from_json(cls, value: list[str]) -> Window:
        """The opposite of `to_json`."""
        start, end = (time.fromisoformat(wall) for wall in value)
        return cls(start, end)


DEFAULT_WINDOW = Window(time(10), time(18))


def next_drill(window: Window, zone: str, after: datetime, chance: Random) -> datetime:
    """A day and a minute by chance in the calendar month that follows the one of `after`.

    So there is one drill in each month, and whoever had one yesterday may have the next tomorrow.
    """
    today = after.astimezone(ZoneInfo(zone)).date()
    year, month = (today.year + today.month // 12, today.month % 12 + 1)
    day = date(year, month, chance.randint(1, calendar.monthrange(year, month)[1]))
    minute = window.start.hour * 60 + window.start.minute + chance.randrange(window.minutes)
    return wall_to_instant(day, time(*divmod(minute, 60)), zone)

