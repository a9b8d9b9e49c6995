"""Drills and contacts in the database, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from bot.domain import contact as contact_rules
from bot.domain import drill as rules
from bot.domain.drill import End, Window
from bot.domain.duress import Words, heard
from bot.domain.people import Role
from bot.domain.plan import DEFAULT_PLAN
from storage.database import Database
from storage.retention import Keep
from storage.transaction import Transaction

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def three(tx: Transaction) -> tuple[int, int, int, int]:
    """A group, who coordinates it, who responds, and a member."""
    group = await tx.people.add_group("Red", "Red", "es", "UTC", NOW)
    coral = await tx.people.add_member(group, "Coral", "es", "UTC", [Role.COORDINATOR], NOW)
    berta = await tx.people.add_member(group, "Berta", "es", "UTC", [Role.RESPONDER], NOW)
    ana = await tx.people.add_member(group, "Ana", "es", "UTC", [], NOW)
    return group, coral, berta, ana


async def test_a_drill_is_kept_apart_from_incidents(database: Database) -> None:
    async with database.transaction() as tx:
        group, coral, berta, _ = await three(tx)
        number = await tx.people.next_number(group, "drills")
        drill = await tx.drills.add(rules.of_plan(DEFAULT_PLAN, number, group, coral, NOW))
        assert await tx.people.next_number(group, "incidents") == 1
        assert await tx.incidents.all_of(group) == []
        assert not await tx.incidents.nobody_has_one(group)
        assert await tx.audit.broken(NOW + timedelta(days=1)) == {}
    async with database.transaction() as tx:
        assert await tx.drills.get(drill.id) == drill == await tx.drills.open_in(group)
        taken = rules.take(drill, berta, NOW + MINUTE)
        assert isinstance(taken, rules.Drill)
        await tx.drills.save(taken)
        assert await tx.drills.numbered(group, number) == taken
        await tx.drills.shift(timedelta(hours=1))
        moved = await tx.drills.get(drill.id)
        assert moved is not None
        assert moved.over_at == taken.over_at + timedelta(hours=1)
        ended = rules.ended(taken, End.ANSWERED, NOW + 2 * MINUTE)
        await tx.drills.save(ended)
        assert await tx.drills.open_in(group) is None
        assert await tx.drills.last_of(group) == ended
        assert await tx.drills.since(group, NOW) == 1
        assert await tx.drills.since(group, NOW + MINUTE) == 0


async def test_each_who_was_told_is_kept_once_with_the_first_times(database: Database) -> None:
    async with database.transaction() as tx:
        group, coral, berta, _ = await three(tx)
        drill = await tx.drills.add(rules.of_plan(DEFAULT_PLAN, 1, group, None, NOW))
        await tx.drills.told(drill.id, {berta}, 1, NOW)
        await tx.drills.told(drill.id, {berta, coral}, 2, NOW + MINUTE)
        await tx.drills.reached(drill.id, berta, NOW + MINUTE)
        await tx.drills.reached(drill.id, berta, NOW + 2 * MINUTE)
        assert await tx.drills.answered(drill.id, coral, NOW + 3 * MINUTE)
        assert not await tx.drills.answered(drill.id, coral, NOW + 4 * MINUTE)
        first, second = await tx.drills.people(drill.id)
        assert first == rules.Person(berta, 1, NOW, NOW + MINUTE)
        assert second == rules.Person(
            coral, 2, NOW + MINUTE, NOW + 3 * MINUTE, NOW + 3 * MINUTE
        )
        assert await tx.drills.to_report(drill.id, 1) == [berta]
        assert await tx.drills.to_report(drill.id, 5) == [coral]
        assert await tx.drills.to_report(drill.id, 5) == []


async def test_a_drill_goes_with_its_people_once_it_is_old(database: Database) -> None:
    async with database.transaction() as tx:
        group, _, berta, _ = await three(tx)
        drill = await tx.drills.add(rules.of_plan(DEFAULT_PLAN, 1, group, None, NOW))
        await tx.drills.told(drill.id, {berta}, 1, NOW)
        year = NOW + timedelta(days=400)
        assert await tx.retention.erase(Keep(), year) == 0  # it goes on, whatever its age
        await tx.drills.save(rules.ended(drill, End.TIME, NOW))
        assert await tx.retention.erase(Keep(), year) == 1
        assert await tx.drills.people(drill.id) == []


async def test_hours_and_words_are_kept(database: Database) -> None:
    async with database.transaction() as tx:
        group, coral, _, _ = await three(tx)
        assert await tx.drills.window(group) is None
        window = Window(time(9), time(12))
        await tx.drills.set_window(group, window)
        assert await tx.drills.window(group) == window
        await tx.drills.set_window(group, None)
        assert await tx.drills.window(group) is None
        assert await tx.people.cancel_words(coral) is None
        await tx.people.set_cancel_words(coral, Words.of("el río suena", "salt"), NOW)
        kept = await tx.people.cancel_words(coral)
        assert kept is not None
        assert heard(kept[0], "El rio suena")
        assert kept[1] == NOW


async def test_contacts_are_of_those_who_are_told(database: Database) -> None:
    async with database.transaction() as tx:
        group, coral, berta, ana = await three(tx)
        found = await tx.contacts.of_group(group)
        assert [c.member for c in found] == [coral, berta]
        assert (await tx.contacts.of(ana)).confirmed_at == NOW
        silent = contact_rules.ignored(found[1], "i1", NOW)
        await tx.contacts.save(silent)
        await tx.contacts.save(replace(silent, asked_at=NOW, reminders=1))
        assert await tx.contacts.of(berta) == replace(silent, asked_at=NOW, reminders=1)
        assert await tx.contacts.every(group) == timedelta(days=14)
        await tx.contacts.set_every(group, 7)
        assert await tx.contacts.every(group) == timedelta(days=7)
        assert await tx.contacts.cover_told(group, 1) == 2
        assert await tx.contacts.cover_told(group, 0) == 1
        assert await tx.contacts.groups() == [group]
