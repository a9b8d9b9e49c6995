"""What the process that acts does for the workers beside it (`bot.engine.workers`), on PostgreSQL.

It alone polls the platforms, so it answers when a worker asks whether everything that people wrote is
known. And it watches them: what one had claimed that died, or that is frozen, is given back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime

import structlog

from bot.engine.acting import Watched
from bot.engine.clock import Clock
from bot.engine.outbox import Dispatcher
from bot.engine.persist import persist, retried
from bot.engine.receiver import Receiver
from storage.database import Database, Unavailable
from storage.fence import Holder
from storage.notices import ANSWERED, QUEUED, WANTED

log = structlog.get_logger(__name__)

LOOK = 1.0
"""Seconds between two looks at the workers, if nobody asks before."""

LISTEN_AGAIN = 5.0
"""Seconds until notices are listened to again after the connection was lost."""


class Leader:
    """The side of the process that acts.

    Args:
        lease: Seconds after which a worker that does not renew its right counts as gone.
        steady: Seconds of a clock that never goes back.
        catch_up: Stores and handles what the platforms hold; gives the instant before it began.
        wake: There may be something to send.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        steady: Callable[[], float],
        lease: float,
        receivers: Sequence[Receiver],
        dispatchers: Sequence[Dispatcher],
        catch_up: Callable[[], Awaitable[datetime]],
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._steady = steady
        self._lease = lease
        self._receivers = receivers
        self._dispatchers = dispatchers
        self._catch_up = catch_up
        self._wake = wake
        self._asked = asyncio.Event()
        self._watched: dict[str, Watched] = {}
        self._said: dict[str, bool] = {}
        self.senders = 1
        """How many processes send, this one among them."""

    async def begin(self) -> None:
        """From now on it is us who are asked."""
        self._said = self._up()
        async with self._database.transaction(claims=True) as tx:
            await tx.polls.begin(self._said, self._clock.now())

    async def run(self, beat: Callable[[], None]) -> None:
        """Answer and watch for ever."""
        while True:
            self._asked.clear()
            await persist("workers", self.look)
            beat()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._asked.wait()

    async def look(self) -> None:
        """Once: answer who asks, and give back what the workers had that are gone."""
        await self._answer()
        async with self._database.transaction(claims=True) as tx:
            workers = await tx.fence.workers()
            self.senders = await tx.fence.at_work()
        self._watched = {n: w for n, w in self._watched.items() if n in workers}
        for name, holder in workers.items():
            watched = self._watched.setdefault(name, Watched(self._steady))
            if holder.ended or watched.still(holder) > self._lease:
                await self._take_back(name, holder)

    def hear(self, what: str) -> None:
        """A notice of another process."""
        if what == WANTED:
            self._asked.set()
        elif what == QUEUED:
            for dispatcher in self._dispatchers:
                dispatcher.help()

    async def _answer(self) -> None:
        async with self._database.transaction(claims=True) as tx:
            wanted = await tx.polls.wanted()
        at = await self._catch_up() if wanted else self._clock.now()
        up = self._up()
        if not wanted and up == self._said:
            return
        async with self._database.transaction(claims=True) as tx:
            await tx.polls.answer(wanted, up, at)
            tx.notices.add(ANSWERED)
        self._said = up

    def _up(self) -> dict[str, bool]:
        return {receiver.name: receiver.answering for receiver in self._receivers}

    async def _take_back(self, name: str, holder: Holder) -> None:
        """What a worker had that is gone. Broken off in between, the next look does it again."""

        async def end() -> None:
            async with self._database.transaction(claims=True) as tx:
                await tx.fence.end_worker(name, holder)
                await tx.timers.free(name)

        async def forget() -> None:
            async with self._database.transaction(claims=True) as tx:
                await tx.fence.forget(name)

        log.warning("worker.gone")
        await end()
        for dispatcher in self._dispatchers:
            await retried(lambda dispatcher=dispatcher: dispatcher.recover(name))  # type: ignore[misc]
        await forget()
        self._wake()


async def listen(database: Database, hear: Callable[[str], None]) -> None:
    """Hear notices for ever; without them everything is noticed a moment later."""
    while True:
        try:
            await database.listen(hear)
        except Unavailable as error:
            log.warning("notices.lost", why=str(error))
            await asyncio.sleep(LISTEN_AGAIN)
