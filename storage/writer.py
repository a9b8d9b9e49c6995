"""SQLite's one connection that writes, open from one transaction to the next.

To take it from SQLAlchemy's pool, begin, commit and give it back takes 300 microseconds of the processor,
most of them ways to aiosqlite's thread (docs/en/performance.md): as long as 20 statements. So it is kept,
it begins in the event loop where nobody else writes, and a transaction that changed nothing ends there.
Where anything failed it is given back, and SQLAlchemy ends what was under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage.quick import Quick
from storage.sqlite import driver_of, link_of


class Writer:
    """The connection, for one transaction at a time."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Quick]:
        """Commits at the end of the block, rolls back if it raises. Raises what the driver does, and
        what SQLAlchemy makes of it."""
        try:
            if self._connection is None:
                self._connection = await self._engine.connect()
            connection = self._connection
            before = await _begin(connection)
            yield Quick(connection)
            await _commit(connection, before)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Give it back to the pool, which ends a transaction that is under way."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # Also where we are cancelled: the next one waits until it is back.
            await asyncio.shield(asyncio.ensure_future(_end(connection)))


async def _end(connection: AsyncConnection) -> None:
    try:
        # SQLAlchemy takes a transaction whose commit has failed for one that has ended, and the pool
        # would believe it.
        await connection.rollback()
    finally:
        await connection.close()


async def _begin(connection: AsyncConnection) -> int:
    """How many changes there were before."""
    link = link_of(connection)
    if not link.begins():
        # In the thread, which waits for whoever is at it.
        await driver_of(connection).execute("BEGIN IMMEDIATE")
    return link.total_changes


async def _commit(connection: AsyncConnection, before: int) -> None:
    link = link_of(connection)
    if connection.in_transaction():  # SQLAlchemy ran a statement, and believes that it has begun
        await connection.commit()
    elif link.total_changes == before:
        link.commit()  # there is nothing for which the disk would be waited for
    else:
        await driver_of(connection).commit()
