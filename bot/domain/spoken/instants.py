"""Instants: "mañana a las 9", "en dos horas", "el 3 de marzo"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from bot.domain.schedule import wall_to_instant, zone_named
from bot.domain.spoken.durations import PIECE, duration_in
from bot.domain.spoken.times import CLOCK_NUMBERS, MIDNIGHT, NOON, TIME, time_in
from bot.domain.spoken.weekdays import DAYS
from bot.domain.spoken.words import DAY, MOST, NUMBERS, made_lean

_NEAR = {
    "hoy": 0, "today": 0, "tonight": 0, "manana": 1, "tomorrow": 1,
    "pasado manana": 2, "day after tomorrow": 2, "the day after tomorrow": 2,
}  # fmt: skip
_NEAR_DAY = re.compile(
    r"(?P<day>hoy|today|tonight|pasado manana|manana|(?:the )?day after tomorrow|tomorrow)"
    r"(?: (?:(?:por|en|a) la )?(?P<part>manana|tarde|noche|morning|afternoon|evening|night))?"
    r"|(?:esta|this) (?P<now>manana|tarde|noche|morning|afternoon|evening)"
)
_PART_OF_DAY = {
    "manana": "de la manana", "tarde": "de la tarde", "noche": "de la noche",
    "morning": "in the morning", "afternoon": "in the afternoon", "evening": "in the evening",
    "night": "at night",
}  # fmt: skip
_WEEKDAY = re.compile(
    r"(?P<next>(?:proximo|next) )?(?:este |this )?(?P<day>[a-z]{3,9})"
    r"(?P<coming> que viene| proximo)?"
)
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})")
_NUMERIC = re.compile(r"(?P<day>\d{1,2})[/-](?P<month>\d{1,2})(?:[/-](?P<year>20\d\d))?")
_NAMED = re.compile(
    r"(?P<day>\d{1,2}|primero)(?:st|nd|rd|th|ro|o|er)?(?: of| de)? (?P<month>[a-z]{3,12})\.?"
    r"(?:(?: de| del)? (?P<year>20\d\d))?"
    r"|(?P<month2>[a-z]{3,12})\.? (?P<day2>\d{1,2})(?:st|nd|rd|th)?(?: (?P<year2>20\d\d))?"
)
_BEFORE_DATE = re.compile(r"^(?:(?:hasta|until|till|para|el|la|del|de|on|the|dia|by|al) )+")
_AFTER_NOW = re.compile(r"^(?:en|in|dentro de|within) ")
_ISO_T = re.compile(r"(?<=\d)t(?=\d)")


def _named_date(day: str, month: str, year: int) -> date | None:
    """The date with a month's name in any spelling that dateparser knows.

    Only this is left to dateparser. Given more it guesses: of 1.5.0, "mañana a las 9" is the hour
    of now, and "viernes 18h" is the 18th.
    """
    if month in NUMBERS:  # to dateparser "nine 30" is the 30th of September
        return None
    # Here and not above: it takes a tenth of a second, which only those pay who use it.
    import dateparser

    found = dateparser.parse(
        f"{day} {month} {year}",
        languages=["es", "en"],
        settings={
            "DATE_ORDER": "DMY",
            "PARSERS": ["absolute-time"],
            "REQUIRE_PARTS": ["day", "month", "year"],
        },
    )
    return date(found.year, found.month, found.day) if found else None


def _dates(text: str, today: date) -> tuple[list[date], str]:
    """The dates that `text` may mean, in order of preference, and a part of the day or ""."""
    text = _BEFORE_DATE.sub("", text)
    if near := _NEAR_DAY.fullmatch(text):
        day = near["day"] or "hoy"
        part = near["part"] or near["now"] or ("night" if day == "tonight" else "")
        return [today + _NEAR[day] * DAY], _PART_OF_DAY.get(part, "")
    if ahead := _AFTER_NOW.match(text):
        wait = duration_in(text[ahead.end() :])
        return ([today + wait], "") if wait and wait % DAY == timedelta(0) else ([], "")
    if (weekday := _WEEKDAY.fullmatch(text)) and weekday["day"] in DAYS:
        days = (DAYS[weekday["day"]] - today.weekday()) % 7
        if days == 0 and (weekday["next"] or weekday["coming"]):
            days = 7
        return [today + days * DAY, today + (days + 7) * DAY], ""
    first, _, rest = text.partition(" ")
    if len(first) > 2 and first in DAYS and rest:  # "lunes 5 de julio": if it is one
        dates, part = _dates(rest, today)
        return [day for day in dates if day.weekday() == DAYS[first]], part
    numeric = _ISO.fullmatch(text) or _NUMERIC.fullmatch(text)
    named = None if numeric else _NAMED.fullmatch(text)
    if numeric:
        years = [int(numeric["year"])] if numeric["year"] else [today.year, today.year + 1]
        found = [_date(year, int(numeric["month"]), int(numeric["day"])) for year in years]
    elif named:
        day = (named["day"] or named["day2"]).replace("primero", "1")
        month, written = named["month"] or named["month2"], named["year"] or named["year2"]
        years = [int(written)] if written else [today.year, today.year + 1]
        found = [_named_date(day, month, year) for year in years]
    else:
        found = []
    return [date for date in found if date is not None], ""


def _names_weekday(words: list[str]) -> bool:
    return any(len(word) > 2 and word in DAYS for word in words)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def read_instant(text: str, now: datetime, zone: str) -> datetime | None:
    """The instant (UTC) that someone in `zone` means by a date, a time, both, or a wait.

    "mañana a las 9", "viernes 18h", "en 3 horas", "5 de julio 9 pm", "2026-12-01 09:00",
    "31/12 23:00" (day first). A time alone is its next occurrence, a date alone its beginning. None
    for what is not understood, does not exist ("31 de febrero"), is not after `now` (UTC), or is
    further away than `MOST`. Raises `ScheduleError` (unknown_zone), and ValueError if `now` has no
    zone.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an instant, with a zone")
    here = now.astimezone(zone_named(zone))
    lean = made_lean(text)
    if not lean:
        return None
    lean = " ".join(_ISO_T.sub(" ", lean).replace(",", " ").split())
    for found in _meanings(lean, now, here, zone):
        if now < found <= now + MOST:
            return found.astimezone(UTC)
    return None


def readings(text: str, now: datetime, zone: str) -> tuple[datetime, ...]:
    """The instants that people may mean: none, one, or two where an hour is one of twelve.

    "6:30" said at noon is half past six today and tomorrow morning; which of them, only the person
    knows. An hour that is written as on a clock of 24 ("06:30", "18:30", "6 h") or with its part of
    the day or with a day ("mañana a las 6") has one meaning. The nearer one first. As
    `read_instant` otherwise.
    """
    found = read_instant(text, now, zone)
    if found is None:
        return ()
    lean = made_lean(text)
    wall = time_in(_BEFORE_DATE.sub("", lean) if lean and time_in(lean) is None else lean or "")
    if wall is None or not lean or not _of_twelve(lean):
        return (found,)
    other = time((wall.hour + 12) % 24, wall.minute)
    second = read_instant(other.isoformat("minutes"), now, zone)
    return (found,) if second is None else tuple(sorted({found, second}))


def _of_twelve(lean: str) -> bool:
    """Whether a time of day is said with an hour of twelve, and nothing tells which half is meant."""
    lean = _BEFORE_DATE.sub("", lean) if time_in(lean) is None else lean
    found = None if lean in NOON | MIDNIGHT else TIME.fullmatch(lean)
    if found is None or found["part"] or found["both"]:
        return False
    if (found["hours"] or "") in ("h", "hs", "hr", "hrs", "horas", "hours"):
        return False
    said = found["hour"]
    hour = CLOCK_NUMBERS[said] if said in CLOCK_NUMBERS else int(said)
    if hour == 12 and found["minute"]:  # midnight is "00:00" to who writes so
        return False
    return 1 <= hour <= 12 and not said.startswith("0")


class Clocks(StrEnum):
    """What a change of clocks makes of a wall time."""

    SKIPPED = "skipped"  # they jump over it
    TWICE = "twice"  # they show it two times


def at_change_of_clocks(text: str, instant: datetime, zone: str) -> Clocks | None:
    """Whether the wall time in `text`, understood as `instant`, falls into a change of clocks.

    The instant is right by the rules of `wall_to_instant`; this is for saying so.
    """
    tables = zone_named(zone)
    local = instant.astimezone(tables)
    words = (made_lean(text) or "").replace(",", " ").split()
    said = {
        (wall.hour, wall.minute)
        for start in range(len(words))
        for end in range(start + 1, len(words) + 1)
        if (wall := time_in(" ".join(words[start:end]))) is not None
    }
    if (local.hour, local.minute) in said:
        early, late = (local.replace(fold=fold).utcoffset() for fold in (0, 1))
        return None if early == late else Clocks.TWICE
    before = (instant - timedelta(seconds=1)).astimezone(tables)
    return Clocks.SKIPPED if said and before.utcoffset() != local.utcoffset() else None


def _meanings(lean: str, now: datetime, here: datetime, zone: str) -> Iterator[datetime]:
    """The instants that the first understood reading of a text may mean, in order of preference."""
    lean = _BEFORE_DATE.sub("", lean) if time_in(lean) is None else lean
    today = here.date()
    if ahead := _AFTER_NOW.match(lean):
        wait = duration_in(lean[ahead.end() :])
        if wait and wait % DAY == timedelta(0):  # "in 3 days" is at the same time of day
            yield wall_to_instant(today + wait, here.time(), zone)
            return
        if wait:
            yield now + wait
            return
    if (wall := time_in(lean)) is not None:
        # "3 horas" may be three o'clock or a wait of three hours.
        if PIECE.fullmatch(lean) and wall.hour <= 12:
            return
        yield wall_to_instant(today, wall, zone)
        yield wall_to_instant(today + DAY, wall, zone)
        return
    words = lean.split()
    # The longest date first: in "5 de julio 2027" that is a year, and no time.
    for cut in range(len(words), 0, -1):
        for day_words, time_words in (
            (words[:cut], words[cut:]),
            (words[len(words) - cut :], words[: len(words) - cut]),
        ):
            dates, part = _dates(" ".join(day_words), today)
            if not dates:
                continue
            if not time_words and not part:
                wall = time(0)
            else:
                said = " ".join(time_words)
                if said.isdigit() and len(said) < 3 and _names_weekday(day_words):
                    continue  # "lunes 15" is a date to some and an hour to others
                wall = time_in(f"{said} {part}" if part else said) if said else None
                if wall is None and said and part:  # "esta noche a las 9 pm"
                    wall = time_in(said)
            if wall is not None:
                for day in dates:
                    yield wall_to_instant(day, wall, zone)
                return
