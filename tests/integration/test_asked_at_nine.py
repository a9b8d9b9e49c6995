"""Many are asked at the same time: it is as if each had been asked alone, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.domain.people import Risk
from bot.domain.quiet import Quiet
from bot.domain.schedule import EVERY_DAY, Schedule
from bot.engine.handling import Occasion
from handlers.context import Choice, Context, Place
from handlers.router import Router
from handlers.settings import Settings
from storage.database import Database
from storage.keys import KeyInMemory
from storage.tables import accounts, checkins, data_keys, metadata, outbox, prompts, timers
from storage.transaction import Transaction
from tests.support.opened import KEY

ZONE = "America/Guatemala"
NOW = datetime(2026, 11, 24, 15, 0, 5, tzinfo=UTC)
NINE = NOW.replace(second=0)


def schedule(hour: int = 9, zone: str = ZONE, grace: int = 45) -> Schedule:
    return Schedule(EVERY_DAY, (time(hour),), zone, timedelta(minutes=grace), (timedelta(minutes=20),))


class People:
    """Everyone whom a schedule can find in another state; the same in each database."""

    def __init__(self, tx: Transaction, settings: Settings) -> None:
        self.tx = tx
        self.ctx = Context(tx, NOW - timedelta(days=1), settings)
        self.occasions: list[Occasion] = []
        self.group = 0
        self.number = 0

    async def member(self, language: str = "es", *, reachable: bool = True, of: int = 1) -> int:
        self.number += 1
        id = await self.tx.people.add_member(
            self.group, f"Ana {self.number}", language, ZONE, [], NOW
        )
        for n in range(of):
            chat = f"{self.number}{n}"
            account = await self.tx.people.add_account(id, "telegram", chat, chat, NOW)
            if not reachable:
                await self.tx.connection.execute(
                    sa.update(accounts).where(accounts.c.id == account).values(reachable=False)
                )
        return id

    async def due(self, member: int, rule: Schedule, at: datetime = NINE) -> int:
        ref = await self.tx.checkins.add_schedule(member, rule, NOW)
        self.occasions.append(Occasion("schedule", ref, at, NOW))
        return ref

    async def gather(self) -> None:
        tx = self.tx
        self.group = await tx.people.add_group("Red", "", "es", ZONE, NOW)
        for _ in range(40):  # more than are looked for at once
            await self.due(await self.member(), schedule())
        await self.due(await self.member("en", of=2), schedule())
        await self.due(await self.member(reachable=False), schedule())
        twice = await self.member()
        await self.due(twice, schedule())
        await self.due(twice, schedule(grace=30))
        for until in (NINE + timedelta(hours=1), NINE - timedelta(hours=1)):
            paused = await self.due(await self.member(), schedule())
            await tx.checkins.pause(paused, until)
        suspended = await self.member()
        await self.due(suspended, schedule())
        await tx.connection.execute(
            sa.update(accounts).where(accounts.c.member_id == suspended).values(suspended_at=NOW)
        )
        for risk in Risk:  # overdue: held, or missing at once
            late = await self.member()
            await tx.people.set_member(late, risk=risk)
            await self.due(late, schedule(8), NINE - timedelta(hours=1))
        await self.due(await self.member(), schedule(), NINE - timedelta(days=3))
        asleep = await self.member()
        await tx.people.set_quiet(asleep, Quiet(time(22), time(10)))
        await self.due(asleep, schedule())
        known = await self.member()
        asked = await self.due(known, schedule())
        assert await tx.checkins.new_id(known, asked, NINE) is not None
        busy = await self.member()
        await self.due(busy, schedule())
        assert await tx.checkins.new_id(busy, None, NINE - timedelta(hours=1)) is not None
        ended = await self.due(await self.member(), schedule())
        await tx.checkins.end_schedule(ended)
        # Another question is open in the same chat: the numbers go on after its own.
        talking = await self.member()
        await self.due(talking, schedule())
        await self.ctx.ask(
            Place("telegram", f"{self.number}0", "es", ZONE, member=talking),
            "doubt.question",
            (Choice("alarm", "button.alarm_now"),),
            topic="doubt",
            ref=talking,
            within=timedelta(minutes=2),
        )
        # What is left of an erased check-in with the number that one of these gets.
        next_id = (
            await tx.connection.execute(sa.select(sa.func.max(checkins.c.id)))
        ).scalar_one() + 3
        await self.ctx.ask(
            Place("telegram", "old", "es", ZONE), "checkin.question", (), topic="checkin", ref=next_id
        )


async def state(tx: Transaction) -> dict[str, list[Any]]:
    """All that people can notice, without the secrets that are new each time."""

    async def rows(*columns: Any) -> list[Any]:
        return sorted(
            (tuple(row)[1:] for row in await tx.rows.all(sa.select(*columns))), key=repr
        )

    messages = await tx.rows.all(
        sa.select(outbox.c.seq, outbox.c.chat, outbox.c.purpose, outbox.c.lane, outbox.c.operation,
                  outbox.c.body, outbox.c.not_before, outbox.c.member)
    )  # fmt: skip
    return {
        "messages": sorted(
            (
                (m.chat, m.purpose, m.lane, m.operation, m.body["text"], m.not_before, m.member,
                 [[(b[0], b[2]) for b in line] for line in m.body["buttons"]])
                for m in messages
            ),
            key=repr,
        ),
        "prompts": await rows(
            prompts.c.id, prompts.c.chat, prompts.c.topic, prompts.c.ref, prompts.c.options,
            prompts.c.text, prompts.c.opened_at, prompts.c.closed_at, prompts.c.member,
        ),
        "checkins": await rows(
            checkins.c.id, checkins.c.member_id, checkins.c.schedule_id, checkins.c.due,
            checkins.c.miss_at, checkins.c.reminders, checkins.c.state, checkins.c.delivered,
            checkins.c.held,
        ),
        "timers": sorted(
            map(tuple, await tx.connection.execute(sa.select(timers.c.kind, timers.c.ref, timers.c.due)))
        ),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_many_at_once_are_as_each_alone(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings = Settings(language="es", zone=ZONE, token=_tokens(), canary=None)
    router = Router(settings)
    url = str(tmp_path / "a.db") if kind == "sqlite" else request.getfixturevalue("fresh_postgres")
    database = Database(url, KeyInMemory(KEY))
    await database.open()

    async def after(how: Callable[[Transaction, list[Occasion]], Any]) -> dict[str, list[Any]]:
        """What is there afterwards; nothing of it stays."""
        found: dict[str, list[Any]] = {}
        if not database.sqlite:  # whose sequences are not undone
            async with database.transaction() as tx:
                for table in metadata.sorted_tables:
                    if table is not data_keys:
                        await tx.connection.execute(
                            sa.text(f"TRUNCATE {table.name} RESTART IDENTITY CASCADE")
                        )
        with pytest.raises(Undone):
            async with database.transaction() as tx:
                people = People(tx, settings)
                await people.gather()
                await how(tx, people.occasions)
                found = await state(tx)
                raise Undone
        return found

    async def together(tx: Transaction, occasions: list[Occasion]) -> None:
        await router.timers(tx, occasions)

    async def alone(tx: Transaction, occasions: list[Occasion]) -> None:
        for occasion in occasions:
            await router.timer(tx, occasion)

    each, all_ = await after(alone), await after(together)
    for what in each:
        assert all_[what] == each[what], what
    assert len(each["messages"]) > 45
    await database.close()


class Undone(Exception):
    """Nothing of it stays."""


def _tokens() -> Callable[[], str]:
    count = iter(range(1, 1 << 30))
    return lambda: f"token-{next(count)}"
