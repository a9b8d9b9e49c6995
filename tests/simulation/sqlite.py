"""The real storage over a SQLite in memory, without the thread that keeps a disk from blocking us.

The repositories, their statements and SQLite are the real ones; between them is a connection that
runs each statement where it is asked for. What is in the database outlives the `Database`: a
simulated process dies, and its successor opens the same one. `Memory.raw` is also how the judges
read it: past the program's own code.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import pool
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database, _migrate, set_pragmas
from storage.keys import KeyInMemory, MasterKey
from tests.support.opened import KEY


class Plan:
    """How a statement is run, worked out once for its like."""

    def __init__(self, compiled: Any, dialect: sa.Dialect) -> None:
        self.sql = str(compiled)
        columns = compiled._result_columns
        self.keys = SimpleResultMetaData([column.keyname for column in columns])
        opened = [column.type._cached_result_processor(dialect, None) for column in columns]
        self.opens = [(place, how) for place, how in enumerate(opened) if how is not None]
        self.gives_rows = bool(columns)
        found = {bind.key: number for number, bind in enumerate(compiled.cache_key.bindparams)}
        made = {column.key: column.default for column in compiled.insert_prefetch}
        self.places = [
            (bind, found.get(bind.key), made.get(name), compiled._bind_processors.get(name))
            for name in compiled.positiontup
            for bind in (compiled.binds[name],)
        ]

    def parameters(self, values: dict[str, Any], written: Sequence[Any]) -> list[Any]:
        """In their order: what it is given, what makes itself, what is written in the statement."""
        parameters = []
        for bind, number, default, how in self.places:
            if bind.key in values:
                value = values[bind.key]
            elif default is not None:
                value = default.arg(None) if default.is_callable else default.arg
            else:
                value = (bind if number is None else written[number]).effective_value
            parameters.append(how(value) if how else value)
        return parameters


class Found(IteratorResult[Any]):
    """The rows, or how many were changed."""

    rowcount = -1


class InThread:
    """What the repositories use of an `AsyncConnection`, run at once and in this thread.

    SQLAlchemy takes several times as long to run a statement as SQLite does. What it compiles is
    run here without its bookkeeping, except where that is needed: lists as parameters, and inserts
    that are asked for the number of their row.
    """

    def __init__(self, connection: sa.Connection, raw: sqlite3.Connection) -> None:
        self._connection = connection
        self._raw = raw
        self._plans: dict[Any, Plan | None] = {}

    @property
    def dialect(self) -> sa.Dialect:
        """SQLite's."""
        return self._connection.dialect

    async def execute(self, statement: Any, values: Any = None) -> Any:
        """Run it at once."""
        key = None if isinstance(values, list) else statement._generate_cache_key()
        plain = key is None or isinstance(statement, sa.TextClause)
        plan = None if plain else self._plan(statement, key, values)
        if plan is None:
            return self._connection.execute(statement, values)
        cursor = self._raw.execute(plan.sql, plan.parameters(values or {}, key.bindparams))
        rows: Iterable[Any] = cursor.fetchall() if plan.gives_rows else ()
        if plan.opens:
            rows = [self._opened(row, plan.opens) for row in rows]
        found = Found(plan.keys, iter(rows))
        found.rowcount = cursor.rowcount
        return found

    @staticmethod
    def _opened(row: tuple[Any, ...], opens: list[tuple[int, Callable[[Any], Any]]]) -> Any:
        values = list(row)
        for place, how in opens:
            values[place] = how(values[place])
        return tuple(values)

    def _plan(self, statement: Any, key: Any, values: Any) -> Plan | None:
        names = tuple(values) if values and statement.is_insert else None
        known = (key.key, names)
        if known not in self._plans:
            compiled = statement.compile(
                dialect=self.dialect, cache_key=key, column_keys=names and list(names)
            )
            lists = compiled.post_compile_params or compiled.literal_execute_params
            asks = statement.is_insert and compiled.effective_returning and not statement._returning
            self._plans[known] = None if lists or asks else Plan(compiled, self.dialect)
        return self._plans[known]


class Memory:
    """A place for one installation's data at a time, made once for each real process."""

    def __init__(self) -> None:
        self.raw = sqlite3.connect(":memory:", check_same_thread=False, cached_statements=1000)
        engine = sa.create_engine(
            "sqlite://", creator=lambda: self.raw, poolclass=pool.StaticPool, hide_parameters=True
        )
        sa.event.listen(engine, "connect", set_pragmas)
        with engine.begin() as connection:
            self.ring = _migrate(connection, MasterKey(KEY), None)
        # Transactions begin and end here, as `Database` has them: BEGIN IMMEDIATE.
        self.connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self.raw.commit()
        self.asynchronous = cast(AsyncConnection, InThread(self.connection, self.raw))
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

    def __init__(self, memory: Memory, point: Callable[[str], Awaitable[None]] = nothing) -> None:
        super().__init__("nowhere.db", KeyInMemory())  # its engine opens nothing before it is used
        self._ring = memory.ring
        self._memory = memory
        self._point = point

    async def _wipe(self, *, anew: bool) -> None:
        """There is no file: what is in memory alone is nowhere else."""

    @asynccontextmanager
    async def _writing(self, *, serializable: bool = False) -> AsyncIterator[AsyncConnection]:
        """One process is always serial."""
        await self._point("begin")
        raw = self._memory.raw
        async with self._turn:
            raw.execute("BEGIN IMMEDIATE")
            try:
                yield self._memory.asynchronous
                await self._point("commit")
            except BaseException:
                raw.rollback()
                raise
            raw.commit()
        await self._point("committed")
