"""What is kept of care, on both databases: sealed, found again, and gone when it is to be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from bot.domain.aftercare import State as Care
from bot.domain.care import Care as Kind
from bot.domain.complaint import OPERATOR, About, Complaint, State
from bot.domain.incident import Incident
from bot.domain.incident import Kind as Cause
from bot.domain.people import Role
from bot.domain.plan import DEFAULT_PLAN
from storage.database import Database
from storage.retention import Keep
from storage.tables import care_entries, complaints, feedback, members, notes
from storage.transaction import Transaction

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
SECRET = "bajo el amate"


async def people(tx: Transaction) -> tuple[int, int, int]:
    """A group, Ana in it, and Coral who coordinates."""
    group = await tx.people.add_group("Red", "Red", "es", "UTC", NOW)
    ana = await tx.people.add_member(group, "Ana", "es", "UTC", [], NOW)
    coral = await tx.people.add_member(group, "Coral", "es", "UTC", [Role.COORDINATOR], NOW)
    return group, ana, coral


def complaint(group: int, author: int, about: int | None = None) -> Complaint:
    """A new one."""
    return Complaint(
        0, 0, group, author, About.PERSON, about, SECRET, False, NOW, NOW + timedelta(days=2)
    )


async def test_kept_and_found_again(database: Database) -> None:
    async with database.transaction() as tx:
        group, ana, coral = await people(tx)
        entry = await tx.directory.add(group, Kind.SHELTER, "Sierra", "Casa", SECRET, NOW)
        other = await tx.directory.add(group, Kind.LEGAL, "", "Despacho", "de día", NOW)
        assert (entry.number, other.number) == (1, 2)
        await tx.notes.write(ana, {"medical": SECRET}, NOW)
        row = await tx.feedback.add(group, "incident", 1, 4, NOW)
        await tx.feedback.say(row, SECRET)
        sent = await tx.complaints.add(complaint(group, ana, coral))
        await tx.complaints.save(replace(sent, state=State.TAKEN, holder=OPERATOR, rounds=2))
    async with database.transaction() as tx:
        assert await tx.directory.of(group) == [entry, other]
        assert await tx.directory.numbered(group, 1) == entry
        assert await tx.notes.of(ana) == {"medical": SECRET}
        (opinion,) = await tx.feedback.between(group, NOW - timedelta(days=1), NOW)
        assert (opinion.words, opinion.member) == (SECRET, None)
        (found,) = await tx.complaints.open_beyond(2)
        assert (found.number, found.holder, found.text) == (1, OPERATOR, SECRET)
        await tx.notes.write(ana, {}, NOW)
        assert not await tx.notes.exists(ana)


async def test_nothing_of_it_stands_in_clear(database: Database) -> None:
    async with database.transaction() as tx:
        group, ana, _ = await people(tx)
        await tx.directory.add(group, Kind.SHELTER, SECRET, SECRET, SECRET, NOW)
        await tx.notes.write(ana, {"medical": SECRET}, NOW)
        await tx.feedback.say(await tx.feedback.add(group, "incident", 1, 4, NOW), SECRET)
        await tx.complaints.add(complaint(group, ana))
        for table in (care_entries, notes, feedback, complaints):
            for row in await tx.connection.execute(sa.text(f"SELECT * FROM {table.name}")):
                held = [v.encode() if isinstance(v, str) else v for v in row]
                raw = b"".join(bytes(v) for v in held if isinstance(v, bytes | memoryview))
                assert len(raw) > 20
                assert SECRET.encode() not in raw


async def test_a_day_is_all_that_is_kept_of_when(database: Database) -> None:
    async with database.transaction() as tx:
        group, _, _ = await people(tx)
        await tx.feedback.add(group, "incident", 1, 4, NOW)
        await tx.feedback.add(group, "incident", 1, 2, NOW + timedelta(minutes=7))
        days = (await tx.connection.execute(sa.select(feedback.c.day))).scalars().all()
        assert set(days) == {NOW.replace(hour=0)}


async def test_aftercare_is_offered_once_per_incident(database: Database) -> None:
    async with database.transaction() as tx:
        group, ana, _ = await people(tx)
        incident = Incident(0, 1, group, ana, Cause.PANIC, NOW, DEFAULT_PLAN)
        id = await tx.incidents.add(incident)
        care = await tx.aftercare.offer(id, ana, NOW)
        assert care is not None
        assert await tx.aftercare.offer(id, ana, NOW) is None
        await tx.aftercare.save(replace(care, state=Care.AGREED, asked=2))
        assert await tx.aftercare.of(ana) == [replace(care, state=Care.AGREED, asked=2)]


async def test_erasing_takes_what_is_theirs_and_their_former_names(database: Database) -> None:
    async with database.transaction() as tx:
        group, ana, coral = await people(tx)
        await tx.notes.write(ana, {"call": SECRET}, NOW)
        await tx.complaints.add(complaint(group, ana))
        mine = await tx.complaints.add(complaint(group, coral, ana))
        await tx.complaints.save(replace(mine, answer="Ana y Luz dicen que sí"))
        await tx.boards.open(ana, "key", "digest", NOW)
        await tx.people.rename(await tx.people.member(ana), "Luz")
        person = await tx.people.member(ana)
        await tx.erasing.begin(person, [], await tx.people.group(group), "Persona #1", NOW)
        while await tx.erasing.sweep(ana, NOW + timedelta(hours=2)) is not None:
            pass
        assert await tx.notes.of(ana) == {}
        assert await tx.complaints.of(ana) == []
        assert await tx.boards.of(ana) is None
        left = await tx.complaints.get(mine.id)
        assert left is not None
        assert left.answer == "Persona #1 y Persona #1 dicen que sí"
        former = sa.select(members.c.former, members.c.id).where(members.c.id == ana)
        assert await tx.rows.one_value(former) is None


async def test_what_is_over_for_long_is_erased(database: Database) -> None:
    async with database.transaction() as tx:
        group, ana, _ = await people(tx)
        await tx.feedback.add(group, "incident", 1, 4, NOW)
        over = await tx.complaints.add(complaint(group, ana))
        await tx.complaints.save(replace(over, state=State.CLOSED, closed_at=NOW))
        waits = await tx.complaints.add(complaint(group, ana))
        await tx.retention.erase(Keep(), NOW + timedelta(days=364))
        assert len(await tx.complaints.of(ana)) == 2
        await tx.retention.erase(Keep(), NOW + timedelta(days=366))
        assert [c.id for c in await tx.complaints.of(ana)] == [waits.id]
        assert not await tx.feedback.between(group, NOW - timedelta(days=9), NOW)
