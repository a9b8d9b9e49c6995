"""Simulated months: how many days of a network a second of the processor is.

Ours are worlds of the simulation (`tests/simulation`): the whole bot over a database in memory, with a
simulated platform, people who answer late or not at all, and ends of the process. The peer is APScheduler
with a job store in memory, whose clock is moved from job to job: of each day it has as many jobs as our
world has check-ins, and each writes as many rows as messages went with one.
"""

from __future__ import annotations

import asyncio
from functools import partial

from bench.due import said_by
from bench.frame import Result, Size, figure
from bench.processes import a_folder
from tests.proofs.simulation import drawn
from tests.simulation.seeds import Outcome, one, spread

SEED = 7
DAYS = 30


async def measure(size: Size) -> list[Result]:
    """The same number of days in both."""
    worlds, days = size.of(60, 2), size.of(DAYS, 3)
    speeds: list[float] = []
    lived: list[Outcome] = []
    # Of the runs, each is other worlds.
    for n in range(size.of(3, 1)):
        seeds = drawn(SEED + n, worlds // size.of(3, 1))
        some = await asyncio.to_thread(lambda seeds=seeds: list(spread(partial(one, days=days), seeds)))
        if problems := [problem for world in some for problem in world.problems]:
            raise RuntimeError(f"a world had a finding: {problems}")
        speeds.append(days * len(some) / sum(world.cpu for world in some))
        lived += some
    daily = max(1, round(sum(world.checkins for world in lived) / (days * len(lived))))
    of_each = max(1, round(sum(w.messages for w in lived) / max(1, sum(w.checkins for w in lived))))
    with a_folder() as folder:
        peer = [
            (
                await said_by(
                    "-m", "bench.peers.jobs", "days", str(folder), "--jobs", str(daily),
                    "--count", str(10 * days), "--rows", str(of_each),
                )
            )["days_per_s"]
            for _ in speeds
        ]  # fmt: skip
    ours = figure(speeds)
    return [
        Result(
            "simulated_days", f"Simulated days, {len(lived)} worlds of {days} days", "days/CPU s", ours,
            figure(peer), "APScheduler, a job for each check-in and a row for each message", "none",
            met=True,
            note="A world has people, a platform, faults, and judges who look at every instant; the peer "
            "has its jobs alone.",
        )
    ]  # fmt: skip
