"""The stories on Matrix: a real Synapse, encrypted rooms, the bot's own process, nio as people."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from tests.support.matrix_person import MatrixPerson
from tests.support.stage_bot import BotStage, base_config
from tests.support.steering import SteeredBot
from tests.support.synapse import Synapse
from tests.support.world import START, WHERE, Device, Person, Seen

OPTION = re.compile(r"^(\d+)\. (.+)$", re.MULTILINE)


class MatrixDevice(Device):
    """Someone's Matrix app: answers are numbers, since there are no buttons."""

    def __init__(self, person: MatrixPerson, bot: str, room: str = "") -> None:
        self.person = person
        self.bot = bot
        self.room = room or person.room
        self.last = ""

    async def write(self, text: str, **how: object) -> None:
        if how.pop("edited", False):
            await self.person.edits(self.last, text)
            return
        if how.pop("forwarded", False):
            text = f"> {text}"  # Matrix has no forwarding: a quotation is what people send
        self.last = await self.person.writes(text, **how)  # type: ignore[arg-type]

    async def press(self, message: Seen, label: str) -> None:
        number = next(number for number, of in OPTION.findall(message.text) if label in of)
        await self.person.writes(number, reply_to=message.id)

    async def other(self, what: str) -> None:
        await self.person.sends_sticker()

    async def location(self) -> None:
        north, east = WHERE
        content = {"msgtype": "m.location", "body": "here", "geo_uri": f"geo:{north},{east};u=35"}
        await self.person.sends("m.room.message", content)

    async def file(self, content: bytes, name: str, caption: str = "") -> None:
        await self.person.sends_file(content, name, caption=caption)

    async def files(self) -> list[bytes]:
        await self.person.sync()
        return [
            await self.person.opens_file(m)
            for m in self.person.messages(room_id=self.room)
            if m.sender == self.bot and m.content.get("msgtype") in ("m.image", "m.file")
        ]

    async def closes_the_chat(self) -> None:
        await self.person.leaves()

    async def signs(self) -> None:
        await self.person.signs_own_device()

    async def messages(self) -> list[Seen]:
        await self.person.sync()
        return [
            Seen(m.event_id, m.body, tuple(of for _, of in OPTION.findall(m.body)))
            for m in self.person.messages(room_id=self.room)
            if m.sender == self.bot and m.body is not None
        ]


class MatrixStage(BotStage):
    """One homeserver for all stories; a bot and people of its own for each."""

    platform = "matrix"

    def __init__(self, synapse: Synapse, user_id: str, bot: SteeredBot, config: Path) -> None:
        super().__init__(bot, config)
        self.synapse = synapse
        self.user_id = user_id
        self.people: list[MatrixPerson] = []

    @classmethod
    async def open(cls, folder: Path, synapse: Synapse) -> MatrixStage:
        """Make the bot's account and start it."""
        user_id, password = await synapse.register(f"bot-{secrets.token_hex(4)}")
        config = folder / "config.toml"
        config.write_text(
            base_config(folder) + matrix_config(folder, synapse, user_id, password),
            encoding="utf-8",
        )
        return cls(synapse, user_id, await SteeredBot.start(config, folder, START), config)

    async def device(self, name: str) -> MatrixDevice:
        person = await MatrixPerson.join(
            self.synapse, f"{name.encode().hex()[:8]}-{secrets.token_hex(4)}"
        )
        self.people.append(person)
        await person.opens_direct_room(self.user_id)
        await self.settle()  # the bot accepts
        await person.sync()
        return MatrixDevice(person, self.user_id)

    async def channel(self, title: str, author: Person, reader: Person) -> MatrixDevice:
        assert isinstance(author.device, MatrixDevice)
        assert isinstance(reader.device, MatrixDevice)
        room = await author.device.person.creates_room(title, [self.user_id], announcements=True)
        await author.device.person.invites(reader.device.person.user_id, room)
        await reader.device.person.accepts_invitations()
        await self.settle()
        return MatrixDevice(reader.device.person, self.user_id, room)

    async def close(self) -> None:
        await super().close()
        for person in self.people:
            await person.close()


def matrix_config(folder: Path, synapse: Synapse, user_id: str, password: str) -> str:
    """The Matrix part; the password is in a file of its own, as the documentation asks."""
    secret = folder / "matrix-password"
    secret.write_text(password, encoding="utf-8")
    return (
        f'[matrix]\nhomeserver = "{synapse.url}"\nuser_id = "{user_id}"\n'
        f'password_file = "{secret}"\nstore = "{folder / "matrix-store"}"\n'
    )
