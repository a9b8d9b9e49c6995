"""P1, P2, P3 and P17: the bot is killed, by chance and at every place that commits.

The truth is the fake server's log and the database as `sqlite3` reads it.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import time as wall
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from bot.domain.people import Role
from bot.domain.plan import Plan, Recipient, Step, Who
from bot.domain.schedule import EVERY_DAY, Schedule
from handlers.schedules import begin as begin_schedule
from storage.database import Database
from storage.keys import KeyInMemory
from tests.proofs.killing import (
    PATIENCE,
    START,
    Installation,
    Points,
    first_button,
    microseconds,
)
from tests.proofs.proof import Figures
from tests.support.botapi import TelegramPerson
from tests.support.world import ZONE
from tests.support.zygote import Zygote

SPEED = 60.0
"""Simulated seconds in a real one."""
BEAT = 0.25
"""Seconds from the start of a bot to its first sign of life on a quick machine."""
GROUPS, WATCHED = 50, 4
"""Below the six misses of one group that become one digest."""
FEW_GROUPS = 10
"""Where only points are left that the large workloads did not come to."""
GRACE = CIRCLE_AFTER = timedelta(minutes=5)
MINUTES = 4
"""Over which the questions are spread: what is due at one instant is one transaction, and may be over
before any kill."""
STATE = "/estado"
"""What people write where it matters only that it is answered, by one message."""


# --- P1 and P2 ------------------------------------------------------------------------------------


@dataclass
class Escalations:
    """What all runs of the workload gave."""

    runs: int = 0
    kills: int = 0
    by_chance: int = 0
    points: Points | None = None
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)
    sent_twice: int = 0
    hastened: int = 0
    too_often: list[str] = field(default_factory=list)
    worst: float = 0.0
    problems: list[str] = field(default_factory=list)


_DONE: dict[tuple[bool, int], Escalations] = {}
"""P1 and P2 are two looks at the same runs."""


async def p1(full: bool, seed: int) -> Figures:
    """Each member exactly one incident, and each incident exactly its alarms."""
    found = await _escalations(full, seed)
    assert found.points is not None
    deaths = found.points.deaths
    figures = Figures(
        runs=found.kills,
        lost=len(found.lost),
        duplicated=len(found.twice),
        more={
            "by_chance": found.by_chance,
            "failpoints": len(deaths),
            "least_deaths_at_one": min(deaths.values(), default=0),
            "workloads": found.runs,
            "hastened": found.hastened,
        },
        problems=[*found.problems, *found.lost, *found.twice],
    )
    figures.check(not found.points.left, f"never killed often enough at {found.points.left}")
    # The path must really have been walked: without these names the proof would prove nothing.
    for point in (
        "due._as_one[schedule]", "due._as_one[checkin]", "due._as_one[incident]", "outbox._start_some",
        "outbox._write_down[alarm]", "send[alarm]", "outbox.recover", "worker._as_one",
    ):  # fmt: skip
        figures.check(any(p.startswith(point) for p in deaths), f"{point} was never reached")
    return figures


async def p2(full: bool, seed: int) -> Figures:
    """Each alarm left within `PATIENCE`, and twice only where a kill came in between."""
    found = await _escalations(full, seed)
    figures = Figures(
        runs=found.kills,
        lost=len(found.unsent),
        duplicated=len(found.too_often),
        worst_delay_s=found.worst,
        more={"sent_twice": found.sent_twice},
        problems=[*found.problems, *found.unsent, *found.too_often],
    )
    figures.check(found.worst <= PATIENCE, f"an alarm was {found.worst:.0f} s late")
    return figures


async def _escalations(full: bool, seed: int) -> Escalations:
    key = (full, seed)
    if key not in _DONE:
        rng = random.Random(seed)
        found = Escalations(points=Points(rng, each=20 if full else 1))
        async with await Zygote.start() as zygote:
            await _all_escalations(zygote, found, rng, by_chance=1000 if full else 60, full=full)
        _DONE[key] = found
    return _DONE[key]


async def _all_escalations(
    zygote: Zygote, found: Escalations, rng: random.Random, *, by_chance: int, full: bool
) -> None:
    """New workloads until the kills are spent; the bound is for a point that comes seldom."""
    assert found.points is not None
    for _ in range(30 if full else 4):
        await _one_workload(zygote, found, rng, min(100, by_chance - found.by_chance))
        if found.by_chance >= by_chance and not found.points.left:
            return
    found.problems.append(
        f"only {found.by_chance} of {by_chance} kills by chance; left: {found.points.left}"
    )


async def _one_workload(
    zygote: Zygote, found: Escalations, rng: random.Random, by_chance: int
) -> None:
    """200 people (fewer if only failpoints are left) are asked at once, and none answers."""
    points = found.points
    assert points is not None
    async with Installation.open(zygote, SPEED) as at:
        coral, chats = await seed_people(at, GROUPS if by_chance > 0 else FEW_GROUPS)
        found.runs += 1
        await at.begin()
        written = 0
        enough = asyncio.Event()

        async def chatter() -> None:
            nonlocal written
            while not enough.is_set():
                await coral.writes(STATE)
                written += 1
                await asyncio.sleep(0.2)

        writer = asyncio.create_task(chatter())
        members = len(chats)
        slow = await _slowness(at)
        try:
            while (by_chance > 0 or points.left) and not escalated(at, members):
                if by_chance > 0 and (rng.random() < 0.6 or (points.died and not points.left)):
                    life = await at.live()
                    await at.kill_after(life, slow * rng.uniform(0.05, 0.35))
                    found.by_chance += 1
                    by_chance -= 1
                else:
                    armed, others = points.arms()
                    life = await at.live(armed, others)
                    await at.kill_after(life, slow)
                points.learn(life)
        finally:
            enough.set()
            await writer
        last = await at.live()
        await at.until(
            lambda: at.count("SELECT count(*) FROM inbox") >= written and escalated(at, members),
            PATIENCE,
        )
        points.learn(last)
        found.kills += len(at.kills)
        look_at_incidents(at, found, chats)
        look_at_alarms(at, found)
        look_at_answers(at, found, {coral.id: written})


async def _slowness(at: Installation) -> float:
    """How many times as long as on a quick machine everything takes here, and 1 at the least.

    Lives that are too short for a sign of life are an outage together, and misses of an outage become
    digests: another story than this one.
    """
    began = time.monotonic()
    life = await at.live()
    while not any(point.startswith("outages._beat") for point in life.points):
        assert time.monotonic() - began < PATIENCE, "the bot does not begin"
        await asyncio.sleep(0.005)
    await at.kill_after(life, 0)
    return max(1.0, (time.monotonic() - began) / BEAT)


async def seed_people(at: Installation, groups: int) -> tuple[TelegramPerson, dict[int, Counter[str]]]:
    """Who chatters, and for each watched member how many alarms go to which chat."""
    chats: dict[int, Counter[str]] = {}
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
                repeat=timedelta(hours=24),  # repeats would be more rows, and no other path
            )
            await tx.people.set_plan(plan, group=group)
            for i in range(WATCHED):
                ana, _ = await at.member(tx, group, f"Ana {i}")
                at_nine = wall(9, (n + i) % MINUTES)
                rule = Schedule(days=EVERY_DAY, times=(at_nine,), zone=ZONE, grace=GRACE)
                await begin_schedule(ctx, ana, rule)
                chats[ana] = Counter({str(near.id): 2, str(far.id): 1})
        group = await tx.people.add_group("Otra", "", "es", ZONE, START)
        _, coral = await at.member(tx, group, "Coral")
    return coral, chats


def escalated(at: Installation, members: int) -> bool:
    """Everyone is missed, both steps were told, and nothing waits."""
    return at.count("SELECT count(*) FROM incidents WHERE step >= 2") >= members and at.quiet()


def look_at_incidents(
    at: Installation, found: Escalations, chats: dict[int, Counter[str]]
) -> None:
    """Each member missed once, with exactly the rows and the timeline of one run."""
    where = f"workload {found.runs}"
    about: dict[int, list[int]] = {}
    for id, subject in at.rows("SELECT id, subject_id FROM incidents"):
        about.setdefault(subject, []).append(id)
    asked = Counter(m for (m,) in at.rows("SELECT member_id FROM checkins"))
    events = Counter(at.rows("SELECT incident_id, event FROM incident_events"))
    told: Counter[int] = Counter()
    hastened: set[int] = set()
    for id, event, details in at.rows("SELECT incident_id, event, details FROM incident_events"):
        if event in ("alarm", "repeat", "exhausted"):
            told[id] += json.loads(details)["to"]
        elif event == "unreachable":
            hastened.add(id)
    rows: dict[str, Counter[str]] = {}
    for purpose, chat in at.rows(
        "SELECT purpose, chat FROM outbox WHERE operation = 'send' AND purpose LIKE 'incident:%'"
    ):
        rows.setdefault(purpose, Counter())[chat] += 1
    for member, wanted in chats.items():
        name = f"{where}: member {member}"
        if asked[member] != 1:
            (found.twice if asked[member] else found.lost).append(f"{name}: {asked[member]} asked")
        incidents = about.pop(member, [])
        if len(incidents) != 1:
            (found.twice if incidents else found.lost).append(f"{name}: {len(incidents)} incidents")
        for id in incidents:
            there = rows.pop(f"incident:{id}:alarm", Counter())
            missing, more = wanted - there, there - wanted
            if id in hastened:
                # Broken off again and again, it counted as not arriving: the plan went on earlier, or
                # to its end. Each notice has its rows all the same, and no more.
                found.hastened += 1
                more = Counter({"": max(0, there.total() - told[id])})
            found.lost += [f"{name}: no row of incident {id} for a responder"] * missing.total()
            found.twice += [f"{name}: a row too many of incident {id}"] * more.total()
            # Where the question itself could not leave in time, that is what the alarm says.
            opened = events[id, "opened_miss"] + events[id, "opened_unreachable"]
            if (opened, events[id, "alarm"]) != (1, 2):
                found.twice.append(f"{name}: the timeline of incident {id} is not one of one run")
    found.twice += [f"{where}: an incident about member {m}" for m in about]
    found.twice += [f"{where}: rows of {purpose}" for purpose in rows]


def look_at_alarms(at: Installation, found: Escalations) -> None:
    """Each alarm arrived, and twice only where a life ended in between."""
    where = f"workload {found.runs}"
    sent = at.sent_by()
    in_a_life: Counter[tuple[str, str]] = Counter()
    newer: dict[tuple[str, str], float] = {}
    for seq, chat, body, created, state, error, purpose in at.rows(
        "SELECT seq, chat, body, created_at, state, error, purpose FROM outbox"
        " WHERE operation = 'send' AND purpose LIKE 'incident:%:alarm' ORDER BY seq DESC"
    ):
        copies = sent.get(first_button(body), [])
        times = [when for when, _ in copies]
        if error == "withdrawn" and (purpose, chat) in newer:
            # A newer one of the same incident took its place, before it left or, where a kill left
            # in doubt whether it had, instead of a second copy.
            times = times or [newer[purpose, chat]]
        elif not times or state != "sent":
            found.unsent.append(f"{where}: alarm {seq} is {state}, sent {len(times)} times")
            continue
        newer[purpose, chat] = times[0]
        found.worst = max(found.worst, times[0] - at.clock.real_at(microseconds(created)))
        found.sent_twice += len(times) - 1
        # A life sends a message once; of what it was sending at its end, the next cannot know.
        for (_, life), (_, next_life) in pairwise(copies):
            if life == next_life:
                found.too_often.append(f"{where}: alarm {seq} twice without a kill in between")
            in_a_life[life, chat] += 1
    found.too_often += [
        f"{where}: {n} duplicates for one recipient at kill {life}"
        for (life, _), n in in_a_life.items() if n > 1
    ]  # fmt: skip


def look_at_answers(at: Installation, found: Escalations, written: dict[int, int]) -> None:
    """Every update stored once and applied once: one answer each."""
    wanted = Counter({str(person): n for person, n in written.items()})
    stored = Counter(
        dict(at.rows("SELECT chat, count(*) FROM inbox WHERE state = 'done' GROUP BY chat"))
    )
    answers = Counter(
        dict(at.rows("SELECT chat, count(*) FROM outbox WHERE purpose = '' GROUP BY chat"))
    )
    answers = Counter({chat: n for chat, n in answers.items() if chat in wanted})
    for name, there in (("stored", stored), ("answered", answers)):
        found.lost += [f"workload {found.runs}: update not {name}"] * (wanted - there).total()
        found.twice += [f"workload {found.runs}: update {name} twice"] * (there - wanted).total()


# --- P3 -------------------------------------------------------------------------------------------

WRITERS = 20
BETWEEN = ("receive:", "receiver._once.2", "worker._as_one")
"""Points between what the platform gave and what the program has of it: five, with their ends."""


async def p3(full: bool, seed: int) -> Figures:
    """What the platform accepted is stored once and applied once."""
    updates, kills = (20_000, 500) if full else (500, 25)
    rng = random.Random(seed)
    found = Escalations(runs=1)
    points = Points(rng, each=kills // 5, only=BETWEEN, longest=6)
    async with await Zygote.start() as zygote, Installation.open(zygote, 1.0) as at:
        async with at.seeding() as (tx, _):
            group = await tx.people.add_group("Red", "", "es", ZONE, START)
            people = [(await at.member(tx, group, f"Ana {n}"))[1] for n in range(WRITERS)]
        await at.begin()
        written: Counter[int] = Counter()

        async def write() -> None:
            # As fast as the kills are: each life finds about as many as the others did.
            while (n := written.total()) < updates:
                if n * kills > (len(at.kills) + 2) * updates:
                    await asyncio.sleep(0.01)
                    continue
                person = rng_of_people.choice(people)
                await person.writes(STATE)
                written[person.id] += 1

        rng_of_people = random.Random(seed + 1)
        writing = asyncio.create_task(write())
        end = time.monotonic() + (3600 if full else 120)
        while len(at.kills) < kills and time.monotonic() < end:
            armed, others = points.arms()
            life = await at.live(armed, others)
            # Once each point had its deaths, the rest is by chance.
            within = 2.0 if points.left or not points.died else rng.uniform(0.1, 0.4)
            await at.kill_after(life, within)
            points.learn(life)
        await at.live()
        await writing
        settled = await at.until(
            lambda: at.count("SELECT count(*) FROM inbox") >= updates and at.quiet(),
            600 if full else PATIENCE,
        )
        look_at_answers(at, found, dict(written))
        ids = at.count("SELECT count(DISTINCT event_id) FROM inbox")
        raw = at.rows("SELECT event_id, chat FROM inbox ORDER BY id")
        messages = sum(line["chat"] in written for line in at.api.truth("message"))
        killed = len(at.kills)
    stored = await _replayed([(str(id), str(chat)) for id, chat in raw], rng)
    deaths = points.deaths
    figures = Figures(
        runs=killed,
        lost=len(found.lost),
        duplicated=len(found.twice),
        more={
            "updates": updates,
            "failpoints": len(deaths),
            "least_deaths_at_one": min(deaths.values(), default=0),
            "answers_sent_twice": max(0, messages - updates),
            "replayed_stored": stored,
        },
        problems=[*found.problems, *found.lost, *found.twice],
    )
    figures.check(settled, "not everything was handled and answered in the end")
    figures.check(killed >= kills, f"only {killed} kills")
    figures.check(ids == updates, f"{ids} updates stored of {updates}")
    figures.check(messages >= updates, f"{messages} answers arrived of {updates}")
    figures.check(stored == updates, f"after replays {stored} of {updates} are stored")
    for point in ("receive:after", "receiver._once.2:before", "worker._as_one:after"):
        figures.check(deaths.get(point, 0) > 0, f"never killed at {point}")
    return figures


async def _replayed(events: list[tuple[str, str]], rng: random.Random) -> int:
    """How many are stored if each batch comes twice, in any order."""
    batches = []
    rest = list(events)
    while rest:
        size = rng.randint(1, 100)
        batches.append([(id, chat, {"update_id": int(id)}) for id, chat in rest[:size]])
        rest = rest[size:]
    twice = [*batches, *batches]
    rng.shuffle(twice)
    with tempfile.TemporaryDirectory(prefix="acuerpa-replay-") as folder:
        database = Database(str(Path(folder) / "replay.db"), KeyInMemory())
        await database.open()
        stored = 0
        for batch in twice:
            rng.shuffle(batch)
            async with database.transaction() as tx:
                cursor = str(max(int(id) for id, _, _ in batch) + 1)
                stored += await tx.inbox.store("telegram", batch, cursor, START)
        await database.close()
    return stored


# --- P17 ------------------------------------------------------------------------------------------

TITLE = "Hostigamiento en la comunidad"
TEXT = "El 23 de noviembre dos camionetas siguieron a una compañera."


async def p17(full: bool, seed: int) -> Figures:
    """An approved denunciation arrives once at every subscriber, whatever is killed."""
    subscribers, kills = (4000, 200) if full else (400, 10)
    rng = random.Random(seed)
    points = Points(
        rng, each=kills,
        only=("send[broadcast]", "outbox._begins", "outbox._write_down[broadcast]", "outbox._start_some"),
        longest=max(2, subscribers // kills),
    )  # fmt: skip
    async with await Zygote.start() as zygote, Installation.open(zygote, 1.0) as at:
        async with at.seeding() as (tx, _):
            group = await tx.people.add_group("Red", "Colectivo", "es", ZONE, START)
            people = [(await at.member(tx, group, f"Ana {n}"))[1] for n in range(subscribers)]
            _, olga = await at.member(tx, group, "Olga", {Role.AUTHOR})
            rita_id, rita = await at.member(tx, group, "Rita", {Role.APPROVER})
            await tx.people.set_member(rita_id, subscribed=False)
        await at.begin()
        async with _first_life(at):
            await _says(at, olga, "/denuncia", "título")
            await _says(at, olga, TITLE, "texto")
            await _says(at, olga, TEXT, TITLE)
            await olga.presses("Enviar a revisión")
            await _sees(at, rita, TITLE)
        broadcast = "SELECT count(*) FROM outbox WHERE purpose LIKE 'denunciation:%'"
        await rita.presses("Aprobar y publicar")
        # To queue it for thousands is one transaction of seconds: lives as short as those below
        # would never come to its end.
        pressed = time.time()
        life = await at.live()
        queued = await at.until(lambda: at.count(broadcast) > 0, PATIENCE)
        to_queue = time.time() - pressed
        await at.kill_after(life, 0)
        waiting = f"{broadcast} AND state IN ('queued', 'leased')"
        while len(at.kills) < kills and (at.count(waiting)):
            if rng.random() < 0.5:
                armed, others = points.arms()
                life = await at.live(armed, others)
                await at.kill_after(life, 2.0)
            else:
                life = await at.live()
                await at.kill_after(life, rng.uniform(0.05, 0.35))
            points.learn(life)
        await at.live()
        settled = await at.until(
            lambda: at.count(broadcast) > 0 and not at.count(waiting) and at.quiet(), PATIENCE
        )
        reported = await at.until(
            lambda: at.count("SELECT count(*) FROM denunciations WHERE state = 'sent'") == 1, 15
        )
        copies = Counter(m["chat"] for m in at.api.truth("message") if TEXT in m["text"])
        rows = Counter(
            {chat: n for chat, n in at.rows(
                "SELECT chat, count(*) FROM outbox WHERE purpose LIKE 'denunciation:%'"
                " GROUP BY chat"
            )}
        )  # fmt: skip
        unknown = {
            int(chat) for (chat,) in at.rows(
                "SELECT chat FROM outbox WHERE state = 'unknown'"
                " AND purpose LIKE 'denunciation:%'"
            )
        }  # fmt: skip
        killed = len(at.kills)
    arrived = [copies[person.id] for person in people]
    skipped = [p.id for p in people if not copies[p.id] and p.id not in unknown]
    duplicates = sum(n - 1 for n in arrived if n > 1)
    figures = Figures(
        runs=killed,
        lost=len(skipped),
        duplicated=duplicates,
        more={
            "subscribers": subscribers,
            "unknown": len(unknown),
            "unknown_not_arrived": sum(not copies[chat] for chat in unknown),
            "failpoints": len(points.deaths),
            "to_queue_s": f"{to_queue:.1f}",
        },
    )
    figures.check(queued, "the approval was never carried out")
    figures.check(killed >= kills, f"the broadcast was over after {killed} kills of {kills}")
    figures.check(settled, "rows of the broadcast still wait")
    figures.check(reported, "the author got no report")
    figures.check(not skipped, f"{len(skipped)} subscribers were skipped and nobody was told")
    figures.check(duplicates <= killed, f"{duplicates} duplicates at {killed} kills")
    figures.check(
        all(rows[str(p.id)] == 1 for p in people), "a subscriber has no row of it, or two"
    )
    return figures


@asynccontextmanager
async def _first_life(at: Installation) -> AsyncIterator[None]:
    """Alive while people write; then killed once all is quiet, which does not count."""
    life = await at.live()
    yield
    await at.until(at.quiet, PATIENCE)
    await life.kill()


async def _says(at: Installation, person: TelegramPerson, text: str, answer: str) -> None:
    await person.writes(text)
    await _sees(at, person, answer)


async def _sees(at: Installation, person: TelegramPerson, text: str) -> None:
    """Wait until the bot wrote something with these words there."""

    def seen() -> bool:
        return any(
            m["chat"] == person.id and text.casefold() in m["text"].casefold()
            for m in at.api.truth("message")
        )

    assert await at.until(seen, 20), f"{person.name} never saw {text}"
