"""The rules of contacts: asked, reminded twice, flagged, and back with one tap."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import contact as rules
from bot.domain.contact import Contact, Due
from bot.domain.cover import Level, counted, level, uncovered
from bot.domain.people import Roster
from bot.domain.plan import DEFAULT_PLAN, Plan, Recipient, Step, Who

UNHURRIED = settings(deadline=None)
AT = datetime(2026, 11, 17, 14, 0, tzinfo=UTC)
DAY = timedelta(days=1)
EVERY = timedelta(days=14)


def lived(contact: Contact, days: int, every: timedelta = EVERY) -> list[tuple[int, Due]]:
    """What happens if nobody says anything."""
    found = []
    for day in range(days):
        while True:
            contact, due = rules.advance(contact, every, AT + day * DAY)
            if due is Due.NOTHING:
                break
            found.append((day, due))
    return found


def test_who_says_nothing_is_asked_reminded_twice_flagged_and_asked_again() -> None:
    assert lived(Contact(1, AT), 60) == [
        (14, Due.ASK), (16, Due.REMIND), (18, Due.REMIND), (20, Due.FLAG),
        (32, Due.ASK), (46, Due.ASK),
    ]  # fmt: skip


@UNHURRIED
@given(st.integers(1, 90), st.integers(0, 200))
def test_it_never_stands_still_and_never_asks_twice_a_day(days: int, start: int) -> None:
    found = lived(Contact(1, AT - start * DAY), 200, timedelta(days=days))
    asked = [day for day, due in found if due in (Due.ASK, Due.REMIND)]
    assert asked
    assert len(set(asked)) == len(asked)
    assert [due for _, due in found].count(Due.FLAG) == 1


@UNHURRIED
@given(st.lists(st.sampled_from("abcde"), max_size=12))
def test_silence_counts_each_thing_once_and_one_reaction_ends_it(things: list[str]) -> None:
    contact = Contact(1, AT)
    for what in things:
        contact = rules.ignored(contact, what, AT)
        assert contact.silent is (contact.flagged_at is not None)
        if not contact.silent:
            assert set(contact.ignored) == set(things[: things.index(what) + 1]) | set(contact.ignored)
    assert rules.confirmed(contact, AT + DAY) == Contact(1, AT + DAY)


@UNHURRIED
@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["America/Mexico_City", "Asia/Kolkata", "Europe/Berlin", "UTC"]),
)
def test_nobody_is_asked_at_night(at: datetime, zone: str) -> None:
    asked = rules.civil(at, zone)
    assert at <= asked <= at + DAY
    assert time(10) <= asked.astimezone(ZoneInfo(zone)).time() < time(20)


def test_cover_counts_who_confirmed_and_can_be_reached() -> None:
    roster = Roster(frozenset({1, 2}), frozenset({3}), frozenset({4}))
    people = counted(roster, {1, 3, 4}, {1, 2, 4})
    assert people == {1}
    assert [level(range(n)) for n in range(4)] == [
        Level.NOBODY, Level.ONE, Level.ENOUGH, Level.ENOUGH,
    ]  # fmt: skip
    named = Plan(
        (
            Step(timedelta(0), (Recipient(Who.MEMBER, 2),)),
            Step(timedelta(minutes=5), (Recipient(Who.CIRCLE),)),
        )
    )
    assert uncovered(named, roster, people) == (1,)
    assert uncovered(DEFAULT_PLAN, roster, ()) == (1, 2)
