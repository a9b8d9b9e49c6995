"""The short version of P11, in its three parts."""

from __future__ import annotations

import pytest

from tests.proofs.proof import Figures, a_seed, shown
from tests.proofs.storage_faults import PARTS, p11


@pytest.mark.parametrize("part", PARTS)
async def test_a_database_that_fails_loses_nothing(part: str) -> None:
    async def proof(full: bool, seed: int) -> Figures:
        return await p11(full, seed, (part,))

    figures = await shown("P11", proof, full=False, seed=a_seed())
    assert not figures.problems
    assert figures.runs
