"""The example of the page "A platform", behind the real engine: somebody joins by letter, is asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.app import new_token
from bot.engine.engine import Engine
from bot.engine.stepping import SteppedClock, Stepper
from bot.files.cleaner import Cleaner
from bot.files.values import Limits
from bot.following.looking import offline
from bot.platforms.base import Operation, Outgoing, Platform, PlatformError, Result
from handlers.context import Context
from handlers.groups import create
from handlers.router import Router
from handlers.settings import Settings
from storage.database import Database
from storage.keys import KeyInMemory
from tests.examples.letters import LettersPlatform
from tests.support.world import START, ZONE


class Post:
    """The folder, as people use it."""

    def __init__(self, folder: Path, clock: SteppedClock, engine: Engine) -> None:
        self.folder, self.clock, self.engine = folder, clock, engine

    async def writes(self, person: str, text: str) -> None:
        letter = {"from": person, "at": self.clock.now().isoformat(), "text": text}
        with (self.folder / "written.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(letter) + "\n")
        await self.engine.settle()

    def last(self, person: str) -> str:
        lines = (self.folder / "said.jsonl").read_text("utf-8").splitlines()
        return str([x["text"] for x in map(json.loads, lines) if x["to"] == person][-1])

    def all(self, person: str) -> str:
        lines = (self.folder / "said.jsonl").read_text("utf-8").splitlines()
        return "\n".join(x["text"] for x in map(json.loads, lines) if x["to"] == person)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[tuple[Post, Stepper, str]]:
    database = Database(str(tmp_path / "acuerpa.db"), KeyInMemory())
    await database.open()
    clock = SteppedClock(START)
    platform: Platform = LettersPlatform(tmp_path)
    settings = Settings(
        language="es", zone=ZONE, token=new_token, links={}, messages_of={"letters": platform.messages_of}
    )
    engine = Engine(
        database, [platform], Router(settings), clock,
        cleaning=Cleaner(Limits(size=settings.largest_file)).cleaned,
        largest_file=settings.largest_file, following=offline,
    )  # fmt: skip
    await engine.start()
    async with database.transaction() as tx:
        made = await create(Context(tx, clock.now(), settings), "Red")
    assert made is not None
    yield Post(tmp_path, clock, engine), Stepper(engine, database, clock), made[1]
    await database.close()


async def test_coral_joins_by_letter_and_is_asked(world: tuple[Post, Stepper, str]) -> None:
    post, stepper, secret = world
    await post.writes("coral", secret)
    assert "¿Aceptas?" in post.last("coral")
    await post.writes("coral", "1")
    await post.writes("coral", "Coral")
    assert "Te damos la bienvenida" in post.all("coral")
    await post.writes("coral", "/horario 09:00 margen 45 min")
    await stepper.until(post.clock.now().replace(hour=15))
    assert "1. Estoy bien" in post.last("coral")
    await post.writes("coral", "estoy bien")
    assert "Anotado" in post.last("coral")


async def test_a_line_that_is_no_letter_delays_nobody(world: tuple[Post, Stepper, str]) -> None:
    post, _, secret = world
    (post.folder / "written.jsonl").write_text("no es una carta\n", "utf-8")
    await post.writes("coral", secret)
    assert "¿Aceptas?" in post.last("coral")


async def test_a_key_is_written_once_and_a_folder_must_be_there(tmp_path: Path) -> None:
    platform = LettersPlatform(tmp_path)
    await platform.start()
    message = Outgoing("k", "ana", Operation.SEND)
    assert (await platform.send(message)).result is Result.SENT
    assert (await platform.send(message)).result is Result.SENT
    assert len((tmp_path / "said.jsonl").read_text("utf-8").splitlines()) == 1
    with pytest.raises(PlatformError, match="is no folder"):
        await LettersPlatform(tmp_path / "nowhere").start()
