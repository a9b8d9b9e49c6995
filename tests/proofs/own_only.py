"""P16: a member sees only their own.

First every role × every command, answer and step of a conversation × every kind of chat, through the
real router (`own_enumerated`). Then people who do whatever comes to their minds, in runs of many steps
(`own_machine`): 5,000 runs of 50 steps in full, and what was shown to anybody is judged by its
canaries.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from tests.proofs.own_enumerated import enumerated
from tests.proofs.own_machine import Machine
from tests.proofs.own_scene import Scene
from tests.proofs.proof import Figures
from tests.simulation.seeds import memory
from tests.simulation.sqlite import MemoryDatabase

RUNS, STEPS = 5_000, 50
SHORT_RUNS, SHORT_STEPS = 40, 30

SLOW = 25
"""One run in so many is driven by the whole engine."""

Found = tuple[Counter[str], int, list[str]]
"""What was done, in how many runs, and what is wrong."""


async def several(seed: int, first: int, runs: int, steps: int, *, most: int = 10) -> Found:
    """Runs one after the other over one database, until there are `most` problems.

    Each has a seed of its own.
    """
    counts: Counter[str] = Counter()
    problems: list[str] = []
    done = 0
    # Statement for statement what the program runs, without the thread that takes most of the time.
    scene = Scene(MemoryDatabase(memory()))
    for number in range(first, first + runs):
        figures = Figures()
        machine = Machine(scene, random.Random(seed * 1_000_003 + number), figures)
        try:
            await machine.run(steps, slow=number % SLOW == 0)
        except Exception as error:
            figures.problems.append(f"{type(error).__name__}: {error}; after {machine.done[-5:]}")
        counts += machine.counts
        counts["steps"] += machine.steps
        done += 1
        problems += [f"run {number}: {problem}" for problem in figures.problems[:3]]
        if len(problems) >= most:
            break
    return counts, done, problems


def in_a_process(seed: int, first: int, runs: int, steps: int) -> Found:
    """The same in a process of its own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return asyncio.run(several(seed, first, runs, steps))


async def machines(seed: int, runs: int, steps: int) -> list[Found]:
    """All runs, on every processor; a hundred of them share a database."""
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return await asyncio.gather(
            *(
                loop.run_in_executor(
                    pool, in_a_process, seed, first, min(100, runs - first), steps
                )
                for first in range(0, runs, 100)
            )
        )


async def p16(full: bool, seed: int) -> Figures:
    """Both halves."""
    figures = Figures()
    with TemporaryDirectory(prefix="acuerpa-proof-") as folder:
        scene = await Scene.on_disk(Path(folder))
        await enumerated(scene, figures, random.Random(seed), full=full)
        await scene.database.close()
    if full:
        found = await machines(seed, RUNS, STEPS)
    else:
        found = [await several(seed, 0, SHORT_RUNS, SHORT_STEPS)]
    counts: Counter[str] = Counter()
    for more, runs, problems in found:
        counts += more
        figures.runs += runs
        figures.problems += problems
    figures.more |= {
        name.replace(" ", "_"): counts[name]
        for name in (
            "steps", "commands", "press", "forged press", "old press", "words", "incidents",
            "decided", "published", "joined", "left", "told across", "seen of others",
        )
    }  # fmt: skip
    figures.check(counts["seen of others"] > 100, "hardly anybody was shown anything of others")
    figures.check(not full or counts["told across"] > 0, "no other group was ever told of anything")
    figures.check(counts["decided"] > 0, "nothing was ever decided by two")
    return figures
