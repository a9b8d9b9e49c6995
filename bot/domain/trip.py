"""A trip: stages with expected times, each of which becomes a check-in that the member made.

The same holds for whatever somebody asks to be asked about at a time of their own: once ("at 22:30,
when I leave the hearing"), at the end of an announced silence, or again and again for a caravan for
which one person answers. They differ in what is asked and in what may be done about it; the stages,
their questions and their misses are the same.

Pure. A stage's question, grace and miss are those of a check-in (`bot.domain.checkin`); here is when
there is one, and how far it may be put off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.people import Risk


class Purpose(StrEnum):
    """What its questions are for."""

    TRIP = "trip"
    ONCE = "once"
    SILENCE = "silence"  # one question, at its end
    COLLECTIVE = "collective"  # one person answers for many


class StageState(StrEnum):
    """Where a stage stands."""

    AHEAD = "ahead"
    ASKED = "asked"
    REACHED = "reached"  # answered well, by the question or before it
    NOT_OK = "not_ok"
    MISSED = "missed"
    DROPPED = "dropped"  # nobody is asked about it any more


WAITING = frozenset({StageState.AHEAD, StageState.ASKED})
"""What is still to come of a trip."""

INTERVAL = {
    Risk.LOW: timedelta(hours=4),
    Risk.MEDIUM: timedelta(hours=2),
    Risk.HIGH: timedelta(minutes=30),
}
"""How long somebody at this risk goes without a question (practice of check-in services: 4 h, 2 h,
30 min). The rounds of a collective unless it says otherwise, and the bound of all extensions: what
is put off by more is another trip."""

GRACE = {
    Risk.LOW: timedelta(minutes=60),
    Risk.MEDIUM: timedelta(minutes=30),
    Risk.HIGH: timedelta(minutes=15),
}
"""Between a stage's time and its miss. A quarter of the interval: the road delays people, and whoever
is late can say so in one tap; but a person at high risk is looked for before the trace is cold."""

EXTENSIONS = 3
"""How often a trip may be extended. Whoever forces the person to extend can do it three times, and for
no longer in all than the person would go without a question anyway."""

HEADS_UP = timedelta(minutes=15)
"""How long before a stage's time the person alone is reminded that it comes."""

MOST_STAGES = 20
MOST_ONCE = 10
LONGEST_TRIP = timedelta(days=31)
SHORTEST_ROUND = timedelta(minutes=15)
MOST_ROUNDS = 48
"""Of a collective: two days at an hour each."""

OFFERED = (
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
)
"""Extensions that a button offers."""

ANNOUNCED = timedelta(days=1)
"""A silence that lasts longer is told to those who coordinate when it begins: nobody is taken off the
watch for days without anybody knowing."""

LONGEST_SILENCE = timedelta(days=31)
"""A silence always has an end, and not one so far away that it is forgotten."""

HINT_HOLDS = timedelta(hours=24)
"""How long "low battery" explains a silence."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One expected time. `place` is in the person's words, "" where they named none."""

    id: int
    trip: int
    due: datetime
    place: str = ""
    state: StageState = StageState.AHEAD


@dataclass(frozen=True, slots=True)
class Trip:
    """What a member asked to be asked about. Instants are UTC.

    `title` is the name of a collective, or the words of a single question. `extended` is by how much
    its times were put off in all, in `extensions` steps. `ended_at` is None while something is to
    come.
    """

    id: int
    member: int
    purpose: Purpose
    started_at: datetime
    title: str = ""
    extensions: int = 0
    extended: timedelta = timedelta(0)
    others: int = 0
    ended_at: datetime | None = None
    stages: tuple[Stage, ...] = field(default_factory=tuple)

    @property
    def current(self) -> Stage | None:
        """The next stage that is not reached; None once nothing is to come."""
        return next((stage for stage in self.stages if stage.state in WAITING), None)

    def stage(self, id: int) -> Stage | None:
        """By number."""
        return next((stage for stage in self.stages if stage.id == id), None)

    def marked(self, stage: int, state: StageState, now: datetime) -> Trip:
        """With one stage in another state; ended if nothing is to come any more."""
        stages = tuple(replace(s, state=state) if s.id == stage else s for s in self.stages)
        over = all(s.state not in WAITING for s in stages)
        return replace(self, stages=stages, ended_at=self.ended_at or (now if over else None))

    def dropped(self, now: datetime) -> Trip:
        """Nothing of it is asked any more. What is asked already is judged all the same."""
        stages = tuple(
            replace(s, state=StageState.DROPPED) if s.state is StageState.AHEAD else s
            for s in self.stages
        )
        return replace(self, stages=stages, ended_at=self.ended_at or now)


class Problem(StrEnum):
    """Why a trip is refused. The words for people are in the catalogues, under these codes."""

    NOT_UNDERSTOOD = "not_understood"  # part
    NO_TIME = "no_time"  # part: a place without its time
    ORDER = "order"  # part: not after the one before
    TOO_MANY = "too_many"  # most
    TOO_FAR = "too_far"  # longest


class TripError(ValueError):
    """A trip that cannot be. `values` are what the text of `code` may show (see `Problem`)."""

    def __init__(self, code: Problem, **values: object) -> None:
        super().__init__(code.value)
        self.code = code
        self.values = values


def check(dues: Sequence[datetime], now: datetime) -> None:
    """Whether these can be a trip's times. Raises `TripError`."""
    if len(dues) > MOST_STAGES:
        raise TripError(Problem.TOO_MANY, most=MOST_STAGES)
    if dues and dues[-1] > now + LONGEST_TRIP:
        raise TripError(Problem.TOO_FAR, longest=LONGEST_TRIP)


def highest(risks: Iterable[Risk]) -> Risk:
    """The highest of these: of many who travel together, whoever is in most danger sets the pace."""
    order = list(Risk)
    return max(risks, key=order.index)


# --- extending ----------------------------------------------------------------------------------


def left_to_extend(trip: Trip, risk: Risk) -> timedelta:
    """By how much its times may still be put off."""
    if trip.purpose is not Purpose.TRIP or trip.extensions >= EXTENSIONS:
        return timedelta(0)
    return max(INTERVAL[risk] - trip.extended, timedelta(0))


def put_off(stage: Stage, by: timedelta, now: datetime) -> timedelta:
    """How far a stage moves if somebody needs so much longer from now on, or from its time."""
    return max(now - stage.due, timedelta(0)) + by


def extensions(trip: Trip, risk: Risk, now: datetime) -> list[timedelta]:
    """What can be offered."""
    stage, left = trip.current, left_to_extend(trip, risk)
    if stage is None:
        return []
    return [by for by in OFFERED if put_off(stage, by, now) <= left]


def extended(trip: Trip, by: timedelta, risk: Risk, now: datetime) -> Trip | None:
    """The trip with its next stage, and all after it, so much later. None if that is too much."""
    stage = trip.current
    if stage is None or by <= timedelta(0):
        return None
    moved = put_off(stage, by, now)
    if moved > left_to_extend(trip, risk):
        return None
    stages = tuple(
        replace(s, due=s.due + moved, state=StageState.AHEAD) if s.state in WAITING else s
        for s in trip.stages
    )
    return replace(
        trip, stages=stages, extensions=trip.extensions + 1, extended=trip.extended + moved
    )


# --- rounds of a collective ---------------------------------------------------------------------


def rounds(start: datetime, every: timedelta, end: datetime) -> list[datetime]:
    """The times at which a collective is asked: each interval, and at the end in any case."""
    found: list[datetime] = []
    at = start + every
    while at < end and len(found) < MOST_ROUNDS:
        found.append(at)
        at += every
    if found and end - found[-1] < SHORTEST_ROUND:
        found.pop()
    return [*found, end]
