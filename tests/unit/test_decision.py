"""Two people: who may be the second, to what exactly, and for how long."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.decision import (
    LIFE,
    NEWCOMER,
    OFFER_LIFE,
    Candidate,
    Decision,
    Kind,
    Refusal,
    State,
    accepted,
    consented,
    ended,
    offered,
    seconds,
)

NOW = datetime(2026, 11, 17, 14, 0, tzinfo=UTC)
CORAL, DORA, ELENA, ANA = 1, 2, 3, 4
LONG_AGO = NOW - timedelta(days=30)
ASKED = Decision(
    7, 1, Kind.GIVE, ANA, {"role": "responder", "before": []}, CORAL, NOW + LIFE
)  # fmt: skip


def old(id: int, let_in_by: int | None = None) -> Candidate:
    """Somebody who has been there for long."""
    return Candidate(id, let_in_by, LONG_AGO)


def test_another_who_coordinates_consents() -> None:
    done = consented(ASKED, old(DORA, CORAL), ASKED.fingerprint, NOW)
    assert done == replace(ASKED, state=State.DONE, second=DORA)


@pytest.mark.parametrize(
    ("decision", "by", "refusal"),
    [
        (ASKED, old(CORAL), Refusal.OWN),
        (replace(ASKED, about=DORA), old(DORA), Refusal.ABOUT),
        (ASKED, Candidate(DORA, CORAL, NOW - NEWCOMER + timedelta(minutes=1)), Refusal.NEWCOMER),
        (ASKED, None, Refusal.STATE),  # no operator was asked
        *[
            (replace(ASKED, state=state), old(DORA), Refusal.STATE)
            for state in State
            if state is not State.WAITING
        ],
        (replace(ASKED, expires_at=NOW), old(DORA), Refusal.STATE),
    ],
)
def test_nobody_else_does(decision: Decision, by: Candidate | None, refusal: Refusal) -> None:
    assert consented(decision, by, decision.fingerprint, NOW) is refusal


def test_a_newcomer_of_somebody_elses_is_independent() -> None:
    new = Candidate(DORA, ELENA, NOW)
    assert isinstance(consented(ASKED, new, ASKED.fingerprint, NOW), Decision)
    assert seconds([old(CORAL), new, old(ELENA)], CORAL, None, NOW) == {DORA, ELENA}
    assert seconds([old(CORAL), new, old(ELENA)], ELENA, None, NOW) == {CORAL}
    assert seconds([old(CORAL), new, old(ELENA)], ELENA, None, NOW + NEWCOMER) == {CORAL, DORA}
    assert seconds([old(CORAL), new, old(ELENA)], CORAL, ELENA, NOW) == {DORA}


def test_an_operator_is_asked_for_want_of_others_alone() -> None:
    asked = replace(ASKED, operators=True)
    assert consented(asked, None, asked.fingerprint, NOW) == replace(asked, state=State.DONE)


@given(
    st.sampled_from(
        [
            {"id": 8}, {"group": 2}, {"kind": Kind.TAKE}, {"about": DORA}, {"about": None},
            {"content": {"role": "coordinator", "before": []}}, {"content": {"role": "responder"}},
            {"asked_by": DORA},
        ]
    )
)  # fmt: skip
def test_the_consent_is_to_exactly_what_was_shown(other: dict[str, object]) -> None:
    shown = replace(ASKED, **other).fingerprint  # type: ignore[arg-type]
    assert shown != ASKED.fingerprint
    assert consented(ASKED, old(ELENA), shown, NOW) is Refusal.CHANGED
    assert consented(ASKED, old(ELENA), "", NOW) is Refusal.CHANGED


def test_a_role_is_the_persons_own_to_take_on() -> None:
    given_ = consented(ASKED, old(DORA), ASKED.fingerprint, NOW)
    assert isinstance(given_, Decision)
    waits = offered(given_, NOW)
    assert waits.state is State.OFFERED
    assert accepted(waits, DORA, NOW) is Refusal.STATE
    assert accepted(given_, ANA, NOW) is Refusal.STATE
    assert accepted(waits, ANA, NOW + OFFER_LIFE) is Refusal.STATE
    assert accepted(waits, ANA, NOW) == replace(waits, state=State.DONE)


def test_what_has_ended_does_not_end_again() -> None:
    gone = ended(ASKED, State.WITHDRAWN)
    assert isinstance(gone, Decision)
    assert ended(gone, State.REFUSED) is Refusal.STATE
