"""The auditor, over a real database and real monitors: who is told what, and when nobody is."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa

import bot.engine.audit as module
from bot.config import WatchSection
from bot.engine.audit import CANARY_AGE, CANARY_REST, CANARY_SEEN, SETTLING, STOOD_STILL, Auditor
from bot.engine.beats import Beats
from bot.engine.due import DueTimers
from bot.engine.stepping import SteppedClock
from bot.engine.telling import Watcher
from bot.engine.worker import Worker
from bot.watch import Monitor, ServiceManager
from handlers.installation import OVER, QUIET
from handlers.router import Router
from handlers.settings import Settings
from storage.database import Database
from storage.fence import NotActing
from storage.keys import KeyInMemory
from storage.tables import outbox
from tests.support.opened import KEY
from tests.support.outside import Outside

START = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class Bench:
    """An auditor whose time stands still until it is moved, and the parts that it looks at."""

    def __init__(self, database: Database, watchers: list[Watcher], *, canary: bool) -> None:
        self.database = database
        self.clock = SteppedClock(START)
        self.refused: list[str] = []
        self.acts = True
        self.beats = Beats(self.steady)
        self.answers = Beats(self.steady)
        self.beats.expect("due", 60)
        self.answers.expect("telegram", 60)
        settings = Settings(
            language="es", zone="UTC", token=iter(f"t{n}" for n in range(1000)).__next__,
            operators=frozenset({"telegram:7"}), links={"telegram": lambda secret: None},
        )  # fmt: skip
        self.auditor = Auditor(
            database, Router(settings), self.clock, self.beats, self.answers, watchers,
            lambda: self.refused, self.permit, self.steady, canary=canary,
        )  # fmt: skip

    def steady(self) -> float:
        return (self.clock.now() - START).total_seconds()

    def permit(self) -> None:
        if not self.acts:
            raise NotActing

    async def looks(self, after: timedelta = timedelta(0), *, beat: bool = True) -> tuple[str, ...]:
        """Time passes, with audits all along; what the last one found."""
        end = self.clock.now() + after
        while True:
            self.clock.move(min(end, self.clock.now() + timedelta(seconds=50)))
            if beat:
                self.beats.beat("due")
                self.answers.beat("telegram")
            found = await self.auditor.look()
            async with self.database.transaction() as tx:  # what was queued leaves
                await tx.connection.execute(sa.update(outbox).values(state="sent"))
            if self.clock.now() >= end:
                return found

    async def told(self) -> list[str]:
        """What was queued for the operator."""
        async with self.database.transaction() as tx:
            rows = await tx.rows.all(sa.select(outbox.c.seq, outbox.c.body).order_by(outbox.c.seq))
            return ["".join(span[0] for span in row.body["text"]) for row in rows]


Making = Callable[..., Bench]


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Making]:
    """Makes one over an empty database, with these watchers."""
    database = Database(str(tmp_path / "acuerpa.db"), KeyInMemory(KEY))
    await database.open()
    made: list[Bench] = []

    def make(*watchers: Watcher, canary: bool = False) -> Bench:
        made.append(Bench(database, list(watchers), canary=canary))
        return made[-1]

    yield make
    for one in made:
        await one.auditor.close()
    await database.close()


async def until(done: Callable[[], object]) -> None:
    """What a watcher hears comes over a real socket."""
    async with asyncio.timeout(10):
        while not done():
            await asyncio.sleep(0.01)


# --- the monitor ----------------------------------------------------------------------------------


async def test_the_monitor_hears_of_a_clean_audit_after_a_full_round(bench: Making) -> None:
    async with Outside.open() as outside:
        one = bench(Monitor(outside.url))
        assert await one.looks(beat=False) == ()
        await asyncio.sleep(0.05)
        assert outside.pings == []  # nothing is wrong, and nothing has gone round yet
        assert await one.looks() == ()
        await until(lambda: len(outside.well()) == 1)
        await one.looks(beat=False)
        await asyncio.sleep(0.05)
        assert len(outside.pings) == 1


async def test_a_part_that_stands_still_is_told_and_nothing_else(bench: Making) -> None:
    async with Outside.open() as outside:
        one = bench(Monitor(outside.url))
        await one.looks(80 * SECOND, beat=False)
        await until(lambda: len(outside.pings) >= 1)
        assert outside.well() == []
        assert outside.findings() == {"part_silent:due", "platform_silent:telegram"}


async def test_a_monitor_that_does_not_answer_holds_up_nobody(bench: Making) -> None:
    async with Outside.open() as slow, Outside.open() as other:
        slow.silent = True
        one = bench(Monitor(slow.url), Monitor(other.url))
        async with asyncio.timeout(5):
            for _ in range(5):
                await one.looks(20 * SECOND)
                await asyncio.sleep(0.02)
        assert len(slow.pings) == 1  # the first ping still waits for its answer
        await until(lambda: len(other.well()) >= 2)


class Friend:
    """Somebody told, who takes a while to listen."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, ...]] = []
        self.listens = asyncio.Event()

    async def well(self) -> None:
        await self.trouble(())

    async def catching_up(self) -> None:
        await self.trouble(("catching up",))

    async def trouble(self, findings: Iterable[str]) -> None:
        await self.listens.wait()
        self.heard.append(tuple(findings))


async def test_news_go_out_in_their_order_and_never_hide_trouble(bench: Making) -> None:
    friend = Friend()
    one = bench(friend)
    await one.looks()  # well: it is just being told
    await asyncio.sleep(0)
    for name in ("matrix", "telegram"):
        one.refused[:] = [name]
        await one.looks(SECOND)
    one.refused.clear()
    await one.looks(SECOND)  # well again, but nobody has heard of the trouble yet
    friend.listens.set()
    await until(lambda: len(friend.heard) == 2)
    assert friend.heard == [(), ("platform_refused:matrix", "platform_refused:telegram")]
    await one.looks(SECOND)
    await until(lambda: friend.heard[2:] == [()])


@pytest.mark.parametrize(
    ("url", "fail"),
    [
        ("https://hc.example/ping/abc", "https://hc.example/ping/abc/fail"),
        ("https://hc.example/ping/abc/", "https://hc.example/ping/abc/fail"),
        # A query behind which `/fail` were written would be a ping like any other.
        ("https://up.example/push/abc?status=up&msg=OK", "https://up.example/push/abc/fail?status=up&msg=OK"),
    ],
)  # fmt: skip
def test_trouble_has_an_address_of_its_own(url: str, fail: str) -> None:
    assert Monitor(url)._fail == fail


def test_an_address_that_is_none_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="must be an address") as caught:
        WatchSection(url="secreto")  # type: ignore[arg-type]
    assert "secreto" not in str(caught.value.errors(include_input=False))  # type: ignore[attr-defined]


async def test_a_monitor_that_is_not_there_is_no_trouble_of_ours(bench: Making) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    one = bench(Monitor(f"http://127.0.0.1:{port}/ping/x"))
    assert await one.looks() == ()
    await one.auditor._lines[0].drained(5)


# --- systemd --------------------------------------------------------------------------------------


@asynccontextmanager
async def systemd(folder: Path) -> AsyncIterator[tuple[ServiceManager, Callable[[], list[str]]]]:
    """A socket as systemd gives it to a service, and what was said on it since the last time."""
    path = folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        sock.setblocking(False)

        def said() -> list[str]:
            found = []
            try:
                while True:
                    found.append(sock.recv(4096).decode())
            except BlockingIOError:
                return found

        yield ServiceManager(str(path)), said


async def test_systemd_hears_that_we_are_ready_after_a_clean_round(
    bench: Making, tmp_path: Path
) -> None:
    async with systemd(tmp_path) as (manager, said):
        one = bench(manager)
        await one.looks(beat=False)
        await one.auditor._lines[0].drained(1)
        assert said() == []
        await one.looks()
        await one.auditor._lines[0].drained(1)
        assert said() == ["READY=1\nWATCHDOG=1\nSTATUS=ok"]
        await one.looks(80 * SECOND, beat=False)
        await one.auditor._lines[0].drained(1)
        words = said()
        assert "STATUS=part_silent:due platform_silent:telegram" in words[-1]
        assert "WATCHDOG=1" not in words[-1]  # a restart may help


@pytest.mark.parametrize("trouble", ["platform_refused:telegram", "platform_silent:matrix"])
async def test_systemd_does_not_restart_us_where_that_cannot_help(
    tmp_path: Path, trouble: str
) -> None:
    async with systemd(tmp_path) as (manager, said):
        await manager.trouble([trouble])
        await manager.trouble([trouble, "database_unavailable", "part_silent:due"])
        await manager.trouble([trouble, "database_silent"])
        first, second, third = said()
        assert "WATCHDOG=1" in first
        assert "WATCHDOG=1" in second
        assert "WATCHDOG=1" not in third


async def test_a_systemd_that_does_not_read_stops_nothing(tmp_path: Path) -> None:
    async with systemd(tmp_path) as (manager, _):
        async with asyncio.timeout(5):
            for _ in range(2000):  # far more than its queue takes
                await manager.well()


# --- late, and standing still ---------------------------------------------------------------------


async def late_timer(one: Bench) -> None:
    """Something should have been carried out three minutes before the start."""
    async with one.database.transaction() as tx:
        await tx.timers.set("checkin", 1, START - 3 * MINUTE)


async def test_being_late_right_after_a_start_is_told_to_nobody(
    bench: Making, tmp_path: Path
) -> None:
    async with Outside.open() as outside, systemd(tmp_path) as (manager, said):
        one = bench(Monitor(outside.url), manager)
        await late_timer(one)
        await one.looks(timedelta(seconds=SETTLING - 1))
        await one.auditor._lines[0].drained(1)
        await one.auditor._lines[1].drained(1)
        assert outside.pings == []  # so that a bot that starts again and again is silence
        assert {line.splitlines()[-1] for line in said()} == {"STATUS=catching up"}
        assert await one.told() == []
        assert await one.looks(SECOND) == ("timer_late",)
        await until(lambda: outside.findings() == {"timer_late"})
        assert len(await one.told()) == 1


async def test_other_trouble_is_told_even_then(bench: Making) -> None:
    one = bench()
    await late_timer(one)
    one.refused.append("telegram")
    assert await one.looks() == ("platform_refused:telegram",)


async def test_after_the_machine_slept_nothing_is_late_and_no_part_silent(bench: Making) -> None:
    one = bench()
    await one.looks(10 * MINUTE)
    one.clock.move(one.clock.now() + timedelta(hours=2, seconds=STOOD_STILL))
    await late_timer(one)
    assert await one.auditor.look() == ()  # before anything went round


async def test_a_right_that_ran_out_is_a_finding(bench: Making) -> None:
    one = bench()
    one.acts = False
    assert await one.looks() == ("right_run_out",)


async def test_a_database_that_never_answers_is_a_finding_each_time(
    bench: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER", 0.05)
    one = bench()
    async with one.database.transaction(), asyncio.timeout(5):
        assert await one.auditor.look() == ("database_silent",)
        assert await one.auditor.look() == ("database_silent",)
    async with asyncio.timeout(5):
        while await one.auditor.look():
            await asyncio.sleep(0.01)


async def test_to_handle_thousands_is_not_to_stand_still(bench: Making) -> None:
    """After a long outage the inbox is full, and a deadline waits for all of it."""
    one = bench()
    events = [(str(n), "c", {}) for n in range(60)]
    async with one.database.transaction() as tx:
        await tx.inbox.store("telegram", events, "60", START)
        await tx.timers.set("mass", 1, START - MINUTE)
    beats = {"handle": 0, "due": 0}

    def beat(part: str) -> Callable[[], None]:
        return lambda: beats.update({part: beats[part] + 1})

    router = Router(Settings(language="es", zone="UTC", token=lambda: "t"))
    worker = Worker(one.database, {}, router, one.clock, beat("handle"))
    await worker.drain()  # no platform understands them: each is tried three times
    assert beats["handle"] == 3 * len(events)

    async def nothing_was_written() -> datetime:
        return one.clock.now()

    due = DueTimers(one.database, router, one.clock, nothing_was_written, beat("due"))
    assert await due.drain() == 1
    assert beats["due"] == 1


# --- the canary, and the operators ----------------------------------------------------------------


async def test_a_canary_that_did_not_sing_for_a_day_is_a_finding(bench: Making) -> None:
    one = bench(canary=True)
    async with one.database.transaction() as tx:
        seen = START - CANARY_AGE + CANARY_REST
        await tx.facts.set(CANARY_SEEN, seen.isoformat().encode())
    assert await one.looks(CANARY_REST) == ()
    assert await one.looks(SECOND) == ("canary_silent",)


async def test_a_canary_that_slept_with_us_has_an_hour_to_sing(bench: Making) -> None:
    one = bench(canary=True)
    async with one.database.transaction() as tx:
        await tx.facts.set(CANARY_SEEN, (START - timedelta(days=9)).isoformat().encode())
    assert await one.looks(CANARY_REST - SECOND) == ()
    assert await one.looks(SECOND) == ("canary_silent",)


async def test_the_operators_hear_in_words_once_an_hour_and_when_it_is_over(bench: Making) -> None:
    one = bench()
    await one.looks()
    assert await one.told() == []
    one.refused.append("matrix")
    await one.looks()
    await one.looks(QUIET - SECOND)
    (first,) = await one.told()
    assert "matrix rechaza la cuenta del bot" in first
    assert "platform_refused:matrix" in first
    assert "docs/es/operating.md" in first
    await one.looks(SECOND)
    assert len(await one.told()) == 2
    one.refused.clear()
    await one.looks(OVER - SECOND)
    assert len(await one.told()) == 2
    await one.looks(SECOND)
    assert (await one.told())[2:] == ["La revisión del bot ya no encuentra nada mal."]
    await one.looks(OVER)
    assert len(await one.told()) == 3


async def test_what_comes_and_goes_is_told_once(bench: Making) -> None:
    one = bench()
    for _ in range(20):
        one.refused.append("matrix")
        await one.looks(20 * SECOND)
        one.refused.clear()
        await one.looks(20 * SECOND)
    assert len(await one.told()) == 1


async def test_a_restart_does_not_tell_it_again(bench: Making) -> None:
    for _ in range(3):
        one = bench()
        one.refused.append("matrix")
        await one.looks(SECOND)
    assert len(await one.told()) == 1
