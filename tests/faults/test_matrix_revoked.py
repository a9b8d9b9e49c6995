"""The homeserver ends the bot's session: by a person's hand, or as it does from time to time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import pytest_asyncio
from aiohttp import web
from nio import AsyncClient  # type: ignore[import-untyped]

from bot.app import settings_of
from bot.config import load
from bot.domain.incident import Kind
from bot.domain.people import Role
from bot.domain.plan import Plan, Recipient, Step, Who
from bot.platforms.matrix.http import call, path
from handlers import incidents
from handlers.context import Context
from tests.proofs.killing import START
from tests.proofs.matrix_killing import MatrixInstallation
from tests.support.botapi import BotApi, TelegramPerson
from tests.support.matrix_person import MatrixPerson
from tests.support.stage_bot import telegram_config
from tests.support.synapse import shared
from tests.support.world import ZONE
from tests.support.zygote import Life, Zygote

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPEED = 10.0
PATIENCE = 40.0


@dataclass
class Monitor:
    """Who watches from outside: what was said to it last, and how often."""

    url: str = ""
    heard: list[str] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def listening(cls) -> AsyncIterator[Monitor]:
        made = cls()

        async def listen(request: web.Request) -> web.Response:
            made.heard.append(await request.text())
            return web.Response()

        app = web.Application()
        app.router.add_post("/{anything:.*}", listen)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/check"
        try:
            yield made
        finally:
            await runner.cleanup()


@dataclass
class Here:
    """A group on both platforms: Berta on Matrix, Carla on Telegram, Olga who runs the bot."""

    at: MatrixInstallation
    api: BotApi
    monitor: Monitor
    group: int
    carla: TelegramPerson
    olga: TelegramPerson
    life: Life
    alarms: int = 0

    @property
    def berta(self) -> MatrixPerson:
        return self.at.people[0]

    async def alarm(self) -> str:
        """Somebody raises an alarm; their name."""
        self.alarms += 1
        name = f"Alguien {self.alarms}"
        async with self.at.seeding() as (tx, _):
            ctx = Context(tx, self.at.clock.now(), settings_of(load(self.at.config), []))
            who = await tx.people.add_member(self.group, name, "es", ZONE, (), START)
            await incidents.open_incident(ctx, who, Kind.PANIC)
        return name

    def told(self, person: TelegramPerson, *words: str) -> int:
        """How many messages with these words this person has."""
        return sum(
            line["chat"] == person.id and all(word in line["text"] for word in words)
            for line in self.api.truth("message")
        )

    async def is_told(self, person: TelegramPerson, *words: str) -> None:
        """Wait for it."""
        said = await self.at.until(lambda: self.told(person, *words) > 0, PATIENCE)
        assert said, self.at.log()

    async def berta_reads(self, name: str) -> None:
        """The alarm about this one, once."""
        await self.berta.sync_until_shown(name)
        shown = [m for m in self.berta.messages() if m.body and name in m.body]
        assert len(shown) == 1

    async def is_well(self) -> None:
        """An audit found nothing."""
        heard = len(self.monitor.heard)
        well = await self.at.until(lambda: "" in self.monitor.heard[heard:], PATIENCE)
        assert well, (self.monitor.heard[-3:], self.at.log())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here() -> AsyncIterator[Here]:
    synapse = shared()
    async with (
        await Zygote.start(matrix=True) as zygote,
        Monitor.listening() as monitor,
        MatrixInstallation.open(zygote, synapse, SPEED, people=1) as at,
        await BotApi.start(at.folder) as api,
    ):
        await api.set_clock(int(START.timestamp()))
        carla, olga = [await api.person(name, language="es") for name in ("Carla", "Olga")]
        at.config.write_text(
            f'operators = ["telegram:{olga.id}"]\n{at.config.read_text()}{telegram_config(api)}'
            f'[watch]\nurl = "{monitor.url}"\ninterval = 0.5\ncanary = ""\n'
        )
        at.patience = 1.0
        async with at.seeding() as (tx, _):
            group = await tx.people.add_group("Red", "", "es", ZONE, START)
            await at.member(tx, group, "Berta", at.people[0], Role.RESPONDER)
            member = await tx.people.add_member(
                group, "Carla", "es", ZONE, {Role.RESPONDER}, START
            )
            await tx.people.add_account(
                member, "telegram", str(carla.id), str(carla.id), START
            )
            circle = Step(timedelta(0), (Recipient(Who.CIRCLE),))
            await tx.people.set_plan(Plan((circle,), repeat=timedelta(hours=24)), group=group)
        at.begin()
        yield Here(at, api, monitor, group, carla, olga, await at.live())


async def from_elsewhere(here: Here, *where: str, body: dict[str, object]) -> None:
    """Somebody logs in to the bot's account and does something there."""
    client = AsyncClient(here.at.synapse.url, here.at.user_id)
    await client.login(here.at.password, device_name="somewhere else")
    answer = await call(client, "POST", path(*where), body)
    assert answer.ok
    await client.close()


async def test_logged_out_the_bot_goes_on_elsewhere_says_so_and_comes_back(here: Here) -> None:
    name = await here.alarm()
    await here.is_told(here.carla, name)
    await here.berta_reads(name)
    await here.is_well()
    await from_elsewhere(here, "logout", "all", body={})
    name = await here.alarm()
    await here.is_told(here.carla, name)
    await here.is_told(here.olga, "platform_refused:matrix")
    assert any("platform_refused:matrix" in said for said in here.monitor.heard)
    # It has the password: it is a new device after a while, which Berta's app shows as before.
    await here.berta_reads(name)
    await here.is_well()
    assert not here.life.ended.done()


async def test_a_soft_logout_is_nobody_s_trouble(here: Here) -> None:
    at, synapse = here.at, here.at.synapse
    here.monitor.heard.clear()
    refused = here.told(here.olga, "platform_refused")
    before = set(synapse.devices_of(at.user_id))
    await asyncio.to_thread(synapse.stop)
    synapse.expire_sessions(at.user_id)
    await asyncio.to_thread(synapse.resume)
    name = await here.alarm()
    await here.berta_reads(name)
    assert set(synapse.devices_of(at.user_id)) == before
    await here.is_well()
    assert here.told(here.olga, "platform_refused") == refused
    assert not any("refused" in said for said in here.monitor.heard)
    assert not here.life.ended.done()


async def test_without_its_password_it_stays_out_and_the_others_are_told(here: Here) -> None:
    kept = [line for line in here.at.config.read_text().splitlines() if "password" not in line]
    here.at.config.write_text("\n".join(kept))
    await here.life.kill()
    here.life = await here.at.live()
    name = await here.alarm()
    await here.berta_reads(name)  # the session is enough, as long as it lasts
    await from_elsewhere(here, "logout", "all", body={})
    name = await here.alarm()
    await here.is_told(here.carla, name)
    began = len(here.monitor.heard)

    def heard() -> int:
        return sum("platform_refused:matrix" in said for said in here.monitor.heard[began:])

    # Longer than until it tries again, which changes nothing.
    assert await here.at.until(lambda: heard() > 12, PATIENCE)
    assert "" not in here.monitor.heard[-10:]
    assert "password_file" in here.at.log()
    assert here.at.password not in here.at.log()
    assert not here.life.ended.done()
    states = Counter(state for (state,) in here.at.rows("SELECT state FROM outbox"))
    assert set(states) <= {"sent", "queued", "leased"}  # nothing is given up
