"""The directory of care: kept by those who coordinate, read by everyone in the group, and checked."""

from __future__ import annotations

from tests.support.world import Group, Person, World

LINE = "/cuidados agregar legal; Oaxaca; Despacho amigo; llamar de día al 951 000 0000"


async def proven(world: World) -> tuple[Group, Person, Person]:
    """Coral coordinates, Ana is a member, and their devices are proven to be theirs."""
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    for person in (group.coordinator, ana):
        await person.device.signs()
    return group, group.coordinator, ana


async def kept(world: World) -> tuple[Group, Person, Person]:
    """One entry, in one line."""
    group, coral, ana = await proven(world)
    await coral.writes(LINE)
    await coral.sees("Despacho amigo", "apoyo legal", "Oaxaca", "951 000 0000")
    await coral.sees("¿Lo guardo así?")
    await coral.presses("Guardar")
    await coral.shows("Guardado")
    return group, coral, ana


async def test_step_by_step(world: World) -> None:
    group, coral, ana = await proven(world)
    await coral.writes("/cuidados")
    await coral.sees("El directorio de apoyos está vacío")
    await coral.sees("/cuidados agregar")
    await coral.writes("/care add")
    await coral.sees("¿Qué clase de apoyo es?")
    await coral.presses("refugio")
    await coral.sees("¿De qué región es?")
    await coral.writes("todas")
    await coral.sees("¿Cómo se llama?")
    await coral.writes("Casa de paso")
    await coral.sees("¿Cómo se llega")
    await coral.writes("Preguntar antes por teléfono")
    await coral.sees("Casa de paso", "refugio", "todas las regiones")
    await coral.sees("¿Lo guardo así?")
    await coral.presses("Guardar")
    await ana.writes("/cuidados")
    await ana.sees("1. Casa de paso", "refugio", "Comprobado el 08:0")


async def test_found_by_kind_and_region(world: World) -> None:
    _, _, ana = await kept(world)
    await ana.writes("/cuidados legal oaxaca")
    await ana.sees("Despacho amigo")
    await ana.writes("/cuidados psicosocial")
    await ana.sees("No encuentro nada para «psicosocial»")
    await ana.writes("/cuidados Chiapas")
    await ana.sees("No encuentro nada para «Chiapas»")


async def test_it_goes_from_the_chat(world: World) -> None:
    _, coral, ana = await kept(world)
    await ana.writes("/cuidados")
    await ana.sees("Despacho amigo")
    await world.forward(hours=25)
    for person in (ana, coral):
        assert not any("951" in m.text for m in await person.device.messages())


async def test_only_those_who_coordinate_keep_it(world: World) -> None:
    _, _, ana = await kept(world)
    await ana.writes(LINE)
    await ana.sees("Eso no te toca a ti")
    await ana.writes("/cuidados quitar 1")
    await ana.sees("Eso no te toca a ti")


async def test_a_line_that_cannot_be_kept_is_explained(world: World) -> None:
    group = await world.group("Red")
    coral = group.coordinator
    await coral.writes("/cuidados agregar astral; Oaxaca; Casa; nada")
    await coral.sees("No conozco «astral»", "refugio, legal")
    await coral.writes("/cuidados agregar legal; Oaxaca")
    await coral.sees("Faltan partes", "/cuidados agregar legal;")
    await coral.writes("/cuidados agregar legal; Oaxaca; ; nada")
    await coral.sees("El nombre va de 1 a")
    await coral.writes("/cuidados quitar 7")
    await coral.sees("No hay un apoyo con el número «7»")


async def test_changed_and_removed(world: World) -> None:
    _, coral, ana = await kept(world)
    await coral.writes("/cuidados cambiar 1 médico; Puebla; Clínica; de 9 a 5")
    await coral.sees("Clínica", "atención médica", "Puebla")
    await coral.sees("¿Lo guardo así?")
    await coral.presses("Guardar")
    await ana.writes("/cuidados")
    await ana.sees("1. Clínica")
    await coral.writes("/cuidados quitar 1")
    await coral.sees("Clínica")
    await coral.sees("¿Qué pasa con el número 1")
    await coral.presses("Quitar")
    await coral.shows("Quité el número 1")
    await ana.writes("/cuidados")
    await ana.sees("está vacío")


async def test_asked_again_after_ninety_days(world: World) -> None:
    group, coral, ana = await kept(world)
    await world.forward(days=91)
    texts = await coral.reads_all()
    assert any("¿Sigue siendo cierto?" in text for text in texts)
    await ana.writes("/cuidados")
    await ana.sees("Ojo: nadie lo comprueba desde")
    await coral.presses("Sigue siendo cierto")
    await coral.shows("sigue siendo cierto")
    await ana.writes("/cuidados")
    await ana.sees("Comprobado el")
    await world.forward(days=60)
    for text in await group.coordinator.reads_all():
        assert "¿Sigue siendo cierto?" not in text


async def test_not_shown_where_nobody_is_named(world: World) -> None:
    _, coral, ana = await kept(world)
    await coral.writes("/detalles no")
    await coral.reads_all()
    await ana.writes("/cuidados")
    if world.stage.platform == "telegram":
        await ana.sees("Apoyos en el directorio: 1", "ábrelo desde Matrix")
    else:
        await ana.sees("Despacho amigo")
