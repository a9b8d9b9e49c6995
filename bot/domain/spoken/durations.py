"""Durations: "45 min", "hora y media", "half an hour"."""

from __future__ import annotations

import re
from datetime import timedelta

from bot.domain.spoken.words import DAY, HOUR, MINUTE, MOST, NUMBERS, WEEK, any_of, made_lean

_UNITS = {
    word: unit
    for unit, words in {
        MINUTE: "m min mins minuto minutos minute minutes mn",
        HOUR: "h hs hr hrs hora horas hour hours",
        DAY: "d dia dias day days",
        WEEK: "semana semanas week weeks sem",
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
_AMOUNT = rf"\d{{1,6}}(?:[.,]\d{{1,2}})?|{any_of(NUMBERS)}"
PIECE = re.compile(
    rf"(?P<amount>{_AMOUNT})"
    rf"(?:\s*(?P<half1>{any_of(_HALVES)}))?"
    rf"\s*(?P<unit>{any_of(_UNITS)})(?![a-z])"
    rf"(?:\s*(?P<half2>{any_of(_HALVES)})(?![a-z]))?"
)
_JOIN = re.compile(r"\s*(?:,|\by\b|\band\b|\+)?\s*")
_BARE = re.compile(r"\s*(?:\b(?:y|and)\b\s*)?([0-5]\d)$")  # the "30" of "1 h 30"
_BLANK = re.compile(r"\s*")
_LEADING = re.compile(r"^(?:(?:de|por|durante|for|unos|unas|about|of)\s+)+")


def _number(text: str) -> float:
    return float(NUMBERS[text]) if text in NUMBERS else float(text.replace(",", "."))


def _bounded(found: timedelta) -> timedelta | None:
    return found if timedelta(0) < found <= MOST else None


def read_duration(text: str) -> timedelta | None:
    """A duration, to the minute: "45 min", "1 h 30", "hora y media", "half an hour", "3 días".

    A number alone is minutes, and so is one of two digits after hours; "1:30" is an hour and a
    half. None if it is not understood, nothing, or longer than `MOST`. Months are no duration: they
    differ.
    """
    lean = made_lean(text)
    return duration_in(lean) if lean else None


def duration_in(lean: str, *, inside_line: bool = False) -> timedelta | None:
    """`read_duration` of a lean text.

    Inside a line with times and lists, "1:30" is none (there it is a time) and neither is
    "1 h, 30 min" (there it is two).
    """
    lean = _LEADING.sub("", lean)
    if lean in _FIXED:
        return _FIXED[lean] * MINUTE
    if re.fullmatch(rf"\d{{1,6}}|{any_of(NUMBERS)}", lean) and lean not in {
        "a",
        "an",
        "un",
        "una",
    }:
        return _bounded(_number(lean) * MINUTE)
    if not inside_line and (hours := re.fullmatch(r"(\d{1,2}):([0-5]\d)", lean)):
        return _bounded(int(hours[1]) * HOUR + int(hours[2]) * MINUTE)
    total, at, last = timedelta(0), 0, MOST
    while piece := PIECE.match(lean, at):
        unit = _UNITS[piece["unit"]]
        if unit >= last:  # "1 h 2 h", or "5 min 1 h": a mistake, or two durations
            return None
        total += _number(piece["amount"]) * unit
        if half := piece["half1"] or piece["half2"]:
            total += unit * _HALVES[half] / 60
        last, at = unit, piece.end()
        if at == len(lean):
            return _bounded(timedelta(minutes=round(total / MINUTE)))
        if last == HOUR and (bare := _BARE.match(lean, at)):
            return _bounded(total + int(bare[1]) * MINUTE)
        join = (_BLANK if inside_line else _JOIN).match(lean, at)
        at = join.end() if join else at
    return None
