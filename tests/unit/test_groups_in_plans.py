"""Another group in a plan: written, read, stored, resolved; and what it is worth as cover."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.cover import loses
from bot.domain.people import Roster
from bot.domain.plan import Plan, Recipient, Step, Who
from bot.domain.plan_text import Draft, read_plan
from bot.domain.plan_toml import read_toml, written

SIERRA, COSTA = 7, 8
BERTA, SONIA, SARA = 1, 21, 22
ROSTER = Roster(frozenset({BERTA}), allies={SIERRA: frozenset({SONIA, SARA})})


def plan(*recipients: Recipient) -> Plan:
    """Berta at once, and these after half an hour."""
    first = Step(timedelta(0), (Recipient(Who.MEMBER, BERTA),))
    return Plan((first, *([Step(timedelta(minutes=30), recipients)] if recipients else [])))


SIERRAS = plan(Recipient(Who.GROUP, group=SIERRA))


@pytest.mark.parametrize(
    ("text", "groups", "names"),
    [
        ("30 min: grupo Sierra", ("Sierra",), ()),
        ("30 min: Berta, el grupo Sierra Norte y Carla", ("Sierra Norte",), ("Berta", "Carla")),
        ("30 min: grupo «Agua y Tierra», Berta", ("Agua y Tierra",), ("Berta",)),
        ('now: group "Land, Sea and Air" and group Coast', ("Land, Sea and Air", "Coast"), ()),
        ("ya: “Ana María” y Grupo Sierra", ("Sierra",), ("Ana María",)),
    ],
)
def test_a_group_is_written_among_the_people(
    text: str, groups: tuple[str, ...], names: tuple[str, ...]
) -> None:
    draft = read_plan(text)
    assert isinstance(draft, Draft)
    assert (draft.steps[0].groups, draft.steps[0].names) == (groups, names)


def test_it_is_stored_and_read_again() -> None:
    assert Plan.from_json(SIERRAS.to_json()) == SIERRAS
    assert SIERRAS.fingerprint != plan(Recipient(Who.GROUP, group=COSTA)).fingerprint
    before = {"after": 0.0, "who": [["circle", None], ["member", BERTA]]}  # as it always was
    assert Step.from_json(before).to_json() == before


def test_it_travels_as_a_text() -> None:
    text = written(SIERRAS, lambda _: "Berta", "es", lambda _: "Agua y Tierra")
    assert 'grupos = ["Agua y Tierra"]' in text
    assert read_toml(text).steps[1].groups == ("Agua y Tierra",)
    assert "groups" in written(SIERRAS, str, "en")


def test_its_people_are_those_who_said_yes() -> None:
    step = SIERRAS.steps[1]
    assert step.resolve(ROSTER, without=None) == {SONIA, SARA}
    assert step.resolve(Roster(frozenset({BERTA})), without=None) == frozenset()
    assert ROSTER.agreed == {BERTA, SONIA, SARA}
    assert ROSTER.everyone == {BERTA}  # the end of a plan calls nobody from outside


def test_to_take_it_out_is_to_lose_cover() -> None:
    assert loses(SIERRAS, plan(), ROSTER)
    assert loses(SIERRAS, plan(Recipient(Who.GROUP, group=COSTA)), ROSTER)
    assert not loses(plan(), SIERRAS, ROSTER)
    assert loses(SIERRAS, plan(), Roster(frozenset({BERTA})))  # whoever says yes tomorrow counts
