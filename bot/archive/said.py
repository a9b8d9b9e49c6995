"""The archive's own words in one language: texts of the catalogue, dates, sizes, names of languages."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_date, format_time, get_timezone_location
from babel.numbers import format_decimal

from bot.archive.words import isolated
from bot.domain.publication import Publication, Version
from bot.texts import Texts, available
from bot.texts.catalogue import own_name


def tag(language: str) -> str:
    """As `lang` and `hreflang` want it (BCP 47)."""
    return language.replace("_", "-")


@cache
def _locale(language: str) -> Locale | None:
    try:
        return Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return None


def name_of(language: str) -> str:
    """What a language calls itself; its code where nobody has told us."""
    if language in available():
        return own_name(language)
    locale = _locale(language)
    return (locale.get_display_name() if locale else None) or language


class Said:
    """Words for the pages of one language. Where it has no catalogue they are the fallback's.

    `ui` is the language of these words, as a tag; `language` is whose pages they are on.
    """

    def __init__(self, language: str, zone: str, now: datetime) -> None:
        self.language = language
        self._texts = Texts(language.replace("-", "_"), zone, now)
        self._zone = ZoneInfo(zone)
        self._zone_name = zone
        self._now = now
        self.ui = tag(self._texts.language)
        known = _locale(self._texts.locale)
        self.direction = known.text_direction if known else "ltr"

    def __call__(self, key: str, **values: object) -> str:
        """The text of `archive.<key>`. Raises `KeyError` for one that is not there."""
        return self._texts.plain(f"archive.{key}", **values)

    def date(self, instant: datetime) -> str:
        """The day in the archive's zone: "24 de noviembre de 2026"."""
        return format_date(instant.astimezone(self._zone), "long", locale=self._texts.locale)

    def moment(self, instant: datetime) -> str:
        """The day and the hour, with the city whose zone they are in."""
        local = instant.astimezone(self._zone)
        clock = format_time(local, "HH:mm", locale=self._texts.locale)
        place = get_timezone_location(self._zone_name, locale=self._texts.locale, return_city=True)
        return f"{self.date(instant)}, {clock} ({place})"

    def days_until(self, instant: datetime) -> int:
        """Nights from today to that day in the archive's zone; 0 on the day itself."""
        local = instant.astimezone(self._zone).date()
        return (local - self._now.astimezone(self._zone).date()).days

    def title(self, publication: Publication, version: Version) -> str:
        """Its title; of one that was withdrawn, and of one without a letter, what we call it."""
        if publication.withdrawal is not None:
            return self("withdrawn_title", number=publication.number)
        return isolated(version.title) or self("untitled", number=publication.number)

    @property
    def today(self) -> str:
        """The day of the build."""
        return self.date(self._now)

    def size(self, count: int) -> str:
        """Bytes in the unit that a person pays for: "2,3 MB"."""
        for unit, bytes_ in (("MB", 1_000_000), ("kB", 1_000)):
            if count >= bytes_:
                number = round(count / bytes_, 1)
                return f"{format_decimal(number, locale=self._texts.locale)}\u00a0{unit}"
        return f"{count}\u00a0B"
