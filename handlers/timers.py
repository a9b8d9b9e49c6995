"""What is done when a timer is due, by its kind."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from handlers import (
    aftercare,
    aftermath,
    alliances,
    amending,
    board,
    care,
    checkins,
    collectives,
    complaints,
    consent,
    contacts,
    decisions,
    drill_report,
    drills,
    duress,
    duty,
    fading,
    feedback,
    following,
    incidents,
    leaving,
    lost,
    mass,
    panic_button,
    proposals,
    publishing,
    readers,
    reviewing,
    stages,
    summary,
    trips,
)
from handlers.context import Due

TIMERS = {
    incidents.TIMER: incidents.on_timer,
    checkins.TIMER: checkins.on_timer,
    mass.TIMER: incidents.on_mass_timer,
    checkins.SCHEDULE_TIMER: checkins.on_schedule,
    checkins.DOUBT_TIMER: checkins.on_doubt,
    stages.TIMER: checkins.on_stage,
    stages.SOON_TIMER: trips.on_soon,
    collectives.TIMER: collectives.on_timer,
    publishing.TIMER: publishing.on_timer,
    publishing.WAIT_TIMER: publishing.on_time,
    reviewing.TIMER: reviewing.on_timer,
    amending.TIMER: amending.on_timer,
    readers.TIMER: readers.on_timer,
    following.TIMER: following.on_timer,
    consent.TIMER: consent.on_timer,
    decisions.TIMER: decisions.on_timer,
    leaving.TIMER: leaving.on_timer,
    duress.TIMER: duress.on_timer,
    lost.TIMER: lost.on_timer,
    duty.TIMER: duty.on_timer,
    alliances.TIMER: alliances.on_timer,
    proposals.TIMER: proposals.on_timer,
    fading.QUESTION_TIMER: fading.on_question,
    fading.DETAIL_TIMER: fading.on_details,
    fading.TRIP_TIMER: fading.on_trip,
    fading.READ_TIMER: fading.on_read,
    board.TIMER: board.on_timer,
    summary.TIMER: summary.on_timer,
    aftermath.TIMER: aftermath.on_timer,
    aftercare.TIMER: aftercare.on_timer,
    feedback.TIMER: feedback.on_timer,
    care.TIMER: care.on_timer,
    complaints.TIMER: complaints.on_timer,
    panic_button.TIMER: panic_button.on_timer,
    drills.TIMER: drills.on_timer,
    drills.SCHEDULE_TIMER: drills.on_schedule,
    drill_report.TIMER: drill_report.on_timer,
    contacts.TIMER: contacts.on_timer,
    contacts.COVER_TIMER: contacts.on_cover,
    contacts.IGNORED_TIMER: contacts.on_ignored,
}

MANY = {checkins.SCHEDULE_TIMER: checkins.on_schedules}
"""Those of which many are due at once."""


class Occasion(Due, Protocol):
    """A timer that is carried out (`bot.engine.handling.Occasion`)."""

    @property
    def kind(self) -> str:
        """Which of `TIMERS` it is for."""

    @property
    def now(self) -> datetime:
        """The instant."""
