"""The short versions of the simulation and of P4, and the worlds that once failed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.proofs import simulation
from tests.proofs.__main__ import find
from tests.proofs.proof import a_seed, shown

FAILED_ONCE = tomllib.loads((Path(__file__).parent / "seeds.toml").read_text("utf-8"))


@pytest.mark.parametrize("promise", ["P4", "SIM"])
async def test_simulation(promise: str) -> None:
    figures = await shown(promise, find(promise), full=False, seed=a_seed())
    assert not figures.problems, figures.problems[:5]


def test_worlds_and_histories_that_once_failed() -> None:
    for figures in (
        simulation.lived(FAILED_ONCE.get("worlds", []), simulation.DAYS),
        simulation.agreed(FAILED_ONCE.get("histories", [])),
    ):
        assert not figures.problems, figures.problems[:5]
