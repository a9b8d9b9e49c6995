"""The short version of P14, and that it can fail."""

from __future__ import annotations

import random
from pathlib import Path
from unittest.mock import patch

from bot.engine import worker
from tests.proofs import canaries
from tests.proofs.proof import Figures, a_seed, shown


async def test_what_may_be_taken_names_no_one() -> None:
    figures = await shown("P14", canaries.p14, full=False, seed=a_seed())
    assert not figures.problems


async def test_the_proof_sees_a_log_that_says_what_failed(tmp_path: Path) -> None:
    figures = Figures()
    with (
        patch.object(worker, "_place", str),
        patch.object(canaries, "FAILS", 0.5),
        patch.object(canaries, "_everything_is_tried"),  # what fails is found without it
    ):
        await canaries._everybody_talks(figures, tmp_path, random.Random(1), 1, 20, set())
    assert any("stands in" in problem for problem in figures.problems)
