"""Names that people choose: what one may be, and when two look the same to a person in a hurry.

An alarm names somebody. A name that hides characters, turns the direction of the text around it or
looks like another member's would send people to the wrong door.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from bot.domain.answers import plain
from bot.domain.people import name_key
from bot.domain.plan_text import ROLES

LIMIT = 40
"""Characters; more does not fit on a button."""

MARKS = 2
"""Marks upon one letter: some languages write two, none a tower of them."""

_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5")
_TAKEN_APART = frozenset(",;:/<>@#|*_`~[]{}=+\\\"\u061b\u060c")
"""What ends a name in a plan or a command, or is markup somewhere."""

_NOBODYS = (
    "acuerpa", "bot", "admin", "administracion", "sistema", "system", "soporte", "support",
    "telegram", "matrix", "operador", "operadora", "operator", "coordinadora", "coordinador",
    "coordinator", "tu red", "tu grupo",
)  # fmt: skip

_SCRIPTS = re.compile(r"^(LATIN|CYRILLIC|GREEK|ARMENIAN|CHEROKEE|COPTIC|GEORGIAN|HEBREW|ARABIC)\b")
_RIGHT_TO_LEFT = frozenset({"R", "AL"})

_GLYPHS = str.maketrans({"0": "o", "1": "l", "I": "l", "|": "l", "!": "l", "¡": "l", "$": "s"})


class NameRefused(ValueError):
    """What is written cannot be a name. `code` is a key of the catalogues."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def cleaned(text: str) -> str:
    """A name as it is kept: composed, without what nobody sees, one blank between its words.

    Raises `NameRefused`.
    """
    # Before anything that takes more than linear time.
    seen = "".join(c for c in text[: 8 * LIMIT] if c.isspace() or not _unseen(c))
    name = " ".join(unicodedata.normalize("NFC", seen).split())
    if not 1 <= len(name) <= LIMIT or len(text) > 8 * LIMIT or not any(c.isalpha() for c in name):
        raise NameRefused("joining.name_wrong")
    if not _TAKEN_APART.isdisjoint(name) or _towers(name) or _mixed(name):
        raise NameRefused("joining.name_odd")
    if name_key(name) in _RESERVED or looks(name) in _RESERVED:
        raise NameRefused("joining.name_taken")
    return name


def looks(name: str) -> str:
    """The form in which names that look alike are the same: "Cora1", "Сoral" and "Coral."."""
    folded = plain(name.translate(_GLYPHS))
    kept = "".join(c for c in folded if c.isalnum())
    return kept.replace("rn", "m").replace("vv", "w") or name_key(name)


def alike(a: str, b: str) -> bool:
    """Whether a person could take one for the other."""
    return name_key(a) == name_key(b) or looks(a) == looks(b)


def _unseen(char: str) -> bool:
    return (
        unicodedata.category(char) in _INVISIBLE
        or char in _BLANKS
        or "\ufe00" <= char <= "\ufe0f"  # variation selectors
        or "\U000e0100" <= char <= "\U000e01ef"
    )


def _towers(name: str) -> bool:
    """More marks upon one letter than any language writes."""
    height = 0
    for char in unicodedata.normalize("NFD", name):
        height = height + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if height > MARKS:
            return True
    return unicodedata.category(name[0]) in ("Mn", "Me")


def _mixed(name: str) -> bool:
    """Scripts that look alike within one word, or two directions of writing within one name."""
    for word in name.split():
        found = {s[1] for c in word if (s := _SCRIPTS.match(unicodedata.name(c, "")))}
        if len(found) > 1:
            return True
    strong = [unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in name if c.isalpha()]
    return any(a != b for a, b in pairwise(strong))


_RESERVED = frozenset(form(word) for word in (*ROLES, *_NOBODYS) for form in (name_key, looks))
"""Words that mean a role in a plan, the bot itself, or whoever runs it."""
