"""The note for an emergency: the member's own, opened by whoever holds the incident, with a reason."""

from __future__ import annotations

from tests.support.world import Group, Person, World


async def written(world: World) -> tuple[Group, Person, Person, Person]:
    """Ana wrote her note before she asked for help; Berta holds it."""
    group = await world.group("Red")
    ana, berta, carla = await group.joined("Ana", "Berta", "Carla")
    await berta.device.signs()
    await group.plan("ya: Berta, Carla; repetir 5 h; noticias 5 h")
    await ana.writes("/ficha")
    await ana.sees("Tu ficha de emergencia", "salud: sin escribir")
    await ana.presses("Escribir sobre mi salud")
    await ana.sees("¿Qué deben saber de tu salud?")
    await ana.writes("alergia a la penicilina")
    await ana.sees("Guardado en tu ficha: salud")
    await ana.writes("/note avoid no llamen a mi casa")
    await ana.sees("Guardado en tu ficha: qué no hacer")
    await ana.writes("/auxilio")
    await ana.reads_all()
    for person in (berta, carla):
        await person.sees("Ana pide auxilio")
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste el incidente #1")
    await carla.sees("Berta se encarga")
    await berta.sees("hay una ficha escrita para esto")
    return group, ana, berta, carla


async def test_opened_with_a_reason_that_stays(world: World) -> None:
    _, ana, berta, carla = await written(world)
    await berta.presses("Abrir la ficha")
    await berta.sees("¿Por qué abres la ficha")
    await berta.writes("va en ambulancia")
    await berta.sees("Ficha de Ana", "salud: alergia a la penicilina", "no llamen a mi casa")
    await carla.writes("/linea 1")
    await carla.sees("Berta abre la ficha: va en ambulancia")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    assert not any("penicilina" in m.text for m in await berta.device.messages())
    await world.forward(hours=7)
    await ana.sees("abrió tu ficha", "Motivo: va en ambulancia")
    await ana.writes("/ficha")
    await ana.sees("Se abrió el", "Motivo: va en ambulancia")
    for person in world.people:
        await person.reads_all()


async def test_only_whoever_holds_it(world: World) -> None:
    group, ana, _, carla = await written(world)
    await carla.writes("/ficha 1 quiero saber")
    await carla.sees("La ficha la abre quien tiene el incidente #1")
    await group.coordinator.writes("/ficha 1 quiero saber")
    await group.coordinator.sees("No hay un incidente #1 que puedas ver")
    await ana.writes("/ficha 1 quiero saber")
    await ana.sees("No hay un incidente #1 que puedas ver")


async def test_not_once_it_is_over(world: World) -> None:
    _, _, berta, _ = await written(world)
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    await berta.reads_all()
    await berta.writes("/ficha 1 me quedé con la duda")
    await berta.sees("ya está cerrado")
    for person in world.people:
        await person.reads_all()


async def test_read_again_and_erased(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.device.signs()
    await ana.writes("/ficha llamar a Rita, y después al despacho")
    await ana.sees("Guardado en tu ficha: a quién llamar")
    await ana.writes("/ficha ver")
    await ana.sees("a quién llamar: a Rita, y después al despacho")
    await world.forward(hours=25)
    assert not any("despacho" in m.text for m in await ana.device.messages())
    await ana.writes("/ficha borrar")
    await ana.sees("Borré tu ficha")
    await ana.writes("/ficha ver")
    await ana.sees("Todavía no escribiste nada")
    await ana.writes("/ficha salud " + "a" * 700)
    await ana.sees("hasta 600 letras")


async def test_never_where_nobody_is_named(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await group.coordinator.writes("/detalles no")
    await group.coordinator.reads_all()
    await ana.writes("/ficha salud asma")
    if world.stage.platform == "telegram":
        await ana.sees("La ficha se escribe y se abre en Matrix")
    else:
        await ana.sees("Guardado en tu ficha: salud")


async def test_a_phone_that_raised_no_alarm_learns_of_none(world: World) -> None:
    """Ana missed a check-in; Berta opened the note and found her. Her phone says nothing of it."""
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await berta.device.signs()
    await group.plan("ya: Berta; repetir 5 h; noticias 5 h")
    await ana.writes("/ficha salud asma")
    await ana.asked_daily("09:00", more="sin avisos")
    await ana.reads_all()
    await world.until("09:00")
    await world.until("09:50")
    await ana.sees("¿Estás bien?")
    await berta.presses("Yo me encargo")
    await berta.writes("/ficha 1 no responde")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    await berta.reads_all()
    await world.forward(hours=8)
    await ana.sees_nothing()
    await ana.writes("/ficha")
    for text in await ana.reads_all():
        assert "no responde" not in text
    await berta.reads_all()
