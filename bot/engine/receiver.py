"""Receiving: ask the platform, store what it gives with its cursor, and only then ask again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

import structlog

from bot.engine.beats import Beats
from bot.engine.clock import Clock
from bot.platforms.base import Batch, Command, Platform, PlatformError
from storage.database import Conflict, Database, Unavailable

log = structlog.get_logger(__name__)

LONG_POLL = 25.0
"""Seconds that a platform may keep us waiting for news."""

RETRY = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between attempts while a platform does not answer."""

FIRST_ANSWER = 20.0
"""Seconds that the first deadline after a start waits for a platform that we are just connecting
to: what people wrote while we were not there is not stored yet."""

REFUSED = 60.0
"""Seconds between attempts at a platform that refused us for good, while others work."""

NO_END = 60.0
"""Seconds beyond what a platform may keep us waiting after which its answer counts as none."""

CONNECTING = 180.0
"""Seconds that connecting may take."""
LONGEST_ROUND = 180.0
"""Seconds within which a platform was asked and its answer stored, or we know that it gives none."""

CATCH_UP = 5.0
"""Seconds that a deadline waits, at the most, for what people may have written before it."""

IN_VAIN = 10.0
"""Seconds after such a wait in vain in which nobody waits for this platform again."""


class Receiver:
    """One platform's incoming side."""

    def __init__(
        self,
        database: Database,
        platform: Platform,
        clock: Clock,
        on_stored: Callable[[], None],
        beats: Beats,
        answers: Beats,
        refused: Callable[[PlatformError], None],
    ) -> None:
        self._database = database
        self._platform = platform
        self._clock = clock
        self._on_stored = on_stored
        self._beats = beats
        self._answers = answers
        self._on_refused = refused
        self.name = str(platform.name)
        self._turn = asyncio.Lock()
        self._catching = asyncio.Lock()
        self._polling: asyncio.Task[Batch] | None = None
        self._wanted = 0
        self._started_at: float | None = None
        self._connected = False
        self._in_vain = -IN_VAIN
        self._asked = asyncio.Event()
        self._hurry = asyncio.Event()
        self._tried = asyncio.Event()
        self.answering = False
        self.refused = ""
        self.menu: Mapping[str, tuple[Command, ...]] = {}

    def begins(self) -> None:
        """It is about to run: who wants to know what people wrote waits for its first answer."""
        self._started_at = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Receive for ever, after `begins`.

        Raises `PlatformError` if nobody can be reached by going on.
        """
        failures = 0
        started = False
        part = f"receive.{self.name}"
        self._beats.expect(part, LONGEST_ROUND)
        while True:
            self._beats.beat(part)  # also in vain: that is a finding about the platform, not about us
            try:
                if not started:
                    await self.start()
                    started = True
                # At once the first time: a deadline may be waiting for what was written before.
                await self._once(LONG_POLL if self._asked.is_set() else 0.0)
                failures = 0
                self.refused = ""
            except Conflict:
                continue  # what was asked for is asked for again
            except Unavailable as error:
                # Nothing is confirmed that is not stored: the platform keeps it meanwhile.
                log.error("receive.not_stored", platform=self.name, why=str(error))
                await asyncio.sleep(RETRY[min(failures, len(RETRY) - 1)])
                failures += 1
            except PlatformError as error:
                self.answering = False
                log.error("platform.down", platform=self.name, why=str(error))
                if error.final:
                    self.refused = str(error)
                    self._on_refused(error)  # raises where no other platform is left
                    started = False
                    await asyncio.sleep(REFUSED)
                else:
                    await self._pause(RETRY[min(failures, len(RETRY) - 1)])
                failures += 1

    async def start(self) -> None:
        """Connect. Raises `PlatformError`."""
        self._connected = False
        try:
            async with asyncio.timeout(CONNECTING):
                await self._platform.start()
                await self._platform.publish_commands(self.menu)
            self._connected = self.answering = True
        except TimeoutError:
            raise PlatformError(f"{self.name}: does not let us connect") from None
        finally:
            self._tried.set()
        self.refused = ""
        log.info("platform.ready", platform=self._platform.name)

    async def catch_up(self) -> bool:
        """Store everything that the platform holds for us now.

        False if it does not answer within `CATCH_UP`: then a deadline is judged without it, since
        to wait for a platform that is down would be to lose the alarm. One that was silent is asked
        all the same, for it may be back and what people wrote meanwhile not fetched yet.
        """
        await self._first_answer()
        async with self._catching:
            now = asyncio.get_running_loop().time()
            if self.refused or now - self._in_vain < IN_VAIN:
                return False
            return (self._connected or await self._connects()) and await self._catch_up()

    async def _pause(self, seconds: float) -> None:
        """Before the next attempt; a deadline does not wait for its end."""
        self._hurry.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()

    async def _connects(self) -> bool:
        """Whether it lets us connect, if that is tried now and not at its next time."""
        if self._started_at is None:
            return False
        self._tried.clear()
        self._hurry.set()
        try:
            async with asyncio.timeout(CATCH_UP):
                await self._tried.wait()
        except TimeoutError:
            self._in_vain = asyncio.get_running_loop().time()
        return self._connected

    async def _catch_up(self) -> bool:
        self._wanted += 1
        try:
            if self._polling is not None:
                self._polling.cancel()
            async with asyncio.timeout(CATCH_UP):
                while await self._once(0.0):
                    pass
            return True
        except (PlatformError, TimeoutError) as error:
            log.warning("platform.silent", platform=self.name, why=type(error).__name__)
            self.answering = False
            if isinstance(error, TimeoutError):
                self._in_vain = asyncio.get_running_loop().time()
            return False
        finally:
            self._wanted -= 1

    async def _first_answer(self) -> None:
        """Right after the start, wait a little until we have heard what people wrote meanwhile."""
        if self._asked.is_set() or self._started_at is None or self.refused:
            return
        left = self._started_at + FIRST_ANSWER - asyncio.get_running_loop().time()
        if left > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._asked.wait()

    async def _received(self, cursor: str | None, wait: float) -> Batch:
        """What the platform holds. Raises `PlatformError` also for an answer that never ends."""
        try:
            async with asyncio.timeout(wait + NO_END):
                return await self._platform.receive(cursor, wait)
        except TimeoutError:
            raise PlatformError(f"{self.name}: its answer does not end") from None

    async def _once(self, wait: float) -> int:
        """One batch, stored. Returns how many events it had, at least one if there are more."""
        async with self._turn:
            async with self._database.transaction() as tx:
                cursor = await tx.inbox.cursor(self._platform.name)
            patience = 0.0 if self._wanted else wait
            self._polling = asyncio.ensure_future(self._received(cursor, patience))
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
            self._in_vain = -IN_VAIN
            if batch.events or batch.cursor != cursor:
                async with self._database.transaction() as tx:
                    await tx.inbox.store(
                        self._platform.name,
                        [(event.event_id, event.chat, event.raw) for event in batch.events],
                        batch.cursor,
                        self._clock.now(),
                    )
            self._asked.set()
            self._answers.beat(self.name)
            if batch.events:
                self._on_stored()
            return max(len(batch.events), batch.more)
