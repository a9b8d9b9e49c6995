"""The rules of drills: kept to their part of the plan, taken once, ended for certain."""

from __future__ import annotations

import ast
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import drill as rules
from bot.domain.drill import Drill, End, Found, Person, Scope, Window
from bot.domain.incident import Leaves, Notice, Refusal
from bot.domain.people import Roster
from bot.domain.plan import Plan, Recipient, Step, Who
from bot.texts import Texts, available
from handlers import drill_report, drills

UNHURRIED = settings(deadline=None)
AT = datetime(2026, 11, 17, 14, 0, tzinfo=UTC)
BERTA, CARLA, CORAL = 1, 2, 3
ROSTER = Roster(frozenset({BERTA, CARLA}), frozenset({CORAL}))
MINUTE = timedelta(minutes=1)


def plan(*steps: tuple[int, int]) -> Plan:
    return Plan(
        tuple(Step(minutes * MINUTE, (Recipient(Who.MEMBER, who),)) for minutes, who in steps)
    )


TWO = plan((0, BERTA), (30, CARLA))


def run(drill: Drill, until: datetime) -> tuple[Drill, list[tuple[datetime, Leaves]]]:
    """As the timer would."""
    said = []
    now = drill.run.opened_at
    while True:
        drill, leaves = rules.advance(drill, ROSTER, now)
        said += [(now, leaving) for leaving in leaves]
        if drill.next_at is None or drill.next_at > until:
            return drill, said
        now = max(drill.next_at, now)


def test_a_whole_one_ends_by_itself() -> None:
    drill, said = run(rules.of_plan(TWO, 1, 1, None, AT), AT + timedelta(hours=9))
    assert (drill.end, drill.closed_at) == (End.TIME, AT + rules.LASTS)
    assert said[0] == (AT, Leaves(Notice.ALARM, frozenset({BERTA}), 1))
    assert (AT + 30 * MINUTE, Leaves(Notice.ALARM, frozenset({CARLA}), 2)) in said
    assert said[-1][0] < AT + rules.LASTS


@UNHURRIED
@given(
    st.lists(st.integers(0, 90), min_size=1, max_size=4, unique=True),
    st.sampled_from([BERTA, CARLA, CORAL, 9]),
    st.data(),
)
def test_a_part_tells_nobody_else(delays: list[int], who: int, data: st.DataObject) -> None:
    everyone = plan(*((minutes, who) for minutes in sorted(delays)))
    if data.draw(st.booleans()):
        step = data.draw(st.integers(1, len(everyone.steps)))
        drill = rules.of_plan(everyone, 1, 1, None, AT, step=step)
        assert (drill.scope, drill.first) == (Scope.STEP, step)
    else:
        drill = rules.of_plan(TWO, 1, 1, None, AT, person=who)
    drill, said = run(drill, AT + timedelta(hours=9))
    assert not drill.open
    assert {member for _, leaving in said for member in leaving.to} <= {who}
    while (more := rules.escalate(drill, ROSTER, AT)) is not Refusal.CLOSED:
        assert isinstance(more, tuple)
        drill = more[0]


@UNHURRIED
@given(st.lists(st.integers(0, 50), max_size=6), st.integers(0, 70))
def test_it_is_taken_once_and_then_stands_still(minutes: list[int], taken: int) -> None:
    drill, _ = run(rules.of_plan(TWO, 1, 1, None, AT), AT + taken * MINUTE)
    now = AT + taken * MINUTE
    held = rules.take(drill, BERTA, now)
    if taken >= 60:
        assert held is Refusal.CLOSED
        return
    assert isinstance(held, Drill)
    assert rules.take(held, CARLA, now) is Refusal.HELD
    assert rules.escalate(held, ROSTER, now) is Refusal.HELD
    assert rules.dead_channel(held, frozenset(), ROSTER, now) == (held, ())
    for after in sorted(minutes):
        held, leaves = rules.advance(held, ROSTER, now + after * MINUTE)
        assert not leaves
    ends = min(now + rules.ROLL_CALL, AT + rules.LASTS)
    assert rules.advance(held, ROSTER, ends)[0].end is End.TIME


def test_a_step_that_is_not_there() -> None:
    for step in (0, 3, -1):
        with pytest.raises(IndexError):
            rules.of_plan(TWO, 1, 1, None, AT, step=step)


def test_one_that_is_held_back_tells_nobody_until_then() -> None:
    drill = rules.held_back(rules.of_plan(TWO, 1, 1, None, AT), AT)
    assert drill.next_at == AT + rules.WAIT
    assert rules.advance(drill, ROSTER, AT + rules.WAIT - MINUTE)[1] == ()
    assert rules.advance(drill, ROSTER, AT + rules.WAIT)[1]


def test_what_is_found() -> None:
    end = AT + 20 * MINUTE
    assert Person(1, 1, AT, AT, AT + MINUTE).found(end) is Found.ANSWERED
    assert Person(1, 1, AT, AT).found(end) is Found.SILENT
    assert Person(1, 1, AT).found(end) is Found.NOT_REACHED
    assert Person(1, 2, AT + 11 * MINUTE, AT + 11 * MINUTE).found(end) is Found.NO_TIME
    assert rules.not_run(rules.of_plan(TWO, 1, 1, None, AT)) == (1, 2)


@UNHURRIED
@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2030, 12, 31), timezones=st.just(UTC)),
    st.sampled_from(["America/Mexico_City", "America/Santiago", "Europe/Berlin", "UTC"]),
    st.integers(0, 22),
    st.integers(),
)
def test_there_is_one_in_each_month_and_within_its_hours(
    after: datetime, zone: str, hour: int, seed: int
) -> None:
    window = Window(time(hour), time(min(hour + 3, 23), 59))
    due = rules.next_drill(window, zone, after, Random(seed))
    local, before = due.astimezone(ZoneInfo(zone)), after.astimezone(ZoneInfo(zone))
    months = (local.year - before.year) * 12 + local.month - before.month
    assert months == 1
    jump = timedelta(hours=1)  # a wall time that a change of clocks leaves out comes later
    start = datetime.combine(local.date(), window.start, local.tzinfo)
    stop = datetime.combine(local.date(), window.end, local.tzinfo)
    assert start <= local <= stop + jump


@pytest.mark.parametrize("wrong", [(time(18), time(10)), (time(10), time(10, 59))])
def test_hours_that_are_none(wrong: tuple[time, time]) -> None:
    with pytest.raises(ValueError, match="window"):
        Window(*wrong)


def test_hours_are_kept() -> None:
    window = Window(time(9, 30), time(17))
    assert Window.from_json(window.to_json()) == window


# --- never taken for real -----------------------------------------------------------------------


def calls(name: str) -> list[ast.Call]:
    """What the two modules that speak of drills call on the context."""
    return [
        node
        for module in (drills, drill_report)
        for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == name
        and getattr(node.func.value, "id", "") == "ctx"
    ]


def test_no_text_of_a_drill_goes_around_its_mark() -> None:
    assert not [*calls("say"), *calls("reply"), *calls("tell")]
    for call in (*calls("ask"), *calls("put")):
        said = ast.unparse(call.args[1])
        assert said.startswith(("marked(", "with_mark(")), said


@pytest.mark.parametrize("language", available())
def test_the_mark_is_the_first_word(language: str) -> None:
    texts = Texts(language, "UTC", AT)
    words = {"es": "SIMULACRO", "en": "DRILL"}
    for key in ("drill.marked", "drill.marked_number", "drill.report.title"):
        said = texts.plain(key, what="x", number=3)
        assert said.startswith(words.get(language, words["es"]))
