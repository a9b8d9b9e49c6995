"""Whether a translation can be filled in as its original is, and fits on a screen."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from babel.messages import Catalog
from babel.messages.catalog import Message

PLACEHOLDER = re.compile(r"\{(\w+)\}")
MARKS = re.compile(r"<(/?)([bic])>")
BRACES = re.compile(r"[{}]")

LONGER = 1.6
"""How many times as long as the original a translation may be, and `SPARE` characters more."""

SPARE = 20

LABEL = 40
"""Characters of a button: what a narrow screen shows of it."""

SENTENCE = 25
"""Words of a sentence: what is heard once and kept in mind."""

WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*|\{\w+\}")
ENDS = re.compile(r"[.!?…]+[\s»)\"]|\n")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one text. `bars` it from being used: the fallback is said instead."""

    key: str
    what: str
    bars: bool = True


def worded(text: str) -> bool:
    """Whether it says something to somebody who hears it: a letter, or what is put in."""
    plain = MARKS.sub("", text)
    return bool(PLACEHOLDER.search(plain)) or any(char.isalpha() for char in plain)


@cache
def gendered(language: str) -> dict[str, str]:
    """Words that name people by one gender, and what can stand in their place."""
    source = files("bot.texts").joinpath("inclusive.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(source).get(language, {}))


def gendered_in(text: str, language: str) -> list[str]:
    """Those of them that stand in a text."""
    words = sorted(gendered(language), key=len, reverse=True)
    if not words:
        return []
    pattern = rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)"
    return [found.lower() for found in re.findall(pattern, text, re.IGNORECASE)]


def forms(message: Message) -> tuple[str, ...]:
    """A text, or its forms for different numbers."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def sound(original: Message, message: Message, plurals: int) -> bool:
    """Whether it can be filled in: an empty one is, and says the fallback's words."""
    return not any(finding.bars for finding in judged(original, message, plurals))


def judged(original: Message, message: Message, plurals: int) -> Iterator[Finding]:
    """What is wrong with a translation of one text."""
    key = str(message.id)
    given = [form for form in forms(message) if form]
    if not given:
        return
    if isinstance(original.string, str) != isinstance(message.string, str):
        yield Finding(key, "has other forms for numbers than the original")
        return
    if not isinstance(message.string, str) and len(given) != plurals:
        yield Finding(key, f"needs {plurals} forms for numbers, as its header says")
    wanted = set(PLACEHOLDER.findall(forms(original)[0]))
    for form in given:
        found = set(PLACEHOLDER.findall(form))
        for name in sorted(wanted - found):
            yield Finding(key, f"lacks {{{name}}}")
        for name in sorted(found - wanted):
            yield Finding(key, f"has {{{name}}}, which the original has not")
        if BRACES.search(PLACEHOLDER.sub("", form)):
            yield Finding(key, "has a brace that is no placeholder")
        if "<" in MARKS.sub("", form):
            yield Finding(key, "has a < that is no mark: there are <b>, <i> and <c>", bars=False)
        if not _paired(form):
            yield Finding(key, "has a mark <b>, <i> or <c> that is not closed")
        if not worded(form):
            yield Finding(key, "says nothing to somebody who hears it: write it in words")
        yield from _shape(key, forms(original)[0], form)


def _paired(text: str) -> bool:
    open_mark = ""
    for closing, letter in MARKS.findall(text):
        if bool(closing) is not bool(open_mark) or (closing and letter != open_mark):
            return False
        open_mark = "" if closing else letter
    return not open_mark


def _shape(key: str, original: str, form: str) -> Iterator[Finding]:
    if key.startswith("button.") and len(form) > LABEL:
        yield Finding(key, f"is longer than a button's {LABEL} characters", bars=False)
    elif len(form) > LONGER * len(original) + SPARE:
        yield Finding(key, "is much longer than the original: does it fit on a screen?", bars=False)
    for sentence in long_sentences(form):
        yield Finding(key, f"has a sentence of over {SENTENCE} words: {sentence[:50]}…", bars=False)


def long_sentences(text: str) -> list[str]:
    """Sentences that are too long to be read aloud at once."""
    parts = ENDS.split(MARKS.sub("", text))
    return [part.strip() for part in parts if len(WORD.findall(part)) > SENTENCE]


def checked(original: Catalog, other: Catalog) -> list[Finding]:
    """Everything that is wrong with a translation, missing texts last."""
    found: list[Finding] = []
    known = {str(message.id): message for message in original if message.id}
    for message in other:
        if not message.id:
            continue
        if str(message.id) not in known:
            found.append(Finding(str(message.id), "is no key of ours"))
        else:
            found += judged(known[str(message.id)], message, other.num_plurals)
    for key in known:
        there = other.get(key)
        if there is None or not all(forms(there)):
            found.append(Finding(key, "is not translated: said in Spanish", bars=False))
    return found
