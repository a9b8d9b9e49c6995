"""An incident: told step after step until someone takes it and brings it to an end.

Pure: `advance` and the functions of the people's acts take an incident, the roster and the instant,
and give back the incident as it is now and the notices that must leave. `Incident.next_at` is the
one timer that an incident has; it is None only once the incident is resolved.

The rules come from what check-in services learned: the first to take it holds it; a claim without
news expires; nobody takes their own; the person whom it is about is skipped in every step and an
empty step at once; a plan that reached its end with nobody is loud for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.conditions import Cause, Situation, situation
from bot.domain.people import Roster
from bot.domain.plan import Plan

REPEATS_BEFORE_EXHAUSTED = 2
"""How often the last step is repeated before the plan counts as exhausted."""

EXHAUSTED_REPEAT = timedelta(minutes=15)
"""How often everyone is told again once a plan is exhausted. No setting changes it."""

NEWS_ANSWER = timedelta(minutes=10)
"""How long a holder who was asked for news has to give any."""

TAKEN_BACK = timedelta(minutes=10)
"""How long nobody new is told once the person's own words said that it was a mistake."""


class Kind(StrEnum):
    """What opened it."""

    CANARY = "canary"  # a miss on purpose, so that somebody sees every day that alarms arrive
    MISS = "miss"
    UNREACHABLE = "unreachable"  # the question itself could not be delivered
    PANIC = "panic"
    HELP = "help"  # a check-in answered with "I need help"
    DURESS = "duress"  # words that only look like an answer
    MISSING = "missing"  # who answers for many says that this person is not there
    LOST = "lost"  # who coordinates says that the person's phone is in other hands


CAUSES = {
    Kind.CANARY: Cause.SILENCE,
    Kind.MISS: Cause.SILENCE,
    Kind.UNREACHABLE: Cause.SILENCE,
    Kind.MISSING: Cause.SILENCE,
    Kind.PANIC: Cause.ALARM,
    Kind.HELP: Cause.ALARM,
    Kind.DURESS: Cause.DURESS,
    Kind.LOST: Cause.LOST,
}
"""What the conditions of a plan's steps know of it; a kind that is not in it, any cause covers."""


class State(StrEnum):
    """Where it stands."""

    NOTIFYING = "notifying"
    CLAIMED = "claimed"
    EXHAUSTED = "exhausted"
    RESOLVED = "resolved"


class Outcome(StrEnum):
    """How it ended."""

    SAFE = "safe"
    FALSE_ALARM = "false_alarm"
    CARE_NEEDED = "care_needed"
    HARMED = "harmed"
    UNKNOWN = "unknown"


class Notice(StrEnum):
    """What must leave; also the word for it on the incident's timeline."""

    ALARM = "alarm"  # a step, told for the first time
    REPEAT = "repeat"  # nobody took it: told again
    EXHAUSTED = "exhausted"  # the plan found nobody
    ASK_NEWS = "ask_news"  # to the holder
    CLAIM_EXPIRED = "claim_expired"  # the holder said nothing: the plan resumes


class Refusal(StrEnum):
    """Why an act is not done. Each is a key of the catalogues below `incident.refused`."""

    OWN = "own"
    CLOSED = "closed"
    HELD = "held"  # somebody else has it
    NOT_HOLDER = "not_holder"
    NOT_TOLD = "not_told"  # the one named was not told of it
    NO_STEP = "no_step"  # the plan has no such step
    EMPTY_STEP = "empty_step"  # nobody of that step can be told


@dataclass(frozen=True, slots=True)
class Leaves:
    """One notice to the members named; `step` is the plan's step, from 1, where it has one."""

    notice: Notice
    to: frozenset[int]
    step: int = 0


@dataclass(frozen=True, slots=True)
class Incident:
    """The facts of one incident. Instants are UTC.

    `number` is what people say ("#12"), counted per group. `step` is the index of the next step to
    run; `next_at` when something is due; `told` everyone who ever heard of it; `mass` the event of
    many misses that it is part of, whose digests then stand for its own alarms.
    """

    id: int
    number: int
    group: int
    subject: int
    kind: Kind
    opened_at: datetime
    plan: Plan
    state: State = State.NOTIFYING
    step: int = 0
    step_at: datetime | None = None
    repeats: int = 0
    repeat_at: datetime | None = None
    holder: int | None = None
    news_at: datetime | None = None
    news_asked: bool = False
    told: frozenset[int] = field(default_factory=frozenset)
    outcome: Outcome | None = None
    closed_at: datetime | None = None
    mass: int | None = None

    @property
    def next_at(self) -> datetime | None:
        """When `advance` must be called next, None once resolved."""
        match self.state:
            case State.RESOLVED:
                return None
            case State.CLAIMED:
                return self.news_at
            case _:
                return min(t for t in (self.step_at, self.repeat_at) if t is not None)

    @property
    def notifying(self) -> bool:
        """Whether its plan still has a step, or a repeat, that somebody unreachable may hasten."""
        return self.state is State.NOTIFYING

    @property
    def open(self) -> bool:
        """Whether it still needs anyone."""
        return self.state is not State.RESOLVED


Decision = tuple[Incident, tuple[Leaves, ...]]


def opened(incident: Incident, roster: Roster, now: datetime) -> Decision:
    """A new incident, with the first step's alarms where that step is due at once."""
    first = replace(incident, step_at=now + incident.plan.gap_before(0))
    return advance(first, roster, now)


def advance(incident: Incident, roster: Roster, now: datetime) -> Decision:
    """Whatever is due at `now`; nothing if nothing is. Safe to call at any instant, any often."""
    if not incident.open:
        return incident, ()
    if incident.state is State.CLAIMED:
        return _claim(incident, roster, now)
    leaves: list[Leaves] = []
    while incident.step_at is not None and incident.step_at <= now:
        incident, told = _run_step(incident, roster, now)
        leaves += told
    if incident.repeat_at is not None and incident.repeat_at <= now:
        incident, told = _repeat(incident, roster, now)
        leaves += told
    return incident, tuple(leaves)


def _situation(incident: Incident, now: datetime, roster: Roster) -> Situation:
    return situation(roster, incident.subject, CAUSES.get(incident.kind), now)


def _run_step(incident: Incident, roster: Roster, now: datetime) -> tuple[Incident, list[Leaves]]:
    """Tell the step that is due; an empty one brings the next at once.

    One whose conditions do not hold now is as good as empty. Steps at one moment are empty together
    or not at all: what is for the night must not hasten the plan by day.
    """
    number = incident.step + 1
    plan, about = incident.plan, _situation(incident, now, roster)
    people, *before = (
        step.tells(roster, about, without=incident.subject)
        for step in reversed(plan.together(number))
    )
    nobody = not people and not any(before)
    last = number == len(plan.steps)
    wait = timedelta(0) if last or nobody else plan.gap_before(number)
    incident = replace(
        incident,
        state=State.NOTIFYING,
        step=number,
        step_at=None if last else now + wait,
        repeats=0,
        repeat_at=now + plan.repeat_after(number),
        told=incident.told | people,
    )
    leaves = [Leaves(Notice.ALARM, people, number)] if people else []
    if last and nobody:
        exhausted, more = _exhaust(incident, roster, now)
        return exhausted, leaves + more
    return incident, leaves


def _repeat(incident: Incident, roster: Roster, now: datetime) -> tuple[Incident, list[Leaves]]:
    """Nobody took it: tell again; at the plan's end, everyone."""
    done = incident.step_at is None
    if incident.state is State.EXHAUSTED or (done and incident.repeats >= REPEATS_BEFORE_EXHAUSTED):
        return _exhaust(incident, roster, now)
    again = replace(
        incident,
        repeats=incident.repeats + 1 if done else 0,
        repeat_at=now + incident.plan.repeat_after(incident.step),
    )
    people = incident.told & roster.agreed
    return again, [Leaves(Notice.REPEAT, people, incident.step)] if people else []


def _exhaust(incident: Incident, roster: Roster, now: datetime) -> tuple[Incident, list[Leaves]]:
    people = roster.everyone - {incident.subject}
    incident = replace(
        incident,
        state=State.EXHAUSTED,
        step_at=None,
        repeat_at=now + EXHAUSTED_REPEAT,
        told=incident.told | people,
    )
    return incident, [Leaves(Notice.EXHAUSTED, people, incident.step)]


def _claim(incident: Incident, roster: Roster, now: datetime) -> Decision:
    """A holder without news is asked once, then the plan resumes."""
    if incident.holder is None or incident.news_at is None or incident.news_at > now:
        return incident, ()
    if not incident.news_asked:
        asked = replace(incident, news_asked=True, news_at=now + NEWS_ANSWER)
        return asked, (Leaves(Notice.ASK_NEWS, frozenset({incident.holder})),)
    resumed, leaves = _resume(incident, roster, now, Notice.CLAIM_EXPIRED)
    return resumed, leaves


def _resume(incident: Incident, roster: Roster, now: datetime, notice: Notice) -> Decision:
    """Without a holder again: tell all who know at once, and go on with the plan from there."""
    steps_left = incident.step < len(incident.plan.steps)
    people = (incident.told & roster.agreed) - {incident.subject}
    resumed = replace(
        incident,
        state=State.NOTIFYING,
        holder=None,
        news_at=None,
        news_asked=False,
        step_at=now + incident.plan.gap_before(incident.step) if steps_left else None,
        repeats=0,
        repeat_at=now + incident.plan.repeat_after(incident.step),
    )
    return resumed, (Leaves(notice, people, incident.step),)


# --- what people do -----------------------------------------------------------------------------


def take(incident: Incident, member: int, now: datetime) -> Incident | Refusal:
    """The first to take it holds it, until it is released, handed over, resolved or expires."""
    if not incident.open:
        return Refusal.CLOSED
    if member == incident.subject:
        return Refusal.OWN
    if incident.state is State.CLAIMED:
        return Refusal.HELD
    return _held_by(incident, member, now)


def _held_by(incident: Incident, member: int, now: datetime) -> Incident:
    return replace(
        incident,
        state=State.CLAIMED,
        holder=member,
        news_at=now + incident.plan.news,
        news_asked=False,
        step_at=None,
        repeat_at=None,
        told=incident.told | {member},
    )


def news(incident: Incident, member: int, now: datetime) -> Incident | Refusal:
    """An update by anyone who was told; only the holder's own keeps the claim alive."""
    if not incident.open:
        return Refusal.CLOSED
    if member != incident.holder:
        return incident if member in incident.told else Refusal.NOT_TOLD
    return replace(incident, news_at=now + incident.plan.news, news_asked=False)


def taken_back(incident: Incident, now: datetime) -> Incident:
    """The person's own words say that it was a mistake; somebody has to confirm it with them.

    Nothing ends by that, for the words can be forced from a person: if nobody confirms it, the plan
    goes on where it was.
    """
    if incident.state is not State.NOTIFYING:
        return incident
    later = now + TAKEN_BACK
    return replace(
        incident,
        step_at=max(incident.step_at, later) if incident.step_at else None,
        repeat_at=max(incident.repeat_at, later) if incident.repeat_at else None,
    )


def hand_over(incident: Incident, holder: int, to: int, now: datetime) -> Incident | Refusal:
    """Pass it on to somebody who accepted."""
    if not incident.open:
        return Refusal.CLOSED
    if incident.holder != holder:
        return Refusal.NOT_HOLDER
    if to == incident.subject:
        return Refusal.OWN
    return _held_by(incident, to, now)


def release(incident: Incident, holder: int, roster: Roster, now: datetime) -> Decision | Refusal:
    """Give it back: everyone who knows is told again at once, and the plan goes on."""
    if not incident.open:
        return Refusal.CLOSED
    if incident.holder != holder:
        return Refusal.NOT_HOLDER
    return _resume(incident, roster, now, Notice.REPEAT)


def escalate(incident: Incident, member: int, roster: Roster, now: datetime) -> Decision | Refusal:
    """Run the next step now. With a holder, the holder keeps it and more people are told."""
    if not incident.open:
        return Refusal.CLOSED
    if member == incident.subject:
        return Refusal.OWN
    return louder(incident, roster, now)


def escalate_to(
    incident: Incident, member: int, number: int, roster: Roster, now: datetime
) -> Decision | Refusal:
    """Tell step `number` (from 1) now, whatever its conditions: a person decides it.

    The plan goes on from where it is, so that nobody is told later for it: the steps in between keep
    their times, and the step tells again at its own. With a holder, the holder keeps it.
    """
    if not incident.open:
        return Refusal.CLOSED
    if member == incident.subject:
        return Refusal.OWN
    if not 1 <= number <= len(incident.plan.steps):
        return Refusal.NO_STEP
    if number == incident.step + 1:
        return _next_by_number(incident, roster, now)
    return _told_out_of_turn(incident, number, roster)


def _next_by_number(incident: Incident, roster: Roster, now: datetime) -> Decision | Refusal:
    """The next step by its number: as `louder`, but for one that is empty or does not hold now."""
    step = incident.plan.steps[incident.step]
    if step.tells(roster, _situation(incident, now, roster), without=incident.subject):
        return louder(incident, roster, now)
    return _told_out_of_turn(incident, incident.step + 1, roster)


def _told_out_of_turn(incident: Incident, number: int, roster: Roster) -> Decision | Refusal:
    people = incident.plan.steps[number - 1].resolve(roster, without=incident.subject)
    if not people:
        return Refusal.EMPTY_STEP
    told = replace(incident, told=incident.told | people)
    return told, (Leaves(Notice.ALARM, people, number),)


def louder(incident: Incident, roster: Roster, now: datetime) -> Decision:
    """The next step now, or everyone where no step is left; whoever holds it keeps it."""
    held = incident
    moved, leaves = incident, list[Leaves]()
    while not leaves and moved.step < len(moved.plan.steps):
        moved, leaves = _run_step(moved, roster, now)
    if not leaves:
        moved, leaves = _exhaust(moved, roster, now)
    if held.state is State.CLAIMED:
        moved = replace(held, step=moved.step, told=moved.told)
    return moved, tuple(leaves)


def dead_channel(
    incident: Incident, reached: frozenset[int], roster: Roster, now: datetime
) -> Decision:
    """Somebody could not be reached: if nobody of the newest step can be, the next runs now.

    `reached` are the members who have a channel that works.
    """
    if not incident.open or incident.state is State.CLAIMED or incident.step == 0:
        return incident, ()
    # Of the newest moment, whatever its conditions say by now: who was not told is not in `reached`.
    newest = frozenset[int]().union(
        *(
            step.resolve(roster, without=incident.subject)
            for step in incident.plan.together(incident.step)
        )
    )
    if newest & reached:
        return incident, ()
    # Somebody else stands in for whoever was on duty and cannot be reached: they hear of it first.
    stands_in = (newest & (roster.on_duty | roster.substitutes)) - incident.told
    if stands_in:
        told = replace(incident, told=incident.told | stands_in)
        return told, (Leaves(Notice.ALARM, stands_in, incident.step),)
    if incident.step < len(incident.plan.steps):
        return advance(replace(incident, step_at=now), roster, now)
    if incident.state is State.EXHAUSTED:
        return incident, ()
    exhausted, leaves = _exhaust(incident, roster, now)
    return exhausted, tuple(leaves)


def resolve(incident: Incident, outcome: Outcome, now: datetime) -> Incident | Refusal:
    """Bring it to an end."""
    if not incident.open:
        return Refusal.CLOSED
    return replace(
        incident,
        state=State.RESOLVED,
        outcome=outcome,
        closed_at=now,
        step_at=None,
        repeat_at=None,
        news_at=None,
        news_asked=False,
    )


def reopen(incident: Incident, roster: Roster, now: datetime) -> Decision | Refusal:
    """It was not over: tell all who knew, and go on with the plan from its first step."""
    if incident.open:
        return Refusal.CLOSED
    again = replace(incident, outcome=None, closed_at=None, step=0, holder=None)
    return _resume(again, roster, now, Notice.REPEAT)
