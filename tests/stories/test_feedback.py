"""How it went: one tap, without a name, and shown only with others'."""

from __future__ import annotations

from tests.stories.test_aftercare import it_is_over
from tests.support.world import Group, Person, World


async def asked(world: World) -> tuple[Group, Person, Person]:
    """The incident is over, and Ana and Berta are asked how it went."""
    group, ana, berta = await it_is_over(world)
    await world.forward(hours=7)
    for person in (ana, berta):
        await person.sees("¿Cómo funcionó la respuesta en el incidente #1?")
    await ana.sees("¿Quieres que te pregunte")
    return group, ana, berta


async def test_one_tap_and_words(world: World) -> None:
    group, ana, berta = await asked(world)
    await ana.presses("muy bien")
    await ana.sees("Anotado, sin tu nombre")
    await ana.writes("Llegaron pronto")
    await ana.sees("Gracias")
    await berta.presses("regular")
    await berta.sees("Anotado, sin tu nombre")
    await berta.presses("Nada más")
    await berta.shows("Gracias")
    await world.forward(days=13, hours=20)
    texts = "".join(await group.coordinator.reads_all())
    assert "Opiniones: 2. Se muestran desde 3" in texts
    assert "Llegaron pronto" not in texts
    for person in (ana, berta):
        await person.sees("¿Te llegan mis avisos?")


async def test_from_three_on_they_are_shown_without_names(world: World) -> None:
    group, ana, berta = await asked(world)
    await ana.presses("muy bien")
    await ana.writes("Llegaron pronto")
    await berta.presses("bien")
    await berta.presses("Firmar con mi nombre")
    await berta.shows("Va con tu nombre")
    await berta.writes("Faltó gasolina")
    await ana.writes("/auxilio")
    await berta.presses("Yo me encargo")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    await world.forward(days=1)
    for person in (ana, berta):
        await person.reads_all()
    await berta.presses("muy mal")
    await world.forward(days=13)
    (text,) = [t for t in await group.coordinator.reads_all() if "Resumen de" in t]
    assert "Opiniones: 3, 3.3 de 5" in text
    assert "«Llegaron pronto» (sin nombre)" in text
    assert "«Faltó gasolina» (Berta)" in text
    assert "Ana" not in text
    for person in (ana, berta):
        await person.reads_all()


async def test_in_one_line_and_only_once(world: World) -> None:
    group, _, berta = await asked(world)
    await berta.writes("/opinion 1")
    await berta.sees("Ejemplo", "/opinion 12 4")
    await berta.writes("/opinion 1 4 sin luz en la zona")
    await berta.sees("Gracias")
    await berta.writes("/opinion 1 1")
    await berta.sees("Ahora no espero tu opinión")
    await group.coordinator.writes("/opinion 1 1 no estuve")
    await group.coordinator.sees("Ahora no espero tu opinión")


async def test_after_a_false_alarm_the_person_is_left_alone(world: World) -> None:
    _, ana, berta = await it_is_over(world, "falsa alarma")
    await world.forward(hours=7)
    await berta.sees("¿Cómo funcionó la respuesta en el incidente #1?")
    await ana.sees_nothing()
