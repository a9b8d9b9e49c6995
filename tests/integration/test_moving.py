"""An installation goes from SQLite to PostgreSQL, and back: all of it, or nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa

from bot.engine.stepping import SteppedClock
from storage import copying, moving
from storage.database import Database, StorageError
from storage.keys import KeyInMemory
from storage.tables import groups, metadata
from tests.proofs.keeping import filled
from tests.proofs.proof import a_seed
from tests.support.backups import Installation
from tests.support.forks import Forks
from tests.support.moving import NOW, full_of_everything, move, tables_of
from tests.support.opened import KEY
from tests.support.stage_sandbox import SandboxStage
from tests.support.world import START, World


def tables_on(url: str) -> list[str]:
    """What is in a PostgreSQL database."""
    with closing(psycopg2.connect(url)) as db, db.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return [name for (name,) in cursor.fetchall()]


async def test_every_value_of_every_table_arrives_and_comes_back(
    tmp_path: Path, fresh_postgres: str
) -> None:
    source, back = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    await full_of_everything(source, a_seed())
    await move(source, fresh_postgres)
    await move(fresh_postgres, back)
    before, after = tables_of(Path(source)), tables_of(Path(back))
    before["facts"] = [row for row in before["facts"] if row[0] != "moved"]
    assert after == before
    assert all(after.values())
    assert Path(back).stat().st_mode & 0o777 == 0o600


async def test_anas_question_goes_on_where_it_was(tmp_path: Path, fresh_postgres: str) -> None:
    path = str(tmp_path / "acuerpa.db")
    database = Database(path, KeyInMemory(KEY))
    await database.open()
    stage = SandboxStage(database, SteppedClock(START))
    await stage.engine.start()
    world = World(stage)
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya: Berta; repetir 30 min")
    await ana.asked_daily("09:00", grace="45 min", more="sin avisos")
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await database.close()

    await move(path, fresh_postgres)
    with pytest.raises(StorageError, match=r"was moved \(to PostgreSQL on .*--undo-move"):
        await Database(path, KeyInMemory(KEY)).open()
    there = Database(fresh_postgres, KeyInMemory(KEY))
    await there.open()
    moved = SandboxStage(there, stage.clock, town=stage.town)
    world.stage, world.stages = moved, (moved,)
    await moved.engine.start()
    await world.until("09:45")
    await berta.sees("Ana", "no respondió", "#1")
    carla = await world.person("Carla")  # new rows get numbers that no row has
    await group.coordinator.writes("/invitar red")
    await carla.joins(await group.coordinator.reads_secret())
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste el incidente #1")
    await group.coordinator.reads_all()
    await carla.reads_all()
    await moved.close()


async def test_the_number_of_what_was_erased_is_not_given_again(
    tmp_path: Path, fresh_postgres: str
) -> None:
    """A message about it may be left somewhere, and must not be taken for one about another."""
    source = str(tmp_path / "a.db")
    before = Database(source, KeyInMemory(KEY))
    await before.open()
    now = datetime(2026, 11, 28, tzinfo=UTC)
    async with before.transaction() as tx:
        numbers = [await tx.people.add_group(name, "", "es", "UTC", now) for name in "abc"]
        await tx.connection.execute(sa.delete(groups).where(groups.c.id == numbers[-1]))
    await before.close()
    await move(source, fresh_postgres)
    after = Database(fresh_postgres, KeyInMemory(KEY))
    await after.open()
    async with after.transaction() as tx:
        assert await tx.people.add_group("d", "", "es", "UTC", now) > numbers[-1]
    await after.close()


async def test_who_only_looks_reads_one_instant_and_is_in_nobodys_way(fresh_postgres: str) -> None:
    database = Database(fresh_postgres, KeyInMemory(KEY))
    await database.open()
    async with database.looking() as connection:
        for setting, wanted in (
            ("isolation", "serializable"), ("read_only", "on"), ("deferrable", "on"),
        ):  # fmt: skip
            shown = await connection.exec_driver_sql(f"SHOW transaction_{setting}")
            assert shown.scalar_one() == wanted
        with pytest.raises(sa.exc.DBAPIError, match="read-only"):
            await connection.execute(sa.delete(groups))
    await database.close()


async def test_what_is_not_the_same_is_not_taken(
    tmp_path: Path, fresh_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that is lost on the way, and one that changes."""
    source = str(tmp_path / "a.db")
    await filled(source, 5)
    real = copying._put
    for spoils in (
        lambda rows: rows[1:],
        lambda rows: [(*rows[0][:-1], rows[0][-1] + 1), *rows[1:]],
        lambda rows: [(*rows[0][:-1], "no instant"), *rows[1:]],
    ):

        async def put(target: Any, table: sa.Table, rows: Any, spoils: Any = spoils) -> None:
            await real(target, table, spoils(rows) if table.name == "data_keys" else rows)

        monkeypatch.setattr(copying, "_put", put)
        with pytest.raises(StorageError, match="data_keys"):
            await move(source, fresh_postgres)
        assert tables_on(fresh_postgres) == []
    monkeypatch.setattr(copying, "_put", real)
    await Database(source, KeyInMemory(KEY)).open()  # it is not marked
    await move(source, fresh_postgres)


async def test_broken_off_anywhere_the_same_command_ends_it(
    tmp_path: Path, fresh_postgres: str
) -> None:
    """Killed at a statement: the new database is empty or whole, never both can be started."""
    original = tmp_path / "original.db"
    await full_of_everything(str(original))
    chance = Random(a_seed())
    source = tmp_path / "a.db"
    engine = sa.create_engine(
        fresh_postgres.replace("://", "+psycopg2://"), isolation_level="AUTOCOMMIT"
    )
    async with await Forks.start("tests.support.moving:move") as forks:
        with engine.connect() as server:

            def anew() -> None:
                source.write_bytes(original.read_bytes())
                server.exec_driver_sql("DROP SCHEMA public CASCADE")
                server.exec_driver_sql("CREATE SCHEMA public")

            anew()
            _, statements = await forks.run(0, source=str(source), to=fresh_postgres)
            # The last one is where the new database is to be committed.
            points = {statements, chance.randrange(1, statements), chance.randrange(1, statements)}
            for die_at in sorted(points):
                anew()
                killed, _ = await forks.run(die_at, source=str(source), to=fresh_postgres)
                there = tables_on(fresh_postgres)
                with closing(sqlite3.connect(source)) as db:
                    marked = db.execute("SELECT 1 FROM facts WHERE name = 'moved'").fetchone()
                assert killed
                assert not there or marked, f"both could be started, killed at {die_at}"
                await move(str(source), fresh_postgres)
                assert set(tables_on(fresh_postgres)) == {*metadata.tables, "alembic_version"}
    engine.dispose()
    with closing(psycopg2.connect(fresh_postgres)) as db, db.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM members")
        assert cursor.fetchone() == (3,)


async def test_killed_after_the_mark_it_goes_on_or_back(tmp_path: Path, fresh_postgres: str) -> None:
    source = str(tmp_path / "a.db")
    await filled(source, 3)
    with closing(sqlite3.connect(source)) as db:
        db.execute("INSERT INTO facts VALUES ('moved', ?, 0)", (b"to PostgreSQL",))
        db.commit()
    database = Database(source, KeyInMemory(KEY))
    assert await moving.undo(database)
    assert not await moving.undo(database)
    await database.open()
    await database.close()
    await move(source, fresh_postgres)
    done = await moving.move(database, fresh_postgres, NOW)
    assert done.before
    there = Database(fresh_postgres, KeyInMemory(KEY))
    await there.open()
    async with there.transaction() as tx:
        await tx.facts.set("somebody", b"works there already")
    await there.close()
    with pytest.raises(StorageError, match="is not empty"):
        await moving.move(database, fresh_postgres, NOW)


# --- bad input --------------------------------------------------------------------------------------


@pytest.fixture
def one(tmp_path: Path) -> Installation:
    return Installation.with_people(tmp_path)


def refused(one: Installation, *arguments: str, says: str, **environment: str) -> None:
    """One line, a status that is not zero, and nothing changed."""
    before = one.there()
    said = one.says("migrate", *arguments, environment=environment)
    assert said.exit_code == 1, said.output
    assert said.output.count("\n") == 1, said.output
    assert says in said.output
    assert one.there() == before


def test_into_a_database_that_is_not_empty(one: Installation, fresh_postgres: str) -> None:
    with closing(psycopg2.connect(fresh_postgres)) as db, db.cursor() as cursor:
        cursor.execute("CREATE TABLE somebody_elses (id int)")
        db.commit()
    refused(one, "--to", fresh_postgres, says="is not empty")
    assert tables_on(fresh_postgres) == ["somebody_elses"]


def test_while_a_bot_runs(one: Installation, fresh_postgres: str) -> None:
    async def beside_a_bot(*arguments: str) -> None:
        bot = Database(one.url, KeyInMemory(KEY))
        assert await bot.lock.acquire()
        says = "a bot runs on this database: stop it first"
        await asyncio.to_thread(refused, one, *arguments, says=says)
        await bot.lock.release()

    asyncio.run(beside_a_bot("--to", fresh_postgres))
    assert tables_on(fresh_postgres) == []
    one.is_of_version("0012")
    asyncio.run(beside_a_bot())


def test_a_password_in_an_argument(one: Installation) -> None:
    said = one.says("migrate", "--to", "postgresql://acuerpa:hunter2@db/acuerpa")
    assert said.exit_code == 1
    assert "seen by everybody" in said.output
    assert "hunter2" not in said.output


def test_the_address_from_a_file(one: Installation, fresh_postgres: str) -> None:
    file = one.folder / "address"
    file.write_text(fresh_postgres + "\n")
    file.chmod(0o644)
    refused(one, "--to-file", str(file), says="others can read")
    file.chmod(0o600)
    said = one.says("migrate", "--to-file", str(file))
    assert said.exit_code == 0, said.output
    assert "counted and compared" in said.output
    refused(one, says="was moved (to PostgreSQL")
    assert one.says("migrate", "--undo-move").exit_code == 0
    refused(one, "--to", fresh_postgres, says="is not empty")


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("mysql://x/y", "use a file's path or postgresql://"),
        ("::://", "is no address"),
        ("postgresql://nobody@127.0.0.1:1/none", "could not be read or written"),
    ],
)
def test_addresses_that_are_none(one: Installation, to: str, says: str) -> None:
    refused(one, "--to", to, says=says)


def test_the_same_database(one: Installation) -> None:
    refused(one, "--to", one.url, says="is the old one")


def test_a_file_that_is_there(one: Installation) -> None:
    other = one.folder / "other.db"
    other.write_bytes(b"mine")
    refused(one, "--to", str(other), says="is not empty")


def test_two_wishes_at_once(one: Installation) -> None:
    refused(one, "--check", "--undo-move", says="at a time")


# --- the schema -------------------------------------------------------------------------------------


def test_check_says_what_would_be_done_and_migrate_does_it(tmp_path: Path, postgres: str) -> None:
    one = Installation.of_version(tmp_path, "0015")
    before = one.there()
    said = one.says("migrate", "--check")
    assert said.exit_code == 3
    assert said.output.splitlines()[0].startswith("0016: denunciations")
    assert one.there() == before
    refused(one, "--to", postgres, says="older version: stop the bot and run acuerpa migrate")
    said = one.says("migrate")
    assert said.exit_code == 0, said.output
    assert "OK" in said.output
    said = one.says("migrate", "--check")
    assert (said.exit_code, said.output) == (0, "OK: the database is one of this version.\n")


def test_a_newer_schema(one: Installation) -> None:
    with closing(sqlite3.connect(one.url)) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
        db.commit()
    for arguments in ((), ("--check",), ("--to", str(one.folder / "new.db"))):
        refused(one, *arguments, says="made by a newer version: install that version")


def test_no_database_yet(tmp_path: Path) -> None:
    one = Installation(tmp_path)
    refused(one, says="there is no database yet: start the bot once")
    refused(one, "--check", says="there is no database yet: start the bot once")
    refused(one, "--to", str(tmp_path / "new.db"), says="nothing can be moved")


def test_half_a_migration_leaves_nothing_changed(tmp_path: Path) -> None:
    """Killed in the middle; tests/proofs/keeping.py does so at each statement of each schema."""
    path = Path(Installation.of_version(tmp_path, "0015").url)
    before = _schema(path)

    async def killed() -> None:
        async with await Forks.start("tests.proofs.keeping:migrate") as forks:
            _, statements = await forks.run(0, path=str(_copied(path)))
            at = _copied(path)
            assert (await forks.run(statements // 2, path=str(at)))[0]
            assert _schema(at) == before

    asyncio.run(killed())


def _copied(path: Path) -> Path:
    copy = path.with_name("copy.db")
    for end in ("", "-wal", "-shm"):
        copy.with_name(copy.name + end).unlink(missing_ok=True)
    copy.write_bytes(path.read_bytes())
    return copy


def _schema(path: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
        return [*found.fetchall(), *db.execute("SELECT version_num FROM alembic_version").fetchall()]
