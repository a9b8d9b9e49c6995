"""After "borrar" nothing of a person is left: not in a row, and not in the bytes of the file."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest_asyncio

from bot.engine.stepping import SteppedClock
from bot.platforms.base import ChatKind, Result
from bot.platforms.sandbox.town import private_chat
from storage import database, erasing
from storage.database import Database
from storage.keys import KeyInMemory
from tests.support import opened
from tests.support.opened import KEY
from tests.support.stage_sandbox import SandboxStage
from tests.support.world import START, Group, Person, World

NAME = "Amapola Secreta"
KEYS = ("llave-uno", "llave-dos")
WORDS = ("Obsidiana quebrada", "El texto del nopal", "Vi dos camionetas en el cruce",
         "cempasúchil")  # fmt: skip
CANARIES = (NAME, *KEYS, *WORDS)


@dataclass
class Place:
    """A world on a file that can be looked into."""

    world: World
    stage: SandboxStage
    path: Path

    def hits(self) -> dict[tuple[str, str, int], tuple[str, bytes]]:
        """Every sealed field that holds a canary: what it holds, and its envelope."""
        found = {}
        with closing(opened.connect(self.path, KEY)) as db:
            views = db.execute("SELECT name FROM sqlite_temp_schema WHERE type = 'view'").fetchall()
            for (table,) in views:
                columns = db.execute(f"PRAGMA main.table_info('{table}')").fetchall()
                (key,) = [name for _, name, _, _, _, primary in columns if primary]
                for _, column, kind, *_ in columns:
                    if kind != "BLOB" or column.endswith("_key"):
                        continue
                    rows = db.execute(
                        f"SELECT o.{key}, o.{column}, m.{column} FROM {table} o"
                        f" JOIN main.{table} m ON m.{key} = o.{key} WHERE o.{column} IS NOT NULL"
                    )
                    for row, plain, envelope in rows:
                        shown = plain.encode().decode("unicode_escape", "ignore")
                        if any(c in plain or c in shown for c in CANARIES):
                            found[table, column, row] = (plain, bytes(envelope))
        return found

    def bytes(self) -> bytes:
        """The file and its log, as they are on the disk."""
        return b"".join(p.read_bytes() for p in sorted(self.path.parent.glob("a.db*")))


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """The sandbox with a key that the test knows."""
    opened_there = Database(str(tmp_path / "a.db"), KeyInMemory(KEY))
    await opened_there.open()
    stage = SandboxStage(opened_there, SteppedClock(START))
    await stage.engine.start()
    world = World(stage)
    yield Place(world, stage, tmp_path / "a.db")
    await stage.close()


async def lived(place: Place) -> tuple[Group, Person, Person]:
    """A person who left a trace in every table, and one who goes by the same name elsewhere."""
    world, town = place.world, place.stage.town
    elsewhere = await world.group("Otra", coordinator="Otilia")
    await elsewhere.coordinator.writes("/invitar red")
    secret = await elsewhere.coordinator.reads_secret()
    same = await world.person("tercera")
    await same.joins(secret, name=NAME)
    await same.writes("/horario 06:06")

    group = await world.group("Red")
    coral = group.coordinator
    await coral.writes("/invitar red redacción")
    secret = await coral.reads_secret()
    amapola = await world.person(KEYS[0])
    await amapola.joins(secret, name=NAME)
    (rita,) = await group.joined("Rita", as_="aprobación red")
    await amapola.asked_daily("09:00", grace="45 min")
    await amapola.writes("/cuenta")
    second = await world.person(KEYS[1])
    await second.writes(await amapola.reads_secret())
    await coral.writes(f"/rol {NAME} aprobación")
    await coral.presses("Pedirlo")
    await amapola.writes("/denuncia")
    await amapola.writes(WORDS[0])
    await amapola.writes(WORDS[1])
    await amapola.presses("Enviar a revisión")
    await rita.writes("auxilio")
    await amapola.presses("Yo me encargo")
    await amapola.writes(f"/novedad {WORDS[2]}")
    await coral.writes(f"/novedad {NAME} ya va, le hablé de {NAME}")
    await amapola.presses("Entregar")
    await amapola.presses("Coral")
    await coral.presses("Acepto")
    await world.until("09:00")
    await amapola.writes("estoy bien")
    chat = town.place("plaza", "Plaza", kind=ChatKind.GROUP).id
    town.adds_bot(KEYS[0], chat)
    town.writes(KEYS[0], f"buenas, {WORDS[3]}", chat=chat)
    await coral.writes("/rol")  # a dialog is open, and so is a question about her
    await coral.writes(NAME)
    await world.stage.settle()
    return group, amapola, same


async def test_nothing_is_left_of_her_in_rows_or_bytes(place: Place) -> None:
    group, amapola, same = await lived(place)
    before = place.hits()
    tables = {table for table, _, _ in before}
    assert tables >= {
        "members", "accounts", "inbox", "outbox", "prompts", "incident_events", "denunciations",
    }  # fmt: skip
    others = {
        where for where, (plain, _) in before.items() if await _of_the_other(place, where, plain)
    }
    assert ("members", "name") in {where[:2] for where in others}
    with closing(sqlite3.connect(place.path)) as db:
        blind = [
            bytes(key)
            for row in db.execute(
                "SELECT m.name_key, m.look_key, a.address_key, a.chat_key FROM members m"
                " JOIN accounts a ON a.member_id = m.id JOIN groups g ON g.id = m.group_id"
                " WHERE m.id = (SELECT min(author_id) FROM denunciations)"
            )
            for key in row
        ]
    assert len(blind) == 8  # two accounts
    raw = place.bytes()
    assert all(envelope in raw for _, envelope in before.values())
    assert all(key in raw for key in blind)

    await amapola.writes("/borrarme")
    await amapola.writes("borrar")
    with patch.object(erasing, "BATCH", 7):  # several goes at each table
        await place.world.forward(minutes=3)

    left = place.hits()
    assert set(left) == others, {w: left[w][0] for w in set(left) - others}
    assert {w: left[w] for w in others} == {w: before[w] for w in others}
    raw = place.bytes()
    gone = [envelope for where, (_, envelope) in before.items() if where not in others]
    assert len(gone) > 20
    assert not [envelope for envelope in gone if envelope in raw]
    assert not [key for key in blind if key in raw]
    async with place.stage.database.transaction() as tx:
        assert await tx.facts.get("erase") is None
    with closing(sqlite3.connect(place.path)) as db:
        assert db.execute("SELECT count(*) FROM erasures").fetchone() == (0,)
    # Who goes by the same name in another group is as they were.
    await same.writes("/horario")
    assert any("06:06" in text for text in await same.reads_all())
    # And what waits goes on: the first alarm was about Rita.
    await group.coordinator.writes("/linea 1")
    shown = (await group.coordinator.device.messages())[-1].text
    assert "Persona #" in shown
    assert NAME not in shown


async def test_a_large_file_is_written_anew_once_a_day(place: Place) -> None:
    """It takes seconds, for which an alarm would wait: so not with each person who leaves."""
    stage = place.stage
    group = await place.world.group("Red")
    amapola = await amapola_in(group)
    before = place.hits()
    with patch.object(database, "WRITTEN_AT_ONCE", 0):
        async with stage.database.transaction() as tx:
            tx.wipe_log = True
        for later, left in ((0.0, False), (0.0, True), (database.A_DAY, False)):
            if left:
                await amapola.writes("/borrarme")
                await amapola.writes("borrar")
                await place.world.forward(minutes=3)
                assert not place.hits()
            with patch.object(database, "A_DAY", database.A_DAY - later):
                await stage.engine.erase()
            async with stage.database.transaction() as tx:
                assert await tx.facts.get("erase") == (b"later" if left else None)
    raw = place.bytes()
    assert not [envelope for _, envelope in before.values() if envelope in raw]


async def amapola_in(group: Group) -> Person:
    """She joins, to answer alarms."""
    await group.coordinator.writes("/invitar red")
    secret = await group.coordinator.reads_secret()
    return await (await group.world.person(KEYS[0])).joins(secret, name=NAME)


async def test_nothing_is_left_of_her_with_the_group_for_which_she_answered(place: Place) -> None:
    """Amapola is of Sierra, took an incident of Red, and wrote what she found."""
    world = place.world
    red = await world.group("Red")
    sierra = await world.group("Sierra", "Silvia")
    amapola = await amapola_in(sierra)
    (ana, berta) = await red.joined("Ana", "Berta")
    await red.coordinator.writes("/alianza Sierra")
    await sierra.coordinator.presses("Acepto")
    await amapola.presses("Sí, que me lleguen")
    await red.coordinator.writes("/plan ya: toda la red, coordinación, grupo Sierra")
    await red.coordinator.presses("Guardar")
    await ana.presses("De acuerdo")
    await ana.writes("auxilio")
    await amapola.presses("Yo me encargo")
    await amapola.writes(f"/novedad 1 {WORDS[2]}")
    await berta.shows(NAME, WORDS[2])
    await berta.writes(f"/novedad 1 {NAME} ya va")
    await amapola.writes("/cerrar 1")
    await amapola.presses("a salvo")
    before = place.hits()
    await amapola.writes("/borrarme")
    await amapola.writes("borrar")
    await world.forward(minutes=3)
    assert not place.hits()
    raw = place.bytes()
    assert not [envelope for _, envelope in before.values() if envelope in raw]


async def test_nothing_is_left_of_her_with_another_group_that_was_told(place: Place) -> None:
    """Sierra answers for Red as well, and Sonia there had Amapola's alarm before her."""
    world = place.world
    red = await world.group("Red")
    sierra = await world.group("Sierra", "Silvia")
    (sonia,) = await sierra.joined("Sonia")
    amapola = await amapola_in(red)
    await red.coordinator.writes("/alianza Sierra")
    await sierra.coordinator.presses("Acepto")
    await sonia.presses("Sí, que me lleguen")
    await red.coordinator.writes("/plan ya: toda la red, coordinación, grupo Sierra")
    await red.coordinator.presses("Guardar")
    await amapola.presses("De acuerdo")
    await amapola.writes("auxilio")
    await sonia.shows(NAME, "pide auxilio")
    await sonia.presses("Yo me encargo")
    await sonia.writes(f"/novedad 1 hablé con {NAME}")
    await sonia.writes("/cerrar 1")
    await sonia.presses("a salvo")
    before = place.hits()
    assert {where[0] for where in before} >= {"inbox", "outbox", "prompts", "incident_events"}
    await amapola.writes("/borrarme")
    await amapola.writes("borrar")
    await world.forward(minutes=3)
    assert not place.hits()
    raw = place.bytes()
    assert not [envelope for _, envelope in before.values() if envelope in raw]


async def _of_the_other(place: Place, where: tuple[str, str, int], plain: str) -> bool:
    """Whether a field is the other group's: its members', or in their chats."""
    table, _, row = where
    async with place.stage.database.transaction() as tx:
        group = await tx.people.group_named("Otra")
        assert group is not None
        people = {m.id for m in await tx.people.in_group(group.id)}
    chats = ("tercera", "otilia")
    with closing(opened.connect(place.path, KEY)) as db:
        match table:
            case "members":
                return row in people
            case "inbox":
                (chat,) = db.execute("SELECT chat FROM inbox WHERE id = ?", (row,)).fetchone()
                return any(c in chat for c in chats)
            case "outbox":
                (member,) = db.execute(
                    "SELECT member FROM outbox WHERE seq = ?", (row,)
                ).fetchone()
                chat = db.execute("SELECT chat FROM outbox WHERE seq = ?", (row,)).fetchone()[0]
                return member in people or any(c in chat for c in chats)
            case "prompts":
                (member,) = db.execute("SELECT member FROM prompts WHERE id = ?", (row,)).fetchone()
                return member in people
    return False


async def test_a_name_is_found_as_a_word_and_not_within_others(place: Place) -> None:
    """Sol is erased; "sola" and "¡Sólo!" stay as they were."""
    world = place.world
    group = await world.group("Red")
    sol, berta = await group.joined("Sol", "Berta")
    await berta.writes("auxilio")
    await group.coordinator.writes("/novedad no está sola, Sol viene; solo eso. ¿Sol?")
    await sol.writes("/borrarme")
    await sol.writes("borrar")
    await world.forward(minutes=3)
    await group.coordinator.writes("/linea 1")
    shown = (await group.coordinator.device.messages())[-1].text
    assert "no está sola, Persona #2 viene; solo eso. ¿Persona #2?" in shown


async def test_the_last_words_leave_before_their_traces_are_looked_for(place: Place) -> None:
    """The platform does not take them at first: what tells the coordination stays until it does."""
    world = place.world
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    await ana.writes("/borrarme")
    await ana.reads_all()
    place.stage.town.next_answers(*[Result.UNREACHABLE] * 9, chat=private_chat("coral"))
    await ana.writes("borrar")
    await ana.sees("Hecho")
    await world.forward(minutes=2)
    await group.coordinator.sees_nothing()
    await world.forward(minutes=10)
    await group.coordinator.sees("Ana salió del grupo")
    with closing(sqlite3.connect(place.path)) as db:
        assert db.execute("SELECT count(*) FROM erasures").fetchone() == (0,)
