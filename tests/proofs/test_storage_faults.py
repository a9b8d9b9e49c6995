"""The short version of P11, its three parts at once, and the seeds that once failed."""

from __future__ import annotations

import asyncio
import tomllib
from functools import partial
from pathlib import Path

import pytest

from tests.proofs.proof import a_seed, shown
from tests.proofs.storage_faults import PARTS, p11

SEED = a_seed()

FAILED_ONCE = tomllib.loads((Path(__file__).parent / "seeds.toml").read_text("utf-8"))

SEEDS = (SEED, *FAILED_ONCE.get("P11", ()))


# The seed is printed with the figures: in a test's name it would be another test each time.
@pytest.mark.parametrize("seed", SEEDS, ids=[str(n) for n in range(len(SEEDS))])
async def test_a_database_that_fails_loses_nothing(seed: int) -> None:
    """Each part is a network of its own, and waits most of the time."""
    parts = await asyncio.gather(
        *(shown("P11", partial(p11, parts=(part,)), full=False, seed=seed) for part in PARTS)
    )
    assert not [problem for figures in parts for problem in figures.problems], seed
    assert all(figures.runs for figures in parts)
