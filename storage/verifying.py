"""Whether a copy of a database is whole: a SQLite file that nobody writes to.

What is looked at: SQLite's own check of every page and index, that no row refers to one that is not
there, that the master key opens the data keys, and that each sealed field opens in its place.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from storage import keyring
from storage.database import MOVED, StorageError
from storage.keyring import Kept, Keyring
from storage.keys import MasterKey
from storage.rows import Sealed, rows_at_once
from storage.tables import EPOCH, facts, fences, metadata
from storage.vault import Refused, Vault
from storage.versions import revision, revisions


@dataclass(frozen=True, slots=True)
class Sound:
    """What a whole copy holds.

    `schema`: its revision. `tables`: rows by table. `sealed`: fields that were opened. `resting`: the bot
    was stopped, and had said so itself, when it was taken.
    """

    schema: str
    tables: Mapping[str, int]
    sealed: int
    resting: bool

    @property
    def rows(self) -> int:
        """In all tables together."""
        return sum(self.tables.values())


def kept_in(path: Path) -> Kept:
    """What a copy says of its keys. Raises `StorageError` if it is no database of ours."""
    with _opened(path) as connection:
        return keyring.read(connection)


def verified(path: Path, master: MasterKey | None) -> tuple[Sound, Keyring | None]:
    """What the copy holds, and its keys. Without a master key the sealed fields are only counted as none.

    Raises `StorageError` for a copy that is not whole, and `WrongKey`.
    """
    with _opened(path) as connection:
        if (check := connection.exec_driver_sql("PRAGMA integrity_check").scalar_one()) != "ok":
            raise StorageError(f"the copy is damaged ({str(check)[:60]})")
        if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
            raise StorageError("the copy is damaged: rows refer to others that are not there")
        schema = revision(connection)
        if schema is None:
            raise StorageError("the copy is no database of this program")
        if schema not in revisions():
            raise StorageError("the copy was made by a newer version: install that version")
        kept = keyring.read(connection)
        ring = keyring.unwrapped(kept, master) if master is not None and kept.wrapped else None
        present = set(sa.inspect(connection).get_table_names())
        if _has(connection, present, "facts", MOVED):
            raise StorageError("the database was moved elsewhere: back up the new one")
        tables = {
            name: int(connection.execute(_count(name)).scalar_one())
            for name in sorted(present - {"alembic_version", "sqlite_sequence"})
        }
        sealed = _opens(connection, ring.vault, present) if ring is not None else 0
        return Sound(schema, tables, sealed, _resting(connection, present)), ring


def _count(table: str) -> sa.Select[int]:
    return sa.select(sa.func.count()).select_from(sa.table(table))


def _opens(connection: sa.Connection, vault: Vault, present: set[str]) -> int:
    """Open every sealed field of every row. Returns how many there are."""
    opened = 0
    try:
        for table in metadata.sorted_tables:
            if table.name not in present:
                continue
            there = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
            sealed = [c for c in table.columns if isinstance(c.type, Sealed) and c.name in there]
            if not sealed:
                continue
            (key,) = table.primary_key.columns
            raw = [sa.type_coerce(column, sa.LargeBinary) for column in sealed]
            some = sa.select(key, *raw).execution_options(yield_per=rows_at_once(table))
            for number, *envelopes in connection.execute(some):
                for column, envelope in zip(sealed, envelopes, strict=True):
                    if envelope is not None:
                        vault.open(envelope, table.name, column.name, number)
                        opened += 1
        kept = sa.select(facts.c.name, facts.c.value).where(facts.c.sealed)
        for name, envelope in connection.execute(kept):
            vault.open(envelope, "facts", "value", name)
            opened += 1
    except (Refused, TypeError) as error:
        raise StorageError(f"the copy is damaged: {error}") from None
    return opened


def _has(connection: sa.Connection, present: set[str], table: str, name: str) -> bool:
    """Whether a table of named things is there and has this one."""
    if table not in present:
        return False
    rows = sa.table(table, sa.column("name"))
    return connection.execute(sa.select(rows).where(rows.c.name == name)).first() is not None


def _resting(connection: sa.Connection, present: set[str]) -> bool:
    """Whether whoever acted, and whoever helped, said that they do so no more."""
    if fences.name not in present:
        return False
    going_on = sa.select(fences.c.name).where(fences.c.until != EPOCH)
    return connection.execute(going_on).first() is None


def _connect(path: Path) -> sqlite3.Connection:
    """Nobody writes to it, so nothing is made beside it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


@contextmanager
def _opened(path: Path) -> Iterator[sa.Connection]:
    """Where SQLite's errors are one line."""
    engine = sa.create_engine("sqlite://", creator=lambda: _connect(path))
    try:
        with engine.connect() as connection:
            yield connection
    except (sqlite3.Error, sa.exc.DBAPIError):
        raise StorageError("the copy is damaged, or no database of this program") from None
    finally:
        engine.dispose()
