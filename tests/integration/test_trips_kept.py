"""What is kept of trips, for how long and for whom; and that none is lost while we are away."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from bot.domain.people import Risk, Role
from bot.domain.quiet import Quiet
from bot.domain.trip import Purpose, StageState
from storage.database import Database
from storage.mine import everything
from storage.retention import Keep
from storage.tables import checkins, companions, incidents, stages, trips, whereabouts
from storage.trips import Standing
from storage.whereabouts import What
from tests.support.stage_sandbox import SandboxStage
from tests.support.world import Person, World

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def a_member(database: Database) -> int:
    """Somebody in a group."""
    async with database.transaction() as tx:
        group = await tx.people.add_group("Red", "", "es", "UTC", NOW)
        return await tx.people.add_member(group, "Ana", "es", "UTC", [Role.RESPONDER], NOW)


async def test_a_trip_is_what_was_saved(database: Database) -> None:
    member = await a_member(database)
    async with database.transaction() as tx:
        made = await tx.trips.add(
            member, Purpose.TRIP, "", [(NOW + HOUR, "Oaxaca"), (NOW + 2 * HOUR, "Juchitán")], NOW
        )
        await tx.trips.add_companion(made.id, None, "Doña Luz", Standing.NAMED)
        await tx.trips.add_companion(made.id, member, "", Standing.ASKED)
    async with database.transaction() as tx:
        (found,) = await tx.trips.open_of(member)
        assert found == made
        assert found.stages[1].place == "Juchitán"
        assert await tx.trips.of_stage(found.stages[1].id) == found
        outside, inside = await tx.trips.companions(found.id)
        assert (outside.name, inside.member) == ("Doña Luz", member)
        await tx.trips.set_companion(inside.id, Standing.AGREED)
        assert await tx.trips.accompanied(member) == [found]
        first, second = (stage.id for stage in found.stages)
        over = found.marked(first, StageState.REACHED, NOW).marked(second, StageState.MISSED, NOW)
        await tx.trips.save(replace(over, extensions=2, extended=HOUR))
    async with database.transaction() as tx:
        assert await tx.trips.open_of(member) == []
        assert await tx.trips.accompanied(member) == []
        kept = await tx.trips.get(made.id)
        assert kept is not None
        assert (kept.extensions, kept.extended, kept.ended_at) == (2, HOUR, NOW)
        assert [s.state for s in kept.stages] == [StageState.REACHED, StageState.MISSED]
        assert await tx.checkins.new_id(member, None, NOW, second) is not None
        assert await tx.checkins.new_id(member, None, NOW, second) is None


async def test_one_hint_of_each_kind_until_an_incident_takes_it(database: Database) -> None:
    member = await a_member(database)
    async with database.transaction() as tx:
        await tx.whereabouts.hint(member, What.BATTERY, NOW - HOUR)
        await tx.whereabouts.hint(member, What.BATTERY, NOW)
        (note,) = await tx.whereabouts.recent(member, NOW - HOUR)
        assert (note.at, note.what) == (NOW, What.BATTERY)
        await tx.people.set_quiet(member, Quiet.from_json(["22:00", "07:00"]))
    async with database.transaction() as tx:
        assert await tx.people.quiet(member) == Quiet.from_json(["22:00", "07:00"])
        assert (await everything(tx.rows, member, [])).quiet is not None


# --- retention and erasing ----------------------------------------------------------------------


async def been_away(stage: SandboxStage) -> tuple[World, Person, Person]:
    """Ana went to Oaxaca, sent where she was, and was missed; Berta looked for her."""
    world = World(stage)
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya: Berta; repetir 12 h")
    await ana.writes("/trayecto Obsidiana 14:00")
    await ana.shares_location()
    await ana.writes("poca batería")
    await world.until("14:30")
    await berta.presses("Yo me encargo")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    await ana.writes("/pausa 2 horas Amapola")
    await world.forward(hours=2)
    await ana.writes("bien")
    for person in world.people:
        await person.reads_all()
    return world, ana, berta


async def count(stage: SandboxStage, table: sa.Table) -> int:
    async with stage.database.transaction() as tx:
        found = await tx.connection.execute(sa.select(sa.func.count()).select_from(table))
        return int(found.scalar_one())


async def test_where_somebody_went_goes_first_and_then_with_the_incident(tmp_path: Path) -> None:
    stage = await SandboxStage.open(tmp_path / "acuerpa.db")
    stage.engine._keep = Keep(*(timedelta(days=days) for days in (7, 30, 60, 90)))
    world, _, _ = await been_away(stage)
    assert await count(stage, trips) == 2
    assert await count(stage, whereabouts) == 3  # the location, the hint, the trip as it was
    await world.forward(days=8)
    while await stage.engine.erase():
        pass
    assert await count(stage, trips) == await count(stage, stages) == 0
    assert await count(stage, checkins) == 2
    assert await count(stage, whereabouts) == 3
    await world.forward(days=61)
    while await stage.engine.erase():
        pass
    assert await count(stage, incidents) == await count(stage, whereabouts) == 0
    for person in world.people:
        await person.reads_all()  # two months of summaries and of questions whether all reach them
    await world.close()


async def test_nothing_of_it_is_left_of_somebody_who_leaves(tmp_path: Path) -> None:
    stage = await SandboxStage.open(tmp_path / "acuerpa.db")
    world, ana, berta = await been_away(stage)
    coral = world.people[0]
    await coral.writes("/colectivo Marcha: Ana, Ana Prima; hasta las 23:00; responde Berta")
    await berta.presses("Acepto")
    await ana.writes("/borrarme")
    await ana.writes("borrar")
    await world.forward(hours=2)
    async with stage.database.transaction() as tx:
        left = [
            row
            for table, column in (
                (trips, "title"), (stages, "place"), (companions, "name"), (whereabouts, "content"),
            )
            for row in await tx.rows.all(sa.select(table.c.id, table.c[column]))
        ]  # fmt: skip
    written = json.dumps([list(row) for row in left], ensure_ascii=False)
    assert "Marcha" in written
    for trace in ("Obsidiana", "Amapola", "15.5", "Ana"):
        assert trace not in written, trace
    for person in world.people:
        await person.reads_all()
    await world.close()


# --- while we are away --------------------------------------------------------------------------


async def test_after_an_outage_a_stage_is_asked_once_and_judged_a_little_later(
    tmp_path: Path,
) -> None:
    stage = await SandboxStage.open(tmp_path / "acuerpa.db")
    world = World(stage)
    group = await world.group("Red")
    ana, berta, rita = await group.joined("Ana", "Berta", "Rita")
    await group.plan("ya: Berta; repetir 12 h")
    async with stage.database.transaction() as tx:
        risky = await tx.people.member_named(1, "Rita")
        assert risky is not None
        await tx.people.set_member(risky.id, risk=Risk.HIGH)
    for person in (ana, rita):
        await person.writes("/trayecto Oaxaca 14:00, Juchitán 21:00")
        await person.reads_all()
    await world.until("13:00")
    for person in world.people:
        await person.reads_all()
    world.now += timedelta(hours=3)
    stage.clock.move(world.now)  # nothing runs
    await stage.settle()
    assert [t for t in await ana.reads_all() if "¿Llegaste a Oaxaca?" in t]
    await group.coordinator.sees("Estuve sin funcionar")
    told = await berta.reads_all()
    assert [t for t in told if "Rita no respondió" in t or "No se pudo" in t]  # high risk: at once
    assert not [t for t in told if "Ana" in t]
    await world.forward(minutes=14)
    await ana.sees_nothing()
    await berta.sees_nothing()
    await world.forward(minutes=2)
    assert [t for t in await berta.reads_all() if "Ana" in t]
    await world.forward(hours=1)
    async with stage.database.transaction() as tx:
        states = await tx.connection.execute(sa.select(stages.c.state).order_by(stages.c.id))
        assert list(states.scalars()) == ["missed", "ahead", "missed", "ahead"]
        assert (await tx.audit.broken(stage.clock.now())) == {}
        asked = await tx.connection.execute(sa.select(sa.func.count()).select_from(checkins))
        assert asked.scalar_one() == 2
        opened = await tx.connection.execute(sa.select(sa.func.count()).select_from(incidents))
        assert opened.scalar_one() == 2
    for person in world.people:
        await person.reads_all()
    await world.close()


async def test_the_audit_sees_a_stage_that_nobody_waits_for(database: Database) -> None:
    member = await a_member(database)
    async with database.transaction() as tx:
        await tx.trips.add(member, Purpose.TRIP, "", [(NOW + HOUR, "Oaxaca")], NOW)
        assert await tx.audit.broken(NOW) == {"stage_without_timer": 1}
