"""The engine: receives, handles, carries out what is due, and sends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.engine.clock import Clock
from bot.engine.due import DueTimers
from bot.engine.handling import Handlers
from bot.engine.outbox import Dispatcher
from bot.engine.pace import Pace
from bot.engine.receiver import Receiver
from bot.engine.worker import Worker
from bot.platforms.base import Command, Platform
from storage.database import Database

log = structlog.get_logger(__name__)

TICK = 1
"""Seconds between two looks at the timers."""

HEARTBEAT = 30
"""Seconds between two writings of the heartbeat row."""


class Engine:
    """Everything that runs, over one database and any platforms."""

    def __init__(
        self,
        database: Database,
        platforms: Iterable[Platform],
        handlers: Handlers,
        clock: Clock,
    ) -> None:
        self._database = database
        self._clock = clock
        self.platforms = {str(platform.name): platform for platform in platforms}
        self._stored = asyncio.Event()
        self._worker = Worker(database, self.platforms, handlers, clock)
        self._due = DueTimers(database, handlers, clock, self._catch_up)
        # Rates are about the platforms' real time, not about the injected clock.
        monotonic = asyncio.get_running_loop().time
        self._dispatchers = [
            Dispatcher(database, platform, handlers, clock, Pace(platform.limits, monotonic))
            for platform in self.platforms.values()
        ]
        self._receivers = [
            Receiver(database, platform, clock, self._stored.set)
            for platform in self.platforms.values()
        ]

    async def run(self, menu: Mapping[str, tuple[Command, ...]]) -> None:
        """Run until cancelled. `menu` is the commands menu per language.

        Raises `PlatformError` in a group if a platform cannot be used at all.
        """
        for receiver in self._receivers:
            receiver.menu = menu
        scheduler = AsyncIOScheduler(job_defaults={"coalesce": True, "max_instances": 1})
        scheduler.add_job(self.tick, "interval", seconds=TICK)
        scheduler.add_job(self._heartbeat, "interval", seconds=HEARTBEAT)
        scheduler.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._handle())
                for dispatcher in self._dispatchers:
                    tasks.create_task(dispatcher.run())
                for receiver in self._receivers:
                    tasks.create_task(receiver.run())
        finally:
            scheduler.shutdown(wait=False)
            for platform in self.platforms.values():
                await platform.stop()

    @property
    def ready(self) -> bool:
        """Whether every platform answered the last time it was asked."""
        return all(receiver.answering for receiver in self._receivers)

    async def tick(self) -> None:
        """Carry out what is due, and look at the outbox."""
        if await self._due.drain():
            self._wake()

    async def start(self) -> None:
        """Connect every platform without running: for whoever steps through time."""
        for receiver in self._receivers:
            await receiver.start()

    async def settle(self) -> None:
        """Until nothing is left to do at this instant: for simulated time, not for real use."""
        while True:
            await self._receive_all()
            done = await self._worker.drain()
            done += await self._due.drain()
            for dispatcher in self._dispatchers:
                done += await dispatcher.drain()
            if not done:
                return

    def _wake(self) -> None:
        for dispatcher in self._dispatchers:
            dispatcher.wake()

    async def _handle(self) -> None:
        while True:
            await self._worker.drain()
            self._wake()
            await self._stored.wait()
            self._stored.clear()

    async def _receive_all(self) -> None:
        await asyncio.gather(*(receiver.catch_up() for receiver in self._receivers))

    async def _catch_up(self) -> None:
        """Before a deadline is judged: what people wrote before it comes first."""
        await self._receive_all()
        await self._worker.drain()

    async def _heartbeat(self) -> None:
        async with self._database.transaction() as tx:
            await tx.facts.set("heartbeat", self._clock.now().isoformat().encode())
