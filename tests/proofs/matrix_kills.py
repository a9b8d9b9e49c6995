"""P1, P2 and P3 on Matrix: the bot on a real Synapse, in encrypted rooms, is killed.

The truth is what the homeserver's database has of the bot, what people's apps decrypt of it, and
the bot's own database as `sqlite3` reads it. There must be exactly one event for each message to
send, under its row's key.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import time as wall
from datetime import timedelta

from bot.domain.people import Role
from bot.domain.plan import Plan, Recipient, Step, Who
from bot.domain.rich import Rich
from bot.domain.schedule import EVERY_DAY, Schedule
from handlers.schedules import begin as begin_schedule
from tests.proofs.killing import PATIENCE, START, microseconds
from tests.proofs.kills import STATE
from tests.proofs.matrix_killing import MatrixInstallation
from tests.proofs.proof import Figures
from tests.support.matrix_person import MatrixPerson
from tests.support.synapse import Synapse, shared
from tests.support.world import ZONE
from tests.support.zygote import Zygote

SPEED = 60.0
"""Simulated seconds in a real one."""
WATCHED = 4
"""Of each group: below the six misses that become one digest."""
GRACE = CIRCLE_AFTER = timedelta(minutes=5)
PEOPLE = 5
"""Berta, Carla and Coral, who writes all the time; and two in whose rooms the watched are asked."""

POINTS = tuple(
    f"{point}:{end}"
    for point in (
        "due._as_one[schedule]", "due._as_one[checkin]", "due._as_one[incident]", "outbox._start_some",
        "send[alarm]", "outbox._write_down[alarm]", "receiver._once.2", "worker._as_one",
        "store.save_session", "store.save_inbound_group_session",
    )
    for end in ("before", "after")
) + (
    "send[checkin]:after", "send[conversation]:after", "receive:after",
)  # fmt: skip
"""Where it kills itself: between the fetch and the commit, each commit, the sending, and wherever
the crypto store keeps a key."""


@dataclass
class Found:
    """What all workloads gave."""

    runs: int = 0
    kills: int = 0
    by_chance: int = 0
    deaths: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    messages: int = 0
    alarms: int = 0
    written: int = 0
    worst: float = 0.0
    problems: list[str] = field(default_factory=list)


async def p2m(full: bool, seed: int) -> Figures:
    """One incident for each miss, one readable message for each row, one answer for each word."""
    kills, groups = (100, 8) if full else (5, 2)
    rng = random.Random(seed)
    found = Found()
    synapse = shared()
    async with await Zygote.start(matrix=True) as zygote:
        for _ in range(10 if full else 1):
            left = min(25, kills - found.kills)
            if left <= 0:
                break
            await _workload(zygote, synapse, found, rng, groups, left)
    figures = Figures(
        runs=found.kills,
        lost=len(found.lost),
        duplicated=len(found.twice),
        worst_delay_s=found.worst,
        more={
            "unreadable": len(found.unreadable),
            "workloads": found.runs,
            "by_chance": found.by_chance,
            "failpoints": len(found.deaths),
            "messages": found.messages,
            "alarms": found.alarms,
            "written": found.written,
        },
        problems=[*found.problems, *found.lost, *found.twice, *found.unreadable],
    )
    figures.check(found.kills >= kills, f"only {found.kills} kills of {kills}")
    figures.check(found.worst <= PATIENCE, f"an alarm was {found.worst:.0f} s late")
    never = set(POINTS) - set(found.deaths) if full else ()
    figures.check(not never, f"never killed at {never}")
    return figures


async def _workload(
    zygote: Zygote, synapse: Synapse, found: Found, rng: random.Random, groups: int, kills: int
) -> None:
    """One after the other is asked, none answers, Coral writes, and the bot dies again and again."""
    found.runs += 1
    async with MatrixInstallation.open(zygote, synapse, SPEED, people=PEOPLE) as at:
        wanted = await _seed(at, groups)
        coral = at.people[-1]
        await at.begin()
        written: list[str] = []
        enough = asyncio.Event()
        writer = asyncio.create_task(_chatter(coral, written, enough))
        try:
            while len(at.kills) < kills:
                # Half of the lives end by chance, the others at one of the points died at least.
                armed, longest = {}, rng.uniform(0.2, 2.0)
                if rng.random() < 0.5:
                    fewest = min(found.deaths[point] for point in POINTS)
                    point = rng.choice([p for p in POINTS if found.deaths[p] == fewest])
                    armed, longest = {point: rng.choice((1, 1, 2, 3))}, 5.0
                life = await at.live(armed)
                await at.kill_after(life, longest)
                died = at.kills[-1].point
                found.deaths.update([died] if died else [])
                found.by_chance += not died
        finally:
            enough.set()
            await writer
        await at.live()
        settled = await at.until(
            lambda: (
                at.count("SELECT count(*) FROM incidents WHERE step >= 2") >= len(wanted)
                and len(_handled(at, coral)) >= len(written)
                and at.quiet()
            ),
            PATIENCE,
        )
        where = f"workload {found.runs}"
        if not settled:
            found.problems.append(f"{where}: something still waits")
        found.kills += len(at.kills)
        await at.end()  # what it says while we look would be neither here nor there
        _look_at_incidents(at, found, where, wanted)
        await _look_at_messages(at, found, where)
        _look_at_words(at, found, where, coral, written)


async def _seed(at: MatrixInstallation, groups: int) -> dict[int, Counter[str]]:
    """For each watched member how many alarms go to which room."""
    berta, carla, *rooms, coral = at.people
    wanted: dict[int, Counter[str]] = {}
    async with at.seeding() as (tx, ctx):
        for n in range(groups):
            group = await tx.people.add_group(f"Red {n}", "", "es", ZONE, START)
            near = await at.member(tx, group, "Berta", berta, Role.RESPONDER)
            await at.member(tx, group, "Carla", carla, Role.RESPONDER)
            plan = Plan(
                (
                    Step(timedelta(0), (Recipient(Who.MEMBER, near),)),
                    Step(CIRCLE_AFTER, (Recipient(Who.CIRCLE),)),
                ),
                repeat=timedelta(hours=24),  # repeats would be more rows, and no other path
            )
            await tx.people.set_plan(plan, group=group)
            for i in range(WATCHED):
                ana = await at.member(tx, group, f"Ana {i}", rooms[i % len(rooms)])
                at_nine = (wall(9, len(wanted) % 60),)  # and later: something happens all the time
                rule = Schedule(days=EVERY_DAY, times=at_nine, zone=ZONE, grace=GRACE)
                await begin_schedule(ctx, ana, rule)
                wanted[ana] = Counter({berta.room: 2, carla.room: 1})
        group = await tx.people.add_group("Otra", "", "es", ZONE, START)
        await at.member(tx, group, "Coral", coral)
    return wanted


async def _chatter(coral: MatrixPerson, written: list[str], enough: asyncio.Event) -> None:
    """Coral writes, each time under a new key, so that each death may lose one."""
    while not enough.is_set():
        coral.forgets_session()
        written.append(await coral.writes(STATE))
        await coral.sync()
        await asyncio.sleep(0.3)


def _handled(at: MatrixInstallation, coral: MatrixPerson) -> list[str]:
    return [
        id for (id,) in at.rows(
            "SELECT event_id FROM inbox WHERE chat = ? AND state = 'done'"
            " AND json_extract(raw, '$.event.type') != 'm.room.member'",
            coral.room,
        )
    ]  # fmt: skip


def _look_at_incidents(
    at: MatrixInstallation, found: Found, where: str, wanted: dict[int, Counter[str]]
) -> None:
    """Each member was asked once and missed once, and whoever had to be told is."""
    asked = Counter(member for (member,) in at.rows("SELECT member_id FROM checkins"))
    incidents = Counter(member for (member,) in at.rows("SELECT subject_id FROM incidents"))
    for what, counts in (("questions", asked), ("incidents", incidents)):
        for member in set(wanted) | set(counts):
            if counts[member] != 1:
                problem = f"{where}: member {member}: {counts[member]} {what}"
                (found.twice if counts[member] > 1 else found.lost).append(problem)
    told: dict[int, Counter[str]] = {member: Counter() for member in wanted}
    tried: Counter[int] = Counter()
    for member, chat, attempts in at.rows(
        "SELECT i.subject_id, o.chat, o.attempts FROM outbox o JOIN incidents i"
        " ON o.purpose = 'incident:' || i.id || ':alarm' WHERE o.operation = 'send'"
    ):
        told[member][chat] += 1
        tried[member] = max(tried[member], attempts)
    for member, rooms in wanted.items():
        missing, more = rooms - told[member], told[member] - rooms
        found.lost += [f"{where}: member {member}: no row for a responder"] * missing.total()
        # One that was tried often was stuck: then others are told as well, and that is right.
        if tried[member] < 2:
            found.twice += [f"{where}: member {member}: a row too many"] * more.total()


async def _look_at_messages(at: MatrixInstallation, found: Found, where: str) -> None:
    """One event for each row, under its key; and whoever it is for can read it."""
    events = at.written()
    read = await at.read()
    by_key = {event.key: event for event in events}
    times = Counter(event.key for event in events)
    found.messages += len(events)
    found.problems += [
        f"{where}: in the clear: {e.type}" for e in events if e.type != "m.room.encrypted"
    ]
    rows = at.rows(
        "SELECT seq, key, operation, chat, state, message_id, body, created_at,"
        " purpose LIKE 'incident:%:alarm', purpose, error FROM outbox"
        " WHERE operation IN ('send', 'edit')"
    )
    replaced = _replaced(at) | _too_late(at)
    for seq, key, operation, chat, state, message_id, body, created, alarm, *more in rows:
        event = by_key.get(key)
        name = f"{where}: row {seq} ({operation}{', alarm' if alarm else ''})"
        if key in replaced:
            continue
        if event is None or state != "sent":
            found.lost.append(f"{name} is {state} and {'not ' * (event is None)}there: {more}")
            continue
        if event.room != chat or (operation == "send" and event.event_id != message_id):
            found.problems.append(f"{name} became another message than it says")
        words = read.get(event.event_id)
        if words is None:
            found.unreadable.append(f"{name} cannot be read")
        elif _plain(body) not in words:
            found.problems.append(f"{name} reads otherwise")
        if alarm:
            found.alarms += 1
            found.worst = max(found.worst, event.at - at.clock.real_at(microseconds(created)))
    found.twice += [f"{where}: {n} events for the row {k}" for k, n in times.items() if n > 1]
    extra = set(times) - {key for _, key, *_ in rows}
    found.twice += [f"{where}: an event of no row"] * len(extra)


def _replaced(at: MatrixInstallation) -> set[str]:
    """Alarms that a newer one of the same incident, in the same room, came before; and their edits."""
    alarms = at.rows(
        "SELECT key, purpose, chat, seq, state, error FROM outbox"
        " WHERE operation = 'send' AND purpose LIKE 'incident:%:alarm'"
    )
    newest: dict[tuple[str, str], int] = {}
    for _, purpose, chat, seq, state, _ in alarms:
        if state == "sent":
            newest[purpose, chat] = max(seq, newest.get((purpose, chat), 0))
    replaced = {
        key for key, purpose, chat, seq, _, error in alarms
        if error == "withdrawn" and newest.get((purpose, chat), 0) > seq
    }  # fmt: skip
    edits = at.rows("SELECT key, target FROM outbox WHERE operation = 'edit' AND state = 'failed'")
    return replaced | {key for key, target in edits if target in replaced}


def _too_late(at: MatrixInstallation) -> set[str]:
    """Questions that had not left when their deadline was judged: nobody is asked any more, and
    whoever was to be asked has an incident."""
    return {
        key for (key,) in at.rows(
            "SELECT o.key FROM outbox o JOIN checkins c ON o.purpose = 'checkin:' || c.id || ':question'"
            " WHERE o.error = 'withdrawn' AND c.state IN ('missed', 'unreachable')"
            " AND o.done_at >= c.miss_at"
        )
    }  # fmt: skip


def _plain(body: str) -> str:
    return Rich.from_json(json.loads(body)["text"]).plain


def _look_at_words(
    at: MatrixInstallation, found: Found, where: str, coral: MatrixPerson, written: list[str]
) -> None:
    """What Coral wrote was stored once, read, and answered once."""
    found.written += len(written)
    handled = Counter(_handled(at, coral))
    found.lost += [f"{where}: Coral's {id} is not handled" for id in set(written) - set(handled)]
    found.twice += [f"{where}: more than Coral wrote: {id}" for id in set(handled) - set(written)]
    unread = at.count(
        "SELECT count(*) FROM inbox WHERE json_extract(raw, '$.undecryptable') IS NOT NULL"
    )
    found.unreadable += [f"{where}: the bot could not read what Coral wrote"] * unread
    answers = at.count(
        "SELECT count(*) FROM outbox WHERE chat = ? AND operation = 'send'", coral.room
    )
    if answers != len(written):
        problem = f"{where}: {answers} answers to {len(written)} messages"
        (found.lost if answers < len(written) else found.twice).append(problem)
