"""Looking at a database without changing anything in it, also while a bot works with it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from storage import keyring
from storage.database import PRAGMAS, StorageError, database_url, unavailable
from storage.facts import Facts
from storage.keyring import Kept, Keyring
from storage.keys import KeyFile, KeySource, WrongKey
from storage.sealed_facts import COLUMN, TABLE
from storage.versions import revision, revisions

JOURNAL = "journal_mode"


class Schema(StrEnum):
    """How the tables stand to this version of the program."""

    NONE = "none"  # there are none: the first start makes them
    OLDER = "older"  # the next start brings them to this version
    SAME = "same"
    NEWER = "newer"  # made by a version that this one does not know


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was seen. `odd` names the settings of SQLite that stay as they should not be."""

    schema: Schema
    kept: Kept
    odd: tuple[str, ...] = ()

    async def unlocked(self, keys: KeySource) -> Keyring:
        """The data keys. Raises `KeyFileError`; no key is made, and none is put in another's place."""
        if not self.kept.wrapped:
            raise StorageError("database.url: has no keys yet: the first start makes them")
        master, _ = await keyring.unlock(self.kept, keys)
        try:
            return keyring.unwrapped(self.kept, master)
        except WrongKey:
            if not isinstance(keys, KeyFile) or not keys.next.exists():
                raise
            return keyring.unwrapped(self.kept, KeyFile(keys.next).read())


async def inspect(url: str) -> Inspected:
    """Look at the tables and the keys. Raises `StorageError`."""
    async with _looking(url) as connection:
        if connection is None:
            return Inspected(Schema.NONE, Kept())
        odd = [name async for name in _odd(connection)]
        schema = await connection.run_sync(_schema)
        return Inspected(schema, await connection.run_sync(keyring.read), tuple(odd))


async def _odd(connection: AsyncConnection) -> AsyncIterator[str]:
    if connection.dialect.name != "sqlite":
        return
    for name, wanted in PRAGMAS.items():
        if name != JOURNAL:  # which is the file's; the others are of each connection
            await connection.exec_driver_sql(f"PRAGMA {name}={wanted}")
        if (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one() != wanted:
            yield name


async def damage(url: str) -> str | None:
    """What SQLite finds wrong with its file; None if nothing, and on PostgreSQL.

    It reads the whole file: some seconds for a gigabyte. Others may write meanwhile. Raises
    `StorageError`.
    """
    async with _looking(url) as connection:
        if connection is None or connection.dialect.name != "sqlite":
            return None
        said: str = (await connection.exec_driver_sql("PRAGMA quick_check(1)")).scalar_one()
        return None if said == "ok" else said


class FactsAsTheyAre:
    """Small secrets of the installation, read and never changed (`storage.sealed_facts`)."""

    def __init__(self, url: str, ring: Keyring) -> None:
        self._url = url
        self._ring = ring

    @property
    def matrix_key(self) -> bytes:
        """32 bytes for the crypto store of Matrix."""
        return self._ring.matrix

    async def get(self, name: str) -> bytes | None:
        """The secret, or None. Raises `storage.vault.Refused` if it was changed."""
        async with _looking(self._url) as connection:
            envelope = await Facts(connection).get(name) if connection is not None else None
        if envelope is None:
            return None
        return self._ring.vault.open(bytes(envelope), TABLE, COLUMN, name)

    async def set(self, name: str, value: bytes) -> None:
        """Not done."""
        raise StorageError("database.url: is looked at only")


@asynccontextmanager
async def _looking(url: str) -> AsyncIterator[AsyncConnection | None]:
    """A connection that cannot write to SQLite; None if there is no file."""
    address = database_url(url)
    if address.get_backend_name() == "sqlite":
        path = address.database or ""
        if not Path(path).exists() or Path(path).stat().st_size == 0:
            yield None
            return
        address = URL.create(
            "sqlite+aiosqlite", database=f"file:{quote(path)}", query={"mode": "ro", "uri": "true"}
        )
    engine = create_async_engine(address, poolclass=sa.NullPool, hide_parameters=True)
    try:
        async with engine.connect() as connection:
            yield connection
            await connection.rollback()
    except (sa.exc.DatabaseError, sqlite3.Error, OSError) as error:
        why = unavailable(error) or type(error).__name__
        raise StorageError(
            f"database.url: cannot be looked at ({why}): is it there, this account's, and a database "
            "of this program?"
        ) from None
    finally:
        await engine.dispose()


def _schema(connection: sa.Connection) -> Schema:
    current = revision(connection)
    if current is None:
        return Schema.NONE
    if current not in revisions():
        return Schema.NEWER
    return Schema.SAME if current == revisions()[-1] else Schema.OLDER
