"""A running bot makes backups by itself, and somebody hears of it when it cannot."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import bot.engine.engine as module
from bot.app import backups_of
from bot.backups.values import BackupError, backups_in, name_of
from bot.config import load
from bot.engine.backing import AFTER_FAILURE, FIRST, OLD, Keeper
from bot.engine.engine import Engine
from bot.engine.stepping import SteppedClock
from bot.platforms.sandbox.platform import SandboxPlatform
from bot.platforms.sandbox.town import Town
from handlers.entries import menu
from handlers.router import Router
from handlers.settings import Settings
from storage.database import Database
from storage.keys import KeyInMemory
from tests.support.backups import Installation
from tests.support.opened import KEY

START = datetime(2026, 11, 26, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Imagined:
    """Backups that are made in no time, or not at all."""

    every = 24 * HOUR

    def __init__(self) -> None:
        self.made: list[datetime] = []
        self.there: datetime | None = None
        self.why: Exception | None = None
        self.blind = False

    async def newest(self) -> datetime | None:
        if self.blind:
            raise OSError(5, "Input/output error")
        return self.there

    async def make(self, now: datetime) -> None:
        if self.why is not None:
            raise self.why
        self.made.append(now)
        self.there = now


async def test_one_is_made_when_the_newest_is_a_day_old() -> None:
    backups, clock = Imagined(), SteppedClock(START)
    keeper = Keeper(backups, clock)
    for _ in range(60):
        await keeper.look()
        assert keeper.findings() == []
        clock.move(clock.now() + HOUR)
    assert backups.made == [START, START + 24 * HOUR, START + 48 * HOUR]


async def test_after_a_restart_the_one_of_before_counts() -> None:
    backups, clock = Imagined(), SteppedClock(START)
    backups.there = START - 20 * HOUR
    await Keeper(backups, clock).look()
    assert backups.made == []


async def test_one_of_the_future_counts_for_nothing() -> None:
    backups, clock = Imagined(), SteppedClock(START)
    backups.there = START + 9000 * HOUR
    await Keeper(backups, clock).look()
    assert backups.made == [START]


@pytest.mark.parametrize("how", ["make", "newest"])
async def test_who_cannot_make_one_says_so_in_time_and_goes_on_trying(how: str) -> None:
    backups, clock = Imagined(), SteppedClock(START)
    keeper = Keeper(backups, clock)
    await keeper.look()
    if how == "make":
        backups.why = BackupError("backup: it cannot be written")
    else:
        backups.blind = True
    tried = 0
    while clock.now() - START <= 36 * HOUR:
        assert keeper.findings() == []
        clock.move(clock.now() + AFTER_FAILURE / 3)
        tried += not await keeper.look()
    assert keeper.findings() == [OLD]
    backups.why, backups.blind = None, False
    clock.move(clock.now() + AFTER_FAILURE)
    assert await keeper.look()
    assert keeper.findings() == []


async def test_an_installation_without_any_is_a_finding_after_an_hour() -> None:
    backups, clock = Imagined(), SteppedClock(START)
    backups.why = BackupError("no")
    keeper = Keeper(backups, clock)
    await keeper.look()
    clock.move(START + FIRST)
    assert keeper.findings() == []
    clock.move(START + FIRST + timedelta(seconds=1))
    assert keeper.findings() == [OLD]


async def test_a_running_bot_makes_one_and_tells_who_watches_when_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Installation(tmp_path)
    config = load(one.config)
    database = Database(one.url, KeyInMemory(KEY))
    await database.open()
    clock = SteppedClock(START)
    monkeypatch.setattr(module, "LOOK_AT_BACKUPS", 0.05)
    settings = Settings(language="es", zone="UTC", token=iter("abcdefgh").__next__, links={})
    engine = Engine(
        database, [SandboxPlatform(Town(clock.now))], Router(settings), clock,
        backing=backups_of(config, database),
    )  # fmt: skip
    running = asyncio.create_task(engine.run(menu(clock.now())))
    try:
        made = one.backups / name_of(START)
        async with asyncio.timeout(30):
            while not made.exists():
                await asyncio.sleep(0.02)
        assert "backup_old" not in await engine.auditor.look()
        # The disk with the backups is not there any more, and a day and a half passes.
        one.backups.rename(tmp_path / "elsewhere")
        one.backups.write_text("no folder")
        await _until_noticed(engine, clock)
    finally:
        running.cancel()
        await asyncio.wait({running})
        await database.close()
    assert [path.name for path in backups_in(tmp_path / "elsewhere")] == [made.name]


async def _until_noticed(engine: Engine, clock: SteppedClock) -> None:
    keeper: Any = engine._keeper
    clock.move(START + 37 * HOUR)
    async with asyncio.timeout(30):
        while "backup_old" not in keeper.findings():
            await asyncio.sleep(0.02)
    assert "backup_old" in await engine.auditor._findings()
