"""A denunciation is written by one person, approved by another, and arrives once."""

from tests.support.world import Person, World

TITLE = "Hostigamiento en la comunidad"
TEXT = "El 23 de noviembre dos camionetas siguieron a una compañera."


async def organisation(world: World) -> tuple[Person, Person, Person, Person]:
    """Olga writes, Rita approves, Ana subscribes, and Lucía reads the public channel."""
    group = await world.group("Red")
    (olga,) = await group.joined("Olga", as_="redacción")
    (rita,) = await group.joined("Rita", as_="aprobación")
    (ana,) = await group.joined("Ana", as_="integrante")
    await group.coordinator.writes("/suscribir")
    await group.coordinator.sees("Recibes las denuncias públicas en cuanto salen")
    await group.coordinator.presses("Dejar de recibir")
    await group.coordinator.shows("Ya no recibirás")
    channel = await world.channel("Alertas", olga, "Lucía")
    await olga.sees("Me añadieron a «Alertas»")
    await olga.presses("Sí, publicar ahí")
    await olga.shows("Publicaré en «Alertas»")
    return olga, rita, ana, channel


async def write(olga: Person) -> None:
    await olga.writes("/denuncia")
    await olga.sees("Escribe el título")
    await olga.writes(TITLE)
    await olga.sees("Ahora el texto")
    await olga.writes(TEXT)
    await olga.sees("Así se publicará")
    await olga.sees(TITLE, TEXT)


async def says(olga: Person, what: str, words: str) -> None:
    """Something else about the draft: its hour, its date, another language."""
    await olga.presses("Ajustes")
    await olga.sees("¿Qué quieres cambiar?")
    await olga.presses(what)
    await olga.reads_all()
    await olga.writes(words)
    await olga.sees("Así se publicará")
    await olga.sees(TITLE)


async def approved(olga: Person, rita: Person) -> None:
    """It goes to review, and Rita agrees."""
    await olga.presses("Enviar a revisión")
    await rita.reads_all()
    await rita.presses("Aprobar y publicar")


async def test_written_approved_by_another_and_published_with_a_report(world: World) -> None:
    olga, rita, ana, channel = await organisation(world)
    await write(olga)
    await olga.presses("Enviar a revisión")
    await olga.shows("En revisión")
    await rita.sees("Olga pide tu revisión")
    await rita.sees(TITLE, TEXT)
    await channel.sees_nothing()

    await rita.presses("Aprobar y publicar")
    await rita.shows("Aprobada por Rita")
    await channel.sees(TITLE, TEXT)
    await ana.sees(TITLE, TEXT)
    await rita.sees(TITLE, TEXT)
    await olga.sees("#1")
    await world.forward(seconds=10)
    await olga.shows("Denuncia #1 publicada", "3 de 3")


async def test_what_is_returned_can_be_changed_and_the_old_approval_is_void(world: World) -> None:
    olga, rita, _, channel = await organisation(world)
    await write(olga)
    await olga.presses("Enviar a revisión")
    await rita.sees("Olga pide tu revisión")
    await rita.sees(TITLE)
    await rita.presses("Devolver")
    await rita.shows("Devuelta por Rita")
    await olga.sees("Rita devolvió")
    await olga.sees(TITLE)
    await olga.presses("Volver a escribir")
    await olga.sees("Escribe el título")
    await olga.writes("Otro título")
    await olga.sees("Ahora el texto")
    await olga.writes(TEXT)
    await olga.sees("Así se publicará")
    await olga.sees("Otro título")
    await channel.sees_nothing()


async def test_nobody_approves_alone(world: World) -> None:
    group = await world.group("Red")
    (olga,) = await group.joined("Olga", as_="redacción aprobación")
    await write(olga)
    await olga.presses("Enviar a revisión")
    await olga.sees("Nadie más puede aprobar")


async def test_who_may_not_write_is_told_so_kindly(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("/denuncia")
    await ana.sees("Eso no te toca a ti")
