"""A whole schedule in one line: days, times, how long to wait, reminders."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time, timedelta
from enum import StrEnum
from typing import TypeVar

from bot.domain.answers import plain
from bot.domain.spoken.durations import duration_in
from bot.domain.spoken.times import time_in
from bot.domain.spoken.weekdays import weekdays_in
from bot.domain.spoken.words import LONGEST_LINE


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
    return duration_in(run, inside_line=True)


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
        if (some_days := line.take(weekdays_in)) is not None:
            days = (days or frozenset()) | some_days
        elif (wall := line.take(time_in)) is not None:
            times.append(wall)
        elif line.word in _SMALL_WORDS:
            line.at += 1
        else:
            return line.not_understood(Part.TIMES if line.word[0].isdigit() else Part.LINE)
    if not times:
        return NotUnderstood(Part.TIMES, "")
    return ScheduleParts(tuple(dict.fromkeys(times)), days, grace, reminders)
