"""Receiving: ask the platform, store what it gives with its cursor, and only then ask again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import structlog

from bot.engine.clock import Clock
from bot.platforms.base import Batch, Command, Platform, PlatformError
from storage.database import Database

log = structlog.get_logger(__name__)

LONG_POLL = 25.0
"""Seconds that a platform may keep us waiting for news."""

RETRY = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between attempts while a platform does not answer."""

CATCH_UP = 5.0
"""Seconds that a deadline waits, at the most, for what people may have written before it."""


class Receiver:
    """One platform's incoming side."""

    def __init__(
        self, database: Database, platform: Platform, clock: Clock, on_stored: Callable[[], None]
    ) -> None:
        self._database = database
        self._platform = platform
        self._clock = clock
        self._on_stored = on_stored
        self._turn = asyncio.Lock()
        self._polling: asyncio.Task[Batch] | None = None
        self._wanted = 0
        self.answering = False
        self.menu: Mapping[str, tuple[Command, ...]] = {}

    async def run(self) -> None:
        """Receive for ever. Raises `PlatformError` if trying again cannot help."""
        failures = 0
        started = False
        while True:
            try:
                if not started:
                    await self.start()
                    started = True
                await self._once(LONG_POLL)
                failures = 0
            except PlatformError as error:
                self.answering = False
                log.error("platform.down", platform=self._platform.name, why=str(error))
                if error.final:
                    raise
                await asyncio.sleep(RETRY[min(failures, len(RETRY) - 1)])
                failures += 1

    async def start(self) -> None:
        """Connect. Raises `PlatformError`."""
        await self._platform.start()
        await self._platform.publish_commands(self.menu)
        self.answering = True
        log.info("platform.ready", platform=self._platform.name)

    async def catch_up(self) -> bool:
        """Store everything that the platform holds for us now.

        False if it does not answer within `CATCH_UP`: then a deadline is judged without it, since
        to wait for a platform that is down would be to lose the alarm.
        """
        if not self.answering:
            return False
        self._wanted += 1
        try:
            if self._polling is not None:
                self._polling.cancel()
            async with asyncio.timeout(CATCH_UP):
                while await self._once(0.0):
                    pass
            return True
        except (PlatformError, TimeoutError) as error:
            log.warning("platform.silent", platform=self._platform.name, why=type(error).__name__)
            self.answering = False
            return False
        finally:
            self._wanted -= 1

    async def _once(self, wait: float) -> int:
        """One batch, stored. Returns how many events it had."""
        async with self._turn:
            async with self._database.transaction() as tx:
                cursor = await tx.inbox.cursor(self._platform.name)
            patience = 0.0 if self._wanted else wait
            self._polling = asyncio.ensure_future(self._platform.receive(cursor, patience))
            try:
                batch = await self._polling
            except asyncio.CancelledError:
                current = asyncio.current_task()
                if current is not None and current.cancelling():
                    raise  # we are being stopped, not hurried
                return 0
            finally:
                self._polling = None
            self.answering = True
            if batch.events or batch.cursor != cursor:
                async with self._database.transaction() as tx:
                    await tx.inbox.store(
                        self._platform.name,
                        [(event.event_id, event.chat, event.raw) for event in batch.events],
                        batch.cursor,
                        self._clock.now(),
                    )
            if batch.events:
                self._on_stored()
            return len(batch.events)
