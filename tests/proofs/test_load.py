"""The short version of P5: fewer people, and no connections that are torn down."""

from __future__ import annotations

from tests.proofs.load import p5
from tests.proofs.proof import a_seed, shown


async def test_delay_is_bounded() -> None:
    figures = await shown("P5", p5, full=False, seed=a_seed())
    assert not figures.problems
    assert figures.runs
