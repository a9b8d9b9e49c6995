"""Schedules keep their word through every change of clocks."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.schedule import (
    EVERY_DAY,
    MAX_REMINDERS,
    MAX_TIMES,
    Problem,
    Schedule,
    ScheduleError,
    next_due,
    wall_to_instant,
    zone_named,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WORKDAYS = frozenset(range(5))

ZONES = [
    "America/Mexico_City", "America/Tijuana", "America/Santiago", "America/Asuncion",
    "America/Havana", "America/Sao_Paulo", "America/Bogota", "America/New_York",
    "America/St_Johns", "America/Godthab", "Atlantic/Azores", "Europe/Madrid", "Africa/Casablanca",
    "Africa/Cairo", "Africa/Juba", "Asia/Beirut", "Asia/Gaza", "Asia/Tehran", "Asia/Kathmandu",
    "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Easter", "Antarctica/Troll", "Europe/Volgograd",
]  # fmt: skip


def a_schedule(**changed: Any) -> Schedule:
    """Nine in the morning, every day, in Mexico City."""
    values: dict[str, Any] = {
        "days": EVERY_DAY,
        "times": (time(9),),
        "zone": "America/Mexico_City",
        "grace": 45 * MINUTE,
    }
    return Schedule(**(values | changed))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


# --- what a wall time is ------------------------------------------------------------------------


def test_nine_in_mexico_city_is_fifteen_utc_the_whole_year() -> None:
    for month in (1, 7):
        assert wall_to_instant(date(2026, month, 5), time(9), "America/Mexico_City") == utc(
            2026, month, 5, 15
        )


def test_a_time_that_clocks_jump_over_is_the_jump_itself() -> None:
    # New York, 8 March 2026: 01:59 is followed by 03:00, which is 07:00 UTC.
    for minute in (0, 1, 30, 59):
        assert wall_to_instant(date(2026, 3, 8), time(2, minute), "America/New_York") == utc(
            2026, 3, 8, 7
        )


def test_a_time_that_comes_twice_is_its_first() -> None:
    # New York, 1 November 2026: 01:30 comes at 05:30 UTC and again at 06:30.
    assert wall_to_instant(date(2026, 11, 1), time(1, 30), "America/New_York") == utc(
        2026, 11, 1, 5, 30
    )


def test_a_second_time_round_cannot_be_asked_for() -> None:
    first, second = time(1, 30), time(1, 30, fold=1)
    day = date(2026, 11, 1)
    assert wall_to_instant(day, second, "America/New_York") == wall_to_instant(
        day, first, "America/New_York"
    )
    assert a_schedule(times=(second, first)).times == (first,)


def test_midnight_that_does_not_exist_in_santiago() -> None:
    # 6 September 2026: the day begins at 01:00, which is 04:00 UTC.
    assert wall_to_instant(date(2026, 9, 6), time(0), "America/Santiago") == utc(2026, 9, 6, 4)


def test_half_an_hour_is_enough_of_a_jump_on_lord_howe() -> None:
    # 4 October 2026: 01:59 is followed by 02:30, which is 15:30 UTC of the day before.
    assert wall_to_instant(date(2026, 10, 4), time(2, 15), "Australia/Lord_Howe") == utc(
        2026, 10, 3, 15, 30
    )


def test_the_day_that_apia_left_out() -> None:
    # 30 December 2011 did not exist there: all of its questions are one, at the start of the 31st.
    every_hour = a_schedule(times=tuple(time(hour) for hour in range(24)), zone="Pacific/Apia")
    asked = utc(2011, 12, 30, 8, 30)
    found = [asked := next_due(every_hour, asked) for _ in range(4)]
    assert found == [utc(2011, 12, 30, hour) for hour in (9, 10, 11, 12)]


# --- the next question --------------------------------------------------------------------------


def test_the_next_question_is_strictly_later() -> None:
    assert next_due(a_schedule(), utc(2026, 6, 10, 14, 59)) == utc(2026, 6, 10, 15)
    assert next_due(a_schedule(), utc(2026, 6, 10, 15)) == utc(2026, 6, 11, 15)


def test_after_friday_comes_monday() -> None:
    friday = utc(2026, 6, 12, 15)
    assert next_due(a_schedule(days=WORKDAYS), friday) == utc(2026, 6, 15, 15)


def test_once_a_week_is_a_week_later() -> None:
    assert next_due(a_schedule(days=frozenset({2})), utc(2026, 6, 10, 15)) == utc(2026, 6, 17, 15)


def test_weekdays_are_those_of_the_person_not_of_utc() -> None:
    # Sunday 23:00 in Tijuana is Monday in UTC.
    rule = a_schedule(days=frozenset({6}), times=(time(23),), zone="America/Tijuana")
    assert next_due(rule, utc(2026, 6, 10)) == utc(2026, 6, 15, 6)


def test_two_times_inside_one_jump_are_one_question() -> None:
    rule = a_schedule(times=(time(2, 10), time(2, 40)), zone="America/New_York")
    jump = utc(2026, 3, 8, 7)
    assert next_due(rule, jump - MINUTE) == jump
    assert next_due(rule, jump) == utc(2026, 3, 9, 6, 10)


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        next_due(a_schedule(), datetime(2026, 6, 10))


# --- every change of clocks of the decade -------------------------------------------------------


def shown(instant: datetime, zone: str) -> datetime:
    """What a clock on the wall shows."""
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def jumps() -> list[tuple[str, datetime]]:
    """Each change of offset of `ZONES` from 2020 to 2030, to within six hours."""
    found = []
    for zone in ZONES:
        instant, tables = utc(2020, 1, 1), ZoneInfo(zone)
        before = instant.astimezone(tables).utcoffset()
        while instant < utc(2031, 1, 1):
            instant += 6 * HOUR
            now = instant.astimezone(tables).utcoffset()
            if now != before:
                found.append((zone, instant))
            before = now
    return found


JUMPS = jumps()


@cache
def clock(zone: str, around: datetime) -> list[tuple[datetime, datetime]]:
    """Minute by minute for two days: the instant, and what the wall shows."""
    start = around - 30 * HOUR
    return [(start + n * MINUTE, shown(start + n * MINUTE, zone)) for n in range(60 * 54)]


def watched(zone: str, around: datetime, wall: datetime) -> datetime:
    """The oracle: watch the clock until it first shows `wall` or something later."""
    return next(instant for instant, seen in clock(zone, around) if seen >= wall)


def test_the_decade_has_enough_changes_to_be_worth_it() -> None:
    assert len(ZONES) >= 20
    assert len(JUMPS) > 250
    assert {"America/Asuncion", "America/Mexico_City", "Africa/Casablanca", "Asia/Tehran"} <= {
        zone for zone, _ in JUMPS
    }


@pytest.mark.parametrize(("zone", "around"), JUMPS, ids=lambda v: str(v))
def test_round_every_change_each_quarter_hour_is_what_a_watcher_of_the_clock_sees(
    zone: str, around: datetime
) -> None:
    first = shown(around - 29 * HOUR, zone).replace(minute=0)
    for quarter in range(4 * 46):
        wall = first + quarter * 15 * MINUTE
        assert wall_to_instant(wall.date(), wall.time(), zone) == watched(zone, around, wall), wall


@settings(max_examples=300, deadline=None)
@given(
    jump=st.sampled_from(JUMPS),
    times=st.sets(
        # Most near midnight and the small hours, where clocks change.
        st.builds(time, st.one_of(st.integers(0, 4), st.integers(0, 23)), st.integers(0, 59)),
        min_size=1,
        max_size=24,
    ),
    days=st.sets(st.integers(0, 6), min_size=1),
)
def test_no_question_is_missing_or_doubled_at_any_change(
    jump: tuple[str, datetime], times: set[time], days: set[int]
) -> None:
    zone, around = jump
    rule = a_schedule(times=tuple(times), days=frozenset(days), zone=zone)
    start, end = around - 20 * HOUR, around + 20 * HOUR

    expected = set()
    for offset in range(-2, 3):
        day = shown(around, zone).date() + offset * DAY
        for wall in times if day.weekday() in days else ():
            local = datetime.combine(day, wall)
            seen = [instant for instant, face in clock(zone, around) if face >= local]
            if seen and start < seen[0] <= end:
                expected.add(seen[0])

    asked, instant = [], start
    while (instant := next_due(rule, instant)) <= end:
        asked.append(instant)
    assert asked == sorted(expected)  # so also strictly increasing


@given(
    zone=st.sampled_from(ZONES),
    after=st.datetimes(datetime(2020, 1, 1), datetime(2030, 12, 31), timezones=st.just(UTC)),
    times=st.sets(st.builds(time, st.integers(0, 23), st.integers(0, 59)), min_size=1, max_size=4),
    days=st.sets(st.integers(0, 6), min_size=1),
)
def test_the_next_question_is_always_later_and_within_nine_days(
    zone: str, after: datetime, times: set[time], days: set[int]
) -> None:
    rule = a_schedule(times=tuple(times), days=frozenset(days), zone=zone)
    found = next_due(rule, after)
    assert after < found <= after + 9 * DAY
    assert found.tzinfo is UTC


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "code", "values"),
    [
        ({"zone": "America/Aztlan"}, Problem.UNKNOWN_ZONE, {"zone": "America/Aztlan"}),
        ({"zone": "America"}, Problem.UNKNOWN_ZONE, {"zone": "America"}),
        ({"zone": ""}, Problem.UNKNOWN_ZONE, {"zone": ""}),
        ({"zone": "../../etc/passwd"}, Problem.UNKNOWN_ZONE, {"zone": "../../etc/passwd"}),
        ({"zone": "localtime"}, Problem.UNKNOWN_ZONE, {"zone": "localtime"}),
        ({"zone": "a\0b"}, Problem.UNKNOWN_ZONE, {"zone": "a\0b"}),
        ({"zone": "x" * 5000}, Problem.UNKNOWN_ZONE, {"zone": "x" * 5000}),
        ({"times": ()}, Problem.NO_TIMES, {}),
        ({"days": frozenset()}, Problem.NO_DAYS, {}),
        ({"days": frozenset({1, 7})}, Problem.BAD_DAY, {"day": 7}),
        ({"times": (time(9, 0, 30),)}, Problem.BAD_TIME, {"time": time(9, 0, 30)}),
        ({"times": (time(9, tzinfo=UTC), time(8))}, Problem.BAD_TIME,
         {"time": time(9, tzinfo=UTC)}),
        ({"grace": 4 * MINUTE}, Problem.GRACE_TOO_SHORT,
         {"grace": 4 * MINUTE, "least": 5 * MINUTE}),
        ({"grace": 24 * HOUR + MINUTE}, Problem.GRACE_TOO_LONG,
         {"grace": 24 * HOUR + MINUTE, "most": 24 * HOUR}),
        ({"reminders": (45 * MINUTE,)}, Problem.REMINDER_OUTSIDE_GRACE,
         {"reminder": 45 * MINUTE, "grace": 45 * MINUTE}),
        ({"reminders": (timedelta(0),)}, Problem.REMINDER_OUTSIDE_GRACE,
         {"reminder": timedelta(0), "grace": 45 * MINUTE}),
        ({"times": tuple(time(n // 2, n % 2 * 30) for n in range(25))}, Problem.TOO_MANY_TIMES,
         {"count": 25, "most": MAX_TIMES}),
        ({"reminders": tuple(n * MINUTE for n in range(1, 12))}, Problem.TOO_MANY_REMINDERS,
         {"count": 11, "most": MAX_REMINDERS}),
    ],
)  # fmt: skip
def test_an_impossible_schedule_is_refused_by_name(
    changed: dict[str, Any], code: Problem, values: dict[str, Any]
) -> None:
    with pytest.raises(ScheduleError) as refused:
        a_schedule(**changed)
    assert (refused.value.code, refused.value.values) == (code, values)


def test_the_edges_of_the_grace_are_allowed() -> None:
    assert a_schedule(grace=5 * MINUTE).grace == 5 * MINUTE
    assert a_schedule(grace=24 * HOUR).grace == 24 * HOUR


def test_a_known_zone_is_found() -> None:
    assert zone_named("America/Asuncion").key == "America/Asuncion"


def test_order_and_repetition_do_not_matter() -> None:
    one = a_schedule(times=(time(21), time(9), time(9)), reminders=(30 * MINUTE, 15 * MINUTE))
    assert one == a_schedule(times=(time(9), time(21)), reminders=(15 * MINUTE, 30 * MINUTE))
    assert one.times == (time(9), time(21))


@given(
    days=st.frozensets(st.integers(0, 6), min_size=1),
    times=st.sets(st.builds(time, st.integers(0, 23), st.integers(0, 59)), min_size=1, max_size=24),
    zone=st.sampled_from(ZONES),
    grace=st.integers(5, 24 * 60),
    data=st.data(),
)
def test_storing_a_schedule_changes_nothing(
    days: frozenset[int], times: set[time], zone: str, grace: int, data: st.DataObject
) -> None:
    minutes = data.draw(st.sets(st.integers(1, grace - 1), max_size=10))
    rule = Schedule(days, tuple(times), zone, grace * MINUTE, tuple(n * MINUTE for n in minutes))
    assert Schedule.from_json(json.loads(json.dumps(rule.to_json()))) == rule


def test_the_stored_form_is_stable() -> None:
    """Rows already written must stay readable: a change here needs a migration."""
    rule = a_schedule(days=WORKDAYS, reminders=(15 * MINUTE,))
    assert rule.to_json() == {
        "days": [0, 1, 2, 3, 4],
        "times": ["09:00"],
        "zone": "America/Mexico_City",
        "grace": 2700,
        "reminders": [900],
    }
