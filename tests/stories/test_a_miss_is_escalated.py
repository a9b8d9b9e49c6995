"""A missed check-in reaches the people of the plan, step after step, until someone takes it."""

from tests.support.world import World


async def test_a_miss_reaches_berta_and_stays_quiet_once_taken(world: World) -> None:
    group = await world.group("Red")
    ana, berta, carla = await group.joined("Ana", "Berta", "Carla")
    await group.plan("ya: Berta; 30 min: toda la red")
    await ana.asked_daily("09:00", grace="45 min", more="avisos 15 min")

    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await world.until("09:15")
    await ana.sees("Otra vez")
    await world.until("09:44")
    await berta.sees_nothing()
    await world.until("09:45")
    await berta.sees("Ana", "no respondió")
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste el incidente #1")
    await berta.shows("Ana no respondió", "Lo tiene Berta")
    await carla.sees_nothing()
    await world.forward(hours=1)  # any message not expected fails the story
