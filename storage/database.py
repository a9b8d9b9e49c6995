"""Opening the database and its transactions, on SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from time import monotonic, perf_counter
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage import keyring, rotation, sqlite
from storage.facts import Facts
from storage.fence import ACTING, APPLICATION
from storage.keyring import Kept, Keyring
from storage.keys import Argon, KeyFile, KeySource, MasterKey, WrongKey
from storage.lock import AdvisoryLock, FileLock, Lock, NoLock
from storage.notices import listening
from storage.tables import facts, metadata
from storage.transaction import Transaction
from storage.vault import Vault
from storage.versions import alembic, revision, revisions
from storage.writer import Writer

ERASE = "erase"
"""The fact that says that traces of what was erased are still in the file: clear text that was sealed or,
where its value is `LATER`, what is sealed."""

LATER = b"later"

WRITTEN_AT_ONCE = 16 * 2**20
"""Bytes up to which a file of SQLite's is written anew as soon as something was erased: a fifth of a
second. A larger one is once a day, since alarms wait meanwhile."""

A_DAY = 86_400.0

MOVED = "moved"
"""The fact of a database whose place another one has taken; it holds when, and of what kind that is."""

BUSY_TIMEOUT_MS = 5000
"""How long SQLite waits for another process's lock before it gives up."""

OPENING = 0x41435545_52504132
"""PostgreSQL's lock for whoever makes or changes the tables: any number that nobody else uses."""

OPENING_SECONDS = 60
"""How long another process may take for that."""

PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: a commit survives a power cut
    "foreign_keys": 1,
    "busy_timeout": BUSY_TIMEOUT_MS,
    "secure_delete": 1,  # what is erased is overwritten
}
"""What each SQLite connection is set to, and read back to be sure."""

SESSION = {
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
    "enable_seqscan": "off",
}
"""What each session of PostgreSQL is set to. A process that stands still in the middle of a transaction
holds up nobody for longer, and who waits for it can do something else meanwhile. And what reads a few
rows of a small table reads them by an index: to read all of it conflicts with whoever writes anything
there (PostgreSQL's manual, 13.2.3)."""


class StorageError(Exception):
    """The database cannot be used. One line for the operator, with the remedy."""


class Unavailable(StorageError):
    """The database cannot be written now (full disk, lock, lost connection); later it may be."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A migration that was not carried out yet, and what it is about."""

    revision: str
    what: str


class Conflict(Unavailable):
    """Another process changed what this transaction had read: the same again, and it may succeed."""


ALONE: ContextVar[bool] = ContextVar("alone", default=False)
"""Set by whoever tries again what had conflicts: transactions of other processes wait until it is over.
A long one among many short ones would otherwise never come to its end."""


_PASSING = (
    "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN",
    "SQLITE_READONLY", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_NOMEM", "SQLITE_PROTOCOL",
    "SQLITE_INTERRUPT", "SQLITE_PERM", "SQLITE_AUTH",
)  # fmt: skip
"""Names of SQLite's result codes that say nothing about the statement (sqlite.org/rescode.html)."""

_CONFLICTS = ("40001", "40P01")
"""PostgreSQL's words for that: serialization_failure, and deadlock_detected."""

_PASSING_STATES = ("08", "40", "53", "55P03", "57", "58")
"""The same for PostgreSQL: classes of SQLSTATE (its manual, appendix A)."""


def unavailable(error: BaseException) -> str | None:
    """A word for why the database cannot be used now; None if the error is about something else."""
    if isinstance(error, ConnectionError):
        return type(error).__name__
    if not isinstance(error, sa.exc.DBAPIError | sqlite3.Error):
        return None
    driver = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    name = getattr(driver, "sqlite_errorname", None)
    if isinstance(name, str) and name.startswith(_PASSING):
        return name
    if isinstance(error, sqlite3.Error):
        return None
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

    Every change happens in `transaction`, one at a time in this process: what one reads, no other
    changes before it writes. On SQLite the lock also keeps the event loop from waiting inside SQLite,
    and `BEGIN IMMEDIATE` keeps other processes out from the first statement on. On PostgreSQL other
    processes work at the same time, and transactions are SERIALIZABLE: where an answer and the miss of
    the same check-in would both be believed, one of the two is a `Conflict`, and tried again.

    Args:
        url: See `database_url`.
        keys: Where the master key comes from.
        name: Under which row of the fence this process does things (`storage.fence`).
    """

    def __init__(self, url: str, keys: KeySource, name: str = ACTING) -> None:
        self.url = database_url(url)
        self.name = name
        self.session = f"{APPLICATION}{token_hex(6)}"
        """What the sessions of this process are called at PostgreSQL."""
        self._keys = keys
        self._ring: Keyring | None = None
        self.sqlite = self.url.get_backend_name() == "sqlite"
        if self.sqlite and self.url.database and self.url.database != ":memory:":
            parent = Path(self.url.database).parent
            if not parent.is_dir():
                raise StorageError(f"database.url: the folder {parent} is not there: make it")
        self._engine: AsyncEngine = create_async_engine(self.url, **self._options())
        self._turn = asyncio.Lock()
        self._writer = Writer(self._engine)
        self.lock = self._make_lock()
        """What tells whether a bot is there."""
        self._written_anew: float | None = None
        """When SQLite's file was, in seconds that never go back."""
        self.fence: int | None = None
        """The number under which this process acts; None for a tool that claims nothing."""
        self.observe: Callable[[float], None] | None = None
        """Hears how many seconds each transaction took, with the wait for its turn."""
        if self.sqlite:
            event.listen(self._engine.sync_engine, "connect", set_pragmas)
            event.listen(self._engine.sync_engine, "begin", begin_immediate)
        else:
            event.listen(self._engine.sync_engine, "connect", _set_session)

    def _make_lock(self) -> Lock:
        if not self.sqlite:
            return AdvisoryLock(self._engine, shared=self.name != ACTING)
        path = self.url.database
        return FileLock(Path(f"{path}.lock")) if path and path != ":memory:" else NoLock()

    def _options(self) -> dict[str, Any]:
        if self.sqlite:
            return {
                "pool_size": 1,
                "max_overflow": 0,
                "hide_parameters": True,
                "connect_args": sqlite.OPTIONS,
            }
        # A name of its own for each process: whoever takes over ends what the others have open.
        settings = {"application_name": self.session}
        return {
            "pool_size": 5,
            "hide_parameters": True,
            "connect_args": {"server_settings": settings},
        }

    @property
    def vault(self) -> Vault:
        """What seals the rows. Only once it is open."""
        return self._opened.vault

    @property
    def matrix_key(self) -> bytes:
        """32 bytes for the crypto store of Matrix. Only once it is open."""
        return self._opened.matrix

    @property
    def _opened(self) -> Keyring:
        if self._ring is None:
            raise RuntimeError("the database is not open")
        return self._ring

    async def open(self) -> None:
        """Unlock it, bring the schema to this version, and check the settings of the connection.

        Raises `StorageError` or `KeyFileError` with the remedy (it is `Unavailable` where that may
        pass); a wrong key changes nothing, and neither does a database that was moved elsewhere.
        """
        await self._let_go()
        try:
            if self.sqlite and self.url.database not in (None, "", ":memory:"):
                _make_for_us_alone(Path(str(self.url.database)))
            async with self._engine.connect() as connection:
                kept = await connection.run_sync(keyring.read)
                await connection.run_sync(_not_newer)
                await connection.run_sync(_not_moved)
                await connection.rollback()
                master, argon = await self._unlock(kept)
                await self._migrated(connection, master, argon)
                if self.sqlite:
                    await self._read_back(connection)
        except BaseException as error:
            await self.close()
            if not isinstance(error, sa.exc.DatabaseError | OSError):
                raise
            kind = Unavailable if unavailable(error) else StorageError
            raise kind(
                f"database.url: cannot be opened ({type(error).__name__}): is the place there, "
                "writable, and a database of this program?"
            ) from error
        if self._opened.unfinished:
            async with self.alone():
                await self._seal_anew(master)

    async def _unlock(self, kept: Kept) -> tuple[MasterKey, Argon | None]:
        """The master key. One that opens nothing is refused before anything is changed."""
        master, argon = await keyring.unlock(kept, self._keys)
        if not kept.wrapped:
            return master, argon
        try:
            keyring.unwrapped(kept, master)
        except WrongKey:
            if not isinstance(self._keys, KeyFile) or not self._keys.next.exists():
                raise
            # A change of the master key was broken off after the database had changed.
            master = KeyFile(self._keys.next).read()
            keyring.unwrapped(kept, master)
            self._keys.take_next()
        return master, argon

    async def _migrated(
        self, connection: AsyncConnection, master: MasterKey, argon: Argon | None
    ) -> None:
        """The schema of this version, with the keys in it: all in one transaction.

        Making a table anew drops the old one, which would take along every row that refers to it:
        so references are not enforced meanwhile, and checked at the end (sqlite.org/lang_altertable,
        section 7).
        """
        if self.sqlite:
            await _pragma(connection, "foreign_keys", "0")
        ring = await connection.run_sync(_migrate, master, argon)
        if self.sqlite:
            broken = await connection.exec_driver_sql("PRAGMA foreign_key_check")
            if broken.first() is not None:
                raise StorageError("database.url: rows refer to others that are not there: restore")
        await connection.commit()
        if self.sqlite:
            await _pragma(connection, "foreign_keys", "1")
        self._ring = ring
        owed = await self._fact(connection, ERASE) if self.sqlite else None
        if owed is not None and (owed != LATER or self._size() <= WRITTEN_AT_ONCE):
            await self._erase_for_good(connection)

    async def _fact(self, connection: AsyncConnection, name: str) -> bytes | None:
        found = await connection.execute(sa.select(facts.c.value).where(facts.c.name == name))
        value = found.scalar_one_or_none()
        await connection.rollback()
        return value

    async def _erase_for_good(self, connection: AsyncConnection) -> bool:
        """What was there before must be in no free page, in no slack, and in no log of the file.

        SQLite overwrites what it deletes (`secure_delete`), but not what it moves: of a row that went to
        another page, since its own had become full, a copy stays in the slack of the first, which no
        statement reaches. To write the file anew leaves it behind. False while another process reads.
        """
        await _checkpoint(connection)
        await _outside(connection, "VACUUM")
        done = await _checkpoint(connection)
        if done:
            await connection.execute(sa.delete(facts).where(facts.c.name == ERASE))
            await connection.commit()
        return done

    # --- keys ---

    async def rotate(self) -> None:
        """Seal everything anew under a new data key. Raises `StorageError` while a bot acts."""
        async with self.alone():
            kept = await self._kept()
            master, _ = await self._unlock(kept)
            if not self._opened.unfinished:
                async with self._writing() as connection:
                    await connection.run_sync(keyring.add, kept, master)
            await self._seal_anew(master)

    async def rewrap(self, to: KeySource) -> None:
        """Another master key, from `to`. Raises `StorageError` while a bot acts.

        The new key file waits beside the old one until the database needs it, so that at every
        instant one of the two opens it.
        """
        async with self.alone():
            kept = await self._kept()
            old, _ = await self._unlock(kept)
            argon = Argon.fresh() if to.passphrase else None
            new = await to.master(argon, fresh=True)
            async with self._writing() as connection:
                await connection.run_sync(keyring.rewrap, kept, old, new, argon)
            self._keys = to

    async def _kept(self) -> Kept:
        async with self._writing() as connection:
            return await connection.run_sync(keyring.read)

    async def _seal_anew(self, master: MasterKey) -> None:
        kept = await self._kept()
        self._ring = keyring.unwrapped(kept, master)
        for table in rotation.tables():
            last: int | None = 0
            while last is not None:
                async with self._writing() as connection:
                    last = await rotation.rotate_batch(connection, self.vault, table, last)
        async with self._writing() as connection:
            await rotation.rotate_facts(connection, self.vault)
            await connection.run_sync(keyring.drop_old)
        self._ring = keyring.unwrapped(await self._kept(), master)

    async def master(self) -> MasterKey:
        """The master key of this database, which need not be open, from where it comes from.

        None is ever made. Raises `StorageError` where there is no database yet, and `KeyFileError`.
        """
        async with self._snapshot() as connection:
            kept = await connection.run_sync(keyring.read)
        if not kept.used:
            raise StorageError("database.url: nothing is there yet: start the bot once")
        master, _ = await self._unlock(kept)
        return master

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Nobody acts on this database meanwhile. Raises `StorageError` where a bot does."""
        ours = self.lock.held
        try:
            taken = await self.lock.acquire(alone=True)
        except (OSError, sa.exc.DBAPIError) as error:
            raise StorageError(
                f"database.url: whether a bot runs there cannot be known ({type(error).__name__}): is "
                "the place there, and may this account write to it?"
            ) from error
        if not taken:
            raise StorageError("database.url: a bot runs on this database: stop it first")
        try:
            yield
        finally:
            if not ours:
                await self.lock.release()

    async def _read_back(self, connection: AsyncConnection) -> None:
        for name, wanted in PRAGMAS.items():
            found = (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            if found != wanted and self.url.database != ":memory:":
                raise StorageError(
                    f"database.url: PRAGMA {name} stays {found}, needs {wanted}: "
                    "is the file on a network drive? Move it to a local disk"
                )

    @asynccontextmanager
    async def transaction(
        self, *, fenced: bool = True, claims: bool = False
    ) -> AsyncIterator[Transaction]:
        """All or nothing: commits at the end of the block, rolls back if it raises.

        `claims`: it only claims rows that no other process has (`SKIP LOCKED`), or asks and answers
        of which the newest counts; then it sees what is newest at each statement, and never conflicts.

        Raises `Unavailable` where it is the database that fails, and not what is asked of it (it is a
        `Conflict` where the same again would succeed); and `NotActing` in a process that acted and
        was replaced, unless it is not to be `fenced`.
        """
        began = perf_counter()
        async with self._writing(serializable=fenced and not claims) as connection:
            transaction = Transaction(connection, self.vault, self.fence, self.name)
            if ALONE.get() and fenced and not self.sqlite:
                await transaction.fence.keep_others_out()
            if fenced and self.fence is not None:
                await transaction.fence.require(self.fence)
            yield transaction
            if transaction.wipe_log and self.sqlite:
                await transaction.facts.set(ERASE, LATER)
            if not self.sqlite:
                await transaction.notify()
        if self.observe is not None:
            self.observe(perf_counter() - began)
        if transaction.wipe_log and self.sqlite:
            await self._wipe(anew=self._size() <= WRITTEN_AT_ONCE)

    async def _wipe(self, *, anew: bool) -> None:
        """What was erased is in no page of the log any more and, if the file is written anew, nowhere.

        Another process that reads just now keeps the log: then a later time does it (`ERASE`).
        """
        try:
            async with self._turn:
                await self._writer.close()
                async with self._engine.connect() as connection:
                    if not anew:
                        await _checkpoint(connection)
                    elif await self._erase_for_good(connection):
                        self._written_anew = monotonic()
        except (sqlite3.Error, sa.exc.DBAPIError):
            return

    def _size(self) -> int:
        try:
            return Path(str(self.url.database)).stat().st_size
        except OSError:  # in memory
            return 0

    @asynccontextmanager
    async def _writing(self, *, serializable: bool = False) -> AsyncIterator[AsyncConnection]:
        begun = False
        try:
            async with self._turn, self._begun(serializable=serializable) as connection:
                begun = True
                yield connection
        except (sa.exc.DBAPIError, sqlite3.Error, OSError) as error:
            # Before it began, any error of the network means that there is no connection; inside,
            # a time-out may be of what was asked.
            lost = isinstance(error, OSError) and not begun
            why = type(error).__name__ if lost else unavailable(error)
            if why is None:
                raise
            raise (Conflict if why in _CONFLICTS else Unavailable)(
                f"database.url: cannot be used now ({why}): is the disk full, or does another "
                "program hold the database?"
            ) from None

    @asynccontextmanager
    async def _begun(self, *, serializable: bool) -> AsyncIterator[AsyncConnection]:
        if self.sqlite:
            async with self._writer.transaction() as quick:
                yield cast(AsyncConnection, quick)  # it has what the repositories use of one
            return
        async with self._engine.connect() as connection:
            if serializable:
                await connection.execution_options(isolation_level="SERIALIZABLE")
            async with connection.begin():
                yield connection

    async def pending(self) -> list[Pending]:
        """What a start would do to the schema, in its order. Changes nothing. Raises `StorageError`."""
        async with self._snapshot() as connection:
            await connection.run_sync(_not_newer)
            await connection.run_sync(_not_moved)
            current = await connection.run_sync(revision)
        if current is None:
            raise StorageError("database.url: nothing is there yet: start the bot once")
        from alembic.script import ScriptDirectory

        scripts = ScriptDirectory.from_config(alembic()).iterate_revisions("head", current)
        return [Pending(s.revision, s.doc) for s in reversed(list(scripts))]

    async def listen(self, hear: Callable[[str], None]) -> None:
        """Tell `hear` for ever what other processes `notify`; on SQLite, where there are none, nothing.

        What is said while the connection is lost is not heard: whoever listens also looks by itself.
        Raises `Unavailable` once it is lost.
        """
        if self.sqlite:
            await asyncio.Event().wait()
        try:
            await listening(self._engine, hear)
        except Exception as error:
            raise Unavailable(f"database.url: notices are not heard ({type(error).__name__})") from None

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[AsyncConnection]:
        """What is there at one instant, without any key and without a change: what is sealed stays so.

        Nobody waits for it. Raises `StorageError` where there is no database of this version.
        """
        async with self._snapshot() as connection:
            await connection.run_sync(require_this_version)
            yield connection

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[AsyncConnection]:
        if self.sqlite and not Path(str(self.url.database)).exists():
            raise StorageError("database.url: there is no database yet: start the bot once")
        engine = reader(self.url)
        try:
            async with engine.connect() as connection:
                yield connection
        except (sa.exc.DBAPIError, OSError) as error:
            raise Unavailable(
                f"database.url: cannot be read now ({type(error).__name__}): is the place there, and a "
                "database of this program?"
            ) from error
        finally:
            await engine.dispose()

    async def forget(self, *, erased: bool = True) -> None:
        """What was erased is in no byte of SQLite's files either: to be called every hour.

        `erased`: something was just now; otherwise only what is still owed is done. PostgreSQL needs none
        of it.
        """
        if not self.sqlite:
            return
        if not erased:
            async with self._writing() as connection:
                there = await connection.execute(sa.select(facts.c.name).where(facts.c.name == ERASE))
                if there.first() is None:
                    return
        long_ago = self._written_anew is None or monotonic() - self._written_anew >= A_DAY
        anew = long_ago or self._size() <= WRITTEN_AT_ONCE
        if erased and not anew:
            async with self._writing() as connection:
                await Facts(connection).set(ERASE, LATER)
        await self._wipe(anew=anew)

    async def close(self) -> None:
        """Let go of all connections, that of the lock too."""
        await self.lock.release()
        await self._let_go()
        await self._engine.dispose()

    async def _let_go(self) -> None:
        """Of the connection that is kept: there is one place in the pool."""
        async with self._turn:
            await self._writer.close()


def reader(url: URL) -> AsyncEngine:
    """Connections that read, each all of what it reads as it was at one instant, and write nothing."""
    if url.get_backend_name() == "sqlite":
        engine = create_async_engine(url, poolclass=sa.NullPool, hide_parameters=True)
        event.listen(engine.sync_engine, "connect", _read_only)
        event.listen(engine.sync_engine, "begin", _begin_to_read)
        return engine
    # Its name is none of those whose work is ended when another process takes over.
    settings = {"application_name": "acuerpa-reader"}
    return create_async_engine(
        url,
        poolclass=sa.NullPool,
        hide_parameters=True,
        connect_args={"server_settings": settings},
        # It waits for an instant at which what others write could have been written one after the other,
        # and then conflicts with nobody (PostgreSQL's manual, SET TRANSACTION).
        execution_options={
            "isolation_level": "SERIALIZABLE",
            "postgresql_readonly": True,
            "postgresql_deferrable": True,
        },
    )


@asynccontextmanager
async def writing(url: URL, isolation: str = "READ COMMITTED") -> AsyncIterator[AsyncConnection]:
    """One transaction apart from a bot's, which commits at the end of the block; for one piece of work.

    `isolation` is PostgreSQL's; on SQLite nobody else writes meanwhile.
    """
    if url.get_backend_name() == "sqlite":
        engine = create_async_engine(url, poolclass=sa.NullPool, hide_parameters=True)
        event.listen(engine.sync_engine, "connect", set_pragmas)
        event.listen(engine.sync_engine, "begin", begin_immediate)
    else:
        settings = {"application_name": "acuerpa-writer"}
        engine = create_async_engine(
            url, poolclass=sa.NullPool, hide_parameters=True, isolation_level=isolation,
            connect_args={"server_settings": settings},
        )  # fmt: skip
    try:
        async with engine.connect() as connection:
            yield connection
            await connection.commit()
    finally:
        await engine.dispose()


def remove_with_journals(path: Path) -> None:
    """A SQLite file, and what SQLite keeps beside it."""
    for end in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def why_not(error: BaseException) -> str:
    """Why a database or a disk refused, in a word without a value or an address."""
    if isinstance(error, sa.exc.DBAPIError) and error.orig is not None:
        name = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None)
        return str(name or type(error.orig).__name__)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(getattr(error, "sqlite_errorname", type(error).__name__))


def _make_for_us_alone(path: Path, *, new: bool = False) -> None:
    """A file that nobody else may read, if there is none; SQLite gives its log the same rights."""
    how = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_EXCL if new else 0)
    os.close(os.open(path, how, 0o600))


def set_pragmas(connection: Any, _record: object) -> None:
    """What every connection to SQLite that writes is set to."""
    # The driver must not begin transactions by itself: ours begin IMMEDIATE.
    connection.isolation_level = None
    cursor = connection.cursor()
    for name, value in PRAGMAS.items():
        cursor.execute(f"PRAGMA {name}={value}")
    cursor.close()


def _set_session(connection: Any, _record: object) -> None:
    # Not among what the connection starts with: PgBouncer refuses that.
    cursor = connection.cursor()
    for name, value in SESSION.items():
        cursor.execute(f"SET {name} = '{value}'")
    cursor.close()
    connection.commit()


def begin_immediate(connection: sa.Connection) -> None:
    """Keep other processes from writing from the first statement on."""
    link = sqlite.link_below(connection)
    if link is not None and link.in_transaction:
        return  # ours: `storage.writer`
    if link is None or not link.begins():
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # and wait for whoever is at it


def _read_only(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA query_only=1")
    cursor.close()


def _begin_to_read(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


async def _pragma(connection: AsyncConnection, name: str, value: str) -> None:
    """One that has no effect inside a transaction, on the driver's own connection."""
    await _outside(connection, f"PRAGMA {name}={value}")


async def _checkpoint(connection: AsyncConnection) -> bool:
    """Everything into the file, and nothing left beside it. False while another process reads."""
    ((busy, *_),) = await _outside(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
    return not busy


async def _outside(connection: AsyncConnection, statement: str, *values: str) -> list[Any]:
    """Carry it out without a transaction. Returns its rows."""
    raw = await connection.get_raw_connection()
    assert raw.driver_connection is not None
    cursor = await raw.driver_connection.execute(statement, values)
    rows = await cursor.fetchall()
    await cursor.close()
    return list(rows)


def _not_newer(connection: sa.Connection) -> None:
    current = revision(connection)
    if current is not None and current not in revisions():
        raise StorageError(
            "database.url: the database was made by a newer version: install that version"
        )


def require_this_version(connection: sa.Connection) -> None:
    """Raises `StorageError` unless the schema is this version's."""
    _not_newer(connection)
    if revision(connection) != revisions()[-1]:
        raise StorageError(
            "database.url: the database is one of an older version: stop the bot and run acuerpa "
            "migrate"
        )


def _not_moved(connection: sa.Connection) -> None:
    if not sa.inspect(connection).has_table(facts.name):
        return
    where = sa.select(facts.c.value).where(facts.c.name == MOVED)
    moved = connection.execute(where).scalar_one_or_none()
    if moved is not None:
        raise StorageError(
            f"database.url: this database was moved ({bytes(moved).decode()}): name the new one here; "
            "to go back to this one, acuerpa migrate --undo-move"
        )


def _migrate(connection: sa.Connection, master: MasterKey, argon: Argon | None) -> Keyring:
    """To this version; a database without keys gets them on the way."""
    if connection.dialect.name == "postgresql":
        # As SQLite does by itself: of processes that start together, one makes the tables.
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{OPENING_SECONDS}s'")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(OPENING)))
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
    kept = keyring.read(connection)  # again: another process may have been quicker
    current = revision(connection)
    if kept.wrapped and current == revisions()[-1]:
        return keyring.unwrapped(kept, master)
    from alembic import command

    config = alembic()
    config.attributes["connection"] = connection
    if kept.wrapped:
        ring = keyring.unwrapped(kept, master)
        config.attributes["ring"] = ring
        command.upgrade(config, "head")
        return ring
    if current is None:
        # The same tables as the migrations make, at once; a test holds the two together.
        metadata.create_all(connection)
        command.stamp(config, "head")
        ring = keyring.fresh()
        keyring.save(connection, ring, master, argon)
        return ring
    config.attributes["master"] = master
    ring = keyring.fresh(master.legacy_matrix_key() if kept.used else None)
    config.attributes["ring"] = ring
    command.upgrade(config, "head")
    keyring.save(connection, ring, master, argon)
    return ring
