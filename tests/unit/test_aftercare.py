"""Who is asked after an incident, and when: never where a phone may be in other hands."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import aftercare as rules
from bot.domain.incident import Kind, Outcome

ANA, BERTA = 1, 2
END = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
ZONE = "America/Mexico_City"
HOURS = st.floats(0, 24 * 30).map(lambda hours: timedelta(hours=hours))


def test_only_who_is_known_to_have_the_phone() -> None:
    answered = [("answered_late", ANA)]
    by_berta = [("taken", BERTA), ("resolved", BERTA)]
    for kind in Kind:
        for outcome in (*Outcome, None):
            well = outcome in (Outcome.SAFE, Outcome.CARE_NEEDED)
            raised = kind in (Kind.PANIC, Kind.HELP)
            silent = kind in (Kind.MISS, Kind.UNREACHABLE)
            assert rules.may_be_written_to(kind, outcome, by_berta, ANA) is (well and raised)
            told = rules.may_be_written_to(kind, outcome, answered, ANA)
            assert told is (well and (raised or silent))
    closed_herself = [("resolved", ANA)]
    assert rules.may_be_written_to(Kind.MISS, Outcome.SAFE, closed_herself, ANA)
    assert not rules.may_be_written_to(Kind.MISS, Outcome.SAFE, [("answered_late", BERTA)], ANA)


@given(HOURS)
def test_nobody_is_woken(after: timedelta) -> None:
    at = rules.by_day(END + after, ZONE)
    assert rules.MORNING <= at.astimezone(ZoneInfo(ZONE)).time() < rules.EVENING
    assert timedelta(0) <= at - (END + after) <= timedelta(hours=12)


@given(st.lists(HOURS, max_size=8))
def test_there_are_at_most_three_questions_and_never_two_at_once(delays: list[timedelta]) -> None:
    """Whatever the bot's own delays: one that went by is not made up for by two."""
    now, asked, at = END, 0, []
    for delay in [timedelta(0), *delays, *[timedelta(days=8)] * 3]:
        due = rules.next_question(END, asked, ZONE, now)
        if due is None:
            break
        now = max(now, due) + delay
        at.append(now)
        asked = rules.asked_by(END, asked + 1, now)
    assert len(at) <= len(rules.DAYS)
    assert all(b - a >= timedelta(hours=1) for a, b in itertools.pairwise(at))
    assert rules.next_question(END, len(rules.DAYS), ZONE, now) is None
    assert at[0] >= END + timedelta(days=1)
