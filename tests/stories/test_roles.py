"""What changes who may do what takes two people, and the person whose task it becomes."""

import pytest

from tests.support.world import Group, Person, World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)


async def two(world: World) -> tuple[Group, Person, Person, Person]:
    """A group that Coral and Dora coordinate, long enough to be each other's second person."""
    group = await world.group("Red")
    (dora,) = await group.joined("Dora", as_="coordinación")
    (ana,) = await group.joined("Ana", as_="integrante")
    await dora.sees("Ana entró", "con la invitación de Coral")
    await world.forward(days=3)
    return group, group.coordinator, dora, ana


async def test_a_task_takes_two_people_and_the_person_herself(world: World) -> None:
    _, coral, dora, ana = await two(world)
    await coral.writes("/rol Ana red")
    await coral.sees("Dar a Ana la tarea «red de respuesta»")
    await coral.presses("Pedirlo")
    await coral.sees("Lo pedí a otra persona")
    await dora.sees("Coral pide tu acuerdo", "Dar a Ana la tarea «red de respuesta»")
    await ana.sees_nothing()

    await dora.presses("Doy mi acuerdo")
    await dora.shows("Con el acuerdo de Dora")
    await coral.sees("Dora dio su acuerdo")
    await ana.sees("Coral y Dora te proponen", "recibir avisos de incidentes")
    await ana.presses("Acepto la tarea")
    await ana.shows("Desde ahora es tu tarea")
    await coral.sees("Ana aceptó la tarea")

    await dora.writes("auxilio")
    await dora.sees("Avisé a tu red")
    await ana.sees("Dora pide auxilio")
    await coral.sees("Dora pide auxilio")
    await coral.writes("/bitacora")
    await coral.sees("Ana toma la tarea «red de respuesta»", "Dora da su acuerdo", "Ana entra con")


async def test_whose_task_ended_learns_no_more_of_what_others_decide(world: World) -> None:
    _, coral, dora, ana = await two(world)
    await coral.writes("/invitar coordinación")
    await dora.presses("Doy mi acuerdo")
    elsa = await world.person("Elsa")
    await elsa.joins(await coral.reads_secret())
    await world.forward(days=3)
    await coral.writes("/rol Ana red")
    await coral.presses("Pedirlo")
    await elsa.sees("Coral pide tu acuerdo", "Dar a Ana")
    await elsa.writes("/tareas")
    await elsa.presses("Dejar: coordinación")
    await dora.sees("Coral pide tu acuerdo")
    await dora.presses("Doy mi acuerdo")
    await coral.sees("Dora dio su acuerdo")
    await dora.shows("Con el acuerdo de Dora")
    asked = [seen for seen in await elsa.device.messages() if "pide tu acuerdo" in seen.text]
    assert asked
    assert all("Con el acuerdo" not in seen.text and not seen.labels for seen in asked)
    for person in (coral, dora, elsa, ana):
        await person.reads_all()


@sandbox_alone
async def test_whoever_lost_the_role_cannot_use_an_old_button(world: World) -> None:
    group, coral, dora, ana = await two(world)
    await coral.writes("/rol Ana coordinación")
    await coral.presses("Pedirlo")
    await dora.reads_all()
    await coral.reads_all()
    await dora.writes("/tareas")
    await dora.sees("coordinar", "recibir avisos de incidentes")
    await dora.presses("Dejar: coordinación")
    await dora.sees("Dejaste la tarea «coordinación»")
    await coral.sees("Dora dejó la tarea «coordinación»")

    await dora.presses("Doy mi acuerdo")
    await dora.sees("Eso no te toca a ti")
    await ana.sees_nothing()
    await coral.writes("/tareas")
    await coral.presses("Dejar: coordinación")
    assert "Nadie más coordina el grupo" in " ".join(await coral.reads_all())


@sandbox_alone
async def test_nobody_is_their_own_second_person(world: World) -> None:
    """Nor is somebody whom the one who asks let in yesterday."""
    group = await world.group("Red")
    (doble,) = await group.joined("Doble", as_="coordinación")
    (ana,) = await group.joined("Ana")
    await doble.sees("Ana entró")
    coral = group.coordinator
    await coral.writes("/rol Ana quitar red")
    await coral.presses("Pedirlo")
    texts = " ".join(await coral.reads_all())
    assert "lo pedí a quien administra el bot" in texts
    await doble.sees_nothing()
    await world.forward(days=3)
    await coral.sees("Venció sin respuesta")

    await coral.writes("/rol Ana quitar red")
    await coral.presses("Pedirlo")
    await coral.reads_all()
    await doble.sees("Coral pide tu acuerdo")
    await world.forward(hours=25)  # the request, too, ends
    await coral.sees("Venció sin respuesta: quitar una tarea")
    await doble.shows("Venció")
    await ana.sees_nothing()


@sandbox_alone
async def test_what_changed_since_it_was_asked_is_void(world: World) -> None:
    _, coral, dora, ana = await two(world)
    await coral.writes("/rol Ana red")
    await coral.presses("Pedirlo")
    await coral.writes("/rol Ana redacción")
    await coral.presses("Pedirlo")
    await coral.reads_all()
    await dora.reads_all()
    await dora.presses("Doy mi acuerdo")
    await coral.sees("Dora dio su acuerdo")
    await ana.sees("te proponen", "escribir denuncias")
    await ana.presses("Acepto la tarea")
    await coral.sees("Ana aceptó")
    # The other request was about an Ana without any task.
    for message in await dora.device.messages():
        if "Doy mi acuerdo" in message.labels:
            await dora.device.press(message, "Doy mi acuerdo")
    await world.stage.settle()
    await coral.sees("algo cambió mientras tanto")
    await ana.sees_nothing()


@sandbox_alone
async def test_an_infiltrator_is_put_out_by_two_and_is_a_stranger_then(world: World) -> None:
    group, coral, dora, ana = await two(world)
    (mala,) = await group.joined("Mala")
    await dora.sees("Mala entró")
    await coral.writes("/rol Mala fuera")
    await coral.sees("Sacar a Mala del grupo")
    await coral.presses("Pedirlo")
    await coral.sees("Lo pedí")
    await dora.sees("Sacar a Mala del grupo")
    await dora.presses("Doy mi acuerdo")
    await coral.sees("Dora dio su acuerdo")
    await mala.sees("Ya no eres integrante")
    for text in ("/ayuda", "/auxilio", "hola", "/tomar 1"):
        await mala.writes(text)
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    await mala.sees_nothing()
    await coral.sees("Ana pide auxilio")
    await dora.sees("Ana pide auxilio")


@sandbox_alone
async def test_a_holder_who_is_no_responder_any_more_lets_go(world: World) -> None:
    _, coral, dora, ana = await two(world)
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    for person in (coral, dora):
        await person.sees("Ana pide auxilio")
    await dora.presses("Yo me encargo")
    await dora.sees("Tomaste el incidente #1")
    await coral.sees("Dora se encarga")
    for task in ("red de respuesta", "coordinación"):
        await dora.writes("/tareas")
        await dora.presses(f"Dejar: {task}")
    await dora.reads_all()
    await coral.sees("Ana pide auxilio")  # again: nobody holds it now
    assert len(await coral.reads_all()) == 2  # Dora gave up two tasks
    await dora.writes("/cerrar 1")
    await dora.sees("Eso no te toca a ti")


@sandbox_alone
async def test_a_plan_that_covers_less_takes_two_people(world: World) -> None:
    group, coral, dora, ana = await two(world)
    await coral.writes("/plan ya: toda la red, coordinación")
    await coral.sees("Así queda el plan", "¿Lo guardo?")  # nobody hears later than before
    await coral.presses("Guardar")
    for person in (dora, ana):
        await person.sees("Hay un plan nuevo")
        await person.presses("De acuerdo")
    await coral.writes("/plan 20 min: Coral; 40 min: toda la red, coordinación")
    await coral.sees("lo decide también otra persona")
    await coral.presses("Guardar")
    await coral.sees("Lo pedí a otra persona")
    await dora.sees("Un plan que cubre menos", "de inmediato", "a los 20 minutos: Coral")
    await ana.sees_nothing()
    await dora.presses("No doy mi acuerdo")
    await coral.sees("Dora no dio su acuerdo")
    await coral.writes("/plan")
    await coral.sees("de inmediato: toda la red de respuesta")
    await coral.sees("Lo han aceptado 3 de 3")


@sandbox_alone
async def test_an_invitation_to_coordinate_takes_two_people(world: World) -> None:
    _, coral, dora, _ = await two(world)
    await coral.writes("/invitar coordinación")
    await coral.sees("Lo pedí a otra persona")
    await dora.sees("Coral pide tu acuerdo", "coordinación")
    await dora.presses("Doy mi acuerdo")
    secret = await coral.reads_secret()
    await dora.writes("/exportar")
    await dora.presses("Pedirlo")
    await dora.reads_all()
    await coral.sees("Dora pide tu acuerdo", "en un archivo")
    await coral.presses("Doy mi acuerdo")
    assert any("Registro del grupo" in text for text in await dora.reads_all())
    elisa = await world.person("Elisa")
    await elisa.joins(secret)
    await coral.sees("Elisa entró", "coordinación")
    await dora.sees("Elisa entró", "invitación de Coral")


@sandbox_alone
async def test_the_operator_is_the_second_person_where_nobody_else_coordinates(
    world: World,
) -> None:
    operator = await world.person("operadora")
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    coral = group.coordinator
    await coral.writes("/rol Ana red")
    await coral.presses("Pedirlo")
    assert "quien administra el bot" in " ".join(await coral.reads_all())
    await operator.sees("Coral pide tu acuerdo", "Dar a Ana")
    await operator.presses("Doy mi acuerdo")
    await coral.sees("quien administra el bot dio su acuerdo")
    await ana.sees("Coral y quien administra el bot te proponen")
    await ana.presses("No, gracias")
    await ana.shows("No cambia nada")
    await coral.sees("Ana no aceptó la tarea")


@pytest.mark.parametrize("world", ["telegram"], indirect=True)
async def test_alone_one_is_told_whom_to_ask(world: World) -> None:
    """Here the configuration names no operator."""
    group = await world.group("Red")
    await group.joined("Ana")
    await group.coordinator.writes("/rol Ana quitar red")
    await group.coordinator.sees("Quitar a Ana")
    await group.coordinator.presses("Pedirlo")
    await group.coordinator.sees("nadie más coordina el grupo", "/invitar coordinación")
