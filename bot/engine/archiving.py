"""The public archive: written anew whenever what is public changed, outside of any transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog

from bot.domain.publication import Publication
from bot.engine.clock import Clock
from bot.engine.handling import Handlers
from storage.database import Database

log = structlog.get_logger(__name__)

EVERY = 10.0
"""Seconds between two looks whether something changed: one statement on one index."""

Archiving = Callable[[Sequence[Publication], datetime], Awaitable[None]]
"""Write all of it. Raises `OSError` where the folder cannot be written; what is there stays whole."""


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

    async def look(self) -> bool:
        """Write it if something changed, or a day began. Returns whether it was written."""
        now = self._clock.now()
        async with self._database.transaction() as tx:
            # The days that an urgent action still lasts are in it.
            state = (now.date(), await tx.denunciations.last_change())
        if state == self._written:
            self._beat()
            return False
        async with self._database.transaction() as tx:
            everything = await self._handlers.published(tx, now)
        try:
            await self._archiving(everything, now)
        except OSError as error:  # no sign of life: the auditor tells the operator
            log.error("archive.failed", error=error.strerror or type(error).__name__)
            return False
        self._written = state
        self._beat()
        return True
