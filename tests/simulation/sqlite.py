"""The real storage over a SQLite in memory, without the thread that keeps a disk from blocking us.

The repositories, their statements and SQLite are the real ones; between them is a connection that
runs each statement where it is asked for. What is in the database outlives the `Database`: a
simulated process dies, and its successor opens the same one. `Memory.raw` is also how the judges
read it: past the program's own code.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database, _migrate, _set_pragmas
from storage.keys import KeyInMemory, MasterKey
from tests.support.opened import KEY


class InThread:
    """What the repositories use of an `AsyncConnection`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> sa.Dialect:
        """SQLite's."""
        return self._connection.dialect

    async def execute(self, *how: Any, **more: Any) -> Any:
        """Run it at once."""
        return self._connection.execute(*how, **more)


class Memory:
    """A place for one installation's data at a time, made once for each real process."""

    def __init__(self) -> None:
        self.raw = sqlite3.connect(":memory:", check_same_thread=False)
        engine = sa.create_engine(
            "sqlite://", creator=lambda: self.raw, poolclass=pool.StaticPool, hide_parameters=True
        )
        sa.event.listen(engine, "connect", _set_pragmas)
        with engine.begin() as connection:
            self.ring = _migrate(connection, MasterKey(KEY), None)
        # Transactions begin and end here, as `Database` has them: BEGIN IMMEDIATE.
        self.connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self.raw.commit()
        self.asynchronous = cast(AsyncConnection, InThread(self.connection))
        self._empty = self.raw.serialize()

    def event_key(self, event_id: str) -> bytes:
        """By which an event is found in the inbox."""
        return self.ring.vault.index("inbox", "event_key", event_id)

    def begin_anew(self) -> None:
        """An empty installation of the newest schema."""
        self.raw.deserialize(self._empty)


async def nothing(point: str) -> None:
    """What happens at every point of a process that lives."""


class MemoryDatabase(Database):
    """The real `Database` over a `Memory`, with points at which its process may end.

    Inside a transaction every point is the same one: it was not committed. So there are three:
    before it, before its commit, after its commit.
    """

    def __init__(
        self, memory: Memory, point: Callable[[str], Awaitable[None]] = nothing
    ) -> None:
        super().__init__("nowhere.db", KeyInMemory())  # its engine opens nothing before it is used
        self._ring = memory.ring
        self._memory = memory
        self._point = point

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        await self._point("begin")
        raw = self._memory.raw
        async with self._writer:
            raw.execute("BEGIN IMMEDIATE")
            try:
                yield self._memory.asynchronous
                await self._point("commit")
            except BaseException:
                raw.rollback()
                raise
            raw.commit()
        await self._point("committed")
