"""Those who coordinate see how things stand; nobody else does."""

from __future__ import annotations

from tests.support.world import Group, Person, World


async def network(world: World) -> Group:
    """A group whose coordinator's device is proven to be hers: a board is for nobody else's."""
    group = await world.group("Red")
    await group.coordinator.device.signs()
    return group


async def in_danger(world: World) -> tuple[Group, Person, Person]:
    """Ana raised an alarm of which the coordination was told at once, and Berta too."""
    group = await network(world)
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya: Berta, coordinación; repetir 60 min; noticias 5 h")
    await ana.writes("/auxilio")
    for person in (ana, berta, group.coordinator):
        await person.reads_all()
    return group, ana, berta


async def test_the_board_edits_itself(world: World) -> None:
    group, ana, berta = await in_danger(world)
    coral = group.coordinator
    await coral.writes("/tablero")
    await coral.sees("Tablero", "Incidente #1, Ana", "nadie lo tiene")
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste")
    await coral.sees("Berta se encarga")
    await world.forward(minutes=2)
    await coral.shows("Tablero", "lo tiene Berta")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    await world.forward(minutes=2)
    await coral.shows("Tablero", "Nada abierto")
    for person in (berta, coral):
        await person.reads_all()


async def test_who_is_asked_and_who_pauses(world: World) -> None:
    group = await network(world)
    ana, berta = await group.joined("Ana", "Berta", as_="integrante")
    await ana.asked_daily("09:00", more="sin avisos")
    await berta.asked_daily("10:00")
    await berta.writes("/pausa hasta mañana a las 9")
    await berta.sees("En pausa")
    await group.coordinator.sees("Berta anunció que estará en silencio")
    await world.until("09:10")
    await ana.sees("¿Estás bien?")
    await group.coordinator.writes("/board")
    await group.coordinator.sees("Sin responder: Ana", "09:00", "09:45", "En pausa: Berta")
    await ana.writes("estoy bien")
    await ana.sees("Anotado")
    await world.forward(minutes=1)
    shown = [m.text for m in await group.coordinator.device.messages() if "Tablero" in m.text]
    assert len(shown) == 1
    assert "Ana" not in shown[0]


async def test_an_incident_is_shown_to_whoever_was_told_of_it(world: World) -> None:
    group = await network(world)
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya: Berta; 5 h: coordinación; repetir 60 min")
    await ana.writes("/auxilio")
    for person in (ana, berta):
        await person.reads_all()
    await group.coordinator.writes("/tablero")
    await group.coordinator.sees("Otros incidentes abiertos, de los que no recibiste aviso: 1")
    for message in await group.coordinator.device.messages():
        if "Tablero" in message.text:
            assert "Ana" not in message.text


async def test_the_board_says_nothing_of_an_incident_about_its_reader(world: World) -> None:
    """Coral's phone may be in other hands: it learns of no alarm about her."""
    group = await network(world)
    coral = group.coordinator
    (berta,) = await group.joined("Berta")
    await coral.asked_daily("09:00", more="sin avisos")
    await world.until("09:00")
    await world.until("09:50")
    await coral.sees("¿Estás bien?")
    await berta.sees("Coral no respondió")
    await coral.writes("/tablero")
    await coral.sees("Nada abierto")


async def test_a_picture_with_the_same_in_words(world: World) -> None:
    group, _, _ = await in_danger(world)
    coral = group.coordinator
    await coral.writes("/tablero imagen")
    await coral.sees("Incidente #1, Ana")
    await coral.sees("El tablero de arriba, como imagen")
    picture = (await coral.device.files())[-1]
    assert picture.startswith(b"\x89PNG")
    if world.stage.platform == "matrix":  # there it is a message of its own
        await group.coordinator.reads_all()


async def test_the_board_is_deleted_after_some_hours(world: World) -> None:
    group = await network(world)
    await group.coordinator.writes("/tablero")
    await group.coordinator.sees("Nada abierto")
    await world.forward(hours=12, minutes=5)
    assert not any("Tablero" in m.text for m in await group.coordinator.device.messages())


async def test_asked_again_there_is_one_board(world: World) -> None:
    group = await network(world)
    coral = group.coordinator
    await coral.writes("/tablero")
    await coral.writes("/tablero")
    await world.forward(minutes=1)
    boards = [m for m in await coral.device.messages() if "Tablero" in m.text]
    assert len(boards) == 1
    await coral.reads_all()


async def test_it_is_for_those_who_coordinate(world: World) -> None:
    group = await network(world)
    (berta,) = await group.joined("Berta")
    for command in ("/tablero", "/resumen"):
        await berta.writes(command)
        await berta.sees("Eso no te toca a ti")


async def test_where_nobody_is_named_there_are_numbers(world: World) -> None:
    group, _, _ = await in_danger(world)
    coral = group.coordinator
    await coral.writes("/detalles no")
    await coral.reads_all()
    before = len(await coral.device.files())
    await coral.writes("/tablero imagen")
    if world.stage.platform == "telegram":
        await coral.sees("Incidentes abiertos: 1")
        await coral.sees("aquí no hay imagen")
        assert len(await coral.device.files()) == before
    else:
        await coral.sees("Incidente #1, Ana")
        await coral.reads_all()


async def test_the_line_of_an_incident_ends_with_its_times(world: World) -> None:
    _, _, berta = await in_danger(world)
    await world.forward(minutes=10)
    await berta.presses("Yo me encargo")
    await berta.reads_all()
    await berta.writes("/linea 1")
    await berta.sees("Hasta tenerlo alguien: 10 minutos", "Hasta el cierre: todavía no")
    await world.forward(minutes=20)
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    await berta.reads_all()
    await berta.writes("/linea 1")
    await berta.sees("Hasta tenerlo alguien: 10 minutos", "Hasta el cierre: 30 minutos")
    for person in world.people:
        await person.reads_all()


async def test_is_it_watching_me(world: World) -> None:
    group = await network(world)
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("/estado")
    await ana.sees("No tienes horario")
    await ana.asked_daily("09:00")
    await ana.writes("/estado")
    await ana.sees("Todavía no hubo ningún chequeo")
    await ana.sees("Próximo chequeo: 09:00")
    await world.until("09:00")
    await ana.reads_all()
    await ana.writes("bien")
    await ana.shows("Anotado")
    await ana.reads_all()
    await ana.writes("/pausa hasta mañana a las 20:00")
    await ana.sees("En pausa hasta")
    await group.coordinator.sees("Ana anunció que estará en silencio")
    await ana.writes("/estado")
    await ana.sees("Último chequeo: respondido 09:0")
    await ana.sees("En pausa hasta 18 nov 20:00")
    await ana.sees("Próximo chequeo: 18 nov 20:00")  # the end of a silence is asked about
