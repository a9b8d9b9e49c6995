"""What one person may not do alone: asked for by one who coordinates, consented to by another.

Pure. The second person consents to exact words: `Decision.fingerprint` is of everything that will
be done, and travels with the question. Whoever asked must still have the role when it is carried
out, and the second person must have it at that moment; both are checked by whoever carries it out,
since roles are not in here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

LIFE = timedelta(hours=24)
"""How long a request waits for a second person."""

OFFER_LIFE = timedelta(days=7)
"""How long a task that two people gave waits for the person to accept it."""

NEWCOMER = timedelta(days=3)
"""How long somebody cannot be the second person for whoever let them in: otherwise a second account
of one's own would do. Meanwhile others hear that a new person coordinates."""


class Kind(StrEnum):
    """What is to be done."""

    GIVE = "give"  # a role
    TAKE = "take"  # a role away
    PUT_OUT = "put_out"  # of the group
    PLAN = "plan"  # one that removes cover
    RISK = "risk"  # a lower one
    INVITE = "invite"  # somebody who will coordinate or approve
    EXPORT = "export"
    RESTORE = "restore"  # somebody's access, after their account was suspended
    DETAILS = "details"  # to name people again on a platform that can read it


class State(StrEnum):
    """Where it stands."""

    WAITING = "waiting"  # for a second person
    OFFERED = "offered"  # two people gave a role; the person has not accepted it yet
    DONE = "done"
    REFUSED = "refused"
    DECLINED = "declined"  # by the person whom the role was offered to
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    VOID = "void"  # what it was about is not as it was


OPEN = frozenset({State.WAITING, State.OFFERED})


class Refusal(StrEnum):
    """Why an act is not done; keys of the catalogues below `decision.refused`."""

    STATE = "state"  # it is not open any more
    OWN = "own"  # nobody consents to what they asked for themselves
    ABOUT = "about"  # nor to what is about them
    CHANGED = "changed"  # these are not the words that were shown
    NEWCOMER = "newcomer"  # let in by whoever asks, and too recently


@dataclass(frozen=True, slots=True)
class Decision:
    """The facts of one request.

    `about` is the member whom it concerns, if one; `content` everything that will be done;
    `operators` whether those who run the bot were asked, for want of another coordinator; `second`
    who consented, None for an operator.
    """

    id: int
    group: int
    kind: Kind
    about: int | None
    content: Mapping[str, Any]
    asked_by: int
    expires_at: datetime
    operators: bool = False
    state: State = State.WAITING
    second: int | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that will be done and for whom."""
        words = [self.id, self.group, self.kind, self.about, dict(self.content), self.asked_by]
        exact = json.dumps(words, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(exact.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who coordinates the group: who let them in (None: an operator), and when."""

    id: int
    let_in_by: int | None
    joined_at: datetime


def newcomer(candidate: Candidate, asked_by: int, now: datetime) -> bool:
    """Whether they came in by the invitation of whoever asks, and too recently to be independent."""
    return candidate.let_in_by == asked_by and now < candidate.joined_at + NEWCOMER


def seconds(
    candidates: Collection[Candidate], asked_by: int, about: int | None, now: datetime
) -> frozenset[int]:
    """Who may consent: others who coordinate, whom it is not about, and who are no newcomers."""
    return frozenset(
        c.id
        for c in candidates
        if c.id not in (asked_by, about) and not newcomer(c, asked_by, now)
    )


def consented(
    decision: Decision, by: Candidate | None, shown: str, now: datetime
) -> Decision | Refusal:
    """A second person's consent to exactly what was shown; `by` None is an operator."""
    if decision.state is not State.WAITING or now >= decision.expires_at:
        return Refusal.STATE
    if by is None and not decision.operators:
        return Refusal.STATE
    if by is not None:
        if by.id == decision.asked_by:
            return Refusal.OWN
        if by.id == decision.about:
            return Refusal.ABOUT
        if newcomer(by, decision.asked_by, now):
            return Refusal.NEWCOMER
    if shown != decision.fingerprint:
        return Refusal.CHANGED
    return replace(decision, state=State.DONE, second=by.id if by is not None else None)


def offered(decision: Decision, now: datetime) -> Decision:
    """Two people consented to give a role: now the person is asked."""
    return replace(decision, state=State.OFFERED, expires_at=now + OFFER_LIFE)


def accepted(decision: Decision, by: int, now: datetime) -> Decision | Refusal:
    """The person takes the role on."""
    if decision.state is not State.OFFERED or now >= decision.expires_at:
        return Refusal.STATE
    if by != decision.about:
        return Refusal.STATE
    return replace(decision, state=State.DONE)


def ended(decision: Decision, state: State) -> Decision | Refusal:
    """It will not be done."""
    return replace(decision, state=state) if decision.state in OPEN else Refusal.STATE
