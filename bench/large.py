"""A hundred thousand members: how late their questions leave, what the bot holds, how soon it begins.

Late is the time from the instant at which somebody is to be asked to the one at which the server had
accepted the question, at a pace without any backlog. The start is the time from the call of the program
to the answer that somebody gets who wrote before.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.due import said_by
from bench.frame import Result, Size, figure, percentile
from bench.installation import FIRST_CHAT, Installation, populate, set_due
from bench.processes import Api, Process, a_folder

RUNS = 3
LEAD = 6.0
"""Seconds between the start of the bot and the first question."""


@dataclass
class Run:
    """Of one process: seconds, megabytes, seconds."""

    late: list[float]
    memory: float
    start: float


async def measure(size: Size) -> list[Result]:
    """Ours with its database; APScheduler with as many jobs in memory; an echo that holds nothing."""
    people, many, seconds = size.of(100_000, 100), size.of(600, 20), size.of(20, 2)
    runs = size.of(RUNS, 1)
    ours: list[Run] = []
    late, memory, start = [], [], []
    with a_folder() as folder:
        first = Installation(folder / "first")
        first.folder.mkdir()
        later = datetime.now(UTC) + timedelta(days=1)
        await populate(first, people, due=later, due_count=0, of_each=1)
        for n in range(runs):
            ours.append(await _ours(first.copied(folder / f"run-{n}"), people, many, seconds))
            peer = folder / f"peer-{n}"
            peer.mkdir()
            jobs = await said_by(
                "-m", "bench.peers.jobs", "late", str(peer), "--jobs", str(people),
                "--count", str(many), "--seconds", str(seconds),
            )  # fmt: skip
            late.append(percentile(jobs["late"], 0.99))
            memory.append(jobs["memory"])
            start.append(await _echo(folder / f"echo-{n}"))
        file = first.database.stat().st_size
    lateness = figure([percentile(run.late, 0.99) for run in ours])
    held = figure([run.memory for run in ours])
    begun = figure([run.start for run in ours])
    jobs_of = f"APScheduler, MemoryJobStore with {people:,} jobs"
    return [
        Result(
            "due_to_accepted", f"From due to accepted, {people:,} members, no backlog: p99", "s",
            lateness, figure(late), f"{jobs_of}: due to begun", "at most 1.5 s", lateness.median <= 1.5,
            more={"p50": round(percentile(ours[0].late, 0.5), 3), "questions": many},
        ),
        Result(
            "memory", f"Memory with {people:,} members, the most", "MB", held, figure(memory), jobs_of,
            "under 150 MB", max(held.runs) < 150, more={"database_bytes_a_member": file // people},
        ),
        Result(
            "start", f"From the start to the first message, {people:,} members", "s", begun,
            figure(start), "python-telegram-bot's echo, which holds nothing", "under 2 s",
            begun.median < 2,
        ),
    ]  # fmt: skip


async def _ours(at: Installation, people: int, many: int, seconds: float) -> Run:
    async with Api.run(at.folder) as api:
        at.configure(api, per_second=1000)
        begin = datetime.now(UTC) + timedelta(seconds=LEAD)
        dues = [begin + timedelta(seconds=seconds * n / many) for n in range(many)]
        set_due(at, dues)
        asks = FIRST_CHAT + people - 1
        await api.control("write", chats=[asks], texts=["/estado"])
        async with at.running() as bot:
            first = (await api.accepted(1, bot))[0][0]
            if time.time() > begin.timestamp():
                raise RuntimeError("it had not begun when the first question was due")
            asked = range(FIRST_CHAT, FIRST_CHAT + many)
            at_chat = {chat: when for when, chat, _ in await api.reached(asked, bot)}
            late = [at_chat[FIRST_CHAT + n] - due.timestamp() for n, due in enumerate(dues)]
            return Run(late, bot.memory, first - bot.began)


async def _echo(folder: Path) -> float:
    folder.mkdir()
    async with Api.run(folder) as api:
        await api.control("write", chats=[FIRST_CHAT], texts=["hola"])
        async with Process.run("-m", "bench.peers.echo", api.url, out=folder / "bot.out") as bot:
            [(first, _, _)] = await api.accepted(1, bot)
            return first - bot.began
