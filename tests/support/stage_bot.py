"""The stories on real platforms: the bot in its own process, reached as it would be in earnest."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

from tests.support.botapi import BotApi, TelegramChat, TelegramPerson
from tests.support.steering import SteeredBot, run_command
from tests.support.world import START, ZONE, Device, Person, Seen, Stage


def acuerpa(*arguments: str) -> list[str]:
    """The command line of the program in this environment."""
    return [sys.executable, "-c", "from bot.start import main; main()", *arguments]


async def created_group(config: Path, name: str) -> str:
    """The operator makes a group on the command line; the invitation that it prints."""
    command = ["group", "create", name, "--config", str(config)]
    return (await run_command(command, config.parent, START)).splitlines()[-1].strip()


class TelegramDevice(Device):
    """Someone's Telegram."""

    def __init__(self, person: TelegramPerson, chat: TelegramChat | None = None) -> None:
        self.person = person
        self.chat = chat or person
        self.last = 0

    async def write(self, text: str, **how: object) -> None:
        if how.pop("edited", False):
            await self.person.edits(self.last, text)
            return
        self.last = await self.person.writes(text, **how)  # type: ignore[arg-type]

    async def press(self, message: Seen, label: str) -> None:
        exact = next(of for of in message.labels if label in of)
        await self.person.presses(exact, message_id=int(message.id))

    async def other(self, what: str) -> None:
        await self.person.sends(what)

    async def location(self) -> None:
        await self.person.sends("location")

    async def file(self, content: bytes, name: str, caption: str = "") -> None:
        await self.person.sends_file(content, name, caption=caption)

    async def files(self) -> list[bytes]:
        return [
            await self.person.api.download(m.file)
            for m in await self.chat.messages()
            if m.sender != self.person.id and m.file
        ]

    async def closes_the_chat(self) -> None:
        await self.person.blocks()

    async def messages(self) -> list[Seen]:
        return [
            Seen(str(m.id), m.text, tuple(m.labels))
            for m in await self.chat.messages()
            if m.sender != self.person.id
        ]


class BotStage(Stage):
    """What real platforms have in common: a configuration file and the bot's process."""

    def __init__(self, bot: SteeredBot, config: Path) -> None:
        self.bot = bot
        self.config = config

    async def create_group(self, name: str) -> str:
        return await created_group(self.config, name)

    async def restart(self, at: datetime) -> None:
        """The bot's process ends, and another one starts at this instant."""
        await self.bot.stop()
        self.bot = await SteeredBot.start(self.config, self.config.parent, at)

    async def until(self, at: datetime) -> None:
        await self.bot.order("until", at=at.isoformat())

    async def settle(self) -> None:
        await self.bot.order("settle")

    async def close(self) -> None:
        await self.bot.stop()


def base_config(folder: Path, database: str = "") -> str:
    """The part of the configuration that all platforms share."""
    return (
        f'language = "es"\nzone = "{ZONE}"\n'
        f'[database]\nurl = "{database or folder / "acuerpa.db"}"\n'
        f'[keys]\nfile = "{folder / "acuerpa.key"}"\n'
    )


def telegram_config(api: BotApi) -> str:
    """The Telegram part."""
    return (
        f'[telegram]\ntoken = "{api.token}"\nbase_url = "{api.url}"\n'
        "per_second = 1000\nper_chat = 1000\n"  # the stories' hours pass in seconds
    )


class TelegramStage(BotStage):
    """A Bot API server in its own process, and the bot in another."""

    platform = "telegram"

    def __init__(self, api: BotApi, bot: SteeredBot, config: Path) -> None:
        super().__init__(bot, config)
        self.api = api

    @classmethod
    async def open(cls, folder: Path) -> TelegramStage:
        """Start both."""
        api = await BotApi.start(folder)
        await api.set_clock(int(START.timestamp()))
        config = folder / "config.toml"
        config.write_text(base_config(folder) + telegram_config(api), encoding="utf-8")
        return cls(api, await SteeredBot.start(config, folder, START), config)

    async def device(self, name: str) -> TelegramDevice:
        return TelegramDevice(await self.api.person(name, language="es"))

    async def channel(self, title: str, author: Person, reader: Person) -> TelegramDevice:
        assert isinstance(author.device, TelegramDevice)
        assert isinstance(reader.device, TelegramDevice)
        chat = await self.api.chat(title, type="channel", bot="left")
        await author.device.person.sets_bot(chat, "administrator")
        return TelegramDevice(reader.device.person, chat)

    async def until(self, at: datetime) -> None:
        await super().until(at)
        await self.api.set_clock(int(at.timestamp()))

    async def close(self) -> None:
        await super().close()
        await self.api.stop()
