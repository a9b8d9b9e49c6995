"""The short version of P6, and that it can fail."""

from __future__ import annotations

from unittest.mock import patch

from bot.domain import mass
from tests.proofs.downtime import p6
from tests.proofs.proof import a_seed, shown


async def test_after_a_night_without_the_bot_nobody_is_buried_in_alarms() -> None:
    figures = await shown("P6", p6, full=False, seed=a_seed())
    assert not figures.problems


async def test_the_proof_sees_a_storm() -> None:
    with patch.object(mass, "MANY", 10**6), patch("handlers.mass.event_for", _alone):
        figures = await p6(False, 1)
    assert figures.problems


async def _alone(*_: object) -> None:
    """Each miss stands alone."""
