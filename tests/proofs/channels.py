"""P9: failing to reach somebody is itself escalated.

Every way in which a platform can fail, at every step of a plan, for one of its people or for all,
with and without another account, told one by one or in a digest; and the same for the question of a
check-in. The table of cases is made of these lists; the truth is what the fake server and the town
have, at simulated times.

The people under test are on a Bot API server, over real HTTP; everyone else is in the sandbox's town.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from datetime import time as wall
from enum import StrEnum
from itertools import count, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa

from bot.domain.incident import Incident
from bot.domain.people import Role
from bot.domain.plan import Plan, Recipient, Step, Who
from bot.domain.schedule import EVERY_DAY, Schedule
from bot.engine.engine import Engine
from bot.engine.stepping import SteppedClock, Stepper
from bot.platforms.base import Operation, Outgoing, Receipt, Result
from bot.platforms.sandbox.platform import SandboxPlatform
from bot.platforms.sandbox.town import Town, private_chat
from bot.platforms.telegram import platform as telegram
from bot.platforms.telegram.platform import TelegramPlatform
from handlers.context import Context
from handlers.router import Router
from handlers.schedules import begin as begin_schedule
from handlers.settings import Settings
from storage.database import Database
from storage.keys import KeyInMemory
from storage.outbox import SENT, WAITING
from storage.tables import outbox
from tests.proofs.proof import Figures
from tests.proofs.unheard import unheard
from tests.support.agreed import agreed_by_all
from tests.support.botapi import BotApi, TelegramPerson
from tests.support.gate import Gate

START = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)
ZONE = "UTC"
MINUTE = timedelta(minutes=1)
STEPS = 3
GAP = MINUTE
"""Between two steps: nobody may wait for it when a step's people cannot be reached."""
ASKED = START + MINUTE
GRACE = 5 * MINUTE
CRY = MISSED = ASKED + GRACE
MANY = 7
"""People of one group who miss at once, and become one digest."""
GATHER = timedelta(seconds=30)
END = CRY + STEPS * GAP + timedelta(seconds=20)
TAIL = 6 * MINUTE
"""Longer than the longest pause that a server asks for here."""
SLACK = timedelta(seconds=2)
READ_TIMEOUT = 0.3
"""Real seconds; the program's own is twenty."""
FOR_EVER = 1_000_000

AT_ONCE = 1.0
SOON = 10.0
"""Four attempts with their pauses are seven seconds."""


@dataclass(frozen=True)
class Trouble:
    """One way to fail. `bound` is within how many simulated seconds nobody waits any more.

    `arrives`: it is no failure in the end, and the plan must not be hastened. `whole`: it is of the
    whole platform, and not of one chat.
    """

    name: str
    fault: str = ""
    after: bool = False
    retry_after: int = 1
    times: int = FOR_EVER
    bound: float = SOON
    arrives: bool = False
    whole: bool = False

    @property
    def closed(self) -> bool:
        """Whether it says that this account is lost: the coordinators must hear of it."""
        return self.fault in ("blocked", "not found")


TROUBLES = (
    Trouble("blocked 403", "blocked", bound=AT_ONCE),
    Trouble("chat not found 400", "not found", bound=AT_ONCE),
    Trouble("content rejected 400", "rejected", bound=AT_ONCE),
    Trouble("content rejected once", "rejected", times=1, arrives=True),
    Trouble("too many requests, 344 s", "429", retry_after=344, bound=AT_ONCE),
    Trouble("too many requests, 5 s for ever", "429", retry_after=5, bound=20.0),
    Trouble("too many requests once", "429", retry_after=3, times=1, arrives=True),
    Trouble("migrated", "migrated", times=1, arrives=True),
    Trouble("migrated for ever", "migrated"),
    Trouble("server error 500", "500"),
    Trouble("server error 500 twice", "500", times=2, arrives=True),
    Trouble("bad gateway 502", "502"),
    Trouble("read time-out before delivery", "timeout"),
    Trouble("read time-out after delivery", "timeout", after=True),
    Trouble("an answer byte by byte", "trickle"),
    Trouble("reset before delivery", "reset"),
    Trouble("reset after delivery", "reset", after=True),
    Trouble("garbage answer before delivery", "garbage"),
    Trouble("garbage answer after delivery", "garbage", after=True),
    Trouble("connection refused", "refused", whole=True),
    Trouble("token revoked", "revoked", whole=True, bound=AT_ONCE),
)

class Shape(StrEnum):
    """Whom the trouble meets."""

    ONE = "one of the step"
    ALL = "all of the step"
    ACCOUNT = "one of two accounts"
    DIGEST = "the readers of a digest"
    QUESTION = "a question"
    QUESTION_ACCOUNT = "a question on one of two accounts"


STEPPED = (Shape.ONE, Shape.ALL, Shape.ACCOUNT)
"""What is tried at every step of a plan."""


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    trouble: Trouble
    shape: Shape
    step: int = 0

    @property
    def asked(self) -> bool:
        """Whether it is about the question of a check-in."""
        return self.shape in (Shape.QUESTION, Shape.QUESTION_ACCOUNT)

    @property
    def arrives(self) -> bool:
        """Whether what the trouble meets arrives all the same. A question has no plainer words."""
        return self.trouble.arrives and not (self.asked and self.trouble.fault == "rejected")

    def __str__(self) -> str:
        return f"{self.trouble.name}, {self.shape}, step {self.step + 1}"


def table() -> list[Case]:
    """Every trouble at every step, in every shape that has steps, and once in those that have none."""
    single = [shape for shape in Shape if shape not in STEPPED]
    return [
        *(Case(t, shape, step) for t, shape, step in product(TROUBLES, STEPPED, range(STEPS))),
        *(Case(t, shape) for t, shape in product(TROUBLES, single)),
    ]


# --- the stage ------------------------------------------------------------------------------------


@dataclass
class Person:
    """A member; `key` is an account in the town, `telegram` one on the server, in these `chats`."""

    id: int
    key: str = ""
    telegram: TelegramPerson | None = None
    chats: list[int] = field(default_factory=list)


@dataclass
class Scene:
    """One case as it is played."""

    case: Case
    group: int
    missing: list[Person]
    steps: list[list[Person]]
    coordinator: Person
    victims: list[Person]


class _Recorded(TelegramPlatform):
    """Counts for each chat the attempts to send of which it did not learn the end."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.unknown: Counter[int] = Counter()

    async def send(self, message: Outgoing) -> Receipt:
        """Try once."""
        receipt = await super().send(message)
        if receipt.result is Result.AMBIGUOUS and message.operation is Operation.SEND:
            self.unknown[int(message.chat)] += 1
        return receipt


class Stage:
    """One bot over a Bot API server and a town."""

    def __init__(
        self, api: BotApi, bot: _Recorded, gate: Gate, database: Database, clock: SteppedClock,
        engine: Engine, town: Town, settings: Settings,
    ) -> None:  # fmt: skip
        self.api = api
        self.bot = bot
        self.gate = gate
        self.database = database
        self.clock = clock
        self.engine = engine
        self.town = town
        self.settings = settings
        self._numbers = count()

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Stage]:
        """Everything started, nobody there but the operator."""
        memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
        with TemporaryDirectory(prefix="acuerpa-channels-", dir=memory) as folder:
            async with (
                await BotApi.start(Path(folder)) as api,
                await Gate.to(api.port) as gate,
            ):
                clock = SteppedClock(START)
                town = Town(clock.now)
                town.person("operadora", "Operadora", role="", language="es")
                tokens = count()
                settings = Settings(
                    language="es",
                    zone=ZONE,
                    token=lambda: f"token-{next(tokens):016d}",
                    operators=frozenset({"sandbox:@operadora"}),
                    links=dict.fromkeys(("sandbox", "telegram"), lambda secret: None),
                )
                database = Database(str(Path(folder) / "acuerpa.db"), KeyInMemory())
                await database.open()
                bot = _Recorded(
                    token=api.token, base_url=gate.url, now=clock.now,
                    connect_timeout=READ_TIMEOUT, read_timeout=READ_TIMEOUT,
                )  # fmt: skip
                bot.limits = replace(bot.limits, per_second=10_000, per_chat=10_000)
                platforms = [bot, SandboxPlatform(town)]
                engine = Engine(database, platforms, Router(settings), clock)
                try:
                    with patch.object(telegram, "_TRICKLE", READ_TIMEOUT / 3):
                        await engine.start()
                        yield cls(api, bot, gate, database, clock, engine, town, settings)
                finally:
                    for platform in platforms:
                        await platform.stop()
                    await database.close()

    async def until(self, at: datetime) -> None:
        """Time passes."""
        await Stepper(self.engine, self.database, self.clock).until(at)

    # --- making ---

    async def scene(self, case: Case) -> Scene:
        """A group for this case, and the trouble in front of those whom it is to meet."""
        async with self.database.transaction() as tx:
            ctx = Context(tx, self.clock.now(), self.settings)
            group = await tx.people.add_group(str(case), "", "es", ZONE, START)
            coordinator = await self._person(ctx, group, "Coral", {Role.COORDINATOR}, both=False)
            steps = []
            victims: list[Person] = []
            for n in range(STEPS):
                people = []
                for name in ("Berta", "Carla"):
                    met = n == case.step and (
                        case.shape in (Shape.ALL, Shape.ACCOUNT, Shape.DIGEST)
                        or (case.shape is Shape.ONE and name == "Berta")
                    )
                    person = await self._person(
                        ctx, group, f"{name} {n}", {Role.RESPONDER},
                        both=case.shape is Shape.ACCOUNT and met, telegram=met,
                    )  # fmt: skip
                    people.append(person)
                    victims += [person] * met
                steps.append(people)
            missing = []
            for n in range(MANY if case.shape is Shape.DIGEST else 1):
                ana = await self._person(
                    ctx, group, f"Ana {n}", (), telegram=case.asked,
                    both=case.shape is Shape.QUESTION_ACCOUNT,
                )  # fmt: skip
                victims += [ana] * case.asked
                missing.append(ana)
                if case.shape not in STEPPED:
                    at = wall(ASKED.hour, ASKED.minute)
                    await begin_schedule(ctx, ana.id, Schedule(EVERY_DAY, (at,), ZONE, GRACE))
            plan = Plan(
                tuple(
                    Step(n * GAP, tuple(Recipient(Who.MEMBER, person.id) for person in people))
                    for n, people in enumerate(steps)
                ),
                repeat=timedelta(hours=24),
            )
            await agreed_by_all(tx, group, plan, self.clock.now())
        for victim in victims:
            await self._trouble(case.trouble, victim)
        return Scene(case, group, missing, steps, coordinator, victims)

    async def _person(
        self, ctx: Context, group: int, name: str, roles: Collection[Role],
        *, both: bool, telegram: bool = False,
    ) -> Person:  # fmt: skip
        now = self.clock.now()
        id = await ctx.tx.people.add_member(group, name, "es", ZONE, roles, now)
        person = Person(id)
        if both or not telegram:
            person.key = f"p{next(self._numbers)}"
            self.town.person(person.key, name, role="", language="es")
            chat = private_chat(person.key)
            await ctx.tx.people.add_account(id, "sandbox", person.key, chat, now - MINUTE)
        if telegram:
            there = person.telegram = await self.api.person(name, language="es")
            person.chats.append(there.id)
            await ctx.tx.people.add_account(id, "telegram", str(there.id), str(there.id), now)
        return person

    async def _trouble(self, trouble: Trouble, victim: Person) -> None:
        if trouble.whole or victim.telegram is None:
            return
        new = await self.api.chat("Nuevo") if trouble.fault == "migrated" else None
        await self.api.fault(
            trouble.fault, method="sendMessage", chat=victim.telegram.id, times=trouble.times,
            after=trouble.after, retry_after=trouble.retry_after, new_chat=new.id if new else 0,
        )  # fmt: skip
        if new is not None:
            victim.chats.append(new.id)
        if new is not None and trouble.times == FOR_EVER:  # and back again
            await self.api.fault(
                "migrated", method="sendMessage", chat=new.id, times=FOR_EVER,
                new_chat=victim.telegram.id,
            )  # fmt: skip

    async def whole(self, trouble: Trouble, *, on: bool) -> None:
        """A trouble of the whole platform begins or ends."""
        if trouble.fault == "revoked":
            await self.api.revoke(on)
        elif on:
            await self.gate.shut()
        else:
            await self.gate.open()

    # --- the truth ---

    def heard(self, person: Person, words: str) -> list[datetime]:
        """When the bot said something with these words to somebody in the town."""
        if not person.key:
            return []
        return [m.at for m in self.town.sees(person.key) if words in m.plain]

    def copies(self) -> Counter[int]:
        """How many messages each chat of the server has."""
        return Counter(line["chat"] for line in self.api.truth("message"))


# --- playing and judging --------------------------------------------------------------------------


@dataclass
class Found:
    """What the database says of a case, beside what people heard."""

    incidents: list[Incident]
    unreachable: Counter[int]
    rows: Sequence[Any]
    aside: set[str]


async def _play(cases: Sequence[Case], figures: Figures) -> None:
    """All of them at once, over one bot; then the troubles end."""
    whole = {case.trouble for case in cases if case.trouble.whole}
    async with Stage.open() as stage:
        scenes = [await stage.scene(case) for case in cases]
        for trouble in whole:
            await stage.whole(trouble, on=True)
        await stage.until(ASKED + MINUTE)
        for scene in scenes:
            if scene.case.shape is Shape.QUESTION_ACCOUNT:
                await _answers(stage, scene)
        await stage.until(CRY)
        for scene in scenes:
            if scene.case.shape in STEPPED:
                stage.town.writes(scene.missing[0].key, "/auxilio")
        await stage.until(END)
        for scene in scenes:
            await _judge(stage, scene, figures)
        await stage.api.control("clear_faults")
        for trouble in whole:
            await stage.whole(trouble, on=False)
        await stage.until(END + TAIL)
        copies, unknown = stage.copies(), stage.bot.unknown
        for scene in scenes:
            await _judge_the_end(stage, scene, figures, copies, unknown)
        figures.check(
            bool(stage.heard(Person(0, "operadora"), "rechazó un mensaje"))
            == any(case.trouble.fault == "rejected" for case in cases),
            "the operator did not hear of what was rejected, or heard of nothing",
        )


async def _answers(stage: Stage, scene: Scene) -> None:
    """Ana answers where she was asked."""
    ana = scene.missing[0]
    if not scene.case.arrives:
        stage.town.writes(ana.key, "bien")
    elif ana.telegram is not None:
        await ana.telegram.writes("bien")


async def _found(stage: Stage, scene: Scene) -> Found:
    async with stage.database.transaction() as tx:
        about = [await tx.incidents.open_about(ana.id) for ana in scene.missing]
        incidents = [incident for incident in about if incident is not None]
        unreachable: Counter[int] = Counter()
        for incident in incidents:
            for event in await tx.incidents.timeline(incident.id):
                if event.event == "unreachable" and event.actor is not None:
                    unreachable[event.actor] += 1
        chats = {str(chat) for victim in scene.victims for chat in victim.chats}
        sends = await tx.rows.all(
            sa.select(outbox.c.seq, outbox.c.chat, outbox.c.state).where(
                outbox.c.platform == "telegram", outbox.c.operation == "send"
            )
        )
        rows = [row for row in sends if row.chat in chats]
        aside = {row.chat for row in await tx.outbox.aside()} & chats
    return Found(incidents, unreachable, rows, aside)


async def _judge(stage: Stage, scene: Scene, figures: Figures) -> None:
    """While the trouble lasts."""
    case = scene.case
    figures.runs += 1
    before = len(figures.problems)
    found = await _found(stage, scene)
    match case.shape:
        case Shape.DIGEST:
            _judge_digest(stage, scene, figures)
        case Shape.QUESTION_ACCOUNT:
            _judge_failover_of_a_question(stage, scene, figures, found)
        case _:
            _judge_plan(stage, scene, figures)
    figures.lost += len(figures.problems) > before
    lost = case.shape in (Shape.ONE, Shape.ALL, Shape.DIGEST) and not case.arrives
    wanted = {victim.id: len(scene.missing) * lost for victim in scene.victims}
    if case.asked:
        wanted = {}
    figures.check(
        found.unreachable == Counter({m: n for m, n in wanted.items() if n}),
        f"{case}: the timeline says unreachable of {dict(found.unreachable)}, not of {wanted}",
    )
    contacts = stage.heard(scene.coordinator, "Ya no puedo escribirle")
    figures.check(
        len(contacts) == len(scene.victims) * case.trouble.closed,
        f"{case}: the coordinator heard of {len(contacts)} lost contacts",
    )
    rejected = case.trouble.fault == "rejected"
    figures.check(
        bool(found.aside) == (rejected or case.trouble.closed),
        f"{case}: set aside are messages to {found.aside}",
    )


def _judge_plan(stage: Stage, scene: Scene, figures: Figures) -> None:
    """Each step at its time, and at once or soon after one whose people cannot be reached."""
    case = scene.case
    at = MISSED if case.asked else CRY
    dead = case.step if case.shape is Shape.ALL and not case.arrives else None
    bound = timedelta(0)
    for step, people in enumerate(scene.steps):
        if step == dead:
            bound = timedelta(seconds=case.trouble.bound)
            continue
        times = [
            t[0] for person in people if person.key and (t := stage.heard(person, "Incidente #1"))
        ]
        there = [person for person in people if person.key]
        if len(times) < len(there):
            figures.problems.append(f"{case}: of step {step + 1} heard {len(times)}")
            return
        for time in times:
            late = (time - at).total_seconds()
            figures.check(
                0 <= late <= (bound + SLACK).total_seconds(),
                f"{case}: step {step + 1} was told {late:.0f} s off",
            )
            if bound:
                figures.worst_delay_s = max(figures.worst_delay_s or 0.0, late)
        bound = timedelta(0)
        at = max(times, default=at) + GAP
    ended = stage.heard(scene.coordinator, "El plan terminó")
    figures.check(
        bool(ended) == (dead == STEPS - 1), f"{case}: the coordinator heard the plan end at {ended}"
    )
    if ended:
        late = (ended[0] - at).total_seconds()
        figures.check(0 <= late <= case.trouble.bound + 1, f"{case}: loud {late:.0f} s late")
        figures.worst_delay_s = max(figures.worst_delay_s or 0.0, late)
    if case.shape is Shape.QUESTION:
        text = "no respondió" if case.arrives else "No se pudo hacer llegar"
        figures.check(
            bool(stage.heard(scene.steps[0][0], text)), f"{case}: the alarm does not say {text!r}"
        )


def _judge_digest(stage: Stage, scene: Scene, figures: Figures) -> None:
    case = scene.case
    if case.arrives:
        early, late = MISSED + GAP, MISSED + GAP + GATHER + SLACK
    else:
        early = MISSED
        late = MISSED + 2 * GATHER + timedelta(seconds=case.trouble.bound) + SLACK
    for person in scene.steps[1]:
        heard = stage.heard(person, "no respondieron")
        figures.check(
            bool(heard) and early <= heard[0] <= late,
            f"{case}: the next step heard of it at {heard[:1]}, wanted by {late}",
        )


def _judge_failover_of_a_question(
    stage: Stage, scene: Scene, figures: Figures, found: Found
) -> None:
    case, ana = scene.case, scene.missing[0]
    heard = stage.heard(ana, "¿Estás bien?")
    figures.check(not found.incidents, f"{case}: there is an incident about somebody who answered")
    if case.arrives:
        figures.check(not heard, f"{case}: asked on both accounts")
        return
    figures.check(len(heard) == 1, f"{case}: asked {len(heard)} times on the other account")
    if heard:
        late = (heard[0] - ASKED).total_seconds()
        figures.check(late <= case.trouble.bound + 1, f"{case}: asked {late:.0f} s late")
        figures.worst_delay_s = max(figures.worst_delay_s or 0.0, late)


async def _judge_the_end(
    stage: Stage, scene: Scene, figures: Figures, copies: Counter[int], unknown: Counter[int]
) -> None:
    """The trouble is over: what waited has left once, and nothing came twice beyond the rule."""
    case = scene.case
    found = await _found(stage, scene)
    waiting = [row.seq for row in found.rows if row.state in WAITING]
    figures.check(not waiting, f"{case}: rows {waiting} still wait")
    for victim in scene.victims:
        there = sum(copies[chat] for chat in victim.chats)
        doubt = sum(unknown[chat] for chat in victim.chats)
        mine = {str(chat) for chat in victim.chats}
        sent = sum(row.state == SENT and row.chat in mine for row in found.rows)
        if not sent <= there <= sent + doubt:
            figures.duplicated += 1
            figures.problems.append(
                f"{case}: {there} copies of {sent} messages, with {doubt} unknown ends"
            )
        elif case.trouble.after:
            figures.more["copies"] = int(str(figures.more.get("copies", 0))) + there - sent
        for_good = case.trouble.closed or (case.trouble.fault == "rejected" and not case.arrives)
        late = case.asked and not case.arrives  # a question that is too late is not asked
        figures.check(
            bool(sent) != (for_good or late),
            f"{case}: {sent} messages were sent in the end to somebody under trouble",
        )


async def p9(full: bool, seed: int) -> Figures:
    """The whole table; in small, a few lines of each trouble and each shape."""
    rng = random.Random(seed)
    cases = table()
    if not full:
        cases = _few(cases, rng)
    figures = Figures(worst_delay_s=0.0)
    parts = [[c for c in cases if not c.trouble.whole]]
    parts += [[c for c in cases if c.trouble == t] for t in TROUBLES if t.whole]
    for part in parts:
        await _play(part, figures)
    figures.more["troubles"] = len({case.trouble for case in cases})
    await unheard(full, figures)
    return figures


def _few(cases: list[Case], rng: random.Random) -> list[Case]:
    """Each trouble for all of a step, and every second one in another shape, at any step."""
    others = [shape for shape in Shape if shape is not Shape.ALL]
    chosen = []
    for n, trouble in enumerate(TROUBLES):
        for shape in (Shape.ALL, *([others[n // 2 % len(others)]] if n % 2 else [])):
            lines = [c for c in cases if c.trouble == trouble and c.shape is shape]
            chosen.append(rng.choice(lines))
    return list(dict.fromkeys(chosen))
