"""The short versions of the proofs with kills, and the seeds that once failed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.proofs.__main__ import find
from tests.proofs.proof import a_seed, shown

SEED = a_seed()

FAILED_ONCE = tomllib.loads((Path(__file__).parent / "seeds.toml").read_text("utf-8"))


def _cases() -> list[tuple[str, int]]:
    """P1 and P2 are two looks at the same runs, which take a minute: of the seeds that failed once."""
    runs = FAILED_ONCE["P2"]
    return [*((p, seed) for seed in runs for p in ("P1", "P2")), ("P3", SEED), ("P17", SEED)]


# The seed is printed with the figures: in a test's name it would be another test each time.
@pytest.mark.parametrize(("promise", "seed"), _cases(), ids=[p for p, _ in _cases()])
async def test_kills(promise: str, seed: int) -> None:
    figures = await shown(promise, find(promise), full=False, seed=seed)
    assert not figures.problems, (seed, figures.problems[:5])
