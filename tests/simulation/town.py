"""One seed's world: groups, schedules, weather, crashes, all by the seed's chance."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import count
from random import Random
from typing import Any

from bot.domain.people import Risk, Role
from bot.domain.plan import Plan, Recipient, Step, Who
from bot.domain.schedule import Schedule
from bot.platforms.base import PlatformName
from handlers.checkins import add_schedule
from handlers.context import Context
from handlers.settings import Settings
from tests.simulation.loop import SimulatedClock, SimulatedLoop
from tests.simulation.people import Nature, Person
from tests.simulation.process import NEVER_IDLE, Process, beat
from tests.simulation.server import Server, Shown, Trouble
from tests.simulation.sqlite import Memory, MemoryDatabase

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

ZONES = (
    "America/Mexico_City", "America/Santiago", "America/Asuncion", "America/Havana",
    "America/Tijuana", "America/Bogota", "Africa/Casablanca", "Europe/Madrid", "Africa/Cairo",
    "Australia/Lord_Howe", "Asia/Beirut", "America/New_York",
)  # fmt: skip

NAMES = ("Ana", "Berta", "Carla", "Dora", "Elsa", "Flor", "Gala", "Hilda", "Inés", "Juana")

MISHAPS = Trouble(
    lost_answer=0.03, lost_request=0.03, refused=0.03, error=0.04, limited=0.02, longest=5.0
)
CALM = Trouble(lost_answer=0.001, refused=0.002, error=0.002, limited=0.0005)


@dataclass(frozen=True, slots=True)
class Watched:
    """A schedule, as it was set."""

    id: int
    person: Person
    rule: Schedule
    since: datetime


@dataclass
class World:
    """Everything of one seed. `watch` is called at each instant at which all is quiet."""

    seed: int
    loop: SimulatedLoop
    memory: Memory
    days: int
    rng: Random = field(init=False)
    problems: list[str] = field(default_factory=list)
    people: dict[int, Person] = field(default_factory=dict)
    schedules: list[Watched] = field(default_factory=list)
    plan: Plan = field(init=False)
    process: Process | None = None
    runs: list[tuple[datetime, datetime | None, str]] = field(default_factory=list)
    """Each run of the process: from, to, and where it ended."""

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)
        self.start = datetime(2026, 1, 1, tzinfo=UTC) + self.rng.randrange(360 * 24) * HOUR
        self.clock = SimulatedClock(self.start, self.loop)
        self.end = self.start + self.days * DAY
        offs = (timedelta(0), timedelta(0), timedelta(seconds=self.rng.uniform(-90, 90)))
        self.servers = [
            Server(name, idempotent, self.clock, Random(self.rng.random()), CALM)
            for name, idempotent in ((PlatformName.TELEGRAM, False), (PlatformName.MATRIX, True))
        ]
        for server in self.servers:
            server.stamp_off = self.rng.choice(offs)
            server.shows = self._shows
        self.by_key: dict[str, Person] = {}
        tokens = count()
        self.settings = Settings("es", "UTC", lambda: f"t{next(tokens):x}")
        self.on_shown: list[Callable[[Shown], None]] = []

    def _shows(self, shown: Shown) -> None:
        for look in self.on_shown:
            look(shown)
        self.by_key[shown.person].sees(shown)

    # --- making it --------------------------------------------------------------------------

    async def make(self) -> None:
        """An installation with one small group."""
        self.memory.begin_anew()
        rng, now = self.rng, self.clock.now()
        nature = Nature(
            never=rng.choice((0.02, 0.05, 0.3)),
            takes=rng.choice((0.15, 0.5, 0.8)),
            resolves=rng.choice((0.4, 0.8)),
            help=rng.choice((0.0, 0.01, 0.05)),
        )
        watched = rng.choice((1, 1, 1, 2, 2, 3, 7)) if rng.random() < 0.9 else 1
        responders = rng.choice((1, 2, 2, 3))
        coordinators = rng.choice((0, 1, 1, 2))
        roles: list[list[Role]] = [
            *([[]] * watched),
            *([[Role.RESPONDER]] * responders),
            *([[Role.COORDINATOR]] * coordinators),
        ]
        if rng.random() < 0.3:
            roles[0] = [Role.RESPONDER]
        database = MemoryDatabase(self.memory)
        async with database.transaction() as tx:
            group = await tx.people.add_group("Red", "", "es", "UTC", now)
            for number, held in enumerate(roles):
                name = NAMES[number % len(NAMES)] + (str(number) if number >= len(NAMES) else "")
                member = await tx.people.add_member(group, name, "es", "UTC", held, now)
                servers = rng.choice((self.servers, self.servers[:1], self.servers[1:]))
                risk = Risk.HIGH if rng.random() < 0.1 else Risk.MEDIUM
                await tx.people.set_member(member, risk=risk)
                person = Person(
                    member, name, list(servers), nature, Random(rng.random()),
                    high_risk=risk is Risk.HIGH,
                )  # fmt: skip
                for server in servers:
                    await tx.people.add_account(member, server.name, person.key, person.key, now)
                self.people[member] = self.by_key[person.key] = person
            everyone = [*self.people]
            self.plan = self._a_plan(everyone[watched : watched + responders])
            await tx.people.set_plan(self.plan, group=group)
            for member in everyone[:watched]:
                rule = self._a_rule(self.people[member])
                context = Context(tx, now, self.settings)
                id = await add_schedule(context, member, rule)
                self.schedules.append(Watched(id, self.people[member], rule, now))

    def _a_plan(self, responders: list[int]) -> Plan:
        rng = self.rng
        whole = (Recipient(Who.CIRCLE), Recipient(Who.COORDINATORS))
        first: tuple[Recipient, ...] = (Recipient(Who.MEMBER, rng.choice(responders)),)
        after = rng.choice((timedelta(0), timedelta(0), 5 * MINUTE))
        steps = [
            Step(after, rng.choice((first, whole[:1]))),
            Step(after + rng.choice((5, 15, 30)) * MINUTE, rng.choice((whole, whole[1:]))),
        ]
        return Plan(
            tuple(steps[: rng.choice((1, 2, 2))]),
            repeat=rng.choice((5, 10, 20)) * MINUTE,
            news=rng.choice((20, 90)) * MINUTE,
        )

    def _a_rule(self, person: Person) -> Schedule:
        rng = self.rng
        days = frozenset(rng.sample(range(7), rng.choice((1, 2, 3, 7))))
        walls = [time(rng.randrange(24), rng.choice((0, 0, 30))) for _ in range(rng.choice((1, 1, 2)))]
        person.grace = grace = rng.choice((5, 10, 30, 45, 120)) * MINUTE
        reminders = (grace / 2,) if rng.random() < 0.6 else ()
        return Schedule(days, tuple(walls), rng.choice(ZONES), grace, reminders)

    # --- what happens -----------------------------------------------------------------------

    async def live(self) -> None:
        """From the start to the end, with everything that goes wrong."""
        for server in self.servers:
            self._weather(server)
        for person in self.people.values():
            self._habits(person)
        crashes = self._crashes()
        while self.clock.now() < self.end:
            self.process = Process(
                self.memory, self.servers, self.settings, self.clock, Random(self.rng.random())
            )
            began = self.clock.now()
            at, points, away = next(crashes, (self.end, None, timedelta(0)))
            await self._sleep_until(at)
            if points is not None:
                beat(self.memory.raw, self.clock.now() - timedelta(seconds=self.rng.uniform(0, 30)))
                self.process.life.end_after(points)
                try:
                    async with asyncio.timeout(self.rng.uniform(0, 120)):
                        await self.process.life.over.wait()
                except TimeoutError:
                    pass
            over, self.process = self.process, None
            await over.gone()
            self.runs.append((began, self.clock.now(), over.life.died_at))
            await asyncio.sleep(away.total_seconds())

    async def _sleep_until(self, at: datetime) -> None:
        await asyncio.sleep(max(0.0, self.clock.seconds(at) - self.loop.time()))

    def _crashes(self) -> Any:
        rng = self.rng
        at = self.start
        while True:
            at += timedelta(days=rng.expovariate(1 / 6))
            if self.schedules and rng.random() < 0.5:
                # Where it hurts: while somebody is being asked or missed.
                person = rng.choice(self.schedules)
                near = rng.choice((timedelta(0), person.rule.grace))
                from bot.domain.schedule import next_due

                at = next_due(person.rule, max(at, self.clock.now())) + near - MINUTE
            if at >= self.end:
                return
            away = rng.choice((0.0, 2.0, 60.0, 400.0, rng.uniform(700, 12 * 3600)))
            yield max(at, self.clock.now()), rng.randrange(40), timedelta(seconds=away)

    def _weather(self, server: Server) -> None:
        rng = self.rng
        at = rng.expovariate(1 / (8 * 86400))
        while at < self.days * 86400:
            span = rng.choice((5.0, 60.0, 600.0, rng.uniform(600, 8 * 3600)))
            kind = rng.choice(("refuses", "hangs", "mishaps"))
            self.loop.call_later(at, self._turns, server, kind)
            self.loop.call_later(at + span, self._turns, server, "")
            at += span + rng.expovariate(1 / (8 * 86400))

    def _turns(self, server: Server, kind: str) -> None:
        server.mishap("", timedelta(seconds=60))
        server.silent = kind if kind in ("refuses", "hangs") else ""
        server.trouble = MISHAPS if kind == "mishaps" else CALM
        server.awake()

    def _habits(self, person: Person) -> None:
        rng = self.rng
        for act, every in ((person.panics, 60), (person.blocks, 60)):
            at = rng.expovariate(1 / (every * 86400))
            while at < self.days * 86400:
                self.loop.call_later(at, act)
                at += rng.expovariate(1 / (every * 86400))


async def lived(loop: SimulatedLoop, memory: Memory, seed: int, days: int) -> World:
    """One seed, without any judge."""
    world = World(seed, loop, memory, days)
    await world.make()
    for patched in NEVER_IDLE:
        patched.start()
    try:
        await world.live()
    finally:
        for patched in NEVER_IDLE:
            patched.stop()
    return world
