"""A complaint: a case with a holder and a clock, as an incident is one.

Source: issue "a complaint is a case with a holder and a clock"; "complaints dealt with immediately"
in the needs of 2017. Nobody judges a complaint about themselves, and none ends in silence: what is
not taken or not answered in time goes to others, and to whoever runs the bot.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

TAKE_IN = timedelta(days=2)
"""Within which somebody must take it."""

ANSWER_IN = timedelta(days=7)
"""Within which whoever took it must answer."""

REMINDED_BEFORE = timedelta(days=2)
"""How long before that they are reminded."""

SETTLED_AFTER = timedelta(days=14)
"""After how long without a word of the author's an answer counts as accepted."""

OPERATORS_FROM = 2
"""From which round on whoever runs the bot can take it: others had their turn."""

LONGEST = 1500
"""Characters of a complaint, and of an answer: both together fit into one message."""


class About(StrEnum):
    """What it is about."""

    MEASURE = "measure"
    RESPONSE = "response"
    PERSON = "person"


class State(StrEnum):
    """Where it stands."""

    OPEN = "open"
    TAKEN = "taken"
    ANSWERED = "answered"
    CLOSED = "closed"


class Due(StrEnum):
    """What the clock brings."""

    NOTHING = "nothing"
    REMIND = "remind"  # the holder
    ONWARD = "onward"  # nobody took it, or the holder did not answer: to others
    SETTLE = "settle"  # the author said no more


OPERATOR = -1
"""The holder of a complaint that whoever runs the bot has taken."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """The facts of one. `about` is the member it is about, if it is about one; `holder` a member, or
    `OPERATOR`; `rounds` how often it had to go on to others."""

    id: int
    number: int
    group: int
    author: int
    kind: About
    about: int | None
    text: str
    signed: bool
    opened_at: datetime
    due_at: datetime
    state: State = State.OPEN
    holder: int | None = None
    rounds: int = 0
    reminded: bool = False
    answer: str | None = None
    closed_at: datetime | None = None

    @property
    def next_at(self) -> datetime | None:
        """When `advance` must be called next; None once it is closed."""
        if self.state is State.CLOSED:
            return None
        if self.state is State.TAKEN and not self.reminded:
            return self.due_at - REMINDED_BEFORE
        return self.due_at

    @property
    def for_operators(self) -> bool:
        """Whether whoever runs the bot may read and take it."""
        return self.rounds >= OPERATORS_FROM or self.holder == OPERATOR


def judges(complaint: Complaint, coordinators: Collection[int]) -> frozenset[int]:
    """Who may handle it: those who coordinate, but nobody in their own matter."""
    return frozenset(coordinators) - {complaint.author, complaint.about}


def sent(complaint: Complaint, coordinators: Collection[int]) -> Complaint:
    """A new one. Where nobody of the group may handle it, it begins with whoever runs the bot."""
    if judges(complaint, coordinators):
        return complaint
    return replace(complaint, rounds=OPERATORS_FROM)


def take(complaint: Complaint, by: int, now: datetime) -> Complaint | None:
    """The first to take it holds it. None if it is not open."""
    if complaint.state is not State.OPEN:
        return None
    return replace(
        complaint, state=State.TAKEN, holder=by, due_at=now + ANSWER_IN, reminded=False
    )


def answer(complaint: Complaint, by: int, text: str, now: datetime) -> Complaint | None:
    """The holder's answer. None if it is somebody else's, or over."""
    if complaint.state is not State.TAKEN or complaint.holder != by:
        return None
    return replace(
        complaint, state=State.ANSWERED, answer=text, due_at=now + SETTLED_AFTER, reminded=False
    )


def settle(complaint: Complaint, now: datetime) -> Complaint | None:
    """The author needs no more of it, at any time. None if it is over."""
    if complaint.state is State.CLOSED:
        return None
    return replace(complaint, state=State.CLOSED, closed_at=now)


def onward(complaint: Complaint, now: datetime) -> Complaint:
    """To others, with a new clock."""
    return replace(
        complaint,
        state=State.OPEN,
        holder=None,
        rounds=complaint.rounds + 1,
        reminded=False,
        due_at=now + TAKE_IN,
    )


def not_settled(complaint: Complaint, now: datetime) -> Complaint | None:
    """The author does not accept the answer. None if there is none to refuse."""
    return onward(complaint, now) if complaint.state is State.ANSWERED else None


def advance(complaint: Complaint, now: datetime) -> tuple[Complaint, Due]:
    """What is due. Safe to call at any instant, any often."""
    at = complaint.next_at
    if at is None or at > now:
        return complaint, Due.NOTHING
    match complaint.state:
        case State.TAKEN if not complaint.reminded and complaint.due_at > now:
            return replace(complaint, reminded=True), Due.REMIND
        case State.ANSWERED:
            return replace(complaint, state=State.CLOSED, closed_at=now), Due.SETTLE
        case _:
            return onward(complaint, now), Due.ONWARD
