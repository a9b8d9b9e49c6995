"""Drills: a plan that is run for practice, never taken for real, and what it finds."""

from __future__ import annotations

import pytest

from tests.stories.test_duress import WORDS, chooses_words, shown
from tests.support.world import Group, Person, World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)


async def two_steps(world: World) -> tuple[Group, Person, Person]:
    """Berta is told at once, Carla after half an hour."""
    group = await world.group("Red")
    berta, carla = await group.joined("Berta", "Carla")
    await group.plan("ya: Berta; 30 min: Carla; repetir 20 min")
    return group, berta, carla


async def the_picture(*people: Person) -> None:
    """On Matrix it is a message of its own, which says what it is too."""
    for person in people:
        if person.world.stage.platform == "matrix":
            await person.sees("SIMULACRO-S1.png")


async def how_it_went(number: int, *people: Person) -> None:
    """Whoever took part is asked, without their name."""
    for person in people:
        await person.sees(f"SIMULACRO S{number}", "¿Cómo funcionó?")


async def plainly_practice(*people: Person) -> None:
    """Every message of a drill on these screens begins with the word for it, and has it only there."""
    seen = 0
    for person in people:
        for text in await shown(person):
            if "SIMULACRO" in text or "práctica" in text.casefold():
                assert text.startswith("SIMULACRO"), text
                seen += 1
    assert seen


async def test_the_plan_runs_is_taken_and_reported(world: World) -> None:
    group, berta, carla = await two_steps(world)
    coral = group.coordinator
    await coral.writes("/simulacro ya")
    await coral.sees("SIMULACRO S1", "todo el plan")
    await berta.sees("SIMULACRO S1", "nadie está en peligro", "Nadie lo ha tomado")
    await carla.sees_nothing()
    await world.forward(minutes=20)
    await berta.sees("SIMULACRO S1", "Sigue sin que nadie lo tome")
    await world.forward(minutes=10)
    await carla.sees("SIMULACRO S1", "nadie está en peligro")
    await berta.presses("Yo me encargo")
    await berta.sees("SIMULACRO S1", "Lo tomaste")
    await carla.sees("SIMULACRO S1", "Alguien ya lo tomó", "Toca el botón")
    await carla.presses("Me llegó")
    await carla.sees("SIMULACRO S1", "Funciona")
    await coral.sees(
        "SIMULACRO S1", "Informe: todo el plan", "Lo tomó Berta a los 30 min", "Respuestas: 2 de 2",
        "Paso 1, a los 0 s: avisos 1, llegaron 1, primera respuesta 30 min",
        "Paso 2, a los 30 min", "Berta: respuesta a los 30 min", "Carla: respuesta a los",
    )  # fmt: skip
    await berta.sees("SIMULACRO S1", "Informe", "Tu aviso: respuesta a los 30 min")
    await carla.sees("SIMULACRO S1", "Informe", "Tu aviso: respuesta a los")
    for person in (berta, carla):
        other = carla if person is berta else berta
        assert not [t for t in await shown(person) if "Informe" in t and other.name in t]
        pictures = [f for f in await person.device.files() if f.startswith(b"\x89PNG")]
        assert len(pictures) == 1
    assert [f for f in await coral.device.files() if f.startswith(b"\x89PNG")]
    await how_it_went(1, berta, carla)
    await plainly_practice(coral, berta, carla)

    await the_picture(coral, berta, carla)
    await world.forward(hours=2)  # nothing is left of it
    await berta.writes("/linea 1")
    await berta.sees("No hay un incidente #1")
    await carla.writes("auxilio")  # and the real ones have numbers of their own
    await carla.sees("Avisé a tu red", "#1")
    await berta.sees("Incidente #1", "Carla pide auxilio")


@sandbox_alone
async def test_dead_buttons_are_found(world: World) -> None:
    group = await world.group("Red")
    berta, carla, rita = await group.joined("Berta", "Carla", "Rita")
    coral = group.coordinator
    await rita.device.closes_the_chat()
    await world.stage.settle()
    await coral.sees("Ya no puedo escribirle a Rita")
    await coral.writes("/simulacro ya")
    await coral.sees("Empezó")
    for person in (berta, carla):
        await person.sees("SIMULACRO S1")
    await world.forward(minutes=1)
    await berta.writes("/tomar")  # as in earnest
    await berta.sees("SIMULACRO S1", "Lo tomaste")
    await carla.sees("Alguien ya lo tomó")
    await coral.sees("SIMULACRO S1", "Alguien lo tomó.")
    await coral.sees("Alguien ya lo tomó")
    await coral.presses("Me llegó")
    await coral.sees("Funciona")
    await world.forward(minutes=10)
    await coral.sees(
        "Respuestas: 2 de 4", "Berta: respuesta a los 1 min", "Carla: llegó, sin respuesta",
        "Rita: no llegó a ninguna cuenta", "Pasos que no llegaron a correr: 2",
    )  # fmt: skip
    await carla.sees("Tu aviso: llegó, sin respuesta")
    await berta.sees("Tu aviso: respuesta")
    await carla.writes("/tomar S1")
    await carla.sees("SIMULACRO S1", "Ya terminó", "Tu botón funciona")
    await how_it_went(1, berta, carla)
    await plainly_practice(coral, berta, carla)
    await world.forward(minutes=10)
    await coral.reads_all()  # what the lost contact means


@sandbox_alone
async def test_nobody_takes_it_and_it_ends_by_itself(world: World) -> None:
    group, berta, carla = await two_steps(world)
    coral = group.coordinator
    await coral.writes("/simulacro ya")
    await world.forward(minutes=61)
    await coral.sees("Informe", "Nadie lo tomó", "Respuestas: 0 de 2", "Berta: llegó, sin respuesta")
    await plainly_practice(coral, berta, carla)
    for person in (coral, berta, carla):
        await person.reads_all()
    told = [m for m in await berta.device.messages() if "SIMULACRO" in m.text]
    assert [m.labels for m in told if "¿Cómo funcionó?" not in m.text] == [()] * (len(told) - 1)
    await world.forward(hours=3)
    for person in (coral, berta, carla):
        await person.sees_nothing()


@sandbox_alone
async def test_a_step_nobody_of_which_can_be_reached_is_skipped_as_in_earnest(world: World) -> None:
    group, berta, carla = await two_steps(world)
    await berta.device.closes_the_chat()
    await world.stage.settle()
    await group.coordinator.sees("Ya no puedo escribirle a Berta")
    await group.coordinator.writes("/simulacro ya")
    await group.coordinator.sees("Empezó")
    await carla.sees("SIMULACRO S1")  # not in half an hour
    await carla.presses("Yo me encargo")
    await carla.sees("Lo tomaste")
    await world.forward(minutes=11)
    await group.coordinator.sees("Berta: no llegó a ninguna cuenta", "Carla: respuesta a los 0 s")
    await carla.sees("Informe")
    await how_it_went(1, carla)


async def test_a_real_alarm_ends_it_at_once(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    coral = group.coordinator
    await coral.writes("/simulacro ya")
    await coral.sees("Empezó")
    for person in (ana, berta, coral):
        await person.sees("SIMULACRO S1")
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red", "#1")
    for person in (berta, coral):
        await person.sees("Incidente #1", "Ana pide auxilio")
        await person.sees("SIMULACRO S1", "Lo que llegue desde ahora es real")
        await person.shows("SIMULACRO S1", "Terminó.")
    await berta.writes("/tomar")  # now it is the real one
    await berta.sees("Tomaste el incidente #1")
    await coral.sees("Berta se encarga")
    await world.forward(minutes=70)
    await coral.sees_nothing()  # no report disturbs anybody
    await berta.sees_nothing()
    await ana.sees_nothing()
    await coral.writes("/simulacro informe")
    await coral.sees("SIMULACRO S1", "Se detuvo antes de tiempo")
    await the_picture(coral)
    await plainly_practice(ana, berta, coral)


@sandbox_alone
async def test_words_of_duress_during_a_drill_change_nothing_in_that_chat(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await chooses_words(ana)
    await group.coordinator.writes("/simulacro ya")
    await group.coordinator.sees("Empezó")
    for person in (ana, berta):
        await person.sees("SIMULACRO S1")
    await ana.writes("hola")
    await ana.sees("No entendí")
    before = [(m.text, m.labels) for m in await ana.device.messages()]
    await ana.writes(WORDS)
    await ana.sees("No hay ninguna pregunta abierta")
    assert [(m.text, m.labels) for m in await ana.device.messages()][:-1] == before
    await berta.sees("palabra de coacción")
    await berta.sees("Lo que llegue desde ahora es real")
    await group.coordinator.sees("palabra de coacción")
    await ana.presses("Yo me encargo")
    await ana.sees("SIMULACRO S1", "Ya terminó")
    await world.forward(minutes=61)
    await ana.shows("SIMULACRO S1", "Terminó.")
    await berta.reads_all()
    await group.coordinator.reads_all()


@sandbox_alone
async def test_the_commands_of_an_incident_move_a_drill_on(world: World) -> None:
    group, berta, carla = await two_steps(world)
    await group.coordinator.writes("/simulacro ya")
    await group.coordinator.sees("Empezó")
    await berta.sees("SIMULACRO S1", "nadie está en peligro")
    await berta.writes("/escalar S1")
    await carla.sees("SIMULACRO S1", "nadie está en peligro")  # not in half an hour
    await carla.writes("/tomar")
    await carla.sees("SIMULACRO S1", "Lo tomaste")
    for person in (berta, carla, group.coordinator):
        await person.reads_all()
    await plainly_practice(group.coordinator, berta, carla)


@sandbox_alone
async def test_a_real_one_comes_first(world: World) -> None:
    """Whoever was told of it hears why not; whoever was not learns nothing from asking."""
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    coral = group.coordinator
    await group.plan("ya: Berta; 4 horas: Ana; repetir 3 horas")
    await ana.writes("auxilio")
    await ana.sees("Avisé")
    await berta.sees("Ana pide auxilio")
    await coral.writes("/simulacro ya")
    await coral.sees("SIMULACRO S1", "Empezó")
    await berta.sees_nothing()
    await world.forward(minutes=25)
    await berta.sees_nothing()
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste")
    await world.forward(minutes=10)
    await berta.sees("SIMULACRO S1")
    await berta.writes("/soltar")  # a command about the real one is about the real one
    await berta.sees("Soltaste el incidente #1")
    await berta.sees("Incidente #1", "Sigue sin que nadie lo tome")
    await berta.writes("/tomar S1")
    await berta.sees("SIMULACRO S1", "Lo tomaste")
    await coral.sees("Informe", "Respuestas: 1 de 1")
    await berta.sees("Informe")
    await how_it_went(1, berta)

    await berta.writes("/tomar")
    await berta.sees("Tomaste el incidente #1")
    await coral.sees_nothing()


@sandbox_alone
async def test_a_part_of_the_plan_and_what_cannot_be(world: World) -> None:
    group, berta, carla = await two_steps(world)
    coral = group.coordinator
    await coral.writes("/simulacro")
    await coral.sees("SIMULACRO", "¿Qué parte?", "Berta")
    await coral.presses("Solo el paso 2")
    await coral.sees("SIMULACRO S1", "Empezó solo con el paso 2")
    await carla.sees("SIMULACRO S1")
    await berta.sees_nothing()
    await coral.writes("/simulacro Berta")
    await coral.sees("SIMULACRO S1", "ya está en marcha")
    await carla.presses("Yo me encargo")
    await carla.sees("Lo tomaste")
    await coral.sees("Informe: solo el paso 2", "Paso 2, a los 0 s")
    await carla.sees("Informe")
    await how_it_went(1, carla)

    await coral.writes("/simulacro berta")
    await coral.sees("SIMULACRO S2", "una sola persona")
    await berta.sees("SIMULACRO S2")
    await world.forward(minutes=61)
    await berta.reads_all()
    await carla.sees_nothing()  # a part never reaches those whom the plan's end would
    await coral.sees("Informe: una sola persona", "Berta: llegó, sin respuesta")
    for text, answer in (
        ("/simulacro paso 9", "El plan tiene 2 pasos"),
        ("/simulacro Zoraida", "Nadie con el nombre «Zoraida»"),
        ("/simulacro cada mes 25:61", "No entendí «25:61»"),
        ("/simulacro cada mes 10:00 a 10:30", "una hora o más"),
        ("/simulacro informe 77", "Todavía no hay un informe así"),
        ("/simulacro parar", "No hay ninguno en marcha"),
    ):
        await coral.writes(text)
        await coral.sees("SIMULACRO", answer)
    await coral.writes("/drill step 1")
    await coral.sees("SIMULACRO S3")
    await berta.sees("SIMULACRO S3")
    await coral.writes("/simulacro parar")
    await coral.sees("Se detuvo antes de tiempo")
    await berta.sees("Tu aviso: llegó poco antes del final")
    await how_it_went(3, berta)
    await coral.writes("/simulacro ya")
    await coral.sees("Ya hubo 3 en un día")
    await berta.writes("/simulacro ya")
    await berta.sees("Eso no te toca a ti")
    await coral.writes("/bitacora")
    await coral.sees("Coral empieza el simulacro S3", "Coral termina el simulacro S3")
    await plainly_practice(coral, berta, carla)


@sandbox_alone
async def test_one_comes_each_month_at_a_time_that_nobody_knows(world: World) -> None:
    group = await world.group("Red")
    (berta,) = await group.joined("Berta")
    coral = group.coordinator
    await coral.writes("/simulacro cada mes 10:00 a 18:00")
    await coral.sees("uno cada mes", "10:00", "18:00")
    for month, days in ((1, 45), (2, 31)):  # December, January
        await world.forward(days=days)
        texts = [t for t in await berta.reads_all() if t.startswith("SIMULACRO")]
        assert f"SIMULACRO S{month}" in texts[0], (month, texts)
        await coral.reads_all()
    town = world.stage.town  # type: ignore[attr-defined]
    told = [m.at for m in town.sees("berta") if "nadie está en peligro" in m.plain]
    assert {at.month for at in told} == {12, 1}
    begun = [min(at for at in told if at.month == month) for month in (12, 1)]
    assert all(16 <= at.hour <= 23 for at in begun)  # 10:00 to 18:00 in their zone
    await coral.writes("/simulacro nunca")
    await coral.sees("Ya no habrá")
    await world.forward(days=40)
    assert not [t for t in await berta.reads_all() if "S3" in t]
    await coral.reads_all()


@pytest.mark.parametrize("world", ["telegram"], indirect=True)
async def test_a_group_that_names_nobody_on_telegram_is_shown_numbers(world: World) -> None:
    group = await world.group("Red")
    berta, _ = await group.joined("Berta", "Carla")
    coral = group.coordinator
    await coral.writes("/detalles no")
    await coral.sees("no se da ningún nombre")
    before = len(await coral.device.files())  # invitations
    await coral.writes("/simulacro ya")
    await coral.sees("Empezó")
    await berta.presses("Yo me encargo")
    await world.forward(minutes=11)
    await coral.sees("Informe", "Lo tomó alguien de tu red", "Respuestas: 1 de 3", "desde Matrix")
    for person in world.people:
        await person.reads_all()
    assert not await berta.device.files()
    assert len(await coral.device.files()) == before
    assert not [t for t in await shown(coral) if "Informe" in t and "Carla" in t]
