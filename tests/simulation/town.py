"""One seed's world: groups, schedules, weather, crashes, all by the seed's chance."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import count
from random import Random

from bot.domain.people import Risk, Role
from bot.domain.plan import Plan, Recipient, Step, Who
from bot.domain.schedule import Schedule, next_due
from bot.platforms.base import PlatformName
from handlers.context import Context
from handlers.schedules import begin as begin_schedule
from handlers.settings import Settings
from tests.simulation.cases import Cases
from tests.simulation.checkins import OUTAGE, Checkins
from tests.simulation.loop import SimulatedClock, SimulatedLoop
from tests.simulation.messages import Messages
from tests.simulation.people import Nature, Person
from tests.simulation.process import Process, beat
from tests.simulation.server import Server, Shown, Told, Trouble
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
    """Everything of one seed. `look` is called at each instant at which all is quiet."""

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
    runs: list[tuple[datetime, datetime, str]] = field(default_factory=list)
    """Each run of the process that ended: from, to, and where it ended."""
    gap: timedelta = timedelta(0)
    """How long nothing ran before the process that runs now."""
    worst: dict[str, float] = field(default_factory=dict)
    """The longest delays that there were, in seconds."""

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
        self._told: set[str] = set()
        self._said = asyncio.Event()
        self._looked_at: tuple[int, int] = (-1, -1)

    def _shows(self, shown: Shown) -> None:
        self.checkins.shown(shown)
        self.cases.shown(shown)
        self.messages.shown(shown)
        self.by_key[shown.person].sees(shown)

    def _tells(self, person: Person, told: Told, shown: Shown | None) -> None:
        self.checkins.told(person, told, shown)
        self._said.set()

    # --- for the judges ---------------------------------------------------------------------

    def problem(self, words: str) -> None:
        """Something that must not be. It is told once, however long it lasts."""
        if words not in self._told:
            self._told.add(words)
            self.problems.append(f"{self.clock.now():%m-%d %H:%M:%S} {words}")

    def delay(self, what: str, span: timedelta) -> None:
        """Something took that long."""
        self.worst[what] = max(self.worst.get(what, 0.0), span.total_seconds())

    def server(self, name: str) -> Server:
        """By name."""
        return next(server for server in self.servers if server.name == name)

    def having(self, role: Role) -> frozenset[int]:
        """The members with a role."""
        return frozenset(m for m, roles in self.roles.items() if role in roles)

    @property
    def everyone(self) -> frozenset[int]:
        """Who hears of a plan that found nobody."""
        return self.having(Role.RESPONDER) | self.having(Role.COORDINATOR)

    def awake_since(self, now: datetime) -> datetime | None:
        """Since when the process that runs has been carrying out what is due; None if none does."""
        process = self.process
        return process.ready_at if process is not None and process.life.alive else None

    def back_from_outage(self) -> datetime | None:
        """When the process began, if nothing had run for long before."""
        if self.process is None or self.gap <= OUTAGE:
            return None
        return self.process.began_at

    def last_gap(self, now: datetime) -> datetime:
        """Since when what was heard may have waited to be carried out."""
        runs, process = self.runs, self.process
        if process is not None:
            began, before = process.began_at, runs
        elif runs:  # it died in this very instant
            began, before = runs[-1][0], runs[:-1]
        else:
            return now
        if now - began > MINUTE:
            return now
        since = now
        for started, ended, _ in reversed(before):
            since = ended - MINUTE
            if ended - started > MINUTE:  # a shorter one may have died before it carried anything out
                break
        return since

    def clear_from(self, person: Person, now: datetime) -> datetime | None:
        """Since when nothing has been in the way of a message to this person; None if something is.

        The latest of what was in its way on the account where that was over first.
        """
        awake = self.awake_since(now)
        if awake is None:
            return None
        since = [
            max([awake, *server.trouble_of(person.key)])
            for server in person.servers
            if person.key not in server.blocked and not server.silent
        ]
        return min(since, default=None)

    def was_asked_for(self, shown: Shown) -> bool:
        """Whether the reader asked for this page of a digest."""
        return False

    def look(self) -> None:
        """Everything is quiet at this instant: whatever must hold, does."""
        seen = self.memory.raw.total_changes, sum(len(s.told) for s in self.servers)
        if seen == self._looked_at:
            return
        self._looked_at = seen
        now = self.clock.now()
        self.checkins.look(now)
        self.cases.look(now)
        self.messages.events(now)

    # --- making it --------------------------------------------------------------------------

    async def make(self) -> None:
        """An installation with one small group."""
        self.memory.begin_anew()
        rng, now = self.rng, self.clock.now()
        nature = Nature(
            never=rng.choice((0.02, 0.05, 0.2)),
            takes=rng.choice((0.2, 0.6, 0.9)),
            resolves=rng.choice((0.6, 0.9)),
            help=rng.choice((0.0, 0.01, 0.02)),
        )
        watched = rng.choice((1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 7))
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
            self.roles = dict(zip(self.people, roles, strict=True))
            everyone = [*self.people]
            self.plan = self._a_plan(everyone[watched : watched + responders])
            await tx.people.set_plan(self.plan, group=group)
            for member in everyone:
                await tx.people.agree(member, self.plan, now)
            for member in everyone[:watched]:
                rule = self._a_rule(self.people[member])
                context = Context(tx, now, self.settings)
                id = await begin_schedule(context, member, rule)
                self.schedules.append(Watched(id, self.people[member], rule, now))
        self.watched = {watched.id: watched for watched in self.schedules}
        self.checkins = Checkins(self)
        self.cases = Cases(self, self.checkins)
        self.messages = Messages(self)
        for person in self.people.values():
            person.done = self._tells
        self.loop.quiet = self.look

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
        days = frozenset(rng.sample(range(7), rng.choice((1, 2, 2, 7))))
        walls = [
            time(rng.randrange(24), rng.choice((0, 0, 30))) for _ in range(rng.choice((1, 1, 1, 2)))
        ]
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
        lived_until: datetime | None = None
        while self.clock.now() < self.end:
            began = self.clock.now()
            if lived_until is not None:
                self.gap = began - lived_until
            self.process = process = Process(
                self.memory, self.servers, self.settings, self.clock, Random(self.rng.random())
            )
            at, points, away = next(crashes, (self.end, -1, timedelta(0)))
            await self._sleep_until(at)
            if points >= 0:
                if self.rng.random() < 0.4:
                    await self._something_said()
                process.life.end_after(points)
                try:
                    async with asyncio.timeout(self.rng.choice((0.0, 1.0, 6 * 3600.0))):
                        await process.life.over.wait()
                except TimeoutError:
                    pass
            process.life.end()
            await process.gone()
            self.process = None
            # What runs writes its heartbeat twice a minute, also while nothing is due.
            if process.ready_at is not None:
                lived_until = self.clock.now() - timedelta(seconds=self.rng.uniform(0, 30))
                lived_until = max(lived_until, process.ticked_at)
                beat(self.memory.raw, lived_until)
            self.runs.append((began, self.clock.now(), process.life.died_at))
            for server in self.servers:
                server.died(self._is_stored)
            await asyncio.sleep(away.total_seconds())
        self.messages.at_the_end()

    def _is_stored(self, told: Told) -> bool:
        where = "SELECT 1 FROM inbox WHERE event_key = ?"
        return bool(self.memory.raw.execute(where, (self.memory.event_key(told.id),)).fetchone())

    async def _something_said(self) -> None:
        """Until somebody hands something to a server, or for some hours."""
        self._said.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(6 * 3600):
                await self._said.wait()

    async def _sleep_until(self, at: datetime) -> None:
        await asyncio.sleep(max(0.0, self.clock.seconds(at) - self.loop.time()))

    def _crashes(self) -> Iterator[tuple[datetime, int, timedelta]]:
        """When the process ends next, after how many of its points from then on, and for how long."""
        rng, at = self.rng, self.start
        while True:
            if rng.random() < 0.25:
                at = self.clock.now()  # again, while it is still recovering
            else:
                at += timedelta(days=rng.expovariate(1 / 5))
            if self.schedules and rng.random() < 0.7:
                # Where it hurts: while somebody is being asked or missed.
                watched = rng.choice(self.schedules)
                at = next_due(watched.rule, max(at, self.clock.now()))
                at += rng.choice((timedelta(0), watched.rule.grace)) - timedelta(seconds=1)
            if at >= self.end:
                return
            away = rng.choice((0.0, 0.0, 2.0, 60.0, 400.0, rng.uniform(700, 12 * 3600)))
            yield max(at, self.clock.now()), rng.randrange(30), timedelta(seconds=away)

    def _weather(self, server: Server) -> None:
        rng = self.rng
        at = rng.expovariate(1 / (8 * 86400))
        while at < self.days * 86400:
            span = rng.choice((5.0, 60.0, 600.0, rng.uniform(600, 8 * 3600)))
            kind = rng.choice(("refuses", "hangs", "mishaps"))
            self.loop.call_later(at, self._turns, server, kind)
            self.loop.call_later(at + span, self._turns, server, "")
            at += span + rng.expovariate(1 / (8 * 86400))

    @staticmethod
    def _turns(server: Server, kind: str) -> None:
        silent = kind if kind in ("refuses", "hangs") else ""
        server.turn(silent, MISHAPS if kind == "mishaps" else CALM)

    def _habits(self, person: Person) -> None:
        rng = self.rng
        acts: list[tuple[Callable[[], None], int]] = [(person.blocks, 40)]
        if self.everyone - {person.member}:  # else nobody could ever help, and it would ring on
            acts.append((person.panics, 200))
        for act, every in acts:
            at = rng.expovariate(1 / (every * 86400))
            while at < self.days * 86400:
                self.loop.call_later(at, act)
                at += rng.expovariate(1 / (every * 86400))
