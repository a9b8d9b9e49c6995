"""What all readers share: a text made lean, and numbers in words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from bot.domain.answers import plain

LONGEST = 100
"""Characters of one duration, time or list of days; more is none. Keeps all of this quick."""

LONGEST_LINE = 400
"""Characters of a one-line schedule."""

MOST = timedelta(days=366)
"""The longest duration, and how far ahead an instant may be: beyond it is a typing error."""

MINUTE, HOUR, DAY, WEEK = (
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(weeks=1),
)


def made_lean(text: str) -> str | None:
    """Plain, single blanks, no full stop at the end; None if it is too long to be meant."""
    if len(text) > 4 * LONGEST:  # invisible characters do not count, but cost time
        return None
    found = " ".join(plain(text).split()).strip(" .!")
    return found if len(found) <= LONGEST else None




NUMBERS = {
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


def any_of(values: Iterable[str]) -> str:
    """An alternation of the words, longest first, so that "cuarenta y cinco" is not forty."""
    return "|".join(sorted(map(re.escape, values), key=len, reverse=True))
