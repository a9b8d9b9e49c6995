"""Every write of the program as a point at which its database fails.

Installed in the bot's process by `tests.support.zygote`; the program knows nothing of it. A point is
the transaction's name (`tests.support.failpoints`) and which write of its kind the statement is in it,
or in the piece of it that it belongs to where it has several: `worker._as_one:begin`,
`worker._apply:2 INSERT outbox`, `worker._as_one:commit`. On SQLite the statement raises what `sqlite3`
raises; on PostgreSQL the server is made to raise it.
"""

from __future__ import annotations

import functools
import os
import random
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.engine.due import DueTimers
from bot.engine.together import Together, Work
from bot.engine.worker import Worker
from storage import writer
from storage.database import Database
from storage.quick import Found, Plan, Quick
from storage.sqlite import Link
from storage.timers import Timer
from storage.transaction import Transaction
from tests.support.failpoints import name_of, name_of_piece

WORDS = ("INSERT", "UPDATE", "DELETE")
SQLITE = {
    "SQLITE_FULL": (13, "database or disk is full"),
    "SQLITE_BUSY": (5, "database is locked"),
    "SQLITE_IOERR_WRITE": (778, "disk I/O error"),
}


@dataclass
class Run:
    """One transaction under way."""

    name: str
    writes: Counter[str] = field(default_factory=Counter)
    failed: bool = False
    numbered: bool = True
    """Not where the same is done for one after the other, each time for another number of them."""


_running: ContextVar[Run | None] = ContextVar("running", default=None)


class Faultpoints:
    """Makes each point fail once with each of `errors` as soon as it is reached, and later by chance.

    Args:
        trace: Where each point is appended when it is first reached, and each failure.
        errors: Names of SQLite's result codes, or PostgreSQL's SQLSTATEs.
        failed: How often each point failed in earlier lives.
        in_a_row: Failures of one transaction before it is let through once.
        chance: Of failing once more, each time; the first time is often when there is nothing to do.
        seed: Decides it.
    """

    def __init__(
        self,
        trace: str,
        errors: Sequence[str],
        failed: Mapping[str, int] | None = None,
        in_a_row: int = 2,
        chance: float = 0.0,
        seed: float = 0,
    ) -> None:
        self._trace = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._errors = errors
        self._most = in_a_row
        self._chance = chance
        self._rng = random.Random(seed)
        self._failed = Counter(failed or {})
        self._seen: set[str] = set()
        self._in_a_row: Counter[str] = Counter()

    def reached(self, run: Run, place: str) -> str | None:
        """The error that this write is to raise; None to let it through."""
        point = f"{run.name}:{place}"
        if point not in self._seen:
            self._seen.add(point)
            os.write(self._trace, f"{point}\n".encode())
        # The right to act is renewed every few seconds: ten failures of it are most of a minute.
        most = 1 if run.name.startswith("acting.") else self._most
        if self._in_a_row[run.name] >= most:
            return None
        turn = self._failed[point]
        if turn >= len(self._errors) and self._rng.random() >= self._chance:
            return None
        error = self._errors[turn % len(self._errors)]
        self._failed[point] += 1
        self._in_a_row[run.name] += 1
        run.failed = True
        os.write(self._trace, f"{point} {error}\n".encode())
        return error

    def ended(self, run: Run) -> None:
        """It is over."""
        if not run.failed:
            self._in_a_row[run.name] = 0


def install(points: Faultpoints) -> None:
    """Wrap the database's transactions, and what every statement of them goes through."""
    transaction = Database.transaction
    execute, execute_many = DefaultDialect.do_execute, DefaultDialect.do_executemany
    commit = DefaultDialect.do_commit

    def named(self: Database, **how: bool) -> _Named:
        return _Named(transaction(self, **how), Run(name_of(sys._getframe(1))), points)

    def one(self: Any, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        with _maybe(self, points, statement, lambda other: execute(self, cursor, other, ())):
            execute(self, cursor, statement, parameters, context)

    def many(self: Any, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        with _maybe(self, points, statement, lambda other: execute(self, cursor, other, ())):
            execute_many(self, cursor, statement, parameters, context)

    def ending(self: Any, connection: Any) -> None:
        def instead(other: str) -> None:
            execute(self, connection.cursor(), other, ())

        if self.name == "sqlite":  # what `storage.writer` gave to it, which fails there
            commit(self, connection)
            return
        with _maybe(self, points, "COMMIT", instead):
            commit(self, connection)

    Link.begins = lambda self: False  # type: ignore[method-assign]  # as where another one is at it
    _fail_begin_and_end(points)
    _fail_quick_ones(points)
    _name_pieces(points)
    Database.transaction = named  # type: ignore[assignment,method-assign]
    DefaultDialect.do_execute = one  # type: ignore[method-assign]
    DefaultDialect.do_executemany = many  # type: ignore[method-assign]
    DefaultDialect.do_commit = ending  # type: ignore[method-assign]


def _fail_begin_and_end(points: Faultpoints) -> None:
    """Of SQLite's transactions, with the driver's errors."""
    begin, commit = writer._begin, writer._commit

    async def beginning(connection: AsyncConnection) -> int:
        with _maybe(connection.dialect, points, "BEGIN IMMEDIATE", None):
            return await begin(connection)

    async def ending(connection: AsyncConnection, before: int) -> None:
        with _maybe(connection.dialect, points, "COMMIT", None):
            await commit(connection, before)

    writer._begin, writer._commit = beginning, ending


def _fail_quick_ones(points: Faultpoints) -> None:
    """Statements that are run without SQLAlchemy, with its errors."""
    run = Quick._run

    def running(self: Quick, plan: Plan, values: Mapping[str, Any]) -> Found:
        try:
            with _maybe(self.dialect, points, plan.sql, None):
                return run(self, plan, values)
        except sqlite3.Error as error:
            raise sa.exc.DBAPIError.instance(plan.sql, None, error, sqlite3.Error) from error

    away = Quick._write_away

    async def writing(self: Quick, sql: str, parameters: Sequence[Sequence[Any]]) -> int:
        try:
            with _maybe(self.dialect, points, sql, None):
                return await away(self, sql, parameters)
        except sqlite3.Error as error:
            raise sa.exc.DBAPIError.instance(sql, None, error, sqlite3.Error) from error

    Quick._run = running  # type: ignore[method-assign]
    Quick._write_away = writing  # type: ignore[method-assign]


def _name_pieces(points: Faultpoints) -> None:
    """Each timer, event or row of a transaction of many has its own places."""
    do, carry_out, apply = Together.do, DueTimers._carry_out, Worker._apply

    async def doing(self: Together, work: Work[Any]) -> Any:
        @functools.wraps(work)
        async def piece(tx: Transaction) -> Any:
            with _run(points, Run(name_of_piece(work))):
                return await work(tx)

        return await do(self, piece)

    async def carrying(self: DueTimers, tx: Transaction, timers: Sequence[Timer]) -> None:
        name = f"due._carry_out[{timers[0].kind}]"
        with _run(points, Run(name, numbered=len(timers) == 1)):
            await carry_out(self, tx, timers)

    async def applying(self: Worker, tx: Transaction, *event: Any) -> None:
        with _run(points, Run("worker._apply")):
            await apply(self, tx, *event)

    Together.do = doing  # type: ignore[method-assign]
    DueTimers._carry_out = carrying  # type: ignore[method-assign]
    Worker._apply = applying  # type: ignore[method-assign]


@contextmanager
def _run(points: Faultpoints, run: Run) -> Iterator[None]:
    before = _running.set(run)
    try:
        yield
    finally:
        _running.reset(before)
        points.ended(run)


@contextmanager
def _maybe(dialect: Any, points: Faultpoints, statement: str, instead: Any) -> Iterator[None]:
    """Let it through, or raise in its place."""
    run = _running.get()
    place = None if run is None else _place(run, statement)
    error = points.reached(run, place) if run is not None and place is not None else None
    if error is None:
        yield
        return
    if dialect.name == "sqlite":
        number, words = SQLITE[error]
        raised = sqlite3.OperationalError(words)
        raised.sqlite_errorname, raised.sqlite_errorcode = error, number
        raise raised
    instead(f"DO $$BEGIN RAISE SQLSTATE '{error}'; END$$")


def _place(run: Run, statement: str) -> str | None:
    """Where in its transaction a statement writes; None if it does not."""
    word, _, rest = statement.lstrip().partition(" ")
    if word in ("BEGIN", "COMMIT"):
        return word.lower()
    if word not in WORDS:
        return None
    table = rest.removeprefix("INTO ").removeprefix("FROM ").split()[0]
    what = f"{word} {table}"
    run.writes[what] += 1
    return f"{run.writes[what]} {what}" if run.numbered else f"each {what}"


class _Named:
    """A transaction whose statements know it."""

    def __init__(self, inner: Any, run: Run, points: Faultpoints) -> None:
        self._inner = inner
        self._run = run
        self._points = points

    async def __aenter__(self) -> Transaction:
        self._before = _running.set(self._run)
        try:
            transaction: Transaction = await self._inner.__aenter__()
        except BaseException:
            _running.reset(self._before)
            raise
        return transaction

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        try:
            swallowed: bool | None = await self._inner.__aexit__(kind, error, trace)
        finally:
            _running.reset(self._before)
            self._points.ended(self._run)
        return swallowed
