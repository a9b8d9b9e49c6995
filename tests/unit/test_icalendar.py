"""A calendar file is one that any calendar reads: RFC 5545, octet by octet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.icalendar import WIDTH, Event, calendar

AT = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)


def event(title: str) -> Event:
    return Event("abc@acuerpa.invalid", AT, AT + timedelta(days=7), title)


def unfolded(content: bytes) -> list[str]:
    """As a calendar reads it: RFC 5545, 3.1."""
    return content.decode().replace("\r\n ", "").split("\r\n")


def test_a_shift() -> None:
    assert unfolded(calendar([event("Turno: Berta, suplencia; \\o/")], "-//X//Y//ES", AT)) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//X//Y//ES",
        "CALSCALE:GREGORIAN",
        "BEGIN:VEVENT",
        "UID:abc@acuerpa.invalid",
        "DTSTAMP:20261130T150000Z",
        "DTSTART:20261130T150000Z",
        "DTEND:20261207T150000Z",
        "SUMMARY:Turno: Berta\\, suplencia\\; \\\\o/",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_no_title_breaks_a_line(title: str) -> None:
    content = calendar([event(title)], "p", AT)
    lines = content.split(b"\r\n")
    assert all(len(line) <= WIDTH for line in lines)
    assert b"\n" not in content.replace(b"\r\n", b"")
    for line in lines:
        line.decode()  # no character is cut
    known = {"BEGIN", "VERSION", "PRODID", "CALSCALE", "UID", "DTSTAMP", "DTSTART", "DTEND",
             "SUMMARY", "END", ""}  # fmt: skip
    assert {line.partition(":")[0] for line in unfolded(content)} <= known
