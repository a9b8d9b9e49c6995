"""The short version of the pure half of P8, and that it can fail."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

from bot.domain.schedule import wall_to_instant
from tests.proofs import zones as proof
from tests.proofs.proof import a_seed, shown


async def test_no_change_of_clocks_loses_or_doubles_a_question() -> None:
    figures = await shown("P8-zones", proof.zones, full=False, seed=a_seed())
    assert not figures.problems
    assert figures.runs > 50


async def test_the_proof_sees_an_hour_that_is_wrong() -> None:
    def wrong(day, wall, zone):  # type: ignore[no-untyped-def]
        return wall_to_instant(day, wall.replace(fold=0), zone) + timedelta(
            minutes=(day.day % 28 == 0)
        )

    with (
        patch("bot.domain.schedule.wall_to_instant", wrong),
        patch.object(proof, "ZONES", ("Africa/Casablanca",)),
    ):
        figures = await proof.zones(False, 1)
    assert figures.lost
    assert figures.duplicated
