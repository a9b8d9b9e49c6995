"""Feeds of other organisations: looked at when they are due, outside of any transaction.

One at a time, and behind nothing else of the engine: a server that is slow delays the next feed alone.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import structlog

from bot.domain.following import next_look
from bot.engine.clock import Clock
from bot.engine.handling import Handlers
from bot.engine.persist import retried
from storage.database import Database, Unavailable
from storage.fence import NotActing
from storage.following import Followed

log = structlog.get_logger(__name__)

DEADLINE = 60.0
"""Seconds for one look; whoever fetches has a shorter one of its own."""

Looking = Callable[[str, str, str, str], Awaitable[Any]]
"""A feed's address, its pinned key, and the ETag and the date of its last answer ("" for none of
these) to what the handlers are given."""


def chance() -> float:
    """From 0 to 1, for spreading looks."""
    return secrets.randbelow(1001) / 1000


class Follower:
    """Looks at the feeds that are due, each in its turn.

    Args:
        looking: Raises nothing for any address and content.
        beat: Called while there is something to do.
    """

    def __init__(
        self,
        database: Database,
        handlers: Handlers,
        clock: Clock,
        looking: Looking,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._clock = clock
        self._looking = looking
        self._beat = beat
        self._turn = asyncio.Lock()

    async def drain(self) -> int:
        """Everything that is due now. Returns how many feeds were looked at."""
        looked = 0
        async with self._turn:
            while True:
                now = self._clock.now()
                again = now
                feed = None
                async with self._database.transaction() as tx:
                    due = await tx.following.due(now)
                    if due is not None:
                        # Counted as a failure before it is tried: a feed that ends the process is
                        # tried no more often than one that is not there.
                        spread = chance()
                        again = next_look(0, now, spread)
                        later = next_look(due.failures + 1, now, spread)
                        feed = await tx.following.begin(due.id, later)
                if feed is None:
                    return looked
                await self._look(feed, again)
                looked += 1
                self._beat()

    async def _look(self, feed: Followed, again: datetime) -> None:
        try:
            async with asyncio.timeout(DEADLINE):
                found = await self._looking(feed.url, feed.key, feed.etag, feed.modified)
            await retried(lambda: self._tell(feed, found, again))
        except (Unavailable, NotActing):
            raise
        except Exception as error:  # a defect of ours: no feed may stop those behind it
            log.error("feed.failed", row=feed.id, error=type(error).__name__)

    async def _tell(self, feed: Followed, found: Any, again: datetime) -> None:
        async with self._database.transaction() as tx:
            # Stopped meanwhile, or another process acts: nobody is told.
            if await tx.following.still(feed):
                await self._handlers.feed_looked_at(tx, feed, found, again, self._clock.now())
