"""From the stored event to the alarm that a platform is handed: what of that is our own time.

P5 measures the real process under load. Here it is the time that this process computes, so that a
machine which is busy with something else makes no difference: with nobody waiting, it is the delay.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from bot.platforms.base import Outgoing, Receipt
from tests.support.stage_sandbox import SandboxStage
from tests.support.world import World

MOST = 2.0
"""Seconds."""

NAMES = ("Berta", "Carla", "Rita", "Dora", "Elena", "Nube", "Luna", "Flor", "Paz", "Mar", "Sol")
"""Who is told at once, with the one who coordinates."""


async def test_one_tap_is_with_the_first_step_at_once(tmp_path: Path) -> None:
    stage = await SandboxStage.open(tmp_path / "acuerpa.db")
    world = World(stage)
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    circle = await group.joined(*NAMES)
    handed: list[float] = []
    stored: list[float] = []

    carry_out = stage.town.carry_out

    def noted(request: Outgoing) -> Receipt:
        if "pide auxilio" in request.text.plain:
            handed.append(time.process_time())
        return carry_out(request)

    events_after = stage.town.events_after

    def given(cursor: str | None) -> Any:
        events = events_after(cursor)
        if events:
            stored.append(time.process_time())  # just before it is stored
        return events

    stage.town.carry_out = noted  # type: ignore[method-assign]
    stage.town.events_after = given  # type: ignore[method-assign]
    await ana.presses("Un toque")
    assert len(handed) == len(NAMES) + 1
    assert handed[0] - stored[0] < MOST / 2
    assert handed[-1] - stored[0] < MOST
    await ana.sees("Avisé a tu red")
    for person in circle:
        await person.sees("Ana pide auxilio")
    await group.coordinator.sees("Ana pide auxilio")
    await world.close()
