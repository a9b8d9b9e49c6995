"""A database with a row in every table, and a process that moves it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from storage import moving
from storage.database import Database
from storage.keys import KeyInMemory
from storage.rows import Blind, Sealed
from storage.tables import Instant, data_keys, fences, metadata
from tests.support.opened import KEY

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)

TEXTS = ("", "Xóchitl ñandú", "𐐷 outside of the first plane", "a\nb\t'\"\\", "null")
JSONS = (None, [], {}, [1, 2.5, -3e10], {"á": [True, None, "\\u0000"]}, "text", 10**15)


async def full_of_everything(url: str, seed: int = 1, rows: int = 3) -> None:
    """A new SQLite database whose every table has rows, with values of every kind."""
    database = Database(url, KeyInMemory(KEY))
    await database.open()
    await database.close()
    chance = Random(seed)
    with closing(sqlite3.connect(url)) as db:
        for table in metadata.sorted_tables:
            if table not in (data_keys, fences):
                for number in range(1, rows + 1):
                    _add(db, table, number, chance)
        db.execute("INSERT INTO fences VALUES ('acting', 7, 0, '')")
        db.commit()


def _add(db: sqlite3.Connection, table: sa.Table, number: int, chance: Random) -> None:
    values = {c.name: _value(c, number, chance) for c in table.columns}
    marks = ", ".join("?" * len(values))
    names = ", ".join(f'"{name}"' for name in values)
    db.execute(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', list(values.values()))


def _value(column: sa.Column[Any], number: int, chance: Random) -> Any:
    kind = column.type
    if column.foreign_keys:
        return number  # the row of the same number, in a table before this one
    if column.nullable and number == 2:
        return None
    if isinstance(kind, Instant):
        return chance.randrange(10**15, 2 * 10**15)
    if isinstance(kind, Sealed | Blind | sa.LargeBinary):
        return chance.randbytes(chance.randrange(1, 60))
    if isinstance(kind, sa.Boolean):
        return chance.randrange(2)
    if isinstance(kind, sa.JSON):
        return json.dumps(chance.choice(JSONS), ensure_ascii=chance.random() < 0.5)
    if isinstance(kind, sa.SmallInteger):
        return number
    if isinstance(kind, sa.Integer | sa.BigInteger):
        return number if column.primary_key else chance.randrange(2**31)
    return f"{chance.choice(TEXTS)} {number}"


async def move(source: str, to: str) -> None:
    """`acuerpa migrate --to`, in a process that may be killed."""
    database = Database(source, KeyInMemory(KEY))
    await moving.move(database, to, NOW)
    await database.close()


def tables_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of a SQLite file, by table."""
    with closing(sqlite3.connect(path)) as db:
        return {
            table.name: sorted(db.execute(f'SELECT * FROM "{table.name}"').fetchall(), key=repr)
            for table in metadata.sorted_tables
        }
