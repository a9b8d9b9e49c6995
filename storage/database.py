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

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """All or nothing: commits at the end of the block, rolls back if it raises."""
        if self.sqlite:
            async with self._writer, self._engine.begin() as connection:
                yield Transaction(connection)
        else:
            async with self._engine.begin() as connection:
                yield Transaction(connection)

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
