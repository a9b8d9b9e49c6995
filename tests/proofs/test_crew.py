"""The short version of CREW."""

from __future__ import annotations

from tests.proofs.crew import crew
from tests.proofs.proof import a_seed, shown


async def test_four_processes_lose_nothing_and_say_nothing_twice() -> None:
    figures = await shown("CREW", crew, full=False, seed=a_seed())
    assert not figures.problems
    assert figures.runs >= 12
