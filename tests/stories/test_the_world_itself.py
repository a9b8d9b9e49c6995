"""The stories can fail: the world notices what no line of a story tells of."""

from pathlib import Path

import pytest

from tests.support.stage_sandbox import SandboxStage
from tests.support.world import World


async def test_a_message_that_nobody_expected_fails_the_story(tmp_path: Path) -> None:
    world = World(await SandboxStage.open(tmp_path / "acuerpa.db"))
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    with pytest.raises(AssertionError, match="Coral did not expect"):
        await world.close()
