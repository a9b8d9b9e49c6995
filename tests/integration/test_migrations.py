"""A database of the first version becomes one of this version, and what it held is sealed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from storage.database import Database
from storage.keys import KeyInMemory, MasterKey, WrongKey
from storage.sealed_facts import SealedFacts
from storage.tables import metadata
from storage.versions import alembic, revision, revisions
from tests.support.first_version import FIRST, SECRETS, holds_everything
from tests.support.opened import KEY


@pytest.fixture(params=["sqlite", "postgresql"])
def first_version(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database as the first version left it, with something of everything in it."""
    if request.param == "sqlite":
        url = str(tmp_path / "a.db")
        engine = sa.create_engine(f"sqlite:///{url}")
        drop = ""
    else:
        server = request.getfixturevalue("postgres")
        root = sa.create_engine(server.replace("://", "+psycopg2://"), isolation_level="AUTOCOMMIT")
        with root.connect() as connection:
            connection.exec_driver_sql("DROP DATABASE IF EXISTS first WITH (FORCE)")
            connection.exec_driver_sql("CREATE DATABASE first")
        url = server.rpartition("/")[0] + "/first"
        engine = sa.create_engine(url.replace("://", "+psycopg2://"))
        drop = "DROP DATABASE first WITH (FORCE)"
    with engine.begin() as connection:
        if request.param == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=1")
        config = alembic()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in FIRST:
            connection.execute(sa.text(statement.replace(":", "\\:")))
        secret = MasterKey(KEY).wrap(b"a session", "facts.matrix.1.session")
        connection.execute(
            sa.text("INSERT INTO facts (name, value) VALUES ('matrix.1.session', :value)"),
            {"value": secret},
        )
    engine.dispose()
    if request.param == "sqlite":
        with closing(sqlite3.connect(url)) as connection:
            connection.execute("PRAGMA journal_mode=wal")
    yield url
    if drop:
        with root.connect() as connection:
            connection.exec_driver_sql(drop)
        root.dispose()


async def test_what_the_first_version_held_is_there(first_version: str) -> None:
    database = Database(first_version, KeyInMemory(KEY))
    await database.open()
    async with database.transaction() as tx:
        differences = await tx.connection.run_sync(
            lambda connection: compare_metadata(MigrationContext.configure(connection), metadata)
        )
        assert [d for d in differences if d[0] != "add_table_comment"] == []
    await holds_everything(database)
    assert await SealedFacts(database).get("matrix.1.session") == b"a session"
    assert database.matrix_key == MasterKey(KEY).legacy_matrix_key()
    await database.close()


async def test_nothing_of_it_stands_in_the_file(first_version: str, tmp_path: Path) -> None:
    if "://" in first_version:
        pytest.skip("PostgreSQL's files are not ours to read")
    raw = Path(first_version).read_bytes()
    words = [word.encode() for word in SECRETS]
    escaped = [json.dumps(word)[1:-1].encode() for word in SECRETS]
    assert all(w in raw or e in raw for w, e in zip(words, escaped, strict=True))
    database = Database(first_version, KeyInMemory(KEY))
    await database.open()
    # While it is open too: the log beside it holds pages as they were.
    for path in tmp_path.glob("a.db*"):
        raw = path.read_bytes()
        assert [w for w in (*words, *escaped) if w in raw] == [], path.name
    await database.close()


async def test_another_key_changes_nothing(first_version: str) -> None:
    before = Path(first_version).read_bytes() if "://" not in first_version else b""
    with pytest.raises(WrongKey, match="nothing was changed"):
        await Database(first_version, KeyInMemory()).open()
    if before:
        assert Path(first_version).read_bytes() == before
    database = Database(first_version, KeyInMemory(KEY))
    await database.open()
    await database.close()


async def test_the_files_of_the_migrations_are_named_as_alembic_knows_them(tmp_path: Path) -> None:
    """What is there is looked up by their names, without Alembic."""
    scripts = ScriptDirectory.from_config(alembic())
    assert revisions() == [script.revision for script in scripts.walk_revisions()][::-1]
    database = Database(str(tmp_path / "a.db"), KeyInMemory(KEY))
    async with database._engine.connect() as connection:
        assert await connection.run_sync(revision) is None
    await database.open()
    async with database._engine.connect() as connection:
        assert await connection.run_sync(revision) == scripts.get_current_head()
    await database.close()
