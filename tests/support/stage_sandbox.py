"""The stories on the sandbox: the whole application in this process, with its own small server."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from bot.app import new_token
from bot.archiving import Archive
from bot.config import ArchiveSection
from bot.engine.engine import Engine
from bot.engine.stepping import SteppedClock, Stepper
from bot.files.cleaner import Cleaner
from bot.files.values import Limits
from bot.following.looking import Looking
from bot.platforms.base import Attachment
from bot.platforms.sandbox.platform import SandboxPlatform
from bot.platforms.sandbox.town import Town, private_chat
from handlers.context import Context
from handlers.groups import create
from handlers.router import Router
from handlers.settings import Settings
from storage.database import Database
from storage.keys import KeyInMemory
from tests.support.world import START, WHERE, ZONE, Device, Person, Seen, Stage


class SandboxDevice(Device):
    """Someone's panel of the sandbox."""

    def __init__(self, town: Town, person: str, chat: str) -> None:
        self.town = town
        self.person = person
        self.chat = chat
        self.last = ""

    async def write(self, text: str, **how: object) -> None:
        if how.pop("edited", False):
            how["edited"] = self.last
        self.last = self.town.writes(self.person, text, **how).id  # type: ignore[arg-type]

    async def press(self, message: Seen, label: str) -> None:
        button = self.town.message(message.id).button(label)
        self.town.presses(self.person, message.id, button.data)

    async def other(self, what: str) -> None:
        self.town.sends_other(self.person, what)

    async def location(self) -> None:
        self.town.sends_location(self.person, *WHERE)

    async def file(self, content: bytes, name: str, caption: str = "") -> None:
        self.town.sends_file(self.person, Attachment(name, "", content), caption=caption)

    async def files(self) -> list[bytes]:
        return [
            file.content
            for message in self.town.messages(self.chat)
            if message.author == "bot"
            for file in message.attachments
        ]

    async def closes_the_chat(self) -> None:
        self.town.blocks(self.person)

    async def messages(self) -> list[Seen]:
        return [
            Seen(m.id, m.plain, tuple(b.label for row in m.buttons for b in row))
            for m in self.town.messages(self.chat)
            if m.author == "bot" and not m.deleted
        ]


class SandboxStage(Stage):
    """Everything in one process, over a real SQLite file or a real PostgreSQL."""

    platform = "sandbox"

    def __init__(
        self,
        database: Database,
        clock: SteppedClock,
        archive: ArchiveSection | None = None,
        town: Town | None = None,
    ) -> None:
        self.town = town or Town(clock.now)
        self.database = database
        self.clock = clock
        platform = SandboxPlatform(self.town)
        self.settings = Settings(
            language="es",
            zone=ZONE,
            token=new_token,
            operators=frozenset({"sandbox:operadora"}),
            links={"sandbox": platform.invitation_link},
            messages_of={"sandbox": platform.messages_of},
            archive=archive.url if archive else "",
        )
        self.engine = Engine(
            database,
            [platform],
            Router(self.settings),
            clock,
            cleaning=Cleaner(Limits(size=self.settings.largest_file)).cleaned,
            largest_file=self.settings.largest_file,
            following=Looking(loopback=True).look,
            archiving=Archive(database, archive, "es", ZONE).write if archive else None,
        )
        self._stepper = Stepper(self.engine, database, clock)

    @classmethod
    async def open(cls, url: str | Path, archive: ArchiveSection | None = None) -> SandboxStage:
        """Over a new database."""
        database = Database(str(url), KeyInMemory())
        await database.open()
        stage = cls(database, SteppedClock(START), archive)
        await stage.engine.start()
        return stage

    async def device(self, name: str) -> SandboxDevice:
        key = name.casefold()
        self.town.person(key, name, role="", language="es")
        return SandboxDevice(self.town, key, private_chat(key))

    async def channel(self, title: str, author: Person, reader: Person) -> SandboxDevice:
        assert isinstance(author.device, SandboxDevice)
        assert isinstance(reader.device, SandboxDevice)
        readers = [author.device.person, reader.device.person]
        chat = self.town.place(title.casefold(), title, readers=readers).id
        self.town.adds_bot(author.device.person, chat)
        return SandboxDevice(self.town, reader.device.person, chat)

    async def create_group(self, name: str) -> str:
        async with self.database.transaction() as tx:
            made = await create(Context(tx, self.clock.now(), self.settings), name)
        assert made is not None
        return made[1]

    async def until(self, at: datetime) -> None:
        await self._stepper.until(at)

    async def settle(self) -> None:
        await self.engine.settle()

    async def close(self) -> None:
        await self.database.close()
