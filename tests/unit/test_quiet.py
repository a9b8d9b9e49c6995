"""Quiet hours: nothing inside them, nothing lost, nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.quiet import Quiet, last_asked, next_asked
from bot.domain.schedule import EVERY_DAY, Schedule, next_due

ZONES = ("America/Mexico_City", "America/New_York", "Europe/Madrid", "Asia/Kathmandu")
walls = st.times().map(lambda t: t.replace(second=0, microsecond=0))
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 1)).map(
    lambda d: d.replace(tzinfo=UTC, microsecond=0)
)
rules = st.builds(
    lambda times, zone: Schedule(EVERY_DAY, tuple(times), zone, timedelta(minutes=30)),
    st.sets(walls, min_size=1, max_size=4),
    st.sampled_from(ZONES),
)
quiets = st.builds(Quiet, walls, walls).filter(
    lambda q: timedelta(0) < q.length <= timedelta(hours=12)
)


@settings(deadline=None, max_examples=40)
@given(rules, quiets, st.sampled_from(ZONES), instants)
def test_no_question_is_inside_and_none_is_lost(
    rule: Schedule, quiet: Quiet, zone: str, start: datetime
) -> None:
    end = start + timedelta(days=3)
    asked = []
    at = start
    while (at := next_asked(rule, quiet, zone, at)) <= end:
        asked.append(at)
        assert quiet.moved(at, zone) == at
    assert asked == sorted(set(asked))
    at = start
    while (at := next_due(rule, at)) <= end - timedelta(days=1):
        assert quiet.moved(at, zone) in asked  # each occurrence is asked about, there or at the end
    if asked:
        assert last_asked(rule, quiet, zone, asked[-1]) == asked[-1]


def test_over_midnight() -> None:
    quiet = Quiet(time(22), time(7))
    assert quiet.length == timedelta(hours=9)
    night = datetime(2026, 11, 18, 5, 30, tzinfo=UTC)  # 23:30
    assert quiet.moved(night, ZONES[0]) == datetime(2026, 11, 18, 13, 0, tzinfo=UTC)
    noon = datetime(2026, 11, 17, 18, 0, tzinfo=UTC)
    assert quiet.moved(noon, ZONES[0]) == noon
    assert Quiet.from_json(quiet.to_json()) == quiet


def test_without_quiet_hours_it_is_the_schedule() -> None:
    rule = Schedule(EVERY_DAY, (time(9),), ZONES[0], timedelta(minutes=30))
    now = datetime(2026, 11, 17, 18, 0, tzinfo=UTC)
    assert next_asked(rule, None, ZONES[0], now) == next_due(rule, now)
