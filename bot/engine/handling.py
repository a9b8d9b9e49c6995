"""What the engine is given: the handlers, seen from here."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.platforms.base import Incoming, Result
from storage.outbox import Row
from storage.transaction import Transaction


class Ended(StrEnum):
    """How a message to send ended."""

    SENT = "sent"
    FAILED = "failed"  # it cannot arrive
    UNKNOWN = "unknown"  # it may have arrived, and must not go twice


class Handlers(Protocol):
    """What to do about what happens. Each call is inside one transaction, which it never leaves.

    An exception rolls that transaction back, and the engine tries again.
    """

    async def incoming(self, tx: Transaction, event: Incoming, now: datetime) -> None:
        """Somebody wrote, pressed, or changed something. `now` is when we stored it or later."""

    async def timer(self, tx: Transaction, kind: str, ref: int, now: datetime) -> None:
        """A timer is due. It is gone already: set it again if it must come again."""

    async def ended(
        self, tx: Transaction, row: Row, end: Ended, result: Result, now: datetime
    ) -> None:
        """A message of the outbox was sent, or will never be."""

    async def migrated(self, tx: Transaction, platform: str, old: str, new: str) -> None:
        """A chat has a new id."""

    async def set_aside(self, tx: Transaction, event: Incoming | None, now: datetime) -> None:
        """An event failed too often and is kept for a person to look at."""
