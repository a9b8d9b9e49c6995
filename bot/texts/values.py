"""Values that are put into a text, and how each is written in a language."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_timedelta
from babel.lists import format_list


@dataclass(frozen=True, slots=True)
class Key:
    """A text inside a text: a key of the catalogue with its own values."""

    key: str
    values: dict[str, object] = field(default_factory=dict)


def write_instant(value: datetime, language: str, zone: str, now: datetime) -> str:
    """The wall time in the reader's zone, with the date unless it is today there."""
    local = value.astimezone(ZoneInfo(zone))
    clock = f"{local:%H:%M}"
    if local.date() == now.astimezone(ZoneInfo(zone)).date():
        return clock
    return f"{format_date(local, 'd MMM', locale=language)} {clock}"


def write_span(value: timedelta, language: str) -> str:
    """A duration in whole units: "2 horas 30 minutos"."""
    minutes = round(value.total_seconds() / 60)
    parts = []
    for size, granularity in ((1440, "day"), (60, "hour"), (1, "minute")):
        count, minutes = divmod(minutes, size)
        if count:
            parts.append(
                format_timedelta(
                    timedelta(minutes=count * size),
                    granularity=granularity,  # type: ignore[arg-type]
                    threshold=1e9,
                    locale=language,
                )
            )
    return " ".join(parts) or format_timedelta(timedelta(0), "minute", locale=language)


def write_list(values: tuple[str, ...], language: str) -> str:
    """ "Ana, Berta y Carla"."""
    return format_list(values, locale=language)
