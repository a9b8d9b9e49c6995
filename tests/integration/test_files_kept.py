"""What is kept of a file that was sent: clean bytes, sealed, while its denunciation needs them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
import sqlalchemy as sa

from bot.engine.fetching import TRIES
from bot.engine.stepping import SteppedClock
from bot.platforms.base import Result
from storage.database import Database
from storage.keys import KeyInMemory
from storage.retention import Keep
from storage.tables import files, groups
from tests.stories.test_denunciations import TITLE, organisation, write
from tests.support import opened
from tests.support.files.images import photograph, picture
from tests.support.opened import KEY
from tests.support.stage_sandbox import SandboxDevice, SandboxStage
from tests.support.world import START, Person, World

ORIGINAL = photograph("JPEG", image=picture((320, 240)))


@dataclass
class Place:
    """A world on a file that can be looked into."""

    world: World
    stage: SandboxStage
    folder: Path

    def bytes(self) -> bytes:
        """The file and its log, as they are on the disk."""
        return b"".join(p.read_bytes() for p in sorted(self.folder.glob("a.db*")))

    def rows(self) -> list[tuple[Any, ...]]:
        """State and attempts of every file, and whether its origin and its content are there."""
        with closing(sqlite3.connect(self.folder / "a.db")) as db:
            return db.execute(
                "SELECT state, attempts, origin IS NOT NULL, content IS NOT NULL FROM files"
            ).fetchall()

    async def changed(self, **values: Any) -> None:
        """Somebody who has the key writes into the only file's row."""
        async with self.stage.database.transaction() as tx:
            (row,) = await tx.rows.all(sa.select(files.c.id))
            await tx.rows.update(files, row.id, **values)


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    database = Database(str(tmp_path / "a.db"), KeyInMemory(KEY))
    await database.open()
    stage = SandboxStage(database, SteppedClock(START))
    await stage.engine.start()
    yield Place(World(stage), stage, tmp_path)
    await stage.close()


async def drafted(place: Place, content: bytes = ORIGINAL) -> tuple[Person, Person, Person, Person]:
    """Olga wrote a denunciation and sent a photo for it."""
    people = await organisation(place.world)
    await write(people[0])
    await people[0].sends_file(content, "mi-casa-en-oventic.jpg", "La plaza")
    return people


def pieces(content: bytes) -> Iterator[bytes]:
    """What of these bytes would be seen on a disk in clear, wherever a page of it ends."""
    for start in range(0, len(content) - 32, 24):
        piece = content[start : start + 32]
        if len(set(piece)) > 8:  # not what stands in any file, such as zeros
            yield piece


async def test_neither_the_original_nor_the_clean_file_is_on_the_disk_in_clear(
    place: Place,
) -> None:
    olga, *_ = await drafted(place)
    (clean,) = await olga.device.files()
    raw = place.bytes()
    assert len(clean) > 1000
    for content in (ORIGINAL, clean):
        assert not [piece for piece in pieces(content) if piece in raw]
        assert base64.b64encode(content)[:64] not in raw
    for word in (b"oventic", b"La plaza", b"imagen-1", hashlib.sha256(clean).hexdigest().encode()):
        assert word not in raw
    assert place.rows() == [("kept", 1, 0, 1)]
    with closing(opened.connect(place.folder / "a.db", KEY)) as db:
        heard = [raw for (raw,) in db.execute("SELECT raw FROM inbox")]
    assert any(TITLE in raw for raw in heard)
    assert not [raw for raw in heard if "oventic" in raw], "nor how it was called, nor where it lies"


async def test_a_file_that_is_changed_after_the_approval_is_never_sent(place: Place) -> None:
    olga, rita, ana, channel = await drafted(place)
    await olga.presses("Enviar a revisión")
    for person in (ana, channel):
        # What is approved waits: the platform does not take it now.
        assert isinstance(person.device, SandboxDevice)
        place.stage.town.next_answers(Result.UNREACHABLE, chat=person.device.chat)
    await rita.presses("Aprobar y publicar")
    await place.changed(content=ORIGINAL)
    await place.world.forward(minutes=1)
    for person in (ana, channel):
        assert not await person.device.files()
        await person.sees_nothing()
    await olga.shows("Denuncia #1 publicada", "1 de 3")


async def test_a_file_that_is_changed_after_the_review_is_not_approved(place: Place) -> None:
    olga, rita, _, channel = await drafted(place)
    await olga.presses("Enviar a revisión")
    await place.changed(content=ORIGINAL, digest=hashlib.sha256(ORIGINAL).hexdigest())
    await rita.presses("Aprobar y publicar")
    await rita.sees("El texto de la denuncia #1 cambió")
    await place.world.forward(minutes=1)
    await channel.sees_nothing()


async def test_a_file_that_cannot_be_fetched_is_tried_again_and_then_said(place: Place) -> None:
    olga, rita, *_ = await organisation(place.world)
    await write(olga)
    town = place.stage.town
    town.keeps_files = True
    await olga.sends_file(ORIGINAL, "foto.jpg")
    await olga.sees("Recibí un archivo")
    await olga.presses("Enviar a revisión")
    await olga.sees("Todavía estoy revisando un archivo")
    await olga.sees(TITLE)
    await place.world.forward(minutes=2)
    town.keeps_files = False
    await place.world.forward(minutes=5)
    await olga.sees("Queda en la denuncia #1 como imagen-1.jpg")
    await olga.sees(TITLE)

    town.keeps_files = True
    await olga.sends_file(ORIGINAL, "foto.jpg")
    await olga.sees("Recibí un archivo")
    await place.world.forward(hours=2)
    await olga.sees("No pude traer este archivo", "No se guardó")
    assert [row[:3] for row in place.rows()] == [("kept", 4, 0), ("refused", TRIES, 0)]
    await olga.presses("Enviar a revisión")
    await rita.sees("Olga pide tu revisión")


async def test_what_is_over_is_erased(place: Place) -> None:
    olga, rita, *_ = await drafted(place)
    await olga.presses("Descartar")
    assert place.rows() == []
    await write(olga)
    await olga.sends_file(ORIGINAL, "foto.jpg")
    await olga.presses("Enviar a revisión")
    await rita.presses("Aprobar y publicar")
    await place.world.forward(minutes=1)
    place.stage.engine._keep = Keep(messages=timedelta(days=7))
    await place.world.forward(days=6)
    await place.stage.engine.erase()
    assert len(place.rows()) == 1
    await place.world.forward(days=2)
    await place.stage.engine.erase()
    assert place.rows() == []


async def test_who_is_erased_leaves_no_file(place: Place) -> None:
    olga, *_ = await drafted(place)
    await olga.writes("/misdatos")
    await olga.presses("Sí, aquí")
    mine = (await olga.device.files())[-1].decode()
    assert "Fotos y documentos que mandaste para denuncias y que guardo\n1\n" in mine
    await olga.writes("/borrarme")
    await olga.writes("borrar")
    assert place.rows() == []


async def test_a_role_that_ended_meanwhile_keeps_nothing(place: Place) -> None:
    olga, *_ = await organisation(place.world)
    await write(olga)
    place.stage.town.keeps_files = True
    await olga.sends_file(ORIGINAL, "foto.jpg")
    await olga.reads_all()
    await olga.writes("/tareas")
    await olga.presses("redacción")
    await olga.reads_all()
    place.stage.town.keeps_files = False
    await place.world.forward(minutes=30)
    await olga.sees_nothing()
    assert [row[0] for row in place.rows()] == ["refused"]


async def test_a_group_without_details_on_a_platform_shows_no_file_there(place: Place) -> None:
    olga, rita, ana, channel = await organisation(place.world)
    async with place.stage.database.transaction() as tx:
        (group,) = await tx.rows.all(sa.select(groups.c.id))
        await tx.people.set_bare(group.id, ["sandbox"])
    await write(olga)
    await olga.sends_file(ORIGINAL, "foto.jpg")
    await olga.sees("Recibí")
    await olga.sees("Le quité", "imagen-1.jpg")
    await olga.presses("Enviar a revisión")
    for person in (olga, rita, ana, channel):
        assert not await person.device.files()


async def test_a_file_that_ends_the_process_each_time_is_given_up(place: Place) -> None:
    """Each try was counted before it began, and none came to its end."""
    await organisation(place.world)
    olga = place.world.people[1]
    await write(olga)
    place.stage.town.keeps_files = True
    await olga.sends_file(ORIGINAL, "foto.jpg")
    await place.changed(attempts=TRIES)
    place.stage.town.keeps_files = False
    await place.world.forward(minutes=1)
    assert not await olga.device.files()
    await olga.reads_all()
    assert place.rows() == [("refused", TRIES + 1, 0, 0)]


async def test_the_engine_fetches_while_it_runs(place: Place) -> None:
    """Not only in time that is stepped through."""
    olga, *_ = await organisation(place.world)
    await write(olga)
    engine = place.stage.engine
    running = asyncio.create_task(engine.run({}))
    try:
        await olga.device.file(ORIGINAL, "foto.jpg")
        async with asyncio.timeout(20):
            while not await olga.device.files():
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.wait({running})
