"""An earthquake at nine: 300 people are asked, 12 answer, and nobody is buried in alarms."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from bot.domain.people import Risk
from bot.domain.schedule import EVERY_DAY, Schedule
from bot.platforms.sandbox.town import private_chat
from handlers.context import Context
from handlers.schedules import begin
from tests.support.stage_sandbox import SandboxStage
from tests.support.world import ZONE, World

PEOPLE, ANSWER = 300, 12

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)


@sandbox_alone
async def test_three_hundred_misses_together(world: World) -> None:
    red = await world.group("Red")
    berta, carla = await red.joined("Berta", "Carla")
    coral = red.coordinator
    await settled(world)
    await world.until("09:00")
    stage = world.stage
    assert isinstance(stage, SandboxStage)
    for number in range(ANSWER):
        stage.town.writes(f"p{number}", "estoy bien")
    await world.until("09:45")
    await world.forward(minutes=1)
    for person in (berta, carla):
        # Who lives in high danger is never one of many.
        await person.sees("Incidente #", "Persona 299 no respondió")
        await person.sees("Varias personas", f"casos: {PEOPLE - ANSWER - 1}", "Abre cada caso")
        await person.sees_nothing()
    await world.forward(minutes=13)  # a further digest, and no alarm for each
    for person in (berta, carla):
        assert len(await person.reads_all()) <= 2
    await berta.writes("/caso 50")
    [case] = await berta.reads_all()
    assert "Incidente #50" in case
    assert "no respondió a su chequeo" in case
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste el incidente #50")
    await carla.sees("Berta se encarga del incidente #50")
    stage.town.writes("p200", "perdón, estoy bien")
    await stage.settle()
    for person in (berta, carla, coral):
        await person.reads_all()
    await world.forward(minutes=11)
    texts = await carla.reads_all()
    [digest] = [text for text in texts if "Varias personas" in text]
    assert f"casos: {PEOPLE - ANSWER - 2}" in digest  # without the one that Berta has
    assert all("Persona 299" in text for text in texts if text != digest)
    await berta.reads_all()
    await coral.reads_all()


async def settled(world: World) -> None:
    """So many people in the group, each asked at nine."""
    stage = world.stage
    assert isinstance(stage, SandboxStage)
    rule = Schedule(EVERY_DAY, (time(9),), ZONE, timedelta(minutes=45))
    async with stage.database.transaction() as tx:
        group = await tx.people.group_called("Red")
        assert group is not None
        ctx = Context(tx, world.now, stage.settings)
        for number in range(PEOPLE):
            key = f"p{number}"
            stage.town.person(key, key, role="", language="es")
            member = await tx.people.add_member(group.id, f"Persona {number}", "es", ZONE, [], world.now)
            await tx.people.add_account(member, "sandbox", key, private_chat(key), world.now)
            if number == PEOPLE - 1:
                await tx.people.set_member(member, risk=Risk.HIGH)
            await begin(ctx, member, rule)
