"""A complaint always has a clock, and nobody judges one about themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import complaint as rules
from bot.domain.complaint import About, Complaint, Due, State

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
ANA, CORAL, RITA = 1, 2, 3


def of_ana(about: int | None = None) -> Complaint:
    """Just sent."""
    return Complaint(
        1, 1, 1, ANA, About.PERSON if about else About.MEASURE, about, "…", False, NOW,
        NOW + rules.TAKE_IN,
    )  # fmt: skip


def test_nobody_in_their_own_matter() -> None:
    assert rules.judges(of_ana(about=CORAL), {ANA, CORAL, RITA}) == {RITA}
    alone = rules.sent(of_ana(about=CORAL), {CORAL})
    assert alone.for_operators
    assert not rules.sent(of_ana(), {CORAL}).for_operators


def test_taken_reminded_and_on_to_others() -> None:
    taken = rules.take(of_ana(), CORAL, NOW)
    assert taken is not None
    assert rules.take(taken, RITA, NOW) is None
    assert rules.answer(taken, RITA, "…", NOW) is None
    assert rules.advance(taken, NOW + timedelta(days=1)) == (taken, Due.NOTHING)
    reminded, due = rules.advance(taken, NOW + timedelta(days=5))
    assert due is Due.REMIND
    onward, due = rules.advance(reminded, NOW + timedelta(days=7))
    assert (due, onward.state, onward.holder, onward.rounds) == (Due.ONWARD, State.OPEN, None, 1)
    assert not onward.for_operators
    again, due = rules.advance(onward, onward.due_at)
    assert due is Due.ONWARD
    assert again.for_operators


def test_an_answer_is_settled_by_the_author_or_by_time() -> None:
    taken = rules.take(of_ana(), CORAL, NOW)
    assert taken is not None
    answered = rules.answer(taken, CORAL, "…", NOW)
    assert answered is not None
    assert rules.not_settled(taken, NOW) is None
    refused = rules.not_settled(answered, NOW)
    assert refused is not None
    assert refused.state is State.OPEN
    closed, due = rules.advance(answered, NOW + rules.SETTLED_AFTER)
    assert (closed.state, due) == (State.CLOSED, Due.SETTLE)
    assert rules.settle(closed, NOW) is None


def done(act: str, complaint: Complaint, now: datetime) -> Complaint | None:
    """What becomes of it."""
    match act:
        case "take":
            return rules.take(complaint, CORAL, now)
        case "answer":
            return rules.answer(complaint, CORAL, "…", now)
        case "settle":
            return rules.settle(complaint, now)
        case "refuse":
            return rules.not_settled(complaint, now)
        case _:
            return rules.advance(complaint, now)[0]


ACTS = st.sampled_from(["take", "answer", "settle", "refuse", "advance"])


@given(st.lists(st.tuples(ACTS, st.integers(0, 20)), max_size=30))
def test_until_it_is_closed_something_is_always_due(acts: list[tuple[str, int]]) -> None:
    complaint, now = of_ana(), NOW
    for act, days in acts:
        now += timedelta(days=days)
        moved = done(act, complaint, now)
        complaint = moved or complaint
        assert (complaint.next_at is None) is (complaint.state is State.CLOSED)
    # Left alone it never waits for ever in one place: every look moves it on.
    at = complaint.next_at
    if at is not None:
        assert rules.advance(complaint, at)[1] is not Due.NOTHING
