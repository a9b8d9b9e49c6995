"""An installation goes from one database to another: from SQLite to PostgreSQL, or back.

The new one is whole or it is not there: it is made in one transaction, or under another name. The old
one stays as it was, and is marked before the new one can be used, so that at no instant both would be
started. Whenever it is broken off, the same command goes on.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import copying
from storage.copying import Content
from storage.database import (
    MOVED,
    OPENING,
    Database,
    StorageError,
    database_url,
    reader,
    remove_with_journals,
    require_this_version,
    why_not,
    writing,
)
from storage.keys import sync_folder
from storage.tables import facts, metadata

KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

MARKED = frozenset({MOVED})


@dataclass(frozen=True, slots=True)
class Moved:
    """What the new database holds. `before`: it held that already, from a move that was broken off."""

    tables: Mapping[str, Content]
    before: bool = False

    @property
    def rows(self) -> int:
        """In all tables together."""
        return sum(content.rows for content in self.tables.values())


async def move(source: Database, to: str, now: datetime) -> Moved:
    """Carry everything that is in `source`, which is not opened, to the empty database `to`.

    No key is needed. Raises `StorageError` if a bot runs, the new one is not empty, or what arrived
    is not what left: then nothing was changed.
    """
    target = database_url(to)
    _not_the_same(source.url, target)
    try:
        async with source.alone():
            return await _move(source, target, now)
    except (sa.exc.DBAPIError, OSError) as error:
        raise StorageError(
            f"database.url: one of the two could not be read or written ({why_not(error)}): make room, "
            "look whether both are there, and give the same command again"
        ) from error


async def undo(source: Database) -> bool:
    """Take the mark away from a database that was moved. False if there is none."""
    _must_be_there(source.url)
    async with source.alone(), writing(source.url) as connection:
        gone = await connection.execute(sa.delete(facts).where(facts.c.name == MOVED))
        return gone.rowcount == 1


async def _move(source: Database, target: URL, now: datetime) -> Moved:
    _must_be_there(source.url)
    async with writing(source.url, "REPEATABLE READ") as here:
        await here.run_sync(require_this_version)
        await _nobody_writes(here)
        marked = await _mark_of(here) is not None
        async with _made(target) as place:
            if place.connection is None:
                return Moved(await _same_there(here, target, marked), before=True)
            tables = await copying.copy(here, place.connection, without=MARKED)
            if not marked:
                kind = KINDS[target.get_backend_name()]
                mark = f"to {kind} on {now:%F %H:%M} UTC".encode()
                await here.execute(sa.insert(facts).values(name=MOVED, value=mark, sealed=False))
            await here.commit()  # before the new one can be used
        return Moved(tables)


async def _same_there(here: AsyncConnection, target: URL, marked: bool) -> Mapping[str, Content]:
    """Where the new one is there already: whether it is what an earlier move made."""
    refused = StorageError(
        "database.url: the new database is not empty: name an empty one; nothing was changed"
    )
    if not marked:
        raise refused
    engine = reader(target)
    try:
        async with engine.connect() as there:
            try:
                await there.run_sync(require_this_version)
                found = await copying.contents(there)
                copying.compare(await copying.contents(here, without=MARKED), found)
            except StorageError:
                raise refused from None
    finally:
        await engine.dispose()
    return found


@dataclass(slots=True)
class _Place:
    """Where the new tables are made; None if there are some already."""

    connection: AsyncConnection | None


@asynccontextmanager
async def _made(target: URL) -> AsyncIterator[_Place]:
    """The new database, with its tables and no row. It is there once the block has ended well."""
    if target.get_backend_name() == "sqlite":
        path = Path(str(target.database))
        if path.exists():
            yield _Place(None)
            return
        half = path.with_name(f"{path.name}.half")
        remove_with_journals(half)  # of a move that was broken off
        os.close(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            async with writing(target.set(database=str(half))) as connection:
                await copying.make_tables(connection)
                yield _Place(connection)
            os.rename(half, path)
            sync_folder(path)
        finally:
            remove_with_journals(half)
        return
    async with writing(target) as connection:
        # A bot that is started on it meanwhile waits, and finds everything or nothing.
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(OPENING)))
        if not await copying.is_empty(connection):
            yield _Place(None)
            return
        await copying.make_tables(connection)
        yield _Place(connection)


async def _nobody_writes(here: AsyncConnection) -> None:
    """Tools that work beside the bot wait. On SQLite our transaction does that by itself."""
    if here.dialect.name == "postgresql":
        await here.rollback()  # what was read so far was as it was before the lock
        tables = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
        await here.exec_driver_sql(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE")


async def _mark_of(here: AsyncConnection) -> bytes | None:
    return (
        await here.execute(sa.select(facts.c.value).where(facts.c.name == MOVED))
    ).scalar_one_or_none()


def _not_the_same(one: URL, other: URL) -> None:
    if (one.host, one.port, one.database) == (other.host, other.port, other.database):
        raise StorageError("database.url: the new database is the old one: name another one")


def _must_be_there(url: URL) -> None:
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        raise StorageError("database.url: there is no database there: nothing can be moved")
