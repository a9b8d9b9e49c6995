"""One seed after the other, on every processor: what came of each, and what it cost."""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import structlog

from tests.simulation.history import History
from tests.simulation.loop import SimulatedLoop, run
from tests.simulation.process import Killed, never_idle
from tests.simulation.sqlite import Memory
from tests.simulation.town import World

T = TypeVar("T")

DEFECTS = frozenset({
    "tick.failed", "event.failed", "event.set_aside", "event.not_announced", "timer.failed",
    "outbox.failed", "outbox.defect", "outbox.not_told",
})  # fmt: skip
"""What the bot logs when its own code fails. A platform that is down is none of them."""


@dataclass
class Outcome:
    """What came of one seed. `cpu` are seconds of processor time."""

    seed: int
    days: int
    problems: list[str]
    cpu: float
    checkins: int = 0
    missed: int = 0
    incidents: int = 0
    messages: int = 0
    ends: int = 0
    duplicates: int = 0
    worst: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one question: whether there was an alarm, whether an answer that came late undid
    it, and how many seconds the alarm took to be shown."""

    seed: int
    problems: list[str]
    alarmed: bool
    undone: bool
    delay: float


@cache
def memory() -> Memory:
    """This real process's."""
    return Memory()


@contextmanager
def defects(problem: Callable[[str], None]) -> Iterator[None]:
    """Whatever the bot logs of its own failures is a problem."""

    def hear(_logger: Any, _method: str, event: Any) -> Any:
        if event["event"] in DEFECTS:
            problem(f"the bot logs {dict(event)}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[hear],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
    )
    try:
        yield
    finally:
        structlog.configure(**before)


def one(seed: int, days: int) -> Outcome:
    """A seed from its start to its end, under the judges."""

    async def live(loop: SimulatedLoop) -> World:
        world = World(seed, loop, memory(), days)
        loop.set_exception_handler(_unheard)
        await world.make()
        with defects(world.problem), never_idle():
            await world.live()
        return world

    began = time.process_time()
    world = run(live)
    return Outcome(
        seed=seed,
        days=days,
        problems=world.problems,
        cpu=time.process_time() - began,
        checkins=len(world.checkins.asks),
        missed=len(world.checkins.missed),
        incidents=len(world.cases.cases),
        messages=sum(len(server.shown) for server in world.servers),
        ends=len(world.runs) - 1,
        duplicates=world.messages.duplicates,
        worst=world.worst,
    )


def answered(seed: int) -> Answered:
    """One question and its replies, held against the model of them."""

    async def live(loop: SimulatedLoop) -> History:
        history = History(seed, loop, memory())
        loop.set_exception_handler(_unheard)
        with defects(history.problems.append), never_idle():
            await history.live()
        return history

    history = run(live)
    return Answered(seed, history.problems, history.alarmed, history.undone, history.delay)


def _unheard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A task whose end nobody waited for; one that ended with its process is none."""
    if not isinstance(context.get("exception"), Killed):
        loop.default_exception_handler(context)


def begin() -> None:
    """What a process of the pool does first: what it has loaded by then is no garbage."""
    memory()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


def spread(work: Callable[[int], T], seeds: Sequence[int]) -> Iterator[T]:
    """All of them in their order, by one real process for each processor, or by `ACUERPA_JOBS`."""
    context = multiprocessing.get_context("spawn")
    jobs = int(os.environ.get("ACUERPA_JOBS", os.cpu_count() or 1))
    with ProcessPoolExecutor(jobs, context, begin) as pool:
        yield from pool.map(work, seeds, chunksize=8)
