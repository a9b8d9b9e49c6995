"""Care after an incident: asked for, never an alarm, and never on a phone in other hands."""

from __future__ import annotations

import pytest

from tests.support.world import Group, Person, World

OFFER = "¿Quieres que te pregunte estos días cómo sigues?"
QUESTION = "¿Cómo sigues?"


async def it_is_over(
    world: World, outcome: str = "a salvo", cry: str = "/auxilio"
) -> tuple[Group, Person, Person]:
    """Ana asked for help; Berta held it and brought it to this end. Nobody has read what follows."""
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya: Berta; repetir 5 h; noticias 5 h")
    await ana.writes(cry)
    await berta.presses("Yo me encargo")
    await berta.presses("Cerrar")
    await berta.presses(outcome)
    for person in world.people:
        await person.reads_all()
    return group, ana, berta


async def opinions_aside(world: World, *people: Person) -> None:
    """Questions about how the response went are another story's."""
    for person in people:
        for message in await person.unread():
            if "¿Cómo funcionó" in message.text:
                await person.sees(message.text)


async def test_asked_after_one_three_and_seven_days(world: World) -> None:
    group, ana, berta = await it_is_over(world)
    await world.forward(hours=7)
    await opinions_aside(world, ana, berta)
    await ana.sees(OFFER)
    await ana.writes("sí")
    await ana.sees("Te pregunto al día siguiente")
    for days in (1, 2, 4):
        await world.forward(days=days)
        await ana.sees(QUESTION)
        await ana.presses("Voy bien")
    await world.forward(days=4)
    await ana.shows("Qué bueno")
    await ana.sees_nothing()
    await berta.sees_nothing()
    await group.coordinator.sees_nothing()


async def test_silence_is_no_miss_and_no_alarm(world: World) -> None:
    _, ana, berta = await it_is_over(world)
    await world.forward(hours=7)
    await opinions_aside(world, ana, berta)
    await ana.sees(OFFER)
    await ana.presses("Sí, pregúntame")
    await world.forward(days=1)
    await ana.sees(QUESTION)
    await world.forward(days=2)
    await ana.sees(QUESTION)
    await world.forward(days=4)
    await ana.sees(QUESTION)
    await world.forward(days=4)
    await ana.sees_nothing()
    await berta.sees_nothing()


async def test_who_does_not_want_it_is_not_asked(world: World) -> None:
    _, ana, berta = await it_is_over(world)
    await world.forward(hours=7)
    await opinions_aside(world, ana, berta)
    await ana.sees(OFFER)
    await ana.presses("No, gracias")
    await ana.shows("No te pregunto más")
    await world.forward(days=8)
    await ana.sees_nothing()


async def test_who_does_not_answer_the_offer_is_not_asked(world: World) -> None:
    _, ana, berta = await it_is_over(world)
    await world.forward(hours=7)
    await opinions_aside(world, ana, berta)
    await ana.sees(OFFER)
    await world.forward(days=9)
    await ana.sees_nothing()


async def test_stop_ends_it(world: World) -> None:
    _, ana, berta = await it_is_over(world)
    await world.forward(hours=7)
    await opinions_aside(world, ana, berta)
    await ana.sees(OFFER)
    await ana.writes("sí, gracias")
    await ana.sees("Te pregunto")
    await world.forward(days=1)
    await ana.sees(QUESTION)
    await ana.writes("parar")
    await ana.sees("No te pregunto más")
    await world.forward(days=8)
    await ana.sees_nothing()


async def test_would_like_to_talk_to_whoever_held_it(world: World) -> None:
    group, ana, berta = await it_is_over(world)
    await world.forward(hours=7)
    await opinions_aside(world, ana, berta)
    await ana.sees(OFFER)
    await ana.presses("Sí, pregúntame")
    await world.forward(days=1)
    await ana.sees(QUESTION)
    await ana.writes("quisiera hablar")
    await ana.sees("¿Con quién quieres hablar?")
    await ana.presses("Quien me acompañó")
    await berta.sees("Ana quiere hablar con alguien", "No es una alarma")
    await ana.shows("Te buscará")
    await group.coordinator.sees_nothing()


async def test_would_like_to_talk_to_somebody_she_names(world: World) -> None:
    group, ana, berta = await it_is_over(world)
    await world.forward(hours=7)
    await opinions_aside(world, ana, berta)
    await ana.sees(OFFER)
    await ana.presses("Sí, pregúntame")
    await world.forward(days=1)
    await ana.sees(QUESTION)
    await ana.presses("Quisiera hablar")
    await ana.sees("¿Con quién quieres hablar?")
    await ana.writes("Berta")
    await ana.sees("No encuentro a Berta en la coordinación")
    await ana.writes("coral")
    await ana.sees("Te buscará")
    await group.coordinator.sees("Ana quiere hablar con alguien")
    await berta.sees_nothing()


async def test_help_is_still_help(world: World) -> None:
    _, ana, berta = await it_is_over(world)
    await world.forward(hours=7)
    await opinions_aside(world, ana, berta)
    await ana.sees(OFFER)
    await ana.presses("Sí, pregúntame")
    await world.forward(days=1)
    await ana.sees(QUESTION)
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red", "#2")
    await berta.sees("Ana pide auxilio")


@pytest.mark.parametrize("outcome", ["falsa alarma", "sufrió daño", "no se sabe"])
async def test_not_where_the_phone_may_be_in_other_hands(world: World, outcome: str) -> None:
    _, ana, berta = await it_is_over(world, outcome)
    await world.forward(days=2)
    await opinions_aside(world, berta)
    await ana.sees_nothing()


async def test_not_to_a_suspended_account(world: World) -> None:
    group, ana, berta = await it_is_over(world)
    await group.coordinator.writes("/perdido Ana")
    await group.coordinator.presses("Sé que está bien")
    await group.coordinator.reads_all()
    await world.forward(days=2)
    await opinions_aside(world, berta)
    await ana.reads_all()
    await world.forward(days=8)
    await ana.sees_nothing()


async def test_not_after_words_of_duress(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya: Berta; repetir 5 h; noticias 5 h")
    await ana.writes("/palabra la luna está tranquila")
    await ana.sees("otra vez")
    await ana.writes("la luna está tranquila")
    await ana.reads_all()
    await ana.writes("la luna está tranquila")
    await ana.sees("No hay ninguna pregunta abierta")
    await berta.sees("palabra de coacción")
    await berta.presses("Yo me encargo")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    await berta.reads_all()
    await world.forward(days=2)
    await opinions_aside(world, berta)
    await ana.sees_nothing()


async def test_after_a_miss_only_whoever_answered_since(world: World) -> None:
    """Berta says that Ana is safe; Ana's phone said nothing, and is asked nothing."""
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya: Berta; repetir 5 h; noticias 5 h")
    await ana.asked_daily("09:00", more="sin avisos")
    await world.until("09:00")
    await world.until("09:50")
    await ana.sees("¿Estás bien?")
    await ana.writes("/horario")
    await ana.presses("Quitar este horario")
    await ana.reads_all()
    await berta.presses("Yo me encargo")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    await berta.reads_all()
    await world.forward(days=2)
    await opinions_aside(world, berta)
    await ana.sees_nothing()


async def test_opened_again_nothing_is_asked(world: World) -> None:
    _, ana, berta = await it_is_over(world)
    await berta.writes("/reabrir 1")
    await berta.reads_all()
    await berta.presses("Yo me encargo")
    await world.forward(hours=12)
    await berta.reads_all()
    await ana.sees_nothing()
