"""A calendar file as RFC 5545 has it: events with a beginning, an end and a title, and nothing else.

Instants are written in UTC, so that no table of a zone has to come with them. There is no alarm in it
and no address: whoever finds the file learns when, and the title.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

WIDTH = 75
"""Octets of a line; longer ones go on in the next (RFC 5545, 3.1)."""

MIME = "text/calendar; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry. `uid` is the same whenever the same thing is written again, and unlike any other's."""

    uid: str
    start: datetime
    end: datetime
    title: str


def calendar(events: Iterable[Event], product: str, now: datetime) -> bytes:
    """The file, in UTF-8. `now` is when it is written, which each event must say."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{_text(product)}", "CALSCALE:GREGORIAN"]
    for event in events:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_text(event.uid)}",
            f"DTSTAMP:{_instant(now)}",
            f"DTSTART:{_instant(event.start)}",
            f"DTEND:{_instant(event.end)}",
            f"SUMMARY:{_text(event.title)}",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) for line in lines)


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(value: str) -> str:
    """RFC 5545, 3.3.11: four characters have a meaning there; others that nobody sees are left out."""
    for char in ("\\", ";", ","):
        value = value.replace(char, f"\\{char}")
    value = value.replace("\r\n", "\n").replace("\n", "\\n")
    return "".join(c for c in value if c.isprintable())


def _folded(line: str) -> bytes:
    """The line in pieces of at most `WIDTH` octets, none of which cuts a character."""
    out, piece = b"", b""
    for char in line:
        octets = char.encode()
        if len(piece) + len(octets) > WIDTH:
            out += piece + b"\r\n"
            piece = b" "
        piece += octets
    return out + piece + b"\r\n"
