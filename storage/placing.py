"""A copy takes the place of a database; what was there before stays beside it under another name."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import sqlalchemy as sa

from storage import copying
from storage.database import (
    OPENING,
    Database,
    database_url,
    reader,
    writing,
)
from storage.keys import sync_folder
from storage.tables import metadata

VERSION_TABLE = "alembic_version"


async def is_taken(target: Database) -> bool:
    """Whether there is something already."""
    if target.sqlite:
        path = _path(target)
        return path.exists() and path.stat().st_size > 0
    async with writing(target.url) as connection:
        return not await copying.is_empty(connection)


async def place(copy: Path, target: Database, before: str) -> str | None:
    """Put a whole SQLite file of this version, which nobody has open, in the place of `target`.

    In one step: until then nothing was changed. Whoever calls has made sure that no bot runs, and that
    what is there may go aside. `before` is how that is called from then on; returns where it is, None if
    there was nothing. Raises `StorageError`, `OSError` and what SQLAlchemy raises.
    """
    return _in_a_file(copy, target, before) if target.sqlite else await _in_tables(copy, target, before)


def _path(target: Database) -> Path:
    return Path(str(target.url.database)).resolve()


def _in_a_file(copy: Path, target: Database, before: str) -> str | None:
    path = _path(target)
    aside: Path | None = None
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    if path.exists():
        _fold_log(path)
        aside = path.with_name(f"{path.name}.{before}")
        os.link(path, aside)
        # What could not be folded belongs to the old file, and must never be read into the new one.
        for end in ("-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                os.rename(f"{path}{end}", f"{aside}{end}")
    os.replace(copy, path)
    sync_folder(path)
    return None if aside is None else aside.name


def _fold_log(path: Path) -> None:
    """What is in the log beside the old file goes into it, if it can still be read at all."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _in_tables(copy: Path, target: Database, before: str) -> str | None:
    """All in one transaction, the old tables moved to a schema of their own."""
    aside: str | None = None
    engine = reader(database_url(str(copy)))
    try:
        async with engine.connect() as source, writing(target.url) as there:
            await there.execute(sa.select(sa.func.pg_advisory_xact_lock(OPENING)))
            if not await copying.is_empty(there):
                aside = f"acuerpa_{before}".replace("-", "_").lower()
                await there.exec_driver_sql(f'CREATE SCHEMA "{aside}"')
                ours = {*metadata.tables, VERSION_TABLE}
                for name in await there.run_sync(lambda c: sa.inspect(c).get_table_names()):
                    if name in ours:
                        await there.exec_driver_sql(f'ALTER TABLE "{name}" SET SCHEMA "{aside}"')
            await copying.make_tables(there)
            await copying.copy(source, there)
    finally:
        await engine.dispose()
    return None if aside is None else f"the schema {aside}"
