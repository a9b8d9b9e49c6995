"""SQLite's statements in the event loop: the same as SQLAlchemy's, and none keeps everybody waiting."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
import pytest_asyncio
import sqlalchemy as sa

from storage import quick, sqlite
from storage.database import BUSY_TIMEOUT_MS, Database, Unavailable
from storage.keys import KeyInMemory
from storage.rows import Envelope, param
from storage.sqlite import Link, link_of
from storage.tables import facts, groups, timers
from tests.support.opened import KEY

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(str(tmp_path / "a.db"), KeyInMemory(KEY))
    await made.open()
    yield made
    await made.close()


SET = sa.insert(timers)
MOVE = (
    sa.update(timers)
    .where(timers.c.kind == param("what"), timers.c.ref.between(param("low"), 3))
    .values(due=param("at"), attempts=timers.c.attempts + 1)
    .returning(timers.c.ref, timers.c.due)
)
DUE = sa.select(timers.c.ref, timers.c.due, timers.c.lease_until).order_by(timers.c.ref).limit(
    sa.bindparam("most", type_=sa.Integer)
)
SOME = sa.select(timers.c.ref).where(timers.c.ref.in_(sa.bindparam("some", expanding=True)))
COUNT = sa.select(sa.func.count(), sa.literal("x")).select_from(timers)
GROUP = sa.insert(groups)
BARE = sa.select(groups.c.bare, groups.c.incidents, groups.c.created_at)


async def test_what_is_run_without_sqlalchemy_gives_what_it_gives(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told() -> list[Any]:
        """The same statements each time, the later ones from their plans."""
        said: list[Any] = []
        async with database.transaction() as tx:
            run = tx.connection.execute
            for ref in range(5):
                timer = {"kind": "a", "ref": ref, "due": NOW + timedelta(seconds=ref)}
                said.append((await run(SET, timer)).rowcount)
            for low in (2, 1):
                moved = await run(MOVE, {"what": "a", "low": low, "at": NOW})
                said.append((sorted(map(tuple, moved)), moved.rowcount if low else 0))
            for most in (2, 3, 0):
                found = (await run(DUE, {"most": most})).all()
                said += [tuple(row) for row in found] + [[row.due for row in found]]
                said.append((await run(DUE, {"most": most})).first() is None)
            for some in ([1, 2], [4], []):
                said.append((await run(SOME, {"some": some})).scalars().all())
            said += [tuple((await run(COUNT)).one_or_none() or ()) for _ in range(3)]
            for n in range(3):
                # Columns with a default of ours, made each time.
                await run(GROUP, {
                    "id": 100 + n, "name": Envelope(b"a"), "name_key": bytes([n]), "zone": "UTC",
                    "language": "es", "organisation": Envelope(b"b"), "created_at": NOW,
                })  # fmt: skip
            said += [tuple(row) for row in (await run(BARE)).all()]
            said += [(await run(BARE)).scalars().first()]
            for _ in range(3):
                with pytest.raises(sa.exc.IntegrityError):
                    await run(SET, {"kind": "a", "ref": 1, "due": NOW})
                with pytest.raises(sa.exc.StatementError):
                    await run(SET, {"kind": "b", "ref": 1, "due": datetime(2026, 1, 1)})
                with pytest.raises(sa.exc.MultipleResultsFound):
                    (await run(DUE, {"most": 2})).scalar_one_or_none()
            raise Undone(said)

    async def outcome() -> list[Any]:
        with pytest.raises(Undone) as caught:
            await told()
        return caught.value.args[0]

    planned = [await outcome() for _ in range(3)]
    monkeypatch.setattr(quick, "_plan", lambda *_: None)
    assert await outcome() == planned[0] == planned[1] == planned[2]


class Undone(Exception):
    """Nothing of it stays."""


async def test_a_long_look_is_taken_out_of_the_loop(database: Database) -> None:
    a, b, c = (timers.alias() for _ in range(3))
    long = sa.select(sa.func.max(a.c.ref + b.c.ref + c.c.ref)).where(
        a.c.kind == b.c.kind, b.c.kind == c.c.kind
    )
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.001)

    ticking = asyncio.create_task(tick())
    async with database.transaction() as tx:
        rows = [{"kind": "a", "ref": n, "due": NOW} for n in range(100)]
        await tx.connection.execute(sa.insert(timers), rows)
        for _ in range(3):
            before = ticks
            assert (await tx.connection.execute(long)).scalar_one() == 3 * 99
            assert ticks > before + 3  # others had their turn meanwhile
        assert max(link_of(tx.connection).known.values()) > 1  # and is not tried here again so soon
    ticking.cancel()


async def test_what_writes_is_tried_out_of_the_loop_first(database: Database) -> None:
    change = sa.update(timers).where(timers.c.kind == param("what")).values(attempts=5)
    away: list[str] = []
    async with database.transaction() as tx:
        link = link_of(tx.connection)
        took = link.took
        link.took = lambda sql, *args: away.append(sql) or took(sql, *args)  # type: ignore[method-assign,func-returns-value]
        for _ in range(4):
            await tx.connection.execute(change, {"what": "a"})
        assert len(away) == 1
        # Many rows at once are never written in the loop.
        rows = [{"kind": "a", "ref": n, "due": NOW} for n in range(quick.ROWS + 1)]
        await tx.connection.execute(sa.insert(timers), rows)
        found = await tx.connection.execute(sa.select(sa.func.count()).select_from(timers))
        assert found.scalar_one() == len(rows)


async def test_hundreds_of_rows_are_written_by_parts_and_others_have_their_turn(
    database: Database,
) -> None:
    many = 3 * quick.AWAY - 1
    take_away = sa.delete(timers).where(timers.c.kind == param("what"), timers.c.ref == param("which"))
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with database.transaction() as tx:
        run = tx.connection.execute
        for round in range(3):  # the first by SQLAlchemy, the others by its plan
            ours = asyncio.create_task(take_turns())
            rows = [{"kind": f"b{round}", "ref": n, "due": NOW} for n in range(many)]
            await run(sa.insert(timers) if round == 0 else SET, rows)
            before = turns
            assert (await run(SET, [{**row, "kind": f"c{round}"} for row in rows])).rowcount == many
            assert turns > before
            with pytest.raises(sa.exc.IntegrityError) as refused:
                await run(SET, rows)
            assert "b0" not in str(refused.value)
            gone = [{"what": f"b{round}", "which": n} for n in range(1, many + 1)]
            assert (await run(take_away, gone)).rowcount == many - 1
            ours.cancel()
        found = await run(sa.select(timers.c.kind, timers.c.ref, timers.c.due).order_by(timers.c.kind))
        assert sorted(found.all())[:3] == [(f"b{n}", 0, NOW) for n in range(3)]


async def test_to_begin_waits_for_another_process_out_of_the_loop(
    database: Database, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)
    await _begins(database)  # the connection is there
    assert await _began_in_the_loop(database)
    other.execute("BEGIN IMMEDIATE")
    beginning = asyncio.create_task(_began_in_the_loop(database))
    for _ in range(50):
        await asyncio.sleep(0.001)  # the loop goes on
    assert not beginning.done()
    other.execute("ROLLBACK")
    assert not await beginning
    other.close()
    async with database.transaction() as tx:
        timeout = await tx.connection.exec_driver_sql("PRAGMA busy_timeout")
        assert timeout.scalar_one() == BUSY_TIMEOUT_MS


async def _begins(database: Database) -> None:
    async with database.transaction():
        pass


async def _began_in_the_loop(database: Database) -> bool:
    """Whether the thread was not asked to begin."""
    asked: list[str] = []
    execute = aiosqlite.Connection.execute

    def noted(driver: aiosqlite.Connection, sql: str) -> Any:
        asked.append(sql)
        return execute(driver, sql)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aiosqlite.Connection, "execute", noted)
        await _begins(database)
    return "BEGIN IMMEDIATE" not in asked


async def test_what_takes_long_again_and_again_stays_out_of_the_loop(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = sa.select(timers.c.ref).where(timers.c.kind == param("what"))
    async with database.transaction() as tx:
        link = link_of(tx.connection)

        async def turns() -> int:
            await tx.connection.execute(look, {"what": "a"})
            (found,) = [n for sql, n in link.known.items() if "FROM timers" in sql] or [0]
            return found

        assert await turns() == 0
        monkeypatch.setattr(sqlite, "LONG", -1.0)
        assert [await turns() for _ in range(10)] == [1, 2, 4, 8, 16, 32, 64, 128, 128, 128]
        monkeypatch.setattr(sqlite, "LONG", 10.0)
        assert [await turns() for _ in range(129)] == [*range(127, -1, -1), 0]
        # The machine was busy once: it goes there once.
        monkeypatch.setattr(sqlite, "LONG", -1.0)
        link.learn(next(sql for sql in link.known if "FROM timers" in sql), 1)
        monkeypatch.setattr(sqlite, "LONG", 10.0)
        assert await turns() == 0


async def test_the_commit_waits_for_the_disk_and_nobody_else_does(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    where: list[threading.Thread] = []
    commit = Link.commit

    def noted(link: Link) -> None:
        where.append(threading.current_thread())
        commit(link)

    monkeypatch.setattr(Link, "commit", noted)
    for _ in range(3):  # the later ones without SQLAlchemy
        async with database.transaction() as tx:
            await tx.facts.set("a", b"1")
    assert len(where) == 3
    assert threading.main_thread() not in where
    async with database.transaction() as tx:
        found = await tx.connection.execute(sa.select(facts.c.value))
        assert found.scalars().all()[-1] == b"1"


async def test_who_changed_nothing_waits_for_no_thread(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll's cursor, and whether there is something to do, are looked up all the time."""
    asked = 0
    execute = aiosqlite.Connection._execute

    async def noted(driver: aiosqlite.Connection, *what: Any, **how: Any) -> Any:
        nonlocal asked
        asked += 1
        return await execute(driver, *what, **how)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", noted)
    for name, value in (("a", b"1"), ("b", None)):
        async with database.transaction() as tx:
            if value is not None:
                await tx.facts.set(name, value)
            await tx.facts.get("a")
    asked = 0
    async with database.transaction() as tx:
        assert await tx.facts.get("a") == b"1"
        assert not await tx.facts.get("b")
    assert asked == 0


async def test_what_sqlalchemy_ran_is_committed_too(database: Database, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "a.db")
    for round in range(3):
        async with database.transaction() as tx:
            if round:
                await tx.facts.set("ours", b"%d" % round)
            await tx.connection.exec_driver_sql(
                "INSERT INTO facts (name, value) VALUES (?, ?)", (f"theirs {round}", b"x")
            )
        ((count,),) = other.execute("SELECT count(*) FROM facts WHERE name LIKE 'theirs%'")
        assert count == round + 1
        async with database.transaction() as tx:
            assert await tx.facts.get("ours") == (b"%d" % round if round else None)
    with pytest.raises(ValueError, match="no"):
        async with database.transaction() as tx:
            await tx.connection.exec_driver_sql("DELETE FROM facts")
            raise ValueError("no")
    ((count,),) = other.execute("SELECT count(*) FROM facts WHERE name LIKE 'theirs%'")
    assert count == 3
    other.close()


async def test_whoever_is_cancelled_while_the_disk_is_slow_leaves_a_whole_transaction(
    database: Database,
) -> None:
    """The commit that is under way is carried out, and the next one finds no lock."""
    entered = asyncio.Event()

    async def writes() -> None:
        async with database.transaction() as tx:
            await tx.facts.set("a", b"1")
            await tx.facts.set("b", b"2")
            entered.set()

    for _ in range(20):
        task = asyncio.create_task(writes())
        entered.clear()
        await entered.wait()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(4), database.transaction() as tx:
            kept = {await tx.facts.get(name) for name in ("a", "b")}
            assert kept in ({b"1", b"2"}, {None})
            await tx.connection.execute(sa.delete(facts).where(facts.c.name.in_(["a", "b"])))


async def test_a_commit_that_fails_leaves_no_transaction_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_link: Link) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorname, error.sqlite_errorcode = "SQLITE_FULL", sqlite3.SQLITE_FULL
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Link, "commit", full)
        with pytest.raises(Unavailable):
            async with database.transaction() as tx:
                await tx.facts.set("a", b"1")
    async with database.transaction() as tx:
        assert await tx.facts.get("a") is None
