"""The storage on a real SQLite file and a real PostgreSQL: the same behaviour on both."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.domain.lanes import Lane
from storage.database import Database, StorageError
from storage.keys import KeyInMemory
from storage.sqlite import link_of
from tests.support.opened import KEY

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


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


async def test_a_batch_may_have_more_events_than_a_statement_takes_values(
    database: Database,
) -> None:
    events = [("$the-same", "!room", {})] * 33_000  # PostgreSQL takes 32,767
    async with database.transaction() as tx:
        assert await tx.inbox.store("matrix", events, "one", NOW) == 1


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


async def test_of_many_timers_those_that_were_moved_are_not_fired(database: Database) -> None:
    many = 70
    async with database.transaction() as tx:
        for again in range(2):
            await tx.timers.set_all([("checkin", n, NOW) for n in range(many)])
            claimed = await tx.timers.claim(NOW, many, MINUTE)
            for moved in (3, 40, 69):
                await tx.timers.set("checkin", moved, NOW + MINUTE)
            await tx.timers.set("checkin", 50, None)
            fired = await tx.timers.fire_all(claimed)
            assert sorted({t.ref for t in claimed} - {t.ref for t in fired}) == [3, 40, 50, 69]
            assert await tx.timers.fire_all(fired) == []  # nobody carries them out twice
            await tx.timers.set("checkin", 1, NOW)
            (one,) = await tx.timers.claim(NOW, 1, MINUTE)
            if database.sqlite:
                with pytest.raises(RuntimeError, match="1 of 2"):  # none is lost in silence
                    await tx.timers.fire_all([one, one])
            else:
                assert await tx.timers.fire_all([one, one]) == [one]
            for moved in (3, 40, 69):
                assert await tx.timers.when("checkin", moved) == NOW + MINUTE, again
                await tx.timers.set("checkin", moved, None)
            assert await tx.timers.next_due() is None


async def test_alarms_leave_before_everything_else(database: Database) -> None:
    async with database.transaction() as tx:
        for key, lane in (("b", Lane.BROADCAST), ("c", Lane.CONVERSATION), ("a", Lane.ALARM)):
            await tx.outbox.add(
                key=key, lane=lane, platform="sandbox", chat=key, chat_kind="private",
                operation="send", body={}, now=NOW,
            )  # fmt: skip
        left = []
        for _ in range(3):  # one at a time, as where there is one place
            [row] = await tx.outbox.claim("sandbox", NOW, limit=1, lease=MINUTE, lanes=list(Lane))
            left.append(row.key)
        assert left == ["a", "c", "b"]
        first = await tx.outbox.get("a")
        assert first is not None
        assert await tx.outbox.finish(first, "sent", NOW, message_id="7")
        assert not await tx.outbox.finish(first, "sent", NOW, message_id="8")


async def test_chats_in_which_something_is_under_way_are_left_out_however_many(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        everybody = [(f"{n:03}", "sandbox", f"chat {n}", "private", None) for n in range(90)]
        for _ in range(2):
            await tx.outbox.add_many(
                everybody, lane=Lane.ALARM, operation="send", body={}, purpose="", now=NOW
            )
            everybody = [(f"again {key}", *rest) for key, *rest in everybody]  # type: ignore[misc]
        begun: list[bytes] = []
        for most in (1, 15, 16, 20, 38):
            rows = await tx.outbox.claim(
                "sandbox", NOW, limit=most, lease=MINUTE, lanes=[Lane.ALARM], without_chats=begun
            )
            assert [row.key for row in rows] == [f"{len(begun) + n:03}" for n in range(most)]
            begun += [row.chat_key for row in rows]
        assert not await tx.outbox.claim(
            "sandbox", NOW, limit=9, lease=MINUTE, lanes=[Lane.ALARM], without_chats=begun
        )


async def test_to_look_whether_something_may_leave_takes_no_longer_the_more_waits(
    tmp_path: Path,
) -> None:
    """A broadcast to thousands is looked at hundreds of times while it leaves."""
    database = Database(str(tmp_path / "a.db"), KeyInMemory())
    await database.open()
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    async def looks() -> int:
        nonlocal steps
        async with database.transaction() as tx:
            for _ in range(3):  # as it is done once it is known
                link_of(tx.connection).set_progress_handler(count, 10)
                steps = 0
                assert await tx.outbox.lanes("sandbox", NOW) == {Lane.BROADCAST, Lane.CHECKIN}
        return steps

    async def more(name: str, count: int) -> None:
        async with database.transaction() as tx:
            for lane in (Lane.BROADCAST, Lane.CHECKIN):
                await tx.outbox.add_many(
                    [(f"{lane} {name} {n}", "sandbox", f"{n}", "private", None) for n in range(count)],
                    lane=lane, operation="send", body={}, purpose="", now=NOW,
                )  # fmt: skip

    await more("few", 1)
    few = await looks()
    await more("many", 2_000)
    assert 0 < await looks() <= 2 * few
    await database.close()


async def test_a_message_is_queued_once(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        async with database.transaction() as tx:
            for chat in ("c", "d"):
                await tx.outbox.add(
                    key="a", lane=Lane.ALARM, platform="sandbox", chat=chat, chat_kind="private",
                    operation="send", body={}, now=NOW,
                )  # fmt: skip


async def test_rows_that_a_crash_left_are_found(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.outbox.add(
            key="a", lane=Lane.ALARM, platform="sandbox", chat="c", chat_kind="private",
            operation="send", body={}, now=NOW,
        )  # fmt: skip
        await tx.outbox.claim("sandbox", NOW, limit=1, lease=MINUTE, lanes=list(Lane))
        assert await tx.outbox.expired("sandbox", NOW) == []
        assert [r.key for r in await tx.outbox.expired("sandbox", NOW + MINUTE)] == ["a"]


SLOW = (
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 4000000)"
    " SELECT max(x) FROM n"
)


async def test_who_is_cancelled_inside_a_statement_lets_the_database_go(tmp_path: Path) -> None:
    """A deadline breaks a look at a platform off, in whatever statement that look is."""
    database = Database(str(tmp_path / "a.db"), KeyInMemory())
    await database.open()
    unread = []

    async def looks() -> None:
        async with database.transaction() as tx:
            raw = await tx.connection.get_raw_connection()
            assert raw.driver_connection is not None
            rows = await raw.driver_connection.execute("SELECT name FROM sqlite_schema")
            unread.append((rows, await rows.fetchone()))
            await tx.connection.execute(sa.text(SLOW))

    task = asyncio.create_task(looks())
    while not unread:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # Less than SQLite waits for somebody else's lock.
    async with asyncio.timeout(4), database.transaction() as tx:
        await tx.facts.set("after", b"1")
    await database.close()
