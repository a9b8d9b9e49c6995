"""Who reads chooses: topics, regions, a language, at once or once a day, or nothing any more."""

from tests.stories.test_denunciations import TEXT, TITLE, approved, organisation, write
from tests.support.world import Person, World


async def published_with(olga: Person, rita: Person, *topics: str) -> None:
    """Another one, with these topics."""
    await write(olga)
    for topic in topics:
        await olga.presses("Ajustes")
        await olga.sees("¿Qué quieres cambiar?")
        await olga.presses("Temas")
        await olga.sees("Temas de la denuncia")
        await olga.presses(topic)
        await olga.sees("Temas de la denuncia")
        await olga.presses("Listo")
        await olga.sees("Así se publicará", topic)
        await olga.sees(TITLE)
    await approved(olga, rita)
    await olga.reads_all()
    await rita.reads_all()


async def test_a_topic_reaches_those_who_chose_it_and_those_who_chose_none(world: World) -> None:
    olga, rita, ana, channel = await organisation(world)
    await olga.writes("/temas agua, territorio")
    await olga.sees("Temas de las denuncias: agua", "territorio")
    await ana.writes("/suscribir")
    await ana.sees("Recibes las denuncias públicas")
    await ana.presses("Temas")
    await ana.sees("¿Sobre qué temas?")
    await ana.presses("agua")
    await ana.sees("¿Sobre qué temas?")
    await ana.presses("Listo")
    await ana.sees("Temas: agua")
    await published_with(olga, rita, "territorio")
    await channel.sees(TITLE)
    await ana.sees_nothing()
    await published_with(olga, rita, "agua")
    await channel.sees(TITLE)
    await ana.sees(TITLE, TEXT)
    await published_with(olga, rita)
    await channel.sees(TITLE)
    await ana.sees(TITLE, TEXT)


async def test_once_a_day_comes_in_the_evening_in_one_message(world: World) -> None:
    olga, rita, ana, channel = await organisation(world)
    await ana.writes("/suscribir diario")
    await ana.sees("una vez al día")
    await published_with(olga, rita)
    await published_with(olga, rita)
    await channel.reads_all()
    await ana.sees_nothing()
    await world.until("17:59")
    await ana.sees_nothing()
    await world.until("18:01")
    await ana.sees("de hoy: 2", "#1", "#2", TITLE, "/leer")
    await ana.writes("/leer 2")
    await ana.sees(TITLE, TEXT)
    await world.forward(days=1)
    await ana.sees_nothing()
    for person in world.people:
        await person.reads_all()


async def test_leaving_takes_one_tap_and_coming_back_one_word(world: World) -> None:
    olga, rita, ana, channel = await organisation(world)
    await ana.writes("/suscribir")
    await ana.sees("en cuanto salen")
    await ana.presses("Dejar de recibir")
    await ana.shows("Ya no recibirás")
    await published_with(olga, rita)
    await channel.sees(TITLE)
    await ana.sees_nothing()
    await ana.writes("/suscribir")
    await ana.sees("en cuanto salen")
    await published_with(olga, rita)
    await channel.sees(TITLE)
    await ana.sees(TITLE)


async def test_a_channel_gets_the_language_that_was_chosen_for_it(world: World) -> None:
    olga, rita, ana, channel = await organisation(world)
    await olga.writes("/destinos")
    await olga.sees("Alertas")
    await olga.presses("En qué lengua")
    await olga.sees("¿En qué lengua publico en «Alertas»?")
    await olga.presses("English")
    await olga.sees("Alertas", "Lengua: English")
    await published_with(olga, rita)
    await channel.sees(TITLE)  # it has no other one
    await ana.sees(TITLE)


async def test_topics_are_few_and_short_and_can_be_taken_off(world: World) -> None:
    olga, _, ana, _ = await organisation(world)
    await olga.writes("/temas")
    await olga.sees("Todavía no hay temas")
    await olga.writes("/temas " + "x" * 41)
    await olga.sees("hasta 40 letras")
    await olga.writes("/temas agua")
    await olga.sees("Temas de las denuncias: agua")
    await olga.presses("Quitar «agua»")
    await olga.sees("Todavía no hay temas")
    await ana.writes("/temas agua")
    await ana.sees("Eso no te toca a ti")


async def test_a_region_reaches_those_who_chose_it(world: World) -> None:
    olga, rita, ana, channel = await organisation(world)
    coral = world.people[0]
    for name in ("Sierra", "Costa"):
        await coral.writes(f"/region crear {name}")
        await coral.sees(f"Crear la región {name}")
        await coral.writes("1")
        await coral.sees(f"Creada: {name}")
    await ana.writes("/suscribir")
    await ana.sees("en cuanto salen")
    await ana.presses("Regiones")
    await ana.sees("¿De qué regiones?")
    await ana.presses("Costa")
    await ana.sees("¿De qué regiones?")
    await ana.presses("Listo")
    await ana.sees("Regiones: Costa")
    for region, reads in (("Sierra", False), ("Costa", True)):
        await write(olga)
        await olga.presses("Ajustes")
        await olga.sees("¿Qué quieres cambiar?")
        await olga.presses("Región")
        await olga.sees("¿A qué región")
        await olga.presses(region)
        await olga.sees("Así se publicará", f"Región: {region}")
        await olga.sees(TITLE)
        await approved(olga, rita)
        await channel.sees(TITLE)
        if reads:
            await ana.sees(TITLE)
        await ana.sees_nothing()
        await olga.reads_all()
        await rita.reads_all()
