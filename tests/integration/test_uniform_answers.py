"""Whoever shows an invitation that lets nobody in learns nothing from the answer, nor from its time.

Times on a shared machine say little, so the work is compared: the statements that the database
carries out and the size of what they are given, and what is queued. A comparison of processor time goes
on top: medians over many goes in turn, with a bound that only different work could pass.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from bot.app import new_token
from bot.platforms.base import ChatKind, Incoming, PlatformName, Text
from handlers.context import Context
from handlers.invitations import invite, secret_hash
from handlers.router import Router
from handlers.settings import Settings
from storage.database import Database
from storage.keys import KeyInMemory
from storage.tables import invitations
from tests.integration.test_storage import NOW
from tests.support.opened import KEY

KINDS = ("wrong", "used", "revoked", "expired", "made by nobody any more")


@dataclass
class Door:
    """A router, and what the database does for it."""

    database: Database
    router: Router
    settings: Settings
    seen: list[str] = field(default_factory=list)
    guests: int = 0

    async def secret(self, kind: str, roles: Any = frozenset()) -> str:
        """An invitation of that kind; each is another one."""
        if kind == "wrong":
            return new_token()
        async with self.database.transaction() as tx:
            ctx = Context(tx, NOW, self.settings)
            group = await tx.people.group_named("Red")
            assert group is not None
            maker = None
            if kind == "made by nobody any more":
                maker = await tx.people.add_member(group.id, new_token(), "es", "UTC", [], NOW)
            secret = await invite(ctx, group.id, roles, made_by=maker)
            found = await tx.invitations.by_hash(secret_hash(secret), NOW)
            assert found is not None
            if kind == "used":
                assert await tx.invitations.use(found.id, NOW)
            elif kind == "revoked":
                assert await tx.invitations.revoke(found.id, NOW)
            elif kind == "expired":
                past = NOW - timedelta(days=1)
                await tx.connection.execute(
                    sa.update(invitations).where(invitations.c.id == found.id).values(expires_at=past)
                )
            elif maker is not None:
                await tx.invitations.revoke_all_of(maker, NOW)  # as when a role ends
        return secret

    async def shown(self, secret: str, guest: str = "") -> list[tuple[str, str]]:
        """A stranger writes it. What they are answered."""
        self.guests += 1
        guest = guest or f"{self.guests:05d}"
        event = Incoming(
            PlatformName.TELEGRAM, f"e{self.guests}", guest, guest, ChatKind.PRIVATE, NOW,
            Text(secret),
        )  # fmt: skip
        async with self.database.transaction() as tx:
            self.seen.clear()
            await self.router.incoming(tx, event, NOW)
            self.work = list(self.seen)
            rows = await tx.outbox.claim(
                "telegram", NOW, limit=100, lease=timedelta(minutes=1), lanes=[0, 1, 2, 3]
            )
        return [(row.operation, str(row.body)) for row in rows if row.chat == guest]


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def door(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Door]:
    """A group that has let some people in already."""
    sqlite = request.param == "sqlite"
    url = str(tmp_path / "a.db") if sqlite else request.getfixturevalue("postgres")
    database = Database(url, KeyInMemory(KEY))
    await database.open()
    settings = Settings(language="es", zone="UTC", token=new_token)
    made = Door(database, Router(settings), settings)
    async with database.transaction() as tx:
        await tx.people.add_group("Red", "", "es", "UTC", NOW)

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        made.seen.append(f"{re.sub(r'[0-9]+', 'n', statement)} {_size(parameters)}")

    engine = database._engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield made
    sa.event.remove(engine, "before_cursor_execute", note)
    async with database.transaction() as tx:
        await tx.erase_everything()
    await database.close()


def _size(parameters: Any) -> str:
    """How many bytes each value has: equal work is on equal amounts."""
    values = parameters if isinstance(parameters, tuple | list) else [parameters]
    return str([len(v) if isinstance(v, bytes | str) else type(v).__name__ for v in values])


async def test_the_same_answer_after_the_same_work(door: Door) -> None:
    answers, works = {}, {}
    for kind in KINDS:
        answers[kind] = await door.shown(await door.secret(kind))
        works[kind] = door.work
    assert len({str(answer) for answer in answers.values()}) == 1, answers
    assert len(answers["wrong"]) == 1
    assert "Esta invitación no sirve" in answers["wrong"][0][1]
    for kind in KINDS:
        assert works[kind] == works["wrong"], kind
    assert works["wrong"]


async def test_one_that_lets_somebody_in_is_another_matter(door: Door) -> None:
    """So that the comparison above can fail."""
    await door.shown(await door.secret("wrong"))
    wrong = door.work
    (answer,) = await door.shown(await door.secret("live"))
    assert "¿Aceptas?" in answer[1]
    assert door.work != wrong


async def test_the_answer_stops_for_all_alike(door: Door) -> None:
    for kind in ("wrong", "used"):
        answered = [await door.shown(await door.secret(kind), guest=f"8{kind}") for _ in range(12)]
        assert [len(a) for a in answered] == [1] * 10 + [0] * 2, kind
    assert await door.shown(await door.secret("live"), guest="8wrong")


@pytest.mark.parametrize("door", ["sqlite"], indirect=True)
async def test_the_times_are_those_of_the_same_work(door: Door) -> None:
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(25):
        for kind in KINDS:  # in turn, so that a busy moment is everyone's
            secret = await door.secret(kind)
            start = time.process_time()  # of all our threads, whatever else the machine does
            await door.shown(secret)
            times[kind].append(time.process_time() - start)
    medians = {kind: statistics.median(spans) for kind, spans in times.items()}
    assert max(medians.values()) < 2 * min(medians.values()), medians
