"""A worker: a process beside the one that acts, on the same PostgreSQL database.

It carries out timers and sends what other processes may send, both claimed so that nobody else has
them. It polls nothing, and judges nothing before the process that acts has said that all is known that
people wrote until then: without that one, deadlines wait for the next that takes its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.engine.acting import Acting
from bot.engine.beats import Beats
from bot.engine.clock import Clock
from bot.engine.due import DueTimers
from bot.engine.handling import Handlers
from bot.engine.leader import listen
from bot.engine.outbox import Dispatcher
from bot.engine.pace import Pace
from bot.engine.persist import persist
from bot.engine.receiver import CATCH_UP, RETRY
from bot.engine.telling import Line, News, Watcher
from bot.platforms.base import Platform, PlatformError
from storage.database import Database
from storage.notices import ANSWERED, QUEUED, WANTED

log = structlog.get_logger(__name__)

TICK = 1.0
"""Seconds between two looks at the timers, if nothing is heard before."""

PATIENCE = 2 * CATCH_UP
"""Seconds that a deadline waits for an answer: then it is left to the process that acts."""

LOOK = 0.2
"""Seconds between two looks for an answer, if no notice comes."""

ASTRAY = timedelta(seconds=30)
"""How far our clock may be from that of the process that acts."""

LONGEST_ROUND = 120.0
"""Seconds within which each part goes round."""

TELL = 20.0
"""Seconds between two signs of life to the service manager."""


class Led:
    """What a worker asks the process that acts."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._answered = asyncio.Event()

    def hear(self, what: str) -> None:
        """A notice of another process."""
        if what == ANSWERED:
            self._answered.set()

    async def caught_up(self) -> datetime | None:
        """Until when all is known that people wrote; None if nobody says so, or if our clock and that
        of the process that acts tell different times: one of them would judge too early."""
        async with self._database.transaction(claims=True) as tx:
            wanted = await tx.polls.want()
            tx.notices.add(WANTED)
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE
        while wanted and loop.time() < end:
            self._answered.clear()
            async with self._database.transaction(claims=True) as tx:
                answers = await tx.polls.answers()
            ours = [answers[platform] for platform in wanted if platform in answers]
            if all(answers[p].answered >= n for p, n in wanted.items() if p in answers) and ours:
                at = min(answer.at for answer in ours)
                if abs(self._clock.now() - at) <= ASTRAY:
                    return at
                log.error("worker.clock_astray", remedy="set this machine's clock right (NTP)")
                return None
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._answered.wait()
        log.warning("worker.unanswered")
        return None

    async def is_up(self, platform: str) -> bool:
        """Whether the platform answers the process that acts: where it was away, what people wrote
        meanwhile comes before anything is sent there."""
        async with self._database.transaction(claims=True) as tx:
            answer = (await tx.polls.answers()).get(platform)
        return answer is not None and answer.up


class WorkerEngine:
    """Everything that runs in a worker.

    Args:
        platforms: Those over whose accounts several processes may send.
        acting: The worker's own right to do things, taken already.
        watchers: Told whether its parts go round.
    """

    def __init__(
        self,
        database: Database,
        platforms: Iterable[Platform],
        handlers: Handlers,
        clock: Clock,
        acting: Acting,
        watchers: Iterable[Watcher] = (),
    ) -> None:
        self._database = database
        self._acting = acting
        self._lines = tuple(Line(watcher) for watcher in watchers)
        self._beats = Beats(asyncio.get_running_loop().time)
        self._led = Led(database, clock)
        self._call = asyncio.Event()
        self._senders = 2
        self._due = DueTimers(
            database, handlers, clock, self._led.caught_up, partial(self._beats.beat, "due")
        )
        monotonic = asyncio.get_running_loop().time
        self._platforms = {
            platform: Dispatcher(
                database, platform, handlers, clock,
                Pace(platform.limits, monotonic, lambda: self._senders), self._beats,
                acting.permit, partial(self._led.is_up, str(platform.name)),
            )
            for platform in platforms
        }  # fmt: skip

    async def run(self) -> None:
        """Work until cancelled. Raises `NotActing`, in a group, if it was taken for dead."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._acting.keep())
                tasks.create_task(listen(self._database, self._hear))
                tasks.create_task(self._tick())
                tasks.create_task(self._tell())
                for platform, dispatcher in self._platforms.items():
                    tasks.create_task(self._send(platform, dispatcher))
        finally:
            await asyncio.gather(*(line.close() for line in self._lines))
            await asyncio.gather(*(d.finish() for d in self._platforms.values()))
            for platform in self._platforms:
                await platform.stop()

    def silent(self) -> list[str]:
        """The parts that have not gone round in time."""
        return self._beats.silent()

    def _hear(self, what: str) -> None:
        self._led.hear(what)
        if what == QUEUED:
            for dispatcher in self._platforms.values():
                dispatcher.help()

    def _wake(self) -> None:
        for dispatcher in self._platforms.values():
            dispatcher.wake()

    async def _tick(self) -> None:
        self._beats.expect("due", LONGEST_ROUND)
        while True:
            await persist("workers", self._look)
            if await persist("due", self._due.drain):
                self._wake()
            self._beats.beat("due")
            await asyncio.sleep(TICK)

    async def _look(self) -> None:
        async with self._database.transaction(claims=True) as tx:
            self._senders = await tx.fence.at_work()

    async def _send(self, platform: Platform, dispatcher: Dispatcher) -> None:
        """Connect, however long it takes, and send."""
        failures = 0
        while True:
            try:
                await platform.start()
                break
            except PlatformError as error:
                log.error("platform.down", platform=str(platform.name), why=str(error))
                await asyncio.sleep(RETRY[min(failures, len(RETRY) - 1)])
                failures += 1
        await dispatcher.run()

    async def _tell(self) -> None:
        """The service manager: a part that stands still is worth a restart."""
        while True:
            await asyncio.sleep(TELL)
            silent = tuple(f"part_silent:{part}" for part in self._beats.silent())
            for line in self._lines:
                line.tell(News(silent))
