"""A plan that covers less is known for what it is, however it is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cover import loses, told
from bot.domain.incident import Incident, Kind, advance, opened
from bot.domain.people import Roster
from bot.domain.plan import DEFAULT_PLAN, Plan, Recipient, Step, Who

BERTA, CARLA, CORAL = 1, 2, 3
ROSTER = Roster(frozenset({BERTA, CARLA}), frozenset({CORAL}))
MINUTE = timedelta(minutes=1)
AT = datetime(2026, 11, 17, tzinfo=UTC)


def plan(*steps: tuple[int, tuple[object, ...]], repeat: int = 10, news: int = 90) -> Plan:
    """Minutes and who: a member's number, or a role."""
    made = tuple(
        Step(
            after * MINUTE,
            tuple(
                Recipient(Who.MEMBER, who) if isinstance(who, int) else Recipient(Who(str(who)))
                for who in whom
            ),
        )
        for after, whom in steps
    )
    return Plan(made, repeat * MINUTE, news * MINUTE)


ALL = plan((0, ("circle", "coordinators")))
STAGED = plan((0, (BERTA,)), (30, ("circle",)))


@pytest.mark.parametrize(
    ("before", "after", "less"),
    [
        (ALL, ALL, False),
        (STAGED, ALL, False),  # everyone at once is more
        (ALL, STAGED, True),  # Carla hears later
        (STAGED, plan((0, (BERTA,)), (20, ("circle",))), False),
        (STAGED, plan((0, (BERTA,)), (40, ("circle",))), True),
        (STAGED, plan((5, (BERTA,)), (30, ("circle",))), True),
        (STAGED, plan((0, (CARLA,)), (30, ("circle",))), True),  # Berta hears later
        # The same people today, but whoever joins the circle tomorrow is not among them.
        (STAGED, plan((0, (BERTA,)), (30, (BERTA, CARLA))), True),
        (plan((0, (BERTA, CARLA))), plan((0, ("circle",))), False),
        (ALL, plan((0, ("circle", "coordinators")), repeat=20), True),
        (ALL, plan((0, ("circle", "coordinators")), repeat=5), False),
        (ALL, plan((0, ("circle", "coordinators")), news=120), True),
        # The end of a plan is where everyone hears: a further step puts it off.
        (plan((0, (BERTA,))), plan((0, (BERTA,)), (600, (CARLA,))), True),
        (DEFAULT_PLAN, plan((60 * 23, (CORAL,))), True),
    ],
)
def test_less_is_less(before: Plan, after: Plan, less: bool) -> None:
    assert loses(before, after, ROSTER) is less


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    delays = draw(st.lists(st.integers(0, 300), min_size=1, max_size=4, unique=True))
    who = st.sampled_from([BERTA, CARLA, CORAL, 4, "circle", "coordinators", "observers"])
    return plan(
        *(
            (delay, tuple(draw(st.lists(who, min_size=1, max_size=3, unique=True))))
            for delay in sorted(delays)
        ),
        repeat=draw(st.integers(1, 60)),
        news=draw(st.integers(1, 60)),
    )


people = st.frozensets(st.sampled_from([BERTA, CARLA, CORAL, 4]))
rosters = st.builds(Roster, people, people, people)


@given(plans(), rosters)
def test_it_says_what_an_incident_would_do(made: Plan, roster: Roster) -> None:
    """Against the incident itself, that nobody takes, minute by minute."""
    subject = 99
    incident = Incident(1, 1, 1, subject, Kind.MISS, AT, made)
    heard: dict[int, timedelta] = {}
    incident, leaves = opened(incident, roster, AT)
    now = AT
    while now < AT + timedelta(hours=12):
        for leaving in leaves:
            for member in leaving.to:
                heard.setdefault(member, now - AT)
        assert incident.next_at is not None
        now = max(now, incident.next_at)
        incident, leaves = advance(incident, roster, now)
    expected = {m: at for m, at in told(made, roster).items() if at < timedelta(hours=12)}
    assert heard == expected


@given(plans(), plans(), plans(), rosters)
def test_a_loss_cannot_be_hidden_in_two_steps(a: Plan, b: Plan, c: Plan, roster: Roster) -> None:
    """If neither step loses anything, both together lose nothing."""
    if not loses(a, b, roster) and not loses(b, c, roster):
        assert not loses(a, c, roster)


@given(plans(), rosters)
def test_nothing_changed_is_no_loss(made: Plan, roster: Roster) -> None:
    assert not loses(made, made, roster)
