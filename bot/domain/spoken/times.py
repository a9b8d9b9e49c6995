"""Times of day: "7 de la noche", "half past six", "19:30"."""

from __future__ import annotations

import re
from datetime import time

from bot.domain.spoken.words import NUMBERS, any_of, made_lean

CLOCK_NUMBERS = {word: value for word, value in NUMBERS.items() if value <= 12} | {
    "veinte": 20, "veintiuna": 21, "veintiuno": 21, "veintidos": 22, "veintitres": 23,
}  # fmt: skip
for _article in ("a", "an", "un"):
    del CLOCK_NUMBERS[_article]
_PAST = {"y media": 30, "y cuarto": 15, "y diez": 10, "y cinco": 5, "y veinte": 20,
         "menos cuarto": -15, "menos diez": -10, "menos cinco": -5,
         "menos veinte": -20}  # fmt: skip
_BEFORE = {"half past": 30, "quarter past": 15, "a quarter past": 15, "quarter to": -15,
           "a quarter to": -15}  # fmt: skip
_PARTS = {
    "am": "am", "a.m": "am", "a. m": "am", "a m": "am",
    "pm": "pm", "p.m": "pm", "p. m": "pm", "p m": "pm",
    "de la madrugada": "small hours", "de madrugada": "small hours",
    "de la manana": "morning", "por la manana": "morning", "in the morning": "morning",
    "de la tarde": "afternoon", "por la tarde": "afternoon", "in the afternoon": "afternoon",
    "in the evening": "evening", "de la noche": "night", "por la noche": "night",
    "at night": "night", "del dia": "day", "del mediodia": "day",
}  # fmt: skip
NOON = {"mediodia", "el mediodia", "al mediodia", "medio dia", "noon", "midday", "12 noon",
         "at noon", "a mediodia"}  # fmt: skip
MIDNIGHT = {"medianoche", "media noche", "la medianoche", "a medianoche", "a la medianoche",
             "midnight", "at midnight", "12 midnight"}  # fmt: skip
TIME = re.compile(
    r"(?:(?:a\s+las?|alas|a\s+eso\s+de\s+las?|las?|at|@)\s*)?"
    rf"(?:(?P<before>{any_of(_BEFORE)})\s+)?"
    rf"(?:(?P<hour>\d{{1,2}}|{any_of(CLOCK_NUMBERS)})"
    r"(?:\s*[:.h]\s*(?P<minute>\d{2}))?"
    rf"|(?P<both>[012]\d[0-5]\d))"
    rf"(?:\s+(?P<past>{any_of(_PAST)}))?"
    r"(?:\s*(?P<hours>h|hs|hr|hrs|horas|hours|en punto|o ?clock|sharp))?"
    rf"(?:\s*(?P<part>{any_of(_PARTS)})\.?)?"
)


def _hour_in(hour: int, part: str) -> int | None:
    """The hour of the day that someone means by `hour` in a part of it; None if that is unclear."""
    twelve = hour % 12
    if hour > 12:  # "21 pm", "21:00 de la noche": said twice, unless it contradicts itself
        fits = {"afternoon": range(13, 21), "evening": range(17, 24), "night": range(18, 24)}
        return hour if hour in fits.get(part, range(13, 24) if part == "pm" else range(0)) else None
    match part:
        case "am":
            return twelve
        case "pm" if hour:
            return twelve + 12
        case "small hours" if twelve <= 6:
            return twelve
        case "morning" if 1 <= hour <= 11:  # 12 is midnight to some and noon to others
            return hour
        case "day" if hour in (12, 1, 2):
            return twelve + 12
        case "afternoon" if hour and (twelve <= 9):
            return twelve + 12
        case "evening" if 4 <= hour <= 11:
            return hour + 12
        case "night" if hour == 12:
            return 0
        case "night" if 6 <= hour <= 11:  # "2 de la noche" is 2 or 14, or a mistake for 22
            return hour + 12
    return None


def read_time(text: str) -> time | None:
    """A time of day: "9", "9:30", "21h", "9 pm", "9 de la noche", "nueve y media", "noon".

    An hour alone is that of the 24-hour clock: "9" is in the morning. None for what is not a time
    ("25:61", "24:00") and for what people mean in two ways ("12 de la mañana").
    """
    lean = made_lean(text)
    return time_in(lean) if lean else None


def time_in(lean: str) -> time | None:
    if lean in NOON:
        return time(12)
    if lean in MIDNIGHT:
        return time(0)
    found = TIME.fullmatch(lean)
    if found is None:
        return None
    if found["both"]:
        hour, minute = int(found["both"][:2]), int(found["both"][2:])
    else:
        spoken = found["hour"]
        hour = CLOCK_NUMBERS[spoken] if spoken in CLOCK_NUMBERS else int(spoken)
        minute = int(found["minute"] or 0)
    if hour > 23 or minute > 59:
        return None
    if found["part"]:
        meant = _hour_in(hour, _PARTS[found["part"]])
        if meant is None:
            return None
        hour = meant
    if shift := found["past"] or found["before"]:
        if found["minute"] or found["both"] or (found["past"] and found["before"]):
            return None
        minutes = (hour * 60 + (_PAST | _BEFORE)[shift]) % (24 * 60)
        return time(minutes // 60, minutes % 60)
    return time(hour, minute)
