"""Days of the week: "lunes a viernes", "todos los días menos domingo"."""

from __future__ import annotations

import re

from bot.domain.schedule import EVERY_DAY
from bot.domain.spoken.words import made_lean

DAYS = {
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
    lean = made_lean(text)
    return weekdays_in(lean) if lean else None


def weekdays_in(lean: str) -> frozenset[int] | None:
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
        first, last = DAYS.get(match[1]), DAYS.get(match[2])
        if first is None or last is None:
            return match[0]
        found.update((first + step) % 7 for step in range((last - first) % 7 + 1))
        return ","

    rest = _RANGE.sub(days_between, _ARTICLE.sub("", _GROUP.sub(group, lean)))
    for word in _LIST.split(rest):
        word = word.rstrip(".")
        if word:
            if word not in DAYS:
                return None
            found.add(DAYS[word])
    return frozenset(found)
