"""The short version of P9: every trouble, a few of its places."""

from __future__ import annotations

from tests.proofs.channels import TROUBLES, Shape, p9, table
from tests.proofs.proof import a_seed, shown


def test_the_table_has_every_trouble_at_every_step_and_in_every_shape() -> None:
    cases = table()
    assert len(cases) == len(set(cases)) == len(TROUBLES) * (3 * 3 + 3)
    assert {case.shape for case in cases} == set(Shape)


async def test_failing_to_reach_somebody_is_itself_escalated() -> None:
    figures = await shown("P9", p9, full=False, seed=a_seed())
    assert not figures.problems
    assert figures.more["troubles"] == len(TROUBLES)
