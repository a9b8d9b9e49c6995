"""Regions: who coordinates makes them, and each person says whether one is theirs."""

import pytest

from tests.support.world import World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)


async def test_a_region_in_steps_with_numbers_and_words(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    coral = group.coordinator
    await coral.writes("/region")
    await coral.sees("Todavía no hay regiones")
    await coral.presses("Crear una región")
    await coral.sees("¿Cómo se llama la región?")
    await coral.writes("a; b")
    await coral.sees("Ese no puede ser su nombre")
    await coral.writes("Sierra Norte")
    await coral.sees("Crear la región Sierra Norte")
    await coral.writes("tal vez")
    await coral.sees("Responde sí o no")
    await coral.writes("no")
    await coral.shows("Nada cambió")
    await coral.writes("/region crear Sierra Norte")
    await coral.sees("Crear la región Sierra Norte")
    await coral.writes("1")  # a number is as good as a button
    await coral.sees("Creada: Sierra Norte")
    await coral.writes("/region crear sierra norte")
    await coral.sees("Ya hay una región")

    await coral.writes("/region")
    await coral.sees("Sierra Norte: 0 integrantes")
    await coral.presses("Sierra Norte")
    await coral.sees("Integrantes: nadie")
    await coral.presses("Preguntar a integrantes")
    await coral.sees("¿A quiénes pregunto")
    await coral.writes("Ana, Zutana")
    await coral.sees("No encuentro en el grupo a: Zutana")
    await coral.writes("Ana y Berta")
    await coral.sees("Preguntaré a Ana y Berta")
    await coral.presses("Guardar")
    await coral.sees("Les pregunté")
    await ana.sees("estar en la región Sierra Norte", "¿Es la tuya?")
    await berta.sees("estar en la región Sierra Norte")
    await ana.presses("Sí, es mi región")
    await ana.shows("Anotado: es tu región")
    await coral.sees("Ana está ahora en la región Sierra Norte")
    await berta.presses("No")
    await berta.shows("nada cambia")
    await coral.sees_nothing()  # whose word it is, is nobody else's matter
    await berta.writes("/miregion")
    await berta.sees("No estás en ninguna región")

    await ana.writes("/miregion")
    await ana.sees("Tu región es Sierra Norte")
    await ana.presses("Salir de esta región")
    await ana.sees("Ya no estás en ninguna región")
    await coral.sees("Ana salió de la región")


@sandbox_alone
async def test_a_member_changes_her_own_and_hears_of_its_end(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    coral = group.coordinator
    for name in ("Sierra", "Costa"):
        await coral.writes(f"/region crear {name}")
        await coral.presses("Guardar")
    await coral.reads_all()
    await ana.writes("/miregion Selva")
    await ana.sees("No conozco la región «Selva»")
    await ana.writes("/miregion sierra")
    await ana.sees("Tu región es ahora Sierra")
    await coral.sees("Ana está ahora en la región Sierra")
    await ana.writes("/miregion Costa")
    await ana.sees("Tu región es ahora Costa")
    await coral.sees("Ana está ahora en la región Costa")
    await ana.device.signs()
    await ana.writes("/misdatos")
    await ana.presses("Sí, aquí")
    assert "== Tu región\nCosta" in (await ana.device.files())[-1].decode()
    await ana.reads_all()
    await coral.writes("/region terminar Costa")
    await coral.sees("Terminar la región Costa")
    await coral.presses("Terminar la región")
    await coral.sees("Terminaste la región Costa")
    await ana.sees("La región Costa ya no existe")
    await ana.writes("/miregion ninguna")
    await ana.sees("No estás en ninguna región")
    await ana.writes("/region")
    await ana.sees("Eso no te toca a ti")
    await coral.writes("/region Costa: Ana")
    await coral.sees("No hay ninguna región «Costa»")


@sandbox_alone
async def test_where_nobody_is_named_the_region_is_not_either(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    coral = group.coordinator
    await coral.writes("/region crear Sierra")
    await coral.presses("Guardar")
    await coral.writes("/turnos Sierra; lunes 9:00; Coral, Berta")
    await coral.presses("Guardar")
    await coral.reads_all()
    await berta.reads_all()
    await berta.presses("Acepto la tarea")
    await coral.sees("Todas las personas aceptaron")
    await coral.presses("Estoy de guardia")
    async with world.stage.database.transaction() as tx:  # type: ignore[attr-defined]
        await tx.people.set_bare(1, ("sandbox",))
    await berta.writes("/guardia")
    (shown,) = await berta.reads_all()
    assert "una región de tu grupo: alguien de tu red" in shown
    await coral.writes("/region Sierra: Ana")
    await coral.presses("Guardar")
    await ana.sees("estar en la región una región de tu grupo")
    await coral.reads_all()
    await berta.writes("/guardia salir")
    await berta.presses("Dejar la guardia")
    await berta.reads_all()
    (news,) = await coral.reads_all()
    assert "Berta" not in news
    assert "Sierra" not in news
    await coral.writes("/guardia calendario todo")
    await coral.sees("Tu grupo no da nombres por esta plataforma")
