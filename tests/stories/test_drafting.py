"""Writing with a guide, in two languages, with what may endanger somebody pointed out."""

from tests.stories.test_denunciations import TEXT, TITLE, organisation, write
from tests.support.world import Person, World


async def author(world: World) -> tuple[Person, Person]:
    """Olga writes and Rita approves."""
    group = await world.group("Red")
    (olga,) = await group.joined("Olga", as_="redacción")
    (rita,) = await group.joined("Rita", as_="aprobación")
    return olga, rita


async def test_a_guided_urgent_action_is_asked_for_part_by_part(world: World) -> None:
    olga, _ = await author(world)
    await olga.writes("/denuncia")
    await olga.sees("Escribe el título")
    await olga.presses("Con guía: acción urgente")
    await olga.sees("paso a paso")
    for words, question in (
        (TITLE, "1 de 8. ¿Qué pasó?"),
        ("Dos camionetas siguieron a una compañera.", "2 de 8. ¿Dónde?"),
        ("En la sierra.", "3 de 8. ¿Cuándo?"),
        ("Ayer.", "4 de 8. ¿A quién afecta?"),
        ("A una defensora.", "5 de 8"),
        ("-", "6 de 8. ¿Qué se exige"),
    ):
        await olga.writes(words)
        await olga.sees(question)
    await olga.writes("-")
    await olga.sees("Esta parte hace falta")
    await olga.writes("Protección para ella.")
    await olga.sees("7 de 8")
    await olga.writes("A la secretaría de gobierno.")
    await olga.sees("8 de 8")
    await olga.writes("-")
    await olga.sees("Así se publicará", "Falta decir hasta cuándo")
    await olga.sees(TITLE, "Qué pasó\nDos camionetas", "Dónde\nEn la sierra.", "Qué se exige\nPro")
    await olga.sees("¿Hasta qué fecha")
    await olga.writes("30 de noviembre a las 18:00")
    await olga.sees("Así se publicará")
    await olga.sees("Acción urgente hasta el 30 nov", TITLE)
    assert not any("Antecedentes" in m.text for m in await olga.device.messages())


async def test_one_part_is_changed_and_the_others_stay(world: World) -> None:
    olga, _ = await author(world)
    await olga.writes("/denuncia comunicado")
    await olga.sees("paso a paso")
    for words in (TITLE, "En breve.", "Pasó esto.", "-", "-", "red@example.org", "-"):
        await olga.writes(words)
    await olga.reads_all()
    await olga.presses("Ajustes")
    await olga.sees("¿Qué quieres cambiar?")
    await olga.presses("Cambiar una parte")
    await olga.sees("¿Qué parte")
    await olga.presses("Qué pasó")
    await olga.sees("Escribe esta parte")
    await olga.writes("Pasó otra cosa.")
    await olga.sees("Así se publicará")
    await olga.sees("Comunicado", "En breve.", "Pasó otra cosa.")
    assert not any(
        "Pasó esto." in m.text and m.labels for m in await olga.device.messages()
    )


async def test_two_languages_stand_side_by_side_and_each_reads_their_own(world: World) -> None:
    olga, rita, ana, channel = await organisation(world)
    await ana.writes("/idioma en")
    await ana.reads_all()
    await write(olga)
    await olga.presses("Ajustes")
    await olga.sees("¿Qué quieres cambiar?")
    await olga.presses("Añadir otra lengua")
    await olga.sees("¿En qué otra lengua?")
    await olga.writes("English")
    await olga.sees("en en. Escribe el título")
    await olga.writes("Harassment in the community")
    await olga.sees("Ahora el texto")
    await olga.writes("On 23 November two vans followed a defender.")
    await olga.sees("Así se publicará")
    await olga.sees(TITLE, TEXT, "Harassment in the community", "two vans")
    await olga.presses("Enviar a revisión")
    await rita.sees("pide tu revisión")
    await rita.sees(TITLE, "Harassment in the community")
    await rita.presses("Aprobar y publicar")
    await channel.sees(TITLE, TEXT, "Harassment in the community")
    await ana.sees("Harassment in the community", "two vans", "Fingerprint")
    assert not any(TEXT in m.text for m in await ana.device.messages())
    await rita.sees(TITLE, TEXT)
    assert not any("two vans" in m.text for m in (await rita.device.messages())[-1:])
    await olga.sees("#1")


async def test_what_may_endanger_somebody_is_pointed_out_to_both(world: World) -> None:
    olga, rita = await author(world)
    await olga.writes("/denuncia")
    await olga.sees("Escribe el título")
    await olga.writes("Amenazas")
    await olga.sees("Ahora el texto")
    await olga.writes("Llegaron a calle Hidalgo 12 por una niña de 12 años. Informes: 951 123 4567.")
    for_olga = "Mira otra vez antes de publicar"
    await olga.sees("Así se publicará", for_olga, "una dirección", "persona menor", "un teléfono")
    await olga.sees("Amenazas")
    await olga.presses("Enviar a revisión")
    await rita.sees("pide tu revisión", for_olga, "calle Hidalgo 12", "951 123 4567")
    await rita.sees("Amenazas")


async def test_whoever_is_named_is_asked_about_and_without_consent_it_does_not_go_on(
    world: World,
) -> None:
    olga, rita = await author(world)
    await olga.writes("/denuncia")
    await olga.reads_all()
    await olga.writes("Amenazas contra Juana Pérez")
    await olga.reads_all()
    await olga.writes("Ayer Juana Pérez y Marta de la Cruz fueron seguidas.")
    await olga.reads_all()
    await olga.presses("Enviar a revisión")
    await olga.sees("La denuncia nombra a «Juana Pérez»", "¿Dio su consentimiento")
    await olga.presses("Sí, dio su consentimiento")
    await olga.shows("Con consentimiento")
    await olga.sees("La denuncia nombra a «Marta de la Cruz»")
    await olga.presses("No, o no lo sé")
    await olga.sees("nombra a quien no dio su consentimiento: Marta de la Cruz")
    await olga.sees("Amenazas contra Juana Pérez")
    await rita.sees_nothing()
    await olga.presses("Volver a escribir")
    await olga.reads_all()
    await olga.writes("Amenazas contra Juana Pérez")
    await olga.reads_all()
    await olga.writes("Ayer Juana Pérez y otra compañera fueron seguidas.")
    await olga.reads_all()
    await olga.presses("Enviar a revisión")
    await rita.sees("pide tu revisión")
    await rita.sees("otra compañera")


async def test_an_edit_takes_it_back_from_whoever_was_to_review_it(world: World) -> None:
    olga, rita = await author(world)
    await write(olga)
    await olga.presses("Enviar a revisión")
    await rita.reads_all()
    await olga.writes("/denuncia")  # another one changes nothing about the first
    await olga.reads_all()
    await rita.shows(TEXT)
    await rita.presses("Devolver")
    await olga.reads_all()
    await olga.presses("Ajustes")
    await olga.reads_all()
    await olga.presses("Qué tipo es")
    await olga.sees("¿Qué es la denuncia #1?")
    await olga.presses("Comunicado")
    await olga.sees("Así se publicará")
    await olga.sees("Comunicado", TITLE)


async def test_a_name_that_no_rule_finds_is_given_by_the_author_and_asked_about(
    world: World,
) -> None:
    olga, rita = await author(world)
    await olga.writes("/denuncia")
    await olga.reads_all()
    await olga.writes(TITLE)
    await olga.reads_all()
    await olga.writes("Siguieron a juana por la noche.")
    await olga.reads_all()
    await olga.presses("Ajustes")
    await olga.reads_all()
    await olga.presses("Personas que nombra")
    await olga.sees("¿A quién nombra?")
    await olga.writes("Juana\nMarta")
    await olga.reads_all()
    await olga.presses("Enviar a revisión")
    await olga.sees("La denuncia nombra a «Juana»")  # Marta does not stand in it
    await rita.sees_nothing()
    await olga.presses("No, o no lo sé")
    await olga.sees("nombra a quien no dio su consentimiento: Juana")
    await olga.reads_all()
    await rita.sees_nothing()
