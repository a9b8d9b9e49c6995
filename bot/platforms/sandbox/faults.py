"""Faults that a test puts in the way of the bot's next requests."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.platforms.base import Operation, Receipt


@dataclass(frozen=True, slots=True)
class Fault:
    """What one request is answered instead.

    `chat` and `operation` restrict it to such requests. `arrives` carries the request out all the
    same, as when the answer is lost on its way back.
    """

    receipt: Receipt
    chat: str | None = None
    operation: Operation | None = None
    arrives: bool = False


@dataclass(slots=True)
class Faults:
    """Faults in the order in which they were set; each is used once."""

    waiting: list[Fault] = field(default_factory=list)

    def take(self, chat: str, operation: Operation) -> Fault | None:
        """The first fault that is meant for such a request, used up by this."""
        for index, fault in enumerate(self.waiting):
            if fault.chat in (None, chat) and fault.operation in (None, operation):
                return self.waiting.pop(index)
        return None
