"""Whatever a plan says, an alarm is never silent; and a plan from before conditions is the same plan."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.conditions import Cause, Conditions, Hours, Situation, situation
from bot.domain.cover import latest, loses, told
from bot.domain.forecast import Why, forecast
from bot.domain.incident import (
    CAUSES,
    EXHAUSTED_REPEAT,
    Incident,
    Kind,
    Notice,
    Refusal,
    State,
    advance,
    dead_channel,
    escalate,
    escalate_to,
    opened,
)
from bot.domain.people import Life, Risk, Roster
from bot.domain.plan import DEFAULT_PLAN, Plan, PlanError, Recipient, Step, Who

ANA, BERTA, CARLA, CORAL = 1, 2, 3, 4
MINUTE = timedelta(minutes=1)
MIDNIGHT = datetime(2026, 11, 17, tzinfo=UTC)
slow = settings(max_examples=60, deadline=None)
KINDS = st.sampled_from(list(Kind))
NIGHT = Conditions(hours=Hours(time(22), time(6)))
BY_DAY = Conditions(hours=Hours(time(6), time(22)))


def step(after: int, *who: object, **more: object) -> Step:
    """Minutes, and numbers of members or roles."""
    recipients = tuple(
        Recipient(Who.MEMBER, w) if isinstance(w, int) else Recipient(Who(str(w))) for w in who
    )
    return Step(after * MINUTE, recipients, **more)  # type: ignore[arg-type]


@st.composite
def conditions(draw: st.DrawFn) -> Conditions:
    hours = draw(st.lists(st.integers(0, 1439), min_size=2, max_size=2, unique=True) | st.none())
    return Conditions(
        Hours(*(time(m // 60, m % 60) for m in hours)) if hours else None,
        draw(st.frozensets(st.sampled_from(list(Cause)), max_size=2)),
        draw(st.frozensets(st.sampled_from(list(Risk)), max_size=2)),
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    delays = sorted(draw(st.lists(st.integers(0, 300), min_size=1, max_size=4)))
    who = st.sampled_from([ANA, BERTA, CARLA, CORAL, "circle", "coordinators", "observers"])
    repeats = st.none() | st.integers(1, 60).map(lambda m: m * MINUTE)
    steps = [
        step(
            delay,
            *draw(st.lists(who, min_size=1, max_size=3, unique=True)),
            repeat=draw(repeats),
            only=draw(conditions()),
        )
        for delay in delays
    ]
    if draw(st.booleans()):
        steps.append(step(301, draw(who), last_resort=True))
    try:
        return Plan(tuple(steps), draw(st.integers(1, 60)) * MINUTE)
    except PlanError:  # two steps of one time with the same conditions
        return Plan(tuple(steps[:1]), 10 * MINUTE)


people = st.frozensets(st.sampled_from([ANA, BERTA, CARLA, CORAL]))
zones = st.sampled_from(["America/Mexico_City", "UTC", "Asia/Kathmandu", "Mars/Olympus"])
lives = st.dictionaries(
    st.just(ANA), st.builds(Life, zones, st.sampled_from(list(Risk))), max_size=1
)
rosters = st.builds(Roster, people, people, people, lives=lives)


@slow
@given(plans(), rosters, KINDS, st.integers(0, 1439), st.booleans())
def test_no_plan_can_make_an_alarm_silent(
    plan: Plan, roster: Roster, kind: Kind, minute: int, channels: bool
) -> None:
    """Nobody takes it: whatever the steps are, the whole circle and every coordinator hear it within
    the plan's own time, and again and again, for ever."""
    now = MIDNIGHT + minute * MINUTE
    incident, leaves = opened(Incident(1, 1, 1, ANA, kind, now, plan), roster, now)
    longest = plan.steps[-1].after + 3 * max(plan.repeat, *(s.repeat or MINUTE for s in plan.steps))
    heard: set[int] = set()
    loud = []
    for _ in range(2000):
        for leaving in leaves:
            assert ANA not in leaving.to or leaving.notice is Notice.REPEAT
            heard |= leaving.to
            if leaving.notice is Notice.EXHAUSTED:
                loud.append(now)
                assert leaving.to == roster.everyone - {ANA}
        if len(loud) == 4:
            break
        if not channels:
            moved, leaves = dead_channel(incident, frozenset(), roster, now)
            if moved != incident:
                incident = moved
                continue
        assert incident.next_at is not None
        now = max(now, incident.next_at)
        incident, leaves = advance(incident, roster, now)
    assert incident.state is State.EXHAUSTED
    assert heard >= roster.everyone - {ANA}
    assert loud[0] - incident.opened_at <= longest
    assert [b - a for a, b in pairwise(loud)] == [EXHAUSTED_REPEAT] * 3


@slow
@given(plans(), rosters, KINDS, st.integers(0, 1439))
def test_what_it_says_beforehand_is_what_an_incident_does(
    plan: Plan, roster: Roster, kind: Kind, minute: int
) -> None:
    """`cover.told` and `forecast` against the incident itself, by anybody's clock."""
    now = MIDNIGHT + minute * MINUTE
    about = situation(roster, ANA, CAUSES[kind], now)
    incident, leaves = opened(Incident(1, 1, 1, ANA, kind, now, plan), roster, now)
    heard: dict[int, timedelta] = {}
    while True:
        for leaving in leaves:
            for member in leaving.to - {ANA}:
                heard.setdefault(member, now - incident.opened_at)
        if incident.state is State.EXHAUSTED:
            break
        assert incident.next_at is not None
        now = max(now, incident.next_at)
        incident, leaves = advance(incident, roster, now)
    lines = forecast(plan, roster, ANA, kind, incident.opened_at, roster.agreed)
    foreseen: dict[int, timedelta] = {}
    for line in lines:
        for member in line.told:
            foreseen.setdefault(member, line.after)
    assert foreseen == heard
    assert [line.step for line in lines] == [*range(1, len(plan.steps) + 1), 0]
    without = Roster(*(r - {ANA} for r in (roster.responders, roster.coordinators,
                                           roster.observers)), lives=roster.lives)  # fmt: skip
    assert told(plan, without, about) == heard


@slow
@given(plans(), rosters, KINDS, st.integers(0, 1439))
def test_escalating_always_tells_somebody_or_everybody(
    plan: Plan, roster: Roster, kind: Kind, minute: int
) -> None:
    now = MIDNIGHT + minute * MINUTE
    incident, _ = opened(Incident(1, 1, 1, ANA, kind, now, plan), roster, now)
    for _ in range(len(plan.steps) + 2):
        decision = escalate(incident, BERTA, roster, now)
        assert not isinstance(decision, Refusal)
        incident, leaves = decision
        assert leaves
    assert incident.state is State.EXHAUSTED


@slow
@given(plans(), plans(), plans(), rosters)
def test_a_loss_cannot_be_hidden_in_two_steps(a: Plan, b: Plan, c: Plan, roster: Roster) -> None:
    if not loses(a, b, roster) and not loses(b, c, roster):
        assert not loses(a, c, roster)


@slow
@given(plans(), plans(), rosters, st.integers(0, 1439), st.sampled_from(list(Cause)))
def test_no_hour_hides_a_loss(
    before: Plan, after: Plan, roster: Roster, minute: int, cause: Cause
) -> None:
    """At any minute of the day: if the change loses nothing, nobody hears later."""
    if loses(before, after, roster):
        return
    for risk in Risk:
        start = Situation(minute * MINUTE, cause, risk)
        earlier, later = told(before, roster, start), told(after, roster, start)
        assert all(later[member] <= at for member, at in earlier.items())


@slow
@given(plans(), rosters, st.integers(0, 1439), st.sampled_from(list(Cause)))
def test_the_latest_is_the_latest(
    plan: Plan, roster: Roster, minute: int, cause: Cause
) -> None:
    times = told(plan, roster, Situation(minute * MINUTE, cause, Risk.HIGH))
    assert all(times[member] <= at for member, at in latest(plan, roster).items())


@slow
@given(plans())
def test_a_plan_comes_back_from_the_database_as_it_was(plan: Plan) -> None:
    stored = json.loads(json.dumps(plan.to_json()))
    assert Plan.from_json(stored) == plan
    assert Plan.from_json(stored).fingerprint == plan.fingerprint


def test_a_plan_from_before_has_the_fingerprint_from_before() -> None:
    """People agreed to it: another fingerprint would ask all of them again."""
    assert (
        DEFAULT_PLAN.fingerprint
        == "7e0cf6de71b981e4fafdc100b8a8dc7680cf34612aae8e771c865b94b5435770"
    )


ALL_DAY = Plan((step(0, CORAL), step(30, "circle")))


@pytest.mark.parametrize(
    ("after", "less"),
    [
        # By day the circle is told at once, and Coral only at the end.
        (Plan((step(0, CORAL, only=NIGHT), step(30, "circle"))), True),
        # The same by night and by day, said in two steps: nobody hears later.
        (Plan((step(0, CORAL, only=NIGHT), step(0, CORAL, only=BY_DAY), step(30, "circle"))), False),
        (Plan((step(0, CORAL), step(0, CARLA, only=NIGHT), step(30, "circle"))), False),
        (Plan((step(0, CORAL, repeat=60 * MINUTE), step(30, "circle"))), True),
        (Plan((step(0, CORAL, repeat=5 * MINUTE), step(30, "circle"))), False),
        (Plan((step(0, CORAL, only=Conditions(causes=frozenset({Cause.ALARM}))),
               step(30, "circle"))), True),
        (Plan((step(0, CORAL, only=Conditions(risks=frozenset({Risk.HIGH}))),
               step(30, "circle"))), True),
    ],
)  # fmt: skip
def test_a_condition_that_takes_cover_away_is_known_for_it(after: Plan, less: bool) -> None:
    roster = Roster(frozenset({BERTA, CARLA}), frozenset({CORAL}))
    assert loses(ALL_DAY, after, roster) is less


def test_steps_at_one_moment_do_not_hasten_the_plan() -> None:
    """Berta by day, Carla by night: neither must bring the circle before its time."""
    plan = Plan((step(0, BERTA, only=BY_DAY), step(0, CARLA, only=NIGHT), step(30, "circle")))
    roster = Roster(
        frozenset({BERTA, CARLA}), frozenset({CORAL}), lives={ANA: Life("UTC", Risk.LOW)}
    )
    for hour, who in ((12, BERTA), (3, CARLA)):
        lines = forecast(
            plan, roster, ANA, Kind.MISS, MIDNIGHT + timedelta(hours=hour), roster.agreed
        )
        assert {line.told for line in lines if line.after < 30 * MINUTE} == {
            frozenset(), frozenset({who})
        }  # fmt: skip
        assert [line.step for line in lines if line.after == 30 * MINUTE] == [3]
        assert [line.skipped for line in lines if line.skipped] == [Why.CONDITIONS]


def test_a_step_of_the_night_runs_in_the_persons_own_night() -> None:
    plan = Plan((step(0, CARLA, only=NIGHT), step(30, "coordinators")))
    at = datetime(2026, 11, 17, 9, 0, tzinfo=UTC)  # 03:00 in Mexico, 09:00 in London
    for zone, first in (("America/Mexico_City", CARLA), ("Europe/London", CORAL)):
        roster = Roster(frozenset({CARLA}), frozenset({CORAL}), lives={ANA: Life(zone, Risk.LOW)})
        _, leaves = opened(Incident(1, 1, 1, ANA, Kind.MISS, at, plan), roster, at)
        assert leaves[0].to == {first}


def test_straight_to_a_step_tells_it_and_leaves_the_plan_as_it_is() -> None:
    plan = Plan((step(0, BERTA), step(30, CARLA), step(60, "coordinators", only=NIGHT)))
    roster = Roster(
        frozenset({BERTA, CARLA}), frozenset({CORAL}), lives={ANA: Life("UTC", Risk.LOW)}
    )
    noon = MIDNIGHT + timedelta(hours=12)
    incident, _ = opened(Incident(1, 1, 1, ANA, Kind.PANIC, noon, plan), roster, noon)
    decision = escalate_to(incident, BERTA, 3, roster, noon + MINUTE)
    assert not isinstance(decision, Refusal)
    moved, leaves = decision
    assert [(leaving.step, leaving.to) for leaving in leaves] == [(3, frozenset({CORAL}))]
    assert moved.next_at == incident.next_at  # Carla hears no later for it
    assert escalate_to(incident, BERTA, 9, roster, noon) is Refusal.NO_STEP
    assert escalate_to(incident, ANA, 2, roster, noon) is Refusal.OWN
    nobody = Roster(frozenset({BERTA}), frozenset())
    assert escalate_to(incident, BERTA, 3, nobody, noon) is Refusal.EMPTY_STEP


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ((step(0, BERTA, last_resort=True), step(30, CARLA)), "plan.error.last_resort"),
        ((step(0, BERTA), step(30, CARLA, last_resort=True, only=NIGHT)),
         "plan.error.last_resort_only"),
        ((step(0, BERTA), step(0, CARLA)), "plan.error.order"),
        ((step(0, BERTA, only=NIGHT), step(0, CARLA, only=NIGHT)), "plan.error.order"),
        ((step(0, BERTA, repeat=timedelta(seconds=1)),), "plan.error.interval"),
        ((Step(timedelta(0), ()),), "plan.error.nobody"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be(steps: tuple[Step, ...], code: str) -> None:
    with pytest.raises(PlanError) as refused:
        Plan(steps)
    assert refused.value.code == code


def test_hours_over_midnight() -> None:
    night = Hours(time(22), time(6))
    held = [h for h in range(24) if night.hold(timedelta(hours=h))]
    assert held == [0, 1, 2, 3, 4, 5, 22, 23]
    with pytest.raises(ValueError, match="two hours"):
        Hours(time(6), time(6))
