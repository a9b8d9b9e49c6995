"""Carrying every row of one database into another one, of either kind, as it is kept.

An envelope is bound to table, column and number of its row, so rows keep their numbers; nothing is opened
on the way, and no key is needed. That it arrived is known by counting, and by a digest of each table that
does not depend on the order of its rows.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import (
    BUSY_TIMEOUT_MS,
    StorageError,
    database_url,
    reader,
    require_this_version,
    writing,
)
from storage.rows import Blind, Sealed, rows_at_once
from storage.tables import Instant, facts, metadata
from storage.versions import alembic

_SPACE = 1 << 256

ROOM = 100_000
"""Numbers that are left out after the highest one: more than rows that are erased in one go."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a table holds: how many rows, and the sum of their digests."""

    rows: int
    digest: str


class _Sum:
    """SHA-256 of each row, added up: the same in whatever order they come."""

    def __init__(self) -> None:
        self._rows = 0
        self._sum = 0

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        for row in rows:
            of_row = hashlib.sha256(repr(row).encode("utf-8", "surrogatepass")).digest()
            self._sum += int.from_bytes(of_row)
        self._rows += len(rows)

    @property
    def content(self) -> Content:
        return Content(self._rows, f"{self._sum % _SPACE:064x}")


def snapshot(source: Path, to: Path) -> None:
    """A SQLite file as it is at one instant, without free pages, as `to`, which is not there.

    Whoever has it open goes on. Raises `sqlite3.Error`, and `OSError`.
    """
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    address = f"{source.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_MS / 1000)) as db:
        db.execute("VACUUM INTO ?", (str(to),))


async def export(url: URL, to: Path) -> None:
    """All that is in a database, as it was at one instant, as a SQLite file `to`, which is not there.

    A bot goes on meanwhile. Raises `StorageError` unless its schema is this version's.
    """
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    engine = reader(url)
    try:
        async with engine.connect() as source, writing(database_url(str(to))) as target:
            await source.run_sync(require_this_version)
            await make_tables(target)
            await copy(source, target)
    finally:
        await engine.dispose()


async def is_empty(connection: AsyncConnection) -> bool:
    """Whether there is no table at all."""
    return not await connection.run_sync(lambda c: sa.inspect(c).get_table_names())


async def make_tables(target: AsyncConnection) -> None:
    """The tables of this version, empty."""
    await target.run_sync(_make)


async def copy(
    source: AsyncConnection, target: AsyncConnection, *, without: Collection[str] = ()
) -> dict[str, Content]:
    """Every row of `source` into the empty tables of `target`. Returns what there is by table.

    Args:
        without: Names of facts that stay behind.

    Raises `StorageError` unless the target holds afterwards what the source does.
    """
    found: dict[str, Content] = {}
    for table in metadata.sorted_tables:
        total = _Sum()
        async for rows in _batches(source, table, without):
            total.add(rows)
            await _put(target, table, rows)
        found[table.name] = total.content
    if target.dialect.name == "postgresql":
        await _go_on_counting(target)
    compare(found, await contents(target))
    return found


async def contents(
    connection: AsyncConnection, *, without: Collection[str] = ()
) -> dict[str, Content]:
    """What each table holds; `without` are facts that are not counted."""
    found = {}
    for table in metadata.sorted_tables:
        total = _Sum()
        async for rows in _batches(connection, table, without):
            total.add(rows)
        found[table.name] = total.content
    return found


def compare(source: Mapping[str, Content], target: Mapping[str, Content]) -> None:
    """Raises `StorageError` for the first table that does not hold the same."""
    for table, content in source.items():
        if target[table] != content:
            raise StorageError(
                f"database.url: {table} has {content.rows} rows here and {target[table].rows} there, or "
                "other ones: nothing was changed; keep both and look at the disks"
            )


def _make(connection: sa.Connection) -> None:
    metadata.create_all(connection)
    from alembic import command

    config = alembic()
    config.attributes["connection"] = connection
    command.stamp(config, "head")


def _as_kept(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """The value as both kinds of database have it: a number, a text, bytes, or nothing."""
    kind = column.type
    if isinstance(kind, Instant):
        return sa.type_coerce(column, sa.BigInteger)
    if isinstance(kind, Sealed | Blind):
        return sa.type_coerce(column, sa.LargeBinary)
    if isinstance(kind, sa.Boolean):
        return sa.cast(column, sa.Integer)
    if isinstance(kind, sa.JSON):
        return sa.cast(column, sa.Text)  # the text that was written, not what it means
    return column


async def _batches(
    connection: AsyncConnection, table: sa.Table, without: Collection[str]
) -> AsyncIterator[Sequence[tuple[Any, ...]]]:
    wanted = sa.select(*(_as_kept(c).label(c.name) for c in table.columns))
    if table is facts and without:
        wanted = wanted.where(facts.c.name.not_in(list(without)))
    found = await connection.stream(wanted.execution_options(yield_per=rows_at_once(table)))
    async for rows in found.partitions():
        yield [tuple(row) for row in rows]


async def _put(target: AsyncConnection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    names = [column.name for column in table.columns]
    if target.dialect.name == "sqlite":
        # By their names alone: what the columns' types would do to the values is done already.
        bare = sa.table(table.name, *(sa.column(name) for name in names))
        await target.execute(sa.insert(bare), [dict(zip(names, row, strict=True)) for row in rows])
        return
    raw = await target.get_raw_connection()
    assert raw.driver_connection is not None
    flags = [i for i, column in enumerate(table.columns) if isinstance(column.type, sa.Boolean)]
    try:
        await raw.driver_connection.copy_records_to_table(
            table.name, records=[_with_flags(row, flags) for row in rows], columns=names
        )
    except (
        asyncpg.PostgresError, asyncpg.InterfaceError, TypeError, ValueError, OverflowError,
    ) as error:  # fmt: skip
        # Its words may hold a value.
        raise StorageError(
            f"database.url: {table.name} could not be written there ({type(error).__name__}): nothing "
            "was changed"
        ) from None


def _with_flags(row: tuple[Any, ...], flags: Sequence[int]) -> tuple[Any, ...]:
    """PostgreSQL takes no number for yes and no."""
    if not flags:
        return row
    values = list(row)
    for i in flags:
        values[i] = None if values[i] is None else bool(values[i])
    return tuple(values)


async def _go_on_counting(target: AsyncConnection) -> None:
    """The next row that is made gets a number that no row has, nor had one that was erased, of which
    something may be left elsewhere (`Transaction.reuses_numbers`)."""
    for table in metadata.sorted_tables:
        for column in table.primary_key.columns:
            sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
            if (await target.execute(sa.select(sequence))).scalar_one() is None:
                continue
            highest = (await target.execute(sa.select(sa.func.max(column)))).scalar_one()
            await target.execute(sa.select(sa.func.setval(sequence, (highest or 0) + ROOM)))
