"""The right to act: taken at the start, renewed while running, lost to whoever took it meanwhile.

On SQLite a lock that ends with its process tells whether the former holder is dead, and a frozen one
is ended by whoever waits for its place. On PostgreSQL a lease tells: a row in the database that the
holder renews, and that another process may take once it has not changed for a whole lease. A number
in that row only grows; it is asked for in every claiming statement (`storage.fence`), and `permit`
is asked once more right before a message leaves.

No process compares its clock with another's: a lease is measured by one's own steady clock, by the
holder from before it renewed, by the other from after it saw that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from enum import Enum, auto

import sqlalchemy as sa
import structlog

from bot.engine.clock import Clock
from storage.database import Database, StorageError, Unavailable
from storage.fence import NotActing
from storage.lock import FileLock

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=15)
"""After how long without a renewal another process may take over."""


LOOK = 1.0
"""Seconds between two looks, at the most, whether the place of the one that acts is free."""

Waiting = Callable[[], None]


class Occupied(Exception):
    """Another process acts. The message is one line for the operator."""


class _Found(Enum):
    """What an attempt to begin found."""

    OURS = auto()
    TAKEN = auto()  # somebody else has it and lives, or may still live
    UNSURE = auto()  # somebody had it, and has not been watched long enough


class Watched:
    """Something that another process changes as long as it lives."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._seen: object = None
        self._since = 0.0
        self.changed = False

    def still(self, value: object) -> float:
        """For how many seconds it has not changed."""
        if value != self._seen:
            self.changed = self._seen is not None
            self._seen, self._since = value, self._steady()
        return self._steady() - self._since

    def again(self) -> None:
        """Begin to watch anew."""
        self._since = self._steady()


class Acting:
    """One process's right over one database.

    Args:
        database: Whose fence it is; its `fence` is set to our number.
        clock: Real time, for people who look at the row.
        steady: Seconds of a clock that never goes back, nor stops while the machine sleeps.
        lease: How long the right lasts without being renewed; the same in all processes.
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
        self._until: float | None = None
        # Kept over failures: a database that fails now and then does not make anybody wait anew.
        self._holder = Watched(steady)
        if isinstance(database.lock, FileLock):
            database.lock.every = lease.total_seconds() / 3

    @property
    def lease(self) -> float:
        """How long the right lasts without being renewed, in seconds."""
        return self._lease.total_seconds()

    async def queue(self, *, wait: bool = False, waiting: Waiting = lambda: None) -> None:
        """On SQLite, wait until no other process acts; elsewhere that is known only later.

        For before the database is opened, which may change tables under an older version, and which
        a frozen process can hold up for ever. Raises as `take` does.
        """
        watched = Watched(self._steady)
        await self._until_ours(lambda: self._lock_it(watched), wait, waiting)

    async def take(self, *, wait: bool = False, waiting: Waiting = lambda: None) -> None:
        """Begin to act. Raises `Occupied` while another process does, unless told to `wait`.

        `waiting` is called again and again meanwhile.
        """
        await self.queue(wait=wait, waiting=waiting)
        await self._until_ours(lambda: self._number(self._holder), wait, waiting)
        await self._show()

    async def _until_ours(
        self, attempt: Callable[[], Awaitable[_Found]], wait: bool, waiting: Waiting
    ) -> None:
        told = False
        while True:
            try:
                found = await attempt()
            except Unavailable as error:
                if not wait:
                    raise
                log.warning("standby.database", why=str(error))
                found = _Found.TAKEN
            if found is _Found.OURS:
                return
            if found is _Found.TAKEN and not wait:
                raise Occupied(
                    "another process acts on this database: stop it first, or start this one "
                    "with --standby, to take over when the other one fails"
                )
            if wait and not told:
                log.info("standby")
                told = True
            waiting()
            await asyncio.sleep(min(LOOK, self._lease.total_seconds() / 6))

    async def _lock_it(self, watched: Watched) -> _Found:
        """Get the lock of the file; a holder that stands still is ended, and it is free then."""
        lock = self._database.lock
        if not isinstance(lock, FileLock):
            return _Found.OURS
        try:
            if await lock.acquire():
                return _Found.OURS
        except OSError as error:
            raise StorageError(
                f"database.url: the lock beside it cannot be made ({error.strerror}): may this "
                "account write there?"
            ) from error
        with suppress(OSError):
            if watched.still(lock.sign()) > self._lease.total_seconds():
                log.error("acting.frozen_process", ended=await lock.end_holder())
                watched.again()
        return _Found.TAKEN

    async def _number(self, watched: Watched) -> _Found:
        """Take the next number, if the holder is known to be gone or has not been heard of."""
        lease = self._lease.total_seconds()
        proof = isinstance(self._database.lock, FileLock)
        began = self._steady()
        async with self._database.transaction(fenced=False) as tx:
            holder = await tx.fence.holder()
            if holder is not None and not holder.ended and not proof:
                if watched.still(holder) <= lease:
                    return _Found.TAKEN if watched.changed else _Found.UNSURE
                await tx.fence.end_sessions(holder)
            until, session = self._clock.now() + self._lease, self._database.session
            number = await tx.fence.take(holder, until, session)
        if number is None:
            return _Found.TAKEN
        self._database.fence = number
        self._until = began + lease
        log.info("acting", number=number)
        return _Found.OURS

    async def _show(self) -> None:
        """Tools ask for the lock: as soon as it is free it is ours, on PostgreSQL too."""
        with suppress(Unavailable, sa.exc.DBAPIError, OSError):
            await self._database.lock.acquire()

    async def keep(self) -> None:
        """Renew for ever. Raises `NotActing` once another process has taken over."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            await self.renew()
            await self._show()

    async def renew(self) -> None:
        """Renew once. Raises `NotActing`; a database that fails leaves the right to run out."""
        number = self._database.fence
        if number is None:
            raise NotActing("never began to act")
        began = self._steady()
        try:
            # Not fenced: what that asks is asked by the renewal itself.
            async with self._database.transaction(fenced=False) as tx:
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

    async def is_lost(self) -> bool:
        """Whether another process has taken over."""
        try:
            await self.renew()
        except NotActing:
            return True
        return False

    async def let_go(self) -> None:
        """Stop acting: the next process need not wait. What is still under way here stays fenced."""
        self._until = None
        number = self._database.fence
        if number is not None:
            with suppress(Unavailable):
                async with self._database.transaction(fenced=False) as tx:
                    await tx.fence.end(number)
        await self._database.lock.release()


def always() -> None:
    """The permit of a process that needs none: the sandbox's, which shares its database with nobody."""
