"""What is kept about oneself can be had and can be erased, by oneself alone."""

import pytest

from tests.support.world import World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)


async def test_ana_has_it_and_has_it_erased(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await ana.device.signs()  # the file is for devices that are surely hers
    await ana.asked_daily("09:00", grace="45 min")
    await ana.writes("/misdatos")
    await ana.sees("Quien tenga este teléfono")
    await ana.presses("Sí, aquí")
    assert any("Aquí está" in text for text in await ana.reads_all())

    await ana.writes("/borrarme")
    await ana.sees("Escribe BORRAR")
    await ana.writes("no sé")
    await ana.sees("No borré nada")
    await ana.writes("/borrarme")
    await ana.sees("Escribe BORRAR")
    await ana.writes("¡Borrar!")
    await ana.sees("Hecho")
    await group.coordinator.sees("Ana salió del grupo", "por otro medio")

    await world.until("09:00")
    await ana.writes("/auxilio")  # a stranger: silence, and no question at nine
    await ana.sees_nothing()
    await berta.sees_nothing()


@sandbox_alone
async def test_nothing_is_erased_while_an_alarm_may_be_under_way(world: World) -> None:
    """Nor does the answer say which, to whoever holds the phone."""
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await ana.asked_daily("09:00", grace="45 min", more="sin avisos")
    await world.until("08:59")
    await ana.writes("/borrarme")
    await ana.sees("Escribe BORRAR")
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await ana.writes("borrar")  # the word came, but so did the question
    asked = await ana.reads_all()
    await world.until("09:45")
    await berta.sees("Ana no respondió")
    await group.coordinator.sees("Ana no respondió")
    await ana.writes("/borrarme")
    missed = await ana.reads_all()
    assert asked == missed == [asked[0]]
    assert "Todavía no se puede" in asked[0]


@sandbox_alone
async def test_in_what_others_did_with_her_she_is_a_number(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    coral = group.coordinator
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    for person in (berta, coral):
        await person.sees("Ana pide auxilio")
    await berta.presses("Yo me encargo")
    await berta.writes("/novedad Hablé con Ana: viene en camino")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    for person in (ana, berta, coral):
        await person.reads_all()
    await berta.writes("auxilio")
    await berta.reads_all()
    await ana.sees("Berta pide auxilio")
    await ana.presses("Yo me encargo")
    await ana.reads_all()
    await ana.writes("/borrarme")
    await ana.reads_all()
    await ana.writes("borrar")
    await ana.sees("Hecho")
    await world.forward(minutes=5)
    for person in (berta, coral):
        await person.reads_all()

    await coral.writes("/linea 1")
    await coral.sees("Incidente #1 (Persona #", "Hablé con Persona #")
    await coral.writes("/linea 2")
    await coral.sees("Persona #", "lo suelta")  # she held it: nobody is left without help
    for text in (await coral.device.messages())[-2:]:
        assert "Ana" not in text.text


@sandbox_alone
async def test_the_file_holds_ones_own_and_nobody_elses(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await berta.writes("/horario 07:07")
    await berta.reads_all()
    await ana.asked_daily("09:00", grace="45 min")
    await berta.writes("auxilio")
    await berta.reads_all()
    await ana.sees("Berta pide auxilio")
    await group.coordinator.sees("Berta pide auxilio")
    await ana.presses("Yo me encargo")
    await ana.writes("/novedad Salgo para allá")
    for person in (ana, berta, group.coordinator):
        await person.reads_all()
    await ana.writes("/misdatos")
    await ana.presses("Sí, aquí")
    await ana.reads_all()

    town = world.stage.town  # type: ignore[attr-defined]
    (file,) = [f for m in town.sees("ana") for f in m.attachments]
    text = file.content.decode()
    for mine in ("Ana · Red", "sandbox ana", "09:00", "Salgo para allá", "/horario 09:00"):
        assert mine in text
    for others in ("Berta", "07:07", "Coral"):
        assert others not in text
    assert not [f for m in town.sees("coral") for f in m.attachments if f.mime != "image/png"]
