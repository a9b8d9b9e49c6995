"""Slow answers: what a bot that ends is just sending, and what waits behind a chat that gives none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
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
from bot.platforms.base import Limits, Outgoing, Receipt, Result
from bot.platforms.sandbox.platform import SandboxPlatform
from bot.platforms.sandbox.town import Town, private_chat
from handlers.router import Router
from handlers.settings import Settings
from storage.database import Database
from storage.keys import KeyInMemory
from tests.support.opened import KEY

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


class SlowPlatform(SandboxPlatform):
    """Takes its time: each message waits until the test lets it through."""

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        self.began = asyncio.Event()
        self.through = asyncio.Event()

    async def send(self, message: Outgoing) -> Receipt:
        self.began.set()
        await self.through.wait()
        return await super().send(message)


class Sending:
    """Two messages to Ana, the second behind the first."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = SteppedClock(NOW)
        self.town = Town(self.clock.now)
        self.town.person("ana", "Ana", role="", language="es")
        self.platform = SlowPlatform(self.town)

    def dispatcher(self) -> Dispatcher:
        """One process's."""
        steady = asyncio.get_running_loop().time

        async def hear() -> bool:
            """Nobody wrote."""
            return True

        return Dispatcher(
            self.database, self.platform, Router(Settings(language="es", zone="UTC", token=str)),
            self.clock, Pace(self.platform.limits, steady), Beats(steady), always, hear,
        )  # fmt: skip

    async def queue(self) -> None:
        """Both are alarms."""
        async with self.database.transaction() as tx:
            for word in ("uno", "dos"):
                await tx.outbox.add(
                    key=word, lane=Lane.ALARM, platform="sandbox", chat=private_chat("ana"),
                    chat_kind="private", operation="send", body={"text": Rich.of(word).to_json()},
                    now=NOW,
                )  # fmt: skip

    def heard(self) -> list[str]:
        """What Ana has."""
        return [message.plain for message in self.town.sees("ana")]


@pytest_asyncio.fixture
async def sending(tmp_path: Path) -> AsyncIterator[Sending]:
    """Over a database of its own."""
    database = Database(str(tmp_path / "acuerpa.db"), KeyInMemory(KEY))
    await database.open()
    made = Sending(database)
    await made.queue()
    yield made
    await database.close()


async def test_what_is_being_sent_arrives_once_and_the_rest_after_the_restart(
    sending: Sending,
) -> None:
    ending = sending.dispatcher()
    work = asyncio.create_task(ending.drain())
    await sending.platform.began.wait()
    finished = asyncio.create_task(ending.finish())
    await asyncio.sleep(0.05)
    assert not finished.done()
    sending.platform.through.set()
    await finished
    await work
    assert sending.heard() == ["uno"]

    following = sending.dispatcher()
    await following.recover()
    await following.drain()
    sending.clock.move(NOW.replace(minute=1))
    await following.drain()
    assert sending.heard() == ["uno", "dos"]


async def test_what_never_ends_is_not_waited_for(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FINISH", 0.1)
    ending = sending.dispatcher()
    work = asyncio.create_task(ending.drain())
    await sending.platform.began.wait()
    async with asyncio.timeout(5):
        await ending.finish()
        await work
    assert sending.heard() == []


class DeadPlatform(SandboxPlatform):
    """Never answers in this chat, and has one place."""

    limits = Limits(per_second=1000, per_chat=1000, per_group=1000, concurrency=1)
    asked = 0

    async def send(self, message: Outgoing) -> Receipt:
        self.asked += 1
        await asyncio.sleep(0.05)
        return Receipt(Result.AMBIGUOUS)


async def test_what_waits_behind_a_chat_that_does_not_answer_is_tried_with_it(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people are missed, and Ana is to be told of both: both plans go on after the same time."""
    monkeypatch.setattr(module, "SLOW", 0.01)
    platform = sending.platform = DeadPlatform(sending.town)  # type: ignore[assignment]
    going = sending.dispatcher()
    for asked in (1, 2):
        await going.drain()
        assert platform.asked == asked
        async with sending.database.transaction() as tx:
            rows = [await tx.outbox.get(word) for word in ("uno", "dos")]
        assert [row.attempts for row in rows if row is not None] == [asked, asked]
        sending.clock.move(sending.clock.now() + timedelta(seconds=20))
