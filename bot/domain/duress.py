"""Words of duress: to whoever looks on they are an answer, and they are a silent alarm.

What is kept of them is a salted digest. Every message of a member is compared with it, whole, in the
form in which answers are compared, and in a time that does not depend on how much of it is right.

Nothing that the person sees afterwards may tell that there was an alarm: `shown_to_subject` says
what an incident looks like from their chat.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.answers import (
    AFFIRMED,
    ALL_HERE,
    ARRIVED,
    HINTS,
    Answer,
    plain,
    understand,
    understand_yes_no,
)
from bot.domain.incident import Kind

LEAST_WORDS, LEAST_LETTERS, MOST = 2, 8, 60
"""Two words: one is written by accident sooner or later, and the alarm would be a false one."""

READ = 400
"""Characters of a message that are looked at: nobody's words are longer in any spelling."""

PRETENDED = "pretended"
"""Line of a timeline: the incident was "closed" in the chat of a person under duress."""

HIDDEN = frozenset({Kind.DURESS, Kind.MISSING})
"""What the person's chat must show nothing of: only others know that it was raised."""

_SEEN = frozenset(kind.value for kind in Kind) - {*HIDDEN, Kind.LOST}
"""What opens an incident with the person's knowledge, or could."""

_WORD = re.compile(r"[^\W_]+")


class WordsRefused(ValueError):
    """What is written cannot be words of duress. `code` is a key of the catalogues."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Words:
    """What is kept of somebody's words."""

    salt: str
    digest: str

    @classmethod
    def of(cls, text: str, salt: str) -> Words:
        """Of words as they were written; `salt` is fresh random text."""
        return cls(salt, _digest(text, salt))

    def to_json(self) -> list[str]:
        """For a sealed column."""
        return [self.salt, self.digest]


def chosen(text: str) -> None:
    """Raises `WordsRefused` for what would mean something else, or be said by accident."""
    words = _form(text).split(" ")
    if len(text) > READ or sum(map(len, words)) > MOST:
        raise WordsRefused("duress.too_long")
    if len(words) < LEAST_WORDS or sum(map(len, words)) < LEAST_LETTERS:
        raise WordsRefused("duress.too_short")
    answer = understand(text, also=(ARRIVED, ALL_HERE, AFFIRMED, *HINTS))
    if answer is not Answer.UNCLEAR or understand_yes_no(text) is not None:
        raise WordsRefused("duress.means_something")
    if text.lstrip()[:1] in ("/", "!", ">"):
        raise WordsRefused("duress.means_something")


def heard(words: Words | None, text: str) -> bool:
    """Whether a message is these words and nothing else. The same work if there are none."""
    kept = words or _NOBODYS
    same = hmac.compare_digest(_digest(text, kept.salt), kept.digest)
    return same and words is not None


def _form(text: str) -> str:
    return " ".join(_WORD.findall(plain(text[:READ])))


def _digest(text: str, salt: str) -> str:
    form = _form(text).encode("utf-8", "surrogatepass")
    return hashlib.sha256(salt.encode() + b"\0" + form).hexdigest()


_NOBODYS = Words("", "0" * 64)


def shown_to_subject(kind: Kind, lines: Iterable[str]) -> Kind | None:
    """What the person takes an incident for that is about them, by its timeline; None: for nothing.

    The person's own acts are as they were; of duress they saw an answer, and no more; of what others
    say of them, nothing.
    """
    if kind not in HIDDEN:
        return kind
    shown: Kind | None = None
    for line in lines:
        how, _, what = line.partition("_")
        if line == PRETENDED:
            shown = None
        elif how in ("opened", "again") and what in _SEEN:
            own = what in (Kind.PANIC, Kind.HELP)
            shown = Kind(what) if own or shown is None else shown
    return shown
