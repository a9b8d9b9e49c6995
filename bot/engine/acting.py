"""The right to act: taken at the start, renewed while running, lost to whoever took it meanwhile.

Two things decide. A lock that ends with its process tells whether the former holder is dead; a
lease in the database, with a number that only grows, tells whether a holder that lives is frozen.
The number is asked for in every claiming statement (`storage.fence`), and `permit` is asked once
more right before a message leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog

from bot.engine.clock import Clock
from storage.database import Database, Unavailable

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=15)
"""After how long without a renewal another process may take over."""


class NotActing(RuntimeError):
    """This process may not act: another one does, or it could not renew its right in time."""


class Occupied(Exception):
    """Another process acts. The message is one line for the operator."""


class Acting:
    """One process's right over one database.

    Args:
        database: Whose fence it is; its `fence` is set to our number.
        clock: Real time, shared with other processes; never a simulated one.
        steady: Seconds of a clock that never goes back.
        lease: How long the right lasts without being renewed.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        steady: Callable[[], float],
        lease: timedelta = LEASE,
    ) -> None:
        self._database = database
        self._clock = clock
        self._steady = steady
        self._lease = lease
        self._lock = database.lock()
        self._until: float | None = None

    async def take(self, *, wait: bool = False) -> None:
        """Begin to act. Raises `Occupied` while another process does, unless told to `wait`."""
        told = False
        while not await self._try():
            if not wait:
                raise Occupied(
                    "another process acts on this database: stop it first, or start this one "
                    "with --standby, to take over when the other one fails"
                )
            if not told:
                log.info("standby")
                told = True
            await asyncio.sleep(self._lease.total_seconds() / 3)

    async def _try(self) -> bool:
        alone = await self._lock.acquire()
        began = self._steady()
        now = self._clock.now()
        async with self._database.transaction() as tx:
            number = await tx.fence.take(now, now + self._lease, alone=alone)
        if number is None:
            return False
        self._database.fence = number
        self._until = began + self._lease.total_seconds()
        log.info("acting", number=number, after="a clean end" if alone else "a frozen process")
        return True

    async def keep(self) -> None:
        """Renew for ever. Raises `NotActing` once another process has taken over."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            await self.renew()

    async def renew(self) -> None:
        """Renew once. Raises `NotActing`; a database that fails leaves the right to run out."""
        number = self._database.fence
        if number is None:
            raise NotActing("never began to act")
        began = self._steady()
        try:
            async with self._database.transaction() as tx:
                ours = await tx.fence.renew(number, self._clock.now() + self._lease)
        except Unavailable as error:
            log.error("fence.not_renewed", why=str(error))
            return
        if not ours:
            self._until = None
            raise NotActing("another process has taken over")
        self._until = began + self._lease.total_seconds()

    def permit(self) -> None:
        """Raises `NotActing` unless this process may act now."""
        if self._until is None or self._steady() >= self._until:
            raise NotActing("the right to act has run out")

    async def let_go(self) -> None:
        """Stop acting: the next process need not wait."""
        self._until = None
        await self._lock.release()


def always() -> None:
    """The permit of a process that needs none: the sandbox's, which shares its database with nobody."""
