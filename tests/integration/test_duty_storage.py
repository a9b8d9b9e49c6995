"""Regions and rotations on a real SQLite file and a real PostgreSQL: the same on both."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from bot.domain.duty import Change, Rule, Turn
from storage.database import Database
from storage.duty import OVERRIDE, SWAP
from storage.retention import Keep
from storage.transaction import Transaction

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
DAY = timedelta(days=1)
RULE = Rule(frozenset({0}), time(9), "UTC", date(2026, 11, 23), 2)


async def people(tx: Transaction) -> tuple[int, list[int]]:
    group = await tx.people.add_group("Red", "", "es", "UTC", NOW)
    found = [
        await tx.people.add_member(group, name, "es", "UTC", (), NOW)
        for name in ("Ana", "Berta", "Carla")
    ]
    return group, found


async def test_a_rotation_is_as_it_was_written(database: Database) -> None:
    async with database.transaction() as tx:
        group, (ana, berta, carla) = await people(tx)
        id = await tx.duty.add(group, None, RULE, [berta, ana], [carla], NOW)
        assert await tx.duty.accept(id, berta, NOW)
        assert not await tx.duty.accept(id, 99, NOW)
        change = Change(NOW, NOW + DAY, carla)
        await tx.duty.change(id, change, OVERRIDE, NOW)
    async with database.transaction() as tx:
        (kept,) = await tx.duty.of_group(group, NOW)
        assert kept == await tx.duty.get(id)
        assert (kept.region, kept.waiting, kept.people) == (
            None, {ana, carla}, {ana, berta, carla},
        )  # fmt: skip
        rotation = kept.rotation
        assert (rotation.rule, rotation.order, rotation.substitutes) == (
            RULE, (berta, ana), (carla,),
        )  # fmt: skip
        assert (rotation.accepted, rotation.changes) == ({berta}, (change,))
        assert [k.id for k in await tx.duty.with_member(carla, NOW)] == [id]
        assert not await tx.duty.undo(id, carla, NOW, SWAP)
        assert await tx.duty.undo(id, carla, NOW, OVERRIDE)
        await tx.duty.leave(berta, id)
        left = await tx.duty.get(id)
        assert left is not None
        assert left.rotation.order == (None, ana)  # nobody's place moved
        assert await tx.duty.going_on(NOW) == [id]
        await tx.duty.end(id, NOW + DAY)
        assert await tx.duty.going_on(NOW + DAY) == []
        later = replace(RULE, start=date(2026, 11, 30))
        other = await tx.duty.add(group, None, later, [ana, carla], [], NOW)
        await tx.duty.end(other, NOW)  # it had not begun
        assert await tx.duty.get(other) is None


async def test_a_turn_is_as_it_was_saved(database: Database) -> None:
    async with database.transaction() as tx:
        group, (ana, berta, carla) = await people(tx)
        id = await tx.duty.add(group, None, RULE, [ana, berta], [], NOW)
        turn = Turn(
            id, NOW, NOW + DAY, ana, (ana, berta), frozenset({ana}), berta, True, NOW, True, 2
        )
        number = await tx.duty.save(turn)
    async with database.transaction() as tx:
        kept = await tx.duty.turn(id, NOW)
        assert kept == replace(turn, id=number) == await tx.duty.turn_numbered(number)
        await tx.duty.shift(timedelta(hours=1))
        (moved,) = await tx.duty.turns_of(id, NOW)
        assert moved.step_at == NOW + timedelta(hours=1)
        assert await tx.duty.turns_of(id, NOW + DAY) == []
        await tx.duty.drop(number)
        assert await tx.duty.turn(id, NOW) is None


async def test_a_region_ends_with_all_that_was_in_it(database: Database) -> None:
    async with database.transaction() as tx:
        group, (ana, berta, _) = await people(tx)
        sierra = await tx.regions.add(group, "Sierra Norte", "UTC", NOW)
        costa = await tx.regions.add(group, "Costa", "UTC", NOW)
        await tx.regions.put(ana, sierra, NOW)
        await tx.regions.put(ana, costa, NOW)
        await tx.regions.put(berta, costa, NOW)
        await tx.duty.add(group, costa, RULE, [ana, berta], [], NOW)
    async with database.transaction() as tx:
        found = await tx.regions.named(group, "  SIERRA  norte")
        assert found is not None
        assert found.id == sierra
        assert await tx.regions.named(group + 1, "Costa") is None
        assert await tx.regions.people(costa) == {ana, berta}
        assert await tx.regions.people(sierra) == set()
        await tx.regions.set_zone(costa, "America/Tijuana")
        mine = await tx.regions.of_member(ana)
        assert mine is not None
        assert (mine.name, mine.zone) == ("Costa", "America/Tijuana")
        await tx.regions.end(costa)
        assert await tx.regions.of_member(ana) is None
        assert await tx.duty.of_group(group, NOW) == []
        assert [r.name for r in await tx.regions.of_group(group)] == ["Sierra Norte"]


async def test_what_is_over_is_erased(database: Database) -> None:
    async with database.transaction() as tx:
        group, (ana, berta, carla) = await people(tx)
        id = await tx.duty.add(group, None, RULE, [ana, berta], [], NOW)
        await tx.duty.change(id, Change(NOW, NOW + DAY, carla), OVERRIDE, NOW)
        await tx.duty.save(Turn(id, NOW, NOW + DAY, ana))
        later = NOW + DAY + Keep().checkins
        await tx.retention.erase(Keep(), later - timedelta(seconds=1))
        assert await tx.duty.turn(id, NOW) is not None
        await tx.retention.erase(Keep(), later)
        assert await tx.duty.turn(id, NOW) is None
        kept = await tx.duty.get(id)
        assert kept is not None
        assert kept.rotation.changes == ()
        await tx.duty.end(id, NOW + DAY)
        await tx.retention.erase(Keep(), later)
        assert await tx.duty.get(id) is None
