"""The short version of P10: every kind of trouble once, and a bot that is well."""

from __future__ import annotations

from tests.proofs import watcher as proof
from tests.proofs.proof import a_seed, shown


async def test_somebody_outside_knows_in_time() -> None:
    figures = await shown("P10", proof.p10, full=False, seed=a_seed())
    assert not figures.problems
    assert figures.runs == len(proof.TROUBLES)
