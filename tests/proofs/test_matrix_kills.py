"""The short version of the proof with kills on Matrix, and the seeds that once failed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.proofs.__main__ import find
from tests.proofs.proof import a_seed, shown

SEED = a_seed()
FAILED_ONCE = tomllib.loads((Path(__file__).parent / "seeds.toml").read_text("utf-8"))
SEEDS = (SEED, *FAILED_ONCE.get("P2M", ()))


# The seed is printed with the figures: in a test's name it would be another test each time.
@pytest.mark.parametrize("seed", SEEDS, ids=[f"P2M-{n}" for n in range(len(SEEDS))])
async def test_kills_on_matrix(seed: int) -> None:
    figures = await shown("P2M", find("P2M"), full=False, seed=seed)
    assert not figures.problems, (seed, figures.problems[:5])
