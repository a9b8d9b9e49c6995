"""How many check-ins are asked in a second by one, two and four processes on one PostgreSQL database.

Everybody is due at the same instant; what counts is the time from that instant to the last of the
check-ins with its question in the outbox. The peer is one process.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from datetime import time as wall
from datetime import timedelta

import psycopg2

from bench.frame import Result, Size, figure
from bot.domain.people import Role
from bot.domain.plan import Plan, Recipient, Step, Who
from bot.domain.schedule import EVERY_DAY, Schedule
from handlers.schedules import begin as begin_schedule
from tests.proofs.crew import Crew, postgres
from tests.proofs.killing import START, a_folder
from tests.support.botapi import BotApi
from tests.support.world import ZONE
from tests.support.zygote import AffineClock, Zygote

IN_A_GROUP = 20
LEAD = 8.0
"""Seconds before the instant at which the processes are started."""
LONGEST = 60.0


async def seeded(zygote: Zygote, api: BotApi, database: str, people: int) -> bytes:
    """Everybody is asked at nine; nobody has ever been. Returns the key."""
    plan = [Step(timedelta(0), (Recipient(Who.CIRCLE),))]
    rule = Schedule(days=EVERY_DAY, times=(wall(9),), zone=ZONE, grace=timedelta(hours=1))
    async with Crew.at_work(zygote, database, api) as at:
        async with at.seeding() as (tx, ctx):
            for number in range(people // IN_A_GROUP):
                group = await tx.people.add_group(f"Red {number}", "", "es", ZONE, START)
                await at.member(tx, group, "Berta", {Role.RESPONDER})
                await tx.people.set_plan(Plan(tuple(plan)), group=group)
                for n in range(IN_A_GROUP):
                    ana, _ = await at.member(tx, group, f"Ana {n}")
                    await begin_schedule(ctx, ana, rule)
        return (at.folder / "acuerpa.key").read_bytes()


async def asked(
    zygote: Zygote, api: BotApi, database: str, key: bytes, processes: int, people: int
) -> float:
    """Seconds until all are asked."""
    async with Crew.at_work(zygote, database, api) as at:
        (at.folder / "acuerpa.key").write_bytes(key)
        (at.folder / "acuerpa.key").chmod(0o600)
        # They are due a minute after START.
        at.clock = AffineClock(START, time.time() - 60 + LEAD, 1.0)
        await api.set_clock(at.clock.now().timestamp(), 1.0)
        due = at.clock.real_at(START + timedelta(minutes=1))
        for n in range(processes):
            await at.starts(f"p{n}")
        with closing(psycopg2.connect(database)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            while time.time() < due + LONGEST:
                cursor.execute("SELECT count(*) FROM checkins")
                if (cursor.fetchone() or (0,))[0] >= people:
                    return time.time() - due
                await asyncio.sleep(0.05)
    raise TimeoutError(f"{processes} processes did not ask {people} in {LONGEST:.0f} s")


async def measured(people: int) -> dict[int, float]:
    """Check-ins a second, by the number of processes."""
    found: dict[int, float] = {}
    with a_folder() as folder, postgres() as server:
        async with await Zygote.start() as zygote, await BotApi.start(folder) as api:
            original = server.new_database()
            key = await seeded(zygote, api, original, people)
            for processes in (1, 2, 4):
                copy = server.new_database(original)
                seconds = await asked(zygote, api, copy, key, processes, people)
                found[processes] = round(people / seconds, 1)
    return found


async def measure(size: Size) -> list[Result]:
    """Two and four against one."""
    people, runs = size.of(2_000, 60), size.of(3, 1)
    found = [await measured(people) for _ in range(runs)]
    one = figure([run[1] for run in found])
    return [
        Result(
            f"workers_{n}", f"{people:,} check-ins that are due, PostgreSQL, {n} processes",
            "check-ins/s", figure([run[n] for run in found]), one, "one process", "none", met=True,
            note="On two processors, which the database and the platform's server share.",
        )
        for n in (2, 4)
    ]  # fmt: skip
