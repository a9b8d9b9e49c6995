"""Faults that a test ordered: the next calls of a method fail in a given way."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """How a call fails."""

    BLOCKED = "blocked"  # 403
    NOT_FOUND = "not found"  # 400: the chat is not known
    REJECTED = "rejected"  # 400: the content is refused
    MIGRATED = "migrated"  # 400: the chat is now `new_chat`
    TOO_MANY = "429"
    INTERNAL = "500"
    BAD_GATEWAY = "502"  # with an HTML body, as a proxy in between answers
    GARBAGE = "garbage"  # 200 with a body that is not JSON
    TIMEOUT = "timeout"  # no answer at all
    TRICKLE = "trickle"  # an answer that comes byte by byte, and has no end
    RESET = "reset"  # the connection is torn down


@dataclass
class Fault:
    """One order. `after`: the call is carried out first, and only its answer is lost.

    `method` is in lower case, "" is any; `chat` None is any, also calls that name none. The first
    `skip` calls pass.
    """

    kind: Kind
    method: str = ""
    chat: str | None = None
    times: int = 1
    after: bool = False
    retry_after: int = 1
    new_chat: int = 0
    skip: int = 0


@dataclass
class Faults:
    """The orders that are still open, first come, first served."""

    orders: list[Fault] = field(default_factory=list)

    def take(self, method: str, chat: str | None) -> Fault | None:
        """The fault of this call, which then has one time less."""
        for order in self.orders:
            if order.method in ("", method) and order.chat in (None, chat):
                if order.skip:
                    order.skip -= 1
                    return None
                order.times -= 1
                if order.times <= 0:
                    self.orders.remove(order)
                return order
        return None
