"""When it is not certain whose account it is, people are asked, and an alarm is believed all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from bot.platforms.base import Result
from bot.platforms.matrix.cross_signing import Identity
from tests.support.matrix_person import MatrixPerson
from tests.support.reader import RustReader
from tests.support.stage_matrix import MatrixDevice, MatrixStage
from tests.support.stage_sandbox import SandboxDevice, SandboxStage
from tests.support.synapse import Synapse
from tests.support.world import Group, Person, World


@pytest_asyncio.fixture
async def matrix(tmp_path: Path, synapse: Synapse) -> AsyncIterator[World]:
    """A world on Matrix: elsewhere nobody can tell devices apart."""
    made = World(await MatrixStage.open(tmp_path, synapse))
    yield made
    await made.close()


@pytest_asyncio.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[World]:
    """A world in which faults can be ordered."""
    made = World(await SandboxStage.open(tmp_path / "acuerpa.db"))
    yield made
    await made.close()


def app_of(person: Person) -> MatrixPerson:
    """Somebody's app on Matrix."""
    assert isinstance(person.device, MatrixDevice)
    return person.device.person


async def known_by_an_identity(world: World, name: str) -> tuple[Group, Person]:
    """Somebody whose app has signed its device, as apps do, before they join."""
    group = await world.group("Red")
    await group.coordinator.writes("/invitar red")
    secret = await group.coordinator.reads_secret()
    person = await world.person(name)
    await app_of(person).signs_own_device()
    await person.joins(secret)
    await group.coordinator.sees(name, "entró")
    return group, person


async def other_keys(world: World, person: Person) -> None:
    """Their account has other keys from now on, and the bot hears of it."""
    app = app_of(person)
    await app.signs_own_device(Identity.new(app.user_id))
    await world.stage.settle()
    await world.stage.settle()  # the keys are asked for after the sync that says so


async def test_when_anas_keys_change_coral_is_asked_and_her_ok_waits(matrix: World) -> None:
    group, ana = await known_by_an_identity(matrix, "Ana")
    coral = group.coordinator
    await ana.asked_daily("09:00", grace="45 min", more="sin avisos")
    await other_keys(matrix, ana)
    await coral.sees("Las claves por las que reconozco a Ana cambiaron", "por otro medio")

    await matrix.until("09:00")
    await ana.sees("¿Estás bien?")
    await ana.writes("estoy bien")
    await ana.sees("no la conté", "¿Estás bien?")
    await coral.presses("No, o no lo sé")
    await coral.sees("la cuenta de Ana sigue en duda")
    await coral.presses("Sí, lo confirmé")
    await coral.shows("Coral lo confirmó")
    await ana.writes("estoy bien")
    await ana.sees("Gracias")
    await matrix.until("10:00")
    await coral.sees_nothing()


async def test_a_cry_for_help_is_believed_whoever_it_comes_from(matrix: World) -> None:
    group, ana = await known_by_an_identity(matrix, "Ana")
    await other_keys(matrix, ana)
    await group.coordinator.sees("Las claves por las que reconozco a Ana cambiaron")
    await ana.writes("/estado")
    await ana.sees("no está comprobado como tuyo")
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    await group.coordinator.sees("Ana pide auxilio")


async def test_nobody_vouches_for_themselves(matrix: World) -> None:
    """Coral coordinates alone: what comes from her account is what is in doubt."""
    group, ana = await known_by_an_identity(matrix, "Ana")
    coral = group.coordinator
    await app_of(coral).signs_own_device()
    await coral.writes("/estado")
    await coral.reads_all()
    await other_keys(matrix, coral)
    await coral.sees_nothing()
    await ana.sees_nothing()


async def test_ana_compares_pictures_while_coral_speaks_with_her(matrix: World) -> None:
    group = await matrix.group("Red")
    coral = group.coordinator
    (ana,) = await group.joined("Ana")
    app = app_of(ana)
    assert isinstance(matrix.stage, MatrixStage)
    phone = await RustReader.join(
        matrix.stage.synapse, app.user_id[1:].split(":")[0], password=app.password
    )
    try:
        await phone.signs_own_device()
        await matrix.stage.settle()
        await phone.asks_to_compare(matrix.stage.user_id, room=app.room)
        await matrix.stage.settle()
        await ana.sees("Alguien te va a llamar")
        await coral.sees("Ana quiere que su app y yo comparemos imágenes")
        hers = asyncio.create_task(phone.sees_pictures())
        await coral.presses("Ya hablo con esa persona")
        pictures = await hers
        await matrix.stage.settle()
        await coral.shows("Esto debe mostrar la app de Ana", *pictures)
        await coral.reads_all()
        done = asyncio.create_task(phone.says_same())
        await coral.presses("Son las mismas")
        await done
        await matrix.stage.settle()
        await coral.sees("Las claves de Ana quedan comprobadas")
        await ana.sees("Tus claves quedan comprobadas")
        assert await phone.knows(matrix.stage.user_id) == (True, False)
    finally:
        await phone.close()


async def test_a_chat_that_nobody_can_read_is_no_channel_for_the_plan(sandbox: World) -> None:
    group = await sandbox.group("Red")
    ana, berta, carla = await group.joined("Ana", "Berta", "Carla")
    await group.plan("ya: Berta; 30 min: Carla")
    assert isinstance(sandbox.stage, SandboxStage)
    assert isinstance(berta.device, SandboxDevice)
    nobody = [Result.UNREADABLE] * 3
    sandbox.stage.town.next_answers(*nobody, chat=berta.device.chat)
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    await carla.sees("Ana pide auxilio")  # not in half an hour: now
    await group.coordinator.sees("Ya no puedo escribirle a Berta")
    await sandbox.forward(minutes=5)
    await berta.sees("Ana pide auxilio")  # and hers arrives once she has a key
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste el incidente #1")  # here she can be reached again
    await carla.sees("Berta se encarga del incidente #1")


async def test_details_that_may_not_arrive_are_said_not_to(sandbox: World) -> None:
    group = await sandbox.group("Red")
    (ana,) = await group.joined("Ana")
    assert isinstance(sandbox.stage, SandboxStage)
    assert isinstance(ana.device, SandboxDevice)
    sandbox.stage.town.next_answers(Result.UNPROVEN, chat=ana.device.chat)
    await ana.writes("/estado")
    await ana.sees("Hay detalles que no te mando aquí")
