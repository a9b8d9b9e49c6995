"""Who has to agree before something is published: one or two, named ones, in time, at their hour."""

from tests.stories.test_denunciations import TEXT, TITLE, approved, organisation, says, write
from tests.support.world import Group, Person, World


async def handed_over(olga: Person) -> None:
    await write(olga)
    await olga.presses("Enviar a revisión")
    await olga.shows("En revisión")


async def with_two_reviewers(world: World) -> tuple[Group, Person, Person, Person]:
    """Olga writes; Rita and Elsa approve. Nobody reads."""
    group = await world.group("Red")
    (olga,) = await group.joined("Olga", as_="redacción")
    rita, elsa = await group.joined("Rita", "Elsa", as_="aprobación")
    for person in (group.coordinator, rita, elsa):
        await person.writes("/suscribir no")
        await person.reads_all()
    return group, olga, rita, elsa


async def changes_rules(group: Group, words: str, *others: Person) -> None:
    await group.coordinator.writes(f"/revision {words}")
    await group.coordinator.sees("Aviso si tardan más de")
    for person in others:
        await person.sees("La coordinación cambió cómo se revisan las denuncias")


async def test_where_two_must_agree_nothing_leaves_after_the_first(world: World) -> None:
    group, olga, rita, elsa = await with_two_reviewers(world)
    await changes_rules(group, "dos", rita, elsa)
    await handed_over(olga)
    for person in (rita, elsa):
        await person.sees("Olga pide tu revisión", "La revisan 2 personas")
        await person.sees(TITLE, TEXT)
    await rita.presses("Aprobar y publicar")
    await rita.shows("Hace falta otra persona")
    await olga.sees("Rita está de acuerdo con la denuncia #1", "Faltan 1")
    await elsa.presses("Aprobar y publicar")
    await elsa.shows("Aprobada por Elsa")
    await olga.sees("Publicando la denuncia #1")
    await world.forward(seconds=10)
    await olga.shows("Denuncia #1 publicada")


async def test_one_of_two_returns_it_and_the_other_consent_is_void(world: World) -> None:
    group, olga, rita, elsa = await with_two_reviewers(world)
    await changes_rules(group, "dos", rita, elsa)
    await handed_over(olga)
    for person in (rita, elsa):
        await person.reads_all()
    await rita.presses("Aprobar y publicar")
    await olga.sees("Rita está de acuerdo")
    await elsa.presses("Devolver")
    await olga.sees("Elsa devolvió")
    await olga.sees(TITLE)
    await olga.presses("Enviar a revisión")
    for person in (rita, elsa):
        await person.sees("Olga pide tu revisión")
        await person.sees(TITLE)
    await elsa.presses("Aprobar y publicar")
    await olga.sees("Elsa está de acuerdo", "Faltan 1")  # Rita's was for what is no more


async def test_those_whom_the_group_named_are_asked_and_nobody_else(world: World) -> None:
    group, olga, rita, elsa = await with_two_reviewers(world)
    await changes_rules(group, "Elsa", rita, elsa)
    await handed_over(olga)
    await elsa.sees("Olga pide tu revisión")
    await elsa.sees(TITLE)
    await rita.sees_nothing()
    await elsa.presses("Aprobar y publicar")
    await olga.sees("Publicando")


async def test_rules_that_nobody_could_meet_are_refused(world: World) -> None:
    group = await world.group("Red")
    await group.joined("Rita", as_="aprobación")
    await group.coordinator.writes("/revision dos")
    await group.coordinator.sees("No hay 2 personas")
    await group.coordinator.writes("/revision mañana quizá")
    await group.coordinator.sees("No entendí")
    await group.coordinator.writes("/revision")
    await group.coordinator.sees("Aprueba una persona", "más de 24 horas")


async def test_a_review_that_takes_too_long_is_told_once(world: World) -> None:
    group, olga, rita, elsa = await with_two_reviewers(world)
    await changes_rules(group, "6 horas", rita, elsa)
    await handed_over(olga)
    for person in (rita, elsa):
        await person.reads_all()
    await world.forward(hours=6, minutes=1)
    for person in (rita, elsa):
        await person.sees("espera tu revisión desde hace 6 horas")
    for person in (olga, group.coordinator):
        await person.sees("lleva 6 horas en revisión")
    await world.forward(hours=7)


async def test_an_urgent_action_leaves_with_one_consent_and_the_other_looks_later(
    world: World,
) -> None:
    group, olga, rita, elsa = await with_two_reviewers(world)
    await changes_rules(group, "dos", rita, elsa)
    await changes_rules(group, "urgente sí", rita, elsa)
    await write(olga)
    await says(olga, "Hasta cuándo", "30 de noviembre a las 18:00")
    await olga.shows("Acción urgente", TITLE)
    await olga.presses("Enviar a revisión")
    for person in (rita, elsa):
        await person.reads_all()
    await rita.presses("Aprobar y publicar")
    await olga.sees("Publicando la denuncia #1")
    await elsa.sees("salió con una sola revisión")
    await elsa.presses("De acuerdo")
    await elsa.shows("De acuerdo.")


async def test_it_waits_for_its_hour_and_can_be_stopped_until_then(world: World) -> None:
    olga, rita, ana, channel = await organisation(world)
    await write(olga)
    await olga.presses("Ajustes")
    await olga.sees("¿Qué quieres cambiar?")
    await olga.presses("Cuándo se publica")
    await olga.sees("¿Cuándo se publica?")
    await olga.writes("quién sabe")
    await olga.sees("No entendí cuándo")
    await olga.writes("hoy a las 18:00")
    await olga.sees("Así se publicará", "Se publica:")
    await olga.sees(TITLE)
    await olga.presses("Enviar a revisión")
    await rita.sees("Olga pide tu revisión", "Se publica:")
    await rita.sees(TITLE)
    await rita.presses("Aprobar y publicar")
    for person in (olga, rita):
        await person.sees("está aprobada", "se puede detener")
    await channel.sees_nothing()
    await world.until("17:59")
    await channel.sees_nothing()
    await world.until("18:01")
    for person in (channel, ana, rita):
        await person.sees(TITLE)
    await olga.sees("#1")


async def test_whoever_approved_stops_it_before_its_hour(world: World) -> None:
    olga, rita, ana, channel = await organisation(world)
    await write(olga)
    await says(olga, "Cuándo se publica", "hoy a las 18:00")
    await approved(olga, rita)
    for person in (olga, rita):
        await person.reads_all()
    await rita.presses("Detener")
    await olga.shows("Rita la detuvo")
    await world.until("18:01")
    for person in (channel, ana):
        await person.sees_nothing()


async def test_who_lost_the_task_before_its_hour_has_not_agreed(world: World) -> None:
    olga, rita, _, channel = await organisation(world)
    await write(olga)
    await says(olga, "Cuándo se publica", "hoy a las 18:00")
    await approved(olga, rita)
    await rita.writes("/tareas")
    await rita.presses("Dejar")
    for person in world.people:
        await person.reads_all()
    await world.until("18:01")
    await olga.sees("no salió", "ya no tiene esa tarea")
    await channel.sees_nothing()
    await world.people[0].reads_all()  # who coordinates hears of cover as well


async def test_two_approve_in_the_same_moment_and_it_leaves_once(world: World) -> None:
    _, olga, rita, elsa = await with_two_reviewers(world)
    channel = await world.channel("Alertas", olga, "Lucía")
    await olga.sees("Me añadieron")
    await olga.presses("Sí, publicar ahí")
    await handed_over(olga)
    for person in (rita, elsa):
        await person.reads_all()
        message = [m for m in await person.device.messages() if m.labels][-1]
        await person.device.press(message, message.labels[0])  # nobody waits for the other
    await world.stage.settle()
    await channel.sees(TITLE)
    await channel.sees_nothing()
    await olga.sees("Publicando la denuncia #1")
    for person in (rita, elsa):
        await person.reads_all()  # one of the two is told that it left already


async def test_what_was_approved_is_not_edited_any_more(world: World) -> None:
    olga, rita, ana, channel = await organisation(world)
    await handed_over(olga)
    await rita.reads_all()
    await rita.presses("Aprobar y publicar")
    for person in (channel, ana, rita):
        await person.sees(TITLE, TEXT)
    await olga.sees("#1")
    await world.forward(seconds=10)
    await olga.writes("/corregir 1")  # what is public changes by a correction alone
    await olga.sees("Vas a corregir la denuncia #1")
    await channel.shows(TEXT)
