"""Somebody is forced to say that they are well, or their phone is taken."""

from __future__ import annotations

import pytest

from tests.support.world import Group, Person, World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)

WORDS = "saludos a la tía Chela"


async def chooses_words(person: Person, text: str = WORDS) -> None:
    """In two steps."""
    await person.writes("/palabra")
    await person.sees("palabra de coacción son dos palabras o más")
    if person.world.stage.platform == "telegram":
        await person.sees("Telegram puede leer")
    await person.writes(text)
    await person.sees("Escríbela otra vez")
    await person.writes(text.upper())
    await person.sees("Lista")


async def shown(person: Person) -> list[str]:
    """What the bot says in a person's chat, as it stands there now."""
    return [message.text for message in await person.device.messages()]


async def beginning(world: World) -> tuple[Group, Person, Person]:
    """Ana and Berta are in a group; Ana is asked every day at nine, and has her words."""
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await ana.asked_daily("09:00", grace="45 min", more="sin avisos")
    await chooses_words(ana)
    return group, ana, berta


async def test_the_words_look_like_an_answer_and_are_an_alarm(world: World) -> None:
    group, ana, berta = await beginning(world)
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await ana.writes("bien")
    await ana.sees("Gracias")
    honest = (await shown(ana))[-2:]

    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await ana.writes("Saludos a la tia chela.")
    await ana.sees("Gracias")
    assert (await shown(ana))[-2:] == honest
    for person in (berta, group.coordinator):
        await person.sees("Ana escribió su palabra de coacción", "No le escribas")

    # Nothing later in her chat tells of it, whatever anybody writes there.
    await ana.writes("bien")
    await ana.sees("No hay ninguna pregunta abierta")
    await ana.writes("/estado")
    await ana.sees("Último chequeo: respondido")
    await ana.sees("Próximo chequeo")
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste el incidente")
    await group.coordinator.sees("Berta se encarga")
    await ana.sees_nothing()
    await world.until("09:00")
    await berta.reads_all()
    await group.coordinator.reads_all()
    await ana.sees("¿Estás bien?")
    await ana.writes("bien")
    await ana.sees("Gracias")
    assert (await shown(ana))[-2:] == honest
    await berta.sees_nothing()  # what is written there is believed by nobody
    await berta.presses("Yo me encargo")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    await berta.reads_all()
    await group.coordinator.sees("Berta se encarga")
    await group.coordinator.sees("cerrado por Berta")
    await ana.sees_nothing()


@sandbox_alone
async def test_an_alarm_for_a_miss_becomes_one_for_duress(world: World) -> None:
    group, ana, berta = await beginning(world)
    await world.until("09:47")
    await ana.sees("¿Estás bien?")
    for person in (berta, group.coordinator):
        await person.sees("Ana no respondió")
    await ana.writes(WORDS)
    await ana.sees("¿Lo damos por terminado?")  # as after any late answer
    for person in (berta, group.coordinator):
        await person.sees("Ana escribió su palabra de coacción")
        await person.sees_nothing()  # and nobody hears that she is well
    await ana.presses("Sí")
    await ana.shows("Listo.")
    for person in (berta, group.coordinator):
        await person.sees("se pidió cerrarlo", "no cuenta")
    await ana.writes("bien")
    await ana.sees("No hay ninguna pregunta abierta")
    await world.forward(minutes=30)
    for person in (berta, group.coordinator):
        await person.sees("Ana escribió su palabra de coacción", "Sigue sin que nadie")
        await person.reads_all()


@sandbox_alone
async def test_what_ana_asks_for_about_herself_says_nothing_of_it(world: World) -> None:
    group, ana, berta = await beginning(world)
    await ana.writes(WORDS)
    await ana.sees("No hay ninguna pregunta abierta")
    for person in (berta, group.coordinator):
        await person.sees("palabra de coacción")
    await ana.writes("/misdatos")
    await ana.presses("Sí, aquí")
    await ana.reads_all()
    town = world.stage.town  # type: ignore[attr-defined]
    file = [f for m in town.sees("ana") for f in m.attachments][-1].content.decode()
    assert "duress" not in file
    assert "#1" not in file
    assert file.casefold().count("chela") == 1  # as she wrote it now, and not when she chose it
    for command in ("/linea 1", "/tomar 1", "/caso 1"):
        await ana.writes(command)
        await ana.sees("No hay un incidente #1 que puedas ver")
    await ana.writes("/tomar")
    await ana.sees("No hay ningún incidente abierto")

    await ana.writes("/borrarme")
    await ana.sees("Escribe BORRAR")
    await ana.writes("borrar")
    await ana.sees("Hecho")
    for person in (berta, group.coordinator):
        await person.sees("se pidió borrar sus datos", "No se borró nada")
    await ana.writes("hola")
    await ana.sees_nothing()
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste el incidente")
    await group.coordinator.sees("Berta se encarga")
    await berta.writes("/linea")
    await berta.sees("Ana escribió su palabra de coacción", "se pidió borrar sus datos")


@sandbox_alone
async def test_words_are_chosen_with_care(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    await ana.writes("/palabra")
    await ana.sees("palabra de coacción son dos palabras o más")
    for text, answer in (
        ("gracias", "una sola se escribe por casualidad"),
        ("a b", "al menos 8 letras"),
        ("estoy muy bien", "ya significa otra cosa"),
        ("necesito ayuda por favor", "ya significa otra cosa"),
        ("la " * 200, "demasiado largo"),
    ):
        await ana.writes(text)
        await ana.sees(answer)
    await ana.writes(WORDS)
    await ana.sees("Escríbela otra vez")
    await ana.writes("saludos a la tía Chole")
    await ana.sees("No fue lo mismo")
    await ana.writes("/palabra")  # the same words, whether she has any or not
    await ana.sees("palabra de coacción son dos palabras o más")
    await ana.writes(WORDS)
    await ana.sees("Escríbela otra vez")
    await ana.writes(WORDS)
    await ana.sees("Lista")
    await ana.writes("/palabra quitar")
    await ana.sees("Listo: no hay palabra de coacción")
    await ana.writes(WORDS)
    await ana.sees("No entendí")


@sandbox_alone
async def test_they_can_be_rehearsed_with_who_coordinates(world: World) -> None:
    group, ana, berta = await beginning(world)
    coral = group.coordinator
    await coral.writes("/ensayo Ana")
    await coral.sees("Ensayo", "no es una alarma", "Coral")
    await ana.writes(WORDS)
    await ana.sees("No hay ninguna pregunta abierta")
    await coral.sees("El ensayo de Ana salió bien")
    await berta.sees_nothing()
    await ana.writes(WORDS)  # the next time it is meant
    await ana.sees("No hay ninguna pregunta abierta")
    for person in (berta, coral):
        await person.sees("Ana escribió su palabra de coacción")
    await coral.writes("/ensayo Ana")
    await coral.sees("Ahora no se puede ensayar")
    await coral.writes("/bitacora")
    await coral.sees("ensayó con Ana")


@sandbox_alone
async def test_a_rehearsal_that_nobody_came_to_ends_by_itself(world: World) -> None:
    group, ana, berta = await beginning(world)
    await group.coordinator.writes("/ensayo Ana")
    await group.coordinator.sees("Ensayo")
    await world.forward(minutes=16)
    await ana.writes(WORDS)
    await ana.sees("No hay ninguna pregunta abierta")
    for person in (berta, group.coordinator):
        await person.sees("Ana escribió su palabra de coacción")


async def test_a_phone_that_is_taken_is_suspended_and_given_back(world: World) -> None:
    group = await world.group("Red")
    ana, berta, dora = await group.joined("Ana", "Berta", "Dora")
    coral = group.coordinator
    await dora.writes("auxilio")
    await dora.sees("Avisé a tu red")
    for person in (ana, berta, coral):
        await person.sees("Dora pide auxilio")
    await ana.presses("Yo me encargo")
    await ana.sees("Tomaste el incidente")
    for person in (berta, coral):
        await person.sees("Ana se encarga")

    await coral.writes("/perdido Ana")
    await coral.sees("Suspendí la cuenta de Ana", "¿Sabes cómo está")
    for person in (berta, coral):
        await person.sees("Dora pide auxilio", "Sigue sin que nadie")  # what she held goes on
    assert not [text for text in await shown(ana) if "Dora" in text]
    await ana.writes("/linea 1")
    await ana.writes("bien")
    await ana.writes("auxilio")
    await ana.sees_nothing()
    await berta.sees_nothing()
    await world.forward(minutes=10)
    for person in (berta, coral, dora):
        await person.reads_all()
    assert any("El teléfono de Ana está en otras manos" in text for text in await shown(berta))

    await coral.writes("/recuperar Ana")
    await coral.reads_all()  # it needs a second person
    await ana.writes("hola")
    await ana.sees_nothing()


@sandbox_alone
async def test_two_people_give_the_access_back(world: World) -> None:
    group = await world.group("Red")
    (berta,) = await group.joined("Berta", as_="coordinación")
    (ana,) = await group.joined("Ana")
    for person in (berta, group.coordinator):
        await person.reads_all()
    coral = group.coordinator
    await world.forward(days=4)
    await ana.asked_daily("09:00", grace="45 min", more="sin avisos")
    await coral.writes("/perdido ana")
    await coral.sees("Suspendí la cuenta de Ana")
    await berta.sees("Coral suspendió la cuenta de Ana")
    await berta.presses("Sé que está bien")
    await berta.shows("Berta sabe que está bien")
    await world.until("09:46")
    for person in (ana, berta, coral):
        await person.sees_nothing()  # nobody is asked, and nobody is missing

    await berta.writes("/recuperar Ana")
    await berta.sees("Lo pedí a otra persona")
    await coral.sees("Devolver el acceso a Ana")
    await coral.presses("Doy mi acuerdo")
    await berta.sees("recupera el acceso")
    secret = await berta.reads_secret()
    await ana.writes("hola")
    await ana.sees_nothing()
    await ana.writes(secret)
    await ana.sees("Ana")
    await ana.has_the_button()
    for person in (berta, coral):
        await person.reads_all()
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await ana.writes("bien")
    await ana.sees("Gracias")


@sandbox_alone
async def test_questions_do_not_stay_in_the_chat(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await ana.asked_daily("09:00", grace="45 min", more="sin avisos")
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await ana.writes("bien")
    await ana.sees("Gracias")
    await world.forward(hours=23)
    assert [text for text in await shown(ana) if "¿Estás bien?" in text]
    await world.forward(hours=2)
    assert len([text for text in await shown(ana) if "¿Estás bien?" in text]) == 1  # today's
    await ana.reads_all()
    for person in (berta, group.coordinator):
        await person.reads_all()


async def test_details_are_gone_when_the_incident_ends(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    coral = group.coordinator
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    for person in (berta, coral):
        await person.sees("Ana pide auxilio")
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste el incidente")
    await coral.sees("Berta se encarga")
    await berta.writes("/novedad Está en la casa azul")
    await berta.sees("Anotado")
    await coral.sees("Está en la casa azul")
    await coral.writes("/linea")
    await coral.sees("Está en la casa azul")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    await berta.reads_all()
    await coral.sees("cerrado por Berta")
    await world.forward(minutes=1)
    assert not [text for text in await shown(coral) if "casa azul" in text]


@pytest.mark.parametrize("world", ["telegram"], indirect=True)
async def test_a_group_names_nobody_on_telegram(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    coral = group.coordinator
    await coral.writes("/detalles no")
    await coral.sees("no se da ningún nombre")
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    for person in (berta, coral):
        await person.sees("Incidente #1", "alguien de tu red pide auxilio")
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste el incidente #1")
    await coral.sees("alguien de tu red se encarga")
    await berta.writes("/novedad Está en la casa azul")
    await berta.sees("Anotado")
    await coral.sees("léela en Matrix")
    await berta.writes("/entregar")
    await berta.sees("no da nombres", "/entregar 1")
    await berta.writes("/entregar 1 Coral")
    await berta.sees("Pregunté a alguien de tu red")
    await coral.sees("alguien de tu red te entrega el incidente #1")
    await coral.presses("No puedo")
    await coral.reads_all()
    await berta.sees("alguien de tu red no puede tomar el incidente #1")
    await coral.writes("/linea")
    await coral.sees("no da detalles por Telegram")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    await berta.reads_all()
    await coral.sees("cerrado por")
    for person in (berta, coral):
        alarms = [text for text in await shown(person) if "#1" in text]
        assert alarms
        assert not [text for text in alarms if "Ana" in text or "azul" in text]
    await coral.writes("/detalles si")
    await coral.sees("entre dos personas")
