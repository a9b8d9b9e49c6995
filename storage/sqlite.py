"""SQLite in the event loop: what is quick at once, what may take long in a thread of its own.

A statement that finds its row by an index takes some ten microseconds. To hand it to a thread and to
wait for it takes fifty times as much (docs/performance.md), and this program's work is many small
statements. So `storage.quick` runs them where they are asked for. What may stand still goes to the
thread: to begin (another process may hold the lock), to commit (the disk), and whatever was seen to
take long.

It is Python's own driver, given to SQLAlchemy as an asynchronous one: inside `greenlet_spawn`, where
SQLAlchemy runs everything that it may have to wait for, a call goes to the thread; outside, it is
carried out at once, or refused as `Slow` before anything was done.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import pool
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util.concurrency import await_, in_greenlet

T = TypeVar("T")

DRIVER = "sqlite+inloop"

LONG = 0.01
"""Seconds from which on a statement is too long for the event loop."""

LOOKS = 2_000
"""Instructions of SQLite's between two looks at the time."""

AGAIN = 128
"""How often at most a statement goes to the thread before it is tried in the loop again. One that took
long goes there once, for it may have been the machine that was busy; one that takes long there too
goes there twice as often each time."""

KNOWN = 5_000
"""Statements of which is remembered how long they take, before all are forgotten."""


class Slow(Exception):
    """It may take too long for the event loop, and was not carried out."""


def only_reads(sql: str) -> bool:
    """Whether a statement of ours writes nothing."""
    return sql.startswith("SELECT")


class Link(sqlite3.Connection):
    """A connection with a thread of its own, in which it does what is asked of it in their order.

    Once it is in the thread it is carried out to its end, also if nobody waits for it any more:
    a transaction that was begun must be ended by what follows.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._thread = ThreadPoolExecutor(1, "sqlite")
        self.until: float | None = None
        """What only reads is ended after that instant of `time.perf_counter`; None is never."""
        self.known: dict[str, int] = {}
        """For each statement how often it is to go to the thread yet."""
        self.set_progress_handler(self._is_late, LOOKS)

    def away(self, work: Callable[..., T], *args: Any) -> T:
        """Do it in the thread, and here if there is nobody to wait for it."""
        if not in_greenlet():
            return work(*args)
        waiting = asyncio.wrap_future(self._thread.submit(work, *args))
        waiting.add_done_callback(_seen)
        # A future that is cancelled would not be begun with.
        return await_(asyncio.shield(waiting))

    def cursor(self, factory: Any = None) -> Cursor:  # type: ignore[override]
        """One whose rows are all read at once."""
        return Cursor(self)

    def commit(self) -> None:
        """Wait for the disk."""
        self.away(super().commit)

    def rollback(self) -> None:
        """Only where there is something to undo."""
        if self.in_transaction:
            self.away(super().rollback)

    def close(self) -> None:
        """End the transaction, whose end nobody waits for any more, and let go of the file.

        A task that is cancelled inside a statement has its connection closed. SQLite itself keeps a
        closed one, with its locks, as long as a statement of it is not finished
        (sqlite.org/c3ref/close), until Python collects it. Nothing could be written for so long.
        """
        self.away(self._end)
        self._thread.shutdown(wait=True)

    def _end(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self.in_transaction:
                super().rollback()
        super().close()

    def timed(self, sql: str, work: Callable[[str, Any], T], parameters: Any) -> T:
        """A statement in the thread."""
        began = time.perf_counter()
        done = work(sql, parameters)
        turns = self.known.get(sql, 1)
        slow = time.perf_counter() - began > LONG
        self.learn(sql, min(2 * max(turns, 1), AGAIN) if slow else turns - 1)
        return done

    def learn(self, sql: str, turns: int) -> None:
        """So often it goes to the thread before it is tried in the loop."""
        if len(self.known) >= KNOWN:
            self.known.clear()
        self.known[sql] = max(turns, 0)

    def _is_late(self) -> bool:
        return self.until is not None and time.perf_counter() > self.until


class Cursor(sqlite3.Cursor):
    """A statement and all its rows."""

    connection: Link

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._rows: list[Any] = []
        self._next = 0

    def execute(self, sql: str, parameters: Any = ()) -> Cursor:
        """Carry it out, and read what it gives. Raises `Slow`."""
        self._next = 0
        if in_greenlet():
            link = self.connection
            self._rows = link.away(link.timed, sql, self._run, parameters)
        else:
            self.at_once(sql, parameters)
        return self

    def at_once(self, sql: str, parameters: Any) -> None:
        """In the loop. One that only reads is ended when it takes too long: `Slow`.

        To end one that writes would be to undo the whole transaction (sqlite.org/c3ref/interrupt).
        """
        link = self.connection
        reads = only_reads(sql)
        if link.known.get(sql, 0 if reads else 1):
            raise Slow
        began = time.perf_counter()
        if reads:
            link.until = began + LONG
        try:
            self._rows = self._run(sql, parameters)
        except sqlite3.OperationalError as error:
            if not reads or error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            link.learn(sql, 1)
            raise Slow from None
        finally:
            link.until = None
        if time.perf_counter() - began > LONG:
            link.learn(sql, 1)

    def executemany(self, sql: str, parameters: Iterable[Any]) -> Cursor:
        """The same for many rows to write."""
        self._rows, self._next = [], 0
        if in_greenlet():
            self.connection.away(super().executemany, sql, parameters)
        else:
            super().executemany(sql, parameters)
        return self

    def _run(self, sql: str, parameters: Any) -> list[Any]:
        super().execute(sql, parameters)
        return super().fetchall() if self.description else []

    def fetchone(self) -> Any:
        """The next row, or None."""
        found = self._rows[self._next : self._next + 1]
        self._next += len(found)
        return found[0] if found else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """So many rows."""
        found = self._rows[self._next : self._next + (size or self.arraysize)]
        self._next += len(found)
        return found

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        found = self._rows[self._next :]
        self._next = len(self._rows)
        return found

    def __iter__(self) -> Cursor:
        return self

    def __next__(self) -> Any:
        if self._next >= len(self._rows):
            raise StopIteration
        return self.fetchone()

    async def _async_soft_close(self) -> None:
        """SQLAlchemy's: nothing is open, all rows were read."""


class InLoop(SQLiteDialect_pysqlite):
    """SQLAlchemy's dialect over `Link`."""

    driver = "inloop"
    is_async = True
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, url: sa.URL) -> type[pool.Pool]:
        """One that waits without standing still."""
        return pool.AsyncAdaptedQueuePool if cls._is_url_file_db(url) else pool.StaticPool

    def get_driver_connection(self, connection: Any) -> Any:
        """The driver's own."""
        return connection


registry.register("sqlite.inloop", __name__, "InLoop")

OPTIONS = {"factory": Link, "check_same_thread": False, "cached_statements": 1000}
"""What the driver is told when it connects."""


def _seen(waiting: Future[Any] | asyncio.Future[Any]) -> None:
    """What nobody waits for any more may have failed; that is not to be told by the loop."""
    if not waiting.cancelled():
        waiting.exception()
