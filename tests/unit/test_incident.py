"""What the rules of an incident allow nobody, whatever the handlers let through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.domain import incident as rules
from bot.domain.incident import Incident, Kind, Refusal
from bot.domain.people import Roster
from bot.domain.plan import Plan, Recipient, Step, Who

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
ANA, BERTA = 1, 2
PLAN = Plan((Step(timedelta(0), (Recipient(Who.MEMBER, BERTA),)),))


def about_ana() -> Incident:
    """Nobody has it yet."""
    return Incident(1, 1, 1, ANA, Kind.PANIC, NOW, PLAN, step_at=NOW)


def test_words_of_the_person_s_own_end_nothing_and_only_put_off_what_is_new() -> None:
    told, _ = rules.opened(about_ana(), Roster(frozenset({BERTA})), NOW)
    assert told.next_at == NOW + PLAN.repeat
    later = NOW + timedelta(minutes=5)
    eased = rules.taken_back(told, later)
    assert eased.open
    assert eased.told == told.told
    assert eased.next_at == later + rules.TAKEN_BACK
    held = rules.take(told, BERTA, NOW)
    assert isinstance(held, Incident)
    assert rules.taken_back(held, later) == held


def test_nobody_holds_the_incident_that_is_about_themselves() -> None:
    assert rules.take(about_ana(), ANA, NOW) is Refusal.OWN
    held = rules.take(about_ana(), BERTA, NOW)
    assert isinstance(held, Incident)
    assert held.holder == BERTA
    assert rules.hand_over(held, BERTA, ANA, NOW) is Refusal.OWN
