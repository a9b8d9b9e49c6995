"""The whole bot in simulated time (SIM), and answers around a deadline against a model of them (P4)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from random import Random

from tests.proofs.proof import Figures
from tests.simulation.seeds import Outcome, answered, one, spread

SEEDS, DAYS = 10_000, 30
SHORT_SEEDS, SHORT_DAYS = 100, 7
HISTORIES, SHORT_HISTORIES = 10_000, 250


def drawn(seed: int, count: int) -> list[int]:
    """The seeds of the worlds, by that of the proof."""
    return Random(seed).sample(range(2**31), count)


async def sim(full: bool, seed: int) -> Figures:
    """Worlds of one small group each, from their first day to their last."""
    days = DAYS if full else SHORT_DAYS
    return lived(drawn(seed, SEEDS if full else SHORT_SEEDS), days)


def lived(seeds: list[int], days: int) -> Figures:
    """These worlds. A problem says which, to be lived again by `python -m tests.simulation`."""
    figures, cpu = Figures(worst_delay_s=0.0), 0.0
    sums = dict.fromkeys(("checkins", "missed", "incidents", "messages", "ends"), 0)
    for world in _worlds(seeds, days):
        figures.runs += 1
        figures.lost += bool(world.problems)
        figures.duplicated += world.duplicates
        figures.worst_delay_s = max(figures.worst_delay_s or 0.0, world.worst.get("missed", 0.0))
        figures.problems += [f"{world.seed} for {days} days: {words}" for words in world.problems]
        cpu += world.cpu
        for name in sums:
            sums[name] += getattr(world, name)
    sums["kills"] = sums.pop("ends")
    figures.more = {"days": days * figures.runs, **sums, **_speed(figures.runs * days, cpu)}
    return figures


def _worlds(seeds: Sequence[int], days: int) -> Iterator[Outcome]:
    """Each as it ends. The whole takes hours: what a run that was stopped had lived is in the file
    that `ACUERPA_WORLDS` names, a line a world, and is not lived again."""
    named = os.environ.get("ACUERPA_WORLDS")
    if named is None:
        yield from spread(partial(one, days=days), seeds)
        return
    kept = Path(named)
    lines = kept.read_text("utf-8").splitlines() if kept.exists() else []
    before = {o.seed: o for o in (Outcome(**json.loads(line)) for line in lines) if o.days == days}
    yield from (before[seed] for seed in seeds if seed in before)
    with kept.open("a", encoding="utf-8", buffering=1) as file:
        for world in spread(partial(one, days=days), [s for s in seeds if s not in before]):
            file.write(json.dumps(asdict(world)) + "\n")
            yield world


def _speed(days: int, cpu: float) -> dict[str, object]:
    return {"days_per_cpu_s": round(days / cpu, 1)} if cpu else {}


async def p4(full: bool, seed: int) -> Figures:
    """Histories of one question each."""
    return agreed(drawn(seed, HISTORIES if full else SHORT_HISTORIES))


def agreed(seeds: list[int]) -> Figures:
    """These histories and the model."""
    figures = Figures(worst_delay_s=0.0)
    alarms = undone = 0
    for history in spread(answered, seeds):
        figures.runs += 1
        figures.lost += bool(history.problems)
        figures.worst_delay_s = max(figures.worst_delay_s or 0.0, history.delay)
        figures.problems += [f"history {history.seed}: {words}" for words in history.problems]
        alarms += history.alarmed
        undone += history.undone
    figures.more = {"alarms": alarms, "undone": undone}
    return figures
