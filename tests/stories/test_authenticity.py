"""A copy that went from hand to hand is compared with what was published."""

import re

from tests.stories.test_amending import corrects, published
from tests.stories.test_denunciations import TEXT, TITLE, approved, organisation
from tests.support.world import Person, World


async def copy_of(person: Person) -> str:
    """The denunciation as somebody has it on their screen."""
    return [m.text for m in await person.device.messages() if TITLE in m.text][-1]


async def test_a_true_copy_is_told_from_one_with_other_words(world: World) -> None:
    _, _, ana, channel = await published(world)
    copy = await copy_of(channel)
    await ana.writes(copy, forwarded=True)
    await ana.sees("Es auténtica", "denuncia #1 de Red")
    await ana.writes(copy.replace("dos camionetas", "dos patrullas"), forwarded=True)
    await ana.sees("Cuidado", "no son sus palabras")
    await ana.writes(f"/verificar {copy}")
    await ana.sees("Es auténtica")


async def test_the_fingerprint_alone_says_what_it_is_of(world: World) -> None:
    _, _, ana, channel = await published(world)
    found = re.search(r"[a-z2-7]{5}-[a-z2-7]{5}", await copy_of(channel))
    assert found is not None
    await ana.writes(f"/verificar {found[0].upper()}")
    await ana.sees("es de la denuncia #1 de Red")
    await ana.writes("/verificar aaaaa-aaaaa")
    await ana.sees("no se publicó nada con la huella")
    await ana.writes("/verificar")
    await ana.sees("Reenvíame la copia")


async def test_an_old_copy_of_what_was_corrected_and_of_what_was_withdrawn(world: World) -> None:
    olga, rita, ana, channel = await published(world)
    old = await copy_of(channel)
    await corrects(olga, rita, TITLE, "Fueron tres camionetas.")
    await rita.presses("Aprobar y publicar")
    await olga.sees("quedó corregida")
    await ana.writes(old, forwarded=True)
    await ana.sees("Después se corrigió")
    new = await copy_of(channel)
    assert TEXT not in new
    await ana.writes(new, forwarded=True)
    await ana.sees("Es auténtica")
    await olga.writes("/retirar 1 Ya no es cierto.")
    await olga.sees("¿Retirar la denuncia #1?")
    await olga.presses("Sí, retirar")
    await rita.sees("Olga retiró la denuncia #1")
    await ana.writes(new, forwarded=True)
    await ana.sees("se retiró", "Ya no es cierto.")


async def test_a_draft_is_no_publication_and_a_stranger_hears_nothing(world: World) -> None:
    _, _, _, channel = await published(world)
    copy = await copy_of(channel)
    zoe = await world.person("Zoé")
    await zoe.writes(copy, forwarded=True)
    await zoe.writes(f"/verificar {copy}")
    await zoe.sees_nothing()


async def test_a_forwarded_message_without_one_is_no_answer_as_before(world: World) -> None:
    _, _, ana, _ = await published(world)
    await ana.writes("Estoy bien", forwarded=True)
    await ana.reads_all()


async def test_the_last_message_of_a_long_one_is_a_true_part(world: World) -> None:
    olga, rita, ana, _ = await organisation(world)
    long = " ".join(f"Hecho número {n} de muchos." for n in range(300))
    await olga.writes("/denuncia")
    await olga.reads_all()
    await olga.writes(TITLE)
    await olga.reads_all()
    await olga.writes(long)
    await olga.sees("Así se publicará")
    await olga.reads_all()
    await approved(olga, rita)
    for person in world.people:
        await person.reads_all()
    whole = [m.text for m in await ana.device.messages()][-1]  # on Telegram its last part
    part = whole[-400:]
    assert TITLE not in part
    await ana.writes(part, forwarded=True)
    await ana.sees("es una parte de la denuncia #1")
    await ana.writes(part.replace("muchos", "pocos"), forwarded=True)
    await ana.sees("no son sus palabras")
