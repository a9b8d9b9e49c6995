"""The rules of trips: what an extension may do, when a trip is over, the rounds of a collective."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import trip as rules
from bot.domain.people import Risk
from bot.domain.trip import Purpose, Stage, StageState, Trip, TripError

NOON = datetime(2026, 11, 17, 18, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def trip(*hours: float, purpose: Purpose = Purpose.TRIP) -> Trip:
    """With a stage so many hours after noon each."""
    stages = tuple(Stage(n, 1, NOON + h * HOUR, f"p{n}") for n, h in enumerate(hours, 1))
    return Trip(1, 1, purpose, NOON, stages=stages)


@given(
    st.sampled_from(list(Risk)),
    st.lists(st.tuples(st.integers(1, 600), st.integers(0, 300)), max_size=30),
)
def test_nobody_can_extend_for_ever(risk: Risk, steps: list[tuple[int, int]]) -> None:
    """However it is asked for, and whenever: three times, and by no more than the interval."""
    journey, now = trip(2, 4), NOON
    first = [stage.due for stage in journey.stages]
    done = 0
    for by, passes in steps:
        now += passes * MINUTE
        later = rules.extended(journey, by * MINUTE, risk, now)
        if later is not None:
            done += 1
            journey = later
            assert journey.current is not None
            assert journey.current.due >= now
    assert done <= rules.EXTENSIONS
    moved = {stage.due - was for stage, was in zip(journey.stages, first, strict=True)}
    assert len(moved) == 1  # the stages stay as far apart as they were
    assert moved.pop() <= rules.INTERVAL[risk]


@given(st.sampled_from(list(Risk)), st.integers(0, 600))
def test_whatever_is_offered_can_be_done(risk: Risk, passed: int) -> None:
    journey, now = trip(2), NOON + passed * MINUTE
    for by in rules.extensions(journey, risk, now):
        assert rules.extended(journey, by, risk, now) is not None


def test_only_a_trip_can_be_extended() -> None:
    for purpose in set(Purpose) - {Purpose.TRIP}:
        assert not rules.left_to_extend(trip(2, purpose=purpose), Risk.LOW)


def test_an_extension_counts_from_now_once_the_time_has_passed() -> None:
    later = rules.extended(trip(1), 15 * MINUTE, Risk.MEDIUM, NOON + 1.25 * HOUR)
    assert later is not None
    assert later.stages[0].due == NOON + 1.5 * HOUR
    assert later.extended == 30 * MINUTE


def test_what_is_reached_does_not_move() -> None:
    journey = trip(1, 2).marked(1, StageState.REACHED, NOON)
    later = rules.extended(journey, 15 * MINUTE, Risk.LOW, NOON)
    assert later is not None
    assert [s.due for s in later.stages] == [NOON + HOUR, NOON + 2.25 * HOUR]


def test_a_trip_is_over_when_nothing_is_to_come() -> None:
    journey = trip(1, 2)
    assert journey.marked(1, StageState.MISSED, NOON).ended_at is None
    over = journey.marked(1, StageState.MISSED, NOON).marked(2, StageState.REACHED, NOON + HOUR)
    assert over.ended_at == NOON + HOUR
    assert over.current is None
    assert over.marked(1, StageState.REACHED, NOON + 3 * HOUR).ended_at == NOON + HOUR


def test_dropping_leaves_what_is_asked_already() -> None:
    journey = trip(1, 2).marked(1, StageState.ASKED, NOON).dropped(NOON)
    assert [s.state for s in journey.stages] == [StageState.ASKED, StageState.DROPPED]


def test_grace_is_shorter_than_the_interval_and_shortest_at_high_risk() -> None:
    graces = [rules.GRACE[risk] for risk in Risk]
    assert graces == sorted(graces, reverse=True)
    assert all(rules.GRACE[risk] <= rules.INTERVAL[risk] for risk in Risk)
    assert rules.highest([Risk.LOW, Risk.HIGH, Risk.MEDIUM]) is Risk.HIGH


@given(st.integers(15, 600), st.integers(20, 3000))
def test_rounds_end_at_the_end_and_nobody_is_asked_twice_at_once(every: int, length: int) -> None:
    end = NOON + length * MINUTE
    times = rules.rounds(NOON, every * MINUTE, end)
    assert times[-1] == end
    gaps = [b - a for a, b in pairwise(times)]
    assert all(gap >= rules.SHORTEST_ROUND for gap in gaps)
    if len(times) <= rules.MOST_ROUNDS:
        assert all(gap < every * MINUTE + rules.SHORTEST_ROUND for gap in gaps)


def test_a_trip_has_its_measure() -> None:
    with pytest.raises(TripError):
        rules.check([NOON] * (rules.MOST_STAGES + 1), NOON)
    with pytest.raises(TripError):
        rules.check([NOON + rules.LONGEST_TRIP + HOUR], NOON)
