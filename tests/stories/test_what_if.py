"""What would happen tonight at 3 if Ana did not answer; and what is wrong with a plan today."""

import pytest

from tests.support.stage_bot import TelegramStage
from tests.support.world import World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)


async def test_what_would_happen_tonight_at_3(world: World) -> None:
    group = await world.group("Red")
    ana, berta, carla = await group.joined("Ana", "Berta", "Carla")
    coral = group.coordinator
    await group.plan("ya (de 6 a 22): Berta; ya (de 22 a 6): Carla; 30 min: toda la red")
    await ana.asked_daily("02:00")
    pictures = len(await coral.device.files())
    await coral.writes("/siacaso Ana 3:00")
    await coral.sees(
        "Ana, 18 nov 03:00", "si no respondiera",
        "Paso 1: se salta (solo de 06:00 a 22:00)",
        "03:00  Paso 2: Carla (1, con canal 1)",
        "03:30  Paso 3: toda la red de respuesta",
        "04:00  Fin del plan: toda la red y la coordinación (3, con canal 3), otra vez cada 15 minutos",
    )  # fmt: skip
    assert len(await coral.device.files()) == pictures + 1
    # And so it is.
    await world.until("02:50")
    await ana.reads_all()
    await carla.reads_all()
    await world.until("03:10")
    await ana.reads_all()
    for person in (berta, carla, coral):
        await person.reads_all()


@sandbox_alone
async def test_a_member_asks_about_herself_alone(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    (dora,) = await group.joined("Dora", as_="integrante")
    await group.plan("ya: Berta; 30 min: toda la red")
    await dora.writes("/siacaso 3:00")
    await dora.sees("Dora, 18 nov 03:00", "Paso 1: Berta", "Paso 2: toda la red de respuesta (3)")
    await dora.writes("/siacaso Dora 3:00 auxilio")
    await dora.sees("si pidiera auxilio", "Paso 1: Berta")
    for asked in ("Berta 3:00", "Zoraida 3:00"):  # the same words, whether there is such a person
        await dora.writes(f"/siacaso {asked}")
        await dora.sees("Puedes preguntarlo sobre ti")
    await dora.writes("/siacaso 25:61")
    await dora.sees("No entendí la hora «25:61»", "Ejemplo: /siacaso")
    await group.coordinator.writes("/siacaso Zoraida 3:00")
    await group.coordinator.sees("No encuentro en el grupo a esa persona")
    for person in (ana, berta):
        await person.sees_nothing()


@sandbox_alone
async def test_it_warns_where_nobody_reachable_is_covered(world: World) -> None:
    group = await world.group("Red")
    ana, berta, carla = await group.joined("Ana", "Berta", "Carla")
    coral = group.coordinator
    await group.plan("ya: Berta; 30 min: Carla; 4 h: observancia")
    await berta.device.closes_the_chat()
    await world.stage.settle()
    await coral.sees("Ya no puedo escribirle a Berta")
    await coral.writes("/siacaso Ana 3:00")
    await coral.sees(
        "03:00  Paso 1: Berta (1, con canal 0)", "03:00  Paso 2: Carla (1, con canal 1)",
        "Paso 3: se salta, no tiene a nadie",
        "Hoy no se puede avisar a Berta", "Todas las personas dependen de Sandbox",
        "Ana no tiene chequeos: nadie notaría su silencio",
    )  # fmt: skip
    await carla.device.closes_the_chat()
    await world.stage.settle()
    await coral.sees("Ya no puedo escribirle a Carla")
    await coral.writes("/plan")
    await coral.sees("Paso 1: hoy no se puede avisar", "Paso 2: hoy no se puede", "Paso 3: hoy no tiene")
    await coral.sees("Lo han aceptado")
    await ana.device.closes_the_chat()
    await world.stage.settle()
    await coral.reads_all()
    await coral.writes("/siacaso Coral 3:00")
    await coral.sees("NADIE se enteraría")
    await coral.writes("/siacaso Berta 3:00")
    await coral.sees("Berta está en un paso de este plan", "Paso 1: se salta, no tiene a nadie")


@sandbox_alone
async def test_somebody_who_withdrew_is_not_looked_for(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    await ana.writes("/miplan")
    await ana.presses("Retirar mi acuerdo")
    await group.coordinator.reads_all()
    await group.coordinator.writes("/siacaso Ana")
    await group.coordinator.sees("Ana retiró su acuerdo: su silencio no avisa a nadie")
    await ana.reads_all()


async def test_no_names_where_the_group_gives_none(world: World) -> None:
    if not isinstance(world.stage, TelegramStage):
        pytest.skip("only Telegram can read what is said there")
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    coral = group.coordinator
    await coral.writes("/detalles no")
    await coral.reads_all()
    pictures = len(await coral.device.files())
    for command in ("/siacaso Ana 3:00", "/plan exportar"):
        await coral.writes(command)
        await coral.sees("no da nombres por esta plataforma")
    await coral.writes("/plan")
    await coral.reads_all()
    assert len(await coral.device.files()) == pictures
    await ana.reads_all()


# --- input that is wrong ------------------------------------------------------------------------


@sandbox_alone
async def test_who_coordinates_alone_does_not_go_without_another(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    coral = group.coordinator
    await coral.writes("/tareas")
    await coral.presses("coordinación")
    await coral.reads_all()
    await coral.writes("/plan")  # she still coordinates
    await coral.sees("Plan de inicio")
    await coral.sees("Lo han aceptado")
    await coral.writes("/rol Coral fuera")
    await coral.reads_all()
    await coral.writes("/riesgo Ana alto")
    await coral.reads_all()
    await ana.sees_nothing()


@sandbox_alone
async def test_a_zone_that_does_not_exist(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    await ana.writes("/zona Marte/Olimpo")
    await ana.sees("America/Mexico_City")
    await ana.writes("/siacaso 3:00")
    await ana.sees("hora de America/Mexico_City")


@sandbox_alone
async def test_a_step_with_nobody_and_a_plan_of_too_many_steps(world: World) -> None:
    group = await world.group("Red")
    coral = group.coordinator
    await coral.writes("/plan ya: ; 30 min: toda la red")
    await coral.sees("No entendí «ya:»")
    await coral.writes("/plan " + "; ".join(f"{n} min: toda la red" for n in range(1, 40)))
    await coral.sees("Un plan tiene 30 pasos como mucho")
    await coral.writes("/plan ya (de 25:61 a 6): toda la red")
    await coral.sees("No entendí «de 25:61 a 6»")
