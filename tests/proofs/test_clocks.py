"""The short version of P8, and a clock that went back to 1970 and returned."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

from bot.engine.outages import Outages
from tests.proofs import clocks
from tests.proofs.proof import Figures, a_seed, shown


class Times:
    """Chance that was decided before."""

    def __init__(self, *minutes: float) -> None:
        self._minutes = iter(minutes)

    def uniform(self, _low: float, _high: float) -> float:
        """The next of them."""
        return next(self._minutes)


async def test_a_clock_that_is_set_neither_loses_nor_doubles_anything() -> None:
    figures = await shown("P8", clocks.p8, full=False, seed=a_seed())
    assert not figures.problems


async def test_ana_is_not_asked_again_when_the_clock_comes_back_from_1970() -> None:
    figures = Figures(worst_delay_s=0.0)
    back = clocks.JUMPS["1970"]
    await clocks._set(figures, Times(51.7, 75.95), "1970", back, -back)
    assert not figures.problems


async def test_the_proof_sees_a_countdown_that_follows_a_wrong_clock() -> None:
    async def as_if_nothing(self: Outages, by: timedelta, now: object) -> None:
        """Time that was set counts as time that passed."""

    figures = Figures(worst_delay_s=0.0)
    with patch.object(Outages, "_moved", as_if_nothing):
        await clocks._set(figures, Times(33, 66), "+1h", timedelta(hours=1), timedelta(0))
    assert figures.problems
