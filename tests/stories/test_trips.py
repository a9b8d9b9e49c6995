"""Trips: setting out, arriving, being later, and being missed."""

import pytest

from tests.support.world import Group, Person, World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)


async def on_the_way(
    world: World, line: str = "/trayecto Oaxaca 14:00, Juchitán 18:30"
) -> tuple[Group, Person, Person]:
    """Ana is on a trip; Berta is told at once of a miss. It is 08:00 of a Tuesday."""
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya: Berta; 60 min: coordinación; repetir 12 h")
    await ana.writes(line)
    await ana.sees("Buen camino", "14:00  Oaxaca", "18:30  Juchitán", "30 minutos")
    await ana.reads_all()  # on Telegram, that Telegram reads it
    return group, ana, berta


async def test_ana_arrives_at_each_stage(world: World) -> None:
    _, ana, berta = await on_the_way(world)
    await world.until("13:45")
    await ana.sees("Pronto te pregunto", "14:00")
    await world.until("14:00")
    await ana.sees("¿Llegaste a Oaxaca?")
    await ana.presses("Llegué")
    await ana.shows("¿Llegaste a Oaxaca?", "Anotado a las 14:00", "Sigue: 18:30")
    await world.until("18:15")
    await ana.sees("Pronto te pregunto")
    await world.until("18:30")
    await ana.sees("¿Llegaste a Juchitán?")
    await ana.writes("ya llegamos, todo bien")
    await ana.sees("El trayecto terminó")
    await world.forward(hours=5)
    await berta.sees_nothing()
    await ana.writes("/trayecto terminar")
    await ana.sees("No tienes ningún trayecto")


async def test_a_stage_that_is_missed_is_an_incident_and_its_place_is_for_who_takes_it(
    world: World,
) -> None:
    group, ana, berta = await on_the_way(world)
    await berta.device.signs()  # the way is for devices that are surely hers
    await world.until("14:00")
    await ana.sees("Pronto te pregunto")
    await ana.sees("¿Llegaste a Oaxaca?")
    await world.until("14:15")
    await ana.sees("Otra vez: ¿Llegaste a Oaxaca?")
    await world.until("14:30")
    await berta.sees("Incidente #1", "Ana no respondió a su chequeo")
    assert "Oaxaca" not in "".join(m.text for m in await berta.device.messages())
    await berta.writes("/lugar 1")
    await berta.sees("Eso lo hace quien tiene el incidente #1")
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste el incidente #1")
    await berta.sees("Solo para ti", "14:00  Oaxaca (preguntado, sin respuesta)", "Juchitán")
    await berta.writes("/linea 1")
    await berta.sees("Berta leyó los datos del camino")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    await berta.reads_all()
    await group.coordinator.sees_nothing()
    await world.until("18:30")
    await ana.reads_all()
    await ana.writes("bien")
    await ana.sees("El trayecto terminó")
    await world.forward(hours=2)
    await berta.sees("¿Cómo funcionó la respuesta en el incidente #1?")


async def test_arriving_early_ends_the_stage(world: World) -> None:
    _, ana, _ = await on_the_way(world)
    await world.until("13:00")
    await ana.writes("llegué")
    await ana.sees("Anotado a las 13:00", "Sigue: 18:30")
    await world.until("17:00")
    await ana.writes("/trayecto llegué")
    await ana.sees("El trayecto terminó")
    await world.forward(hours=6)


@sandbox_alone
async def test_arriving_after_the_miss_is_news_for_who_looks_for_her(world: World) -> None:
    _, ana, berta = await on_the_way(world)
    await world.until("14:40")
    await ana.reads_all()
    await berta.sees("Ana no respondió")
    await ana.writes("llegué")
    await ana.sees("¿Lo damos por terminado?")
    await berta.sees("Ana acaba de responder que está bien")
    await ana.presses("Sí, estoy bien")
    await berta.sees("cerrado por Ana: a salvo")
    await world.until("19:10")
    await ana.reads_all()
    await berta.sees("Incidente #2", "Ana no respondió")
    await ana.writes("ya llegamos")  # the trip is over by now
    await ana.sees("¿Lo damos por terminado?")
    await berta.sees("Ana acaba de responder que está bien")


async def test_an_extension_is_bounded_in_number_and_in_time(world: World) -> None:
    """Whoever forces Ana to extend cannot do it for ever."""
    _, ana, berta = await on_the_way(world)
    await world.until("14:00")
    await ana.reads_all()
    await ana.presses("Voy tarde: alargar")
    await ana.sees("¿Cuánto más?")
    await ana.presses("1 hora más")
    await ana.sees("Alargado", "15:00  Oaxaca", "19:30  Juchitán")
    await world.until("14:44")
    await ana.writes("alargar 3 horas")
    await ana.sees("Solo lo puedo alargar 1 hora más")
    await world.until("15:00")
    await ana.sees("Pronto te pregunto")
    await ana.sees("¿Llegaste a Oaxaca?")
    await ana.writes("voy tarde, 30 min")
    await ana.sees("Alargado", "15:30  Oaxaca", "20:00  Juchitán")
    await ana.writes("/trayecto alargar 15 min")
    await ana.sees("Alargado", "15:45  Oaxaca")
    await world.until("15:30")
    await ana.sees("Pronto te pregunto")
    await ana.writes("/trayecto alargar 15 min")
    await ana.sees("Ya no se puede alargar")
    await world.until("16:14")
    await ana.reads_all()
    await berta.sees_nothing()
    await world.until("16:15")
    await berta.sees("Ana no respondió a su chequeo")


async def test_need_help_on_the_way(world: World) -> None:
    _, ana, berta = await on_the_way(world)
    await ana.presses("Necesito ayuda")
    await ana.sees("Avisé a tu red")
    await berta.sees("Ana respondió que necesita ayuda")


async def test_a_trip_ends_at_the_persons_own_word(world: World) -> None:
    _, ana, _ = await on_the_way(world)
    await ana.presses("Terminar el trayecto")
    await ana.sees("escribe con tus palabras cómo estás")
    await ana.writes("no sé")
    await ana.sees("escribe con tus palabras cómo estás")
    await ana.writes("estoy bien")
    await ana.sees("El trayecto terminó")
    await world.forward(hours=12)


@sandbox_alone
async def test_under_force_the_end_of_a_trip_looks_the_same(world: World) -> None:
    group, ana, berta = await on_the_way(world)
    await ana.writes("/palabra saludos a mi tía Chela")
    await ana.writes("saludos a mi tía Chela")
    await ana.reads_all()
    await ana.writes("/trayecto terminar")
    await ana.sees("escribe con tus palabras cómo estás")
    await ana.writes("saludos a mi tía Chela")
    await ana.sees("El trayecto terminó")
    await ana.sees_nothing()
    await berta.sees("palabra de coacción")
    await world.forward(hours=1)
    await berta.reads_all()
    await group.coordinator.reads_all()


@sandbox_alone
async def test_the_end_with_a_question_open_answers_it_too(world: World) -> None:
    _, ana, berta = await on_the_way(world)
    await world.until("14:00")
    await ana.reads_all()
    await ana.writes("/trayecto terminar")
    await ana.sees("cómo estás")
    await ana.writes("bien")
    await ana.reads_all()
    await world.forward(hours=12)
    await berta.sees_nothing()


async def test_a_trip_in_a_conversation(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("/trayecto")
    await ana.sees("¿A dónde vas y a qué hora llegas?")
    await ana.writes("Juchitán")
    await ana.sees("¿A qué hora llegas a Juchitán?")
    await ana.writes("18:30")
    await ana.sees("Buen camino", "18:30  Juchitán")
    await ana.reads_all()
    await ana.writes("/trip")
    await ana.sees("Tu trayecto", "18:30  Juchitán")
    await ana.writes("/trayecto Oaxaca 20:00")
    await ana.sees("Ya tienes un trayecto")
    await ana.writes("llegué")
    await ana.sees("El trayecto terminó")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("salgo a Juchitán, llego a las 18:30", "18:30  Juchitán"),
        ("voy a Juchitán, llego en 3 horas", "11:00  Juchitán"),
        ("leaving for Juchitán, arriving at 6 pm", "18:00  Juchitán"),
    ],
)
@sandbox_alone
async def test_as_people_say_it(world: World, text: str, shown: str) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes(text)
    await ana.sees("Buen camino", shown)
    await ana.writes("llegué")
    await ana.sees("El trayecto terminó")


async def test_an_hour_with_two_meanings_is_said_back_and_nothing_begins_before(
    world: World,
) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("/trayecto Juchitán a las 6:30")
    await ana.sees("¿Cuál de las dos?", "Todavía no empecé")
    await ana.writes("no entiendo")
    await ana.sees("¿Cuál de las dos?")
    await ana.presses("18:30")
    await ana.sees("Buen camino", "18:30  Juchitán")
    await ana.reads_all()
    await ana.writes("llegué")
    await ana.sees("El trayecto terminó")
    await ana.writes("/trayecto Juchitán a las 6:30")
    await ana.sees("¿Cuál de las dos?")
    await ana.writes("18:30")
    await ana.sees("Buen camino", "18:30  Juchitán")
    await ana.reads_all()
    await ana.writes("llegué")
    await ana.sees("El trayecto terminó")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Oaxaca 25:61", "No entendí «Oaxaca 25:61»"),
        ("Oaxaca 18:00, Juchitán 14:00", "no va después de lo anterior"),
        ("Oaxaca, Juchitán 18:30", "¿A qué hora llegas a Oaxaca?"),
        ("Oaxaca el 31 de febrero", "¿A qué hora llegas a Oaxaca el 31 de febrero?"),
        ("Oaxaca el 5 de enero 14:00", "dura 31 días como mucho"),
        (", ".join(f"Parada 14:{n:02}" for n in range(21)), "20 etapas como mucho"),
    ],
)
@sandbox_alone
async def test_what_cannot_be_a_trip_gets_a_kind_answer(
    world: World, text: str, answer: str
) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes(f"/trayecto {text}")
    await ana.sees(answer)
    await ana.writes("/estado")
    await ana.sees("No tienes horario")


@sandbox_alone
async def test_times_in_a_change_of_clocks_are_said(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("/zona Europe/Madrid")
    await ana.reads_all()
    await ana.writes("/preguntame 28/03/2027 02:30 vuelo")
    await ana.sees("28 mar 03:00")
    await ana.sees("esa hora no existe", "28 mar 03:00")
    await ana.writes("/preguntame 31/10/2027 02:30 vuelo")
    await ana.sees("31 oct 02:30")
    await ana.sees("esa hora viene dos veces")


@sandbox_alone
async def test_a_daily_question_waits_for_nothing_but_an_open_one(world: World) -> None:
    """While a stage is asked about, the day's question is left out; the stage is judged."""
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya: Berta; repetir 12 h")
    await ana.asked_daily("10:00 y 14:10", more="sin avisos")
    await ana.writes("/trayecto Oaxaca 14:00")
    await ana.sees("Buen camino")
    await world.until("10:00")
    await ana.sees("¿Estás bien?")
    await ana.writes("bien")
    await ana.reads_all()
    await world.until("14:00")
    await ana.reads_all()
    await world.until("14:10")
    await ana.sees_nothing()
    await world.until("14:30")
    await ana.reads_all()
    await berta.sees("Ana no respondió")
    await world.until("15:30")
    await berta.sees_nothing()  # one incident


@sandbox_alone
async def test_a_stage_is_asked_about_while_a_daily_question_is_open(world: World) -> None:
    """One word answers both; of two that are missed there is one incident."""
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya: Berta; repetir 12 h")
    await ana.asked_daily("13:50", grace="45 min", more="sin avisos")
    await ana.writes("/trayecto Oaxaca 14:00")
    await ana.sees("Buen camino")
    await world.until("14:00")
    assert len(await ana.reads_all()) == 3
    await ana.writes("bien")
    await ana.reads_all()
    await world.until("15:00")
    await berta.sees_nothing()
    await ana.writes("/trayecto Oaxaca mañana a las 14:00")
    await ana.reads_all()
    await world.until("13:50")
    await world.until("14:36")
    await berta.sees("Incidente #1", "Ana no respondió")
    await berta.sees_nothing()
    await ana.reads_all()


@sandbox_alone
async def test_nothing_is_erased_while_somebody_is_on_the_way(world: World) -> None:
    _, ana, _ = await on_the_way(world)
    await ana.writes("/borrarme")
    await ana.sees("Todavía no se puede")


@sandbox_alone
async def test_a_location_is_kept_with_the_trip_for_who_looks_for_her(world: World) -> None:
    _, ana, berta = await on_the_way(world)
    await ana.shares_location()
    await ana.sees("Guardé la ubicación con tu trayecto")
    await world.until("14:30")
    await ana.reads_all()
    await berta.sees("Ana no respondió")
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste")
    await berta.sees("Solo para ti", "08:00  ubicación 15.50000, -90.25000")


async def test_a_location_without_a_trip_is_not_kept(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await ana.device.signs()
    await berta.device.signs()
    await ana.shares_location()
    await ana.sees("Solo guardo una ubicación dentro de un trayecto o de un incidente")
    await ana.writes("/auxilio")
    await ana.reads_all()
    await berta.sees("Ana pide auxilio")
    await group.coordinator.reads_all()
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste")
    await group.coordinator.reads_all()
    await ana.shares_location()
    await ana.sees("Solo guardo una ubicación")
    await berta.sees("Solo para ti", "15.50000, -90.25000")


async def test_low_battery_is_an_answer_and_explains_a_silence(world: World) -> None:
    _, ana, berta = await on_the_way(world)
    await ana.writes("se me acaba la pila")
    await ana.sees("Anotado, con la hora")
    await world.until("14:00")
    await ana.reads_all()
    await ana.writes("poca batería")
    await ana.sees("Anotado a las 14:00")
    await world.until("18:30")
    await ana.reads_all()
    await world.until("19:00")
    await ana.reads_all()
    await berta.sees("Ana no respondió a su chequeo", "A las 14:00 escribió que le quedaba poca")


@pytest.mark.parametrize(
    "text", ["no estoy bien, poca batería", "poca pila, me siguen", "low battery, help"]
)
@sandbox_alone
async def test_low_battery_is_never_well_beside_words_of_distress(world: World, text: str) -> None:
    _, ana, berta = await on_the_way(world)
    await world.until("14:00")
    await ana.reads_all()
    await ana.writes(text)
    await ana.sees("Avisé a tu red")
    await berta.sees("Ana respondió que necesita ayuda", "poca batería")


@sandbox_alone
async def test_what_else_is_unclear_beside_low_battery_is_asked_again(world: World) -> None:
    _, ana, _ = await on_the_way(world)
    await world.until("14:00")
    await ana.reads_all()
    await ana.writes("no sé, poca batería")
    await ana.sees("No entendí tu respuesta", "¿Llegaste a Oaxaca?")
    await ana.writes("bien")
    await ana.reads_all()


@pytest.mark.parametrize("world", ["telegram"], indirect=True)
async def test_where_the_group_names_nobody_no_place_is_said(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya: Berta; repetir 12 h")
    await group.coordinator.writes("/detalles no")
    await group.coordinator.reads_all()
    await ana.writes("/trayecto Oaxaca 14:00")
    await ana.sees("Buen camino", "14:00")
    await ana.reads_all()
    await world.until("14:00")
    await ana.reads_all()
    await world.until("14:30")
    await ana.reads_all()
    await berta.sees("alguien de tu red no respondió")
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste")
    await berta.sees("Hay datos del camino", "/lugar 1")
    for person in (ana, berta, group.coordinator):
        assert "Oaxaca" not in "".join(m.text for m in await person.device.messages())


@sandbox_alone
async def test_in_english(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("/idioma en")
    await ana.reads_all()
    await ana.writes("leaving for Juchitán, arriving at 6 pm")
    await ana.sees("Have a good journey", "18:00  Juchitán")
    await world.until("18:00")
    await ana.sees("Soon I ask you")
    await ana.sees("Did you arrive at Juchitán?")
    await ana.writes("running late, 30 min")
    await ana.sees("Extended", "18:30  Juchitán")
    await world.until("18:30")
    await ana.reads_all()
    await ana.writes("made it")
    await ana.sees("The trip is over")
    await ana.writes("ask me at 10:30 pm when I leave")
    await ana.sees("I ask you once: 22:30")
    await ana.writes("/pause until tomorrow at 9 mountains")
    await ana.sees("Paused until 18 Nov 09:00")
    await ana.writes("/quiet 10 pm to 6 am")
    await ana.sees("No questions from 22:00 to 06:00")


@sandbox_alone
async def test_what_the_chat_says_of_a_trip_does_not_stay(world: World) -> None:
    _, ana, _ = await on_the_way(world)
    await ana.writes("llegué")
    await ana.writes("llegué")
    await ana.reads_all()
    await world.forward(hours=25)
    assert "Oaxaca" not in "".join(m.text for m in await ana.device.messages())


@sandbox_alone
async def test_in_the_conversation_a_word_for_help_is_no_place(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("/trayecto")
    await ana.sees("¿A dónde vas")
    await ana.writes("ayuda")
    await ana.sees("¿Es una emergencia?")
    await ana.presses("Ver instrucciones")
    await ana.sees("Puedes escribir")
    await ana.writes("voy a la tienda")
    await ana.sees("¿A qué hora llegas a la tienda?")
    await ana.writes("no")
    await ana.sees("No tienes ningún trayecto")


@sandbox_alone
async def test_whoever_took_back_consent_is_not_waited_for(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("/trayecto Oaxaca 14:00")
    await ana.sees("Buen camino")
    await ana.writes("/miplan")
    await ana.sees("Tu plan")
    await ana.presses("Retirar mi acuerdo")
    await ana.reads_all()
    await group.coordinator.sees("Ana retiró su acuerdo")
    for text in ("/trayecto Oaxaca 14:00", "/preguntame 22:30", "/pausa 2 horas"):
        await ana.writes(text)
        await ana.sees("Retiraste tu acuerdo con el plan")
        await ana.reads_all()
    await world.forward(hours=24)
