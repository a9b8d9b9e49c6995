"""The sandbox as a demonstration: a seeded group, and a clock that can be sped up."""

from __future__ import annotations

import asyncio
import os
import tempfile
import webbrowser
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import structlog
from aiohttp import web

from bot.app import new_token
from bot.domain.incident import State as IncidentState
from bot.domain.people import Role
from bot.domain.plan import Plan, Recipient, Step, Who
from bot.domain.schedule import EVERY_DAY, Schedule, wall_to_instant
from bot.engine.engine import Engine
from bot.engine.stepping import SteppedClock, Stepper
from bot.files.cleaner import Cleaner
from bot.files.values import Limits
from bot.following.looking import offline
from bot.platforms.base import ChatKind, PlatformName
from bot.platforms.sandbox.control import Milestone
from bot.platforms.sandbox.parse import private_chat
from bot.platforms.sandbox.platform import SandboxPlatform
from bot.platforms.sandbox.town import Town
from bot.platforms.sandbox.web import sandbox_app
from bot.texts.catalogue import nearest
from handlers.context import Context
from handlers.entries import menu
from handlers.router import Router
from handlers.schedules import begin as begin_schedule
from handlers.settings import Settings
from storage.database import Database
from storage.keys import KeyInMemory

log = structlog.get_logger(__name__)

ZONE = "America/Mexico_City"
MORNING = time(8, 55)
"""When the demonstration begins: five minutes before Ana is asked."""

PULSE = 0.2
"""Seconds between two movements of a running clock."""

CHANNEL = "alertas"

PEOPLE = (
    ("ana", "Ana", "defender", frozenset[Role]()),
    ("berta", "Berta", "responder", frozenset({Role.RESPONDER})),
    ("carla", "Carla", "responder", frozenset({Role.RESPONDER})),
    ("coral", "Coral", "coordinator", frozenset({Role.COORDINATOR, Role.APPROVER})),
    ("olga", "Olga", "organisation", frozenset({Role.AUTHOR})),
)

NAMES = {
    "es": ("Red de la Sierra", "Colectivo Sierra", "Alertas públicas"),
    "en": ("Sierra Network", "Sierra Collective", "Public alerts"),
}
"""Group, organisation and channel."""


class DemoClock:
    """The town's clock (`ClockControl`): it runs at a speed, and everything falls due in order."""

    def __init__(self, clock: SteppedClock, stepper: Stepper) -> None:
        self._clock = clock
        self._stepper = stepper
        self._speed = 1
        self._turn = asyncio.Lock()

    @property
    def speed(self) -> int:
        """Seconds of the town in one of ours."""
        return self._speed

    def now(self) -> datetime:
        """The town's instant."""
        return self._clock.now()

    def set_speed(self, speed: int) -> None:
        """Run at it from now on; 0 is a pause."""
        self._speed = speed

    async def jump(self, by: timedelta) -> None:
        """Move forward, with everything that is due in between."""
        async with self._turn:
            await self._stepper.until(self._clock.now() + by)

    async def next_event(self) -> datetime | None:
        """Move to what comes next."""
        async with self._turn:
            due = await self._stepper.next_due()
            if due is not None:
                await self._stepper.until(due)
            return due

    async def run(self) -> None:
        """Move for ever."""
        last = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(PULSE)
            now = asyncio.get_running_loop().time()
            if self._speed:
                await self.jump(timedelta(seconds=(now - last) * self._speed))
            last = now


class Demo:
    """One demonstration: a town, and the real bot behind it."""

    def __init__(self, database: Database, today: date) -> None:
        self.database = database
        self._clock = SteppedClock(wall_to_instant(today, MORNING, ZONE))
        self.town = Town(self._clock.now)
        platform = SandboxPlatform(self.town)
        self._settings = Settings(
            language="es",
            zone=ZONE,
            token=new_token,
            links={"sandbox": platform.invitation_link},
            messages_of={"sandbox": platform.messages_of},
        )
        self.engine = Engine(
            database, [platform], Router(self._settings), self._clock,
            cleaning=Cleaner(Limits(size=self._settings.largest_file)).cleaned,
            largest_file=self._settings.largest_file, following=offline,
        )  # fmt: skip
        self.clock = DemoClock(self._clock, Stepper(self.engine, database, self._clock))

    async def seed(self, language: str) -> None:
        """People move in; the group has a plan, Ana a schedule, the organisation a channel."""
        language = nearest(language) or "es"
        group_name, organisation, channel = NAMES.get(language, NAMES["es"])
        self.town.reset()
        now = self._clock.now()
        async with self.database.transaction() as tx:
            await tx.erase_everything()
            group = await tx.people.add_group(group_name, organisation, language, ZONE, now)
            ids = {}
            for key, name, role, roles in PEOPLE:
                self.town.person(key, name, role=role, language=language)
                ids[key] = await tx.people.add_member(group, name, language, ZONE, roles, now)
                await tx.people.add_account(
                    ids[key], PlatformName.SANDBOX, key, private_chat(key), now
                )
            plan = _plan(ids["berta"])
            await tx.people.set_plan(plan, group=group)
            for member in ids.values():
                await tx.people.agree(member, plan, now)
            place = self.town.place(CHANNEL, channel, readers=[key for key, *_ in PEOPLE])
            await tx.denunciations.add_destination(
                group, PlatformName.SANDBOX, place.id, ChatKind.CHANNEL, channel
            )
            rule = Schedule(
                days=EVERY_DAY, times=(time(9),), zone=ZONE, grace=timedelta(minutes=45),
                reminders=(timedelta(minutes=20),),
            )  # fmt: skip
            await begin_schedule(Context(tx, now, self._settings), ids["ana"], rule)
            ctx = Context(tx, now, self._settings)
            for key in ids:
                for at in await ctx.places_of(ids[key]):
                    await ctx.say(at, f"demo.hello.{key}")
        self.town.adds_bot("olga", place.id)
        async with self.database.transaction() as tx:
            # The bot is in its channel from the start; nobody is to be asked about it.
            await tx.inbox.store(PlatformName.SANDBOX, [], self.town.cursor, now)

    async def milestones(self) -> Sequence[Milestone]:
        """How far the newcomer has come."""
        async with self.database.transaction() as tx:
            first = await tx.incidents.get_first()
            published = await tx.denunciations.any_sent()
        return (
            Milestone("checkin_missed", first is not None, "ana"),
            Milestone(
                "incident_resolved",
                first is not None and first.state is IncidentState.RESOLVED,
                "berta",
            ),
            Milestone("denunciation_published", published, "olga"),
        )


def _plan(berta: int) -> Plan:
    return Plan(
        (
            Step(timedelta(0), (Recipient(Who.MEMBER, berta),)),
            Step(timedelta(minutes=15), (Recipient(Who.CIRCLE),)),
            Step(timedelta(minutes=30), (Recipient(Who.COORDINATORS),)),
        )
    )


async def serve(port: int) -> None:
    """Serve the page on loopback until it is interrupted."""
    with tempfile.TemporaryDirectory(prefix="acuerpa-demo-") as folder:
        database = Database(str(Path(folder) / "demo.db"), KeyInMemory())
        await database.open()
        demo = Demo(database, datetime.now(UTC).date())
        await demo.seed("es")
        runner = web.AppRunner(
            sandbox_app(
                demo.town,
                demo.clock,
                zone=ZONE,
                milestones=demo.milestones,
                restart=demo.seed,
            )
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        address = f"http://127.0.0.1:{port}"
        print(f"Acuerpa: {address}  (Ctrl+C: fin / end)", flush=True)
        if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
            webbrowser.open(address)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(demo.engine.run(menu(demo.clock.now())))
                tasks.create_task(demo.clock.run())
        finally:
            await runner.cleanup()
            await database.close()
