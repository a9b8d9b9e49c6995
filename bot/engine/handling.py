"""What the engine is given: the handlers, seen from here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from bot.domain.publication import Publication
from bot.platforms.base import Incoming, Result
from storage.files import Wanted
from storage.following import Followed
from storage.outbox import Row
from storage.transaction import Transaction


class Ended(StrEnum):
    """How a message to send ended."""

    SENT = "sent"
    STUCK = "stuck"  # not likely to arrive soon (`bot.domain.arrival`), and tried further
    FAILED = "failed"  # it cannot arrive
    UNKNOWN = "unknown"  # it may have arrived, and must not go twice


@dataclass(frozen=True, slots=True)
class Occasion:
    """A timer that is carried out: when it was `due`, which may be long ago, and the instant `now`."""

    kind: str
    ref: int
    due: datetime
    now: datetime


class Handlers(Protocol):
    """What to do about what happens. Each call is inside one transaction, which it never leaves.

    An exception rolls that transaction back, and the engine tries again.
    """

    @property
    def at_once(self) -> Collection[str]:
        """The kinds of timers of which many take little longer than one."""

    async def incoming(self, tx: Transaction, event: Incoming, now: datetime) -> None:
        """Somebody wrote, pressed, or changed something. `now` is when we stored it or later."""

    async def timer(self, tx: Transaction, occasion: Occasion) -> None:
        """A timer is due. It is gone already: set it again if it must come again."""

    async def timers(self, tx: Transaction, occasions: Sequence[Occasion]) -> None:
        """The same for several of one kind, at one instant and in this order."""

    async def ended(
        self, tx: Transaction, row: Row, end: Ended, result: Result, now: datetime
    ) -> None:
        """A message of the outbox was sent, will never be, or is stuck, of which it may hear often."""

    async def file_ready(
        self, tx: Transaction, file: Wanted, cleaned: Any, now: datetime
    ) -> None:
        """A file that was wanted went through the cleaner: keep what it gave, or refuse it."""

    async def file_lost(self, tx: Transaction, file: Wanted, why: str, now: datetime) -> None:
        """A file that was wanted cannot be had: refuse it (`bot.engine.fetching` says why)."""

    async def feed_looked_at(
        self, tx: Transaction, feed: Followed, found: Any, again: datetime, now: datetime
    ) -> None:
        """A feed was looked at: `found` is what `bot.engine.following` was given to look with gave.
        If all is well, it is to be looked at `again` then."""

    async def published(
        self, tx: Transaction, after: int, now: datetime
    ) -> tuple[Sequence[Publication], int | None]:
        """Some of what is public, for the archive: what follows the row `after`, and where to go on,
        None at the end."""

    async def migrated(self, tx: Transaction, platform: str, old: str, new: str) -> None:
        """A chat has a new id."""

    async def outage(self, tx: Transaction, since: datetime, now: datetime) -> None:
        """Nothing ran between the two instants. Called before any timer of that time is."""

    async def brought_back(self, tx: Transaction, taken: datetime, now: datetime) -> None:
        """The database was `taken` then, and restored since. Called once, before anything is sent."""

    async def clock_changed(self, tx: Transaction, by: timedelta, now: datetime) -> None:
        """The machine's clock was moved: countdowns must not be shorter or longer for it."""

    async def daily(self, tx: Transaction, now: datetime) -> None:
        """Called at every start: set what the installation itself needs, such as its canary."""

    async def trouble(self, tx: Transaction, findings: tuple[str, ...], now: datetime) -> None:
        """What the newest audit found, which may be nothing: a person must look at it."""

    async def set_aside(self, tx: Transaction, event: Incoming | None, now: datetime) -> None:
        """An event failed too often and is kept for a person to look at."""
