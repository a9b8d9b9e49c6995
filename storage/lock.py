"""A lock that ends with the process that holds it: tells a dead holder of the fence from a frozen one.

On SQLite a lock on a file beside the database, on PostgreSQL an advisory lock of a session.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

ADVISORY = 0x41435545_52504131
"""Any number that no other program of the same PostgreSQL database uses."""


class FileLock:
    """`flock` on a file; the kernel gives it back when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    async def acquire(self) -> bool:
        """Take it without waiting; True also if we have it already. Raises `OSError`."""
        if self._handle is not None:
            return True
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    async def release(self) -> None:
        """Give it back."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class AdvisoryLock:
    """PostgreSQL's, held by a connection of its own: it ends when that connection does."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None

    async def acquire(self) -> bool:
        """Take it without waiting; True also if we have it already."""
        if self._connection is not None:
            return True
        connection = await self._engine.connect()
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        taken = await connection.execute(sa.select(sa.func.pg_try_advisory_lock(ADVISORY)))
        if not taken.scalar_one():
            await connection.close()
            return False
        self._connection = connection
        return True

    async def release(self) -> None:
        """Give it back."""
        if self._connection is not None:
            await self._connection.execute(sa.select(sa.func.pg_advisory_unlock(ADVISORY)))
            await self._connection.close()
            self._connection = None


class NoLock:
    """A database in memory is nobody else's."""

    async def acquire(self) -> bool:
        """Always."""
        return True

    async def release(self) -> None:
        """Nothing to give back."""


Lock = FileLock | AdvisoryLock | NoLock
