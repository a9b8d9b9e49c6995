"""Photos and documents of a denunciation leave without what they said of who made them, or not at all."""

from __future__ import annotations

from io import BytesIO

import pikepdf
from PIL import Image

from tests.stories.test_denunciations import TEXT, TITLE, organisation, write
from tests.support.files.documents import laden
from tests.support.files.images import corners, photograph, picture
from tests.support.files.raw import secret, secrets
from tests.support.world import Person, World

MB = 1_000_000
BIG_PICTURE = picture((640, 480))


async def sends_a_photo(olga: Person) -> bytes:
    """With the place, the camera and its serial number. Returns it as it was."""
    original = photograph("JPEG", orientation=6, image=BIG_PICTURE)
    assert secret("SERIE").encode() in original
    await olga.sends_file(original, "foto-de-olga.jpg", "Dos camionetas")
    await olga.sees("Recibí un archivo para la denuncia #1")
    await olga.sees("decía dónde se tomó", "Le quité", "Queda en la denuncia #1 como imagen-1.jpg")
    return original


async def test_a_photo_is_published_without_place_and_serial_number(world: World) -> None:
    olga, rita, ana, channel = await organisation(world)
    await write(olga)
    original = await sends_a_photo(olga)
    await olga.sees(TITLE, TEXT, "imagen-1.jpg: Dos camionetas")
    await olga.presses("Enviar a revisión")
    await rita.sees("Olga pide tu revisión")
    await rita.sees(TITLE, TEXT, "Dos camionetas")
    (shown,) = await rita.device.files()
    await rita.presses("Aprobar y publicar")

    await channel.sees(TITLE, TEXT, "Dos camionetas")
    for reader in (channel, ana):
        (read,) = await reader.device.files()
        assert read == shown, "what was approved, and nothing else"
        assert not secrets(read)
        image = Image.open(BytesIO(read))
        assert not image.getexif()
        assert image.size == (480, 640), "turned upright before its orientation went"
        assert corners(image) != corners(Image.open(BytesIO(original)))
    for person in (olga, rita, ana, channel):
        await person.reads_all()
    await world.forward(seconds=10)
    await olga.shows("Denuncia #1 publicada", "3 de 3")


async def test_what_cannot_be_cleaned_is_refused_with_what_to_do(world: World) -> None:
    olga, rita, _, _ = await organisation(world)
    await write(olga)
    polyglot = b"GIF89a" + b"\0" * 32 + b"PK\x03\x04" + secret("DENTRO").encode()
    refusals = (
        (polyglot, "foto.gif", "dañado"),
        (photograph("JPEG") + bytes(50 * MB), "foto.jpg", "pasa de 10 MB"),
        (laden()[:200], "informe.pdf", "dañado"),
    )
    for content, name, why in refusals:
        await olga.sends_file(content, name)
        answers = await olga.reads_all()
        assert any(why in answer and "No se guardó" in answer for answer in answers), answers
    assert not await olga.device.files()
    await olga.presses("Enviar a revisión")  # the words are as they were
    await olga.shows("En revisión")
    await rita.reads_all()
    assert not await rita.device.files()


async def test_a_document_becomes_one_that_says_nothing_of_who_wrote_it(world: World) -> None:
    olga, rita, _, channel = await organisation(world)
    await write(olga)
    await olga.sends_file(laden(), "informe de Olga.pdf")
    await olga.sees("Recibí un archivo")
    await olga.sees("Queda en la denuncia #1 como documento-1.pdf")
    await olga.presses("Enviar a revisión")
    await rita.presses("Aprobar y publicar")
    (read,) = await channel.device.files()
    with pikepdf.open(BytesIO(read)) as pdf:
        assert not list(pdf.docinfo.keys())
    assert not secrets(read)
    for person in world.people:
        await person.reads_all()


async def test_the_author_can_take_the_files_away_again(world: World) -> None:
    olga, rita, _, channel = await organisation(world)
    await write(olga)
    await sends_a_photo(olga)
    await olga.presses("Quitar los archivos")
    await olga.shows("Quité los archivos")
    await olga.presses("Enviar a revisión")
    await rita.presses("Aprobar y publicar")
    await channel.sees(TITLE, TEXT)
    assert not await channel.device.files()
    for person in world.people:
        await person.reads_all()


async def test_a_photo_for_nothing_says_how_to_publish_one(world: World) -> None:
    olga, _, ana, _ = await organisation(world)
    await olga.sends_file(photograph("JPEG"), "foto.jpg")
    await olga.sees("escribe /denuncia")
    await ana.sends_file(photograph("JPEG"), "foto.jpg")
    await ana.sees("Solo leo palabras y botones")


async def test_a_fifth_file_is_one_too_many(world: World) -> None:
    olga, _, _, _ = await organisation(world)
    await olga.writes("/denuncia")
    for _ in range(4):
        await olga.sends_file(photograph("JPEG", image=picture((64, 48))), "foto.jpg")
    await olga.reads_all()
    await olga.sends_file(photograph("JPEG"), "foto.jpg")
    await olga.sees("caben 4 archivos")
