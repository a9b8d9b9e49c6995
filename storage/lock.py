"""A lock that ends with the process that holds it: tells whether a bot is there.

On SQLite all processes are on one machine, and whoever acts holds the lock of a file beside the
database. That tells a dead holder from one that lives at once. A holder that lives and stands still
is another matter: it may hold the database's own lock, so that nobody could take over, and whatever
it does when it comes back would be wrong. So it is ended, by whoever waits to take its place.

On PostgreSQL it is an advisory lock of a session. That can end while its process lives on, so it
says to a tool that a bot is there, and decides nothing between two bots (`bot.engine.acting`). Workers
share another one, so that a tool knows of them as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

ADVISORY, WORKING = 0x41435545_52504131, 0x41435545_52504134
"""Of whoever acts, and of all workers: numbers that no other program of the same PostgreSQL database
uses."""


EVERY = 3.0
"""Seconds between two signs of life of whoever holds the lock, unless it knows better."""


class FileLock:
    """`flock` on a file; the kernel gives it back when the process ends, however it ends.

    The file holds the holder's process number, and its time of change is the holder's sign of life:
    it shows that the holder's loop goes round, whatever its database does.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self._beating: asyncio.Task[None] | None = None
        self.every = EVERY
        """Seconds between two signs of life."""

    @property
    def held(self) -> bool:
        """Whether it is ours."""
        return self._handle is not None

    async def acquire(self, *, alone: bool = False) -> bool:
        """Take it without waiting; True also if we have it already. Raises `OSError`.

        `alone`: nobody else is to do anything, which on SQLite is always so.
        """
        if self._handle is not None:
            return True
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        with contextlib.suppress(OSError):  # a full disk: then nobody can end us, that is all
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
        self._beating = asyncio.create_task(self._beat(handle))
        return True

    async def release(self) -> None:
        """Give it back."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait({self._beating})  # before the handle is somebody else's
            self._beating = None
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    async def _beat(self, handle: int) -> None:
        while True:
            with contextlib.suppress(OSError):
                os.utime(handle)
            await asyncio.sleep(self.every)

    def sign(self) -> int:
        """Changes as long as the holder goes on. Raises `OSError`."""
        return self._path.stat().st_mtime_ns

    async def end_holder(self) -> bool:
        """Kill the process that holds it. False if it cannot be found or may not be killed.

        Its number is trusted only if that process has our file open and the lock is still taken
        afterwards: then it cannot be a number that was given to somebody else meanwhile.
        """
        try:
            pid = int(self._path.read_text("ascii"))
            process = os.pidfd_open(pid)
        except (OSError, ValueError):
            return False
        try:
            if not self._is_open_in(pid) or await self.acquire():
                await self.release()
                return False
            signal.pidfd_send_signal(process, signal.SIGKILL)
            return True
        except OSError:
            return False
        finally:
            os.close(process)

    def _is_open_in(self, pid: int) -> bool:
        ours = self._path.stat()
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                theirs = handle.stat()
                if (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino):
                    return True
        return False


class AdvisoryLock:
    """PostgreSQL's, held by a connection of its own: it ends when that connection does.

    Args:
        shared: That of the workers, which does not keep any other worker out.
    """

    def __init__(self, engine: AsyncEngine, *, shared: bool = False) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None
        self._wanted = [
            sa.func.pg_try_advisory_lock_shared(WORKING)
            if shared
            else sa.func.pg_try_advisory_lock(ADVISORY)
        ]

    @property
    def held(self) -> bool:
        """Whether it is ours, as far as we know."""
        return self._connection is not None and not self._connection.invalidated

    async def acquire(self, *, alone: bool = False) -> bool:
        """Take it without waiting; True also if we have it still. Raises what the driver raises.

        `alone`: there is to be no worker either.
        """
        if self._connection is not None and not alone:
            with contextlib.suppress(sa.exc.DBAPIError, OSError):
                await self._connection.execute(sa.select(1))
            if self.held:
                return True
        await self.release()
        connection = await self._engine.connect()
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        wanted = [*self._wanted, sa.func.pg_try_advisory_lock(WORKING)] if alone else self._wanted
        for lock in wanted:
            if not (await connection.execute(sa.select(lock))).scalar_one():
                await _let_go(connection)
                return False
        self._connection = connection
        return True

    async def release(self) -> None:
        """Give it back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await _let_go(connection)


async def _let_go(connection: AsyncConnection) -> None:
    """All that its session holds, before somebody else uses it; one that was lost holds nothing."""
    with contextlib.suppress(sa.exc.SQLAlchemyError, OSError):
        if not connection.invalidated:
            await connection.execute(sa.select(sa.func.pg_advisory_unlock_all()))
    with contextlib.suppress(sa.exc.SQLAlchemyError, OSError):
        await connection.close()


class NoLock:
    """A database in memory is nobody else's."""

    held = True

    async def acquire(self, *, alone: bool = False) -> bool:
        """Always."""
        return True

    async def release(self) -> None:
        """Nothing to give back."""


Lock = FileLock | AdvisoryLock | NoLock
