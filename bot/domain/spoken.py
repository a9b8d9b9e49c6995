"""Times and durations as people write them, in Spanish and English."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain.answers import plain
from bot.domain.schedule import EVERY_DAY

DEFAULT_GRACE = timedelta(minutes=45)

UNITS = {"min": 60, "m": 60, "h": 3600, "d": 86400}
SPAN = re.compile(
    r"(\d{1,4})\s*(?:(min|m)(?:inutos?|inutes?|utos?|ins?|s)?|(h)(?:oras?|ours?|rs?|s)?"
    r"|(d)(?:ias?|ays?|s)?)?\b"
)
WORDS = {
    "media hora": timedelta(minutes=30),
    "half an hour": timedelta(minutes=30),
    "una hora": timedelta(hours=1),
    "an hour": timedelta(hours=1),
    "one hour": timedelta(hours=1),
    "hora y media": timedelta(minutes=90),
    "una hora y media": timedelta(minutes=90),
    "an hour and a half": timedelta(minutes=90),
}
CLOCK = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?\s*(?:h|hrs?|horas)?\s*(am|pm|a\.m\.|p\.m\.)?")
NAMED_TIMES = {"mediodia": time(12), "noon": time(12), "medianoche": time(0), "midnight": time(0)}
PARTS_OF_DAY = {
    "de la manana": "am", "de la madrugada": "am", "in the morning": "am",
    "de la tarde": "pm", "de la noche": "pm", "in the afternoon": "pm", "in the evening": "pm",
    "at night": "pm",
}  # fmt: skip
DAY_NAMES = (
    ("lun", "lunes", "mon", "monday"),
    ("mar", "martes", "tue", "tuesday"),
    ("mie", "miercoles", "wed", "wednesday"),
    ("jue", "jueves", "thu", "thursday"),
    ("vie", "viernes", "fri", "friday"),
    ("sab", "sabado", "sat", "saturday"),
    ("dom", "domingo", "sun", "sunday"),
)
DAY_NUMBER = {name: number for number, names in enumerate(DAY_NAMES) for name in names}
DAY_SETS = {
    "todos los dias": EVERY_DAY, "cada dia": EVERY_DAY, "diario": EVERY_DAY,
    "every day": EVERY_DAY, "daily": EVERY_DAY,
    "entre semana": frozenset(range(5)), "weekdays": frozenset(range(5)),
    "fin de semana": frozenset({5, 6}), "fines de semana": frozenset({5, 6}),
    "weekend": frozenset({5, 6}), "weekends": frozenset({5, 6}),
}  # fmt: skip
LABELS = re.compile(r"\b(margen|grace|avisos?|recordatorios?|reminders?)\b")
AND = re.compile(r"\s*,\s*|\s+(?:y|e|and)\s+")


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """The part that could not be read: "times", "days", "grace" or "reminders", and its text."""

    part: str
    text: str


@dataclass(frozen=True, slots=True)
class ScheduleParts:
    """A schedule as written; `reminders` None where nothing was said of them."""

    times: tuple[time, ...]
    days: frozenset[int]
    grace: timedelta
    reminders: tuple[timedelta, ...] | None


def read_duration(text: str) -> timedelta | None:
    """ "45 min", "2 h", "1 h 30", "media hora"; a bare number is minutes. None if it is not one."""
    words = plain(text).strip()
    if words in WORDS:
        return WORDS[words]
    total, at = 0, 0
    for found in SPAN.finditer(words):
        if words[at : found.start()].strip() not in ("", "y", "and"):
            return None
        unit = next((u for u in found.groups()[1:] if u), None)
        # "1 h 30": a bare number after hours is minutes, as it is alone.
        total += int(found[1]) * UNITS[unit or "min"]
        at = found.end()
    return timedelta(seconds=total) if total and not words[at:].strip() else None


def read_time(text: str) -> time | None:
    """ "9", "9:30", "21h", "9 pm", "9 de la noche", "noon". None if there is no such time."""
    words = plain(text).strip()
    for lead in ("a las ", "a la ", "at "):
        words = words.removeprefix(lead)
    if words in NAMED_TIMES:
        return NAMED_TIMES[words]
    for phrase, half in PARTS_OF_DAY.items():
        words = words.replace(phrase, half)
    found = CLOCK.fullmatch(words.strip())
    if found is None:
        return None
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").replace(".", "")
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def read_days(text: str) -> frozenset[int] | None:
    """ "lun-vie", "lunes a viernes", "lun, mié y vie", "diario". None if it is not days."""
    words = plain(text).strip()
    if words in DAY_SETS:
        return DAY_SETS[words]
    days: set[int] = set()
    for part in AND.split(words):
        ends = re.split(r"\s*-\s*|\s+(?:a|to|al)\s+", part.removeprefix("de ").strip())
        numbers = [DAY_NUMBER.get(end.strip()) for end in ends]
        if len(numbers) > 2 or any(number is None for number in numbers):
            return None
        first, last = numbers[0] or 0, numbers[-1] or 0
        days |= {(first + i) % 7 for i in range((last - first) % 7 + 1)}
    return frozenset(days) or None


def read_schedule(text: str) -> ScheduleParts | NotUnderstood:
    """ "09:00 y 21:00 lun-vie margen 45 min avisos 15 min, 30 min"."""
    head, *labelled = LABELS.split(text.casefold())
    grace, reminders = DEFAULT_GRACE, None
    for label, value in zip(labelled[::2], labelled[1::2], strict=True):
        if label in ("margen", "grace"):
            span = read_duration(value.strip(" ,;"))
            if span is None:
                return NotUnderstood("grace", value.strip())
            grace = span
        else:
            spans = [read_duration(v) for v in AND.split(value.strip(" ,;"))]
            if any(s is None for s in spans):
                return NotUnderstood("reminders", value.strip())
            reminders = tuple(sorted(s for s in spans if s is not None))
    times: list[time] = []
    words = AND.sub(" , ", head.strip()).split()
    while words and (words[0] == "," or read_time(words[0]) is not None):
        at = read_time(words[0])
        if at is not None:
            times.append(at)
        words.pop(0)
    rest = " ".join(words).replace(" ,", ",").strip(" ,;")
    days = read_days(rest) if rest else EVERY_DAY
    if not times:
        return NotUnderstood("times", head.strip())
    if days is None:
        return NotUnderstood("days", rest)
    return ScheduleParts(tuple(sorted(set(times))), days, grace, reminders)


def read_instant(text: str, now: datetime, zone: str) -> datetime | None:
    """ "mañana a las 9", "en 3 horas", "2026-12-01 09:00": a future instant in UTC, or None."""
    import dateparser  # here, since it takes long to load and few conversations need it

    local = now.astimezone(ZoneInfo(zone))
    found = dateparser.parse(
        text[:100],
        languages=["es", "en"],
        settings={
            "PREFER_DATES_FROM": "future",
            "RELATIVE_BASE": local.replace(tzinfo=None),
            "TIMEZONE": zone,
            "RETURN_AS_TIMEZONE_AWARE": True,
        },
    )
    if found is None:
        return None
    instant = found.astimezone(UTC)
    return instant if instant > now else None
