"""The short version of P18, and that it can fail."""

from __future__ import annotations

from unittest.mock import patch

from bot.engine import worker
from tests.proofs.garbage import p18
from tests.proofs.proof import a_seed, shown


async def test_garbage_does_not_stop_the_bot() -> None:
    figures = await shown("P18", p18, full=False, seed=a_seed())
    assert not figures.problems
    assert figures.runs >= 300


async def test_the_proof_sees_an_event_that_is_tried_for_too_long() -> None:
    with patch.object(worker, "TRIES", 4):
        figures = await p18(True, 1, events_of_each_kind=0, words=False)
    assert any("poison" in problem for problem in figures.problems)
