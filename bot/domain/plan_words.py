"""The words for what a step of a plan may have in brackets: "(de 22 a 6, alarma, riesgo alto)".

The same words are read in the one-line form, in the editor's answers and in the TOML of a plan. What
people cry in an emergency ("auxilio") is read as well, but never asked for nor written: who would
write it alone would raise an alarm.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import time, timedelta
from types import MappingProxyType
from typing import TypeVar

from bot.domain.answers import plain
from bot.domain.conditions import ALWAYS, Cause, Conditions, Hours
from bot.domain.people import Risk
from bot.domain.spoken import read_duration, read_time

V = TypeVar("V")

LONGEST = 200
"""Characters in one pair of brackets."""

CAUSES: Mapping[str, Cause] = MappingProxyType(
    {
        "silencio": Cause.SILENCE, "sin respuesta": Cause.SILENCE, "silence": Cause.SILENCE,
        "falta de respuesta": Cause.SILENCE, "no answer": Cause.SILENCE,
        "alarma": Cause.ALARM, "alarma propia": Cause.ALARM, "auxilio": Cause.ALARM, "alarm": Cause.ALARM,
        "own alarm": Cause.ALARM, "panic": Cause.ALARM,
        "coaccion": Cause.DURESS, "duress": Cause.DURESS,
        "telefono perdido": Cause.LOST, "perdido": Cause.LOST, "lost": Cause.LOST,
        "lost phone": Cause.LOST,
    }
)  # fmt: skip
RISKS: Mapping[str, Risk] = MappingProxyType(
    {
        "alto": Risk.HIGH, "high": Risk.HIGH,
        "medio": Risk.MEDIUM, "medium": Risk.MEDIUM, "normal": Risk.MEDIUM,
        "bajo": Risk.LOW, "low": Risk.LOW,
    }
)  # fmt: skip
NIGHT, BY_DAY = Hours(time(22), time(6)), Hours(time(6), time(22))
PARTS_OF_DAY: Mapping[str, Hours] = MappingProxyType(
    {
        "de noche": NIGHT, "en la noche": NIGHT, "por la noche": NIGHT,
        "at night": NIGHT, "by night": NIGHT,
        "de dia": BY_DAY, "en el dia": BY_DAY, "por el dia": BY_DAY,
        "by day": BY_DAY, "in the day": BY_DAY,
    }
)  # fmt: skip
LAST_RESORT = frozenset({"ultimo recurso", "last resort"})

_LEADING = re.compile(r"^(?:solo si es|solo si|solo|si es|si|only if|only|if it is|if)\s+")
_HOURS = (
    re.compile(r"^(?:de|desde)(?: las?)? (.+?) (?:a|hasta)(?: las?)? (.+)$"),
    re.compile(r"^entre(?: las?)? (.+?) y(?: las?)? (.+)$"),
    re.compile(r"^(?:from )?(.+?) (?:to|until) (.+)$"),
    re.compile(r"^between (.+?) and (.+)$"),
    re.compile(r"^(\d[\d:.h]*)\s*[-–]\s*(\d[\d:.h]*)$"),
)
_RISK = re.compile(r"^(?:riesgo|risk|de riesgo)\s+(.+)$|^(.+?)\s+(?:riesgo|risk)$")
_REPEAT = re.compile(r"^(?:repetir|repeat)(?:\s+(?:cada|every))?\s+(.+)$")
_OR = re.compile(r"\s*(?:,|/|\s(?:o|u|or)\s)\s*")


@dataclass(frozen=True, slots=True)
class Manner:
    """What a step has beyond its delay and its people."""

    repeat: timedelta | None = None
    only: Conditions = ALWAYS
    last_resort: bool = False


def lean(text: str) -> str:
    """The form in which words are compared."""
    return " ".join(plain(text[:LONGEST]).split()).strip(" .")


def read_hours(text: str) -> Hours | None:
    """ "de 22 a 6", "from 10 pm to 6 am", "22:00-06:00", "de noche"; None if it is none."""
    words = lean(text)
    if words in PARTS_OF_DAY:
        return PARTS_OF_DAY[words]
    for form in _HOURS:
        if found := form.match(words):
            start, end = read_time(found[1]), read_time(found[2])
            if start is not None and end is not None and start != end:
                return Hours(start, end)
    return None


def read_causes(text: str) -> frozenset[Cause] | None:
    """ "auxilio o coacción"; None if there is a word that is none."""
    return _all_of(CAUSES, lean(text))


def read_risks(text: str) -> frozenset[Risk] | None:
    """ "alto", "medio o alto", "high"; None if there is a word that is none."""
    return _all_of(RISKS, lean(text))


def _all_of(words: Mapping[str, V], text: str) -> frozenset[V] | None:
    found = [words.get(part) for part in _OR.split(text)]
    return frozenset(v for v in found if v is not None) if None not in found else None


def read_manner(text: str) -> Manner | str:
    """What stands in brackets, parts between commas; or the part that was not understood."""
    manner = Manner()
    for part in filter(None, (p.strip() for p in text.split(","))):
        more = _with(manner, lean(part))
        if more is None:
            return part
        manner = more
    return manner


def _with(manner: Manner, words: str) -> Manner | None:
    if words in LAST_RESORT:
        return replace(manner, last_resort=True)
    if found := _REPEAT.match(words):
        repeat = read_duration(found[1])
        return replace(manner, repeat=repeat) if repeat is not None else None
    words = _LEADING.sub("", words)
    only = manner.only
    if hours := read_hours(words):
        return replace(manner, only=replace(only, hours=hours))
    if found := _RISK.match(words):
        risks = read_risks(found[1] or found[2])
        return replace(manner, only=replace(only, risks=only.risks | risks)) if risks else None
    causes = read_causes(words)
    return replace(manner, only=replace(only, causes=only.causes | causes)) if causes else None
