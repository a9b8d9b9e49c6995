"""The catalogues: gettext files whose message ids are keys, read by Babel.

A text may hold ``{placeholders}`` and the marks ``<b>``, ``<i>`` and ``<c>`` (bold, italic, code).
The marks are read before anything is put in, so that what a person wrote is never a mark. A key
with a plural takes its form from the placeholder ``n``.

Beside ours there may be a folder of a community's own (`use_folder`). What in it cannot be filled in
is not used: the text is then said in the fallback's language. A slip in a translation must not be
what an alarm is lost by.
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
from pathlib import Path

from babel import Locale
from babel.core import UnknownLocaleError
from babel.messages import Catalog
from babel.messages.pofile import read_po

from bot.domain.rich import Rich, Span, Style
from bot.texts import shipped
from bot.texts.shipped import Pattern
from bot.texts.sound import sound
from bot.texts.values import Key, write_instant, write_list, write_span

FALLBACK = "es"
"""The language that every other one falls back on, key by key."""

STYLES = {"b": Style.BOLD, "i": Style.ITALIC, "c": Style.CODE}
MARK = re.compile(r"<(/?)([bic])>|\{(\w+)\}")
CODE = re.compile(r"[a-z]{2,3}(_[A-Za-z]{2,8})*")
"""What the file of a language may be called: an ISO 639 code, such as "tzo"."""

LINE = re.compile(r'\s*(msgid|msgid_plural|msgstr(\[\d\])?)?\s*"')
"""A line that holds a text."""

_folders: list[Path] = []


class CatalogueError(ValueError):
    """A catalogue that cannot be read. One line that names the file and the remedy."""


def use_folder(folder: Path | None) -> None:
    """Use the catalogues in this folder as well, from now on. Raises `CatalogueError`.

    A language that we ship stays as it is shipped: a file of the same name is refused, so that
    nobody believes it is used.
    """
    _folders[:] = [] if folder is None else [folder]
    for cached in (_catalogue, _plural, available):
        cached.cache_clear()
    if folder is None:
        return
    if not folder.is_dir():
        raise CatalogueError(f"texts.folder: {folder} is no folder")
    for path in sorted(folder.glob("*.po")):
        if not CODE.fullmatch(path.stem):
            raise CatalogueError(f"{path}: is not named after a language's code, such as tzo.po")
        if path.stem in _shipped():
            raise CatalogueError(f"{path}: there is a catalogue of that language already")
        _catalogue(path.stem)


def read(path: Path) -> Catalog:
    """A catalogue's file. Raises `CatalogueError`."""
    try:
        source = path.read_bytes()
        # Babel takes a text that is not closed for one that is, less its last letter.
        for number, line in enumerate(source.decode().splitlines(), 1):
            if LINE.match(line) and not line.rstrip().endswith('"'):
                raise ValueError(f"line {number}: the text has no quote at its end")
        return read_po(BytesIO(source), locale=path.stem, abort_invalid=True)
    except Exception as error:  # Babel has no one class for what is not a catalogue
        raise CatalogueError(f"{path}: cannot be read as a catalogue: {error}") from None


@cache
def _shipped() -> frozenset[str]:
    entries = files(__package__).joinpath("catalogues").iterdir()
    return frozenset(e.name.removesuffix(".po") for e in entries if e.name.endswith(".po"))


@cache
def _catalogue(language: str) -> Mapping[str, Pattern]:
    """What is said in a language, key by key."""
    if language in _shipped():
        return shipped.read(_source(language).decode())
    found = next(path for f in _folders if (path := f / f"{language}.po").is_file())
    catalogue = read(found)
    whole = read_po(BytesIO(_source(FALLBACK)), locale=FALLBACK)
    said: dict[str, Pattern] = {"": f"plural={catalogue.plural_expr};"}
    for message in catalogue:
        original = whole.get(message.id) if message.id else None
        if original is not None and sound(original, message, catalogue.num_plurals):
            key = message.id if isinstance(message.id, str) else message.id[0]
            text = message.string or ""
            said[key] = text if isinstance(text, str) else tuple(text)
    return said


def _source(language: str) -> bytes:
    return files(__package__).joinpath("catalogues", f"{language}.po").read_bytes()


@cache
def _plural(language: str) -> Callable[[int], int]:
    """The rule of the catalogue's header that picks the form for a number."""
    form: Callable[[int], int] = c2py(shipped.plural_rule(_catalogue(language)[""]))
    return form


@cache
def available() -> tuple[str, ...]:
    """The languages that have a catalogue, the fallback first."""
    names = set(_shipped()) | {path.stem for folder in _folders for path in folder.glob("*.po")}
    return (FALLBACK, *sorted(names - {FALLBACK}))


def nearest(language: str) -> str | None:
    """The catalogue for a platform's hint such as "en-GB", or None."""
    short = language.replace("_", "-").split("-")[0].lower()
    return short if short in available() else None


def own_name(language: str) -> str:
    """What a language calls itself in its own catalogue; else its code."""
    return str(_catalogue(language).get("language.own_name") or language)


@cache
def _known_to_babel(language: str) -> bool:
    try:
        Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return False
    return True


class Texts:
    """Renders keys for one reader: a language, a zone, and what day it is.

    `locale` is in what times and lists are written: the language itself where the Unicode consortium
    knows it, else the fallback.
    """

    def __init__(self, language: str, zone: str, now: datetime) -> None:
        self.language = language if language in available() else FALLBACK
        self.locale = self.language if _known_to_babel(self.language) else FALLBACK
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
            pattern = _catalogue(language).get(key)
            if not pattern:
                continue
            if isinstance(pattern, str):
                return pattern
            count = values["n"]
            if not isinstance(count, int):
                raise TypeError(f"{key}: n must be a whole number")
            return pattern[_plural(language)(count)]
        raise KeyError(key)

    def _spans(self, pattern: str, values: Mapping[str, object]) -> Iterator[Span]:
        style = Style.PLAIN
        if "{" not in pattern and "<" not in pattern:
            if pattern:
                yield Span(pattern, style)
            return
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
                return write_instant(value, self.locale, self.zone, self._now)
            case timedelta():
                return write_span(value, self.locale)
            case tuple():
                return write_list(tuple(self.write(v) for v in value), self.locale)
            case Key(key, inner):
                return self.plain(key, **inner)
            case _:
                raise TypeError(f"no way to write {type(value).__name__}")
