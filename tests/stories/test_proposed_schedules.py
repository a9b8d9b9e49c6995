"""A schedule that somebody else proposes holds once the member says so, and never before."""

import pytest

from tests.support.world import World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)


async def test_ana_accepts_what_coral_proposes(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    coral = group.coordinator
    await coral.writes("/horario Ana: 9:00 lunes a viernes")
    await coral.sees("Se lo propuse a Ana: 09:00 (lunes, martes, miércoles, jueves y viernes)")
    await ana.sees("Coral te propone chequeos: 09:00", "Decides tú")
    await world.until("09:00")  # nothing was agreed
    await world.forward(hours=2)
    await ana.presses("Sí, pregúntame así")
    await ana.shows("De acuerdo: te preguntaré así. El primero: 18 nov 09:00")
    await coral.sees("Ana aceptó el horario")
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await ana.presses("Estoy bien")
    await berta.sees_nothing()


@sandbox_alone
async def test_whoever_does_not_want_it_is_not_asked(world: World) -> None:
    group = await world.group("Red")
    ana, berta, carla = await group.joined("Ana", "Berta", "Carla")
    coral = group.coordinator
    await coral.writes("/horario todas: 20:00 margen 30 min")
    await coral.sees("Se lo propongo a cada integrante", "20:00")
    for person in (ana, berta, carla):
        await person.sees("Coral te propone chequeos: 20:00", "margen 30 minutos")
    await ana.presses("Sí, pregúntame así")
    await coral.sees("Ana aceptó")
    await berta.presses("No, gracias")
    await berta.shows("no cambia nada")
    await coral.sees("Berta prefiere no usar")
    await world.until("20:00")
    await ana.sees("¿Estás bien?")
    await ana.presses("Estoy bien")
    for person in (berta, carla):
        await person.writes("/horario")
        await person.sees("No tienes horario")


@sandbox_alone
async def test_what_is_wrong_and_who_may_not(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    coral = group.coordinator
    await coral.writes("/horario Zoraida: 9:00")
    await coral.sees("No encuentro en el grupo a «Zoraida»", "Ejemplo")
    await coral.writes("/horario Ana: 25:61")
    await coral.sees("No entendí «25:61»", "Ejemplo: /horario Ana: 9:00")
    await coral.writes("/horario Coral: 9:00")
    await coral.sees("va sin nombre")
    await coral.writes("/horario Ana: 9:00 margen 1 min")
    await coral.sees("El margen es de 5 minutos como mínimo")
    await ana.writes("/horario Berta: 9:00")  # as any words that are no schedule
    await ana.sees("No entendí", "Ejemplo: /horario")
    for person in (ana, berta):
        await person.sees_nothing()


@sandbox_alone
async def test_a_second_proposal_overtakes_the_first(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    for at in ("9:00", "21:00"):
        await group.coordinator.writes(f"/horario Ana: {at}")
    await group.coordinator.reads_all()
    first, second = [m for m in await ana.device.messages() if "te propone" in m.text]
    assert not first.labels
    await ana.device.press(second, "Sí, pregúntame así")
    await world.stage.settle()
    await ana.writes("/horario")
    await ana.reads_all()
    await ana.shows("21:00 (")
    await group.coordinator.sees("Ana aceptó")


@sandbox_alone
async def test_who_withdrew_agrees_to_a_plan_first(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    await ana.writes("/miplan")
    await ana.presses("Retirar mi acuerdo")
    await ana.reads_all()
    await group.coordinator.writes("/horario Ana: 9:00")
    await group.coordinator.reads_all()
    await ana.presses("Sí, pregúntame así")
    text = "".join(await ana.reads_all())
    assert "retir" in text or "acuerdo" in text
    await ana.writes("/horario")
    await ana.sees("No tienes horario")
