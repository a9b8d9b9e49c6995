"""The short version of P5, in its three parts."""

from __future__ import annotations

import pytest

from tests.proofs.load import PARTS, p5
from tests.proofs.proof import Figures, a_seed, shown


@pytest.mark.parametrize("part", PARTS)
async def test_delay_is_bounded(part: str) -> None:
    async def proof(full: bool, seed: int) -> Figures:
        return await p5(full, seed, (part,))

    figures = await shown("P5", proof, full=False, seed=a_seed())
    assert not figures.problems
    assert figures.runs
