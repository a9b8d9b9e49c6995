"""Opening the database and its transactions, on SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.lock import AdvisoryLock, FileLock, Lock, NoLock
from storage.transaction import Transaction

BUSY_TIMEOUT_MS = 5000
"""How long SQLite waits for another process's lock before it gives up."""

PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: a commit survives a power cut
    "foreign_keys": 1,
    "busy_timeout": BUSY_TIMEOUT_MS,
    "secure_delete": 1,  # what is erased is overwritten
}
"""What each SQLite connection is set to, and read back to be sure."""


class StorageError(Exception):
    """The database cannot be used. One line for the operator, with the remedy."""


class Unavailable(StorageError):
    """The database cannot be written now (full disk, lock, lost connection); later it may be."""


_PASSING = (
    "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN",
    "SQLITE_READONLY", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_NOMEM", "SQLITE_PROTOCOL",
    "SQLITE_INTERRUPT", "SQLITE_PERM", "SQLITE_AUTH",
)  # fmt: skip
"""Names of SQLite's result codes that say nothing about the statement (sqlite.org/rescode.html)."""

_PASSING_STATES = ("08", "40", "53", "55P03", "57", "58")
"""The same for PostgreSQL: classes of SQLSTATE (its manual, appendix A)."""


def unavailable(error: BaseException) -> str | None:
    """A word for why the database cannot be used now; None if the error is about something else."""
    if isinstance(error, ConnectionError):
        return type(error).__name__
    if not isinstance(error, sa.exc.DBAPIError):
        return None
    name = getattr(error.orig, "sqlite_errorname", None)
    if isinstance(name, str) and name.startswith(_PASSING):
        return name
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str) and state.startswith(_PASSING_STATES):
        return state
    return "disconnected" if error.connection_invalidated else None


def database_url(text: str) -> URL:
    """`postgresql://…` or a file's path, as the asynchronous driver's address.

    Raises `StorageError` for any other kind of address.
    """
    if "://" not in text:
        return URL.create("sqlite+aiosqlite", database=text)
    url = make_url(text)
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+asyncpg")
    if url.get_backend_name() == "sqlite":
        return url.set(drivername="sqlite+aiosqlite")
    raise StorageError("database.url: use a file's path or postgresql://…, nothing else is known")


class Database:
    """One installation's database.

    Every change happens in `transaction`. On SQLite there is one writer at a time: a lock in the
    process keeps the event loop from waiting inside SQLite, `BEGIN IMMEDIATE` keeps other processes
    out from the first statement on, so that a read in it is never stale when it writes.
    """

    def __init__(self, url: str) -> None:
        self.url = database_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        if self.sqlite and self.url.database and self.url.database != ":memory:":
            parent = Path(self.url.database).parent
            if not parent.is_dir():
                raise StorageError(f"database.url: the folder {parent} is not there: make it")
        self._engine: AsyncEngine = create_async_engine(self.url, **self._options())
        self._writer = asyncio.Lock()
        self.fence: int | None = None
        """The number under which this process acts; None for a tool that claims nothing."""
        if self.sqlite:
            event.listen(self._engine.sync_engine, "connect", _set_pragmas)
            event.listen(self._engine.sync_engine, "begin", _begin_immediate)

    def _options(self) -> dict[str, Any]:
        if self.sqlite:
            return {"pool_size": 1, "max_overflow": 0, "hide_parameters": True}
        return {"pool_size": 5, "hide_parameters": True}

    async def open(self) -> None:
        """Bring the schema to this version and check the settings of the connection.

        Raises `StorageError` with the remedy.
        """
        try:
            async with self._engine.connect() as connection:
                await connection.run_sync(_migrate)
                await connection.commit()
                if self.sqlite:
                    await self._read_back(connection)
        except (sa.exc.OperationalError, sa.exc.DatabaseError, OSError) as error:
            raise StorageError(
                f"database.url: cannot be opened ({type(error).__name__}): is the place there, "
                "writable, and a database of this program?"
            ) from error

    async def _read_back(self, connection: AsyncConnection) -> None:
        for name, wanted in PRAGMAS.items():
            found = (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            if found != wanted and self.url.database != ":memory:":
                raise StorageError(
                    f"database.url: PRAGMA {name} stays {found}, needs {wanted}: "
                    "is the file on a network drive? Move it to a local disk"
                )

    def lock(self) -> Lock:
        """What tells whether another process on this installation lives."""
        if not self.sqlite:
            return AdvisoryLock(self._engine)
        path = self.url.database
        return FileLock(Path(f"{path}.lock")) if path and path != ":memory:" else NoLock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """All or nothing: commits at the end of the block, rolls back if it raises.

        Raises `Unavailable` where it is the database that fails, and not what is asked of it.
        """
        try:
            if self.sqlite:
                async with self._writer, self._engine.begin() as connection:
                    yield Transaction(connection, self.fence)
            else:
                async with self._engine.begin() as connection:
                    yield Transaction(connection, self.fence)
        except (sa.exc.DBAPIError, ConnectionError) as error:
            why = unavailable(error)
            if why is None:
                raise
            raise Unavailable(
                f"database.url: cannot be used now ({why}): is the disk full, or does another "
                "program hold the database?"
            ) from None

    async def close(self) -> None:
        """Let go of all connections."""
        await self._engine.dispose()


def _set_pragmas(connection: Any, _record: object) -> None:
    # The driver must not begin transactions by itself: ours begin IMMEDIATE.
    connection.isolation_level = None
    cursor = connection.cursor()
    for name, value in PRAGMAS.items():
        cursor.execute(f"PRAGMA {name}={value}")
    cursor.close()


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _migrate(connection: sa.Connection) -> None:
    config = _alembic()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise StorageError(
            "database.url: the database was made by a newer version: install that version"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
