"""What is strange is answered kindly or with a stated silence; nothing of it stops the bot."""

from tests.support.world import World


async def test_an_unknown_command_says_what_works(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("/bailar ahora")
    await ana.sees("No conozco /bailar", "/auxilio")
    await ana.writes("!ayuda")
    await ana.sees("Puedes escribir", "/horario")


async def test_a_slip_in_the_alarm_is_still_an_alarm(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("/auxlio")
    await ana.sees("Avisé a tu red")
    await group.coordinator.sees("Ana pide auxilio")


async def test_a_schedule_that_cannot_be_is_explained(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    for text in ("25:61", "mañana quizás", "09:00 margen 1 min", "09:00 margen 3 días"):
        await ana.writes(f"/horario {text}")
        assert len(await ana.reads_all()) == 1
    await ana.writes("/estado")
    await ana.sees("No tienes horario")


async def test_a_date_that_does_not_exist_is_asked_again(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.asked_daily("09:00")
    await ana.writes("/pausa hasta el 31 de febrero")
    await ana.sees("¿Hasta cuándo?")


async def test_a_plan_with_strangers_or_nobody_is_explained(world: World) -> None:
    group = await world.group("Red")
    await group.joined("Ana", as_="integrante")
    coral = group.coordinator
    await coral.writes("/plan ya: Zoraida")
    await coral.sees("No encuentro en el grupo a: Zoraida")
    await coral.writes("/plan ya: Ana")
    await coral.sees("Todavía no aceptan recibir avisos: Ana")
    await coral.writes("/plan cuando sea: red")
    await coral.sees("No entendí «cuando sea: red»")
    await coral.writes("/plan ya: red; 0: coordinación")
    await coral.sees("mismo tiempo")


async def test_only_the_coordination_invites_and_plans(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    for command in ("/invitar coordinación", "/plan ya: Ana", "/denuncia"):
        await ana.writes(command)
        await ana.sees("Eso no te toca a ti")


async def test_a_blocked_responder_is_skipped_at_once(world: World) -> None:
    group = await world.group("Red")
    ana, berta, carla = await group.joined("Ana", "Berta", "Carla")
    await group.plan("ya: Berta; 30 min: Carla")
    await berta.device.closes_the_chat()
    await world.stage.settle()
    await group.coordinator.sees("Ya no puedo escribirle a Berta")
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    await carla.sees("Ana pide auxilio")  # not in half an hour: now
