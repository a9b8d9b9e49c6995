"""A check-in: one question to one member, reminders, and the instant at which silence is a miss.

Pure. `Checkin.next_at` is its one timer. Replies are judged by the server time of the message, so
that our own delay never makes a miss.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

FROM_THE_PAST = timedelta(days=1)
"""How far before the last message seen a server's clock is believed."""

LONGEST_HOLD = timedelta(minutes=15)
SHORT_HOLD = timedelta(minutes=5)
"""How long an overdue check-in waits after an outage of ours: the longer for a grace that is as
long. Two lengths and no more, so that what a group hears of it afterwards comes together."""

CLOCKS_APART = timedelta(minutes=15)
"""How far a server's clock may be behind ours before what was written there seems older than the
question that it answers."""

LAST_CALL = timedelta(minutes=5)
"""How long before the miss the question is asked again of someone who said "later"."""


class State(StrEnum):
    """Where a check-in stands."""

    DUE = "due"
    REMINDED = "reminded"
    LATE = "late"  # the person said "later", within the grace
    ANSWERED = "answered"
    NOT_OK = "not_ok"
    MISSED = "missed"
    UNREACHABLE = "unreachable"  # missed, but the question never reached the person
    PAUSED = "paused"
    EXTENDED = "extended"  # the person put the time off; another question comes at the new one


OPEN = frozenset({State.DUE, State.REMINDED, State.LATE})
"""States in which an answer still counts."""


@dataclass(frozen=True, slots=True)
class Checkin:
    """The facts of one check-in. Instants are UTC.

    `due` is when it was to be asked, `miss_at` when the grace ends, `reminders` the instants of
    the reminders that have not left yet. `delivered` is False once the platforms refused the
    question on every account of the person. `held`: it was overdue when we came back from an
    outage, and the person was asked once more. `stage`: that of a trip whose question it is, None
    for one of a schedule.
    """

    id: int
    member: int
    due: datetime
    miss_at: datetime
    reminders: tuple[datetime, ...] = ()
    state: State = State.DUE
    delivered: bool = True
    answered_at: datetime | None = None
    held: bool = False
    stage: int | None = None

    @property
    def next_at(self) -> datetime | None:
        """When `advance` must be called next, None once it ended."""
        if self.state not in OPEN:
            return None
        return min((*self.reminders, self.miss_at))


class Due(StrEnum):
    """What `advance` found to be done."""

    NOTHING = "nothing"
    REMIND = "remind"
    MISS = "miss"


def asked(
    id: int,
    member: int,
    due: datetime,
    grace: timedelta,
    reminders: tuple[timedelta, ...],
    now: datetime,
    stage: int | None = None,
) -> Checkin:
    """The check-in of an occurrence of a schedule or a stage, asked at `now`, which may be late.

    The grace counts from the asking: a person never has less time because we were slow.
    """
    start = max(due, now)
    return Checkin(
        id=id,
        member=member,
        due=due,
        miss_at=start + grace,
        reminders=tuple(sorted(start + r for r in reminders if r < grace)),
        stage=stage,
    )


def overdue(due: datetime, grace: timedelta, now: datetime) -> bool:
    """Whether an occurrence is so late that, had it been asked in time, it would be missed."""
    return due + grace <= now


def hold(checkin: Checkin, grace: timedelta, now: datetime) -> Checkin:
    """Overdue because we were away: judged a little later, and the reminders are over."""
    span = LONGEST_HOLD if grace >= LONGEST_HOLD else SHORT_HOLD
    return replace(checkin, held=True, miss_at=now + span, reminders=())


def in_time(checkin: Checkin, at: datetime, seen: datetime | None = None) -> bool:
    """Whether an answer of this instant (`judged_at`) was in time, however late it reached us.

    `seen` is when we had it, by our own clock, where it could not be read then: that counts alone.
    """
    if seen is not None:
        return checkin.due <= seen <= checkin.miss_at
    return at <= checkin.miss_at


def advance(checkin: Checkin, now: datetime) -> tuple[Checkin, Due]:
    """Whatever is due at `now`. Several reminders that are due together are one."""
    if checkin.state not in OPEN:
        return checkin, Due.NOTHING
    if now >= checkin.miss_at:
        state = State.MISSED if checkin.delivered else State.UNREACHABLE
        return replace(checkin, state=state, reminders=()), Due.MISS
    later = tuple(r for r in checkin.reminders if r > now)
    if len(later) == len(checkin.reminders):
        return checkin, Due.NOTHING
    return replace(checkin, reminders=later, state=State.REMINDED), Due.REMIND


def answer_ok(checkin: Checkin, at: datetime) -> Checkin:
    """Well, at the server time `at`. After a miss the state stays: the incident decides."""
    state = State.ANSWERED if checkin.state in OPEN else checkin.state
    return replace(checkin, state=state, answered_at=at, reminders=())


def answer_help(checkin: Checkin, at: datetime) -> Checkin:
    """Not well: no more reminders, an incident opens."""
    return replace(checkin, state=State.NOT_OK, answered_at=at, reminders=())


def put_off(checkin: Checkin, at: datetime) -> Checkin:
    """Not judged any more: its stage has another time, at which there is another question."""
    return replace(checkin, state=State.EXTENDED, answered_at=at, reminders=())


def answer_later(checkin: Checkin, now: datetime) -> Checkin:
    """Later: asked again half-way to the miss, and once more shortly before it.

    The miss does not move, so that nobody can put it off for ever under someone else's hand.
    """
    half = now + (checkin.miss_at - now) / 2
    last = checkin.miss_at - LAST_CALL
    again = tuple(sorted({t for t in (half, last) if now < t < checkin.miss_at}))
    return replace(checkin, state=State.LATE, reminders=again)


def not_delivered(checkin: Checkin) -> Checkin:
    """No account of the person takes our messages: a miss of it will say so."""
    return replace(checkin, delivered=False)


def judged_at(sent_at: datetime, received_at: datetime, last_seen: datetime | None) -> datetime:
    """The instant by which a message is judged.

    The server's time, capped: not in the future of our own receipt, and not more than a day before
    the last message seen from there, so that neither a wrong clock nor a hostile server can place an
    answer freely.
    """
    instant = min(sent_at, received_at)
    return max(instant, last_seen - FROM_THE_PAST) if last_seen is not None else instant
