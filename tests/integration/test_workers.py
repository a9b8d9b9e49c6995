"""Several processes on one PostgreSQL database: one acts and polls, the others work beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
import sqlalchemy as sa

import bot.engine.workers as module
from bot.app import App
from bot.config import Config, ConfigError
from bot.domain.lanes import Lane
from bot.domain.rich import Rich
from bot.engine.acting import Acting
from bot.engine.beats import Beats
from bot.engine.due import DueTimers
from bot.engine.leader import Leader, listen
from bot.engine.outbox import Dispatcher
from bot.engine.pace import Pace
from bot.engine.persist import retried
from bot.engine.stepping import SteppedClock
from bot.engine.workers import Led
from bot.platforms.base import ChatKind, Limits
from bot.platforms.sandbox.platform import SandboxPlatform
from bot.platforms.sandbox.town import Town, private_chat
from handlers.router import Router
from handlers.settings import Settings
from storage.database import Database, StorageError
from storage.fence import WORKER, NotActing
from storage.keys import KeyInMemory
from storage.notices import QUEUED
from storage.tables import facts
from storage.timers import Timer
from tests.support.opened import KEY
from tests.support.pgbouncer import pooled

NOW = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
LEASE = timedelta(seconds=15)
MINUTE = timedelta(minutes=1)


@dataclass
class Process:
    """One of them: its connections, its right to do things, and a clock that nobody else moves."""

    database: Database
    acting: Acting
    clock: SteppedClock


class Office:
    """As many processes as are asked for, over one database. Real time is theirs to say."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seconds = 0.0
        self.clock = SteppedClock(NOW)
        self.opened: list[Process] = []

    async def begins(self, name: str = "acting") -> Process:
        """A process more."""
        database = Database(self.url, KeyInMemory(KEY), name)
        await database.open()
        acting = Acting(database, self.clock, lambda: self.seconds, LEASE)
        await acting.take()
        process = Process(database, acting, SteppedClock(NOW))
        self.opened.append(process)
        return process

    def leads(self, process: Process, *dispatchers: Dispatcher) -> Leader:
        """What the process that acts does for the others; the platform has nothing new."""

        async def caught_up() -> datetime:
            return process.clock.now()

        return Leader(
            process.database, process.clock, lambda: self.seconds, LEASE.total_seconds(), [],
            dispatchers, caught_up, lambda: None,
        )  # fmt: skip


POOLED = "through PgBouncer"
both_ways = pytest.mark.parametrize("office", ["directly", POOLED], indirect=True)
"""With a pooler whose pool mode is session, what depends on sessions is as without one."""


@pytest_asyncio.fixture
async def office(fresh_postgres: str, request: pytest.FixtureRequest) -> AsyncIterator[Office]:
    direct = getattr(request, "param", "") != POOLED
    with nullcontext(fresh_postgres) if direct else pooled(fresh_postgres, "session") as url:
        made = Office(url)
        yield made
        for process in made.opened:
            await process.acting.let_go()
            await process.database.close()


ROUTER = Router(Settings(language="es", zone="UTC", token=str))


async def queue(database: Database, *messages: tuple[str, str]) -> None:
    """Alarms: each its words and whom they are for."""
    async with database.transaction() as tx:
        for words, person in messages:
            await tx.outbox.add(
                key=words, lane=Lane.ALARM, platform="sandbox", chat=private_chat(person),
                chat_kind="private", operation="send", body={"text": Rich.of(words).to_json()},
                now=NOW,
            )  # fmt: skip


async def claimed(database: Database, limit: int = 10) -> list[str]:
    """The words of what this process takes."""
    async with database.transaction(claims=True) as tx:
        rows = await tx.outbox.claim(
            "sandbox", NOW, limit=limit, lease=MINUTE, lanes=[Lane.ALARM]
        )
    return [row.key for row in rows]


# --- what two do at the same time -------------------------------------------------------------


async def test_an_answer_and_the_miss_of_the_same_check_in_are_not_both_believed(
    office: Office,
) -> None:
    """Each looks whether the other is there, and writes its own: one of the two looks again."""
    one, two = await office.begins(), await office.begins(WORKER + "a")
    tries = 0

    async def answered() -> None:
        async with two.database.transaction() as tx:
            assert await tx.facts.get("missed") is None
            await tx.facts.set("answered", b"")

    async def missed() -> None:
        nonlocal tries
        tries += 1
        async with one.database.transaction() as tx:
            if await tx.facts.get("answered") is None:
                if tries == 1:
                    await answered()
                await tx.facts.set("missed", b"")

    await retried(missed)
    assert tries == 2
    async with one.database.transaction() as tx:
        assert await tx.facts.get("missed") is None


async def test_a_long_transaction_among_many_short_ones_comes_to_its_end(office: Office) -> None:
    """An outage is told to everyone while workers write down, one by one, what they sent."""
    one, two = await office.begins(), await office.begins(WORKER + "a")
    tries = 0

    async def short(n: int) -> None:
        async with two.database.transaction() as tx:
            await tx.connection.execute(sa.select(sa.func.count()).select_from(facts))
            await tx.facts.set(f"sent {n}", b"")

    async def long() -> None:
        nonlocal tries
        tries += 1
        async with one.database.transaction() as tx:
            await tx.connection.execute(sa.select(sa.func.count()).select_from(facts))
            await asyncio.wait({asyncio.create_task(short(tries))}, timeout=0.5)
            await tx.facts.set("outage", b"")

    async with asyncio.timeout(20):
        await retried(long)
    assert tries == 3


async def test_two_never_send_to_one_chat_at_once(office: Office) -> None:
    """The second message would overtake the first."""
    one, two = await office.begins(), await office.begins(WORKER + "a")
    await queue(one.database, ("uno", "ana"), ("dos", "ana"), ("tres", "berta"))
    assert await claimed(one.database, 1) == ["uno"]
    assert await claimed(two.database) == ["tres"]
    async with one.database.transaction() as tx:
        first = await tx.outbox.get("uno")
        assert first is not None
        await tx.outbox.finish(first, "sent", NOW)
    assert await claimed(two.database) == ["dos"]


async def test_a_timer_is_claimed_once(office: Office) -> None:
    one, two = await office.begins(), await office.begins(WORKER + "a")
    async with one.database.transaction() as tx:
        for ref in (1, 2):
            await tx.timers.set("checkin", ref, NOW)
    got: list[Timer] = []
    for process in (one, two, two):
        async with process.database.transaction(claims=True) as tx:
            got += await tx.timers.claim(NOW, 1, MINUTE)
    assert sorted(timer.ref for timer in got) == [1, 2]


@both_ways
async def test_what_one_queues_the_other_hears_at_once(office: Office) -> None:
    one, two = await office.begins(), await office.begins(WORKER + "a")
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = asyncio.create_task(listen(one.database, heard.put_nowait))
    async with asyncio.timeout(20):
        while heard.empty():  # until it listens
            await queue(two.database, (f"{asyncio.get_running_loop().time()}", "ana"))
            await asyncio.sleep(0.05)
        assert heard.get_nowait() == QUEUED
    listening.cancel()


# --- what a worker waits for ------------------------------------------------------------------


async def test_a_worker_judges_up_to_what_is_known(office: Office) -> None:
    """Its own clock is a little ahead: what is due by it alone waits."""
    leading, helping = await office.begins(), await office.begins(WORKER + "a")
    leader = office.leads(leading)
    await leader.begin()
    async with leading.database.transaction(claims=True) as tx:
        await tx.polls.begin({"sandbox": True}, NOW)
    async with leading.database.transaction() as tx:
        await tx.timers.set("mass", 1, NOW)
        await tx.timers.set("mass", 2, NOW + timedelta(seconds=1))
    helping.clock.move(NOW + timedelta(seconds=5))
    led = Led(helping.database, helping.clock)
    due = DueTimers(helping.database, ROUTER, helping.clock, led.caught_up)
    drained = asyncio.create_task(due.drain())
    async with asyncio.timeout(20):
        while not drained.done():
            await leader.look()
            await asyncio.sleep(0.01)
    async with leading.database.transaction() as tx:
        assert await tx.timers.when("mass", 1) is None
        assert await tx.timers.when("mass", 2) is not None


@pytest.mark.parametrize("why", ["nobody leads", "the clocks differ"])
async def test_a_worker_judges_nothing_where_what_is_known_is_not_said(
    office: Office, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    monkeypatch.setattr(module, "LOOK", 0.01)
    leading, helping = await office.begins(), await office.begins(WORKER + "a")
    async with leading.database.transaction(claims=True) as tx:
        await tx.polls.begin({"sandbox": True}, NOW)
    async with leading.database.transaction() as tx:
        await tx.timers.set("mass", 1, NOW - MINUTE)
    answering = None
    if why == "the clocks differ":
        leading.clock.move(NOW + timedelta(hours=1))
        leader = office.leads(leading)

        async def answer() -> None:
            while True:
                await leader.look()
                await asyncio.sleep(0.01)

        answering = asyncio.create_task(answer())
    led = Led(helping.database, helping.clock)
    assert not await DueTimers(helping.database, ROUTER, helping.clock, led.caught_up).drain()
    if answering is not None:
        answering.cancel()
    async with leading.database.transaction() as tx:
        assert await tx.timers.when("mass", 1) is not None


async def test_a_worker_sends_nothing_where_the_platform_was_away(office: Office) -> None:
    """What people wrote meanwhile may make an alarm needless, and is not known yet."""
    leading, helping = await office.begins(), await office.begins(WORKER + "a")
    led = Led(helping.database, helping.clock)
    assert not await led.is_up("telegram")
    for up in (False, True):
        async with leading.database.transaction(claims=True) as tx:
            await tx.polls.begin({"telegram": up}, NOW)
        assert await led.is_up("telegram") is up


# --- a worker that is gone --------------------------------------------------------------------


@both_ways
async def test_what_a_dead_worker_had_is_given_back(office: Office) -> None:
    """After its right has run out, and not before."""
    leading, helping = await office.begins(), await office.begins(WORKER + "a")
    town = Town(lambda: NOW)
    town.person("ana", "Ana", role="", language="es")

    async def hear() -> bool:
        return True

    steady = asyncio.get_running_loop().time
    platform = SandboxPlatform(town)
    dispatcher = Dispatcher(
        leading.database, platform, ROUTER, leading.clock, Pace(platform.limits, steady),
        Beats(steady), leading.acting.permit, hear,
    )  # fmt: skip
    leader = office.leads(leading, dispatcher)
    await queue(leading.database, ("auxilio", "ana"))
    async with leading.database.transaction() as tx:
        await tx.timers.set("mass", 1, NOW)
    async with helping.database.transaction(claims=True) as tx:
        assert len(await tx.timers.claim(NOW, 1, timedelta(hours=1))) == 1
    assert await claimed(helping.database) == ["auxilio"]
    for seconds, left in ((0.0, False), (14.0, False), (16.0, True)):
        office.seconds = seconds
        await leading.acting.renew()
        await leader.look()
        async with leading.database.transaction(claims=True) as tx:
            assert bool(await tx.timers.claim(NOW, 1, MINUTE)) is left
    leading.clock.move(NOW + MINUTE)
    await dispatcher.drain()
    assert [message.plain for message in town.sees("ana")] == ["auxilio"]
    assert leader.senders == 2  # as it was at the last look
    await leader.look()
    assert leader.senders == 1


async def test_a_worker_that_comes_back_too_late_changes_nothing(office: Office) -> None:
    leading, helping = await office.begins(), await office.begins(WORKER + "a")
    leader = office.leads(leading)
    await leader.look()
    office.seconds = 16.0
    await leading.acting.renew()
    await leader.look()
    with pytest.raises(NotActing):
        await helping.acting.renew()
    with pytest.raises(NotActing):
        helping.acting.permit()
    with pytest.raises(NotActing):
        async with helping.database.transaction() as tx:
            await tx.timers.set("mass", 1, NOW)


@both_ways
async def test_a_worker_that_stands_still_in_a_transaction_holds_up_nobody(
    office: Office,
) -> None:
    """Its row is locked by what it has under way, which is ended with it."""
    leading, helping = await office.begins(), await office.begins(WORKER + "a")
    leader = office.leads(leading)
    await leader.look()
    still = helping.database.transaction()
    await still.__aenter__()
    office.seconds = 16.0
    await leading.acting.renew()
    try:
        async with asyncio.timeout(20):
            await leader.look()
            await leader.look()
    except BaseException:
        await still.__aexit__(None, None, None)  # nothing else would come to its end
        raise
    async with leading.database.transaction() as tx:
        assert await tx.fence.workers() == {}
    with pytest.raises(StorageError):
        await still.__aexit__(None, None, None)


# --- shares, tools, configuration -------------------------------------------------------------


def test_each_sender_takes_a_share_of_what_the_platform_allows() -> None:
    now, senders = 0.0, 1
    limits = Limits(per_second=30, per_chat=1, per_group=1, concurrency=8)
    pace = Pace(limits, lambda: now, lambda: senders)

    def sent(seconds: float) -> int:
        """How many leave in that time, each to another chat."""
        nonlocal now
        end, count = now + seconds, 0
        while now < end:
            while not pace.delay(Lane.ALARM):
                pace.spend(f"{now}-{count}", ChatKind.PRIVATE)
                count += 1
            now += 0.125
        return count

    sent(10.0)
    assert sent(10.0) == pytest.approx(300, abs=5)
    senders = 3
    sent(1.0)
    assert sent(10.0) == pytest.approx(100, abs=5)


@both_ways
async def test_keys_are_not_changed_under_a_worker(office: Office) -> None:
    helping = await office.begins(WORKER + "a")
    tool = Database(office.url, KeyInMemory(KEY))
    await tool.open()
    with pytest.raises(StorageError, match="a bot runs"):
        await tool.rotate()
    await helping.acting.let_go()
    await tool.rotate()
    await tool.close()


async def test_workers_need_postgresql(tmp_path: object) -> None:
    with pytest.raises(ConfigError, match="workers need postgresql"):
        await App.open(Config(database={"url": f"{tmp_path}/acuerpa.db"}), worker=True)
