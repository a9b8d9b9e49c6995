"""CREW: P1, P2, P3 and P17 with four processes on one PostgreSQL database, of which one polls.

Any of them is killed, or stopped for longer than its right lasts and let go on, again and again, while
200 people are escalated and something is published to many. The truth is the fake server's log, in which
each life of each process has a name, and the tables.
"""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import signal
import tempfile
import time
from bisect import bisect
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, nullcontext
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import psycopg2

import bot.engine.outages
from bot.domain.lanes import Lane
from bot.domain.rich import Rich
from tests.proofs.killing import PATIENCE, START, Installation, Kill, Points, a_folder
from tests.proofs.kills import (
    FEW_GROUPS,
    GROUPS,
    STATE,
    Escalations,
    escalated,
    look_at_alarms,
    look_at_answers,
    look_at_incidents,
    seed_people,
)
from tests.proofs.proof import Figures
from tests.support.botapi import BotApi
from tests.support.postgres import Postgres
from tests.support.zygote import Life, Zygote

SPEED = 60.0
"""Simulated seconds in a real one."""
LEASE = 4.0
"""Real seconds."""
NAMES = ("uno", "dos", "tres", "cuatro")
READERS = 300
PUBLISHED = "Denuncia"
_TIMESTAMP = re.compile("timestamp='([^']+)'")


def prepare(_given: dict[str, object]) -> None:
    """In the child: what takes seconds here is no outage of simulated minutes, of which P6 tells."""
    bot.engine.outages.OUTAGE = timedelta(days=1)


class Crew(Installation):
    """Four processes, each with a way of its own to the server in each of its lives."""

    def __init__(
        self, zygote: Zygote, api: BotApi, folder: Path, speed: float, database: str
    ) -> None:
        super().__init__(zygote, api, folder, speed, database)
        self.lives: dict[str, Life] = {}
        self.births: Counter[str] = Counter()
        self.replaced = 0

    @classmethod
    @asynccontextmanager
    async def at_work(
        cls, zygote: Zygote, database: str, api: BotApi | None = None
    ) -> AsyncIterator[Crew]:
        """A new one, and its end; on a server that is there already, or one of its own."""
        with a_folder() as folder:
            own = nullcontext(api) if api is not None else await BotApi.start(folder)
            async with own as server:
                made = cls(zygote, server, folder, SPEED, database)
                await made.begin()
                try:
                    yield made
                finally:
                    for life in made.lives.values():
                        await life.kill()

    def sent_by(self) -> dict[str, list[tuple[float, str]]]:
        """With the life as well: a process that was taken for dead begins another, under a new name."""
        ends = {name: self._replaced(name) for name in NAMES}
        self.replaced = sum(map(len, ends.values()))
        return {
            data: [
                (at, f"{life} after {bisect(ends[life.partition('.')[0]], at)}") for at, life in by
            ]
            for data, by in super().sent_by().items()
        }

    def _replaced(self, name: str) -> list[float]:
        """When this process found out that others took it for dead, by its own word."""
        path = self.folder / f"{name}.log"
        lines = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
        return sorted(
            datetime.fromisoformat(found[1]).timestamp()
            for line in lines
            if "event='worker.replaced'" in line and (found := _TIMESTAMP.search(line))
        )

    def count(self, statement: str, *values: object) -> int:
        """Asked of the server itself: nothing that is counted is sealed, and a copy takes long."""
        with closing(psycopg2.connect(self.database)) as connection:
            cursor = connection.cursor()
            cursor.execute(statement, values)
            number: int = cursor.fetchone()[0]
            return number

    async def starts(
        self, name: str, points: Points | None = None, rng: random.Random | None = None
    ) -> None:
        """One life more of this process, which may die by itself at one of the points."""
        self.births[name] += 1
        path = self.folder / f"{name}.toml"
        by = f"{self.api.url}/as/{name}.{self.births[name]}"
        ours = self.config.read_text("utf-8").replace(self.api.url, by)
        path.write_text(f"{ours}[fence]\nlease = {LEASE}\n", encoding="utf-8")
        armed: dict[str, int] = {}
        others = 0
        if points is not None and rng is not None and rng.random() < 0.3:
            armed, others = points.arms()
        self.lives[name] = await self.zygote.bot(
            path, self.clock, self.folder, worker=True, log=f"{name}.log", armed=armed, others=others,
            prepare="tests.proofs.crew:prepare",
        )  # fmt: skip

    async def one_dies(self, name: str, rng: random.Random) -> None:
        """By SIGKILL; or it stands still for longer than its right lasts, and comes back too late."""
        life = self.lives[name]
        if rng.random() < 0.25:
            life.signal(signal.SIGSTOP)
            await asyncio.sleep(rng.uniform(0.8, 1.6) * LEASE)
            life.signal(signal.SIGCONT)
            await asyncio.sleep(rng.uniform(0.05, 0.3))
        await self.bury(name)

    async def bury(self, name: str) -> None:
        """It is dead now, if it was not before."""
        life = self.lives[name]
        at = time.time()
        await life.kill()
        if life.ended.result() != signal.SIGKILL:
            log = (self.folder / f"{name}.log").read_text("utf-8", "replace")
            raise AssertionError(f"{name} ended by itself: {log[-3000:]}")
        self.kills.append(Kill(at, life.killed_at))


async def crew(full: bool, seed: int) -> Figures:
    """Nothing is lost and nothing comes twice, whoever of the four dies, and more than one works."""
    rng = random.Random(seed)
    found = Escalations(points=Points(rng, each=1), runs=0)
    more: Counter[str] = Counter()
    problems: list[str] = []
    kills = 300 if full else 12
    with postgres() as server:
        async with await Zygote.start() as zygote:
            while found.kills < kills:
                await _one_workload(zygote, server.new_database(), found, rng, kills, more, problems)
    assert found.points is not None
    figures = Figures(
        runs=found.kills,
        lost=len(found.lost) + len(found.unsent),
        duplicated=len(found.twice) + len(found.too_often),
        worst_delay_s=found.worst,
        more={
            "workloads": found.runs,
            "failpoints": len(found.points.deaths),
            "sent_twice": found.sent_twice,
            "hastened": found.hastened,
            **more,
        },
        problems=[
            *problems, *found.problems, *found.lost, *found.twice, *found.unsent, *found.too_often,
        ],
    )  # fmt: skip
    figures.check(found.worst <= PATIENCE, f"an alarm was {found.worst:.0f} s late")
    return figures


async def _one_workload(
    zygote: Zygote,
    database: str,
    found: Escalations,
    rng: random.Random,
    kills: int,
    more: Counter[str],
    problems: list[str],
) -> None:
    points = found.points
    assert points is not None
    async with Crew.at_work(zygote, database) as at:
        coral, chats = await seed_people(at, GROUPS if kills > 50 else FEW_GROUPS)
        readers = [str((await at.api.person(f"Olga {n}")).id) for n in range(READERS)]
        async with at.seeding() as (tx, _):
            await tx.outbox.add_many(
                [(f"d-{reader}", "telegram", reader, "private", None) for reader in readers],
                lane=Lane.BROADCAST, operation="send", purpose="denunciation:0:1",
                body={"text": Rich.of(PUBLISHED).to_json()}, now=START,
            )  # fmt: skip
        found.runs += 1
        await at.begin()
        for name in NAMES:
            await at.starts(name, points, rng)
        written = 0
        enough = asyncio.Event()

        async def chatter() -> None:
            nonlocal written
            while not enough.is_set():
                await coral.writes(STATE)
                written += 1
                await asyncio.sleep(0.2)

        writer = asyncio.create_task(chatter())
        try:
            while found.kills + len(at.kills) < kills and not escalated(at, len(chats)):
                await asyncio.sleep(rng.uniform(0.1, 0.6))
                dead = [name for name, life in at.lives.items() if life.ended.done()]
                for name in dead or [rng.choice(NAMES)]:
                    await (at.bury(name) if name in dead else at.one_dies(name, rng))
                    points.learn(at.lives[name])
                    await at.starts(name, points, rng)
        finally:
            enough.set()
            await writer
        for name in NAMES:  # none that is to die may be left
            await at.bury(name)
            points.learn(at.lives[name])
            await at.starts(name)
        settled = await at.until(
            lambda: at.count("SELECT count(*) FROM inbox") >= written
            and escalated(at, len(chats)),
            PATIENCE,
        )
        if not settled:
            problems.append(f"workload {found.runs}: not at its end after {PATIENCE:.0f} s")
        found.kills += len(at.kills)
        look_at_incidents(at, found, chats)
        look_at_alarms(at, found)
        look_at_answers(at, found, {coral.id: written})
        _look_at_readers(at, found, readers)
        _look_at_work(at, found.runs, more, problems)
        more["taken_for_dead"] += at.replaced


def _look_at_readers(at: Crew, found: Escalations, readers: list[str]) -> None:
    """What was published arrived once with each, or nobody knows and it is said so."""
    copies = Counter(str(m["chat"]) for m in at.api.truth("message") if m["text"] == PUBLISHED)
    states = dict(at.rows("SELECT chat, state FROM outbox WHERE purpose = 'denunciation:0:1'"))
    for reader in readers:
        if copies[reader] > 1:
            found.twice.append(f"workload {found.runs}: published {copies[reader]} times to one")
        elif not copies[reader] and states[reader] != "unknown":
            found.lost.append(f"workload {found.runs}: not published to one: {states[reader]}")


def _look_at_work(at: Crew, run: int, more: Counter[str], problems: list[str]) -> None:
    """Several send, and only one polls at a time."""
    senders = Counter(line["by"].partition(".")[0] for line in at.api.truth("message"))
    for name, sent in senders.items():
        more[f"sent_by_{name}"] += sent
    if len(senders) < len(NAMES) - 1:
        problems.append(f"workload {run}: only {dict(senders)} sent")
    polls = [line["by"] for line in at.api.truth("confirmed")]
    turns = sum(a != b for a, b in pairwise(polls))
    more["turns_at_polling"] += turns
    if turns > len(at.kills) + len(NAMES):
        problems.append(f"workload {run}: {turns} turns at polling with {len(at.kills)} deaths")


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server for as many databases as are needed."""
    folder = Path(tempfile.mkdtemp(prefix="acuerpa-pg-"))
    made = Postgres(folder)
    made.start()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)
