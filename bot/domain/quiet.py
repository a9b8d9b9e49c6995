"""Quiet hours: a part of the day in which a member's schedules ask nothing.

A question that would come inside them comes at their end, so that nobody drops off the watch by
sleeping; several of one schedule are then one. Alarms, trips, single questions and the end of a
silence come whenever they are due: the person asked for them at that time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from bot.domain.schedule import Schedule, last_due, next_due, wall_to_instant, zone_named

LONGEST = timedelta(hours=12)
"""More than half the day is no rest, it is a silence; and a silence has an end and is announced."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Quiet:
    """From one wall time to another, over midnight if it ends earlier than it begins."""

    start: time
    end: time

    @property
    def length(self) -> timedelta:
        """By the clock; the same time twice is nothing."""
        minutes = (self.end.hour - self.start.hour) * 60 + self.end.minute - self.start.minute
        return timedelta(minutes=minutes % (24 * 60))

    def to_json(self) -> list[str]:
        """Plain values for storing."""
        return [self.start.isoformat("minutes"), self.end.isoformat("minutes")]

    @classmethod
    def from_json(cls, value: list[str]) -> Quiet:
        """The opposite of `to_json`."""
        return cls(time.fromisoformat(value[0]), time.fromisoformat(value[1]))

    def moved(self, instant: datetime, zone: str) -> datetime:
        """The instant itself, or the end of the quiet hours that it lies in. Never earlier."""
        today = instant.astimezone(zone_named(zone)).date()
        for day in (today - _DAY, today):
            start = wall_to_instant(day, self.start, zone)
            last = day if self.start < self.end else day + _DAY
            end = wall_to_instant(last, self.end, zone)
            if start <= instant < end:
                return end
        return instant


def next_asked(rule: Schedule, quiet: Quiet | None, zone: str, after: datetime) -> datetime:
    """`next_due` with the quiet hours of a person in `zone`: the first question after `after`."""
    if quiet is None:
        return next_due(rule, after)
    due = next_due(rule, after - _DAY)
    while (moved := quiet.moved(due, zone)) <= after:
        due = next_due(rule, due)
    return moved


def last_asked(rule: Schedule, quiet: Quiet | None, zone: str, until: datetime) -> datetime | None:
    """`last_due` with quiet hours."""
    due = last_due(rule, until)
    if due is None or quiet is None:
        return due
    moved = quiet.moved(due, zone)
    while moved > until:
        due = last_due(rule, due - timedelta(microseconds=1))
        if due is None:
            return None
        moved = quiet.moved(due, zone)
    return moved
