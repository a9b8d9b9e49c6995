"""A plan as those who coordinate make it: by conversation, in one line, as a text; and taken back."""

import pytest

from tests.support.world import Group, Person, World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)


async def coordinated(world: World, *names: str) -> tuple[Group, Person, *tuple[Person, ...]]:
    """A group with its coordinator and people who respond; nothing is left to read."""
    group = await world.group("Red")
    people = await group.joined(*names)
    return (group, group.coordinator, *people)


async def two_coordinate(world: World) -> tuple[Person, Person, Person]:
    """Coral and Dora coordinate, and know each other for long enough to be two."""
    group = await world.group("Red")
    (dora,) = await group.joined("Dora", as_="coordinación")
    (ana,) = await group.joined("Ana", as_="integrante")
    await world.forward(days=4)
    return group.coordinator, dora, ana


async def test_a_plan_is_made_by_conversation(world: World) -> None:
    _, coral, berta, carla = await coordinated(world, "Berta", "Carla")
    await coral.writes("/plan")
    await coral.sees("Plan de inicio")
    await coral.sees("Lo han aceptado 3 de 3")
    assert any(content.startswith(b"\x89PNG") for content in await coral.device.files())
    await coral.presses("Cambiar el plan")
    await coral.sees("Borrador del plan", "nadie más lo ve")
    await coral.presses("Cambiar un paso")
    await coral.sees("¿Qué paso cambio?")
    await coral.presses("Paso 1: de inmediato")
    await coral.sees("Paso 1", "¿Qué cambio?")
    await coral.presses("A quién")
    await coral.sees("¿A quién avisa el paso 1?")
    await coral.writes("Berta")
    await coral.sees("Borrador del plan", "1. de inmediato: Berta")
    await coral.presses("Añadir un paso")
    await coral.sees("Escribe el paso")
    await coral.writes("5 min: Carla")
    await coral.sees("2. a los 5 minutos: Carla")
    await coral.writes("cambiar")  # the word of a button is as good as the button
    await coral.sees("¿Qué paso cambio?")
    await coral.presses("Paso 2")
    await coral.sees("¿Qué cambio?")
    await coral.presses("Condiciones")
    await coral.sees("ninguna condición calla una alarma")
    await coral.presses("Solo de noche")
    await coral.sees("2. a los 5 minutos: Carla (solo de 22:00 a 06:00")
    await coral.presses("Repetición y noticias")
    await coral.sees("Ahora se repite cada 10 minutos")
    await coral.writes("repetir 5 min; noticias 60 min")
    await coral.sees("Se repite cada 5 minutos")
    await coral.presses("Terminar")
    await coral.sees("El borrador, dibujado: 3 pasos")
    await coral.sees("Así queda el plan", "Berta", "solo de 22:00 a 06:00", "¿Lo guardo?")
    await coral.presses("Guardar")
    await coral.shows("Guardado", "/deshacer")
    for person in (berta, carla):
        await person.sees("Hay un plan nuevo", "Carla (solo de 22:00 a 06:00)")
    await coral.reads_all()  # on Matrix a picture is a message of its own


@sandbox_alone
async def test_a_draft_is_not_lost_and_help_is_help(world: World) -> None:
    """Whatever comes in between: a command, a day, a word for help."""
    _, coral, _ = await coordinated(world, "Berta")
    await coral.writes("/plan editar")
    await coral.sees("Borrador del plan")
    await coral.writes("2 h: Berta")
    await coral.sees("3. a los 2 horas: Berta")
    await coral.writes("quién sabe")
    await coral.sees("No entendí «quién sabe»", "El borrador sigue igual")
    await coral.writes("/estado")
    await coral.sees("No tienes horario")
    await world.forward(days=1)
    await coral.writes("/plan borrador")
    await coral.sees("3. a los 2 horas: Berta")
    await coral.writes("ayuda")
    await coral.sees("¿Es una emergencia?")
    await coral.presses("Ver instrucciones")
    await coral.sees("Puedes escribir")
    await coral.presses("Dejarlo como estaba")
    await coral.sees("Descartado")
    await coral.writes("/plan borrador")
    await coral.sees("Borrador del plan", "2. a los 15 minutos")


@sandbox_alone
async def test_each_part_of_a_step_and_what_cannot_be(world: World) -> None:
    _, coral, _, _ = await coordinated(world, "Berta", "Carla")

    async def step(part: str, number: int = 1) -> None:
        await coral.presses("Cambiar un paso")
        await coral.presses(f"Paso {number}:")
        await coral.reads_all()
        await coral.presses(part)

    await coral.writes("/plan editar")
    await coral.sees("Borrador")
    await step("Cuándo")
    await coral.writes("25:61")
    await coral.sees("No entendí «25:61»", "Ejemplo: 30 min")
    await coral.writes("5 min")
    await coral.sees("¿A los cuántos minutos")
    await coral.sees("1. a los 5 minutos: toda la red")
    await step("A quién")
    await coral.writes("Zoraida")
    await coral.sees("No encuentro en el grupo a: Zoraida")
    await coral.writes("Berta, coordinación")
    await coral.sees("1. a los 5 minutos: la coordinación (1) y Berta")
    await step("Repetición de este paso")
    await coral.writes("3 min")
    await coral.sees("Berta (repite cada 3 minutos)")
    await step("Condiciones")
    await coral.writes("de 22 a 25:61")
    await coral.sees("No entendí «de 22 a 25:61»", "Ejemplo: de 22 a 6")
    await coral.writes("de 20 a 8, alarma, riesgo alto")
    await coral.sees("solo de 20:00 a 08:00; solo: alarma propia; solo con riesgo alto")
    await coral.reads_all()
    await step("Último recurso")
    await coral.sees("El último recurso va en el último paso")
    await coral.sees("Borrador")
    await step("Último recurso", 2)
    await coral.sees("2. a los 15 minutos", "(último recurso)")
    await coral.reads_all()
    await step("Condiciones", 2)
    await coral.presses("Solo si pide auxilio")
    await coral.sees("no lleva condiciones")
    await coral.reads_all()
    await coral.writes("1 h: Carla")
    await coral.sees("El último recurso es a los 15 minutos")
    await coral.writes("10 min: Carla")
    await coral.sees("2. a los 10 minutos: Carla", "3. a los 15 minutos")
    await coral.presses("Quitar un paso")
    await coral.sees("¿Qué paso quito?")
    await coral.presses("Paso 2:")
    await coral.sees("2. a los 15 minutos")
    await coral.presses("Quitar un paso")
    await coral.presses("Paso 2")
    await coral.presses("Quitar un paso")
    await coral.presses("Paso 1")
    await coral.reads_all()
    await coral.shows("Un plan necesita al menos un paso")


async def test_by_night_somebody_else_is_told_first(world: World) -> None:
    group = await world.group("Red")
    ana, berta, carla = await group.joined("Ana", "Berta", "Carla")
    await group.plan("ya (de 6 a 22): Berta; ya (de 22 a 6): Carla; 30 min: toda la red")
    await ana.writes("/auxilio")  # ten past eight in the morning
    await ana.sees("Avisé a tu red")
    await berta.sees("Ana pide auxilio")
    await carla.sees_nothing()
    await world.forward(minutes=30)
    await carla.sees("Ana pide auxilio")
    await berta.presses("Yo me encargo")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    for person in (berta, carla, group.coordinator):
        await person.reads_all()
    await world.until("23:00")
    for person in (ana, berta):
        await person.reads_all()  # how it went, and whether to be asked how she is
    await ana.writes("/auxilio")
    await ana.sees("Avisé a tu red")
    await carla.sees("Ana pide auxilio")
    await berta.sees_nothing()


@sandbox_alone
async def test_conditions_that_never_hold_are_loud_at_once(world: World) -> None:
    """No step of this plan is for a morning: the whole circle and the coordination hear at once."""
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya (de 22 a 6): Berta; 4 h (coacción): Berta")
    await ana.writes("/auxilio")
    await ana.sees("Avisé a tu red")
    for person in (berta, group.coordinator):
        await person.sees("Ana pide auxilio", "El plan terminó y nadie lo tomó")
    await world.forward(minutes=15)
    for person in (berta, group.coordinator):
        await person.sees("El plan terminó y nadie lo tomó")


async def test_straight_to_a_named_step(world: World) -> None:
    group = await world.group("Red")
    ana, berta, carla, dora = await group.joined("Ana", "Berta", "Carla", "Dora")
    await group.plan("ya: Berta; 30 min: Carla; 2 h: Dora; repetir 60 min")
    await ana.writes("/auxilio")
    await ana.sees("Avisé a tu red")
    await berta.sees("Ana pide auxilio")
    await berta.writes("/escalar 1 3")
    await berta.sees("avisé al paso 3", "El plan sigue")
    await dora.sees("Ana pide auxilio")
    await carla.sees_nothing()
    await berta.writes("/escalar 1 9")
    await berta.sees("no tiene ese paso")
    await berta.sees("¿a qué paso aviso ya?")
    await berta.presses("Paso 2: otras personas: 1")  # nobody learns of others by asking
    await berta.sees("avisé al paso 2")
    await carla.sees("Ana pide auxilio")
    await dora.writes("/linea 1")
    await dora.sees("Berta escala directo al paso 3", "Berta escala directo al paso 2")
    await carla.presses("Yo me encargo")
    for person in (berta, carla, dora):
        await person.reads_all()


@sandbox_alone
async def test_to_escalate_in_a_hurry_is_no_question(world: World) -> None:
    group = await world.group("Red")
    ana, berta, carla = await group.joined("Ana", "Berta", "Carla")
    await group.plan("ya: Berta; 30 min: Carla")
    await ana.writes("/auxilio")
    await ana.sees("Avisé a tu red")
    await berta.sees("Ana pide auxilio")
    await berta.writes("/escalar ya por favor")
    await berta.sees("avisé al paso siguiente", "/escalar 1 pasos")
    await carla.sees("Ana pide auxilio")
    await carla.writes("/escalar 1 pasos")
    await carla.sees("¿a qué paso aviso ya?")
    await carla.presses("Paso 1: Berta")
    await carla.sees("avisé al paso 1")
    await berta.sees("Ana pide auxilio")


# --- taking a change back -----------------------------------------------------------------------


async def test_a_change_is_taken_back_within_ten_minutes(world: World) -> None:
    group, coral, ana, berta = await coordinated(world, "Ana", "Berta")
    await group.plan("ya: Berta; 30 min: toda la red")
    await coral.writes("/plan ya: toda la red")  # a slip
    await coral.sees("Así queda el plan", "Ana: a los 30 minutos → de inmediato")
    await coral.presses("Guardar")
    await coral.shows("Durante 10 minutos puedes deshacerlo")
    for person in (ana, berta):
        await person.sees("Hay un plan nuevo")
    await coral.writes("/deshacer")
    await coral.sees("Deshecho", "1. de inmediato: Berta", "queda como borrador")
    await coral.writes("/deshacer")
    await coral.sees("No tienes ningún cambio que deshacer")
    for person in (ana, berta):  # the question about it is closed, and theirs is the plan as before
        assert not [m for m in await person.device.messages() if "De acuerdo" in m.labels]
        await person.writes("/miplan")
        await person.sees("Tu plan", "de inmediato: Berta")
    await coral.writes("/bitacora")
    await coral.sees("Coral deshace su cambio del plan")


@sandbox_alone
async def test_after_ten_minutes_or_once_somebody_agreed_it_is_a_change_like_any_other(
    world: World,
) -> None:
    group, coral, ana, berta = await coordinated(world, "Ana", "Berta")
    await group.plan("ya: Berta; 30 min: toda la red")
    for at, minutes, agrees in ((20, 11, False), (9, 1, True)):
        await coral.writes(f"/plan ya: Berta; {at} min: toda la red")
        await coral.presses("Guardar")
        await coral.reads_all()
        if agrees:
            await ana.presses("De acuerdo")
        await world.forward(minutes=minutes)
        await coral.writes("/deshacer")
        if agrees:
            await coral.sees("Ya hay quien aceptó ese cambio")
            await coral.sees("lo decide también otra persona", "a los 20 minutos")
        else:
            await coral.sees("Pasaron los 10 minutos")
    await coral.presses("Guardar")
    await coral.sees("Esto se decide entre dos personas")
    for person in (ana, berta):
        await person.reads_all()
        await person.writes("/plan")
        await person.sees("Eso no te toca a ti")


@sandbox_alone
async def test_what_two_people_decided_is_not_undone_by_one(world: World) -> None:
    """Nor is undoing a way to a plan that two people did not want."""
    coral, dora, ana = await two_coordinate(world)
    await coral.writes("/plan ya: coordinación; 5 h: toda la red")
    await coral.sees("lo decide también otra persona")
    await coral.presses("Guardar")
    await coral.sees("Lo pedí a otra persona")
    await dora.sees("Un plan que cubre menos")
    await coral.writes("/deshacer")
    await coral.sees("No tienes ningún cambio que deshacer")
    await dora.presses("Doy mi acuerdo")
    await coral.sees("Dora")
    for person in (coral, dora):
        await person.writes("/deshacer")
        await person.sees("No tienes ningún cambio que deshacer")
    await ana.reads_all()
    for person in (coral, dora):
        await person.reads_all()


@sandbox_alone
async def test_only_who_changed_it_takes_it_back(world: World) -> None:
    coral, dora, ana = await two_coordinate(world)
    await coral.writes("/plan ya: toda la red, coordinación")
    await coral.presses("Guardar")
    await dora.writes("/deshacer")
    await dora.sees("No tienes ningún cambio que deshacer")
    await coral.writes("/deshacer")
    await coral.shows("Deshecho")
    for person in (coral, dora, ana):
        await person.reads_all()


@sandbox_alone
async def test_two_write_a_plan_at_once(world: World) -> None:
    """Each sees what their own would change; the later one is compared with the earlier one's."""
    coral, dora, ana = await two_coordinate(world)
    await coral.writes("/plan ya: toda la red, coordinación; repetir 5 min")
    await dora.writes("/plan ya: toda la red, coordinación; repetir 9 min")
    await coral.presses("Guardar")
    await coral.shows("Guardado")
    await dora.sees("Así queda el plan", "¿Lo guardo?")
    await dora.sees("Hay un plan nuevo")
    await dora.presses("Guardar")
    await dora.sees("Lo pedí a otra persona")  # it repeats less often than Coral's
    for person in (coral, dora, ana):
        await person.reads_all()


# --- plans to begin with ------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["alto", "medio", "bajo", "high"])
@sandbox_alone
async def test_a_plan_for_each_risk_says_why(world: World, word: str) -> None:
    _, coral, berta = await coordinated(world, "Berta")
    await coral.writes(f"/plan riesgo {word}")
    await coral.sees("Plan para riesgo", "Por qué:", "Front Line Defenders", "Protection International")
    await coral.presses("Usar este plan")
    await coral.sees("Así queda el plan", "coordinación")
    await coral.presses("Guardar")
    await coral.shows("Guardado")
    await berta.sees("Hay un plan nuevo")


async def test_the_plan_for_high_risk_works(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    coral = group.coordinator
    await coral.writes("/plan riesgo")
    await coral.sees("¿Cuál quieres ver?")
    await coral.presses("Riesgo alto")
    await coral.sees("Plan para riesgo alto", "cada 5 minutos")
    await coral.presses("Usar este plan")
    await coral.sees("Así queda el plan", "Paso 2: hoy no tiene a nadie")
    await coral.presses("Guardar")
    for person in (ana, berta):
        await person.sees("Hay un plan nuevo")
        await person.presses("De acuerdo")
    await ana.writes("/auxilio")
    await ana.sees("Avisé a tu red")
    for person in (berta, coral):
        await person.sees("Ana pide auxilio")
    await world.forward(minutes=5)
    for person in (berta, coral):
        await person.sees("Sigue sin que nadie lo tome")
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste")
    await coral.sees("Berta se encarga")
    await world.forward(minutes=30)
    await berta.sees("¿Qué noticias hay")


# --- as a text ----------------------------------------------------------------------------------


async def test_a_plan_goes_out_as_a_text_and_comes_back(world: World) -> None:
    group, coral, berta, carla = await coordinated(world, "Berta", "Carla")
    await group.plan(
        "ya (de 22 a 6, riesgo alto, repetir 5 min): Berta; 10 min: Carla y coordinación;"
        " 1 h (último recurso): observancia, toda la red; noticias 45 min"
    )
    await coral.writes("/plan exportar")
    await coral.sees("El plan como texto")
    (text,) = [t for t in await coral.reads_all() if "[[paso]]" in t]
    assert 'horas = "22:00-06:00"' in text
    assert 'personas = ["Carla"]' in text
    await coral.writes("/plan ya: toda la red, coordinación")
    await coral.presses("Guardar")
    await coral.reads_all()
    await coral.writes("/plan importar")
    await coral.sees("Pega aquí el texto del plan")
    await coral.writes(text)
    await coral.sees(
        "Así queda el plan", "Berta (solo de 22:00 a 06:00; solo con riesgo alto; repite cada 5",
        "la coordinación (1) y Carla", "(último recurso)", "Noticias cada 45 minutos",
    )  # fmt: skip
    await coral.presses("Descartar")
    await coral.shows("Descartado")
    for person in (berta, carla):
        await person.reads_all()


@sandbox_alone
async def test_a_text_that_is_wrong_says_where(world: World) -> None:
    _, coral, _ = await coordinated(world, "Berta")
    for text, line, why in (
        ('[[paso]]\ntras = 30 min\ntareas = ["red"]', 2, "no se entiende «tras = 30 min»"),
        ('[[paso]]\ntras = "25:61:00"\ntareas = ["red"]', 2, "no es un tiempo: «25:61:00»"),
        ('[[paso]]\ntras = "ya"\nhoras = "25:61 a 6"\ntareas = ["red"]', 3, "no es un horario"),
        ('[[paso]]\ntras = "ya"\n', 1, "el paso no tiene a nadie"),
        ('[[paso]]\ntras = "ya"\nquienes = ["Berta"]', 3, "no conozco «quienes»"),
        ('[[paso]]\ntras = "ya"\n\npersonas = ["Berta", "Zoraida"]', 4, "No encuentro"),
        ('[[paso]]\ntras = "ya"\ntareas = ["jefatura"]', 3, "no conozco «jefatura»"),
    ):
        await coral.writes(f"/plan importar {text}")
        await coral.sees(f"Línea {line}:", why, "No cambié nada")
    await coral.writes('/plan [[paso]]\ntras = “ya”\ntareas = “red”')  # as a phone writes quotes
    await coral.sees("Así queda el plan")


@sandbox_alone
async def test_in_english_as_well(world: World) -> None:
    _, coral, berta = await coordinated(world, "Berta")
    await coral.writes("/idioma en")
    await coral.reads_all()
    await coral.writes("/plan now (from 10 pm to 6 am, high risk): Berta; 20 min: everyone")
    await coral.sees("The plan would be", "Berta (only from 22:00 to 06:00; only at high risk)")
    await coral.presses("Save")
    await coral.shows("/undo")
    await coral.writes("/plan export")
    await coral.sees("The plan as text")
    await coral.sees("[[step]]", 'hours = "22:00-06:00"')
    await coral.writes("/undo")
    await coral.sees("Undone")
    await coral.writes("/whatif 3:00")
    await coral.sees("Coral", "if they did not answer")
    await berta.reads_all()
