"""The public archive: written anew whenever what is public changed, outside of any transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog

from bot.domain.publication import Publication
from bot.engine.clock import Clock
from bot.engine.handling import Handlers
from storage.database import Database, Unavailable
from storage.fence import NotActing

log = structlog.get_logger(__name__)

EVERY = 10.0
"""Seconds between two looks whether something changed: one statement on one index."""

AFTER_FAILURE = 120.0
"""The same once it could not be written: trying reads everything anew."""

Archiving = Callable[[Sequence[Publication], datetime], Awaitable[None]]
"""Write all of it. Whatever it raises, what is there stays whole."""


class Archivist:
    """Has the archive written when it is not what it should be.

    Args:
        beat: Called after each look that found everything written.
    """

    def __init__(
        self, database: Database, handlers: Handlers, clock: Clock, archiving: Archiving,
        beat: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._database = database
        self._handlers = handlers
        self._clock = clock
        self._archiving = archiving
        self._beat = beat
        self._written: object = None
        self.wait = EVERY
        """Seconds until it is to be looked at next."""

    async def look(self) -> bool:
        """Write it if something changed, or a day began. Returns whether it was written."""
        now = self._clock.now()
        async with self._database.transaction() as tx:
            # The days that an urgent action still lasts are in it, and the keys that sign it.
            keys = tuple(key.id for key in await tx.signing_keys.all())
            state = (now.date(), await tx.denunciations.last_change(), keys)
        if self._written is not None and state == self._written:
            self._beat()
            return False
        try:
            await self._archiving(await self._everything(now), now)
        except (Unavailable, NotActing):
            raise
        except Exception as error:
            # Whatever it is, no alarm may wait for it. Without a sign of life the auditor tells the
            # operator; what the public can read is still whole.
            why = error.strerror if isinstance(error, OSError) else None
            log.error("archive.failed", error=why or type(error).__name__)
            self.wait = AFTER_FAILURE
            return False
        self.wait = EVERY
        self._written = state if keys else None  # the first look made the key
        self._beat()
        return True

    async def _everything(self, now: datetime) -> list[Publication]:
        """A few at a time, each in a transaction of its own."""
        found: list[Publication] = []
        after: int | None = 0
        while after is not None:
            async with self._database.transaction() as tx:
                more, after = await self._handlers.published(tx, after, now)
            found += more
        return found
