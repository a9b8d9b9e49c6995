"""Who is on duty: hand-offs, substitutes, swaps, overrides, gaps, and alarms that find somebody."""

import pytest

from tests.support.world import Group, Person, World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)

PLAN = "ya: guardia; 10 min: suplencia; 30 min: red"


async def takes_it_on(person: Person) -> None:
    """The offer of a rotation, accepted."""
    await person.sees("Te proponen hacer guardia")
    await person.presses("Acepto la tarea")
    await person.shows("Aceptaste")


async def rotation(group: Group, text: str, *people: Person) -> None:
    """Coral writes it, and everyone takes it on. Whoever has it now says that they are there."""
    coral = group.coordinator
    await coral.writes(f"/turnos {text}")
    await coral.sees("Así queda la guardia de")
    await coral.presses("Guardar")
    await coral.sees("Guardada")
    for number, person in enumerate(people):
        await takes_it_on(person)
        if number == 0:
            await person.sees("Empezó tu turno")
            await person.presses("Estoy de guardia")
            await person.shows("Estás de guardia desde")
    await coral.sees("Todas las personas aceptaron la guardia")


async def guarded(
    world: World, text: str = "lunes 9:00; Berta, Carla"
) -> tuple[Group, Person, Person, Person]:
    """Berta is on duty until Monday at nine, and Carla after her; Ana is looked after."""
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    berta, carla = await group.joined("Berta", "Carla")
    await group.plan(PLAN)
    await rotation(group, text, berta, carla)
    return group, ana, berta, carla


async def test_the_hand_off_of_a_week(world: World) -> None:
    group, ana, berta, carla = await guarded(world)
    await berta.writes("/guardia")
    await berta.sees("todo el grupo: Berta, hasta 23 nov 09:00; después Carla", "Tus turnos", "16 nov")
    await ana.writes("/guardia")
    await ana.sees("Hay alguien de guardia")  # and not who
    await world.forward(days=5, hours=1)  # Sunday at nine
    await carla.sees("Tu turno se acerca", "desde 23 nov 09:00 hasta 30 nov 09:00")
    await carla.presses("Estoy de guardia")
    await carla.shows("Estás de guardia desde 23 nov 09:00")
    await world.forward(days=1)
    await group.coordinator.writes("/guardia")
    await group.coordinator.sees("Carla, hasta 30 nov 09:00; después Berta")
    await ana.writes("/auxilio")
    await ana.sees("Avisé a tu red")
    await carla.sees("Ana pide auxilio")
    await berta.sees_nothing()
    await carla.presses("Yo me encargo")
    await carla.sees("Tomaste")


async def test_a_miss_at_three_at_night_reaches_berta_and_then_her_substitute(world: World) -> None:
    group, ana, berta, carla = await guarded(world)
    await ana.asked_daily("02:15", more="sin avisos")
    await world.until("02:15")
    await ana.sees("¿Estás bien?")
    await world.until("03:00")
    await berta.sees("Ana no respondió")
    await carla.sees_nothing()
    await world.until("03:09")
    await carla.sees_nothing()
    await world.until("03:11")
    await carla.sees("Ana no respondió")
    await carla.presses("Yo me encargo")
    await carla.sees("Tomaste el incidente #1")
    await berta.sees("Carla se encarga")
    await ana.sees_nothing()


async def test_who_does_not_say_that_she_is_there_is_stood_in_for(world: World) -> None:
    group, ana, berta, carla = await guarded(world)
    coral = group.coordinator
    await world.forward(days=5, hours=1)
    await carla.sees("Tu turno se acerca")
    await world.forward(days=1)
    await carla.sees("Empezó tu turno", "hasta 30 nov 09:00")
    await berta.sees_nothing()
    await world.forward(minutes=30)
    await berta.sees("Hace falta suplencia")
    await coral.sees("Carla no confirmó su guardia", "Pregunté a Berta")
    await ana.writes("/auxilio")  # nobody has said that they are there: both are told
    await ana.sees("Avisé a tu red")
    await carla.sees("Ana pide auxilio")
    await berta.sees("Ana pide auxilio")
    await berta.presses("Estoy de guardia")
    await berta.shows("Estás de guardia desde")
    await carla.sees("Berta está de guardia")
    await coral.sees("Berta está de guardia")
    await carla.presses("Yo me encargo")
    await carla.sees("Tomaste")
    await berta.sees("Carla se encarga")


async def test_a_swap_takes_two_and_goes_both_ways(world: World) -> None:
    group, ana, berta, carla = await guarded(world)
    await carla.writes("/guardia")
    await carla.sees("Tus turnos")
    await carla.presses("Cambiar un turno")
    await carla.sees("¿Qué turno quieres dar")
    await carla.presses("23 nov 09:00")
    await carla.sees("¿Por cuál cambias tu turno de 23 nov 09:00?")
    await carla.presses("Berta: 30 nov 09:00")
    await carla.sees("Das: 23 nov 09:00", "Tomas el de Berta: 30 nov 09:00")
    await carla.presses("Proponer el cambio")
    await carla.sees("Pregunté a Berta")
    await berta.sees("Carla te propone un cambio", "Darías: 30 nov", "Tomarías: 23 nov")
    await berta.presses("De acuerdo")
    await berta.shows("Cambio hecho")
    await carla.sees("Berta acepta el cambio")
    await group.coordinator.sees("Carla y Berta cambiaron turnos")
    await berta.writes("/guardia")
    await berta.sees("Berta, hasta 23 nov 09:00; después Berta", "23 nov 09:00 – 30 nov 09:00")
    await carla.writes("/guardia")
    await carla.sees("• 30 nov 09:00 – 7 dic 09:00\n• 7 dic 09:00 – 14 dic 09:00")


@sandbox_alone
async def test_a_swap_in_one_line_that_berta_cannot(world: World) -> None:
    group, ana, berta, carla = await guarded(world)
    await carla.writes("/guardia cambiar 23 nov por 30 nov")
    await carla.sees("Das: 23 nov 09:00", "Tomas el de Berta: 30 nov 09:00")
    await carla.presses("Proponer")
    await carla.sees("Pregunté a Berta")
    await berta.sees("te propone un cambio")
    await berta.presses("No puedo")
    await berta.shows("Anotado: no cambias")
    await carla.sees("Berta no puede cambiar contigo")
    await carla.writes("/guardia cambiar 23 nov por el jueves")  # in Berta's shift, which goes on
    await carla.sees("No encuentro esos dos turnos")
    await carla.writes("/guardia cambiar 31 feb por 25:61")
    await carla.sees("No encuentro esos dos turnos", "Ejemplo")
    await carla.writes("/guardia cambiar")
    await carla.sees("¿Qué turno quieres dar")
    await group.coordinator.sees_nothing()


@sandbox_alone
async def test_a_swap_that_was_overtaken_does_nothing(world: World) -> None:
    group, ana, berta, carla = await guarded(world)
    for mine in ("23 nov", "7 dic"):
        await carla.writes(f"/guardia cambiar {mine} por 30 nov")
        await carla.presses("Proponer")
    await carla.reads_all()
    await berta.reads_all()
    await berta.presses("De acuerdo")
    await carla.sees("Berta acepta el cambio")
    await group.coordinator.sees("cambiaron turnos")
    for message in await berta.device.messages():
        if "De acuerdo" in message.labels:
            await berta.device.press(message, "De acuerdo")
            await world.stage.settle()
    await berta.shows("Ya no se puede")
    await carla.sees_nothing()


async def test_an_override_by_who_coordinates(world: World) -> None:
    group, ana, berta, carla = await guarded(world)
    coral = group.coordinator
    await coral.writes("/guardia el sábado: Carla")
    await coral.sees("desde 21 nov 00:00 hasta 22 nov 00:00: Carla")
    await coral.presses("Guardar")
    await coral.sees("Guardado: Carla está de guardia")
    await carla.sees("Coral te pide hacer la guardia de todo el grupo", "21 nov 00:00")
    await berta.sees("No te toca la guardia", "21 nov 00:00")
    await world.until("22:00")
    await world.forward(days=2)  # Thursday, two hours before a short one would be too early
    await world.until("22:00")  # Friday
    await carla.sees("Tu turno se acerca")
    await carla.presses("Estoy de guardia")
    await world.forward(hours=3)
    await berta.sees("Tu turno se acerca", "desde 22 nov 00:00 hasta 23 nov 09:00")
    await ana.writes("/auxilio")
    await ana.sees("Avisé a tu red")
    await carla.sees("Ana pide auxilio")
    await berta.sees_nothing()
    await carla.presses("Yo me encargo")
    await carla.sees("Tomaste")


@sandbox_alone
async def test_an_override_is_undone_and_refused(world: World) -> None:
    group, ana, berta, carla = await guarded(world)
    coral = group.coordinator
    await coral.writes("/guardia")
    await coral.sees("todo el grupo: Berta")
    await coral.presses("Dar unos días")
    await coral.sees("¿Cuándo, y quién?")
    await coral.writes("mañana no sé: Carla")
    await coral.sees("No entendí cuándo: «mañana no sé»")
    await coral.writes("del viernes al domingo: Zutana")
    await coral.sees("No encuentro en el grupo a: Zutana")
    await coral.writes("del viernes al domingo: Ana")
    await coral.sees("Todavía no aceptan recibir avisos: Ana")
    await coral.writes("del viernes al domingo: Carla")
    await coral.sees("desde 20 nov 00:00 hasta 23 nov 00:00: Carla")
    await coral.presses("Guardar")
    await coral.sees("Guardado")
    await carla.sees("Coral te pide")
    await berta.sees("No te toca la guardia")
    await carla.presses("No puedo")
    await carla.shows("Anotado: no puedes")
    await coral.sees("Carla no puede con la guardia")
    await berta.sees("vuelve a ser tuya")

    await coral.writes("/guardia ahora: Carla")
    await coral.sees("hasta 23 nov 09:00: Carla")
    await coral.writes("sí")
    await coral.sees("Guardado: Carla está de guardia")
    await berta.sees("No te toca la guardia")
    await carla.sees("Coral te pide")
    await carla.sees("Empezó tu turno")
    await coral.presses("Deshacer")
    await coral.shows("Deshecho")
    await carla.sees("Se deshizo el cambio")
    await berta.reads_all()
    await coral.writes("/guardia")
    await coral.sees("todo el grupo: Berta")


async def test_a_gap_is_told_days_ahead_once_and_again_a_day_before(world: World) -> None:
    group = await world.group("Red")
    (berta,) = await group.joined("Berta")
    (carla,) = await group.joined("Carla")
    coral = group.coordinator
    await coral.writes("/turnos lunes 9:00; Berta, Carla")
    await coral.sees("Así queda")
    await coral.presses("Guardar")
    await coral.sees("Guardada")
    await takes_it_on(berta)
    await berta.sees("Empezó tu turno")
    await berta.presses("Estoy de guardia")
    await carla.sees("Te proponen hacer guardia")
    await world.forward(days=3)  # Friday at eight: 73 hours before
    await coral.sees_nothing()
    await world.forward(hours=1)
    await coral.sees("Falta quien haga guardia", "23 nov 09:00", "Carla", "la suplencia: Berta")
    await world.forward(days=1, hours=23)
    await coral.sees_nothing()
    await world.forward(hours=1)
    await coral.sees("Falta quien haga guardia", "23 nov 09:00")
    await carla.presses("Acepto la tarea")
    await coral.sees("Todas las personas aceptaron")
    await carla.sees("Tu turno se acerca")
    await carla.presses("Estoy de guardia")
    await world.forward(days=1)
    await coral.sees_nothing()


async def test_the_person_on_duty_leaves_the_group(world: World) -> None:
    group, ana, berta, carla = await guarded(world)
    coral = group.coordinator
    await berta.writes("/borrarme")
    await berta.sees("Escribe BORRAR")
    await berta.writes("borrar")
    await berta.sees("Hecho")
    texts = " ".join(await coral.reads_all())
    assert "Berta salió del grupo" in texts
    assert "Berta ya no hace guardia: todo el grupo" in texts
    assert "no la tiene nadie" in texts
    assert "Pregunté a Carla" in texts
    await carla.sees("Hace falta suplencia")
    await ana.writes("/auxilio")
    await ana.sees("Avisé a tu red")
    await carla.sees("Ana pide auxilio")
    await carla.presses("Yo me encargo")
    await carla.reads_all()
    await coral.writes("/turnos")
    await coral.sees("Orden: nadie y Carla")


@sandbox_alone
async def test_who_responds_no_more_or_quits_leaves_a_place_that_is_told(world: World) -> None:
    group, ana, berta, carla = await guarded(world)
    coral = group.coordinator
    await carla.writes("/guardia")
    await carla.reads_all()
    await carla.presses("Dejar mis guardias")
    await carla.sees("¿Qué guardia quieres dejar?")
    await carla.presses("Dejar la guardia de todo el grupo")
    await carla.sees("Dejaste esa guardia")
    await coral.sees("Carla ya no hace guardia")
    await world.forward(days=3, hours=1)
    await coral.sees("Falta quien haga guardia", "nadie", "Berta")
    await berta.writes("/tareas")
    await berta.presses("Dejar: red de respuesta")
    await berta.reads_all()
    texts = " ".join(await coral.reads_all())
    assert "Berta ya no hace guardia" in texts
    assert "Nadie confirmó la guardia" in texts
    await ana.writes("/auxilio")  # nobody is on duty, and no substitute: the next step, at once
    await ana.sees("Avisé a tu red")
    for person in (carla, coral):
        await person.sees("Ana pide auxilio")


async def test_the_missing_person_is_herself_on_duty(world: World) -> None:
    group, ana, berta, carla = await guarded(world)
    await berta.asked_daily("02:15", more="sin avisos")
    await world.until("02:15")
    await berta.sees("¿Estás bien?")
    await world.until("03:00")
    await carla.sees("Berta no respondió")
    await carla.presses("Yo me encargo")
    await carla.sees("Tomaste")
    await ana.writes("/auxilio")  # nor does Berta answer for anybody now
    await ana.sees("Avisé a tu red", "#2")
    await carla.sees("Incidente #2", "Ana pide auxilio")
    await carla.presses("Yo me encargo")
    await carla.sees("Tomaste")
    await berta.sees_nothing()
    await group.coordinator.sees_nothing()


async def test_nobody_is_on_duty_and_the_step_is_skipped_at_once(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    (berta,) = await group.joined("Berta")
    await group.plan("ya: guardia; 30 min: Berta")
    await ana.writes("/auxilio")
    await ana.sees("Avisé a tu red")
    await berta.sees("Ana pide auxilio")


@sandbox_alone
async def test_whoever_cannot_be_reached_is_passed_over(world: World) -> None:
    group, ana, berta, carla = await guarded(world)
    coral = group.coordinator
    await berta.device.closes_the_chat()
    await world.stage.settle()
    told = " ".join(await coral.reads_all())
    assert "mis mensajes no llegan (le tocaba a: Berta). Pregunté a Carla" in told
    await carla.sees("Hace falta suplencia")
    await ana.writes("/auxilio")
    await ana.sees("Avisé a tu red")
    await carla.sees("Ana pide auxilio")
    await coral.sees_nothing()
    await carla.presses("Yo me encargo")
    await carla.reads_all()


@sandbox_alone
async def test_clocks_change_in_the_night_of_the_hand_off(world: World) -> None:
    """In Tijuana clocks go from two to three on 14 March 2027; the hand-off is at half past two."""
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    berta, carla = await group.joined("Berta", "Carla")
    coral = group.coordinator
    await group.plan(PLAN)
    await coral.writes("/region crear Frontera")
    await coral.presses("Guardar")
    await coral.writes("/region zona Frontera: America/Aztlan")
    assert "No conozco la zona horaria «America/Aztlan»" in " ".join(await coral.reads_all())
    await coral.writes("/region zona Frontera: America/Tijuana")
    await coral.sees("zona horaria America/Tijuana", "¿Lo guardo?")
    await coral.presses("Guardar")
    await coral.reads_all()
    await world.forward(days=116)  # 13 March 2027, eight in Mexico City, six in Tijuana
    for person in (ana, berta, carla, coral):
        await person.reads_all()  # whether they can be reached, what the months were like
    await rotation(group, "Frontera; cada día 2:30; Berta, Carla", berta, carla)
    await ana.writes("/miregion Frontera")
    await ana.sees("Tu región es ahora Frontera")
    await coral.sees("Ana está ahora en la región Frontera")
    await world.until("02:05")  # two hours before the jump, and a little
    await carla.sees("Tu turno se acerca", "desde 04:00 hasta 15 mar 03:30")
    await world.until("03:59")
    await ana.writes("/auxilio")
    await ana.sees("Avisé a tu red")
    await berta.sees("Ana pide auxilio")
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste")
    assert "Incidente" not in "".join(await carla.reads_all())
    await world.until("04:01")
    await carla.sees("Empezó tu turno")
    await carla.writes("/guardia sí")
    await carla.shows("Estás de guardia desde 04:00")
    await berta.writes("/guardia")
    await berta.sees("Frontera: Carla, hasta 15 mar 03:30; después Berta")
    for person in (ana, berta, carla, coral):
        await person.reads_all()  # who can be reached, after all that time


async def test_a_region_has_its_own_duty_and_the_group_stands_behind_it(world: World) -> None:
    group, ana, berta, carla = await guarded(world)
    (rita,) = await group.joined("Rita")
    coral = group.coordinator
    await coral.writes("/region crear Sierra Norte")
    await coral.sees("Crear la región Sierra Norte", "America/Mexico_City")
    await coral.presses("Guardar")
    await coral.sees("Creada: Sierra Norte")
    await coral.writes("/region Sierra Norte: Ana")
    await coral.sees("Preguntaré a Ana")
    await coral.presses("Guardar")
    await coral.sees("Les pregunté")
    await ana.sees("estar en la región Sierra Norte")
    await ana.presses("Sí, es mi región")
    await ana.shows("Anotado: es tu región")
    await coral.sees("Ana está ahora en la región Sierra Norte")
    await ana.writes("/auxilio")  # the region has no duty yet
    await ana.sees("Avisé a tu red", "#1")
    await berta.sees("Incidente #1", "Ana pide auxilio")
    await berta.presses("Yo me encargo")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    await berta.reads_all()

    await rotation(group, "Sierra Norte; lunes 9:00; Rita", rita)
    await ana.writes("/auxilio")
    await ana.sees("Avisé a tu red", "#2")
    await rita.sees("Incidente #2", "Ana pide auxilio")
    await berta.sees_nothing()
    await world.forward(minutes=10)  # Rita is alone in it: the group's stands behind her
    await berta.sees("Incidente #2")
    await rita.presses("Yo me encargo")
    await rita.sees("Tomaste")
    await berta.sees("Rita se encarga")


async def test_in_steps_with_numbers_and_words(world: World) -> None:
    group = await world.group("Red")
    berta, carla = await group.joined("Berta", "Carla")
    coral = group.coordinator
    await coral.writes("/turnos")
    await coral.sees("Todavía no hay guardias", "¿Para quién")
    await coral.presses("Todo el grupo")
    await coral.sees("¿Cada cuánto")
    await coral.writes("no sé")
    await coral.sees("No entendí cada cuánto")
    await coral.writes("cada semana")
    await coral.sees("¿Qué día y a qué hora", "lunes 9:00")
    await coral.writes("25:61")
    await coral.sees("No entendí cuándo se entrega: «25:61»")
    await coral.writes("miércoles a las 9")
    await coral.sees("¿Quiénes, y en qué orden?")
    await coral.writes("Berta, Zutana")
    await coral.sees("No encuentro en el grupo a: Zutana")
    await coral.writes("Berta y Berta")
    await coral.sees("Cada persona puede estar una sola vez")
    await coral.writes("Berta y Carla; suplencia: Coral")
    await coral.sees(
        "cada miércoles a las 09:00", "Orden: Berta y Carla", "Suplencia: Coral", "America/Mexico"
    )
    await coral.writes("guardar")
    await coral.sees("Guardada")
    await takes_it_on(berta)
    await berta.sees("Empezó tu turno", "hasta 18 nov 09:00")
    await berta.writes("/guardia no puedo")
    await berta.shows("Anotado: no puedes")
    await coral.sees("Berta no puede con su guardia", "Pregunté a Coral")
    await coral.sees("Hace falta suplencia")
    await coral.presses("Estoy de guardia")
    await berta.sees("Coral está de guardia")
    await carla.sees("Te proponen hacer guardia")
    await carla.presses("No, gracias")
    await carla.shows("Anotado: no haces esta guardia")
    await coral.reads_all()


@sandbox_alone
async def test_another_rotation_begins_where_the_first_hands_over(world: World) -> None:
    group, ana, berta, carla = await guarded(world)
    coral = group.coordinator
    await coral.writes("/turnos grupo; cada día 20:00; Carla, Berta")
    await coral.sees("Empieza: 20:00")
    await coral.presses("Guardar")
    await coral.sees("Guardada. Empieza: 20:00")
    await takes_it_on(berta)
    await takes_it_on(carla)
    await coral.sees("Todas las personas aceptaron")
    await berta.writes("/guardia")
    await berta.sees("Berta, hasta 20:00")
    await world.until("18:00")
    await carla.sees("Tu turno se acerca", "desde 20:00 hasta 18 nov 20:00")
    await carla.presses("Estoy de guardia")
    await world.until("20:00")
    await carla.writes("/guardia")
    await carla.sees("Carla, hasta 18 nov 20:00; después Berta")
    await coral.writes("/turnos terminar grupo")
    await coral.sees("Terminar la guardia de todo el grupo")
    await coral.presses("Terminar esta guardia")
    await coral.sees("Terminada")
    for person in (berta, carla):
        await person.sees("Coral terminó la guardia")
        await person.writes("/guardia")
        await person.sees("todavía no tiene guardias")


async def test_a_calendar_names_nobody_but_to_who_coordinates(world: World) -> None:
    group, ana, berta, carla = await guarded(world)
    coral = group.coordinator
    for person in (berta, coral):
        await person.device.signs()
    await berta.writes("/guardia calendario")
    await berta.sees("Tus turnos, para tu calendario")
    first = (await berta.device.files())[-1].decode()
    assert "BEGIN:VCALENDAR\r\n" in first
    assert "DTSTART:20261130T150000Z" in first
    assert "SUMMARY:Turno\r\n" in first
    assert not [name for name in ("Ana", "Berta", "Carla", "Coral", "Red") if name in first]
    await world.forward(hours=1)
    await berta.writes("/guardia calendario")
    await berta.sees("Tus turnos")
    again = (await berta.device.files())[-1].decode()
    uids = [line for line in first.split("\r\n") if line.startswith("UID:")]
    assert uids
    assert uids == [line for line in again.split("\r\n") if line.startswith("UID:")]
    await coral.writes("/guardia calendario todo")
    await coral.sees("Los turnos con sus nombres")
    everyone = (await coral.device.files())[-1].decode()
    assert "SUMMARY:Turno: Berta" in everyone
    assert "SUMMARY:Turno: Carla" in everyone
    assert uids[1] in everyone
    await berta.writes("/guardia calendario todo")
    await berta.sees("Eso no te toca a ti")
    await ana.writes("/guardia el sábado: Carla")
    await ana.sees("Eso no te toca a ti")
    await ana.writes("/guardia calendario")
    await ana.sees("No tienes turnos")
    for person in (berta, coral):  # on Matrix the file is a message of its own
        await person.reads_all()


@sandbox_alone
async def test_the_plan_and_what_if_know_who_is_on_duty(world: World) -> None:
    group, _, _, _ = await guarded(world)
    coral = group.coordinator
    await coral.writes(f"/plan {PLAN}")
    (summary,) = [text for text in await coral.reads_all() if "Así queda el plan" in text]
    assert "quien esté de guardia" in summary
    assert "paso 1" not in summary.casefold()  # no warning that it tells nobody
    await coral.writes("/siacaso Ana 3:00")
    await coral.sees("Paso 1: quien esté de guardia (1, con canal 1)")
