"""Durations, times, days and instants as people write them, in Spanish and English.

Every reader takes the whole text or gives None: half understood would be a wrong hour of a check-in
or an arrival. Nothing is guessed that people mean in two ways ("12 de la mañana", "un mes"); the
caller shows what was understood and lets it be confirmed. Nothing here raises for what was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar

from bot.domain.answers import plain
from bot.domain.schedule import EVERY_DAY, wall_to_instant, zone_named

LONGEST = 100
"""Characters of one duration, time or list of days; more is none. Keeps all of this quick."""

LONGEST_LINE = 400
"""Characters of a one-line schedule."""

MOST = timedelta(days=366)
"""The longest duration, and how far ahead an instant may be: beyond it is a typing error."""

_MINUTE, _HOUR, _DAY, _WEEK = (
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(weeks=1),
)


def _lean(text: str) -> str | None:
    """Plain, single blanks, no full stop at the end; None if it is too long to be meant."""
    if len(text) > 4 * LONGEST:  # invisible characters do not count, but cost time
        return None
    found = " ".join(plain(text).split()).strip(" .!")
    return found if len(found) <= LONGEST else None


# --- numbers in words ---------------------------------------------------------------------------

_NUMBERS = {
    word: value
    for value, words in {
        1: "un uno una one an a", 2: "dos two", 3: "tres three", 4: "cuatro four", 5: "cinco five",
        6: "seis six", 7: "siete seven", 8: "ocho eight", 9: "nueve nine", 10: "diez ten",
        11: "once eleven", 12: "doce twelve", 13: "trece", 14: "catorce", 15: "quince fifteen",
        16: "dieciseis", 18: "dieciocho", 20: "veinte twenty", 24: "veinticuatro",
        25: "veinticinco", 30: "treinta thirty", 35: "treinta y cinco", 40: "cuarenta forty",
        45: "cuarenta y cinco|forty five|forty-five", 48: "cuarenta y ocho", 50: "cincuenta fifty",
        60: "sesenta sixty", 90: "noventa ninety",
    }.items()
    for word in (words.split("|") if "|" in words else [words] if " y " in words else words.split())
}  # fmt: skip


def _words(values: Iterable[str]) -> str:
    """An alternation of the words, longest first, so that "cuarenta y cinco" is not forty."""
    return "|".join(sorted(map(re.escape, values), key=len, reverse=True))


# --- durations ----------------------------------------------------------------------------------

_UNITS = {
    word: unit
    for unit, words in {
        _MINUTE: "m min mins minuto minutos minute minutes mn",
        _HOUR: "h hs hr hrs hora horas hour hours",
        _DAY: "d dia dias day days",
        _WEEK: "semana semanas week weeks sem",
    }.items()
    for word in words.split()
}
_HALVES = {
    "y media": 30, "y medio": 30, "and a half": 30, "y cuarto": 15, "y un cuarto": 15,
    "and a quarter": 15, "y tres cuartos": 45,
}  # fmt: skip
_FIXED = {
    "media hora": 30, "half an hour": 30, "half hour": 30, "a half hour": 30, "half a hour": 30,
    "cuarto de hora": 15, "un cuarto de hora": 15, "a quarter of an hour": 15, "quarter hour": 15,
    "quarter of an hour": 15, "a quarter hour": 15, "tres cuartos de hora": 45, "hora y media": 90,
    "hora y cuarto": 75, "medio dia": 720, "half a day": 720,
}  # fmt: skip
_AMOUNT = rf"\d{{1,6}}(?:[.,]\d{{1,2}})?|{_words(_NUMBERS)}"
_PIECE = re.compile(
    rf"(?P<amount>{_AMOUNT})"
    rf"(?:\s*(?P<half1>{_words(_HALVES)}))?"
    rf"\s*(?P<unit>{_words(_UNITS)})(?![a-z])"
    rf"(?:\s*(?P<half2>{_words(_HALVES)})(?![a-z]))?"
)
_JOIN = re.compile(r"\s*(?:,|\by\b|\band\b|\+)?\s*")
_BARE = re.compile(r"\s*(?:\b(?:y|and)\b\s*)?([0-5]\d)$")  # the "30" of "1 h 30"
_BLANK = re.compile(r"\s*")
_LEADING = re.compile(r"^(?:(?:de|por|durante|for|unos|unas|about|of)\s+)+")


def _number(text: str) -> float:
    return float(_NUMBERS[text]) if text in _NUMBERS else float(text.replace(",", "."))


def _bounded(found: timedelta) -> timedelta | None:
    return found if timedelta(0) < found <= MOST else None


def read_duration(text: str) -> timedelta | None:
    """A duration, to the minute: "45 min", "1 h 30", "hora y media", "half an hour", "3 días".

    A number alone is minutes, and so is one of two digits after hours; "1:30" is an hour and a
    half. None if it is not understood, nothing, or longer than `MOST`. Months are no duration: they
    differ.
    """
    lean = _lean(text)
    return _duration(lean) if lean else None


def _duration(lean: str, *, inside_line: bool = False) -> timedelta | None:
    """`read_duration` of a lean text.

    Inside a line with times and lists, "1:30" is none (there it is a time) and neither is
    "1 h, 30 min" (there it is two).
    """
    lean = _LEADING.sub("", lean)
    if lean in _FIXED:
        return _FIXED[lean] * _MINUTE
    if re.fullmatch(rf"\d{{1,6}}|{_words(_NUMBERS)}", lean) and lean not in {
        "a",
        "an",
        "un",
        "una",
    }:
        return _bounded(_number(lean) * _MINUTE)
    if not inside_line and (hours := re.fullmatch(r"(\d{1,2}):([0-5]\d)", lean)):
        return _bounded(int(hours[1]) * _HOUR + int(hours[2]) * _MINUTE)
    total, at, last = timedelta(0), 0, MOST
    while piece := _PIECE.match(lean, at):
        unit = _UNITS[piece["unit"]]
        if unit >= last:  # "1 h 2 h", or "5 min 1 h": a mistake, or two durations
            return None
        total += _number(piece["amount"]) * unit
        if half := piece["half1"] or piece["half2"]:
            total += unit * _HALVES[half] / 60
        last, at = unit, piece.end()
        if at == len(lean):
            return _bounded(timedelta(minutes=round(total / _MINUTE)))
        if last == _HOUR and (bare := _BARE.match(lean, at)):
            return _bounded(total + int(bare[1]) * _MINUTE)
        join = (_BLANK if inside_line else _JOIN).match(lean, at)
        at = join.end() if join else at
    return None


# --- times of day -------------------------------------------------------------------------------

_CLOCK_NUMBERS = {word: value for word, value in _NUMBERS.items() if value <= 12} | {
    "veinte": 20, "veintiuna": 21, "veintiuno": 21, "veintidos": 22, "veintitres": 23,
}  # fmt: skip
for _article in ("a", "an", "un"):
    del _CLOCK_NUMBERS[_article]
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
_NOON = {"mediodia", "el mediodia", "al mediodia", "medio dia", "noon", "midday", "12 noon",
         "at noon", "a mediodia"}  # fmt: skip
_MIDNIGHT = {"medianoche", "media noche", "la medianoche", "a medianoche", "a la medianoche",
             "midnight", "at midnight", "12 midnight"}  # fmt: skip
_TIME = re.compile(
    r"(?:(?:a\s+las?|alas|a\s+eso\s+de\s+las?|las?|at|@)\s*)?"
    rf"(?:(?P<before>{_words(_BEFORE)})\s+)?"
    rf"(?:(?P<hour>\d{{1,2}}|{_words(_CLOCK_NUMBERS)})"
    r"(?:\s*[:.h]\s*(?P<minute>\d{2}))?"
    rf"|(?P<both>[012]\d[0-5]\d))"
    rf"(?:\s+(?P<past>{_words(_PAST)}))?"
    r"(?:\s*(?P<hours>h|hs|hr|hrs|horas|hours|en punto|o ?clock|sharp))?"
    rf"(?:\s*(?P<part>{_words(_PARTS)})\.?)?"
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
    lean = _lean(text)
    return _time(lean) if lean else None


def _time(lean: str) -> time | None:
    if lean in _NOON:
        return time(12)
    if lean in _MIDNIGHT:
        return time(0)
    found = _TIME.fullmatch(lean)
    if found is None:
        return None
    if found["both"]:
        hour, minute = int(found["both"][:2]), int(found["both"][2:])
    else:
        spoken = found["hour"]
        hour = _CLOCK_NUMBERS[spoken] if spoken in _CLOCK_NUMBERS else int(spoken)
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


# --- weekdays -----------------------------------------------------------------------------------

_DAYS = {
    word: day
    for day, words in enumerate([
        "l lu lun lunes mon monday mondays",
        "ma mar martes tue tues tuesday tuesdays",
        "x mi mie mier miercoles wed weds wednesday wednesdays",
        "j ju jue juev jueves thu thur thurs thursday thursdays",
        "v vi vie vier viernes fri friday fridays",
        "s sa sab sabado sabados sat saturday saturdays",
        "d do dom domingo domingos sun sunday sundays",
    ])
    for word in words.split()
}  # fmt: skip
_GROUPS = {
    **dict.fromkeys(
        ["todos los dias", "todo los dias", "todos dias", "cada dia", "diario", "diaria",
         "a diario", "diariamente", "daily", "every day", "everyday", "all days", "toda la semana",
         "all week", "each day"],
        EVERY_DAY,
    ),
    **dict.fromkeys(
        ["fines de semana", "fin de semana", "fin de sem", "weekends", "weekend"], frozenset({5, 6})
    ),
    **dict.fromkeys(
        ["entre semana", "dias habiles", "dias laborables", "dias laborales", "weekdays",
         "working days", "workdays"],
        frozenset(range(5)),
    ),
}  # fmt: skip
_EXCEPT = re.compile(r"\s*\b(?:menos|excepto|salvo|except|but not)\b\s*")
_LIST = re.compile(r"\s*(?:,|;|/|&|\+|\by\b|\be\b|\band\b)\s*|\s+")
_ARTICLE = re.compile(r"\b(?:de|los|las|el|la|cada|en|on|every|from|the|dias?)\b\s*")
_RANGE = re.compile(
    r"([a-z]+)\.?\s*(?:-|–|—|\ba\b|\bal\b|\bto\b|\bthrough\b|\bthru\b)\s*([a-z]+)\.?"
)
_GROUP = re.compile(rf"\b(?:{'|'.join(sorted(_GROUPS, key=len, reverse=True))})\b")


def read_days(text: str) -> frozenset[int] | None:
    """Weekdays, 0 Monday to 6 Sunday: "lunes a viernes", "lun, mié y vie", "daily", "weekends".

    Ranges may pass over the weekend ("vie-lun"); "todos los días menos domingo" works too. None if
    any word is not understood or no day is left.
    """
    lean = _lean(text)
    return _weekdays(lean) if lean else None


def _weekdays(lean: str) -> frozenset[int] | None:
    kept, *left_out = _EXCEPT.split(lean, maxsplit=1)
    days = _some_days(kept)
    if days and left_out:
        without = _some_days(left_out[0])
        days = days - without if without else None
    return days or None


def _some_days(lean: str) -> frozenset[int] | None:
    found: set[int] = set()

    def group(match: re.Match[str]) -> str:
        found.update(_GROUPS[match[0]])
        return ","

    def days_between(match: re.Match[str]) -> str:
        first, last = _DAYS.get(match[1]), _DAYS.get(match[2])
        if first is None or last is None:
            return match[0]
        found.update((first + step) % 7 for step in range((last - first) % 7 + 1))
        return ","

    rest = _RANGE.sub(days_between, _ARTICLE.sub("", _GROUP.sub(group, lean)))
    for word in _LIST.split(rest):
        word = word.rstrip(".")
        if word:
            if word not in _DAYS:
                return None
            found.add(_DAYS[word])
    return frozenset(found)


# --- a whole schedule in one line ---------------------------------------------------------------


class Part(StrEnum):
    """A part of a one-line schedule."""

    TIMES = "times"
    DAYS = "days"
    GRACE = "grace"
    REMINDERS = "reminders"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class ScheduleParts:
    """What a line says. None is what it does not say: the caller fills in and shows it.

    `reminders` are offsets after the question; () if the line says that there shall be none.
    Nothing is checked against anything else: that is for `Schedule`.
    """

    times: tuple[time, ...]
    days: frozenset[int] | None = None
    grace: timedelta | None = None
    reminders: tuple[timedelta, ...] | None = None


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """Which part of a line was not understood, and its words as they were written.

    `text` is "" if the part is missing (only the times must be there).
    """

    part: Part
    text: str


_KEYWORDS = {
    **dict.fromkeys(["margen", "gracia", "plazo", "tolerancia", "grace"], Part.GRACE),
    **dict.fromkeys(
        ["aviso", "avisos", "recordatorio", "recordatorios", "reminder", "reminders"],
        Part.REMINDERS,
    ),
}
_NONE_WORDS = frozenset({"sin", "no", "without", "ningun", "ninguno", "none", "cero", "0"})
_SMALL_WORDS = frozenset({
    ",", ";", ".", "y", "e", "and", "con", "with", "de", "a", "las", "los", "at", "on", "un", "the",
})  # fmt: skip
_AFTER_KEYWORD = frozenset({":", "=", "de", "of", "a", "los", "at", "in", "en", "after"})
_REMINDER_WORDS = [[word] for word, part in _KEYWORDS.items() if part is Part.REMINDERS]
_TOKEN = re.compile(r"\d{1,2}[:.h]\d{2}(?!\w)|[^\W\d_]+(?:\.[^\W\d_]+)*\.?|\d+(?:[.,]\d+)?|\S")
_LONGEST_RUN = 12
_SHOWN = 4  # words of what was not understood

_T = TypeVar("_T")


class _Line:
    """The words of a line, read from left to right, each part taking the longest run it can."""

    def __init__(self, text: str) -> None:
        self._text = text
        found = [match for match in _TOKEN.finditer(text) if plain(match[0])]
        self._spans = [match.span() for match in found]
        self.words = [plain(match[0]) for match in found]
        self.at = 0

    @property
    def word(self) -> str:
        """The next one, "" at the end."""
        return self.words[self.at] if self.at < len(self.words) else ""

    def take(self, read: Callable[[str], _T | None]) -> _T | None:
        """What the longest run from here says that `read` understands, taken off the line.

        None, and nothing taken, if it understands none.
        """
        for end in range(min(len(self.words), self.at + _LONGEST_RUN), self.at, -1):
            said = read(" ".join(self.words[self.at : end]).rstrip("."))
            if said is not None:
                self.at = end
                return said
        return None

    def skip(self, words: frozenset[str]) -> None:
        while self.word in words and self.word:
            self.at += 1

    def not_understood(self, part: Part) -> NotUnderstood:
        """The next few words as they were written, up to a keyword."""
        end = self.at
        while end < min(len(self.words), self.at + _SHOWN) and (
            end == self.at or self.words[end] not in _KEYWORDS
        ):
            end += 1
        if end == self.at:
            return NotUnderstood(part, "")
        return NotUnderstood(part, self._text[self._spans[self.at][0] : self._spans[end - 1][1]])


def _line_duration(run: str) -> timedelta | None:
    return _duration(run, inside_line=True)


def _reminders(line: _Line) -> tuple[timedelta, ...] | None:
    """One or more durations with commas or "y" between them; None if there is not even one."""
    found: list[timedelta] = []
    unit_seen = False
    while True:
        before = line.at
        if found:
            line.skip(frozenset({",", ";", "y", "e", "and"}))
            if line.at == before:  # "avisos 15 min 9:00": the list is over
                break
        # A number alone is minutes as long as no unit was written: "15, 30" and "15 y 30 min"; but
        # in "15 min, 9 y 21" what follows are times.
        start = line.at
        offset = line.take(_line_duration)
        alone = line.at == start + 1 and line.words[start].isdigit()
        if offset is None or (alone and unit_seen):
            line.at = before
            break
        unit_seen = unit_seen or not alone
        found.append(offset)
    return tuple(found) or None


def read_schedule(text: str) -> ScheduleParts | NotUnderstood:
    """A schedule in one line, in any order and either language.

    "09:00 y 21:00 lun-vie margen 45 min avisos 15 min, 30 min", "daily 9 am grace 1 h, no
    reminders". Only the times must be there. Every word must be understood: otherwise says which
    part was not.
    """
    if len(text) > LONGEST_LINE:
        return NotUnderstood(Part.LINE, text[:40])
    line = _Line(text)
    times: list[time] = []
    days: frozenset[int] | None = None
    grace: timedelta | None = None
    reminders: tuple[timedelta, ...] | None = None
    while line.word:
        start = line.at
        if line.word in _NONE_WORDS and line.words[start + 1 : start + 2] in _REMINDER_WORDS:
            line.at += 2
            reminders = ()
            continue
        keyword = _KEYWORDS.get(line.word)
        if keyword is not None:
            line.at += 1
            line.skip(_AFTER_KEYWORD)
            if keyword is Part.GRACE:
                said = line.take(_line_duration)
                if said is None or grace is not None:  # twice: which one is meant?
                    line.at = line.at if said is None else start
                    return line.not_understood(keyword)
                grace = said
            elif line.word in _NONE_WORDS:
                line.at += 1
                reminders = ()
            else:
                offsets = _reminders(line)
                if offsets is None:
                    return line.not_understood(keyword)
                reminders = (*(reminders or ()), *offsets)
            continue
        if (some_days := line.take(_weekdays)) is not None:
            days = (days or frozenset()) | some_days
        elif (wall := line.take(_time)) is not None:
            times.append(wall)
        elif line.word in _SMALL_WORDS:
            line.at += 1
        else:
            return line.not_understood(Part.TIMES if line.word[0].isdigit() else Part.LINE)
    if not times:
        return NotUnderstood(Part.TIMES, "")
    return ScheduleParts(tuple(dict.fromkeys(times)), days, grace, reminders)


# --- instants -----------------------------------------------------------------------------------

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
    if month in _NUMBERS:  # to dateparser "nine 30" is the 30th of September
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
        return [today + _NEAR[day] * _DAY], _PART_OF_DAY.get(part, "")
    if ahead := _AFTER_NOW.match(text):
        wait = _duration(text[ahead.end() :])
        return ([today + wait], "") if wait and wait % _DAY == timedelta(0) else ([], "")
    if (weekday := _WEEKDAY.fullmatch(text)) and weekday["day"] in _DAYS:
        days = (_DAYS[weekday["day"]] - today.weekday()) % 7
        if days == 0 and (weekday["next"] or weekday["coming"]):
            days = 7
        return [today + days * _DAY, today + (days + 7) * _DAY], ""
    first, _, rest = text.partition(" ")
    if len(first) > 2 and first in _DAYS and rest:  # "lunes 5 de julio": if it is one
        dates, part = _dates(rest, today)
        return [day for day in dates if day.weekday() == _DAYS[first]], part
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
    return any(len(word) > 2 and word in _DAYS for word in words)


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
    lean = _lean(text)
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
    lean = _lean(text)
    wall = _time(_BEFORE_DATE.sub("", lean) if lean and _time(lean) is None else lean or "")
    if wall is None or not lean or not _of_twelve(lean):
        return (found,)
    other = time((wall.hour + 12) % 24, wall.minute)
    second = read_instant(other.isoformat("minutes"), now, zone)
    return (found,) if second is None else tuple(sorted({found, second}))


def _of_twelve(lean: str) -> bool:
    """Whether a time of day is said with an hour of twelve, and nothing tells which half is meant."""
    lean = _BEFORE_DATE.sub("", lean) if _time(lean) is None else lean
    found = None if lean in _NOON | _MIDNIGHT else _TIME.fullmatch(lean)
    if found is None or found["part"] or found["both"]:
        return False
    if (found["hours"] or "") in ("h", "hs", "hr", "hrs", "horas", "hours"):
        return False
    said = found["hour"]
    hour = _CLOCK_NUMBERS[said] if said in _CLOCK_NUMBERS else int(said)
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
    words = (_lean(text) or "").replace(",", " ").split()
    said = {
        (wall.hour, wall.minute)
        for start in range(len(words))
        for end in range(start + 1, len(words) + 1)
        if (wall := _time(" ".join(words[start:end]))) is not None
    }
    if (local.hour, local.minute) in said:
        early, late = (local.replace(fold=fold).utcoffset() for fold in (0, 1))
        return None if early == late else Clocks.TWICE
    before = (instant - timedelta(seconds=1)).astimezone(tables)
    return Clocks.SKIPPED if said and before.utcoffset() != local.utcoffset() else None


def _meanings(lean: str, now: datetime, here: datetime, zone: str) -> Iterator[datetime]:
    """The instants that the first understood reading of a text may mean, in order of preference."""
    lean = _BEFORE_DATE.sub("", lean) if _time(lean) is None else lean
    today = here.date()
    if ahead := _AFTER_NOW.match(lean):
        wait = _duration(lean[ahead.end() :])
        if wait and wait % _DAY == timedelta(0):  # "in 3 days" is at the same time of day
            yield wall_to_instant(today + wait, here.time(), zone)
            return
        if wait:
            yield now + wait
            return
    if (wall := _time(lean)) is not None:
        # "3 horas" may be three o'clock or a wait of three hours.
        if _PIECE.fullmatch(lean) and wall.hour <= 12:
            return
        yield wall_to_instant(today, wall, zone)
        yield wall_to_instant(today + _DAY, wall, zone)
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
                wall = _time(f"{said} {part}" if part else said) if said else None
                if wall is None and said and part:  # "esta noche a las 9 pm"
                    wall = _time(said)
            if wall is not None:
                for day in dates:
                    yield wall_to_instant(day, wall, zone)
                return
