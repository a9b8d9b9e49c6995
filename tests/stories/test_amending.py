"""What was published is put right, taken back with a reason, continued, or over when its date is."""

from tests.stories.test_denunciations import TEXT, TITLE, approved, organisation, says, write
from tests.support.world import Person, World


async def published(world: World) -> tuple[Person, Person, Person, Person]:
    """Denunciation #1 of Olga, approved by Rita, read by Ana and in a channel."""
    olga, rita, ana, channel = await organisation(world)
    await write(olga)
    await approved(olga, rita)
    for person in (channel, ana, rita):
        await person.sees(TITLE, TEXT)
    await olga.sees("#1")
    await world.forward(seconds=10)
    await olga.shows("Denuncia #1 publicada")
    return olga, rita, ana, channel


async def corrects(olga: Person, rita: Person, title: str, text: str) -> None:
    await olga.writes("/corregir 1")
    await olga.sees("Vas a corregir la denuncia #1", TITLE)
    await olga.writes(title)
    await olga.sees("Ahora el texto")
    await olga.writes(text)
    await olga.sees("Así se publicará", "Corrige la denuncia #1")
    await olga.sees(title, text)
    await olga.presses("Enviar a revisión")
    await rita.sees("Olga pide tu revisión", "Corrige la denuncia #1")
    await rita.sees(title, "#1")


async def test_a_correction_needs_the_second_person_too_and_takes_the_place_of_the_words(
    world: World,
) -> None:
    olga, rita, ana, channel = await published(world)
    await corrects(olga, rita, TITLE, "Fueron tres camionetas.")
    await channel.shows(TEXT)  # nobody has agreed yet
    await rita.presses("Aprobar y publicar")
    await olga.sees("La denuncia #1 quedó corregida", "En 0 chats")
    for person in (channel, ana, rita):
        await person.shows("Corregida el", TITLE, "Fueron tres camionetas.", "#1")
        await person.sees_nothing()


async def test_a_withdrawal_says_why_and_leaves_none_of_the_words(world: World) -> None:
    olga, rita, ana, channel = await published(world)
    await rita.writes("/retirar 1")
    await rita.sees("¿Por qué se retira la denuncia #1?")
    await rita.writes("Puso en riesgo a una persona.")
    await rita.sees("¿Retirar la denuncia #1?", "Puso en riesgo a una persona.")
    await channel.shows(TEXT)
    await rita.presses("Sí, retirar")
    await olga.sees("Rita retiró la denuncia #1")
    for person in (channel, ana):
        await person.shows("Denuncia retirada", "Puso en riesgo a una persona.", "#1")
        assert not any(TEXT in m.text for m in await person.device.messages())
    await ana.writes("/leer 1")
    await ana.sees("Denuncia retirada")
    await olga.writes("/retirar 1 otra vez")
    await olga.sees("ya no está en ese punto")


async def test_who_thinks_again_keeps_it(world: World) -> None:
    olga, _, _, channel = await published(world)
    await olga.writes("/retirar 1 Hay un error.")
    await olga.sees("¿Retirar la denuncia #1?")
    await olga.presses("No, queda publicada")
    await channel.shows(TEXT)


async def test_a_member_who_does_not_publish_takes_nothing_back(world: World) -> None:
    _, _, ana, channel = await published(world)
    for command in ("/retirar 1 porque sí", "/corregir 1"):
        await ana.writes(command)
        await ana.sees("Eso no te toca a ti")
    await channel.shows(TEXT)


async def test_a_number_that_is_none_gets_a_kind_answer(world: World) -> None:
    olga, _, _, _ = await published(world)
    for command in ("/corregir 9", "/retirar", "/corregir hola", "/retirar 99999999999999999999"):
        await olga.writes(command)
        await olga.sees("¿Cuál?")
    await olga.writes("/denuncia seguimiento 9")
    await olga.sees("¿A cuál denuncia da seguimiento?")


async def test_a_follow_up_says_what_it_continues(world: World) -> None:
    olga, rita, ana, channel = await published(world)
    await olga.writes("/denuncia seguimiento 1")
    await olga.sees("paso a paso")
    await olga.writes("Siguen sin responder")
    await olga.sees("1 de 3", "¿Qué pasó desde entonces?")
    await olga.writes("La fiscalía no ha abierto una carpeta.")
    await olga.sees("2 de 3")
    await olga.writes("Que la abra ya.")
    await olga.sees("3 de 3", "escribe «-»")
    await olga.writes("-")
    await olga.sees("Así se publicará")
    await olga.sees("Seguimiento", "Siguen sin responder", "Qué pasó desde entonces", "Sigue a")
    await approved(olga, rita)
    for person in (channel, ana, rita):
        await person.sees("Seguimiento", "Siguen sin responder", "#2", "Sigue a")
    await olga.sees("#2")


async def test_an_urgent_action_counts_its_days_and_closes_itself(world: World) -> None:
    olga, rita, ana, channel = await organisation(world)
    await write(olga)
    await says(olga, "Hasta cuándo", "20 de noviembre a las 09:00")
    await olga.shows("Acción urgente", "Días que quedan: 3")
    await approved(olga, rita)
    for person in (channel, ana, rita):
        await person.sees("Días que quedan: 3", TITLE)
    await olga.sees("#1")
    await world.forward(days=1, hours=2)
    for person in (channel, ana):
        await person.shows("Días que quedan: 2", TITLE)
    await world.forward(days=2)
    for person in (channel, ana):
        await person.shows("Acción urgente, cerrada", TITLE)
        await person.sees_nothing()
    await olga.sees("llegó a su fecha y quedó cerrada")


async def test_a_correction_changes_what_it_is_and_until_when_as_it_was_approved(
    world: World,
) -> None:
    olga, rita, ana, channel = await published(world)
    await olga.writes("/corregir 1")
    await olga.reads_all()
    await olga.writes(TITLE)
    await olga.reads_all()
    await olga.writes(TEXT)
    await olga.reads_all()
    await says(olga, "Hasta cuándo", "19 de noviembre a las 09:00")
    await approved(olga, rita)
    await olga.sees("quedó corregida")
    for person in (channel, ana):
        await person.shows("Acción urgente", "Días que quedan: 2", TITLE)
    await world.forward(days=3)
    for person in (channel, ana):
        await person.shows("Acción urgente, cerrada", TITLE)
    await olga.sees("llegó a su fecha")
    await rita.reads_all()


async def test_a_closed_urgent_action_can_be_corrected_and_keeps_its_other_language(
    world: World,
) -> None:
    olga, rita, ana, channel = await organisation(world)
    await write(olga)
    await olga.presses("Ajustes")
    await olga.reads_all()
    await olga.presses("Añadir otra lengua")
    await olga.reads_all()
    for words in ("en", "Harassment", "Two vans."):
        await olga.writes(words)
    await olga.reads_all()
    await says(olga, "Hasta cuándo", "mañana a las 9:00")
    await approved(olga, rita)
    await world.forward(days=2)
    for person in world.people:
        await person.reads_all()
    await channel.shows("Acción urgente, cerrada")
    await corrects(olga, rita, TITLE, "Fueron tres camionetas.")
    await rita.presses("Aprobar y publicar")
    await olga.sees("quedó corregida")
    for person in (channel, ana):
        await person.shows("Acción urgente, cerrada", "Corregida el", "Fueron tres camionetas.")
    await channel.shows("Two vans.")


async def test_a_correction_takes_no_files(world: World) -> None:
    olga, _, _, _ = await published(world)
    await olga.writes("/corregir 1")
    await olga.sees("Vas a corregir")
    await olga.sends_file(b"Una carta.", "carta.txt")
    await olga.sees("Una corrección cambia las palabras")
