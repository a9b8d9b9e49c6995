"""A plan that tells whoever is on duty: read, resolved, compared, and as it was for older plans."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.cover import loses
from bot.domain.incident import Incident, Kind, Leaves, Notice, dead_channel, opened
from bot.domain.people import Roster
from bot.domain.plan import DEFAULT_PLAN, Plan, Recipient, Step, Who
from bot.domain.plan_text import read_plan

ANA, BERTA, CARLA, CORAL = 1, 2, 3, 4
MINUTE = timedelta(minutes=1)
AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ROSTER = Roster(frozenset({BERTA, CARLA}), frozenset({CORAL}))
ON_DUTY = replace(ROSTER, on_duty=frozenset({BERTA}), substitutes=frozenset({CARLA}))


def plan(*steps: tuple[int, Who]) -> Plan:
    return Plan(tuple(Step(after * MINUTE, (Recipient(who),)) for after, who in steps))


DUTY = plan((0, Who.ON_DUTY), (10, Who.SUBSTITUTES), (30, Who.CIRCLE))


def incident(made: Plan = DUTY) -> Incident:
    return Incident(1, 1, 1, ANA, Kind.PANIC, AT, made)


def test_it_is_written_in_words() -> None:
    draft = read_plan("ya: guardia; 10 min: suplencia; 30 min: la guardia y red")
    assert not isinstance(draft, str)
    assert [step.roles for step in draft.steps] == [
        (Who.ON_DUTY,), (Who.SUBSTITUTES,), (Who.ON_DUTY, Who.CIRCLE),
    ]  # fmt: skip
    english = read_plan("now: on duty; 10 min: substitute")
    assert not isinstance(english, str)
    assert [step.roles for step in english.steps] == [(Who.ON_DUTY,), (Who.SUBSTITUTES,)]


def test_what_people_agreed_to_before_is_what_it_was() -> None:
    """The fingerprint that a consent is bound to, as it was before there was any duty."""
    assert DEFAULT_PLAN.fingerprint == (
        "7e0cf6de71b981e4fafdc100b8a8dc7680cf34612aae8e771c865b94b5435770"
    )
    assert Plan.from_json(DUTY.to_json()) == DUTY


def test_an_alarm_finds_who_is_on_duty_and_nobody_is_an_empty_step() -> None:
    moved, leaves = opened(incident(), ON_DUTY, AT)
    assert leaves == (Leaves(Notice.ALARM, frozenset({BERTA}), 1),)
    assert moved.step_at == AT + 10 * MINUTE
    moved, leaves = opened(incident(), ROSTER, AT)
    assert leaves == (Leaves(Notice.ALARM, frozenset({BERTA, CARLA}), 3),)


def test_who_stands_in_for_an_unreachable_one_hears_before_the_next_step() -> None:
    told, _ = opened(incident(), ON_DUTY, AT)
    now = replace(ROSTER, on_duty=frozenset({CARLA}))  # Berta's chat is closed
    moved, leaves = dead_channel(told, frozenset(), now, AT + MINUTE)
    assert leaves == (Leaves(Notice.ALARM, frozenset({CARLA}), 1),)
    assert moved.told == {BERTA, CARLA}
    assert moved.step_at == told.step_at
    moved, leaves = dead_channel(moved, frozenset(), ROSTER, AT + 2 * MINUTE)
    assert [leaving.step for leaving in leaves] == [3]  # nobody is left to stand in


@pytest.mark.parametrize(
    ("before", "after", "less"),
    [
        (plan((0, Who.CIRCLE)), plan((0, Who.ON_DUTY), (10, Who.CIRCLE)), True),
        (plan((0, Who.ON_DUTY), (10, Who.CIRCLE)), plan((0, Who.CIRCLE)), True),  # the role is gone
        (DUTY, DUTY, False),
        (DUTY, plan((0, Who.ON_DUTY), (10, Who.SUBSTITUTES), (20, Who.CIRCLE)), False),
        (DUTY, plan((0, Who.ON_DUTY), (20, Who.SUBSTITUTES), (30, Who.CIRCLE)), True),
        (plan((10, Who.CIRCLE)), plan((0, Who.ON_DUTY), (10, Who.CIRCLE)), False),
    ],
)
def test_what_covers_less_at_some_hour_covers_less(before: Plan, after: Plan, less: bool) -> None:
    assert loses(before, after, ROSTER) is less
