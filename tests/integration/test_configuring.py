"""What somebody has begun to configure: one of a kind, forgotten in time, and theirs alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from bot.domain.people import Role
from bot.domain.plan import DEFAULT_PLAN
from storage.configuring import Kind
from storage.database import Database
from storage.mine import everything
from storage.retention import Keep
from storage.tables import configuring
from storage.transaction import Transaction

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


async def somebody(tx: Transaction, name: str = "Coral") -> int:
    group = await tx.people.group_named("Red")
    id = group.id if group else await tx.people.add_group("Red", "Red", "es", "UTC", NOW)
    return await tx.people.add_member(id, name, "es", "UTC", (Role.COORDINATOR,), NOW)


async def test_there_is_one_of_a_kind_and_it_is_sealed(database: Database) -> None:
    async with database.transaction() as tx:
        coral, dora = await somebody(tx), await somebody(tx, "Dora")
        await tx.configuring.put(coral, Kind.DRAFT, NOW, plan={"a": 1})
        await tx.configuring.put(coral, Kind.DRAFT, NOW, plan={"a": "cempasúchil"})
        await tx.configuring.put(coral, Kind.UNDO, NOW, before=None)
        begun = await tx.configuring.get(coral, Kind.DRAFT)
        assert begun is not None
        assert begun.content == {"plan": {"a": "cempasúchil"}}
        assert await tx.configuring.get(dora, Kind.DRAFT) is None
        raw = (await tx.connection.execute(sa.text("SELECT content FROM configuring"))).scalars()
        assert not any("cempas" in str(content) for content in raw)
        await tx.configuring.drop(coral, Kind.DRAFT)
        assert await tx.configuring.get(coral, Kind.DRAFT) is None
        assert await tx.configuring.get(coral, Kind.UNDO) is not None


async def test_nobody_has_two_of_a_kind(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.transaction() as tx:
            coral = await somebody(tx)
            for _ in range(2):
                await tx.rows.insert(
                    configuring, member_id=coral, kind=Kind.DRAFT, content={}, changed_at=NOW
                )


async def test_it_is_forgotten_after_a_week_and_shown_to_whose_it_is(database: Database) -> None:
    async with database.transaction() as tx:
        coral = await somebody(tx)
        await tx.configuring.put(coral, Kind.DRAFT, NOW, plan=DEFAULT_PLAN.to_json())
        mine = await everything(tx.rows, coral, [])
        assert [kind for _, kind, _ in mine.configuring] == [Kind.DRAFT]
        await tx.retention.erase(Keep(), NOW + timedelta(days=6))
        assert await tx.configuring.get(coral, Kind.DRAFT) is not None
        await tx.retention.erase(Keep(), NOW + timedelta(days=7))
        assert await tx.configuring.get(coral, Kind.DRAFT) is None


async def test_who_agreed_since(database: Database) -> None:
    async with database.transaction() as tx:
        coral, dora = await somebody(tx), await somebody(tx, "Dora")
        group = (await tx.people.member(coral)).group
        await tx.people.agree(dora, DEFAULT_PLAN, NOW)
        assert await tx.people.agreed_since(group, NOW) == {dora}
        assert await tx.people.agreed_since(group, NOW + timedelta(seconds=1)) == frozenset()


async def test_on_which_platforms_people_can_be_reached(database: Database) -> None:
    async with database.transaction() as tx:
        coral, dora = await somebody(tx), await somebody(tx, "Dora")
        for platform, member in (("matrix", coral), ("telegram", coral), ("telegram", dora)):
            id = await tx.people.add_account(member, platform, f"{member}", f"{member}", NOW)
        await tx.people.set_reachable(id, False)
        assert await tx.people.platforms_of([coral, dora]) == {
            coral: frozenset({"matrix", "telegram"})
        }
