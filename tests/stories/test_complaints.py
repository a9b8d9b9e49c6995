"""A complaint is a case with a holder and a clock, and never judged by whom it is about."""

from __future__ import annotations

from tests.support.world import World


async def test_taken_answered_and_settled(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    coral = group.coordinator
    await ana.writes("/queja")
    await ana.sees("¿Sobre qué es?")
    await ana.presses("una respuesta")
    await ana.sees("¿Qué pasó?")
    await ana.writes("Tardaron una hora en contestar")
    await ana.sees("Alguien la toma en 2 días", "¿La envío?")
    await ana.presses("Enviar sin mi nombre")
    await ana.sees("Envié tu queja; es la número 1")
    await coral.sees("Queja 1", "una respuesta", "no dio su nombre", "Tardaron una hora")
    await coral.presses("Yo la atiendo")
    await coral.sees("Tomaste la queja 1")
    await ana.sees("Alguien tomó tu queja 1")
    await coral.presses("Responder")
    await coral.sees("Escribe la respuesta a la queja 1")
    await coral.writes("Tienes razón: desde hoy hay dos guardias")
    await coral.sees("Envié tu respuesta")
    await ana.sees("tiene respuesta", "desde hoy hay dos guardias")
    await ana.presses("Queda resuelta")
    await ana.shows("Cerrada")
    await world.forward(days=3)
    await coral.writes("/quejas")
    await coral.sees("No hay quejas que te toque atender")


async def test_the_member_sees_where_it_stands(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("/queja medida: el plan avisa a mi jefe")
    await ana.sees("¿La envío?")
    await ana.presses("Enviar con mi nombre")
    await ana.sees("es la número 1")
    await group.coordinator.sees("Queja 1", "De: Ana", "avisa a mi jefe")
    await ana.writes("/queja 1")
    await ana.sees("Tu queja 1 espera a que alguien la tome")
    await ana.writes("/queja 9")
    await ana.sees("No tienes una queja con el número 9")
    await ana.presses("Retirar la queja")
    await ana.shows("Cerrada")
    await group.coordinator.shows("la da por terminada")


async def test_not_to_the_person_it_is_about(world: World) -> None:
    """Coral alone coordinates, and it is about Coral: it goes to whoever runs the bot."""
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("/queja persona Nadie: me gritó")
    await ana.sees("No encuentro en el grupo a «Nadie»")
    await ana.writes("/queja persona Coral: me gritó")
    await ana.sees("la recibe quien administra el bot", "¿La envío?")
    await ana.presses("Enviar sin mi nombre")
    await ana.sees("es la número 1")
    await world.forward(days=1)
    await group.coordinator.sees_nothing()
    await group.coordinator.writes("/quejas")
    await group.coordinator.sees("No hay quejas que te toque atender")


async def test_what_nobody_takes_goes_on(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    coral = group.coordinator
    await ana.writes("/queja medida: nadie me preguntó")
    await ana.presses("Enviar sin mi nombre")
    await ana.reads_all()
    await coral.sees("Queja 1")
    await world.forward(days=2, hours=1)
    await coral.sees("Queja 1", "Pasó el plazo sin respuesta")
    await ana.sees("Nadie respondió a tiempo a tu queja 1")


async def test_whoever_took_it_is_reminded_and_then_loses_it(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    coral = group.coordinator
    await ana.writes("/queja medida: nadie me preguntó")
    await ana.presses("Enviar sin mi nombre")
    await coral.presses("Yo la atiendo")
    for person in (ana, coral):
        await person.reads_all()
    await world.forward(days=5, hours=1)
    await coral.sees("Te toca responder antes de")
    await world.forward(days=2)
    await coral.sees("Pasó el plazo sin respuesta")
    await ana.sees("Nadie respondió a tiempo")


async def test_an_answer_that_is_not_enough(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    coral = group.coordinator
    await ana.writes("/queja medida: nadie me preguntó")
    await ana.presses("Enviar sin mi nombre")
    await coral.presses("Yo la atiendo")
    await coral.presses("Responder")
    await coral.writes("Así es el plan")
    for person in (ana, coral):
        await person.reads_all()
    await ana.presses("No queda resuelta")
    await ana.shows("La pasé a otra persona")
    await coral.sees("No quedó resuelta", "Así es el plan")


async def test_only_the_holder_answers_and_words_are_needed(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("/queja medida: " + "a" * 2100)
    await ana.sees("hasta 1500 letras")
    await ana.writes("así sí")
    await ana.sees("¿La envío?")
    await ana.presses("Descartar")
    await ana.shows("No envié nada")
    await group.coordinator.sees_nothing()
    await ana.writes("/quejas")
    await ana.sees("Eso no te toca a ti")


async def test_two_coordinate_and_the_first_to_take_it_holds_it(world: World) -> None:
    group = await world.group("Red")
    (rita,) = await group.joined("Rita", as_="coordinación")
    (ana,) = await group.joined("Ana", as_="integrante")
    await rita.reads_all()
    coral = group.coordinator
    await ana.writes("/queja respuesta: nadie vino")
    await ana.presses("Enviar sin mi nombre")
    for person in (coral, rita):
        await person.sees("Queja 1", "nadie vino")
    await rita.presses("Yo la atiendo")
    await rita.sees("Tomaste la queja 1")
    await coral.shows("Ya la tomó alguien")
    await ana.writes("/queja persona Rita: me gritó")
    await ana.presses("Enviar sin mi nombre")
    await coral.sees("Queja 2", "Sobre: Rita", "me gritó")
    await ana.reads_all()


async def test_words_that_come_first_are_kept(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("/queja tardaron una hora en contestar")
    await ana.sees("¿Sobre qué es?")
    await ana.presses("una respuesta")
    await ana.sees("¿La envío?")
    await ana.presses("Enviar sin mi nombre")
    await ana.sees("es la número 1")
    await group.coordinator.sees("Queja 1", "tardaron una hora en contestar")
