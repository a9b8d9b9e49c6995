"""What people do with an incident, from the alarm to its end."""

import pytest

from tests.support.world import Group, Person, World


async def in_danger(world: World) -> tuple[Group, Person, Person, Person]:
    """Ana raised an alarm; Berta was told at once, Carla will be after half an hour."""
    group = await world.group("Red")
    ana, berta, carla = await group.joined("Ana", "Berta", "Carla")
    await group.plan("ya: Berta; 30 min: Carla; repetir 20 min; noticias 60 min")
    await ana.writes("/auxilio")
    await ana.sees("Avisé a tu red", "#1")
    await berta.sees("Incidente #1", "Ana pide auxilio")
    return group, ana, berta, carla


async def test_one_word_is_enough(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("¡AUXILIO!")
    await ana.sees("Avisé a tu red")
    await group.coordinator.sees("Ana pide auxilio")


async def test_step_after_step_until_someone_takes_it(world: World) -> None:
    group, ana, berta, carla = await in_danger(world)
    await world.forward(minutes=20)
    await berta.sees("Sigue sin que nadie lo tome")
    await world.forward(minutes=10)
    await carla.sees("Ana pide auxilio")
    await carla.presses("Yo me encargo")
    await carla.sees("Tomaste el incidente #1")
    await berta.sees("Carla se encarga")
    await world.forward(minutes=59)
    await berta.sees_nothing()
    await group.coordinator.sees_nothing()


async def test_a_plan_that_found_nobody_is_loud_for_ever(world: World) -> None:
    group, _, berta, carla = await in_danger(world)
    await world.forward(minutes=30)
    await berta.sees("Sigue sin que nadie")
    await carla.sees("Ana pide auxilio")
    await world.forward(minutes=60)
    await group.coordinator.sees("El plan terminó y nadie lo tomó")
    for person in (berta, carla):
        assert "El plan terminó" in "".join(await person.reads_all())
    await world.forward(minutes=15)
    for person in (group.coordinator, berta, carla):
        await person.sees("El plan terminó y nadie lo tomó")


async def test_berta_takes_gives_news_and_resolves(world: World) -> None:
    _, ana, berta, carla = await in_danger(world)
    await world.forward(minutes=30)
    await berta.reads_all()
    await carla.sees("Ana pide auxilio")
    await berta.writes("/tomar")
    await berta.sees("Tomaste el incidente #1")
    await carla.sees("Berta se encarga")
    await berta.presses("Dar noticia")
    await berta.sees("Escribe la noticia")
    await berta.writes("Hablé con Ana, va en camino")
    await berta.sees("Anotado")
    await carla.sees("Berta: Hablé con Ana, va en camino")
    await berta.presses("Cerrar")
    await berta.sees("¿Cómo termina")
    await berta.presses("a salvo")
    for person in (berta, carla):
        await person.sees("cerrado por Berta: a salvo")
    await ana.sees_nothing()
    await berta.writes("/linea 1")
    await berta.sees("Abierto: auxilio", "Paso 1", "Berta se encarga", "Berta cierra: a salvo")
    await world.forward(hours=5)


async def test_berta_hands_over_and_carla_accepts(world: World) -> None:
    _, _, berta, carla = await in_danger(world)
    await berta.presses("Escalar ya")
    await berta.sees("avisé al paso siguiente")
    await carla.sees("Ana pide auxilio")
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste")
    await carla.sees("Berta se encarga")
    await berta.writes("/entregar Carla")
    await berta.sees("Pregunté a Carla")
    await carla.sees("Berta te entrega el incidente #1")
    await carla.presses("Acepto")
    await carla.sees("Tomaste el incidente #1")
    await berta.sees("Carla se encarga")


async def test_berta_releases_and_the_plan_goes_on(world: World) -> None:
    _, _, berta, carla = await in_danger(world)
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste")
    await berta.presses("Soltar")
    await berta.sees("Soltaste")
    await berta.sees("Sigue sin que nadie lo tome")
    await world.forward(minutes=30)
    await carla.sees("Ana pide auxilio")
    await berta.reads_all()


async def test_a_holder_without_news_is_asked_and_the_plan_resumes(world: World) -> None:
    _, _, berta, carla = await in_danger(world)
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste")
    await world.forward(minutes=60)
    await berta.sees("¿Qué noticias hay")
    await world.forward(minutes=10)
    await berta.sees("Nadie lo ha tomado")
    await world.forward(minutes=30)
    await carla.sees("Ana pide auxilio")
    await berta.reads_all()


async def test_nobody_takes_their_own(world: World) -> None:
    _, ana, _, _ = await in_danger(world)
    await ana.writes("/tomar 1")
    await ana.sees("es sobre ti")


async def test_two_take_at_once_and_the_first_holds_it(world: World) -> None:
    _, _, berta, carla = await in_danger(world)
    await berta.presses("Escalar ya")
    await berta.reads_all()
    await carla.sees("Ana pide auxilio")
    question = [m for m in await carla.device.messages() if m.labels][-1]
    alarm = [m for m in await berta.device.messages() if m.labels][-1]
    await berta.device.press(alarm, "Yo me encargo")
    await carla.device.press(question, "Yo me encargo")
    await world.stage.settle()
    told = "".join(await berta.reads_all() + await carla.reads_all())
    assert told.count("Tomaste el incidente") == 1
    assert told.count("se encarga") == 1


async def test_help_without_a_question_is_an_alarm_unless_it_is_denied(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("ayuda")
    await ana.sees("¿Es una emergencia?")
    await ana.presses("Ver instrucciones")
    await ana.sees("Puedes escribir")
    await world.forward(minutes=5)
    await ana.writes("ayuda")
    await ana.sees("¿Es una emergencia?")
    await world.forward(minutes=2)
    await ana.sees("Avisé a tu red")
    await group.coordinator.sees("Ana pide auxilio")


async def test_a_member_sees_nothing_of_an_incident_that_is_not_theirs(world: World) -> None:
    group, _, _, _ = await in_danger(world)
    (dora,) = await group.joined("Dora", as_="integrante")
    await dora.writes("/linea 1")
    await dora.sees("Eso no te toca a ti")


@pytest.mark.parametrize("world", ["sandbox"], indirect=True)
async def test_whom_it_is_about_never_reads_who_holds_it(world: World) -> None:
    """She answered late, and was asked whether it is over; her phone may be in other hands."""
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await ana.asked_daily("09:00", grace="45 min", more="sin avisos")
    await world.until("09:00")
    await world.until("09:47")
    await ana.writes("estoy bien")
    await ana.shows("¿Lo damos por terminado?")
    await berta.presses("Yo me encargo")
    await ana.shows("¿Lo damos por terminado?")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    await ana.shows("Listo.")
    for message in await ana.device.messages():
        assert "Berta" not in message.text
        assert "Cerrado" not in message.text
    for person in (ana, berta, group.coordinator):
        await person.reads_all()


async def test_who_observes_learns_who_took_it(world: World) -> None:
    """She was asked nothing, and is told all the same."""
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    (olga,) = await group.joined("Olga", as_="observancia")
    await group.plan("ya: Berta, observancia; repetir 30 min")
    await ana.writes("auxilio")
    await berta.sees("Ana pide auxilio")
    await olga.sees("Ana pide auxilio")
    await berta.presses("Yo me encargo")
    await olga.shows("Ana pide auxilio", "Berta")
    for person in (ana, berta, olga, group.coordinator):
        await person.reads_all()
