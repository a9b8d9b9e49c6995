"""The short version of P7, and that it can fail."""

from __future__ import annotations

import random

import pytest

from tests.proofs import fence as proof
from tests.proofs.proof import Figures, a_seed, shown
from tests.support.zygote import Zygote


async def test_only_one_of_two_bots_acts() -> None:
    figures = await shown("P7", proof.p7, full=False, seed=a_seed())
    assert not figures.problems
    assert figures.runs == 6


@pytest.mark.parametrize(
    ("without", "seen"), [("fence", "without the right"), ("permit", "sent at")]
)
async def test_the_proof_sees_a_stale_process(
    fresh_postgres: str, without: str, seen: str
) -> None:
    """Without the number in its statements it writes; without the last look it sends."""
    figures = Figures(more=proof.nothing())
    rng = random.Random(a_seed())
    async with await Zygote.start() as zygote:
        await proof.swapped(zygote, figures, rng, 30, fresh_postgres, [without], until=seen)
    assert any(seen in problem for problem in figures.problems), figures.line("P7", 0)
