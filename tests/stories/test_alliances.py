"""Another group as a step of a plan: asked for, agreed to by each of its people, and never a circle."""

from __future__ import annotations

import pytest

from tests.support.world import Group, Person, World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)


async def allied(world: World) -> tuple[Group, Group, Person, Person, Person, Person]:
    """Sierra answers for Red: Sonia of its people does, Sara does not. Ana and Berta are Red's."""
    red = await world.group("Red")
    sierra = await world.group("Sierra", "Silvia")
    ana, berta = await red.joined("Ana", "Berta")
    sonia, sara = await sierra.joined("Sonia", "Sara")
    await red.coordinator.writes("/alianza sierra")
    await red.coordinator.sees("Si aquí hay un grupo «sierra»")
    await sierra.coordinator.sees("El grupo Red pide que tu red reciba también sus alarmas")
    await sierra.coordinator.presses("Acepto")
    await sierra.coordinator.shows("Aceptado", "Red")
    await red.coordinator.sees("Sierra acepta responder también por tu grupo")
    for person in (sonia, sara, sierra.coordinator):
        await person.sees("responder también por Red", "¿Quieres que te lleguen sus alarmas")
    await sonia.presses("Sí, que me lleguen")
    await sonia.shows("te llegan las alarmas de Red")
    for person in (sara, sierra.coordinator):
        await person.presses("No, gracias")
        await person.shows("no te llegan alarmas de Red")
    return red, sierra, ana, berta, sonia, sara


async def test_another_group_is_told_and_takes_it(world: World) -> None:
    red, sierra, ana, berta, sonia, sara = await allied(world)
    await red.plan("ya: Berta, coordinación, toda la red; 30 min: grupo Sierra; repetir 12 h")
    await ana.asked_daily("9:00")
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await world.until("09:45")
    await ana.reads_all()
    await berta.sees("Incidente #1", "Ana no respondió")
    await red.coordinator.sees("Incidente #1")
    await sonia.sees_nothing()
    await world.forward(minutes=30)
    await sonia.sees("Incidente #1 de Red", "Ana no respondió")
    await sara.sees_nothing()
    await sierra.coordinator.sees_nothing()
    await sonia.presses("Yo me encargo")
    await sonia.sees("Tomaste el incidente #1 de Red (Ana)")
    await berta.sees("Sonia se encarga del incidente #1 (Ana)")
    await red.coordinator.sees("Sonia se encarga")
    await sonia.writes("/novedad 1 Hablé con su hermana")
    await sonia.sees("Anotad")
    await berta.sees("Sonia: Hablé con su hermana")
    await red.coordinator.sees("Hablé con su hermana")
    await sonia.writes("/cerrar 1")
    await sonia.sees("¿Cómo termina")
    await sonia.presses("a salvo")
    for person in (sonia, berta, red.coordinator):
        await person.sees("cerrado por Sonia: a salvo")
        await person.reads_all()
    await ana.reads_all()


@sandbox_alone
async def test_both_have_an_incident_of_the_same_number(world: World) -> None:
    red, sierra, ana, berta, sonia, _ = await allied(world)
    await red.plan("ya: grupo Sierra, toda la red, coordinación; repetir 12 h")
    (sofia,) = await sierra.joined("Sofía", as_="integrante")
    await sofia.writes("auxilio")
    await sofia.reads_all()
    await sonia.sees("Incidente #1.", "Sofía pide auxilio")
    await ana.writes("auxilio")
    await ana.reads_all()
    await sonia.sees("Incidente #1 de Red", "Ana pide auxilio")
    await sonia.writes("/tomar")
    await sonia.sees("#1 y #1 de Red")
    await sonia.writes("/tomar 1 de Red")
    await sonia.sees("Tomaste el incidente #1 de Red (Ana)")
    await sonia.writes("/tomar 1")
    await sonia.sees("Tomaste el incidente #1 (Sofía)")
    await sonia.writes("/cerrar 1")
    await sonia.presses("a salvo")
    for person in (sonia, berta):
        await person.reads_all()
    await sonia.writes("/soltar 1")  # her own group's is over
    await berta.sees("Ana pide auxilio")
    await sierra.coordinator.reads_all()
    for person in world.people:
        await person.reads_all()


@sandbox_alone
async def test_plans_that_name_each_other_do_not_circle(world: World) -> None:
    red, sierra, ana, berta, sonia, sara = await allied(world)
    await sierra.coordinator.writes("/alianza Red")
    await sierra.coordinator.sees("Si aquí hay un grupo")
    await red.coordinator.sees("El grupo Sierra pide")
    await red.coordinator.presses("Acepto")
    await sierra.coordinator.sees("Red acepta responder también por tu grupo")
    for person in (ana, berta, red.coordinator):
        await person.sees("responder también por Sierra")
        await person.presses("Sí, que me lleguen")
    await red.plan("ya: toda la red, coordinación, grupo Sierra; repetir 12 h")
    await sierra.plan("ya: toda la red, coordinación, grupo Red; repetir 12 h")
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    for person in (berta, red.coordinator):
        await person.sees("Incidente #1.", "Ana pide auxilio")
    await sonia.sees("Incidente #1 de Red", "Ana pide auxilio")
    await sara.sees_nothing()
    await world.forward(hours=3)  # nobody hears again before its repeat, nor by the other's plan
    for person in (ana, berta, red.coordinator, sonia, sara, sierra.coordinator):
        await person.sees_nothing()


@sandbox_alone
async def test_who_asks_does_not_learn_whether_there_is_such_a_group(world: World) -> None:
    red = await world.group("Red")
    sierra = await world.group("Sierra", "Silvia")
    for name in ("Costa", "Sierra"):
        await red.coordinator.writes(f"/alianza {name}")
        await red.coordinator.sees(f"Si aquí hay un grupo «{name}», se lo pregunté")
    await sierra.coordinator.sees("El grupo Red pide")
    await sierra.coordinator.presses("No, gracias")
    await sierra.coordinator.shows("No le digo nada a Red")
    await red.coordinator.sees_nothing()
    await red.coordinator.writes("/alianza Sierra")  # nobody is asked twice a day
    await red.coordinator.sees("Si aquí hay un grupo «Sierra»")
    await sierra.coordinator.sees_nothing()
    await red.coordinator.writes("/plan ya: toda la red; 30 min: grupo Sierra y grupo «Agua y Tierra»")
    await red.coordinator.sees("No hay alianza con: Sierra y Agua y Tierra")
    await red.coordinator.writes("/alianza Red")
    await red.coordinator.sees("tu propio grupo")


@sandbox_alone
async def test_only_who_coordinates_asks_and_each_decides_alone(world: World) -> None:
    red, sierra, ana, berta, sonia, sara = await allied(world)
    await berta.writes("/alianza Sierra")
    await berta.sees("Eso no te toca a ti")
    await ana.writes("/alianza")
    await ana.sees("Tu grupo no responde por ningún otro")
    await red.coordinator.writes("/alianza")
    await red.coordinator.sees("Sierra responde también por tu grupo: 1 en total")
    await sara.writes("/alianza")
    await sara.sees("Tu grupo responde también por Red: 1 en total. No te llegan")
    await sara.presses("Sí, que me lleguen")
    await sara.shows("te llegan las alarmas de Red")
    await sonia.writes("/alianza")
    await sonia.sees("2 en total. Te llegan sus alarmas")
    await sonia.presses("Ya no")
    await sonia.shows("no te llegan alarmas de Red")


@sandbox_alone
async def test_an_alliance_ends_and_what_was_held_goes_on(world: World) -> None:
    red, sierra, ana, berta, sonia, _ = await allied(world)
    await red.plan("ya: grupo Sierra, toda la red, coordinación; repetir 12 h")
    await ana.writes("auxilio")
    await ana.reads_all()
    for person in (berta, red.coordinator):
        await person.sees("Ana pide auxilio")
    await sonia.sees("Incidente #1 de Red")
    await sonia.presses("Yo me encargo")
    await sonia.sees("Tomaste")
    for person in (berta, red.coordinator):
        await person.sees("Sonia se encarga")
    await red.coordinator.writes("/alianza")
    await red.coordinator.sees("Sierra responde también")
    await red.coordinator.presses("Terminar con Sierra")
    await red.coordinator.sees("Tu plan avisa a Sierra. Cambia primero ese paso")
    await sierra.coordinator.writes("/alianza")
    await sierra.coordinator.sees("Tu grupo responde también por Red")
    await sierra.coordinator.presses("Terminar con Red")
    await sierra.coordinator.sees("¿Terminar la alianza con Red?")
    await sierra.coordinator.presses("Sí, terminar")
    await sierra.coordinator.shows("Terminada la alianza con Red")
    for person in (berta, red.coordinator):
        await person.sees("Ana pide auxilio")  # nobody has it again
    await red.coordinator.sees("Sierra ya no responde por tu grupo")
    await sonia.sees_nothing()
    await sonia.writes("/tomar 1")
    await sonia.sees("No hay un incidente #1")
    await red.coordinator.writes("/plan")
    await red.coordinator.sees("la red de Sierra (0)")
    await red.coordinator.reads_all()


@sandbox_alone
async def test_a_plan_that_names_it_since_the_question_keeps_the_alliance(world: World) -> None:
    red, sierra, ana, berta, sonia, _ = await allied(world)
    await red.coordinator.writes("/alianza")
    await red.coordinator.presses("Terminar con Sierra")
    await red.coordinator.sees("Sierra responde también")
    await red.coordinator.sees("¿Terminar la alianza con Sierra?")
    await red.plan("ya: grupo Sierra, toda la red, coordinación; repetir 12 h")
    await red.coordinator.presses("Sí, terminar")
    await red.coordinator.sees("Tu plan avisa a Sierra")
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    await sonia.sees("Incidente #1 de Red")
    for person in (berta, red.coordinator):
        await person.sees("Ana pide auxilio")


@sandbox_alone
async def test_a_digest_of_an_alliance_that_ended_opens_nothing(world: World) -> None:
    red, sierra, ana, berta, sonia, _ = await allied(world)
    more = await red.joined("Carla", "Delia", "Elsa", "Flor", "Gala")
    await red.plan("ya: grupo Sierra, toda la red, coordinación; repetir 12 h")
    for person in (ana, *more):
        await person.asked_daily("09:00", more="sin avisos")
    await world.until("09:46")
    await sonia.sees("Varias personas no respondieron", "casos: 6")
    await sonia.presses("Abrir #1")
    await sonia.sees("Incidente #1 de Red", "no respondió a su chequeo")
    await sierra.coordinator.writes("/alianza")
    await sierra.coordinator.presses("Terminar con Red")
    await sierra.coordinator.presses("Sí, terminar")
    await sierra.coordinator.reads_all()
    await sonia.presses("Abrir #2")
    await sonia.sees("No hay un incidente #2")
    for person in (ana, berta, *more, red.coordinator):
        await person.reads_all()


@sandbox_alone
async def test_the_plan_travels_as_a_text(world: World) -> None:
    red, _, ana, berta, _, _ = await allied(world)
    await red.plan("ya: toda la red, coordinación; 30 min (riesgo alto): grupo «Sierra»; repetir 12 h")
    await red.coordinator.writes("/plan exportar")
    texts = await red.coordinator.reads_all()
    [text] = [t for t in texts if "[[paso]]" in t]
    assert 'grupos = ["Sierra"]' in text
    await red.coordinator.writes(f"/plan importar {text}")
    await red.coordinator.sees("Así queda el plan", "la red de Sierra (1)")
