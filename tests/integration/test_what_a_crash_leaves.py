"""What is there after the worst instant: a reply, an alarm, a denunciation, a place that was taken."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.app import new_token
from bot.domain.lanes import Lane
from bot.domain.rich import Rich
from bot.engine.acting import LEASE, Acting
from bot.engine.engine import Engine
from bot.engine.stepping import SteppedClock
from bot.platforms.base import Batch, Outgoing, Receipt
from bot.platforms.sandbox.platform import SandboxPlatform
from bot.platforms.sandbox.town import Town, private_chat
from handlers.router import Router
from handlers.settings import Settings
from storage.database import Database, Unavailable
from storage.fence import Fence, NotActing
from storage.keys import KeyInMemory
from storage.outbox import Outbox
from storage.transaction import Transaction
from tests.integration.test_storage import MINUTE, NOW
from tests.proofs.killing import START, Installation
from tests.stories.test_answers import asked
from tests.support.stage_sandbox import SandboxDevice, SandboxStage
from tests.support.world import World
from tests.support.zygote import Zygote

SECOND = timedelta(seconds=1)


async def queue(outbox: Outbox, lane: Lane, platform: str, chat: str) -> None:
    """A message that waits to be sent."""
    await outbox.add(
        key=f"key-of-{lane.name}", lane=lane, platform=platform, chat=chat, chat_kind="private",
        operation="send", body={"text": Rich.of("Alerta").to_json(), "buttons": []}, now=START,
    )  # fmt: skip


@pytest.mark.parametrize("world", ["sandbox"], indirect=True)
async def test_what_could_not_be_stored_is_not_confirmed(world: World, tmp_path: Path) -> None:
    """Ana's answer meets a disk that takes no more rows of the inbox."""
    stage = world.stage
    assert isinstance(stage, SandboxStage)
    _, ana = await asked(world)
    with closing(sqlite3.connect(tmp_path / "acuerpa.db", isolation_level=None)) as disk:
        disk.execute(
            "CREATE TRIGGER full BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        with pytest.raises(sa.exc.DatabaseError):
            await ana.writes("ok")
        disk.execute("DROP TRIGGER full")
    await stage.settle()
    await ana.sees("Anotado a las 09:00")
    await world.until("10:00")


@pytest.mark.parametrize("world", ["sandbox"], indirect=True)
async def test_an_answer_that_nobody_has_read_yet_comes_before_the_deadline(world: World) -> None:
    """Ana answers in the last second, and the look at the timers comes before all else."""
    stage = world.stage
    assert isinstance(stage, SandboxStage)
    group, ana = await asked(world)
    await world.until("09:29")
    await ana.reads_all()
    stage.engine.ran(stage.clock.move(stage.clock.now() + 59 * SECOND))
    assert isinstance(ana.device, SandboxDevice)
    await ana.device.write("ok")
    stage.engine.ran(stage.clock.move(stage.clock.now() + 2 * SECOND))
    await stage.engine.tick()
    await stage.settle()
    await ana.sees("Anotado a las 09:29")
    await group.coordinator.sees_nothing()


@pytest.mark.parametrize("lane", [Lane.ALARM, Lane.BROADCAST], ids=["alarm", "broadcast"])
async def test_the_bot_dies_while_a_message_leaves(lane: Lane) -> None:
    """Telegram has it, and has not said so: an alarm goes again, a denunciation never does."""
    async with await Zygote.start() as zygote, Installation.open(zygote, 1.0) as at:
        berta = await at.api.person("Berta", language="es")
        async with at.seeding() as (tx, _):
            await queue(tx.outbox, lane, "telegram", str(berta.id))
        await at.api.fault("timeout", method="sendMessage", chat=berta.id, after=True)
        await at.begin()
        life = await at.live()

        def copies() -> int:
            return sum(line["chat"] == berta.id for line in at.api.truth("message"))

        assert await at.until(lambda: copies() == 1, 20)
        await at.kill_after(life, 0)
        await at.live()
        again = lane is Lane.ALARM
        end = "sent" if again else "unknown"
        assert await at.until(lambda: at.rows("SELECT state FROM outbox") == [(end,)], 20)
        assert copies() == 1 + again


async def wanted_file(tx: Transaction) -> int:
    """Somebody sent a photo for a denunciation."""
    group = await tx.people.add_group("Red", "Red", "es", "UTC", NOW)
    olga = await tx.people.add_member(group, "Olga", "es", "UTC", frozenset(), NOW)
    draft = await tx.denunciations.add(group, 1, olga, NOW)
    await tx.files.want(
        group=group, denunciation=draft, member=olga, platform="telegram", name="foto.jpg",
        ref={"file_id": "1"}, alternative="", now=NOW,
    )  # fmt: skip
    due = await tx.files.due(NOW)
    assert due is not None
    return due.id


async def test_a_process_that_was_replaced_claims_nothing(database: Database) -> None:
    """It was frozen, and another has its place: neither now nor in what it had open already."""
    async with database.transaction() as tx:
        assert await tx.fence.take(None, NOW) == 1
        await queue(tx.outbox, Lane.ALARM, "telegram", "7")
        await queue(tx.outbox, Lane.BROADCAST, "telegram", "8")
        await tx.outbox.claim("telegram", NOW, limit=1, lease=MINUTE, lanes=[Lane.BROADCAST])
        await tx.timers.set("checkin", 1, NOW)
        (timer,) = await tx.timers.claim(NOW, 1, MINUTE)
        file = await wanted_file(tx)
        await tx.inbox.store("telegram", [("1", "c", {})], "2", NOW)
        assert await tx.fence.take(await tx.fence.holder(), NOW) == 2
    database.fence = 1
    with pytest.raises(NotActing):
        async with database.transaction():
            pass
    async with database.transaction(fenced=False) as tx:
        later = NOW + MINUTE
        lanes = list(Lane)
        assert not await tx.outbox.claim("telegram", later, limit=9, lease=MINUTE, lanes=lanes)
        assert not await tx.outbox.begin(f"key-of-{Lane.BROADCAST.name}")
        assert not await tx.timers.claim(later, 9, MINUTE)
        assert not await tx.timers.fire(timer)
        assert not await tx.timers.fire_all([timer, timer])
        assert not await tx.inbox.waiting(9)
        assert await tx.files.begin(file, later) is None
        assert not await tx.files.is_wanted(file)
        assert not await tx.files.refuse(file)
        await tx.inbox.store("telegram", [("2", "c", {})], "3", NOW)
        assert await tx.inbox.cursor("telegram") == "2"


async def test_whoever_could_not_renew_its_right_sends_nothing(tmp_path: Path) -> None:
    """The database did not answer for as long as the right lasts: another may act by now."""
    database = Database(str(tmp_path / "acuerpa.db"), KeyInMemory())
    await database.open()
    clock, passed = SteppedClock(START), 0.0
    town = Town(clock.now)
    town.person("berta", "Berta", role="", language="es")
    acting = Acting(database, clock, lambda: passed)
    await acting.take()
    router = Router(Settings(language="es", zone="UTC", token=new_token))
    engine = Engine(database, [SandboxPlatform(town)], router, clock, acting=acting)
    await engine.start()
    async with database.transaction() as tx:
        await queue(tx.outbox, Lane.ALARM, "sandbox", private_chat("berta"))
    passed = LEASE.total_seconds()
    await engine.settle()
    assert town.messages(private_chat("berta")) == ()
    await acting.renew()
    clock.move(START + MINUTE)
    await engine.settle()
    assert [m.plain for m in town.messages(private_chat("berta"))] == ["Alerta"]
    await acting.let_go()
    await database.close()


class Hearing(SandboxPlatform):
    """Takes its time to connect, and knows whether it was listened to before it was spoken to."""

    heard = False
    heard_before: bool | None = None

    async def start(self) -> None:
        await asyncio.sleep(0.05)
        await super().start()

    async def receive(self, cursor: str | None, wait: float) -> Batch:
        found = await super().receive(cursor, wait)
        self.heard = True
        return found

    async def send(self, message: Outgoing) -> Receipt:
        if self.heard_before is None:
            self.heard_before = self.heard
        return await super().send(message)


async def test_an_alarm_of_the_last_life_leaves_after_what_people_wrote_was_heard(
    database: Database,
) -> None:
    """By what its subject wrote while nobody was there it may be needless."""
    town = Town(lambda: START)
    town.person("berta", "Berta", role="", language="es")
    platform = Hearing(town)
    async with database.transaction() as tx:
        await queue(tx.outbox, Lane.ALARM, "sandbox", private_chat("berta"))
    router = Router(Settings(language="es", zone="UTC", token=new_token))
    running = asyncio.create_task(Engine(database, [platform], router, SteppedClock(START)).run({}))
    async with asyncio.timeout(20):
        while not town.messages(private_chat("berta")):
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert platform.heard_before


async def test_a_database_that_fails_now_and_then_does_not_make_the_next_one_wait_anew(
    fresh_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The former process was killed; every fifth look at its place fails while we wait for it."""
    monkeypatch.setattr("bot.engine.acting.LOOK", 0.001)
    seconds = count()
    database = Database(fresh_postgres, KeyInMemory())
    await database.open()
    clock = SteppedClock(START)
    await Acting(database, clock, lambda: 0.0).take()
    looks, holder = count(1), Fence.holder

    async def fails(fence: Fence) -> object:
        if next(looks) % 5 == 0:
            raise Unavailable("the disk is full")
        return await holder(fence)

    monkeypatch.setattr(Fence, "holder", fails)
    later = Acting(database, clock, lambda: float(next(seconds)))
    while True:  # as `bot.engine.persist` does
        with suppress(Unavailable):
            await later.take()
            break
        assert next(looks) < 100, "it waits for ever"
    await database.close()
