"""A month of a group in numbers: what happened, how fast, how often for nothing. No names.

What a person under duress raised counts as an alarm of their own: those who coordinate may be the
ones under duress, and their chat must not tell.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from statistics import median
from zoneinfo import ZoneInfo

from bot.domain.incident import Kind, Notice, Outcome

AT = time(9)
"""Wall time of the group at which the summary of the month before leaves, on the first."""

ENOUGH = 3
"""Answers below which nothing of them is shown: it would be plain whose they are."""

TAKEN = ("taken", "handed_over")
"""Lines of a timeline from which on somebody holds it."""


class Sort(StrEnum):
    """What opened an incident, as far as numbers say it."""

    SILENCE = "silence"
    OWN = "own"
    LOST = "lost"


SORTS = {
    Kind.MISS: Sort.SILENCE, Kind.UNREACHABLE: Sort.SILENCE,
    Kind.PANIC: Sort.OWN, Kind.HELP: Sort.OWN, Kind.DURESS: Sort.OWN,
    Kind.LOST: Sort.LOST,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Past:
    """One incident as its summary needs it. `events`: the lines of its timeline with their times."""

    kind: Kind
    opened_at: datetime
    closed_at: datetime | None
    outcome: Outcome | None
    events: Sequence[tuple[str, datetime]]

    @property
    def taken_after(self) -> timedelta | None:
        """From its opening to the first who took it; None if nobody did."""
        at = next((at for event, at in self.events if event in TAKEN), None)
        return None if at is None else at - self.opened_at

    @property
    def closed_after(self) -> timedelta | None:
        """From its opening to its end."""
        return None if self.closed_at is None else self.closed_at - self.opened_at

    @property
    def silent_steps(self) -> int:
        """Steps of its plan that were told and let the next one come; all of them, if it ran out."""
        told, exhausted = 0, False
        for event, _ in self.events:
            if event in TAKEN:
                break
            told += event == Notice.ALARM.value
            exhausted = exhausted or event == Notice.EXHAUSTED.value
        return told if exhausted else max(0, told - 1)


@dataclass(frozen=True, slots=True)
class Spans:
    """How long something took: the one in the middle, and the worst."""

    median: timedelta
    worst: timedelta

    @classmethod
    def of(cls, spans: Iterable[timedelta | None]) -> Spans | None:
        """None if there are none."""
        seconds = [span.total_seconds() for span in spans if span is not None]
        if not seconds:
            return None
        return cls(timedelta(seconds=median(seconds)), timedelta(seconds=max(seconds)))


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers. `false_alarms` of those `closed`; `untaken` were never held by anybody."""

    total: int
    kinds: Mapping[Sort, int]
    outcomes: Mapping[Outcome | None, int]
    taken: Spans | None
    closed: Spans | None
    untaken: int
    false_alarms: int
    ended: int
    silent_steps: int

    @property
    def false_rate(self) -> int:
        """Percent of those that ended, rounded."""
        return round(100 * self.false_alarms / self.ended) if self.ended else 0


def summed(incidents: Iterable[Past]) -> Summary:
    """Over the incidents of a month; the canary's are none."""
    found = [incident for incident in incidents if incident.kind is not Kind.CANARY]
    ended = [incident for incident in found if incident.outcome is not None]
    return Summary(
        total=len(found),
        kinds=Counter(SORTS[incident.kind] for incident in found),
        outcomes=Counter(incident.outcome for incident in found),
        taken=Spans.of(incident.taken_after for incident in found),
        closed=Spans.of(incident.closed_after for incident in ended),
        untaken=sum(incident.taken_after is None for incident in found),
        false_alarms=sum(incident.outcome is Outcome.FALSE_ALARM for incident in ended),
        ended=len(ended),
        silent_steps=sum(incident.silent_steps for incident in found),
    )


def month_before(now: datetime, zone: str) -> date:
    """The first day of the last month that is over there."""
    today = now.astimezone(ZoneInfo(zone)).date()
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1)


def bounds(month: date, zone: str) -> tuple[datetime, datetime]:
    """When a month begins and ends there. `month` is its first day."""
    start = datetime.combine(month, time(0), ZoneInfo(zone))
    after = (month + timedelta(days=32)).replace(day=1)
    end = datetime.combine(after, time(0), ZoneInfo(zone))
    utc = ZoneInfo("UTC")
    return start.astimezone(utc), end.astimezone(utc)


def next_summary(now: datetime, zone: str) -> datetime:
    """The next first of a month, at `AT` there."""
    local = now.astimezone(ZoneInfo(zone))
    first = local.date().replace(day=1)
    at = datetime.combine(first, AT, ZoneInfo(zone))
    if at <= local:
        at = datetime.combine((first + timedelta(days=32)).replace(day=1), AT, ZoneInfo(zone))
    return at.astimezone(ZoneInfo("UTC"))


MONTH = re.compile(r"\s*(\d{4})[-/](\d{1,2})\s*|\s*(\d{1,2})[-/](\d{4})\s*", re.ASCII)


def read_month(text: str) -> date | None:
    """The month that "2026-10" or "10/2026" means."""
    found = MONTH.fullmatch(text)
    if found is None:
        return None
    year, month = int(found[1] or found[4]), int(found[2] or found[3])
    return date(year, month, 1) if 1 <= month <= 12 and 2000 <= year <= 9000 else None
