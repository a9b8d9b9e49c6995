"""Messages that wait until the platform takes more: who goes first, and what waiting costs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

import bot.engine.outbox as module
from bot.domain.lanes import Lane
from bot.domain.rich import Rich
from bot.engine.acting import always
from bot.engine.beats import Beats
from bot.engine.outbox import Dispatcher
from bot.engine.pace import Pace
from bot.engine.stepping import SteppedClock
from bot.platforms.base import ChatKind, Limits
from bot.platforms.sandbox.platform import SandboxPlatform
from bot.platforms.sandbox.town import Town, private_chat
from handlers.router import Router
from handlers.settings import Settings
from storage.database import Database
from storage.keys import KeyInMemory
from tests.support.opened import KEY

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)


class Watched(Pace):
    """Counts how often it is asked."""

    asked = 0

    def delay(self, lane: Lane) -> float:
        self.asked += 1
        return super().delay(lane)


class Village:
    """People, and one process that sends to them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = SteppedClock(NOW)
        self.town = Town(self.clock.now)
        self.wake: Callable[[], None] = lambda: None

    async def write(self, lane: Lane, *names: str) -> None:
        """One message to each."""
        for name in names:
            self.town.person(name, name.title(), role="", language="es")
        to = [(f"{lane.name} {n}", "sandbox", private_chat(n), "private", None) for n in names]
        async with self.database.transaction() as tx:
            await tx.outbox.add_many(
                to,
                lane=lane, operation="send", body={"text": Rich.of(lane.name).to_json()},
                purpose="", now=NOW,
            )  # fmt: skip
        self.wake()

    @asynccontextmanager
    async def sending(self, limits: Limits) -> AsyncIterator[Watched]:
        """With a pace that has nothing saved up."""
        steady = asyncio.get_running_loop().time
        platform = SandboxPlatform(self.town)
        platform.limits = limits
        pace = Watched(limits, steady)
        for n in range(int(limits.per_second)):
            pace.spend(f"before {n}", ChatKind.PRIVATE)

        async def hear() -> bool:
            """Nobody wrote."""
            return True

        dispatcher = Dispatcher(
            self.database, platform, Router(Settings(language="es", zone="UTC", token=str)),
            self.clock, pace, Beats(steady), always, hear,
        )  # fmt: skip
        self.wake = dispatcher.wake
        work = asyncio.create_task(dispatcher.run())
        yield pace
        await dispatcher.finish()
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work

    async def until_has(self, name: str, lane: Lane) -> None:
        """Wait for it."""
        async with asyncio.timeout(20):
            while lane.name not in self.has(name):
                await asyncio.sleep(0.002)

    def has(self, name: str) -> list[str]:
        """What somebody got."""
        return [message.plain for message in self.town.sees(name)]


@pytest_asyncio.fixture
async def village(tmp_path: Path) -> AsyncIterator[Village]:
    database = Database(str(tmp_path / "acuerpa.db"), KeyInMemory(KEY))
    await database.open()
    yield Village(database)
    await database.close()


async def test_of_fifty_that_wait_one_looks_for_a_place(village: Village) -> None:
    """If all did, each place would wake fifty: more work than the messages themselves."""
    names = [f"ana {n}" for n in range(50)]
    await village.write(Lane.CHECKIN, *names)
    async with village.sending(Limits(200, 100, 100, concurrency=50)) as pace:
        for name in names:
            await village.until_has(name, Lane.CHECKIN)
    assert pace.asked <= 4 * len(names)


async def test_an_alarm_does_not_stand_behind_broadcasts_that_wait(village: Village) -> None:
    """What is saved up for alarms is not enough for a broadcast."""
    readers = [f"reader {n}" for n in range(10)]
    await village.write(Lane.BROADCAST, *readers)
    async with village.sending(Limits(10, 100, 100, concurrency=8)):
        await asyncio.sleep(0.05)  # they are waiting
        await village.write(Lane.ALARM, "berta")
        await village.until_has("berta", Lane.ALARM)
        assert not any(village.has(name) for name in readers)


async def test_an_alarm_goes_before_check_ins_that_wait(village: Village) -> None:
    """At nine o'clock many are asked at once, and somebody cries for help: ten are told of it."""
    asked = [f"ana {n}" for n in range(30)]
    await village.write(Lane.CHECKIN, *asked)
    async with village.sending(Limits(20, 100, 100, concurrency=50)):
        await asyncio.sleep(0.05)  # all of them are waiting
        told = [f"berta {n}" for n in range(10)]
        await village.write(Lane.ALARM, *told)
        for name in told:
            await village.until_has(name, Lane.ALARM)
        assert sum(bool(village.has(name)) for name in asked) <= 5


async def test_a_chat_that_was_written_to_much_holds_up_no_other(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FINISH", 0.0)  # Ana's message is not waited for at the end
    await village.write(Lane.ALARM, "ana", "berta")
    async with village.sending(Limits(100, 0.01, 1, concurrency=8)) as pace:
        for _ in range(5):
            pace.spend(private_chat("ana"), ChatKind.PRIVATE)
        await village.until_has("berta", Lane.ALARM)
        assert village.has("ana") == []
