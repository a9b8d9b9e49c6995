"""What takes the words of a conversation of several steps, by its topic."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bot.domain.answers import Answer, understand
from handlers import (
    aftercare,
    care,
    checkins,
    collectives,
    complaints,
    covers,
    denunciation_acts,
    denunciations,
    duress,
    feedback,
    incident_acts,
    incidents,
    joining,
    my_data,
    notes,
    once,
    plan_editor,
    readings,
    regions,
    roles,
    rotations,
    silences,
    taking_back,
    trips,
)
from handlers.context import Context

Talk = Callable[[Context, str, dict[str, Any], str], Awaitable[None]]

READ: dict[str, readings.Carry] = {
    "trip": trips.read,
    "once": once.read,
    "silence": silences.read,
    "collective": collectives.read,
}
"""What goes on once it is known which of two times was meant."""


async def _which_reading(ctx: Context, _step: str, data: dict[str, Any], text: str) -> None:
    """Which time is meant; but how somebody is comes before when they travel."""
    if ctx.duress or understand(text) is not Answer.UNCLEAR:
        await checkins.said(ctx, text)
    else:
        await readings.words(ctx, data, text, READ)


TALKS: dict[str, Talk] = {
    trips.TOPIC: trips.words,
    readings.TOPIC: _which_reading,
    collectives.TOPIC: collectives.words,
    joining.TOPIC: joining.words,
    incidents.TOPIC: incident_acts.words,
    denunciations.TOPIC: denunciation_acts.words,
    roles.TOPIC: roles.words,
    duress.TOPIC: duress.words,
    taking_back.TOPIC: taking_back.words,
    my_data.ERASE_TOPIC: my_data.words,
    regions.TOPIC: regions.words,
    rotations.TOPIC: rotations.words,
    covers.TOPIC: covers.words,
    plan_editor.TOPIC: plan_editor.words,
    aftercare.TOPIC: aftercare.words,
    feedback.TOPIC: feedback.words,
    notes.TOPIC: notes.words,
    care.TOPIC: care.words,
    complaints.TOPIC: complaints.words,
    complaints.CASE_TOPIC: complaints.words_case,
}
"""What takes the words of a conversation of several steps."""
