"""Check-ins of many, for whom one answers: by exception, and with the consent of who is listed."""

import pytest

from tests.support.world import Group, Person, World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)

LINE = (
    "/colectivo Caravana a Juchitán: Ana, Doña Luz, 12 personas más; "
    "cada 2 horas hasta las 14:00; responde Berta"
)


async def caravan(world: World) -> tuple[Group, Person, Person, Person]:
    """Berta answers for a caravan, Ana agreed to be on its list; Carla is told of incidents."""
    group = await world.group("Red")
    ana, berta, carla = await group.joined("Ana", "Berta", "Carla")
    await group.plan("ya: Carla; 2 h: coordinación; repetir 12 h")
    coral = group.coordinator
    await coral.writes(LINE)
    await coral.sees("No son integrantes", "Doña Luz")
    await coral.sees("Pregunté a Berta")
    await berta.sees("te propone responder por «Caravana a Juchitán»", "¿Aceptas?")
    await ana.sees_nothing()
    await berta.presses("Acepto la tarea")
    await berta.sees("Caravana a Juchitán", "la primera vez 10:00", "la última 14:00")
    await coral.sees("Berta responde por")
    await ana.sees("Berta responde por «Caravana a Juchitán» y te pone en la lista")
    await ana.presses("De acuerdo")
    await ana.shows("estás en la lista")
    return group, ana, berta, carla


async def test_one_answers_for_many(world: World) -> None:
    _, ana, berta, carla = await caravan(world)
    await world.until("10:00")
    await berta.sees("Caravana a Juchitán: ¿están todas las personas?")
    await berta.presses("Estamos todas")
    await berta.shows("Anotado a las 10:00", "La próxima ronda: 12:00")
    await world.until("12:00")
    await berta.sees("¿están todas las personas?")
    await berta.writes("estamos todas")
    await berta.sees("Anotado a las 12:00")
    await world.until("14:00")
    await berta.sees("¿están todas las personas?")
    await berta.writes("todas bien")
    await berta.sees("Fue la última ronda")
    await world.forward(hours=5)
    await ana.sees_nothing()
    await carla.sees_nothing()


async def test_a_member_who_is_missing_is_an_incident_of_their_own(world: World) -> None:
    _, ana, berta, carla = await caravan(world)
    await carla.device.signs()
    await world.until("10:00")
    await berta.sees("¿están todas las personas?")
    await berta.presses("Falta Ana")
    await berta.shows("Avisé a tu red de quien falta (#1)")
    await carla.sees("Incidente #1", "Falta Ana: lo dice quien responde por su grupo")
    await ana.sees_nothing()  # her phone may be in other hands
    await ana.writes("bien")
    await ana.sees("No hay ninguna pregunta abierta")
    await carla.sees("Ana acaba de responder que está bien. Sigue abierto")
    await carla.presses("Yo me encargo")
    await carla.sees("Tomaste el incidente #1 (Ana)")
    await carla.sees("Caravana a Juchitán", "Responde Berta", "Ana", "más personas: 12")
    await carla.writes("/linea 1")
    await carla.sees("Berta dice que falta")
    await ana.writes("/tomar 1")
    await ana.sees("No hay un incidente #1")
    await world.until("12:00")
    await berta.sees("¿están todas las personas?")
    await berta.writes("estamos todas")
    await berta.sees("La próxima ronda")
    await carla.reads_all()


async def test_somebody_from_outside_who_is_missing_is_one_of_who_answers(world: World) -> None:
    _, _, berta, carla = await caravan(world)
    await carla.device.signs()
    await world.until("10:00")
    await berta.sees("¿están todas las personas?")
    await berta.presses("Falta otra persona")
    await berta.sees("¿Quién falta?")
    await berta.writes("Doña Luz y un señor de Ixtepec")
    await berta.sees("Avisé a tu red de quien falta (#1)")
    await carla.sees("Incidente #1", "Berta respondió que necesita ayuda")
    await carla.presses("Yo me encargo")
    await carla.sees("Tomaste")
    await carla.sees("falta: Doña Luz, un señor de Ixtepec")


@sandbox_alone
async def test_missing_by_name(world: World) -> None:
    _, _, berta, carla = await caravan(world)
    await world.until("10:00")
    await berta.sees("¿están todas las personas?")
    await berta.writes("faltan Ana y Doña Luz")
    await berta.sees("Avisé a tu red de quien falta (#1 y #2)")
    await carla.sees("Falta Ana")
    await carla.sees("Berta respondió que necesita ayuda")


async def test_nobody_answering_is_a_miss_of_the_collective(world: World) -> None:
    _, _, berta, carla = await caravan(world)
    await world.until("10:00")
    await berta.sees("¿están todas las personas?")
    await world.until("10:15")
    await berta.sees("Otra vez: Caravana a Juchitán")
    await world.until("10:30")
    await carla.sees("Berta no respondió a su chequeo")
    await berta.sees_nothing()


@sandbox_alone
async def test_whoever_did_not_agree_is_no_incident_of_their_own(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    coral = group.coordinator
    await coral.writes("/colectivo Asamblea: Ana; cada hora hasta las 12:00")
    await coral.sees("Asamblea", "la primera vez 09:00")
    await ana.sees("Coral responde por «Asamblea»")
    await ana.presses("No")
    await ana.shows("no estás en la lista")
    await coral.sees("Ana no quiere estar en la lista")
    await world.until("09:00")
    await coral.sees("¿están todas las personas?")
    await coral.writes("falta Ana")
    await coral.sees("Avisé a tu red")
    await berta.sees("Coral respondió que necesita ayuda")
    await coral.presses("Terminar")
    await coral.reads_all()
    await world.forward(hours=1)
    await ana.reads_all()
    await coral.reads_all()
    await berta.reads_all()


@sandbox_alone
async def test_whoever_does_not_take_it_on_does_not_answer(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    coral = group.coordinator
    await coral.writes("/colectivo Asamblea: Ana; cada hora hasta las 12:00; responde Berta")
    await coral.sees("Pregunté a Berta")
    await berta.sees("¿Aceptas?")
    await berta.presses("No, gracias")
    await coral.sees("Berta no puede responder por «Asamblea»")
    await coral.writes("/colectivo Asamblea: Ana; cada hora hasta las 12:00; responde Berta")
    await coral.sees("Pregunté a Berta")
    await berta.sees("¿Aceptas?")
    await world.until("12:00")
    await coral.sees("«Asamblea» no empezó")
    await ana.sees_nothing()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", "Un chequeo para muchas personas"),
        ("Caravana", "No entendí «Caravana»"),
        ("Caravana: Ana; cada 2 horas", "¿Hasta cuándo?"),
        ("Caravana: Ana; cada 2 horas hasta las 25:61", "No entendí «cada 2 horas hasta las 25:61»"),
        ("Caravana: ; hasta las 20:00", "No entendí"),
        ("Caravana: Ana; cada 5 min hasta las 20:00", "al menos 15 minutos"),
        ("Caravana: Ana; cada 20 min hasta mañana a las 20:00", "hasta 48 rondas"),
        ("Caravana: Ana; hasta las 20:00; responde Zoraida", "No hay nadie con el nombre «Zoraida»"),
    ],
)  # fmt: skip
@sandbox_alone
async def test_what_cannot_be_a_collective_gets_a_kind_answer(
    world: World, text: str, answer: str
) -> None:
    group = await world.group("Red")
    await group.coordinator.writes(f"/colectivo {text}".strip())
    await group.coordinator.sees(answer)


@sandbox_alone
async def test_only_who_coordinates_puts_people_on_a_list(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    await ana.writes("/colectivo Caravana: Coral; hasta las 20:00")
    await ana.sees("Eso no te toca a ti")
