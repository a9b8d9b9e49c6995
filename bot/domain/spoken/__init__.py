"""Durations, times, days and instants as people write them, in Spanish and English.

Every reader takes the whole text or gives None: half understood would be a wrong hour of a check-in
or an arrival. Nothing is guessed that people mean in two ways ("12 de la mañana", "un mes"); the
caller shows what was understood and lets it be confirmed. Nothing here raises for what was written.
"""

from __future__ import annotations

from bot.domain.spoken.durations import read_duration
from bot.domain.spoken.instants import Clocks, at_change_of_clocks, read_instant, readings
from bot.domain.spoken.schedules import NotUnderstood, Part, ScheduleParts, read_schedule
from bot.domain.spoken.times import read_time
from bot.domain.spoken.weekdays import read_days
from bot.domain.spoken.words import LONGEST, LONGEST_LINE, MOST

__all__ = [
    "LONGEST",
    "LONGEST_LINE",
    "MOST",
    "Clocks",
    "NotUnderstood",
    "Part",
    "ScheduleParts",
    "at_change_of_clocks",
    "read_days",
    "read_duration",
    "read_instant",
    "read_schedule",
    "read_time",
    "readings",
]
