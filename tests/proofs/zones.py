"""The pure half of P8: schedules over every change of clocks of twenty odd zones, 2020 to 2030.

`next_due` is walked from three days before a change to three days after it, and held against a
model that knows nothing of it: it looks at the zone's wall clock at every real minute. A wall time
is asked at the first minute whose clock shows it; if no minute of its day shows it, at the first
minute after the clocks jumped over it.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain.schedule import EVERY_DAY, MAX_TIMES, Schedule, next_due
from tests.proofs.proof import Figures

ZONES = (
    "America/Santiago", "Africa/Casablanca", "Australia/Lord_Howe", "Antarctica/Troll",
    "America/Mexico_City", "America/Bogota", "America/Asuncion", "America/Havana",
    "America/Caracas", "America/Tijuana", "America/Ciudad_Juarez", "America/Guatemala",
    "America/Sao_Paulo", "America/New_York", "Europe/Madrid", "Africa/Cairo", "Asia/Gaza",
    "Asia/Tehran", "Asia/Beirut", "Pacific/Apia",
)  # fmt: skip
"""The first four are what the short version checks: changes at midnight, in Ramadan, by half an
hour, and by two hours."""

YEARS = (2020, 2030)
AROUND = timedelta(days=3)
MINUTE = timedelta(minutes=1)


def changes(zone: ZoneInfo) -> list[datetime]:
    """Every instant in those years at which the zone's offset changes, found by looking."""
    at = datetime(YEARS[0], 1, 1, tzinfo=UTC)
    end = datetime(YEARS[1] + 1, 1, 1, tzinfo=UTC)
    found = []
    while at < end:
        following = at + timedelta(hours=6)  # no zone changes back and forth within six hours
        if at.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            low, high = at, following
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                middle = middle.replace(microsecond=0)
                if middle.astimezone(zone).utcoffset() == at.astimezone(zone).utcoffset():
                    low = middle
                else:
                    high = middle
            found.append(high)
        at = following
    return found


def wall_times(change: datetime, zone: ZoneInfo, chance: random.Random) -> tuple[time, ...]:
    """Wall times at, around and inside a change, and some of any hour."""
    before = (change - MINUTE).astimezone(zone)
    after = change.astimezone(zone)
    old = before.replace(tzinfo=None) + MINUTE  # what the clock would have shown at the change
    new = after.replace(tzinfo=None)
    low, high = min(old, new), max(old, new)
    inside = (high - low) // MINUTE
    walls = {
        *(low + step * MINUTE for step in (-61, -1, 0, 1, inside // 2, inside - 1)),
        *(high + step * MINUTE for step in (0, 1, 61)),
        *(low + chance.randrange(-180, 240) * MINUTE for _ in range(6)),
        *(low + chance.randrange(1440) * MINUTE for _ in range(6)),
    }
    times = sorted({wall.time().replace(second=0, microsecond=0) for wall in walls})
    return tuple(times[:MAX_TIMES])


def model(
    times: tuple[time, ...], days: frozenset[int], zone: ZoneInfo, start: datetime, end: datetime
) -> list[datetime]:
    """When each wall time should be asked after `start` up to `end`, by watching the wall clock."""
    shown: dict[tuple[date, time], datetime] = {}
    jumps: list[tuple[datetime, datetime, datetime]] = []  # from, to (wall) and when
    at = start - timedelta(days=2)
    last = at.astimezone(zone).replace(tzinfo=None)
    while at <= end + timedelta(days=1):
        wall = at.astimezone(zone).replace(tzinfo=None)
        shown.setdefault((wall.date(), wall.time()), at)
        if wall - last > MINUTE:
            jumps.append((last, wall, at))
        last, at = wall, at + MINUTE
    asked = set()
    day = (start - timedelta(days=2)).astimezone(zone).date()
    while day <= (end + timedelta(days=1)).astimezone(zone).date():
        for wall_time in times if day.weekday() in days else ():
            instant = shown.get((day, wall_time))
            if instant is None:
                wanted = datetime.combine(day, wall_time)
                instant = next((when for a, b, when in jumps if a < wanted < b), None)
            if instant is not None and start < instant <= end:
                asked.add(instant)
        day += timedelta(days=1)
    return sorted(asked)


def walked(schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
    """What `next_due` gives, asked again with each of its answers."""
    found, at = [], start
    while (at := next_due(schedule, at)) <= end:
        found.append(at)
    return found


async def zones(full: bool, seed: int) -> Figures:
    """Every change of each zone; four zones in the short version."""
    chance = random.Random(seed)
    figures = Figures()
    questions = 0
    for name in ZONES if full else ZONES[:4]:
        zone = ZoneInfo(name)
        for change in changes(zone):
            figures.runs += 1
            # Changes are in whole minutes in these years; the walk by minutes relies on it.
            figures.check(change.second == 0, f"{name}: {change} is not a whole minute")
            times = wall_times(change, zone, chance)
            some_days = frozenset(chance.sample(range(7), chance.randrange(1, 7)))
            start, end = change - AROUND, change + AROUND
            for days in (EVERY_DAY, some_days):
                schedule = Schedule(days, times, name, timedelta(minutes=5))
                wanted = Counter(model(times, days, zone, start, end))
                given = Counter(walked(schedule, start, end))
                questions += wanted.total()
                missing, extra = wanted - given, given - wanted
                figures.lost += missing.total()
                figures.duplicated += extra.total()
                figures.check(
                    not missing and not extra,
                    f"{name} at {change}: missing {sorted(missing)[:3]}, extra {sorted(extra)[:3]}",
                )
    figures.check(figures.runs > 0, "no change of clocks was found")
    figures.more = {"questions": questions}
    return figures
