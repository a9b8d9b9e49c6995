"""When a member is asked: local wall times, turned into instants.

A schedule keeps what the person said ("09:00, Monday to Friday, in Mexico City") and not instants,
because governments move their clocks, sometimes at a few days' notice. Three rules:

- A wall time that does not exist (clocks jump over it) is the next valid instant: the jump itself.
- A wall time that comes twice (clocks go back) is the first of the two.
- Two wall times inside the same jump are therefore the same instant, and one question.

Pure but for one thing: `zoneinfo` reads its tables from the system or from the `tzdata` package,
once for each zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

MIN_GRACE = timedelta(minutes=5)
"""Less is no time to find a phone; it would make false alarms."""

MAX_GRACE = timedelta(hours=24)
"""More is no check-in: nobody would be missed before the next day."""

MAX_TIMES = 24
"""Questions a day."""

MAX_REMINDERS = 10
"""Reminders of one question."""

EVERY_DAY = frozenset(range(7))
"""All weekdays. 0 is Monday, as in `date.weekday`."""

MACHINE_ZONES = frozenset({"localtime", "posixrules", "Factory"})
"""Names in the tables that mean another zone on another machine, or none."""


class Problem(StrEnum):
    """Why a schedule is refused. The words for people are in the catalogues, under these codes."""

    UNKNOWN_ZONE = "unknown_zone"  # zone
    NO_TIMES = "no_times"
    NO_DAYS = "no_days"
    BAD_DAY = "bad_day"  # day
    BAD_TIME = "bad_time"  # time: it has seconds or a zone of its own
    TOO_MANY_TIMES = "too_many_times"  # count, most
    GRACE_TOO_SHORT = "grace_too_short"  # grace, least
    GRACE_TOO_LONG = "grace_too_long"  # grace, most
    REMINDER_OUTSIDE_GRACE = "reminder_outside_grace"  # reminder, grace
    TOO_MANY_REMINDERS = "too_many_reminders"  # count, most


class ScheduleError(ValueError):
    """A schedule that cannot be. `values` are what the text of `code` may show (see `Problem`)."""

    def __init__(self, code: Problem, **values: Any) -> None:
        super().__init__(code.value)
        self.code = code
        self.values: dict[str, Any] = values


def zone_named(name: str) -> ZoneInfo:
    """The IANA zone of that name. Raises `ScheduleError` (unknown_zone)."""
    if name in MACHINE_ZONES:
        raise ScheduleError(Problem.UNKNOWN_ZONE, zone=name)
    try:
        return ZoneInfo(name)
    # KeyError: no such zone. ValueError: not a relative name ("../etc/passwd"), or no zone file.
    # OSError: a folder ("America"), or a name too long for a file.
    except (KeyError, ValueError, OSError) as error:
        raise ScheduleError(Problem.UNKNOWN_ZONE, zone=name) from error


@dataclass(frozen=True, slots=True)
class Schedule:
    """When one member is asked, and for how long the answer is awaited.

    `days` are weekdays, 0 Monday to 6 Sunday, of the wall time (a question that a jump moves over
    midnight still belongs to its own day). `times` are wall times in whole minutes. `grace` counts
    from the question to the miss; `reminders` are offsets after the question, inside the grace.
    Times and reminders are kept sorted and once each. Raises `ScheduleError`.
    """

    days: frozenset[int]
    times: tuple[time, ...]
    zone: str
    grace: timedelta
    reminders: tuple[timedelta, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "days", frozenset(self.days))
        if not self.days:
            raise ScheduleError(Problem.NO_DAYS)
        for day in sorted(self.days - EVERY_DAY):
            raise ScheduleError(Problem.BAD_DAY, day=day)
        if not self.times:
            raise ScheduleError(Problem.NO_TIMES)
        for wall in self.times:  # before sorting: times with and without zone cannot be compared
            if wall.tzinfo is not None or wall.second or wall.microsecond:
                raise ScheduleError(Problem.BAD_TIME, time=wall)
        object.__setattr__(self, "times", tuple(sorted({t.replace(fold=0) for t in self.times})))
        if len(self.times) > MAX_TIMES:
            raise ScheduleError(Problem.TOO_MANY_TIMES, count=len(self.times), most=MAX_TIMES)
        zone_named(self.zone)
        if self.grace < MIN_GRACE:
            raise ScheduleError(Problem.GRACE_TOO_SHORT, grace=self.grace, least=MIN_GRACE)
        if self.grace > MAX_GRACE:
            raise ScheduleError(Problem.GRACE_TOO_LONG, grace=self.grace, most=MAX_GRACE)
        object.__setattr__(self, "reminders", tuple(sorted(set(self.reminders))))
        for reminder in self.reminders:
            if not timedelta(0) < reminder < self.grace:
                raise ScheduleError(
                    Problem.REMINDER_OUTSIDE_GRACE, reminder=reminder, grace=self.grace
                )
        if len(self.reminders) > MAX_REMINDERS:
            raise ScheduleError(
                Problem.TOO_MANY_REMINDERS, count=len(self.reminders), most=MAX_REMINDERS
            )

    def to_json(self) -> dict[str, Any]:
        """Plain values for storing. Durations are whole seconds."""
        return {
            "days": sorted(self.days),
            "times": [wall.isoformat("minutes") for wall in self.times],
            "zone": self.zone,
            "grace": int(self.grace.total_seconds()),
            "reminders": [int(reminder.total_seconds()) for reminder in self.reminders],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Schedule:
        """The opposite of `to_json`.

        Raises `ScheduleError`: also for what was valid when it was stored, if the zone tables of
        this machine are older than those of the one that stored it.
        """
        return cls(
            days=frozenset(value["days"]),
            times=tuple(time.fromisoformat(wall) for wall in value["times"]),
            zone=value["zone"],
            grace=timedelta(seconds=value["grace"]),
            reminders=tuple(timedelta(seconds=seconds) for seconds in value["reminders"]),
        )


def wall_to_instant(day: date, wall: time, zone: str) -> datetime:
    """The UTC instant at which clocks in `zone` show `wall` on `day`.

    The first one if they show it twice; the instant of the jump if they jump over it. So it never
    goes back when the wall time goes forward. Raises `ScheduleError` (unknown_zone).
    """
    tables = zone_named(zone)
    local = datetime.combine(day, wall.replace(fold=0, tzinfo=None), tables)
    instant = local.astimezone(UTC)
    # Aware datetimes of one zone compare by wall time alone, hence `replace(tzinfo=None)`.
    if instant.astimezone(tables).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    # In a jump. Read with the offset from before it (PEP 495: fold=0) the instant lies after the
    # jump, and with the offset from after it (fold=1) before it. Look between them, by the second.
    after = local.replace(fold=1).utcoffset()
    early = local.replace(fold=1).astimezone(UTC)
    low, high = 0, int((instant - early).total_seconds())  # low is before the jump, high is not
    while high - low > 1:
        middle = (low + high) // 2
        if (early + timedelta(seconds=middle)).astimezone(tables).utcoffset() == after:
            high = middle
        else:
            low = middle
    return early + timedelta(seconds=high)


def _occurrences(schedule: Schedule, start: date) -> Iterator[datetime]:
    """Instants from the local day `start` on, never going back; equal ones are one question."""
    for number in range(8):  # a week, and the same weekday again for after today's last question
        day = start + timedelta(days=number)
        if day.weekday() in schedule.days:
            for wall in schedule.times:
                yield wall_to_instant(day, wall, schedule.zone)


def last_due(schedule: Schedule, until: datetime) -> datetime | None:
    """The last question at or before `until`, of the last seven days; None if there was none."""
    today = until.astimezone(zone_named(schedule.zone)).date()
    earlier = _occurrences(schedule, today - timedelta(days=7))
    return max((instant for instant in earlier if instant <= until), default=None)


def next_due(schedule: Schedule, after: datetime) -> datetime:
    """The first question strictly after `after`. Both are UTC instants.

    Starting from any instant and asking again with each answer gives every question once: none is
    skipped or doubled by a change of clocks, except that wall times inside one jump are one
    question. Raises ValueError if `after` has no zone.
    """
    if after.tzinfo is None:
        raise ValueError("after must be an instant, with a zone")
    today = after.astimezone(zone_named(schedule.zone)).date()
    # No earlier day is needed: a wall time of one is never later than any instant of today, not
    # even on a day that a jump left out whole (Apia, 30 December 2011).
    for instant in _occurrences(schedule, today):
        if instant > after:
            return instant
    raise AssertionError("eight days without any weekday")
