"""The catalogues: gettext files whose message ids are keys, read by Babel.

A text may hold ``{placeholders}`` and the marks ``<b>``, ``<i>`` and ``<c>`` (bold, italic, code).
The marks are read before anything is put in, so that what a person wrote is never a mark. A key
with a plural takes its form from the placeholder ``n``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from gettext import c2py
from importlib.resources import files
from io import BytesIO

from babel.messages import Catalog
from babel.messages.pofile import read_po

from bot.domain.rich import Rich, Span, Style
from bot.texts.values import Key, write_instant, write_list, write_span

FALLBACK = "es"
"""The language that every other one falls back on, key by key."""

STYLES = {"b": Style.BOLD, "i": Style.ITALIC, "c": Style.CODE}
MARK = re.compile(r"<(/?)([bic])>|\{(\w+)\}")


@cache
def _catalogue(language: str) -> Catalog:
    source = files(__package__).joinpath("catalogues", f"{language}.po").read_bytes()
    return read_po(BytesIO(source), locale=language)


@cache
def _plural(language: str) -> Callable[[int], int]:
    """The rule of the catalogue's header that picks the form for a number."""
    form: Callable[[int], int] = c2py(_catalogue(language).plural_expr)
    return form


@cache
def available() -> tuple[str, ...]:
    """The languages that have a catalogue, the fallback first."""
    names = {
        entry.name.removesuffix(".po")
        for entry in files(__package__).joinpath("catalogues").iterdir()
        if entry.name.endswith(".po")
    }
    return (FALLBACK, *sorted(names - {FALLBACK}))


def nearest(language: str) -> str | None:
    """The catalogue for a platform's hint such as "en-GB", or None."""
    short = language.replace("_", "-").split("-")[0].lower()
    return short if short in available() else None


class Texts:
    """Renders keys for one reader: a language, a zone, and what day it is."""

    def __init__(self, language: str, zone: str, now: datetime) -> None:
        self.language = language if language in available() else FALLBACK
        self.zone = zone
        self._now = now

    def render(self, key: str, **values: object) -> Rich:
        """The text of `key` with its values put in.

        Raises `KeyError` for a key or a placeholder that is not there.
        """
        return Rich(tuple(self._spans(self._pattern(key, values), values)))

    def plain(self, key: str, **values: object) -> str:
        """The same without emphasis, for labels."""
        return self.render(key, **values).plain

    def _pattern(self, key: str, values: Mapping[str, object]) -> str:
        for language in (self.language, FALLBACK):
            message = _catalogue(language).get(key)
            if message is None or not message.string:
                continue
            if isinstance(message.string, str):
                return message.string
            count = values["n"]
            if not isinstance(count, int):
                raise TypeError(f"{key}: n must be a whole number")
            return message.string[_plural(language)(count)]
        raise KeyError(key)

    def _spans(self, pattern: str, values: Mapping[str, object]) -> Iterator[Span]:
        style = Style.PLAIN
        at = 0
        for mark in MARK.finditer(pattern):
            if mark.start() > at:
                yield Span(pattern[at : mark.start()], style)
            at = mark.end()
            closing, letter, name = mark.groups()
            if name is None:
                style = Style.PLAIN if closing else STYLES[letter]
                continue
            yield from self._value(values[name], style)
        if at < len(pattern):
            yield Span(pattern[at:], style)

    def _value(self, value: object, style: Style) -> Iterator[Span]:
        match value:
            case Rich():
                yield from value.spans
            case Key(key, inner):
                yield from self.render(key, **inner).spans
            case _:
                text = self.write(value)
                if text:
                    yield Span(text, style)

    def write(self, value: object) -> str:
        """One value as text in this language and zone."""
        match value:
            case StrEnum():
                return self.plain(f"{type(value).__name__.lower()}.{value.value}")
            case str() | int():
                return str(value)
            case datetime():
                return write_instant(value, self.language, self.zone, self._now)
            case timedelta():
                return write_span(value, self.language)
            case tuple():
                return write_list(tuple(self.write(v) for v in value), self.language)
            case Key(key, inner):
                return self.plain(key, **inner)
            case _:
                raise TypeError(f"no way to write {type(value).__name__}")
