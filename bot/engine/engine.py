"""The engine: receives, handles, carries out what is due, and sends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.engine.acting import Acting, always
from bot.engine.archiving import Archiving, Archivist
from bot.engine.audit import Auditor
from bot.engine.backing import LOOK as LOOK_AT_BACKUPS
from bot.engine.backing import Backing, Keeper
from bot.engine.beats import Beats
from bot.engine.clock import Clock
from bot.engine.clock import steady as real_steady
from bot.engine.due import DueTimers
from bot.engine.erasing import erase
from bot.engine.fetching import Cleaning, Fetcher
from bot.engine.following import Follower, Looking
from bot.engine.handling import Handlers
from bot.engine.leader import Leader, listen
from bot.engine.outages import Outages
from bot.engine.outbox import Dispatcher
from bot.engine.pace import Pace
from bot.engine.persist import persist, retried
from bot.engine.receiver import Receiver
from bot.engine.telling import Watcher
from bot.engine.worker import Worker
from bot.platforms.base import Command, Platform, PlatformError
from storage.database import Database, Unavailable
from storage.facts import RESTORED
from storage.retention import Keep

log = structlog.get_logger(__name__)

TICK = 1
"""Seconds between two looks at the timers."""

AUDIT = 20.0
"""Seconds between two audits: with the half minute that an alarm may take, those outside know within
a minute of a plan of which nobody can be reached."""

LONGEST_TICK = 120.0
"""Seconds within which the look at the timers, and the handling of events, must go round."""

LONGEST_SILENCE = 120.0
"""Seconds from which a platform that does not answer is a finding."""

LONGEST_FILE = 150.0
"""Seconds within which something must be seen to happen to the files that are wanted."""

LONGEST_LOOK = 150.0
"""Seconds within which something must be seen to happen to the feeds that are followed."""

LONGEST_WRITING = 900.0
"""Seconds within which the public archive must have been looked at, or written."""

ERASE = 3600
"""Seconds between two looks for what is kept too long."""

GLANCE = 15
"""Seconds between two looks for an incident of which nobody heard: with the time that an alarm may
take to arrive, well within the minute in which the outside must know."""

LOOK_AGAIN = 5.0
"""Seconds after which the inbox is looked at even if nothing came."""


class Engine:
    """Everything that runs, over one database and any platforms.

    Args:
        acting: The right to act, taken already; None where nobody else can have it.
        steady: Seconds that never go back, to tell passing time from a clock that was set; None
            for simulated time, which is only ever set.
        watchers: Who is told after each audit whether all is well.
        audit: Seconds between two audits.
        canary: Whether the auditor expects a canary.
        keep: How long things are kept once they are over; None for what `Keep` says.
        cleaning: What takes the metadata out of files; None where nobody can send any.
        largest_file: Bytes of a file that is fetched.
        following: What looks at feeds of others; None where nobody does.
        archiving: What writes the public archive; None where there is none.
        backing: What makes backups; None where nobody wants any.
    """

    def __init__(
        self,
        database: Database,
        platforms: Iterable[Platform],
        handlers: Handlers,
        clock: Clock,
        *,
        acting: Acting | None = None,
        steady: Callable[[], float] | None = None,
        watchers: Iterable[Watcher] = (),
        audit: float = AUDIT,
        canary: bool = False,
        keep: Keep | None = None,
        cleaning: Cleaning | None = None,
        largest_file: int = 0,
        following: Looking | None = None,
        archiving: Archiving | None = None,
        backing: Backing | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._handlers = handlers
        self._acting = acting
        self._audit_every = audit
        self._keep = keep or Keep()
        self.platforms = {str(platform.name): platform for platform in platforms}
        self._stored = asyncio.Event()
        self._jobs: set[asyncio.Task[object]] = set()
        # Rates and signs of life are about real time, not about the injected clock.
        monotonic = asyncio.get_running_loop().time
        self._beats = Beats(monotonic)
        self._answers = Beats(monotonic)
        self._catching_up = False
        self._worker = Worker(database, self.platforms, handlers, clock, self._handled)
        self._wanted = asyncio.Event()
        self._fetcher = cleaning and Fetcher(
            database, self.platforms, handlers, clock, cleaning, largest_file,
            lambda: self._beats.beat("files"),
        )  # fmt: skip
        self._follower = following and Follower(
            database, handlers, clock, following, lambda: self._beats.beat("feeds")
        )
        self._archivist = archiving and Archivist(
            database, handlers, clock, archiving, lambda: self._beats.beat("archive")
        )
        self._keeper = Keeper(backing, clock) if backing is not None else None
        self._due = DueTimers(
            database, handlers, clock, self._catch_up, lambda: self._beats.beat("due")
        )
        self._outages = Outages(database, handlers, clock, steady, self._catch_up)
        self._leader: Leader | None = None
        permit = acting.permit if acting is not None else always
        self._receivers = [
            Receiver(
                database, platform, clock, self._stored.set, self._beats, self._answers,
                self._refused,
            )
            for platform in self.platforms.values()
        ]  # fmt: skip
        self._dispatchers = [
            Dispatcher(
                database, platform, handlers, clock,
                Pace(platform.limits, monotonic, partial(self._senders, platform)),
                self._beats, permit, partial(self._hear, receiver), partial(_answers, receiver),
            )
            for platform, receiver in zip(self.platforms.values(), self._receivers, strict=True)
        ]  # fmt: skip
        if acting is not None and not database.sqlite:
            self._leader = Leader(
                database, clock, real_steady, acting.lease, self._receivers, self._dispatchers,
                self._catch_up, self._wake,
            )  # fmt: skip
        self.auditor = Auditor(
            database, handlers, clock, self._beats, self._answers, watchers,
            self._refusing, permit, real_steady, canary=canary,
            others=self._keeper.findings if self._keeper is not None else list,
        )  # fmt: skip

    async def run(self, menu: Mapping[str, tuple[Command, ...]]) -> None:
        """Run until cancelled. `menu` is the commands menu per language.

        Raises, in a group, `PlatformError` if no platform can be used at all or another process
        uses our account, and `NotActing` once another process acts.
        """
        for receiver in self._receivers:
            receiver.menu = menu
        stop: Callable[[], object] | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                if self._acting is not None:
                    tasks.create_task(self._acting.keep())
                await persist("start", self._begin)
                tasks.create_task(self._handle())
                if self._fetcher is not None:
                    tasks.create_task(self._fetch(self._fetcher))
                if self._follower is not None:
                    tasks.create_task(self._follow(self._follower))
                if self._archivist is not None:
                    tasks.create_task(self._archive(self._archivist))
                if self._leader is not None:
                    self._beats.expect("workers", LONGEST_TICK)
                    tasks.create_task(listen(self._database, self._leader.hear))
                    tasks.create_task(self._leader.run(lambda: self._beats.beat("workers")))
                for receiver in self._receivers:
                    receiver.begins()  # before anything looks whether it may leave
                for dispatcher in self._dispatchers:
                    tasks.create_task(dispatcher.run())
                for receiver in self._receivers:
                    tasks.create_task(receiver.run())
                    self._answers.expect(receiver.name, LONGEST_SILENCE)
                self._beats.expect("due", LONGEST_TICK)
                stop = self._begin_ticks()
        except* PlatformError:
            if self._acting is None or not await self._acting.is_lost():
                await self.auditor.last_words(f"platform_refused:{n}" for n in self._refusing())
            raise
        finally:
            if stop is not None:
                stop()
            if self._jobs:  # cancelled by that, and perhaps in the middle of a transaction
                await asyncio.wait(self._jobs)
            await self.auditor.close()
            await asyncio.gather(*(dispatcher.finish() for dispatcher in self._dispatchers))
            for platform in self.platforms.values():
                await platform.stop()

    def _begin_ticks(self) -> Callable[[], object]:
        """What is done again and again begins. Returns what ends it."""
        scheduler = AsyncIOScheduler(job_defaults={"coalesce": True, "max_instances": 1})
        scheduler.add_job(self._guarded(self.tick), "interval", seconds=TICK)
        scheduler.add_job(self._guarded(self.auditor.look), "interval", seconds=self._audit_every)
        scheduler.add_job(self._guarded(self.erase), "interval", seconds=ERASE)
        scheduler.add_job(self._guarded(self.auditor.glance), "interval", seconds=GLANCE)
        if self._keeper is not None:
            job = self._guarded(self._keeper.look)
            scheduler.add_job(job, "interval", seconds=LOOK_AT_BACKUPS)
        scheduler.start()
        return lambda: scheduler.shutdown(wait=False)

    @property
    def ready(self) -> bool:
        """Whether every platform answered the last time it was asked."""
        return all(receiver.answering for receiver in self._receivers)

    @property
    def answering(self) -> dict[str, bool]:
        """Whether each platform answered the last time that it was asked."""
        return {receiver.name: receiver.answering for receiver in self._receivers}

    @property
    def newest_backup(self) -> datetime | None:
        """When the newest that is known of was taken."""
        return self._keeper.newest if self._keeper is not None else None

    def silent(self) -> list[str]:
        """The parts that have not gone round in time."""
        return self._beats.silent()

    @property
    def follows(self) -> bool:
        """Whether feeds of others are looked at here."""
        return self._follower is not None

    async def tick(self) -> None:
        """Notice what happened to time, carry out what is due, and look at the outbox."""
        await self._outages.look()
        if await self._due.drain():
            self._wake()
        self._beats.beat("due")

    async def erase(self) -> int:
        """Erase what is over for too long. Returns how many rows it was."""
        return await erase(self._database, self._clock, self._keep)

    async def start(self) -> None:
        """Connect every platform without running: for whoever steps through time."""
        await self._begin()
        for receiver in self._receivers:
            await receiver.start()
        for dispatcher in self._dispatchers:
            await dispatcher.recover()

    async def settle(self) -> None:
        """Until nothing is left to do at this instant: for simulated time, not for real use."""
        while True:
            await self._receive_all()
            done = await self._worker.drain()
            if self._fetcher is not None:
                done += await self._fetcher.drain()
            if self._follower is not None:
                done += await self._follower.drain()
            if self._archivist is not None:
                done += await self._archivist.look()
            await self._outages.look()
            done += await self._due.drain()
            for dispatcher in self._dispatchers:
                done += await dispatcher.drain()
            if not done:
                return

    def ran(self, span: timedelta) -> None:
        """Simulated time moved on by `span` while we ran: no outage, and no clock that was set."""
        self._outages.ran(span)

    async def _begin(self) -> None:
        """What the process before us had claimed is free, and the installation has what it needs."""
        self.auditor.begin()
        async with self._database.transaction() as tx:
            await tx.timers.free()
            if (taken := await tx.facts.get(RESTORED)) is not None:
                at = datetime.fromisoformat(taken.decode())
                await self._handlers.brought_back(tx, at, self._clock.now())
                await tx.facts.drop(RESTORED)
            await self._handlers.daily(tx, self._clock.now())
        if self._leader is not None:
            await self._leader.begin()

    def _guarded(self, work: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[None]]:
        """A periodic job that fails is tried again at its next time, and never shows content."""

        async def go() -> None:
            job = asyncio.current_task()
            assert job is not None
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)
            try:
                await retried(work)
            except Unavailable as error:
                log.error("tick.database", why=str(error))
            except Exception as error:
                log.error("tick.failed", error=type(error).__name__)

        return go

    def _refusing(self) -> list[str]:
        """The platforms that refused us for good."""
        return [receiver.name for receiver in self._receivers if receiver.refused]

    def _refused(self, error: PlatformError) -> None:
        """One platform refuses us for good: as long as another works, we go on with that one."""
        if error.conflict or all(receiver.refused for receiver in self._receivers):
            raise error

    def _wake(self) -> None:
        for dispatcher in self._dispatchers:
            dispatcher.wake()

    async def _handle(self) -> None:
        self._beats.expect("handle", LONGEST_TICK)
        while True:
            self._stored.clear()
            if await persist("handle", self._worker.drain):
                self._wake()
                self._wanted.set()
            self._beats.beat("handle")
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN):
                    await self._stored.wait()

    async def _fetch(self, fetcher: Fetcher) -> None:
        self._beats.expect("files", LONGEST_FILE)
        while True:
            self._wanted.clear()
            if await persist("files", fetcher.drain):
                self._wake()
            self._beats.beat("files")
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN):
                    await self._wanted.wait()

    async def _follow(self, follower: Follower) -> None:
        self._beats.expect("feeds", LONGEST_LOOK)
        while True:
            if await persist("feeds", follower.drain):
                self._wake()
            self._beats.beat("feeds")
            await asyncio.sleep(LOOK_AGAIN)

    async def _archive(self, archivist: Archivist) -> None:
        self._beats.expect("archive", LONGEST_WRITING)
        while True:
            await persist("archive", archivist.look)
            await asyncio.sleep(archivist.wait)

    async def _receive_all(self) -> None:
        """Store what the platforms hold for us, those that answer."""
        await asyncio.gather(*(receiver.catch_up() for receiver in self._receivers))

    async def _catch_up(self) -> datetime:
        """Before a deadline is judged: what people wrote before it comes first. Gives the instant
        until which that is known."""
        now = self._clock.now()
        self._catching_up = True
        try:
            await self._receive_all()
            await self._worker.drain()
        finally:
            self._catching_up = False
        return now

    async def _hear(self, receiver: Receiver) -> bool:
        """What people wrote on a platform that did not answer, before anything leaves there."""
        if not receiver.answering and await receiver.catch_up():
            await self._worker.drain()
        return True

    def _senders(self, platform: Platform) -> int:
        """How many processes send over this account."""
        return self._leader.senders if self._leader is not None and platform.many_senders else 1

    def _handled(self) -> None:
        """One event more. A deadline that waits for all of them goes on with each."""
        self._beats.beat("handle")
        if self._catching_up:
            self._beats.beat("due")


def _answers(receiver: Receiver) -> bool:
    """Whether we know what people write on its platform."""
    return receiver.answering
