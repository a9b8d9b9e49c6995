"""The directory of care: what a line of it says, and how long it counts as true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.answers import plain

TRUE_FOR = timedelta(days=90)
"""How long after somebody looked an entry is taken to be true; then those who coordinate are asked."""

ASKED_AGAIN = timedelta(days=30)
"""After how long without an answer they are asked once more."""

LONGEST_NAME, LONGEST_TEXT = 80, 600
"""Characters: what fits on a small screen."""

MOST = 100
"""Entries of a group."""

EVERYWHERE = frozenset({"", "-", "*", "todas", "todos", "toda", "todo", "all", "everywhere", "any"})
"""What is written for an entry that is not of one region."""


class Care(StrEnum):
    """What kind of care it is (the kinds that defenders named in 2017: docs/en/care.md)."""

    SHELTER = "shelter"
    LEGAL = "legal"
    MEDICAL = "medical"
    PSYCHOSOCIAL = "psychosocial"
    ECONOMIC = "economic"


WORDS = {
    "refugio": Care.SHELTER, "refugios": Care.SHELTER, "albergue": Care.SHELTER,
    "casa": Care.SHELTER, "shelter": Care.SHELTER, "shelters": Care.SHELTER,
    "legal": Care.LEGAL, "juridico": Care.LEGAL, "juridica": Care.LEGAL, "abogada": Care.LEGAL,
    "abogado": Care.LEGAL, "lawyer": Care.LEGAL,
    "medico": Care.MEDICAL, "medica": Care.MEDICAL, "salud": Care.MEDICAL,
    "medical": Care.MEDICAL, "health": Care.MEDICAL, "doctor": Care.MEDICAL,
    "psicosocial": Care.PSYCHOSOCIAL, "psicologia": Care.PSYCHOSOCIAL,
    "psicologico": Care.PSYCHOSOCIAL, "emocional": Care.PSYCHOSOCIAL,
    "psychosocial": Care.PSYCHOSOCIAL, "emotional": Care.PSYCHOSOCIAL,
    "economico": Care.ECONOMIC, "economica": Care.ECONOMIC,
    "fondo": Care.ECONOMIC, "fondos": Care.ECONOMIC, "dinero": Care.ECONOMIC,
    "economic": Care.ECONOMIC, "funds": Care.ECONOMIC, "money": Care.ECONOMIC,
}  # fmt: skip
"""What people write for a kind, as `plain` writes it."""


class CareError(ValueError):
    """A line that cannot be kept. `code` is a key of the catalogues, `values` its placeholders."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


@dataclass(frozen=True, slots=True)
class Entry:
    """One place or person that cares. `region` is a free label, "" for everywhere."""

    number: int
    kind: Care
    region: str
    name: str
    text: str
    verified_at: datetime
    id: int = 0
    group: int = 0

    def due(self) -> datetime:
        """When somebody should look whether it is still true."""
        return self.verified_at + TRUE_FOR


def kind_of(word: str) -> Care | None:
    """The kind that a word means."""
    return WORDS.get(plain(word).strip())


def region(text: str) -> str:
    """The label as it is kept; "" for everywhere. Raises `CareError`."""
    label = " ".join(text.split())
    if plain(label).strip() in EVERYWHERE:
        return ""
    if len(label) > LONGEST_NAME:
        raise CareError("care.error.region", n=LONGEST_NAME)
    return label


def name(text: str) -> str:
    """What it is called. Raises `CareError`."""
    called = " ".join(text.split())
    if not 1 <= len(called) <= LONGEST_NAME:
        raise CareError("care.error.name", n=LONGEST_NAME)
    return called


def details(text: str) -> str:
    """How to get there or to call, and what to know before. Raises `CareError`."""
    said = text.strip()
    if not 1 <= len(said) <= LONGEST_TEXT:
        raise CareError("care.error.text", n=LONGEST_TEXT)
    return said


def one_line(text: str) -> tuple[Care, str, str, str]:
    """Kind, region, name and details of "legal; Oaxaca; Nombre; qué hay que saber".

    Raises `CareError`.
    """
    parts = [part.strip() for part in text.split(";", 3)]
    kind = kind_of(parts[0]) if parts[0] else None
    if kind is None:
        raise CareError("care.error.kind", part=parts[0][:40])
    if len(parts) < 4:
        raise CareError("care.error.parts")
    return kind, region(parts[1]), name(parts[2]), details(parts[3])


def found(entries: list[Entry], wanted: str) -> list[Entry]:
    """The entries that a search is about: kinds and regions in any order; all for no words.

    What is for every region is in each.
    """
    words = plain(wanted).split()
    kinds = {kind for word in words if (kind := kind_of(word)) is not None}
    rest = [word for word in words if kind_of(word) is None]
    return [
        entry
        for entry in entries
        if (not kinds or entry.kind in kinds)
        and (not rest or not entry.region or all(w in plain(entry.region) for w in rest))
    ]
