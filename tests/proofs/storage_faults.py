"""P11: a database that cannot be written loses nothing, and the bot goes on when it can.

A small network lives through it on the real process: people are asked and do not answer, one cries
for help and is looked after, a denunciation is published, somebody chatters all the time. Meanwhile

- each single write of each transaction fails, once with each error;
- the disk is full, really; another process holds the database; the bot is killed while it is full;
- a PostgreSQL is stopped and started, and fails to serialise.

The truth is the server's log and the database as it is read without the program.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import time as wall
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.domain.people import Role
from bot.domain.plan import Plan, Recipient, Step, Who
from bot.domain.schedule import EVERY_DAY, Schedule
from handlers.schedules import begin as begin_schedule
from tests.proofs.killing import START, Installation, first_button, microseconds
from tests.proofs.proof import Figures
from tests.support.botapi import TelegramPerson
from tests.support.disks import small_disk
from tests.support.faultpoints import SQLITE
from tests.support.postgres import Postgres
from tests.support.world import ZONE
from tests.support.zygote import Life, Zygote

SPEED = 30.0
"""Simulated seconds in a real one: no fault here lasts ten simulated minutes, that is an outage."""
GRACE, CIRCLE_AFTER = timedelta(minutes=5), timedelta(minutes=2)
STATE = "/estado"
TITLE = "Hostigamiento en la comunidad"
TEXT = "El 23 de noviembre dos camionetas siguieron a una compañera."
READERS = 6
ENOUGH = 180.0
"""Real seconds after the last fault within which everything must have happened."""
LATEST = 20.0
"""Real seconds that an alarm may take: no fault lasts longer than half of it."""
SOON = 8.0
"""The same where only single writes fail: whatever waited for a lease would be later."""
HELD = 6.5
"""Real seconds that somebody else holds the database: longer than SQLite waits for it."""
FIRST_UPDATE = 1000
"""The number of the fake server's first update."""
STATES = ("40001", "40P01", "53100", "57014")
"""Serialisation failure, deadlock, disk full, query cancelled (PostgreSQL's manual, appendix A)."""


# --- the network ----------------------------------------------------------------------------------


@dataclass
class Network:
    """Who is there; `alarms` is for each watched member how many alarms go to which chat."""

    at: Installation
    alarms: dict[int, Counter[int]] = field(default_factory=dict)
    readers: list[int] = field(default_factory=list)
    people: dict[str, TelegramPerson] = field(default_factory=dict)
    members: dict[str, int] = field(default_factory=dict)
    written: int = 0

    @classmethod
    async def make(cls, at: Installation, groups: int) -> Network:
        """Groups whose people are asked at nine, and one in which things happen."""
        made = cls(at)
        async with at.seeding() as (tx, ctx):
            for n in range(groups):
                group = await tx.people.add_group(f"Red {n}", "", "es", ZONE, START)
                berta, near = await at.member(tx, group, "Berta", {Role.RESPONDER})
                _, far = await at.member(tx, group, "Carla", {Role.RESPONDER})
                plan = Plan(
                    (
                        Step(timedelta(0), (Recipient(Who.MEMBER, berta),)),
                        Step(CIRCLE_AFTER, (Recipient(Who.CIRCLE),)),
                    ),
                    repeat=timedelta(hours=24),
                )
                await tx.people.set_plan(plan, group=group)
                for i in range(4):  # fewer than become a digest
                    ana, _ = await at.member(tx, group, f"Ana {i}")
                    rule = Schedule(EVERY_DAY, (wall(9),), ZONE, GRACE)
                    await begin_schedule(ctx, ana, rule)
                    made.alarms[ana] = Counter({near.id: 2, far.id: 1})
            group = await tx.people.add_group("Otra", "Colectivo", "es", ZONE, START)
            for name, roles in {
                "Coral": set(), "Dora": set(), "Elsa": {Role.RESPONDER},
                "Olga": {Role.AUTHOR}, "Rita": {Role.APPROVER},
            }.items():  # fmt: skip
                made.members[name], made.people[name] = await at.member(tx, group, name, roles)
                await tx.people.set_member(made.members[name], subscribed=False)
            for n in range(READERS):
                _, reader = await at.member(tx, group, f"Lina {n}")
                made.readers.append(reader.id)
        await at.begin()
        return made

    @asynccontextmanager
    async def chattering(self) -> AsyncIterator[None]:
        """Coral asks all the time whether she is watched; each time is an update and an answer."""
        enough = asyncio.Event()

        async def chatter() -> None:
            while not enough.is_set():
                await self.people["Coral"].writes(STATE)
                self.written += 1
                await asyncio.sleep(0.25)

        task = asyncio.create_task(chatter())
        try:
            yield
        finally:
            enough.set()
            await task

    async def story(self) -> None:
        """Dora cries for help, Elsa brings it to an end; Olga writes, and Rita lets it be published."""
        dora, elsa, olga, rita = (self.people[n] for n in ("Dora", "Elsa", "Olga", "Rita"))
        await dora.writes("/auxilio")
        await self._sees(dora, "Avisé a tu red")
        await self._sees(elsa, "Dora pide auxilio")
        await elsa.writes("/tomar 1")
        await self._sees(elsa, "Tomaste el incidente")
        await elsa.writes("/novedad 1 Hablé con ella")
        await self._sees(elsa, "Anotado")
        await elsa.writes("/cerrar 1")
        await self._sees(elsa, "¿Cómo termina")
        await elsa.presses("a salvo")
        await self._sees(elsa, "cerrado por Elsa")
        for text, answer in (("/denuncia", "título"), (TITLE, "texto"), (TEXT, TITLE)):
            await olga.writes(text)
            await self._sees(olga, answer)
        await olga.presses("Enviar a revisión")
        await self._sees(rita, TITLE)
        await rita.presses("Aprobar y publicar")
        await self._sees(olga, "publicada. Llegó a")

    async def _sees(self, person: TelegramPerson, words: str) -> None:
        def seen() -> bool:
            return any(
                line["chat"] == person.id and words in line["text"]
                for line in self.at.api.truth("message", "edit")
            )

        assert await self.at.until(seen, ENOUGH), f"{person.name} never saw {words!r}"

    # --- the truth ---

    @property
    def over(self) -> bool:
        """Everyone who was to be missed is, everyone who was to be told was, and nothing waits."""
        [(missed, stored)] = self.at.rows(
            "SELECT (SELECT count(*) FROM incidents WHERE step >= 2),"
            " (SELECT count(*) FROM inbox WHERE state = 'done')"
        )
        return missed >= len(self.alarms) and stored >= self.written and self.at.quiet()

    def not_stored(self) -> list[int]:
        """Updates that were confirmed to the platform and are not in the database."""
        offsets = [line["offset"] for line in self.at.api.truth("confirmed")]
        stored = {int(id) for (id,) in self.at.rows("SELECT event_id FROM inbox")}
        return [id for id in range(FIRST_UPDATE, max(offsets, default=0)) if id not in stored]

    def judge(self, figures: Figures, what: str, latest: float) -> None:
        """Nothing is lost, and nothing came twice, but for what was under way when it was killed."""
        lost, twice = self._incidents()
        more_lost, more_twice, late = self._messages(len(self.at.kills))
        lost += more_lost
        twice += more_twice
        figures.worst_delay_s = max(figures.worst_delay_s or 0.0, late)
        figures.check(late <= latest, f"{what}: an alarm was {late:.0f} s late")
        [(bundled,)] = self.at.rows("SELECT count(*) FROM mass_events")
        figures.check(
            not bundled,
            f"{what}: {bundled} digests in place of alarms: the machine stood still for ten minutes of "
            "this network",
        )
        if missing := self.not_stored():
            lost.append(f"{len(missing)} updates were confirmed and not stored: {missing[:5]}")
        figures.lost += len(lost)
        figures.duplicated += len(twice)
        figures.problems += [f"{what}: {problem}" for problem in (*lost, *twice)]
        figures.runs += 1

    def _incidents(self) -> tuple[list[str], list[str]]:
        lost, twice = [], []
        about = Counter(subject for (subject,) in self.at.rows("SELECT subject_id FROM incidents"))
        for member in (*self.alarms, self.members["Dora"]):
            if about[member] != 1:
                (twice if about[member] else lost).append(f"{about[member]} incidents of {member}")
        opened = Counter(
            id for (id,) in self.at.rows(
                "SELECT incident_id FROM incident_events WHERE event LIKE 'opened_%'"
            )
        )  # fmt: skip
        twice += [f"incident {id} opened {n} times" for id, n in opened.items() if n > 1]
        ends = Counter(
            event for (event,) in self.at.rows(
                "SELECT event FROM incident_events e JOIN incidents i ON i.id = e.incident_id"
                " WHERE i.subject_id = ? AND event IN ('taken', 'news', 'resolved')",
                self.members["Dora"],
            )
        )  # fmt: skip
        for event in ("taken", "news", "resolved"):
            if ends[event] != 1:
                (twice if ends[event] else lost).append(f"Dora's incident: {event} {ends[event]}×")
        return lost, twice

    def _messages(self, kills: int) -> tuple[list[str], list[str], float]:
        """What arrived, by the buttons and words that name it, and how late the latest alarm was."""
        lost, twice, late = [], [], 0.0
        copies = self.at.sent()
        chats: Counter[int] = Counter()
        for line in self.at.api.truth("message"):
            chats[line["chat"]] += TEXT in line["text"]
        wanted: dict[int, Counter[int]] = {}
        again = 0
        newer: dict[tuple[int, str], float] = {}
        for subject, chat, body, created, error in self.at.rows(
            "SELECT i.subject_id, o.chat, o.body, o.created_at, o.error FROM outbox o"
            " JOIN incidents i ON o.purpose = 'incident:' || i.id || ':alarm'"
            " WHERE o.operation = 'send' ORDER BY o.seq DESC"
        ):
            arrived = copies.get(first_button(body), [])
            if error == "withdrawn" and not arrived and (subject, chat) in newer:
                arrived = [newer[subject, chat]]  # a newer one took its place
            if arrived:
                newer[subject, chat] = arrived[0]
                late = max(late, arrived[0] - self.at.clock.real_at(microseconds(created)))
            else:
                lost.append(f"an alarm about {subject} never arrived")
            again += max(0, len(arrived) - 1)
            wanted.setdefault(subject, Counter())[int(chat)] += 1
        for subject, alarms in self.alarms.items():
            there = wanted.get(subject, Counter())
            lost += [f"no alarm about {subject}"] * (alarms - there).total()
            twice += [f"an alarm too many about {subject}"] * (there - alarms).total()
        unknown = {
            int(chat) for (chat,) in self.at.rows("SELECT chat FROM outbox WHERE state = 'unknown'")
        }
        for reader in self.readers:
            if kills and not chats[reader] and reader in unknown:
                continue  # killed between the mark and the platform: that is what the report says
            if chats[reader] != 1:
                (twice if chats[reader] else lost).append(f"a reader has {chats[reader]} copies")
        coral = self.people["Coral"].id
        [(stored, answered)] = self.at.rows(
            "SELECT (SELECT count(*) FROM inbox WHERE state = 'done' AND chat = ?),"
            " (SELECT count(*) FROM outbox WHERE purpose = '' AND chat = ?)", str(coral), str(coral)
        )  # fmt: skip
        for what, n in (("stored", stored), ("answered", answered)):
            if n != self.written:
                (twice if n > self.written else lost).append(f"{what} {n} of {self.written}")
        if again > 8 * kills:
            twice.append(f"{again} alarms came again at {kills} kills")
        return lost, twice, late


async def _live_through(
    network: Network, figures: Figures, what: str, faults: Callable[[], Coroutine[Any, Any, None]],
    latest: float = LATEST,
) -> None:  # fmt: skip
    """The story, while `faults` happen; then quiet, and the judgement."""
    async with network.chattering():
        async with asyncio.TaskGroup() as both:
            both.create_task(network.story())
            both.create_task(faults())
        await network.at.until(
            lambda: network.at.count("SELECT count(*) FROM incidents") > len(network.alarms),
            ENOUGH,
        )
    figures.check(
        await network.at.until(lambda: network.over, ENOUGH), f"{what}: not everything was done"
    )
    network.judge(figures, what, latest)


# --- each write -----------------------------------------------------------------------------------


NETWORKS = 24
"""At the most. The first start of each has twenty-six writes in one transaction, of which ten fail."""

SELDOM = (
    "acting.", "audit.", "outages._moved", "outages._away", "outbox.recover_expired", "erasing.",
    "due._alone", "worker._alone", "together.do", "outbox._message",
    "due._carry_out[denunciation]",  # more than once only if six readers are served slowly
)  # fmt: skip
"""Transactions that this network reaches by accident: they may fail, but none is waited for."""


@dataclass
class Writes:
    """Every write that was reached, and how often it failed."""

    errors: tuple[str, ...]
    reached: dict[str, set[int]] = field(default_factory=dict)
    """In which networks each was."""
    failed: Counter[str] = field(default_factory=Counter)
    networks: int = 0

    def learn(self, life: Life) -> None:
        """What one life of the network before us wrote down."""
        for line in life.points:
            point, _, error = line.rpartition(" ")
            if error in self.errors:
                self.failed[point] += 1
            else:
                self.reached.setdefault(line, set()).add(self.networks)

    @property
    def ours(self) -> list[str]:
        """Those that are waited for: one that hardly a network reaches was reached by accident."""
        least = min(self.networks, len(self.errors))
        return sorted(
            p for p, where in self.reached.items()
            if len(where) >= least and not p.startswith(SELDOM)
        )  # fmt: skip

    @property
    def left(self) -> list[str]:
        """Those that have not yet failed with every error."""
        return [p for p in self.ours if self.failed[p] < len(self.errors)]


async def _each_write(
    zygote: Zygote, figures: Figures, rng: random.Random, errors: tuple[str, ...], *, full: bool,
    database: Callable[[], str] = str,
) -> None:  # fmt: skip
    """Every write fails once with each error, over as many lives, and networks, as it takes."""
    writes = Writes(errors)
    where = "sqlite"
    for _ in range(NETWORKS if full else 1):
        address = database()
        where = "postgresql" if address else "sqlite"
        writes.networks += 1
        async with Installation.open(zygote, SPEED, address) as at:
            await _each_write_of(at, figures, writes, rng, f"{where}, each write", full=full)
        if not writes.left:
            break
    figures.more[f"{where}_writes"] = len(writes.ours)
    figures.more[f"{where}_failures"] = writes.failed.total()
    figures.more[f"{where}_left"] = len(writes.left)
    figures.check(
        len(writes.left) <= (0 if full else len(writes.ours) / 2),
        f"{where}: never failed at {writes.left}",
    )
    for point in ("receiver._once.2:", "worker._apply:", "due._carry_out[checkin]:",
                  "outbox._write_down[alarm]:", "outbox._write_down[broadcast]:"):  # fmt: skip
        hits = sum(n for p, n in writes.failed.items() if p.startswith(point))
        figures.check(hits > 0, f"{where}: nothing failed in {point}")


async def _each_write_of(
    at: Installation, figures: Figures, writes: Writes, rng: random.Random, what: str, *, full: bool
) -> None:
    network = await Network.make(at, 5)

    async def begin() -> Life:
        return await at.live(
            faults={
                "errors": writes.errors, "failed": writes.failed, "chance": 0.04,
                "in_a_row": 10 if full else 3, "seed": rng.random(),
            }
        )  # fmt: skip

    async def faults() -> None:
        # Each life has its start, which is a part of the way too.
        for _ in range(2 if full else 1):
            life = await begin()
            await at.kill_after(life, 3.0)
            writes.learn(life)
        lives.append(await begin())

    lives: list[Life] = []
    await _live_through(network, figures, what, faults, SOON)
    figures.check(not lives[0].ended.done(), f"{what}: the bot ended by itself")
    writes.learn(lives[0])


# --- a disk that is full, a database that is held -------------------------------------------------


@asynccontextmanager
async def _held(database: str) -> AsyncIterator[None]:
    """Another process has it for itself."""
    program = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)\n"
        "c.execute('BEGIN EXCLUSIVE')\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, database,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert await process.stdout.readline(), "nobody could hold the database"
        yield
    finally:
        process.stdin.close()
        await process.wait()


async def _full_and_held(
    zygote: Zygote, figures: Figures, rng: random.Random, *, full: bool, mounted: bool
) -> None:
    """The disk fills up and is tidied, again and again; in between somebody holds the database."""
    with small_disk(mounted=mounted) as disk:
        database = str(disk.folder / "acuerpa.db")
        async with Installation.open(zygote, SPEED, database) as at:
            at.log_file = disk.folder / "bot.log"  # as it would be
            network = await Network.make(at, 10 if full else 4)
            seen: Counter[str] = Counter()

            async def faults() -> None:
                life = await at.live()
                for turn in range(12 if full else 2):
                    await asyncio.sleep(rng.uniform(0.2, 2.5))
                    disk.fill(life.pid)
                    await asyncio.sleep(rng.uniform(1.0, 3.0))
                    figures.check(
                        not life.ended.done(), f"{disk.kind}: the bot ended when the disk was full"
                    )
                    if missing := network.not_stored():
                        figures.problems.append(f"{disk.kind}: confirmed, not stored: {missing}")
                    if turn % 2:
                        await at.kill_after(life, 0)
                        disk.free(0) if disk.kind == "tmpfs" else None
                        life = await at.live()
                    else:
                        disk.free(life.pid)
                    if turn % 3 == 0:
                        await asyncio.sleep(rng.uniform(0.1, 1.0))
                        async with _held(database):
                            await asyncio.sleep(HELD)
                            if missing := network.not_stored():
                                figures.problems.append(f"held: confirmed, not stored: {missing}")

            await _live_through(network, figures, disk.kind, faults)
            for word in ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY"):
                seen[word] = at.log_file.read_text("utf-8", "replace").count(word)
            figures.more[f"{disk.kind}_errors"] = dict(seen)
            figures.check(
                seen["SQLITE_FULL"] + seen["SQLITE_IOERR"] > 0, f"{disk.kind}: it never was full"
            )
            figures.check(seen["SQLITE_BUSY"] > 0, f"{disk.kind}: it never was held")


# --- PostgreSQL -----------------------------------------------------------------------------------


async def _postgres(zygote: Zygote, figures: Figures, rng: random.Random, *, full: bool) -> None:
    """The server is gone for a while, again and again; then it fails each write."""
    with TemporaryDirectory(prefix="acuerpa-postgres-") as folder:
        server = await asyncio.to_thread(Postgres, Path(folder))
        await asyncio.to_thread(server.start)
        try:
            async with Installation.open(zygote, SPEED, server.url) as at:
                network = await Network.make(at, 10 if full else 4)

                async def faults() -> None:
                    life = await at.live()
                    for _ in range(10 if full else 2):
                        await asyncio.sleep(rng.uniform(0.5, 2.0))
                        await asyncio.to_thread(server.stop)
                        await asyncio.sleep(rng.uniform(0.2, 3.0))
                        await asyncio.to_thread(server.start)
                        figures.check(not life.ended.done(), "postgresql: the bot ended")

                await _live_through(network, figures, "postgresql", faults)
            if full:
                await _each_write(
                    zygote, figures, rng, STATES, full=True, database=server.new_database
                )
        finally:
            await asyncio.to_thread(server.stop)


PARTS = ("each write", "disk", "postgresql")


async def p11(full: bool, seed: int, parts: Sequence[str] = PARTS) -> Figures:
    """All of it."""
    rng = random.Random(seed)
    figures = Figures()
    began = time.monotonic()
    async with await Zygote.start() as zygote:
        if "each write" in parts:
            errors = tuple(SQLITE)[: 3 if full else 2]
            await _each_write(zygote, figures, rng, errors, full=full)
        if "disk" in parts:
            for mounted in (True, False) if full else (True,):
                await _full_and_held(zygote, figures, rng, full=full, mounted=mounted)
        if "postgresql" in parts:
            await _postgres(zygote, figures, rng, full=full)
    figures.more["took_s"] = round(time.monotonic() - began)
    return figures
