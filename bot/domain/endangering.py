"""What in a text may put somebody in danger once it is public: found, shown, and decided by its author.

Pure, and only a help: it knows Spanish and English, misses much, and says so. The words by which a
name is told from an institution are data (`endangering.toml`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

MOST_NAMES = 8
"""Names that are asked about for one denunciation; a list of more is no list of defenders."""

LONGEST = 60
"""Characters of what is shown of a finding."""


class Hazard(StrEnum):
    """What kind of thing it is; keys of the catalogues below `hazard`."""

    POSITION = "position"  # degrees on a map
    ADDRESS = "address"  # a street and a number
    PHONE = "phone"
    EMAIL = "email"
    PAPERS = "papers"  # the number of an identity paper
    PLATE = "plate"  # of a vehicle
    MINOR = "minor"  # an age below 18


@dataclass(frozen=True, slots=True)
class Finding:
    """Something of that kind, as it stands in the text."""

    hazard: Hazard
    excerpt: str


_NUMBER = r"[-+]?\d{1,3}\.\d{3,}"
_WORD = r"[A-ZÁÉÍÓÚÜÑ][\w'’-]{1,40}"
_PATTERNS: tuple[tuple[Hazard, re.Pattern[str]], ...] = (
    (Hazard.POSITION, re.compile(rf"{_NUMBER}\s?°?\s?[NS]?\s?[,;/ ]\s?{_NUMBER}\s?°?\s?[EWO]?")),
    (Hazard.POSITION, re.compile(r"\d{1,3}°\s?\d{1,2}['′’]\s?(?:\d{1,2}(?:\.\d+)?[\"″”]\s?)?[NSEWO]")),
    (Hazard.POSITION, re.compile(r"https?://(?:maps\.|www\.google\.\w+/maps|goo\.gl/maps|maps\.app)\S*")),
    (
        Hazard.ADDRESS,
        re.compile(
            r"\b(?:calle|c\.|avenida|av\.|calzada|callej[oó]n|privada|andador|carretera|boulevard|"
            r"bulevar|blvd\.?|manzana|street|road|avenue)\s[^\n.;]{1,50}?(?:n[uú]m\.?|no\.|#|,)?\s?\d{1,5}\b",
            re.IGNORECASE,
        ),
    ),
    (Hazard.EMAIL, re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b")),
    # CURP and RFC of Mexico (Registro Nacional de Población; Servicio de Administración Tributaria).
    (Hazard.PAPERS, re.compile(r"\b[A-Z]{4}\d{6}[HMX][A-Z]{5}[0-9A-Z]\d\b")),
    (Hazard.PAPERS, re.compile(r"\b[A-ZÑ&]{4}\d{6}[0-9A-Z]{3}\b")),
    (Hazard.PLATE, re.compile(r"\b[A-Z]{3}-?\d{2,4}-?[A-Z0-9]{1,2}\b")),
    (Hazard.PLATE, re.compile(r"\bplacas?\s+\w{0,8}\d\w{0,8}", re.IGNORECASE)),
    (Hazard.PHONE, re.compile(r"(?<![\w.,/-])\+?\d(?:[\s().-]{0,2}\d){9,13}(?![\w-])")),
    (
        Hazard.MINOR,
        re.compile(
            r"\b(?:de|tiene|ten[ií]a|con|aged?)\s(?:1[0-7]|[1-9])\s?(?:a[ñn]os(?:\sde\sedad)?|years?)\b"
            r"|\b(?:1[0-7]|[1-9])[\s-]years?[\s-]old\b",
            re.IGNORECASE,
        ),
    ),
)
_NAME = re.compile(rf"(?<!\w){_WORD}(?:\s(?:(?:de|del|la|las|los|da|do|dos)\s){{0,2}}{_WORD}){{1,4}}")


@cache
def _words() -> dict[str, frozenset[str]]:
    text = files("bot.domain").joinpath("endangering.toml").read_text("utf-8")
    return {name: frozenset(words) for name, words in tomllib.loads(text).items()}


def hazards(texts: Iterable[str]) -> list[Finding]:
    """What was found, each once, in the order in which it stands."""
    found: dict[Finding, None] = {}
    for text in texts:
        taken: list[tuple[int, int]] = []
        of_text: list[tuple[int, Finding]] = []
        for hazard, pattern in _PATTERNS:
            for match in pattern.finditer(text):
                begin, end = match.span()
                if any(begin < b and a < end for a, b in taken):
                    continue  # the digits of a position are no telephone
                taken.append((begin, end))
                of_text.append((begin, Finding(hazard, " ".join(match[0].split())[:LONGEST])))
        found.update((finding, None) for _, finding in sorted(of_text, key=lambda f: f[0]))
    return list(found)


def names_in(texts: Iterable[str]) -> list[str]:
    """What looks like the name of a person: two capitalised words or more, and none of an institution."""
    found: dict[str, None] = {}
    words = _words()
    for text in texts:
        for match in _NAME.finditer(text):
            name = _without_lead(match[0], words["leads"])
            parts = {part.casefold() for part in name.split()}
            if len([p for p in name.split() if p[0].isupper()]) < 2 or parts & words["institutions"]:
                continue
            found[name] = None
    return list(found)[:MOST_NAMES]


def _without_lead(name: str, leads: frozenset[str]) -> str:
    """Without the first words of a sentence: "El Estado", "Ayer Juana Pérez"."""
    parts = name.split()
    while parts and (parts[0].casefold() in leads or not parts[0][0].isupper()):
        parts = parts[1:]
    return " ".join(parts)


def stands_in(name: str, texts: Iterable[str]) -> bool:
    """Whether a text still bears this name."""
    wanted = " ".join(name.casefold().split())
    return any(wanted in " ".join(text.casefold().split()) for text in texts)
