"""The world of the stories: a group of people with names, on any platform, and a clock to move.

A story never reaches into the bot: people write and press on their platform, and see what their
platform shows them. A message that no line of the story expects fails it (`World.close`).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = "America/Mexico_City"
START = datetime(2026, 11, 17, 14, 0, tzinfo=UTC)
"""08:00 in the people's zone, a Tuesday; before any real homeserver's clock, which is then capped."""

WHERE = (15.5, -90.25)
"""Degrees north and east of the place that people share."""

SECRET = re.compile(r"^[A-Za-z0-9_-]{22}$")


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as a person sees it now."""

    id: str
    text: str
    labels: tuple[str, ...] = ()


class Device(ABC):
    """Someone's app on one platform."""

    @abstractmethod
    async def write(self, text: str, **how: object) -> None:
        """Send a text to the bot; `how`: `reply_to`, `edited`, `forwarded`."""

    @abstractmethod
    async def press(self, message: Seen, label: str) -> None:
        """Choose an answer: by button, or by its number where there are none."""

    @abstractmethod
    async def other(self, what: str) -> None:
        """Send something that is no text."""

    @abstractmethod
    async def location(self) -> None:
        """Share the place `WHERE` from the phone's map."""

    @abstractmethod
    async def file(self, content: bytes, name: str, caption: str = "") -> None:
        """Send a photo or a document."""

    @abstractmethod
    async def files(self) -> list[bytes]:
        """What the bot sent here that is no text, as it is opened."""

    @abstractmethod
    async def closes_the_chat(self) -> None:
        """Block the bot, or leave the room."""

    async def signs(self) -> None:  # noqa: B027 - most platforms have nothing of the kind
        """Let the account vouch for this device, where there is such a thing."""

    @abstractmethod
    async def messages(self) -> list[Seen]:
        """What the bot said here, as it is shown now."""


class Stage(ABC):
    """One way to put the world on: a platform, and the bot behind it."""

    platform: str

    @abstractmethod
    async def device(self, name: str) -> Device:
        """A new person's app."""

    @abstractmethod
    async def channel(self, title: str, author: Person, reader: Person) -> Device:
        """A public channel: the author lets the bot in; what its reader sees."""

    @abstractmethod
    async def create_group(self, name: str) -> str:
        """The operator makes a group; the first coordinator's invitation."""

    @abstractmethod
    async def until(self, at: datetime) -> None:
        """Move the bot's clock, and let it finish what it has to do."""

    @abstractmethod
    async def settle(self) -> None:
        """Let the bot finish, and the people's apps show what came."""

    @abstractmethod
    async def close(self) -> None:
        """End what was started."""


class Person:
    """Someone with a name and an app."""

    def __init__(self, world: World, name: str, device: Device) -> None:
        self.world = world
        self.name = name
        self.device = device
        self._read: set[str] = set()

    async def unread(self) -> list[Seen]:
        """Messages that no line of the story expected yet."""
        return [m for m in await self.device.messages() if m.id not in self._read]

    async def writes(self, text: str, **how: object) -> Person:
        """Write to the bot, and let it answer."""
        await self.device.write(text, **how)
        await self.world.stage.settle()
        return self

    async def sends(self, what: str) -> Person:
        """Send a sticker, a photo, ..."""
        await self.device.other(what)
        await self.world.stage.settle()
        return self

    async def shares_location(self) -> Person:
        """Share where one is."""
        await self.device.location()
        await self.world.stage.settle()
        return self

    async def sends_file(self, content: bytes, name: str, caption: str = "") -> Person:
        """Send a photo or a document, and let the bot look at it."""
        await self.device.file(content, name, caption)
        await self.world.stage.settle()
        return self

    async def sees(self, *parts: str) -> Person:
        """One new message holds all these parts."""
        unread = await self.unread()
        for message in unread:
            if all(part in message.text for part in parts):
                self._read.add(message.id)
                return self
        raise AssertionError(f"{self.name} expected {parts} but has {[m.text for m in unread]}")

    async def shows(self, *parts: str) -> Person:
        """Some message on the screen holds these parts now: an edit counts."""
        shown = await self.device.messages()
        if not any(all(part in m.text for part in parts) for m in shown):
            raise AssertionError(f"{self.name} has no {parts} in {[m.text for m in shown]}")
        return self

    async def sees_nothing(self) -> Person:
        """Nothing new came."""
        unread = await self.unread()
        assert not unread, f"{self.name} did not expect {[m.text for m in unread]}"
        return self

    async def presses(self, label: str) -> Person:
        """Choose an answer below the newest message that has it."""
        for message in reversed(await self.device.messages()):
            if any(label in of for of in message.labels):
                await self.device.press(message, label)
                await self.world.stage.settle()
                return self
        raise AssertionError(f"{self.name} has no answer {label!r} to choose")

    async def reads_all(self) -> list[str]:
        """Everything new counts as expected. Returns the texts."""
        unread = await self.unread()
        self._read |= {message.id for message in unread}
        return [message.text for message in unread]

    async def reads_secret(self) -> str:
        """The invitation among the new messages."""
        for text in await self.reads_all():
            if found := SECRET.match(text.strip()):
                return found[0]
        raise AssertionError(f"{self.name} got no invitation")

    async def joins(self, secret: str, name: str | None = None) -> Person:
        """Open an invitation, agree, and say one's name."""
        await self.writes(secret)
        await self.sees("¿Aceptas?")
        await self.presses("Acepto")
        await self.sees("¿Cómo quieres que te llamemos?")
        await self.writes(name or self.name)
        await self.sees("Te damos la bienvenida")
        await self.has_the_button()
        return self

    async def has_the_button(self) -> Person:
        """The one that stays in the chat of whoever is in a group, and what explains it."""
        await self.sees("Mi atajo")
        return await self.sees("es tu alarma")

    async def asked_daily(self, at: str, grace: str = "45 min", more: str = "") -> Person:
        """Set one's own schedule."""
        await self.writes(f"/horario {at} margen {grace} {more}".strip())
        await self.sees("Te preguntaré")
        return self


class Group:
    """A solidarity group and the person who coordinates it."""

    def __init__(self, world: World, coordinator: Person) -> None:
        self.world = world
        self.coordinator = coordinator
        self.people: list[Person] = []
        self.planned = False

    async def joined(
        self, *names: str, as_: str = "red", on: Stage | None = None
    ) -> Sequence[Person]:
        """People open invitations of this group, each with these tasks."""
        people = []
        for name in names:
            await self.coordinator.writes(f"/invitar {as_}")
            secret = await self.coordinator.reads_secret()
            person = await self.world.person(name, on)
            await person.joins(secret)
            await self.coordinator.sees(name, "entró")
            people.append(person)
            if self.planned:
                await self._agrees(person)
        self.people += people
        return people

    async def plan(self, text: str) -> None:
        """The coordinator writes the plan and confirms it, and everyone agrees to it."""
        await self.coordinator.writes(f"/plan {text}")
        await self.coordinator.sees("Así queda el plan")
        await self.coordinator.presses("Guardar")
        await self.coordinator.shows("Guardado")
        self.planned = True
        for person in self.people:
            await self._agrees(person)

    async def _agrees(self, person: Person) -> None:
        await person.sees("Si no respondes a un chequeo", "¿De acuerdo?")
        await person.presses("De acuerdo")
        await person.shows("vale desde ahora")


class World:
    """Everyone, everywhere."""

    def __init__(self, *stages: Stage) -> None:
        self.stages = stages
        self.stage = stages[0]
        self.now = START
        self.people: list[Person] = []

    async def person(self, name: str, on: Stage | None = None) -> Person:
        """Someone new, whom the bot does not know."""
        person = Person(self, name, await (on or self.stage).device(name))
        self.people.append(person)
        return person

    async def group(self, name: str, coordinator: str = "Coral") -> Group:
        """A group, and the one who coordinates it."""
        secret = await self.stage.create_group(name)
        person = await self.person(coordinator)
        await person.joins(secret)
        return Group(self, person)

    async def channel(self, title: str, author: Person, reader: str) -> Person:
        """A public channel that the bot was let into by `author`, seen by a reader."""
        watcher = await self.person(reader)
        device = await self.stage.channel(title, author, watcher)
        await self.stage.settle()
        seen = Person(self, reader, device)
        self.people.append(seen)
        return seen

    async def until(self, wall: str) -> None:
        """Let time pass until this wall time of the people's zone, today or tomorrow."""
        local = self.now.astimezone(ZoneInfo(ZONE))
        at = datetime.combine(local.date(), time.fromisoformat(wall), local.tzinfo)
        await self._move(at if at > local else at + timedelta(days=1))

    async def forward(self, **span: float) -> None:
        """Let time pass."""
        await self._move(self.now + timedelta(**span))

    async def _move(self, at: datetime) -> None:
        self.now = at.astimezone(UTC)
        await self.stage.until(self.now)

    async def close(self, *, failed: bool = False) -> None:
        """The end of the story: nobody may have a message that it does not tell of."""
        try:
            if not failed:
                for person in self.people:
                    await person.sees_nothing()
        finally:
            for stage in reversed(self.stages):
                await stage.close()
