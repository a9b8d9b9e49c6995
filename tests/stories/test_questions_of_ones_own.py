"""A single question at a time of one's own, an announced silence, and hours without questions."""

import pytest

from tests.support.world import World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)


async def test_ask_me_when_i_leave_the_hearing(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya: Berta")
    await ana.writes("Pregúntame a las 22:30 cuando salga de la audiencia")
    await ana.sees("Te pregunto una vez: 22:30")
    await world.until("22:30")
    await ana.sees("Me pediste que te preguntara: cuando salga de la audiencia", "¿Estás bien?")
    await ana.writes("bien")
    await ana.sees("Anotado a las 22:30")
    await world.forward(hours=3)
    await ana.writes("/preguntame en 2 horas")
    await ana.sees("Te pregunto una vez")
    await world.forward(hours=2)
    await ana.sees("Me pediste que te preguntara ahora")
    await world.forward(minutes=30)
    await ana.sees("Otra vez: Me pediste")
    await berta.sees("Ana no respondió a su chequeo")


async def test_it_is_listed_and_can_be_taken_away(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("/askme 22:30 the hearing")
    await ana.sees("Te pregunto una vez: 22:30")
    await ana.writes("/preguntame")
    await ana.sees("Te pregunto una vez: 22:30")
    await ana.presses("Ya no hace falta")
    await ana.shows("Ya no te lo pregunto")
    await ana.writes("/preguntame")
    await ana.sees("¿A qué hora te pregunto?", "/preguntame 22:30")
    await world.forward(hours=24)


@pytest.mark.parametrize("text", ["25:61", "luego quizás", "31 de febrero", "ayer a las 9"])
@sandbox_alone
async def test_a_time_that_is_none_is_asked_for(world: World, text: str) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes(f"/preguntame {text}")
    await ana.sees("¿A qué hora te pregunto?", "Ejemplo")
    await ana.writes(f"pregúntame {text}")
    await ana.sees("¿A qué hora te pregunto?", "Ejemplo")


@sandbox_alone
async def test_an_hour_with_two_meanings_is_asked_back(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("pregúntame a las 10 por la audiencia")
    await ana.sees("¿Cuál de las dos?")
    await ana.presses("22:00")
    await ana.sees("Te pregunto una vez: 22:00")


@sandbox_alone
async def test_a_request_while_a_question_is_open_is_no_answer_to_it(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.asked_daily("09:00", more="sin avisos")
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await ana.writes("pregúntame a las 22:30")
    await ana.sees("Te pregunto una vez: 22:30")
    await ana.sees("Otra vez: ¿estás bien?")
    await world.until("09:45")
    await group.coordinator.sees("Ana no respondió")


# --- silence ------------------------------------------------------------------------------------


async def test_a_long_silence_is_known_to_who_coordinates_and_ends_in_a_question(
    world: World,
) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    await ana.asked_daily("10:00", more="sin avisos")
    await ana.writes("/silencio hasta pasado mañana a las 9 sierra sin señal")
    await ana.sees("En pausa hasta 19 nov 09:00", "A esa hora te pregunto")
    await group.coordinator.sees("Ana anunció que estará en silencio hasta 19 nov 09:00")
    assert "sierra" not in "".join(m.text for m in await group.coordinator.device.messages())
    await world.until("12:00")
    await world.until("12:00")
    await ana.sees_nothing()
    await world.until("09:00")
    await ana.sees("Terminó tu silencio. ¿Estás bien?")
    await group.coordinator.sees("Terminó el silencio que anunció Ana")
    await world.until("09:15")
    await ana.sees("Otra vez: Terminó tu silencio")
    await world.until("09:30")
    await group.coordinator.sees("Ana no respondió a su chequeo")
    await group.coordinator.presses("Yo me encargo")
    await group.coordinator.reads_all()


@sandbox_alone
async def test_the_answer_is_the_same_whether_others_hear_of_it(world: World) -> None:
    """Whoever holds the phone does not learn that a longer one is told."""
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    await ana.writes("/pausa hasta mañana a las 7")
    short = (await ana.reads_all())[0]
    await group.coordinator.sees_nothing()
    await ana.writes("/pausa 3 días por la sierra")
    long = (await ana.reads_all())[0]
    await group.coordinator.sees("Ana anunció que estará en silencio", "no haya sido su decisión")
    assert short.replace("18 nov 07:00", "") == long.replace("20 nov 08:00", "")
    await ana.writes("/pausa fin")
    await ana.sees("Terminó la pausa")
    await group.coordinator.sees("Ana terminó antes el silencio")
    await world.forward(hours=80)


@sandbox_alone
async def test_many_short_silences_are_a_long_one(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    await ana.writes("/pausa hasta mañana a las 7")
    await ana.sees("En pausa")
    await world.until("20:00")
    await ana.writes("/pausa hasta mañana a las 19:00")
    await ana.sees("En pausa")
    await group.coordinator.sees("Ana anunció que estará en silencio")


@sandbox_alone
async def test_a_silence_answers_no_question_that_is_open_and_stops_no_trip(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    await ana.asked_daily("09:00", more="sin avisos")
    await ana.writes("/trayecto Oaxaca 14:00")
    await ana.sees("Buen camino")
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await ana.writes("/pausa hasta mañana a las 7")
    await ana.sees("En pausa")
    await world.until("09:45")
    await group.coordinator.sees("Ana no respondió")
    await group.coordinator.presses("Yo me encargo")
    await group.coordinator.presses("Cerrar")
    await group.coordinator.presses("a salvo")
    await world.until("14:00")
    await ana.sees("¿Llegaste a Oaxaca?")
    await ana.reads_all()
    await group.coordinator.reads_all()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("hasta 25:61", "¿Hasta cuándo?"),
        ("hasta el 31 de febrero", "¿Hasta cuándo?"),
        ("2 meses", "¿Hasta cuándo?"),
        ("40 días", "dura 31 días como mucho"),
        ("fin", "No hay ninguna pausa"),
        ("", "¿Hasta cuándo?"),
    ],
)
@sandbox_alone
async def test_a_silence_without_a_good_end_is_none(world: World, text: str, answer: str) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes(f"/silencio {text}".strip())
    await ana.sees(answer)


# --- quiet hours --------------------------------------------------------------------------------


async def test_a_question_inside_quiet_hours_comes_at_their_end(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.asked_daily("12:00, 23:30 y 03:00", more="sin avisos")
    await ana.writes("/descanso 22:00 a 07:00")
    await ana.sees("Sin preguntas de 22:00 a 07:00")
    await world.until("12:00")
    await ana.sees("¿Estás bien?")
    await ana.presses("Estoy bien")
    await world.until("06:59")
    await ana.sees_nothing()
    await world.until("07:00")
    await ana.sees("¿Estás bien?")
    await ana.sees_nothing()  # two of the night are one
    await ana.presses("Estoy bien")
    await ana.writes("/descanso")
    await ana.sees("Sin preguntas de 22:00 a 07:00")
    await ana.writes("/quiet off")
    await ana.sees("ya no hay horas sin preguntas")
    await world.until("12:00")
    await ana.sees("¿Estás bien?")
    await ana.presses("Estoy bien")
    await world.until("23:30")
    await ana.sees("¿Estás bien?")


@sandbox_alone
async def test_trips_and_single_questions_are_never_quieted(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("/descanso 20:00 a 07:00")
    await ana.reads_all()
    await ana.writes("/trayecto Oaxaca 21:00")
    await ana.writes("/preguntame 22:00")
    await ana.reads_all()
    await world.until("21:00")
    await ana.sees("Pronto te pregunto")
    await ana.sees("¿Llegaste a Oaxaca?")
    await ana.presses("Llegué")
    await world.until("22:00")
    await ana.sees("Me pediste que te preguntara ahora")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("25:61 a 7", "¿Desde qué hora y hasta cuál?"),
        ("de noche", "¿Desde qué hora y hasta cuál?"),
        ("06:00 a 22:00", "12 horas al día como mucho"),
        ("07:00 a 07:00", "12 horas al día como mucho"),
    ],
)
@sandbox_alone
async def test_quiet_hours_that_cannot_be_are_explained(
    world: World, text: str, answer: str
) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes(f"/descanso {text}")
    await ana.sees(answer)
