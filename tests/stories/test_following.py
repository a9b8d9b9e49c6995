"""Alerts of another organisation: followed, offered, and published only by two people's hands."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.feed_server import Answer, FeedServer, atom
from tests.support.world import Person, World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)

OLD = ("Vieja", "Ya estaba.")
NEW = ("Detención en el puente", "Piden presencia y llamadas.")


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FeedServer]:
    """The other organisation."""
    async with FeedServer() as made:
        made.pages["/feed.xml"] = atom(OLD)
        yield made


async def followed(world: World, server: FeedServer) -> tuple[Person, Person, Person, Person]:
    """Coral and Olga coordinate, and Olga writes; Rita approves; Ana reads. Coral follows a feed."""
    group = await world.group("Red")
    (rita,) = await group.joined("Rita", as_="aprobación")
    (ana,) = await group.joined("Ana", as_="integrante")
    (olga,) = await group.joined("Olga", as_="coordinación redacción")
    coral = group.coordinator
    await coral.writes("/suscribir no")
    await coral.sees("Ya no recibirás")
    await coral.writes(f"/seguir {server.url}/feed.xml")
    await coral.sees("Voy a mirar esa dirección")
    await world.forward(seconds=1)
    await coral.sees("Tu grupo sigue las alertas de Sierra Alerta", "Ahora hay 1", "Sin firma")
    return coral, olga, rita, ana


async def test_an_alert_is_offered_prepared_approved_and_published_once(
    world: World, server: FeedServer
) -> None:
    coral, olga, rita, ana = await followed(world, server)
    await world.forward(hours=2)
    for person in world.people:
        await person.sees_nothing()  # what was there is not news

    server.pages["/feed.xml"] = atom(NEW, OLD)
    await world.forward(hours=2)
    for person in (coral, olga):
        await person.sees(
            "Alerta nueva de Sierra Alerta", "Sin firma", *NEW, "https://sierra.example/"
        )
    for person in (rita, ana):
        await person.sees_nothing()

    await coral.presses("Preparar para publicar")
    await coral.sees("hace falta la tarea de redacción")
    await olga.presses("Preparar para publicar")
    await olga.sees("Así se publicará la denuncia #1")
    await olga.sees(*NEW, "Fuente: Sierra Alerta", "https://sierra.example/")
    for person in (coral, olga):
        await person.shows(NEW[0], "Olga prepara la denuncia #1")
    await olga.presses("Enviar a revisión")
    await olga.shows("En revisión")
    await rita.sees("Olga pide tu revisión")
    await rita.sees(*NEW)
    await ana.sees_nothing()

    await rita.presses("Aprobar y publicar")
    await rita.shows("Aprobada por Rita")
    await ana.sees(*NEW, "Fuente: Sierra Alerta")
    await rita.sees(*NEW)
    await olga.sees("#1")
    await world.forward(hours=6)
    await olga.shows("Denuncia #1 publicada")
    for person in world.people:
        await person.sees_nothing()
    said = " ".join(f"{path} {headers}" for path, headers in server.asked)
    for word in ("Red", "Coral", "Olga", "Cookie", "Referer"):
        assert word not in said


async def test_another_dismisses_and_who_does_not_coordinate_may_not(
    world: World, server: FeedServer
) -> None:
    coral, olga, rita, ana = await followed(world, server)
    server.pages["/feed.xml"] = atom(NEW, OLD)
    await world.forward(hours=2)
    await coral.sees(*NEW)
    await olga.sees(*NEW)
    await coral.presses("Descartar")
    for person in (coral, olga):
        await person.shows(NEW[0], "Coral descartó esta alerta")
    for command in ("/seguidas", f"/seguir {server.url}/feed.xml"):
        await ana.writes(command)
        await ana.sees("Eso no te toca a ti")
    await rita.sees_nothing()

    await olga.writes("/seguidas")
    await olga.sees("Sierra Alerta", server.url, "La última respuesta fue", "Sin llave")
    await olga.presses("Dejar de seguir")
    await olga.shows("Olga dejó de seguir")
    asked = len(server.asked)
    await world.forward(hours=3)
    assert len(server.asked) == asked
    await olga.writes("/seguidas")
    await olga.sees("Tu grupo no sigue")


@sandbox_alone
async def test_what_is_no_feed_gets_a_kind_answer(world: World, server: FeedServer) -> None:
    coral = (await world.group("Red")).coordinator
    server.pages["/page"] = Answer(b"<!doctype html><html><body>Hola<br></body></html>")
    server.pages["/words"] = Answer(b"hola")
    for path, why in (
        ("page", "es una página o un archivo"), ("words", "no se puede leer como lista"),
        ("none", "no hay nada para leer"),
    ):  # fmt: skip
        await coral.writes(f"/seguir {server.url}/{path}")
        await coral.sees("Voy a mirar")
        await coral.sees("No pude seguir", path, why)
    await coral.writes("/seguir https://10.0.0.1/feed")
    await coral.sees("Voy a mirar")
    await coral.sees("lleva a una red privada")
    await coral.writes(f"/seguir {server.url}/feed.xml RWQAAAA")
    await coral.sees("no parece una llave pública")
    key = "RWQ" + "A" * 53
    await coral.writes(f"/seguir {server.url}/feed.xml {key}")
    await coral.sees("Voy a mirar")
    await coral.sees("no puedo comprobar firmas")
    for words in ("", " hola", " javascript:alert(1)", " https://ana:secreto@sierra.example/"):
        await coral.writes(f"/seguir{words}")
        await coral.sees("Escribe /seguir y la dirección")
    await coral.writes("/seguidas")
    await coral.sees("Tu grupo no sigue")


@sandbox_alone
async def test_a_feed_that_dies_is_told_of_once_and_may_come_back(
    world: World, server: FeedServer
) -> None:
    coral, olga, _, _ = await followed(world, server)
    del server.pages["/feed.xml"]
    await world.forward(days=4)
    for person in (coral, olga):
        await person.sees_nothing()
    await world.forward(days=4)
    for person in (coral, olga):
        await person.sees("Ya no puedo leer las alertas de Sierra Alerta", "Intenté 10 veces")
    assert len(server.asked) < 15  # asked less and less
    await olga.writes("/seguidas")
    await olga.sees("No responde bien desde")
    server.pages["/feed.xml"] = atom(NEW, OLD)
    await world.forward(days=2)
    for person in (coral, olga):
        await person.sees(*NEW)
        assert not [text for text in await person.reads_all() if "Ya no puedo leer" in text]


@sandbox_alone
async def test_a_flood_is_counted_and_what_nobody_takes_up_ends(
    world: World, server: FeedServer
) -> None:
    coral, olga, _, _ = await followed(world, server)
    many = [(f"Alerta número {n}", "x") for n in range(9)]
    server.pages["/feed.xml"] = atom(*many, OLD)
    await world.forward(hours=2)
    for person in (coral, olga):
        assert len(await person.unread()) == 6
        await person.sees("publicó hoy más alertas", "Quedan 4 sin mostrar")
        for n in range(5):
            await person.sees(f"Alerta número {n}")
    server.pages["/feed.xml"] = atom(("Otra más", "x"), *many)
    await world.forward(hours=2)
    for person in (coral, olga):
        await person.sees_nothing()  # told of once a day
    await world.forward(days=2)
    server.pages["/feed.xml"] = atom(NEW, *many)
    await world.forward(hours=2)
    for person in (coral, olga):
        await person.sees(*NEW)
    await world.forward(days=1)
    await coral.shows("Alerta número 0", "Nadie la tomó en tres días")
    await coral.presses("Descartar")  # the newest one
    await olga.shows(NEW[0], "Coral descartó esta alerta")
    await olga.writes("/seguidas")
    await olga.presses("Dejar de seguir")
    await olga.sees("Sierra Alerta")
