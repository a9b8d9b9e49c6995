"""Contacts that are true: who confirms, who does not, and whom the group can count on."""

from __future__ import annotations

import pytest

from tests.stories.test_duress import shown
from tests.support.world import Group, Person, World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)


async def of_three(world: World) -> tuple[Group, Person, Person]:
    """Coral coordinates; Berta and Carla respond; it is morning."""
    group = await world.group("Red")
    berta, carla = await group.joined("Berta", "Carla")
    await world.until("11:00")
    return group, berta, carla


async def test_one_tap_each_fortnight(world: World) -> None:
    group, berta, carla = await of_three(world)
    await group.coordinator.writes("/contactos cada 14 días")  # what is due is looked at anew
    await group.coordinator.sees("pregunto cada 14 días")
    await world.forward(days=15)
    for person in (berta, carla, group.coordinator):
        await person.sees("¿Te llegan mis avisos?", "/cuenta")
        await person.presses("Me llegan")
        await person.shows("se puede contar contigo")
    await world.forward(days=10)
    for person in (berta, carla, group.coordinator):
        assert "¿Te llegan" not in "".join(await person.reads_all())
    await berta.writes("/contactos")
    await berta.sees("Tu confirmación vale hasta")
    await carla.writes("/contactos confirmo")
    await carla.sees("se puede contar contigo")


@sandbox_alone
async def test_who_says_nothing_counts_no_more_and_is_told_all_the_same(world: World) -> None:
    group, berta, carla = await of_three(world)
    coral = group.coordinator
    await world.forward(days=15)
    for person in (carla, coral):
        await person.presses("Me llegan")
        await person.reads_all()
    await berta.sees("¿Te llegan mis avisos?")
    await world.forward(days=2)
    await berta.sees("Todavía no me dices")
    await world.forward(days=2)
    await berta.sees("Todavía no me dices")
    await coral.sees_nothing()
    await world.forward(days=2)
    await coral.sees("después de dos recordatorios: Berta")
    await berta.sees_nothing()
    await coral.writes("/contactos")
    await coral.sees(
        "se puede contar con 2 de 3", "Berta: sin confirmar desde", "no cuenta",
        "Carla: confirmado hasta", "(una sola cuenta)",
    )  # fmt: skip

    await carla.writes("auxilio")
    await carla.sees("Avisé a tu red")
    await berta.sees("Carla pide auxilio")  # never is less sent
    await coral.sees("Carla pide auxilio")
    await berta.presses("Yo me encargo")  # which is as good as the tap
    await berta.sees("Tomaste")
    await coral.sees("Berta se encarga")
    await coral.sees("Berta confirmó", "vuelve a contar")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    for person in (berta, coral):
        await person.reads_all()
    await coral.writes("/contactos")
    await coral.sees("se puede contar con 3 de 3")
    await world.forward(minutes=30)


@sandbox_alone
async def test_those_who_coordinate_hear_when_the_cover_is_thin(world: World) -> None:
    group, berta, carla = await of_three(world)
    coral = group.coordinator
    await group.plan("ya: Berta; 30 min: red")
    await carla.device.closes_the_chat()
    await world.stage.settle()
    await coral.sees("Ya no puedo escribirle a Carla")
    await world.forward(minutes=20)
    await coral.sees_nothing()  # two are left
    await berta.device.closes_the_chat()
    await world.stage.settle()
    await coral.sees("Ya no puedo escribirle a Berta")
    await world.forward(minutes=20)
    await coral.sees("Solo se puede contar con una persona")
    await coral.writes("/contactos")
    await coral.sees(
        "1 de 3", "Berta: no le llega nada", "Pasos del plan sin nadie con quien contar: 1"
    )
    operator = await world.person("Operadora")
    await coral.device.closes_the_chat()
    await world.forward(minutes=20)
    await operator.sees("El grupo Red se quedó sin nadie con quien contar")
    for person in (berta, carla, coral):
        await person.reads_all()


@sandbox_alone
async def test_who_never_reacts_is_found(world: World) -> None:
    group, berta, carla = await of_three(world)
    coral = group.coordinator
    for day in range(3):
        await coral.writes("/simulacro ya")
        await world.forward(minutes=15)
        await berta.presses("Yo me encargo")
        await world.forward(minutes=11)
        told = "".join(await coral.reads_all())
        assert ("Sin ninguna reacción a los últimos 3" in told) is (day == 2), (day, told)
        await world.forward(days=1)
    await carla.shows("no vi ninguna reacción")
    await coral.writes("/contactos")
    await coral.sees("Carla: sin reacción a 3 avisos", "Berta: confirmado hasta")
    await carla.presses("Me llegan")
    await coral.sees("Carla confirmó")
    await world.forward(minutes=20)
    for person in (berta, carla, coral):
        await person.reads_all()


@sandbox_alone
async def test_silence_about_real_alarms_is_found_as_well(world: World) -> None:
    group, berta, carla = await of_three(world)
    coral = group.coordinator
    for time in range(3):
        await berta.writes("auxilio")
        await world.forward(minutes=12)
        await coral.presses("Yo me encargo")
        told = "".join(await coral.reads_all())
        assert ("Sin ninguna reacción a los últimos 3" in told) is (time == 2), (time, told)
        await coral.presses("Cerrar")
        await coral.presses("a salvo")
        await world.forward(hours=2)
    await coral.writes("/contactos")
    await coral.sees("Carla: sin reacción a 3 avisos")
    for person in (berta, carla, coral):
        await person.reads_all()


@sandbox_alone
async def test_how_often_is_the_group_s_choice(world: World) -> None:
    group, berta, carla = await of_three(world)
    coral = group.coordinator
    await berta.writes("/contactos cada 7 días")
    await berta.sees("Eso no te toca a ti")
    for text, answer in (
        ("/contactos cada 0 días", "entre 1 y 90 días"),
        ("/contactos cada 9999 días", "entre 1 y 90 días"),
        ("/contactos cada tanto", "/contactos cada 14 días"),
        ("/contactos cada 7 días", "pregunto cada 7 días"),
    ):
        await coral.writes(text)
        await coral.sees(answer)
    await world.forward(days=8)
    for person in (berta, carla, coral):
        await person.sees("¿Te llegan mis avisos?")
        await person.presses("Me llegan")


@sandbox_alone
async def test_a_second_account_is_asked_where_the_first_takes_nothing(world: World) -> None:
    group, berta, carla = await of_three(world)
    other = await world.person("Berta-otra-app")
    await berta.writes("/cuenta")
    await other.writes(await berta.reads_secret())
    await other.sees("también tuya, Berta")
    await other.has_the_button()
    await berta.sees("Se añadió otra cuenta tuya")
    await world.forward(minutes=1)
    await other.writes("hola")
    await other.sees("No entendí")
    await world.forward(days=14)
    await carla.reads_all()
    await group.coordinator.reads_all()
    await other.sees("¿Te llegan mis avisos?")  # the one that was used last
    assert not [text for text in await shown(other) if "una sola cuenta" in text]
    await other.device.closes_the_chat()
    await world.forward(days=2)
    await berta.sees("Todavía no me dices")
    await berta.presses("Me llegan")
    await berta.shows("se puede contar contigo")
    for person in (carla, group.coordinator):
        await person.reads_all()
