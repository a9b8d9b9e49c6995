"""Every way of answering a check-in; and what is never counted as an answer."""

import pytest

from tests.support.world import Group, Person, World


async def asked(world: World) -> tuple[Group, Person]:
    """Ana has a question open since 09:00; Coral coordinates and would hear of a miss."""
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.asked_daily("09:00", grace="30 min", more="avisos 20 min")
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    return group, ana


async def test_by_button_the_question_itself_shows_it(world: World) -> None:
    _, ana = await asked(world)
    await ana.presses("Estoy bien")
    await ana.shows("¿Estás bien?", "Anotado a las 09:00")
    await world.until("10:00")


@pytest.mark.parametrize("word", ["bien", "OK", "estoy bein", "todo bien", "fine", "1"])
async def test_by_word_or_number(world: World, word: str) -> None:
    _, ana = await asked(world)
    await ana.writes(word)
    await ana.shows("Anotado a las 09:00")
    await ana.reads_all()
    await world.until("10:00")


async def test_later_asks_again_within_the_grace(world: World) -> None:
    group, ana = await asked(world)
    await ana.presses("Más tarde")
    await ana.shows("antes de las 09:30")
    await world.until("09:15")
    await ana.sees("Otra vez: ¿estás bien?")
    await world.until("09:25")
    await ana.sees("Otra vez: ¿estás bien?")
    await world.until("09:30")
    await group.coordinator.sees("Ana no respondió")


async def test_need_help_opens_an_incident_at_once(world: World) -> None:
    group, ana = await asked(world)
    await ana.presses("Necesito ayuda")
    await ana.shows("Avisé a tu red")
    await group.coordinator.sees("Ana respondió que necesita ayuda")


async def test_ok_and_help_at_once_is_help(world: World) -> None:
    group, ana = await asked(world)
    await ana.writes("ok, pero ayuda")
    await ana.sees("Avisé a tu red")
    await group.coordinator.sees("Ana respondió que necesita ayuda")


@pytest.mark.parametrize("text", ["no sé", "¿quién eres?", "¿bien?", "x" * 65536, "99"])
async def test_an_unclear_answer_is_asked_again_and_never_counted(world: World, text: str) -> None:
    # The platforms' own limits: characters of a message, and 64 KiB of an encrypted event.
    text = text[: {"telegram": 4096, "matrix": 30_000}.get(world.stage.platform)]
    group, ana = await asked(world)
    await ana.writes(text)
    await ana.sees("no la conté", "¿Estás bien?")
    await world.until("09:20")
    await ana.sees("Otra vez")
    await world.until("09:30")
    await group.coordinator.sees("Ana no respondió")


async def test_a_sticker_a_forward_and_an_edit_are_no_answers(world: World) -> None:
    group, ana = await asked(world)
    await ana.sends("sticker")
    await ana.sees("Solo leo palabras", "¿Estás bien?")
    await ana.writes("ok", forwarded=True)
    await ana.sees("reenviado no cuenta", "¿Estás bien?")
    await ana.writes("mmm")
    await ana.sees("No entendí")
    await ana.writes("ok", edited=True)
    await ana.sees("cambiaste un mensaje", "¿Estás bien?")
    await world.until("09:20")
    await ana.sees("Otra vez")
    await world.until("09:30")
    await group.coordinator.sees("Ana no respondió")


async def test_pressed_fifty_times_is_pressed_once(world: World) -> None:
    _, ana = await asked(world)
    question = (await ana.device.messages())[-1]
    for _ in range(50):
        await ana.device.press(question, "Estoy bien")
    await world.stage.settle()
    await ana.shows("Anotado a las 09:00")
    await ana.sees_nothing()


async def test_a_late_answer_is_told_and_ana_closes_it(world: World) -> None:
    group, ana = await asked(world)
    await world.until("09:20")
    await ana.sees("Otra vez")
    await world.until("09:30")
    await group.coordinator.sees("Ana no respondió")
    await world.until("09:35")
    await ana.writes("estoy bien")
    await ana.sees("¿Lo damos por terminado?")
    await group.coordinator.sees("Ana acaba de responder que está bien")
    await ana.presses("Sí, estoy bien")
    await ana.shows("Listo")
    await group.coordinator.sees("cerrado por Ana: a salvo")
    await world.forward(hours=3)


async def test_an_old_button_still_counts_while_the_question_is_open(world: World) -> None:
    _, ana = await asked(world)
    first = [m for m in await ana.device.messages() if m.labels][-1]
    await world.until("09:20")
    await ana.sees("Otra vez")
    if world.stage.platform == "matrix":  # elsewhere the old buttons are gone from the screen
        await ana.device.press(first, "Estoy bien")
    else:
        await ana.presses("Estoy bien")
    await world.stage.settle()
    await ana.shows("Anotado a las 09:20")
    await world.until("10:00")


async def test_ten_late_answers_are_told_once(world: World) -> None:
    group, ana = await asked(world)
    await world.until("09:20")
    await ana.sees("Otra vez")
    await world.until("09:30")
    await group.coordinator.sees("Ana no respondió")
    await world.forward(minutes=1)
    for _ in range(10):
        await ana.writes("bien")
    await ana.reads_all()
    await group.coordinator.sees("Ana acaba de responder que está bien")
    await group.coordinator.sees_nothing()


async def test_is_it_watching_me(world: World) -> None:
    _, ana = await asked(world)
    await ana.presses("Estoy bien")
    await ana.writes("/estado")
    await ana.sees("Último chequeo: respondido 09:00")
    await ana.sees("Próximo chequeo: 18 nov 09:00")


async def test_a_pause_ends_by_itself(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    await ana.asked_daily("09:00", more="avisos 15 min")
    await ana.writes("/pausa hasta mañana a las 8")
    await ana.sees("En pausa hasta 18 nov 08:00")
    await world.until("09:30")
    await ana.sees_nothing()
    await world.until("08:00")
    await ana.sees("Terminó tu silencio", "¿Estás bien?")
    await group.coordinator.sees("Terminó el silencio que anunció Ana")
    await ana.presses("Estoy bien")
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
