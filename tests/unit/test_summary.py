"""A month in numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.incident import Kind, Outcome
from bot.domain.summary import (
    Past,
    Sort,
    Spans,
    bounds,
    month_before,
    next_summary,
    read_month,
    summed,
)

AT = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


def after(minutes: int) -> datetime:
    """An instant of the incident."""
    return AT + timedelta(minutes=minutes)


def past(
    kind: Kind = Kind.MISS, outcome: Outcome | None = Outcome.SAFE, *events: tuple[str, int]
) -> Past:
    """One incident; a line "resolved" is its end."""
    closed = next((after(m) for event, m in events if event == "resolved"), None)
    return Past(kind, AT, closed, outcome, [(event, after(m)) for event, m in events])


def test_times_to_taken_and_to_resolved() -> None:
    quick = past(Kind.PANIC, Outcome.SAFE, ("alarm", 0), ("taken", 2), ("resolved", 60))
    slow = past(
        Kind.MISS, Outcome.FALSE_ALARM, ("alarm", 0), ("alarm", 15), ("taken", 20), ("resolved", 30)
    )
    nobody = past(Kind.DURESS, None, ("alarm", 0), ("alarm", 15), ("exhausted", 40))
    canary = past(Kind.CANARY, Outcome.SAFE, ("alarm", 0), ("resolved", 1))
    found = summed([quick, slow, nobody, canary])
    assert found.total == 3
    assert found.kinds == {Sort.OWN: 2, Sort.SILENCE: 1}
    assert found.taken == Spans(timedelta(minutes=11), timedelta(minutes=20))
    assert found.closed == Spans(timedelta(minutes=45), timedelta(minutes=60))
    assert (found.untaken, found.false_rate, found.ended) == (1, 50, 2)
    assert found.silent_steps == 1 + 2


def test_nothing_happened() -> None:
    found = summed([])
    assert (found.total, found.taken, found.closed, found.false_rate) == (0, None, None, 0)


def test_what_was_duress_is_told_apart_in_no_number() -> None:
    assert summed([past(Kind.DURESS)]).kinds == summed([past(Kind.PANIC)]).kinds


@given(st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)))
def test_every_first_of_a_month_once(naive: datetime) -> None:
    now, zone = naive.replace(tzinfo=UTC), "America/Mexico_City"
    due = next_summary(now, zone)
    assert due > now
    assert due - now <= timedelta(days=31, hours=12)
    start, end = bounds(month_before(due, zone), zone)
    assert start < end <= due
    assert month_before(end, zone) == month_before(due, zone)


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("2026-10", date(2026, 10, 1)),
        ("10/2026", date(2026, 10, 1)),
        ("2026-13", None),
        ("25:61", None),
        ("octubre", None),
        ("", None),
    ],
)
def test_months_as_people_write_them(text: str, month: date | None) -> None:
    assert read_month(text) == month
