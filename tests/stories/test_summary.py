"""The month in numbers, on its first day: for those who coordinate, and without names."""

from __future__ import annotations

from tests.support.world import Group, Person, World


async def november(world: World) -> tuple[Group, Person, Person]:
    """Two incidents: one that was taken and ended well, one that was nothing."""
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya: Berta; 30 min: coordinación; repetir 5 h; noticias 5 h")
    await ana.writes("/auxilio")
    await world.forward(minutes=10)
    await berta.presses("Yo me encargo")
    await world.forward(minutes=50)
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    await ana.writes("/auxilio")
    await world.forward(minutes=40)
    await berta.presses("Yo me encargo")
    await berta.presses("Cerrar")
    await berta.presses("falsa alarma")
    for person in world.people:
        await person.reads_all()
    return group, ana, berta


async def test_the_first_of_the_month(world: World) -> None:
    group, ana, berta = await november(world)
    await world.forward(days=14, hours=3)
    for person in (ana, berta):
        await person.reads_all()
    texts = await group.coordinator.reads_all()
    (summary,) = [text for text in texts if "Resumen de noviembre" in text]
    assert "Incidentes: 2" in summary
    assert "2 por petición de ayuda" in summary
    assert "1 a salvo" in summary
    assert "1 falsa alarma" in summary
    assert "Hasta tenerlo alguien: 25 minutos en la mitad de los casos, 40 minutos" in summary
    assert "Falsas alarmas: 50 % (1 de 2 cerrados)" in summary
    assert "Pasos que nadie contestó: 1" in summary
    assert "Ana" not in summary
    assert "Berta" not in summary


async def test_asked_for_by_month(world: World) -> None:
    group = await world.group("Red")
    coral = group.coordinator
    await coral.writes("/resumen")
    await coral.sees("Resumen de octubre de 2026", "Ningún incidente")
    await coral.writes("/summary 2026-09")
    await coral.sees("Resumen de septiembre de 2026")
    await coral.writes("/resumen 2026-11")
    await coral.sees("Ese mes no ha terminado", "/resumen 2026-10")
    await coral.writes("/resumen 25:61")
    await coral.sees("No entendí el mes", "/resumen 2026-10")
