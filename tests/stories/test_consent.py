"""What happens about somebody is what they agreed to; and no consent costs an alarm."""

import pytest

from tests.support.world import World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)
quick_ones = pytest.mark.parametrize("world", ["sandbox", "telegram"], indirect=True)


async def test_the_plan_that_ana_agreed_to_goes_on_until_she_agrees_to_another(
    world: World,
) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    coral = group.coordinator
    await coral.writes("/plan ya: Coral; 4 h: toda la red")
    await coral.sees("Así queda el plan")
    await coral.presses("Guardar")
    for person in (ana, berta):
        await person.sees("Hay un plan nuevo", "Coral", "toda la red de respuesta (3)")
    await ana.presses("Seguir con el anterior")
    await ana.shows("Sigue el plan que aceptaste antes")

    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    await coral.sees("Ana pide auxilio")
    await berta.sees("Ana pide auxilio")  # at once, as Ana had agreed, and not in four hours
    await coral.presses("Yo me encargo")
    await coral.sees("Tomaste el incidente")
    await berta.sees("Coral se encarga")
    await coral.presses("Cerrar")
    await coral.sees("¿Cómo termina")
    await coral.presses("a salvo")
    await coral.sees("cerrado por Coral")
    await berta.sees("cerrado por Coral")

    await ana.writes("/miplan")
    await ana.sees("Tu plan", "de inmediato: toda la red de respuesta (3)")
    await ana.sees("Hay un plan nuevo", "de inmediato: Coral")
    await ana.presses("De acuerdo")
    await ana.shows("vale desde ahora")
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    await coral.sees("Ana pide auxilio")
    await berta.sees_nothing()


@quick_ones
async def test_consent_can_be_taken_back_but_not_in_silence(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await ana.asked_daily("09:00", grace="45 min", more="sin avisos")
    await ana.writes("/miplan")
    await ana.sees("Tu plan", "Si no respondes")
    await ana.presses("Retirar mi acuerdo")
    await ana.shows("Vale desde el próximo chequeo")
    await group.coordinator.sees("Ana retiró su acuerdo", "por otro medio")
    await world.forward(days=1)
    await ana.sees_nothing()
    await berta.sees_nothing()

    await ana.writes("auxilio")  # her own act
    await ana.sees("Avisé a tu red")
    await berta.sees("Ana pide auxilio")
    await group.coordinator.sees("Ana pide auxilio")
    await ana.writes("/horario 09:00")
    await ana.sees("Decide primero sobre el plan")
    await ana.sees("Si vuelves", "Si no respondes".lower())
    await ana.presses("De acuerdo")
    await group.coordinator.sees("Ana volvió a dar su acuerdo")
    await ana.asked_daily("21:00")


@sandbox_alone
async def test_a_question_that_is_open_is_judged_whatever_is_withdrawn(world: World) -> None:
    """Whoever holds Ana's phone cannot stop the alarm that is on its way."""
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await ana.asked_daily("09:00", grace="45 min", more="sin avisos")
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await ana.writes("/miplan")
    await ana.sees("Tu plan")
    await ana.presses("Retirar mi acuerdo")
    await group.coordinator.sees("Ana retiró su acuerdo")
    await world.until("09:45")
    await berta.sees("Ana no respondió")
    await group.coordinator.sees("Ana no respondió")


@sandbox_alone
async def test_who_joins_is_asked_about_the_plan_that_is_there(world: World) -> None:
    group = await world.group("Red")
    (berta,) = await group.joined("Berta")
    await group.plan("ya: Berta; 30 min: toda la red, coordinación")
    (ana,) = await group.joined("Ana", as_="integrante")  # and agrees, as everyone did
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    await berta.sees("Ana pide auxilio")
    await group.coordinator.sees_nothing()


@sandbox_alone
async def test_nobody_agrees_to_a_plan_that_they_have_not_seen(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    coral = group.coordinator
    for plan in ("ya: coordinación", "ya: coordinación, toda la red"):
        await coral.writes(f"/plan {plan}")
        await coral.presses("Guardar")
        await coral.reads_all()
    first, second = [m for m in await ana.device.messages() if "Si no respondes" in m.text]
    assert not first.labels  # the older question is closed
    await ana.device.press(second, "De acuerdo")
    await world.stage.settle()
    await ana.shows("vale desde ahora")
    await ana.reads_all()


@sandbox_alone
async def test_a_digest_of_many_names_to_each_what_they_agreed_to_be_told_of(
    world: World,
) -> None:
    """Plans differ from member to member: the list of a blackout must not bring them together."""
    group = await world.group("Red")
    berta, carla = await group.joined("Berta", "Carla")
    people = await group.joined(*(f"Ana {n}" for n in "abcdef"), as_="integrante")
    coral = group.coordinator
    await coral.writes("/plan ya: Berta; 23 h: toda la red, coordinación")
    await coral.presses("Guardar")
    await coral.reads_all()
    for person in (berta, carla, *people[:3]):
        await person.presses("De acuerdo")
    for person in people:
        await person.reads_all()
        await person.asked_daily("09:00", grace="45 min", more="sin avisos")
    for person in (berta, carla):
        await person.reads_all()
    await world.until("09:00")
    for person in people:
        await person.sees("¿Estás bien?")
    await world.until("09:50")
    everyone = " ".join(await berta.reads_all())
    assert all(f"Ana {n}" in everyone for n in "abcdef")
    for person in (carla, coral):
        heard = " ".join(await person.reads_all())
        assert "Ana d" in heard
        assert "Ana a" not in heard
