"""Files that people sent: fetched from their platform and cleaned, outside of any transaction.

One at a time, so that files never take more memory than one may. A handler wrote down what is wanted;
another one hears how it ended, in the transaction in which the clean bytes are stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog

from bot.engine.clock import Clock
from bot.engine.handling import Handlers
from bot.engine.persist import retried
from bot.platforms.base import FileTooLarge, Platform, PlatformError
from storage.database import Database, Unavailable
from storage.fence import NotActing
from storage.files import Wanted

log = structlog.get_logger(__name__)

WAITS = tuple(timedelta(seconds=s) for s in (10, 60, 300, 900))
"""How long to wait after each try; after one more, it is given up."""

TRIES = len(WAITS) + 1

DEADLINE = 120.0
"""Seconds for fetching and cleaning one file; the cleaner has its own, shorter one."""

PULSE = 5.0
"""Seconds between two signs of life while one file is under way."""

TOO_LARGE, UNFETCHED = "too_large", "unfetched"
"""Why there is no file, for the handlers."""

Cleaning = Callable[[bytes, str], Awaitable[Any]]
"""A file's content and name to what the handlers are given: the clean file, or why there is none."""


class Fetcher:
    """Takes the files that are wanted, each in its turn.

    Args:
        cleaning: Raises nothing for any content.
        limit: Bytes that a file may have.
        beat: Called while there is something to do.
    """

    def __init__(
        self,
        database: Database,
        platforms: Mapping[str, Platform],
        handlers: Handlers,
        clock: Clock,
        cleaning: Cleaning,
        limit: int,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._platforms = platforms
        self._handlers = handlers
        self._clock = clock
        self._cleaning = cleaning
        self._limit = limit
        self._beat = beat
        self._turn = asyncio.Lock()

    async def drain(self) -> int:
        """Everything that may be fetched now. Returns how many files were tried."""
        tried = 0
        async with self._turn:
            while True:
                now = self._clock.now()
                async with self._database.transaction() as tx:
                    due = await tx.files.due(now)
                    wanted = None
                    if due is not None:
                        # Counted before it is tried: a file that ends the process is tried no
                        # more often than any other.
                        wait = WAITS[min(due.attempts, len(WAITS) - 1)]
                        wanted = await tx.files.begin(due.id, now + wait)
                if wanted is None:
                    return tried
                await self._try(wanted)
                tried += 1
                self._beat()

    async def _try(self, wanted: Wanted) -> None:
        cleaned: Any = None
        lost = ""
        try:
            if wanted.attempts > TRIES:
                lost = UNFETCHED  # the last try was broken off
            else:
                async with asyncio.timeout(DEADLINE):
                    cleaned = await self._alive(self._cleaned(wanted))
        except FileTooLarge:
            lost = TOO_LARGE
        except (Unavailable, NotActing):
            raise
        except Exception as error:  # also a defect: no file may stop those behind it
            name = type(error).__name__
            log.warning("file.not_fetched", row=wanted.id, error=name, attempt=wanted.attempts)
            final = isinstance(error, PlatformError) and error.final
            if not final and wanted.attempts < TRIES:
                return
            lost = UNFETCHED
        await retried(lambda: self._tell(wanted, cleaned, lost))

    async def _cleaned(self, wanted: Wanted) -> Any:
        platform = self._platforms.get(wanted.platform)
        if platform is None:
            raise PlatformError("the platform of this file is not configured any more", final=True)
        content = await platform.fetch(wanted.ref, self._limit)
        return await self._cleaning(content, wanted.name)

    async def _alive(self, work: Awaitable[Any]) -> Any:
        """`work`, with signs of life: it is bounded, and its waiting is no standing still."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait({task}, timeout=PULSE))[0]:
                self._beat()
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    async def _tell(self, wanted: Wanted, cleaned: Any, lost: str) -> None:
        """Store it and tell its sender. What fails here may fail each time: at last nothing is told."""
        try:
            async with self._database.transaction() as tx:
                if not await tx.files.is_wanted(wanted.id):
                    return  # thrown away meanwhile, or another process acts
                now = self._clock.now()
                if lost:
                    await self._handlers.file_lost(tx, wanted, lost, now)
                else:
                    await self._handlers.file_ready(tx, wanted, cleaned, now)
        except (Unavailable, NotActing):
            raise
        except Exception as error:
            log.error("file.failed", row=wanted.id, error=type(error).__name__)
            if wanted.attempts < TRIES:
                return
            async with self._database.transaction() as tx:
                await tx.files.refuse(wanted.id)
            log.error("file.set_aside", row=wanted.id)
