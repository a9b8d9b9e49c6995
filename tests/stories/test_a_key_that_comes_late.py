"""Ana's phone writes, and keeps the key to itself for a while: nothing is guessed, nothing is lost."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import FAILED
from tests.support.matrix_person import MatrixPerson
from tests.support.stage_matrix import MatrixDevice, MatrixStage
from tests.support.synapse import Synapse
from tests.support.world import Group, Person, World


class Ana(Person):
    """Ana, whose phone fails at giving keys."""

    @property
    def phone(self) -> MatrixPerson:
        """Her app."""
        assert isinstance(self.device, MatrixDevice)
        return self.device.person

    async def writes_without_key(self, text: str) -> None:
        """She sees her message as sent; the bot cannot read it."""
        await self.phone.writes_without_key(text)
        await self.world.stage.settle()

    async def s_phone_gives_the_keys(self) -> None:
        """It does what it should have done before."""
        await self.phone.gives_keys()
        await self.world.stage.settle()


@pytest_asyncio.fixture
async def here(
    tmp_path: Path, synapse: Synapse, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[World, Group, Ana]]:
    """Ana is asked at nine; who coordinates hears of a miss at half past."""
    world = World(await MatrixStage.open(tmp_path, synapse))
    group = await world.group("Red")
    (person,) = await group.joined("Ana", as_="integrante")
    ana = Ana(world, "Ana", person.device)
    await ana.reads_all()
    world.people.remove(person)
    world.people.append(ana)
    await ana.asked_daily("09:00", grace="30 min", more="sin avisos")
    yield world, group, ana
    await world.close(failed=request.node.stash.get(FAILED, False))


async def restart(world: World) -> None:
    """The bot's process ends and another one goes on."""
    assert isinstance(world.stage, MatrixStage)
    await world.stage.restart(world.now)
    await world.stage.settle()


async def test_the_answer_counts_as_of_when_it_came_and_for_no_later_question(
    here: tuple[World, Group, Ana],
) -> None:
    world, group, ana = here
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await world.until("09:05")
    await ana.writes_without_key("estoy bien")
    await ana.sees("No pude leer tu mensaje cifrado y no lo conté. ¿Estás bien?")
    await world.until("09:20")
    await ana.s_phone_gives_the_keys()
    await ana.sees("Anotado a las 09:05")
    await world.until("10:00")
    await group.coordinator.sees_nothing()

    for text in ("estoy bien", "1"):
        await ana.writes_without_key(text)
        await ana.sees("No pude leer tu mensaje cifrado. Escríbelo de nuevo")
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await ana.s_phone_gives_the_keys()
    # Neither the words of yesterday nor its number, which would be "I am well" today.
    told: list[str] = []
    for _ in range(20):  # the server may hand out one key after the other
        told += [text for text in await ana.reads_all() if "antes de esta pregunta" in text]
        if len(told) == 2:
            break
        await world.stage.settle()
    assert len(told) == 2
    await world.until("09:30")
    await group.coordinator.sees("Ana no respondió")


async def test_what_nobody_could_read_is_a_miss_or_a_cry_once_the_key_comes(
    here: tuple[World, Group, Ana],
) -> None:
    world, group, ana = here
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await world.until("09:05")
    await ana.writes_without_key("estoy bien")
    await ana.sees("no lo conté. ¿Estás bien?")
    await world.until("09:30")
    await group.coordinator.sees("Ana no respondió")
    await restart(world)
    await world.until("09:35")
    await ana.s_phone_gives_the_keys()
    await ana.sees("Anotado a las 09:05")
    await group.coordinator.sees("Ana sí respondió a tiempo (09:05)")

    await ana.writes_without_key("auxilio")
    await ana.sees("No pude leer tu mensaje cifrado. Escríbelo de nuevo")
    await restart(world)
    await world.forward(minutes=10)
    await group.coordinator.sees_nothing()
    await ana.s_phone_gives_the_keys()
    await ana.sees("Avisé a tu red")
    await group.coordinator.sees("Ana pide auxilio")
