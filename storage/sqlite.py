"""SQLite in the event loop: what is quick at once, what may take long in aiosqlite's thread.

A statement that finds its row by an index takes some ten microseconds. To hand it to a thread and to
wait for it takes fifty times as much (docs/en/performance.md), and this program's work is many small
statements. So `storage.quick` runs them where they are asked for, on the connection that aiosqlite
opened. What may stand still goes to aiosqlite: to wait for another process's lock, to commit (the disk),
and whatever was seen to take long.

The two are never at it at the same time: whoever asks waits for the answer, and one transaction has the
connection to itself.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

if TYPE_CHECKING:
    import aiosqlite
    from sqlalchemy.ext.asyncio import AsyncConnection

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
    """Whether a statement of ours writes nothing, nor that which SQLAlchemy begins with."""
    return sql.startswith(("SELECT", "PRAGMA"))


class Link(sqlite3.Connection):
    """A connection that knows how long its statements take."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.until: float | None = None
        """What only reads is ended after that instant of `time.perf_counter`; None is never."""
        self.known: dict[str, int] = {}
        """For each statement how often it is to go to the thread yet."""
        self.set_progress_handler(self._is_late, LOOKS)

    def cursor(self, factory: Any = None) -> sqlite3.Cursor:  # type: ignore[override]
        """For the thread."""
        return _Timed(self)

    @cached_property
    def in_loop(self) -> sa.Connection:
        """For the loop: what SQLAlchemy makes of it without a thread. It begins and ends nothing."""
        engine = sa.create_engine(
            "sqlite://", creator=lambda: _InLoop(self), poolclass=sa.StaticPool, hide_parameters=True
        )
        return engine.connect()

    def close(self) -> None:
        """End the transaction, and let go of the file.

        A task that is cancelled inside a statement has its connection closed. SQLite itself keeps a
        closed one, with its locks, as long as a statement of it is not finished
        (sqlite.org/c3ref/close): one whose rows were not read, until Python collects it. Nothing
        could be written for so long.
        """
        with contextlib.suppress(sqlite3.Error):
            if self.in_transaction:
                self.rollback()
        super().close()

    def begins(self) -> bool:
        """Begin a transaction that writes, if nobody else is at it; False if that cannot be known at
        once, or fails."""
        timeout = self._run("PRAGMA busy_timeout").fetchone()[0]
        self._run("PRAGMA busy_timeout=0")
        try:
            self._run("BEGIN IMMEDIATE")
            return True
        except sqlite3.Error:
            return False
        finally:
            self._run(f"PRAGMA busy_timeout={timeout}")

    def _run(self, sql: str) -> sqlite3.Cursor:
        return sqlite3.Cursor(self).execute(sql)

    def took(self, sql: str, seconds: float) -> None:
        """A statement in the thread."""
        turns = self.known.get(sql, 1)
        self.learn(sql, min(2 * max(turns, 1), AGAIN) if seconds > LONG else turns - 1)

    def learn(self, sql: str, turns: int) -> None:
        """So often it goes to the thread before it is tried in the loop."""
        if len(self.known) >= KNOWN:
            self.known.clear()
        self.known[sql] = max(turns, 0)

    def _is_late(self) -> bool:
        return self.until is not None and time.perf_counter() > self.until


OPTIONS = {"factory": Link, "check_same_thread": False, "cached_statements": 1000}
"""What the driver is told when it connects."""


class _Timed(sqlite3.Cursor):
    """A statement in the thread, and how long it takes there."""

    connection: Link
    _sql = ""
    _slow = False

    def execute(self, sql: str, parameters: Any = ()) -> Self:
        """Carry it out, until its first row is there."""
        began = time.perf_counter()
        super().execute(sql, parameters)
        seconds = time.perf_counter() - began
        self._sql, self._slow = sql, seconds > LONG
        self.connection.took(sql, seconds)
        return self

    def fetchall(self) -> list[Any]:
        """All rows that are left, which may be what takes long."""
        began = time.perf_counter()
        rows = super().fetchall()
        seconds = time.perf_counter() - began
        if seconds > LONG and not self._slow:
            self.connection.took(self._sql, seconds)
        return rows


class AtOnce(sqlite3.Cursor):
    """A statement in the loop, and all its rows."""

    connection: Link

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._rows: list[Any] = []
        self._next = 0

    def execute(self, sql: str, parameters: Any = ()) -> Self:
        """One that only reads is ended when it takes too long. Raises `Slow`.

        To end one that writes would be to undo the whole transaction (sqlite.org/c3ref/interrupt).
        """
        self._next = 0
        link = self.connection
        reads = only_reads(sql)
        begins = sql.startswith("PRAGMA")  # SQLAlchemy's, once for each connection: never refused
        if not begins and link.known.get(sql, 0 if reads else 1):
            raise Slow
        began = time.perf_counter()
        if reads and not begins:
            link.until = began + LONG
        try:
            super().execute(sql, parameters)
            self._rows = super().fetchall() if self.description else []
        except sqlite3.OperationalError as error:
            if not reads or error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            link.learn(sql, 1)
            raise Slow from None
        finally:
            link.until = None
        if time.perf_counter() - began > LONG:
            link.learn(sql, 1)
        return self

    def executemany(self, sql: str, parameters: Iterable[Any]) -> Self:
        """The same for a few rows to write."""
        self._rows, self._next = [], 0
        super().executemany(sql, parameters)
        return self

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


class _InLoop:
    """What SQLAlchemy's own driver for SQLite asks of a connection."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def cursor(self) -> AtOnce:
        """Carried out where it is asked for."""
        return AtOnce(self._link)

    def create_function(self, *args: Any, **how: Any) -> None:
        """SQLAlchemy's `regexp`, which nothing here asks for."""

    def commit(self) -> None:
        """Whoever waits for the disk does it."""

    rollback = close = commit


def driver_of(connection: AsyncConnection) -> aiosqlite.Connection:
    """The connection that aiosqlite opened."""
    assert connection.sync_connection is not None
    driver: aiosqlite.Connection = connection.sync_connection.connection.driver_connection  # type: ignore[assignment]
    return driver


def link_of(connection: AsyncConnection) -> Link:
    """What is below it."""
    link = driver_of(connection)._conn
    assert isinstance(link, Link)
    return link


def link_below(connection: sa.Connection) -> Link | None:
    """The same below a connection that may be another driver's, or not one of ours."""
    link = getattr(connection.connection.driver_connection, "_conn", None)
    return link if isinstance(link, Link) else None
