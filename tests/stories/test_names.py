"""The name that the network uses is the person's own to change."""

from __future__ import annotations

from tests.support.world import World


async def test_another_name(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya: Berta")
    await ana.writes("/nombre")
    await ana.sees("Te llamamos Ana", "/nombre y el nombre nuevo")
    await ana.writes("/nombre Luz")
    await ana.sees("Listo, Luz")
    await group.coordinator.sees("Ana cambió de nombre: ahora se llama Luz")
    await ana.writes("/auxilio")
    await ana.sees("Avisé")
    await berta.sees("Luz pide auxilio")


async def test_a_name_that_is_or_looks_like_another(world: World) -> None:
    group = await world.group("Red")
    ana, _ = await group.joined("Ana", "Berta")
    for name in ("berta", "Bérta", "Cora1", "Coral.", "Ana"):
        await ana.writes(f"/nombre {name}")
    texts = await ana.reads_all()
    assert sum("ya se usa en el grupo" in text for text in texts) == 5
    await ana.writes("/nombre coordinación")
    await ana.sees("ya se usa")
    await ana.writes("/nombre <b>Ana</b>")
    await ana.sees("podría confundirse")
    await group.coordinator.reads_all()


async def test_not_while_a_question_is_open(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.asked_daily("09:00")
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await ana.writes("/nombre Luz")
    await ana.sees("Ahora no se puede")
    await ana.writes("bien")
    await ana.sees("Anotado")


async def test_not_all_the_time(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    for name in ("Luz", "Mar", "Sol"):
        await ana.writes(f"/nombre {name}")
        await ana.sees(f"Listo, {name}")
    await ana.writes("/nombre Flor")
    await ana.sees("Puedes cambiar de nombre 3 veces")
    await group.coordinator.reads_all()
