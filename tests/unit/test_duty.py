"""Somebody is on duty at every instant of a full rotation, and never two."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.duty import (
    ANSWER,
    Ask,
    Change,
    DutyError,
    Rotation,
    Rule,
    Stint,
    Turn,
    advance,
    answering,
    confirmed,
    declined,
    first_day,
    swapped,
)
from bot.domain.schedule import EVERY_DAY, ScheduleError, wall_to_instant

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ANA, BERTA, CARLA, CORAL = 1, 2, 3, 4
PEOPLE = frozenset({ANA, BERTA, CARLA, CORAL})
ZONES = [
    "America/Mexico_City", "America/Tijuana", "America/Santiago", "America/Havana", "Asia/Gaza",
    "America/New_York", "Africa/Casablanca", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Apia",
    "Antarctica/Troll", "Atlantic/Azores", "UTC",
]  # fmt: skip
MONDAY = date(2026, 11, 16)
unhurried = settings(deadline=None)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def weekly(**changed: Any) -> Rotation:
    """Ana, Berta, Carla; Mondays at nine in Mexico City; everyone took it on."""
    rule = Rule(frozenset({0}), time(9), "America/Mexico_City", MONDAY, 3)
    values: dict[str, Any] = {
        "id": 1, "rule": rule, "order": (ANA, BERTA, CARLA), "accepted": PEOPLE,
    }  # fmt: skip
    return Rotation(**(values | changed))


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    days = frozenset(draw(st.sets(st.integers(0, 6), min_size=1)))
    near = draw(st.dates(date(2009, 1, 1), date(2030, 1, 1)))
    start = next(d for n in range(7) if (d := near + n * DAY).weekday() in days)
    at = time(draw(st.integers(0, 23)), draw(st.sampled_from([0, 15, 30, 59])))
    return Rule(days, at, draw(st.sampled_from(ZONES)), start, draw(st.integers(1, 5)))


@st.composite
def rotations(draw: st.DrawFn, *, changed: bool = True) -> Rotation:
    rule = draw(rules())
    begin = rule.begins(0)
    changes = []
    if changed:
        for _ in range(draw(st.integers(0, 4))):
            start = begin + draw(st.integers(0, 60 * 24)) * HOUR
            end = start + draw(st.integers(1, 24 * 10)) * HOUR
            changes.append(Change(start, end, draw(st.integers(10, 14))))
    order = tuple(range(1, rule.places + 1))
    return Rotation(1, rule, order, (), frozenset(order), tuple(changes))


# --- when ---------------------------------------------------------------------------------------


@unhurried
@given(rotations())
def test_there_is_no_gap_and_no_overlap(rotation: Rotation) -> None:
    """Over every change of clocks, from the first hand-off on: each instant is one person's."""
    begin = rotation.rule.begins(0)
    end = begin + 400 * DAY
    stints = list(rotation.stints(begin, end))
    assert stints[0].start == begin
    assert stints[-1].end >= end
    for before, after in pairwise(stints):
        assert before.end == after.start
        assert after.start < after.end
    assert all(stint.member is not None for stint in stints)


@unhurried
@given(rotations(), st.integers(-10, 400 * 24 * 60))
def test_whoever_has_it_has_it_alone(rotation: Rotation, minutes: int) -> None:
    at = rotation.rule.begins(0) + timedelta(minutes=minutes)
    around = rotation.stints(at - 40 * DAY, at + 40 * DAY)
    holders = [s for s in around if s.start <= at < s.end]
    assert holders == ([rotation.at(at)] if minutes >= 0 else [])
    if minutes >= 0:
        newest = [c for c in rotation.changes if c.start <= at < c.end][-1:]
        number = rotation.rule.number_at(at)
        assert number is not None
        own = rotation.order[number % len(rotation.order)]
        assert holders[0].member == (newest[0].member if newest else own)


@unhurried
@given(rules(), st.integers(0, 500))
def test_a_hand_off_is_the_wall_time_of_its_day(rule: Rule, number: int) -> None:
    day = rule.day(number)
    assert day.weekday() in rule.days
    assert rule.begins(number) == wall_to_instant(day, rule.at, rule.zone)
    days = (day - rule.start).days
    earlier = [n for n in range(days) if (rule.start + n * DAY).weekday() in rule.days]
    assert len(earlier) == number
    found = rule.number_at(rule.begins(number))
    assert found is not None
    assert rule.begins(found) == rule.begins(number)  # a day that a zone left out has no shift


@unhurried
@given(rotations(changed=False), st.data())
def test_a_swap_keeps_how_many_shifts_each_has(rotation: Rotation, data: st.DataObject) -> None:
    begin = rotation.rule.begins(0)
    until = begin + 120 * DAY
    before = list(rotation.stints(begin, until))
    now = begin - HOUR
    one, other = (data.draw(st.sampled_from(before)) for _ in range(2))
    assert one.member is not None
    assert other.member is not None
    changes = swapped(rotation, one.start, other.start, one.member, other.member, now)
    if one.member == other.member:
        assert changes is None
        return
    assert changes is not None
    after = list(replace(rotation, changes=changes).stints(begin, until))
    assert Counter(s.member for s in after) == Counter(s.member for s in before)
    moved = {s.start: s.member for s in after}
    assert moved[one.start] == other.member
    assert moved[other.start] == one.member


def test_a_swap_of_what_has_begun_or_is_anothers_is_none() -> None:
    rotation = weekly()
    ana, berta, carla = (rotation.rule.begins(n) for n in range(3))
    assert swapped(rotation, ana, berta, ANA, BERTA, ana) is None
    assert swapped(rotation, berta, carla, ANA, CARLA, ana) is None
    assert swapped(rotation, berta + HOUR, carla, BERTA, CARLA, ana) is None
    done = swapped(rotation, berta, carla, BERTA, CARLA, ana)
    assert done is not None
    again = replace(rotation, changes=done)
    assert swapped(again, berta, carla, BERTA, CARLA, ana) is None  # it is Carla's now
    assert swapped(again, berta, carla, CARLA, BERTA, ana) is not None


def test_clocks_change_in_the_night_of_the_hand_off() -> None:
    """02:30 does not exist on 8 March 2026 in Tijuana: the hand-off is at the jump, once."""
    rule = Rule(EVERY_DAY, time(2, 30), "America/Tijuana", date(2026, 3, 7), 2)
    rotation = Rotation(1, rule, (ANA, BERTA), (), PEOPLE)
    days = list(rotation.stints(rule.begins(0), rule.begins(3)))
    assert [s.start for s in days] == [
        utc(2026, 3, 7, 10, 30), utc(2026, 3, 8, 10), utc(2026, 3, 9, 9, 30),
    ]  # fmt: skip
    assert [s.member for s in days] == [ANA, BERTA, ANA]


def test_what_cannot_be_is_refused() -> None:
    good: dict[str, Any] = {
        "days": {0}, "at": time(9), "zone": "UTC", "start": MONDAY, "places": 1,
    }  # fmt: skip
    for bad in (
        {"days": set()}, {"days": {7}}, {"at": time(9, 0, 1)}, {"places": 0}, {"places": 21},
        {"start": MONDAY + DAY},
    ):  # fmt: skip
        with pytest.raises(DutyError):
            Rule(**(good | bad))
    with pytest.raises(ScheduleError):
        Rule(**(good | {"zone": "America/Aztlan"}))
    assert Rule.from_json(Rule(**good).to_json()) == Rule(**good)


@unhurried
@given(rules(), st.integers(0, 60 * 24 * 60))
def test_the_first_hand_off_is_the_nearest(rule: Rule, minutes: int) -> None:
    now = rule.begins(0) + timedelta(minutes=minutes)
    for later in (False, True):
        day = first_day(rule.days, rule.at, rule.zone, now, later=later)
        begins = wall_to_instant(day, rule.at, rule.zone)
        assert day.weekday() in rule.days
        assert (begins > now) is later
        assert abs(begins - now) <= 9 * DAY


# --- who ----------------------------------------------------------------------------------------


def test_nobodys_shifts_move_when_somebody_leaves() -> None:
    before, after = weekly(), weekly(order=(ANA, None, CARLA))
    begin = before.rule.begins(0)
    then = {s.start: s.member for s in before.stints(begin, begin + 60 * DAY)}
    for stint in after.stints(begin, begin + 60 * DAY):
        assert stint.member == (None if then[stint.start] == BERTA else then[stint.start])
    gaps = after.gaps(PEOPLE, begin, begin + 21 * DAY)
    assert [g.number for g in gaps] == [1]


def test_a_place_that_was_not_taken_on_is_a_gap_and_an_override_fills_it() -> None:
    rotation = weekly(accepted=frozenset({ANA, CARLA}))
    berta = rotation.rule.begins(1)
    assert [g.start for g in rotation.gaps(PEOPLE, berta, berta + 6 * DAY)] == [berta]
    filled = replace(rotation, changes=(Change(berta, berta + 7 * DAY, CORAL),))
    assert not filled.gaps(PEOPLE, berta, berta + 6 * DAY)
    assert filled.gaps(PEOPLE - {CORAL}, berta, berta + 6 * DAY)


def test_who_stands_in() -> None:
    rotation = weekly(substitutes=(CORAL,))
    stint = rotation.at(rotation.rule.begins(1))
    assert stint is not None
    assert rotation.line(stint) == (CORAL, CARLA, ANA)
    assert replace(rotation, accepted=frozenset({BERTA, ANA})).line(stint) == (ANA,)


STINT = Stint(0, utc(2026, 11, 16, 15), utc(2026, 11, 23, 15), BERTA)
TURN = Turn(1, STINT.start, STINT.end, BERTA)
LINE = (CARLA, CORAL)


@unhurried
@given(
    able=st.frozensets(st.sampled_from(sorted(PEOPLE))),
    asked=st.lists(st.sampled_from([BERTA, CARLA, CORAL]), unique=True),
    said_no=st.frozensets(st.sampled_from([BERTA, CARLA, CORAL])),
    said_yes=st.sampled_from([None, BERTA, CARLA, CORAL]),
)
def test_an_alarm_finds_somebody_wherever_there_is_somebody(
    able: frozenset[int], asked: list[int], said_no: frozenset[int], said_yes: int | None
) -> None:
    said_no = said_no - {said_yes}
    turn = replace(TURN, asked=tuple(asked), declined=said_no, confirmed=said_yes)
    first, after = answering(STINT, turn, LINE, able)
    there = ({BERTA, *LINE} & able) - said_no
    assert bool(first) == bool(there)
    assert first | after <= there
    assert not first & after
    if said_yes in there:
        assert first == {said_yes}
    elif said_yes is not None or not asked:
        assert len(first) <= 1


def test_the_turn_is_asked_for_down_the_line() -> None:
    start = STINT.start
    able = PEOPLE
    turn, ask = advance(TURN, LINE, able, start - 2 * DAY)
    assert ask is None
    turn, ask = advance(turn, LINE, able, start - DAY)
    assert ask == (Ask.REMIND, BERTA)
    assert advance(turn, LINE, able, start - HOUR) == (turn, None)
    turn, ask = advance(turn, LINE, able, start)
    assert ask == (Ask.CONFIRM, BERTA)
    assert answering(STINT, turn, LINE, able)[0] == {BERTA}
    assert advance(turn, LINE, able, start + ANSWER / 2) == (turn, None)
    turn, ask = advance(turn, LINE, able, start + ANSWER)
    assert ask == (Ask.STAND_IN, CARLA)
    assert answering(STINT, turn, LINE, able)[0] == {BERTA, CARLA}
    no = declined(turn, CARLA, start + ANSWER)
    assert no is not None
    turn, ask = advance(no, LINE, able, start + ANSWER)
    assert ask == (Ask.STAND_IN, CORAL)
    assert answering(STINT, turn, LINE, able)[0] == {BERTA, CORAL}
    turn, ask = advance(turn, LINE, able, start + 2 * ANSWER)
    assert ask == (Ask.NOBODY, None)
    assert advance(turn, LINE, able, start + 3 * ANSWER)[1] is None
    late = confirmed(turn, BERTA, start + 4 * ANSWER)
    assert late is not None
    assert answering(STINT, late, LINE, able) == ({BERTA}, {CORAL})
    assert confirmed(late, CORAL, start + 4 * ANSWER) is None  # somebody else was first
    assert confirmed(turn, ANA, start) is None  # nobody asked her
    assert confirmed(turn, BERTA, STINT.end) is None


def test_whoever_cannot_be_reached_is_not_waited_for() -> None:
    start = STINT.start
    asked, ask = advance(TURN, LINE, PEOPLE - {BERTA}, start)
    assert ask == (Ask.STAND_IN, CARLA)
    _, ask = advance(asked, LINE, PEOPLE - {BERTA, CARLA}, start + timedelta(minutes=1))
    assert ask == (Ask.STAND_IN, CORAL)


def test_whoever_confirmed_and_is_lost_is_stood_in_for() -> None:
    yes = confirmed(TURN, BERTA, STINT.start - HOUR)
    assert yes is not None
    assert advance(yes, LINE, PEOPLE - {BERTA}, STINT.start - HOUR)[1] is None
    turn, ask = advance(yes, LINE, PEOPLE - {BERTA}, STINT.start + HOUR)
    assert ask == (Ask.STAND_IN, CARLA)
    assert answering(STINT, turn, LINE, PEOPLE - {BERTA})[0] == {CARLA}
    assert answering(STINT, turn, LINE, PEOPLE)[0] == {BERTA, CARLA}  # until one of them says so
    back = confirmed(turn, BERTA, STINT.start + HOUR)
    assert back is not None
    assert answering(STINT, back, LINE, PEOPLE)[0] == {BERTA}


def test_whoever_says_before_that_they_cannot_is_replaced_before() -> None:
    no = declined(replace(TURN, reminded=True), BERTA, STINT.start - 10 * HOUR)
    assert no is not None
    turn, ask = advance(no, LINE, PEOPLE, STINT.start - 10 * HOUR)
    assert ask == (Ask.STAND_IN, CARLA)
    yes = confirmed(turn, CARLA, STINT.start - 9 * HOUR)
    assert yes is not None
    assert advance(yes, LINE, PEOPLE, STINT.start)[1] is None
    assert answering(STINT, yes, LINE, PEOPLE) == ({CARLA}, {CORAL})
    assert answering(STINT, yes, LINE, PEOPLE - {CARLA}) == ({CORAL}, frozenset())


@unhurried
@given(st.data())
def test_looking_twice_says_nothing_twice(data: st.DataObject) -> None:
    """However often a turn is looked at, whatever people say: each is asked once."""
    turn, now = TURN, STINT.start - 30 * HOUR
    asked: Counter[tuple[Ask, int | None]] = Counter()
    for _ in range(data.draw(st.integers(1, 12))):
        now += timedelta(minutes=data.draw(st.integers(0, 600)))
        able = data.draw(st.frozensets(st.sampled_from([BERTA, CARLA, CORAL])))
        turn, ask = advance(turn, LINE, able, now)
        if ask is not None:
            asked[ask] += 1
            assert ask[1] is None or ask[1] in able
        same, nothing = advance(turn, LINE, able, now)
        if turn.confirmed is None and nothing is not None:
            assert turn.reminded and nothing[0] is not Ask.REMIND  # noqa: PT018
            turn = same
            asked[nothing] += 1
        said = data.draw(st.sampled_from([None, None, confirmed, declined]))
        if said is not None:
            turn = said(turn, data.draw(st.sampled_from([BERTA, CARLA, CORAL])), now) or turn
    for (kind, _), times in asked.items():
        assert times == 1 or kind is Ask.NOBODY
