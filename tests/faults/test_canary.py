"""The canary on Telegram: every day the operator gets an alarm that went the whole way, or somebody
outside hears that it did not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.support.botapi import BotApi, TelegramPerson
from tests.support.outside import Outside
from tests.support.stage_bot import base_config, created_group, telegram_config
from tests.support.steering import SteeredBot
from tests.support.world import START

MINUTE = timedelta(minutes=1)
SINGS = START + 70 * MINUTE
"""Asked at 09:05, missed five minutes later."""


@dataclass
class Town:
    """Olivia operates the bot, and somebody outside watches it."""

    folder: Path
    api: BotApi
    outside: Outside
    olivia: TelegramPerson

    def config(self, canary: str) -> Path:
        """The configuration with the canary's time."""
        path = self.folder / "config.toml"
        path.write_text(
            f'operators = ["telegram:{self.olivia.id}"]\n'
            + base_config(self.folder)
            + telegram_config(self.api)
            + f'[watch]\nurl = "{self.outside.url}"\ninterval = 0.1\ncanary = "{canary}"\n',
            encoding="utf-8",
        )
        return path

    @asynccontextmanager
    async def bot(self, canary: str = "09:05") -> AsyncIterator[SteeredBot]:
        """One life of the bot; its clock begins where the test says."""
        bot = await SteeredBot.start(self.config(canary), self.folder, START)
        try:
            yield bot
        finally:
            await bot.stop()

    async def is_well(self) -> None:
        """The monitor hears that all is well, once everything has gone round again."""
        heard = len(self.outside.well())
        await self.olivia.writes("hola")  # else nobody would write for as long as a poll waits
        await until(lambda: len(self.outside.well()) > heard)

    async def songs(self) -> int:
        """How often Olivia heard it."""
        return sum("Prueba diaria" in text for text in await self.olivia.texts())


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    """Everything but the bot."""
    async with await BotApi.start(folder) as api, Outside.open() as outside:
        await api.set_clock(int(START.timestamp()))
        yield Town(folder, api, outside, await api.person("Olivia", language="es"))


async def until(done: Callable[[], object]) -> None:
    """Audits come in real time."""
    async with asyncio.timeout(20):
        while not done():
            await asyncio.sleep(0.02)


async def test_the_operator_hears_it_every_day_and_nobody_else_is_told(tmp_path: Path) -> None:
    async with town(tmp_path) as at, at.bot() as bot:
        for day in range(3):
            await bot.order("until", at=(SINGS + timedelta(days=day) - MINUTE).isoformat())
            assert await at.songs() == day
            await bot.order("until", at=(SINGS + timedelta(days=day)).isoformat())
            assert await at.songs() == day + 1
        await at.is_well()
        assert at.outside.findings() == set()
        heard = [text for text in await at.olivia.texts() if text != "hola"]
        assert len(heard) == 3  # it asks for nothing, and does not repeat


async def test_an_operator_who_is_a_member_hears_it_too(tmp_path: Path) -> None:
    async with town(tmp_path) as at, at.bot() as bot:
        await at.olivia.writes(f"/start {await created_group(at.config('09:05'), 'Red')}")
        await bot.order("settle")
        await bot.order("until", at=SINGS.isoformat())
        assert await at.songs() == 1
        assert at.outside.findings() == set()


async def test_an_operator_who_closed_the_chat_is_news_outside(tmp_path: Path) -> None:
    async with town(tmp_path) as at, at.bot() as bot:
        await bot.order("until", at=SINGS.isoformat())
        await at.olivia.blocks()
        await bot.order("until", at=(SINGS + timedelta(days=1)).isoformat())
        assert at.outside.findings() == set()
        await bot.order("until", at=(SINGS + timedelta(days=1) + MINUTE).isoformat())
        await until(lambda: at.outside.findings())
        assert at.outside.findings() == {"incident_nobody_reached"}
        # It goes on trying, and is quiet once it got through.
        await at.olivia.blocks(False)
        await bot.order("until", at=(SINGS + timedelta(days=1, hours=1)).isoformat())
        assert await at.songs() == 2
        await at.is_well()


async def test_a_new_time_replaces_the_old_one(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        async with at.bot("09:05") as bot:
            await bot.order("until", at=(START + MINUTE).isoformat())
        async with at.bot("09:30") as bot:
            await bot.order("until", at=(SINGS + MINUTE).isoformat())
            assert await at.songs() == 0
            await bot.order("until", at=(SINGS + 26 * MINUTE).isoformat())
            assert await at.songs() == 1
        async with at.bot("") as bot:
            await bot.order("until", at=(SINGS + timedelta(days=2)).isoformat())
            assert await at.songs() == 1
