"""People come in by invitation alone, told what is kept and asked whether they agree."""

from tests.support.world import World


async def test_ana_is_told_what_is_kept_before_she_agrees(world: World) -> None:
    group = await world.group("Red")
    await group.coordinator.writes("/invitar integrante")
    secret = await group.coordinator.reads_secret()
    ana = await world.person("Ana")

    await ana.writes(f"/start {secret}")
    await ana.sees("Qué guarda", "Quién lo ve", "¿Aceptas?")
    await ana.presses("Acepto")
    await ana.sees("seudónimo")
    await ana.writes("Ana")
    await ana.sees("Te damos la bienvenida a Red, Ana")
    await ana.has_the_button()
    await group.coordinator.sees("Ana entró")


async def test_who_does_not_agree_is_not_kept(world: World) -> None:
    group = await world.group("Red")
    await group.coordinator.writes("/invitar")
    secret = await group.coordinator.reads_secret()
    ana = await world.person("Ana")

    await ana.writes(secret)
    await ana.sees("¿Aceptas?")
    await ana.presses("No acepto")
    await ana.sees("No guardé nada de ti")
    await ana.writes("/auxilio")  # a stranger again: silence


async def test_an_invitation_works_once_and_for_a_day(world: World) -> None:
    group = await world.group("Red")
    await group.coordinator.writes("/invitar")
    used = await group.coordinator.reads_secret()
    await group.coordinator.writes("/invitar")
    expired = await group.coordinator.reads_secret()
    ana, berta = await world.person("Ana"), await world.person("Berta")
    await ana.joins(used)
    await group.coordinator.sees("Ana entró")

    await world.forward(hours=25)
    wrong = "A" * 22
    for secret in (used, expired, wrong):
        await berta.writes(secret)
        await berta.sees("Esta invitación no sirve")


async def test_a_stranger_hears_nothing(world: World) -> None:
    await world.group("Red")
    stranger = await world.person("Extraña")
    for text in ("hola", "/auxilio", "/ayuda", "ok", "1", "/grupo Mía"):
        await stranger.writes(text)
    await stranger.sees_nothing()


async def test_a_name_is_used_once_in_a_group_accents_or_not(world: World) -> None:
    group = await world.group("Red")
    await group.joined("María")
    await group.coordinator.writes("/invitar")
    secret = await group.coordinator.reads_secret()
    other = await world.person("Otra")
    await other.writes(secret)
    await other.sees("¿Aceptas?")
    await other.presses("Acepto")
    await other.sees("llamemos")
    await other.writes("maria")
    await other.sees("ya se usa")
    await other.writes("Marta")
    await other.sees("Te damos la bienvenida")
    await other.has_the_button()
    await group.coordinator.sees("Marta entró")


async def test_one_person_with_two_accounts_is_one_member(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    await ana.writes("/cuenta")
    secret = await ana.reads_secret()
    second = await world.person("Ana-otra-app")
    await second.writes(secret)
    await second.sees("también tuya, Ana")
    await second.has_the_button()
    await ana.sees("Se añadió otra cuenta tuya")

    await second.writes("/auxilio")
    await second.sees("Avisé a tu red")
    await group.coordinator.sees("Ana pide auxilio")
