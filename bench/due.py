"""Ten thousand check-ins that are due, out of a million timers: from the claim to the outbox.

`python -m bench.due FOLDER COUNT` is the process that is measured: the engine's own part that carries
out timers, the handlers, the sealing, and a SQLite file whose commits wait for the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from bench.frame import Result, Size, figure
from bench.installation import Installation, populate
from bench.processes import Process, a_folder
from bot.app import settings_of
from bot.config import load
from bot.engine.acting import Acting
from bot.engine.clock import SystemClock, steady
from bot.engine.due import DueTimers
from bot.engine.objects import keep_what_is_there
from handlers.router import Router

RUNS = 3
NOTE = (
    "The peer's job writes two rows in the clear. Ours reads the person, her schedule, her rest, her "
    "accounts and what she has open, finds the next time, and writes six rows, five fields sealed, each "
    "chat with a blind index."
)


async def measure(size: Size) -> list[Result]:
    """Ours and two peers, one after the other."""
    people, due = size.of(100_000, 60), size.of(10_000, 30)
    jobs, counted, checks = size.of(10_000, 40), size.of(1_000, 20), size.of(200, 5)
    runs = size.of(RUNS, 1)
    ours: list[dict[str, float]] = []
    apscheduler, stalls, healthchecks = [], [], []
    with a_folder() as folder:
        first = Installation(folder / "first")
        first.folder.mkdir()
        await populate(first, people, due=datetime.now(UTC) - timedelta(seconds=1), due_count=due)
        for n in range(runs):
            at = first.copied(folder / f"run-{n}")
            at.configure(None)
            ours.append(await said_by("-m", "bench.due", str(at.folder), str(due)))
            peer = folder / f"peer-{n}"
            peer.mkdir()
            jobs_of = ("-m", "bench.peers.jobs")
            rate = await said_by(*jobs_of, "rate", str(peer), "--jobs", str(jobs))
            apscheduler.append(rate["per_second"])
            stall = await said_by(*jobs_of, "stall", str(peer), "--jobs", str(counted))
            stalls.append(stall["stall"] * 1000)
            alerts = await said_by(
                "-m", "bench.peers.sendalerts", str(peer), "--checks", str(2 * jobs),
                "--due", str(jobs), "--count", str(checks),
            )
            healthchecks.append(alerts["per_second"])
    rates = figure([run["per_second"] for run in ours])
    stood = figure([run["stall"] * 1000 for run in ours])
    more = {"cpu_ms_each": round(min(run["cpu"] for run in ours) * 1000, 3), "timers": people * 10}
    results = []
    for name, against, found in (
        ("apscheduler", f"APScheduler, SQLAlchemyJobStore with {jobs:,} due jobs", apscheduler),
        ("sendalerts", "healthchecks' sendalerts, one at a time (Django ORM)", healthchecks),
    ):
        peer = figure(found)
        results.append(
            Result(
                f"due_{name}", f"{due:,} due check-ins out of {people * 10:,} timers, to the outbox",
                "check-ins/s", rates, peer, against, "at least 20 times as fast",
                rates.median >= 20 * peer.median, NOTE if name == "apscheduler" else "", more,
            )
        )
    results.append(
        Result(
            "due_stall", "The longest that the event loop stands still meanwhile", "ms", stood,
            figure(stalls), f"APScheduler's AsyncIOScheduler, {counted:,} due jobs", "under 50 ms",
            stood.median < 50,
        )
    )
    return results


async def said_by(*arguments: str) -> dict[str, Any]:
    """What a process prints at its end; the first of its arguments that is a path is its folder."""
    folder = next(word for word in arguments if "/" in word)
    async with Process.run(*arguments, out=Path(folder) / "said") as process:
        found: dict[str, Any] = json.loads((await process.finished()).splitlines()[-1])
        return found


# --- the process that is measured ---


async def carry_out(folder: Path, due: int) -> dict[str, float]:
    """All that is due, while a ticker looks how long nobody else has a turn."""
    at = Installation(folder)
    config = load(at.config)
    clock = SystemClock()
    async with at.opened() as database:
        acting = Acting(database, clock, steady, timedelta(seconds=60))
        await acting.take()
        longest = 0.0

        async def before() -> datetime:
            return clock.now()

        async def tick() -> None:
            nonlocal longest
            last = time.perf_counter()
            while True:
                await asyncio.sleep(0.001)
                now = time.perf_counter()
                longest, last = max(longest, now - last), now

        timers = DueTimers(database, Router(settings_of(config, [])), clock, before)
        keep_what_is_there()
        ticker = asyncio.create_task(tick())
        await asyncio.sleep(0.01)
        began, cpu = time.perf_counter(), time.process_time()
        done = await timers.drain()
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        ticker.cancel()
        async with database.transaction() as tx:
            queued = await tx.outbox.waiting()
        assert done == queued == due, (done, queued)
    return {"per_second": due / took, "stall": longest, "cpu": cpu / due}


def main() -> None:
    """Print what was measured, as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("due", type=int)
    given = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    found: Any = asyncio.run(carry_out(given.folder, given.due))
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
