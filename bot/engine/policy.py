"""What to do about the end of an attempt to send: a table, and the waits between attempts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from bot.domain.lanes import Lane
from bot.platforms.base import Operation, Result

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(seconds=60)
REVOKED_WAIT = timedelta(seconds=60)


class Verdict(Enum):
    """What becomes of the row."""

    DONE = auto()
    AGAIN = auto()  # after a growing wait
    LATER = auto()  # after the wait that the platform named
    MOVE = auto()  # at once, to the chat's new id
    FAILED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table. `dead` says that nobody hears us there: plans must know at once."""

    verdict: Verdict
    dead: bool = False


RULES: dict[Result, Rule] = {
    Result.SENT: Rule(Verdict.DONE),
    Result.GONE: Rule(Verdict.DONE),  # nothing there to change: as good as changed
    Result.UNREACHABLE: Rule(Verdict.AGAIN),
    Result.SERVER_ERROR: Rule(Verdict.AGAIN),
    Result.REVOKED: Rule(Verdict.AGAIN),  # a person must act; the message waits for it
    Result.LIMITED: Rule(Verdict.LATER),
    Result.MIGRATED: Rule(Verdict.MOVE),
    Result.BLOCKED: Rule(Verdict.FAILED, dead=True),
    # Nobody there can read it now; a device may yet get the key, and then it is open again.
    Result.UNREADABLE: Rule(Verdict.AGAIN, dead=True),
    Result.UNPROVEN: Rule(Verdict.FAILED),  # said to the person; only they can prove their device
    Result.REJECTED: Rule(Verdict.FAILED),
}


def judge(result: Result, *, lane: Lane, operation: Operation, idempotent: bool) -> Rule:
    """The rule for one attempt.

    An ambiguous end is the only one that depends on the lane: an alarm goes again, as a second copy
    under the same incident number does less harm than none; a broadcast on a platform without
    idempotency keys does not, and is shown to a person.
    """
    if operation is Operation.TOAST and result is not Result.SENT:
        return Rule(Verdict.DONE)  # a toast is worth nothing a second later
    if result is not Result.AMBIGUOUS:
        return RULES[result]
    if idempotent or operation is not Operation.SEND or lane is not Lane.BROADCAST:
        return Rule(Verdict.AGAIN)
    return Rule(Verdict.UNKNOWN)


def wait(result: Result, attempts: int) -> timedelta:
    """How long until the next attempt, doubling from one second to one minute."""
    if result is Result.REVOKED:
        return REVOKED_WAIT
    return min(FIRST_WAIT * 2 ** min(attempts - 1, 16), LONGEST_WAIT)
