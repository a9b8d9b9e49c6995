"""The whole bot over the sandbox's town, made and driven without chat: for proofs of many people."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.domain.people import Risk, Role
from bot.domain.plan import Plan
from bot.domain.schedule import EVERY_DAY, Schedule
from bot.engine.audit import CANARY_SEEN
from bot.engine.engine import Engine
from bot.engine.stepping import SteppedClock, Stepper
from bot.platforms.base import PlatformName
from bot.platforms.sandbox.platform import SandboxPlatform
from bot.platforms.sandbox.town import Message, Town, private_chat
from handlers.context import Context
from handlers.router import Router
from handlers.schedules import begin as begin_schedule
from handlers.settings import Settings
from storage.database import Database
from storage.keys import KeyInMemory

START = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)
ZONE = "UTC"

__all__ = ["CANARY_SEEN", "START", "Living", "living"]


class JumpingClock(SteppedClock):
    """A machine's clock that somebody sets: `steady` counts the seconds that really passed."""

    steady = 0.0

    def move(self, to: datetime) -> timedelta:
        """Time passes."""
        span = super().move(to)
        self.steady += span.total_seconds()
        return span

    def jump(self, by: timedelta) -> None:
        """Somebody sets the clock; no time passes."""
        self._at += by


@dataclass
class Living:
    """A bot that can be switched off and on again over the same database and the same town."""

    database: Database
    clock: JumpingClock
    town: Town
    settings: Settings
    engine: Engine | None = None
    keys: dict[int, str] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=count)

    async def on(self) -> None:
        """A new process begins."""
        self.engine = Engine(
            self.database,
            [SandboxPlatform(self.town)],
            Router(self.settings),
            self.clock,
            steady=lambda: self.clock.steady,
            canary=self.settings.canary is not None,
        )
        await self.engine.start()
        await self.engine.settle()

    def off(self) -> None:
        """The process is gone, and everything in its memory with it."""
        self.engine = None

    async def until(self, at: datetime) -> None:
        """Time passes; with a bot, each thing at its instant."""
        if self.engine is None:
            self.clock.move(at)
        else:
            await Stepper(self.engine, self.database, self.clock).until(at)

    async def group(self, name: str, plan: Plan | None = None) -> int:
        """A group with a plan."""
        async with self.database.transaction() as tx:
            group = await tx.people.add_group(name, "", "es", ZONE, self.clock.now())
            if plan is not None:
                await tx.people.set_plan(plan, group=group)
        return group

    async def member(
        self, group: int, name: str, roles: Sequence[Role] = (), risk: Risk = Risk.MEDIUM
    ) -> int:
        """Somebody with an account."""
        key = f"{name.casefold()}-{next(self._numbers)}"
        self.town.person(key, name, role="", language="es")
        async with self.database.transaction() as tx:
            plan = (await tx.people.group(group)).plan
            id = await tx.people.add_member(
                group, name, "es", ZONE, roles, self.clock.now(), plan=plan
            )
            await tx.people.set_member(id, risk=risk)
            await tx.people.add_account(
                id, PlatformName.SANDBOX, key, private_chat(key), self.clock.now()
            )
        self.keys[id] = key
        return id

    async def asked(self, member: int, at: time, grace: timedelta, zone: str = ZONE) -> int:
        """Ask this member every day."""
        rule = Schedule(days=EVERY_DAY, times=(at,), zone=zone, grace=grace)
        async with self.database.transaction() as tx:
            return await begin_schedule(Context(tx, self.clock.now(), self.settings), member, rule)

    def writes(self, member: int, text: str) -> None:
        """The member writes to the bot."""
        self.town.writes(self.keys[member], text)

    def heard(self, member: int, since: datetime | None = None) -> list[Message]:
        """What the bot said to a member."""
        said = self.town.sees(self.keys[member])
        return [m for m in said if since is None or m.at >= since]


@asynccontextmanager
async def living(canary: time | None = None) -> AsyncIterator[Living]:
    """A database and a town; nothing runs yet."""
    with TemporaryDirectory(prefix="acuerpa-proof-") as folder:
        clock = JumpingClock(START)
        database = Database(str(Path(folder) / "acuerpa.db"), KeyInMemory())
        await database.open()
        town = Town(clock.now)
        tokens = count()
        settings = Settings(
            language="es",
            zone=ZONE,
            token=lambda: f"token-{next(tokens):016d}",
            operators=frozenset({"sandbox:operadora"}) if canary else frozenset(),
            canary=canary,
            links={"sandbox": SandboxPlatform(town).invitation_link},
        )
        yield Living(database, clock, town, settings)
        await database.close()
