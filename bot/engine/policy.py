"""What to do about the end of an attempt to send: a table, and the waits between attempts."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum, auto

from bot.domain.arrival import LONG_WAIT
from bot.domain.lanes import Lane
from bot.platforms.base import Operation, Result

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(seconds=60)
REVOKED_WAIT = timedelta(seconds=60)
UNREADABLE_WAIT = LONG_WAIT
"""Long enough that a plan counts it as not arriving (`bot.domain.arrival`) from the first time."""
DOUBT_WAIT = timedelta(minutes=5)
"""The longest after an end of which nobody knows, where each attempt may be one more copy."""


class Verdict(Enum):
    """What becomes of the row."""

    DONE = auto()
    AGAIN = auto()  # after a growing wait
    LATER = auto()  # after the wait that the platform named
    MOVE = auto()  # to the chat's new id
    FAILED = auto()
    UNKNOWN = auto()


RULES: dict[Result, Verdict] = {
    Result.SENT: Verdict.DONE,
    Result.GONE: Verdict.DONE,  # nothing there to change: as good as changed
    Result.UNREACHABLE: Verdict.AGAIN,
    Result.SERVER_ERROR: Verdict.AGAIN,
    Result.REVOKED: Verdict.AGAIN,  # a person must act; the message waits for it
    Result.LIMITED: Verdict.LATER,
    Result.MIGRATED: Verdict.MOVE,
    Result.BLOCKED: Verdict.FAILED,
    Result.UNREADABLE: Verdict.AGAIN,  # a device may yet get the key; nobody waits for it
    Result.UNPROVEN: Verdict.FAILED,  # said to the person: only they can prove their device
    Result.REJECTED: Verdict.FAILED,
}


def judge(result: Result, *, lane: Lane, operation: Operation, idempotent: bool) -> Verdict:
    """What to do after one attempt.

    An ambiguous end is the only one that depends on the lane: an alarm goes again, as a second copy
    under the same incident number does less harm than none; a broadcast on a platform without
    idempotency keys does not, and is shown to a person.
    """
    if operation is Operation.TOAST and result is not Result.SENT:
        return Verdict.DONE  # a toast is worth nothing a second later
    if result is Result.GONE and operation is Operation.SEND:
        return Verdict.FAILED  # nothing was there to be gone: it has not arrived
    if result is not Result.AMBIGUOUS:
        return RULES[result]
    if idempotent or operation is not Operation.SEND or lane is not Lane.BROADCAST:
        return Verdict.AGAIN
    return Verdict.UNKNOWN


def wait(result: Result, attempts: int, *, idempotent: bool) -> timedelta:
    """How long until the next attempt, doubling from one second to one minute."""
    if result is Result.REVOKED:
        return REVOKED_WAIT
    if result is Result.UNREADABLE:
        return UNREADABLE_WAIT
    if result is Result.MIGRATED and attempts <= 1:
        return timedelta(0)  # but a server that moves a chat for ever is not asked for ever at once
    doubt = result is Result.AMBIGUOUS and not idempotent
    return min(FIRST_WAIT * 2 ** min(attempts - 1, 16), DOUBT_WAIT if doubt else LONGEST_WAIT)
