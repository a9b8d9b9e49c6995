"""Invitations: who let whom in is known, what was given can be taken back, and names are no masks."""

import pytest

from handlers.invitations import qr
from tests.support.world import World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)
quick_ones = pytest.mark.parametrize("world", ["sandbox", "telegram"], indirect=True)


async def test_an_invitation_can_be_revoked_and_then_looks_like_any_wrong_one(
    world: World,
) -> None:
    group = await world.group("Red")
    coral = group.coordinator
    await coral.writes("/invitar red")
    secret = await coral.reads_secret()
    await coral.writes("/invitaciones")
    await coral.sees("Invitación de Coral", "red de respuesta")
    await coral.presses("Anular")
    await coral.shows("Anulada")
    ana = await world.person("Ana")
    await ana.writes(secret)
    await ana.sees("Esta invitación no sirve")
    await ana.writes("B" * 22)
    await ana.sees("Esta invitación no sirve")


@quick_ones
async def test_a_name_that_looks_like_another_is_refused(world: World) -> None:
    group = await world.group("Red")
    await group.coordinator.writes("/invitar red")
    secret = await group.coordinator.reads_secret()
    mala = await world.person("Mala")
    await mala.writes(secret)
    await mala.sees("¿Aceptas?")
    await mala.presses("Acepto")
    await mala.sees("¿Cómo quieres que te llamemos?")
    for like in ("coral", "Cora1", "С\u043eral", "C\u200boral\u202e", "Ｃｏｒａｌ"):
        await mala.writes(like)
    for text in await mala.reads_all():
        assert "se parece a otro" in text or "podría confundirse" in text
    await mala.writes("toda la red")
    await mala.sees("ya se usa")
    await mala.writes("  Ma\u200bria\u202e   del Mar ")
    await mala.sees("Te damos la bienvenida a Red, Maria del Mar")
    await mala.has_the_button()
    await group.coordinator.sees("Maria del Mar entró")


@sandbox_alone
async def test_who_guesses_hears_less_and_less_and_delays_no_alarm(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await group.coordinator.writes("/invitar")
    secret = await group.coordinator.reads_secret()
    mala = await world.person("Mala")
    for n in range(15):
        await mala.device.write(f"{n:022d}")
    await ana.device.write("auxilio")
    await world.stage.settle()
    assert len(await mala.reads_all()) == 10
    await ana.sees("Avisé a tu red")
    await group.coordinator.sees("Ana pide auxilio")
    await mala.writes(secret)  # whoever only mistyped is not locked out
    await mala.sees("¿Aceptas?")
    await mala.presses("No acepto")
    await mala.sees("No guardé nada de ti")
    await world.forward(hours=1)
    await group.coordinator.reads_all()
    await mala.writes("C" * 22)
    await mala.sees("Esta invitación no sirve")


@sandbox_alone
async def test_nobody_floods_the_group_with_invitations(world: World) -> None:
    group = await world.group("Red")
    coral = group.coordinator
    for _ in range(20):
        await coral.device.write("/invitar")
    await world.stage.settle()
    await coral.reads_all()
    await coral.writes("/invitar")
    await coral.sees("Tienes 20 invitaciones abiertas")
    await coral.writes("/invitaciones")
    await coral.presses("Anular")
    await coral.reads_all()
    await coral.writes("/invitar")
    await coral.reads_secret()


@sandbox_alone
async def test_it_is_shown_as_a_picture_too(world: World) -> None:
    group = await world.group("Red")
    await group.coordinator.writes("/invitar")
    secret = await group.coordinator.reads_secret()
    town = world.stage.town  # type: ignore[attr-defined]
    (picture,) = [f for m in town.sees("coral") for f in m.attachments]
    assert picture.mime == "image/png"
    assert picture.content == qr(f"sandbox:{secret}")


@sandbox_alone
async def test_what_a_coordinator_gave_ends_with_the_role(world: World) -> None:
    group = await world.group("Red")
    (dora,) = await group.joined("Dora", as_="coordinación")
    await dora.writes("/invitar red")
    secret = await dora.reads_secret()
    await dora.writes("/tareas")
    await dora.presses("Dejar: coordinación")
    await dora.reads_all()
    await group.coordinator.sees("Dora dejó")
    mala = await world.person("Mala")
    await mala.writes(secret)
    await mala.sees("Esta invitación no sirve")


@sandbox_alone
async def test_a_long_cry_is_no_invitation(world: World) -> None:
    """Letters held down look like a secret; they are an alarm."""
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("AYUD" + "A" * 30)
    await ana.sees("¿Es una emergencia?")
    await ana.presses("Ver instrucciones")
    await ana.reads_all()
    await ana.writes("auxilio" * 5)
    await ana.sees("¿Es una emergencia?")
    await world.forward(minutes=3)
    await ana.sees("Avisé a tu red")
    await group.coordinator.sees("Ana pide auxilio")
