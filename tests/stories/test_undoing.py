"""`/deshacer`: what somebody changed alone goes back for ten minutes, and what others built on stays.

Of plans, tests/stories/test_plans.py tells; of a day that was given to somebody, test_duty.py.
"""

from __future__ import annotations

import pytest

from tests.stories.test_duty import guarded, rotation
from tests.support.world import Person, World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)


async def undoes(person: Person, *what: str) -> None:
    """They take their last change back, and read what it was."""
    await person.writes("/deshacer")
    await person.sees("Deshecho", *what)


async def test_a_schedule_by_mistake_and_one_too_few(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.asked_daily("09:00")
    await ana.writes("/horario 21:00")
    await ana.sees("Te preguntaré a las 21:00", "/deshacer")
    await undoes(ana, "el horario que pusiste")
    await ana.writes("/horario")
    await ana.sees("09:00")
    await ana.sees_nothing()
    await ana.presses("Quitar")
    await ana.shows("Quitado", "/deshacer")
    await undoes(ana, "el horario que quitaste")
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await ana.presses("Estoy bien")
    await ana.writes("/deshacer")
    await ana.sees("No tienes ningún cambio que deshacer")


@sandbox_alone
async def test_after_ten_minutes_it_is_a_change_like_any_other(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.asked_daily("21:00")
    await world.forward(minutes=10)
    await ana.writes("/deshacer")
    await ana.sees("Pasaron los 10 minutos")
    await ana.writes("/horario")
    await ana.sees("21:00")


@sandbox_alone
async def test_a_region_made_and_its_zone(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    coral = group.coordinator
    await coral.writes("/region crear Sierra")
    await coral.presses("Guardar")
    await coral.reads_all()
    await undoes(coral, "la región nueva")
    await coral.writes("/region")
    await coral.sees("Todavía no hay regiones")
    await coral.writes("/region crear Sierra")
    await coral.presses("Guardar")
    await coral.reads_all()
    await ana.writes("/miregion Sierra")
    await ana.sees("Tu región es ahora Sierra")
    await coral.sees("Ana está ahora en la región Sierra")
    await coral.writes("/deshacer")  # somebody is in it
    await coral.sees("Ya no está como lo dejaste (la región nueva)")
    await coral.writes("/region zona Sierra: Tijuana")
    await coral.presses("Guardar")
    await coral.reads_all()
    await undoes(coral, "la zona horaria")
    await coral.writes("/region Sierra")
    await coral.sees("America/Mexico_City")


@sandbox_alone
async def test_a_region_that_was_ended_by_mistake_has_its_people_and_its_duty_again(
    world: World,
) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    berta, carla = await group.joined("Berta", "Carla")
    coral = group.coordinator
    await coral.writes("/region crear Sierra")
    await coral.presses("Guardar")
    await coral.reads_all()
    await ana.writes("/miregion Sierra")
    await ana.reads_all()
    await coral.reads_all()
    await group.plan("ya: guardia; 10 min: suplencia; 30 min: red")
    await rotation(group, "Sierra; lunes 9:00; Berta, Carla", berta, carla)
    await coral.writes("/region terminar Sierra")
    await coral.presses("Terminar")
    await coral.sees("Terminaste la región Sierra")
    await ana.sees("La región Sierra ya no existe")
    for person in (berta, carla):
        await person.sees("Coral terminó la guardia")
    await undoes(coral, "el final de la región")
    await ana.sees("La región Sierra sigue")
    for person in (berta, carla):
        await person.sees("Coral deshace el cambio", "Sierra")
    await berta.reads_all()  # it is her turn: "are you there?"
    await ana.writes("/auxilio")
    await ana.sees("Avisé a tu red")
    await berta.sees("Ana pide auxilio")
    await carla.sees_nothing()
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste")
    await coral.reads_all()


@sandbox_alone
async def test_turns_that_were_made_anew_or_ended(world: World) -> None:
    group, ana, berta, carla = await guarded(world)
    coral = group.coordinator
    await coral.writes("/turnos terminar grupo")
    await coral.presses("Terminar")
    await coral.sees("Terminada", "/deshacer")
    await undoes(coral, "el final de los turnos")
    for person in (berta, carla):
        await person.sees("Coral terminó la guardia")
        await person.sees("Coral deshace el cambio", "siguen como antes")
    await berta.reads_all()
    await coral.writes("/turnos grupo; cada día 8:00; Carla, Berta")
    await coral.presses("Guardar")
    await coral.sees("Así queda")
    await coral.sees("Guardada", "/deshacer")
    for person in (berta, carla):
        await person.reads_all()
    await undoes(coral, "los turnos nuevos")
    for person in (berta, carla):
        await person.sees("Coral deshace el cambio")
        await person.reads_all()
    await coral.reads_all()
    await coral.writes("/guardia")
    await coral.sees("Berta, hasta 23 nov 09:00; después Carla")
    await ana.writes("/auxilio")
    await ana.reads_all()
    await berta.sees("Ana pide auxilio")
    await carla.sees_nothing()
    await coral.reads_all()


@sandbox_alone
async def test_who_gave_up_meanwhile_is_not_put_back(world: World) -> None:
    group, _, berta, carla = await guarded(world)
    coral = group.coordinator
    await coral.writes("/turnos grupo; lunes 9:00; Berta")
    await coral.presses("Guardar")
    await carla.writes("/guardia")
    await carla.presses("Dejar")
    await carla.presses("Dejar")
    for person in (berta, carla, coral):
        await person.reads_all()
    await undoes(coral, "los turnos nuevos")
    await coral.reads_all()
    await coral.writes("/turnos")
    [text] = await coral.reads_all()
    assert "Berta" in text
    assert "Carla" not in text
    for person in (berta, carla):
        await person.reads_all()


@sandbox_alone
async def test_risk_and_the_days_of_contacts(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    coral = group.coordinator
    await coral.writes("/riesgo Ana alto")
    await coral.sees("riesgo alto")
    await undoes(coral, "el riesgo")
    await coral.writes("/contactos cada 3 días")
    await coral.sees("/deshacer")
    await undoes(coral, "cada cuántos días")
    await coral.writes("/deshacer")
    await coral.sees("No tienes ningún cambio que deshacer")
    await ana.writes("/riesgo Coral alto")
    await ana.sees("Eso no te toca a ti")
    await coral.reads_all()
