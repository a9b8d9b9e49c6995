"""Who is on duty: people in an order, one shift each, with substitutes, swaps and overrides.

Pure. A shift goes from one hand-off to the next; hand-offs are wall times of a zone, so that "Monday
at nine" stays so when clocks change. Everything is counted from the first hand-off: nobody's shifts
move because somebody else left, and a shift of next month is the same one today and tomorrow.

A place in the order whose person has left or has not accepted is nobody's until it is given to
somebody: that is a gap, which is told days ahead. Should it come all the same, a substitute answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

from bot.domain.schedule import EVERY_DAY, wall_to_instant, zone_named

MOST = 20
"""People in one rotation. With more, nobody would know their turn."""

ANSWER = timedelta(minutes=30)
"""How long whoever is asked has to say that they are on duty, before the next one is asked."""

GAP_AHEAD = timedelta(days=3)
"""How long before it comes a gap is told."""

GAP_SOON = timedelta(days=1)
"""When it is told again."""

FAR = timedelta(days=15)
"""How far ahead a rotation is looked at: more than two hand-offs of any rotation."""


class DutyError(ValueError):
    """A rotation that cannot be. `code` is a key of the catalogues, `values` its placeholders."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


# --- when ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """When one person hands over to the next.

    `days` are weekdays, 0 Monday to 6 Sunday, `at` a wall time in whole minutes of `zone`; `start`
    is the day of the first hand-off, `places` how many take turns. Raises `DutyError`, or
    `ScheduleError` for a zone that does not exist.
    """

    days: frozenset[int]
    at: time
    zone: str
    start: date
    places: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "days", frozenset(self.days))
        if not self.days or self.days - EVERY_DAY:
            raise DutyError("rotation.error.days")
        if self.at.tzinfo is not None or self.at.second or self.at.microsecond:
            raise DutyError("rotation.error.time")
        if not 1 <= self.places <= MOST:
            raise DutyError("rotation.error.people", most=MOST)
        if self.start.weekday() not in self.days:
            raise DutyError("rotation.error.start")
        zone_named(self.zone)

    def day(self, number: int) -> date:
        """The local day on which shift `number`, from 0, begins."""
        weeks, rest = divmod(number, len(self.days))
        after = sorted((day - self.start.weekday()) % 7 for day in self.days)
        return self.start + timedelta(days=7 * weeks + after[rest])

    def begins(self, number: int) -> datetime:
        """The instant (UTC) at which shift `number` begins and the one before it ends."""
        return wall_to_instant(self.day(number), self.at, self.zone)

    def number_at(self, instant: datetime) -> int | None:
        """The shift that `instant` is in; None before the first."""
        local = instant.astimezone(zone_named(self.zone)).date()
        number = max((local - self.start).days // 7 * len(self.days), 0)
        while number and self.begins(number) > instant:
            number -= 1
        while self.begins(number + 1) <= instant:
            number += 1
        return number if self.begins(number) <= instant else None

    def to_json(self) -> dict[str, Any]:
        """Plain values for storing."""
        return {
            "days": sorted(self.days), "at": self.at.isoformat("minutes"), "zone": self.zone,
            "start": self.start.isoformat(), "places": self.places,
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Rule:
        """The opposite of `to_json`. Raises `ScheduleError` where this machine lacks the zone."""
        return cls(
            frozenset(value["days"]), time.fromisoformat(value["at"]), value["zone"],
            date.fromisoformat(value["start"]), value["places"],
        )  # fmt: skip


def first_day(days: Collection[int], at: time, zone: str, now: datetime, *, later: bool) -> date:
    """The day of the last hand-off until `now`, or of the next one if `later`."""
    today = now.astimezone(zone_named(zone)).date()
    around = (today + timedelta(days=n) for n in (range(-1, 9) if later else range(0, -9, -1)))
    for day in around:
        if day.weekday() in days and (wall_to_instant(day, at, zone) > now) is later:
            return day
    raise DutyError("rotation.error.days")


# --- who ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """Somebody else has it between two instants: a swap or an override. The newest one counts."""

    start: datetime
    end: datetime
    member: int


@dataclass(frozen=True, slots=True)
class Stint:
    """Part of a shift, or all of it, that is one person's; None is a place that nobody has.

    `changed`: it is theirs by a swap or an override, and not by the order.
    """

    number: int
    start: datetime
    end: datetime
    member: int | None
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Rotation:
    """The people of one rotation and what was changed since.

    `order` has a place for each turn, None where its person is gone; `substitutes` are asked first
    where somebody cannot; `accepted` who took it on by their own word. `ends_at`: another one begins
    then, or it was ended.
    """

    id: int
    rule: Rule
    order: tuple[int | None, ...]
    substitutes: tuple[int, ...] = ()
    accepted: frozenset[int] = frozenset()
    changes: tuple[Change, ...] = ()
    ends_at: datetime | None = None

    def __post_init__(self) -> None:
        if len(self.order) != self.rule.places:
            raise DutyError("rotation.error.people", most=MOST)

    def stints(self, since: datetime, until: datetime) -> Iterator[Stint]:
        """Everything between two instants, in order, whole: a stint that goes on is not cut."""
        begin = self.rule.begins(0)
        number = self.rule.number_at(max(since, begin)) or 0
        stop = min(until, self.ends_at) if self.ends_at is not None else until
        while self.rule.begins(number) < stop:
            for stint in self._parts(number):
                if stint.end > since and stint.start < stop:
                    yield stint
            number += 1

    def _parts(self, number: int) -> Iterator[Stint]:
        start, end = self.rule.begins(number), self.rule.begins(number + 1)
        if self.ends_at is not None:
            end = min(end, self.ends_at)
        inside = [c for c in self.changes if c.start < end and c.end > start]
        cuts = {start, end, *(t for c in inside for t in (c.start, c.end) if start < t < end)}
        edges = sorted(cuts)
        own = self.order[number % self.rule.places]
        for left, right in pairwise(edges):
            last = next((c for c in reversed(inside) if c.start <= left and c.end >= right), None)
            yield Stint(number, left, right, last.member if last else own, last is not None)

    def at(self, instant: datetime) -> Stint | None:
        """The stint that `instant` is in; None where there is none."""
        return next(self.stints(instant, instant + timedelta(microseconds=1)), None)

    def holds(self, stint: Stint, able: Collection[int]) -> bool:
        """Whether its person took it on, and is among those who can."""
        took = stint.changed or stint.member in self.accepted
        return stint.member is not None and took and stint.member in able

    def line(self, stint: Stint) -> tuple[int, ...]:
        """Who stands in, in this order: the substitutes, then those whose turn is next."""
        place = stint.number % self.rule.places
        after = (*self.order[place + 1 :], *self.order[: place + 1])
        people = (m for m in (*self.substitutes, *after) if m in self.accepted)
        return tuple(dict.fromkeys(m for m in people if m is not None and m != stint.member))

    def gaps(self, able: Collection[int], since: datetime, until: datetime) -> list[Stint]:
        """Stints that nobody holds."""
        return [s for s in self.stints(since, until) if not self.holds(s, able)]


def swapped(
    rotation: Rotation, mine: datetime, theirs: datetime, me: int, other: int, now: datetime
) -> tuple[Change, Change] | None:
    """Two people each take the stint of the other; the instants are those at which they begin.

    None where one of them is not that person's any more, or has begun.
    """
    if mine <= now or theirs <= now or me == other:
        return None
    given, taken = rotation.at(mine), rotation.at(theirs)
    if given is None or taken is None or given.start != mine or taken.start != theirs:
        return None
    if given.member != me or taken.member != other:
        return None
    return Change(given.start, given.end, other), Change(taken.start, taken.end, me)


# --- whether they are there ---------------------------------------------------------------------


class Ask(StrEnum):
    """What must be said about a turn; a key of the catalogues below `duty`."""

    REMIND = "remind"  # it begins soon
    CONFIRM = "confirm"  # it has begun: are you there?
    STAND_IN = "stand_in"  # to a substitute
    NOBODY = "nobody"  # everyone was asked


@dataclass(frozen=True, slots=True)
class Turn:
    """What became of one stint: who was asked, who said what. Instants are UTC.

    `asked` in this order, `declined` who said that they cannot, `confirmed` who said that they are on
    duty; `step_at` until when the last one who was asked has time; `nobody`: all were asked; `gap`
    how often those who coordinate were told that nobody holds it.
    """

    rotation: int
    start: datetime
    end: datetime
    member: int | None
    asked: tuple[int, ...] = ()
    declined: frozenset[int] = frozenset()
    confirmed: int | None = None
    reminded: bool = False
    step_at: datetime | None = None
    nobody: bool = False
    gap: int = 0
    id: int = 0

    @property
    def remind_at(self) -> datetime:
        """A day before a long one, two hours before one of a day or less."""
        long = self.end - self.start > timedelta(hours=25)
        return self.start - (timedelta(days=1) if long else timedelta(hours=2))

    def next_at(self, now: datetime) -> datetime | None:
        """When something may be due about it after `now`."""
        ahead = (
            self.start - GAP_AHEAD, self.start - GAP_SOON, self.remind_at, self.start, self.step_at,
        )  # fmt: skip
        return min((t for t in ahead if t is not None and now < t < self.end), default=None)


def advance(
    turn: Turn, line: Sequence[int], able: Collection[int], now: datetime
) -> tuple[Turn, tuple[Ask, int | None] | None]:
    """What is due about a turn at `now`, and to whom; None if nothing is.

    `able` are those who hold it or stand in for it, and can be reached. Whoever says before it begins
    that they cannot is replaced at once; so is, once it has begun, who confirmed and cannot be reached
    any more.
    """
    if now >= turn.end:
        return turn, None
    if turn.confirmed is not None:
        if turn.confirmed in able or now < turn.start:
            return turn, None
        before = tuple(dict.fromkeys((turn.confirmed, *turn.asked)))
        turn = replace(turn, confirmed=None, asked=before)
    early = now < turn.start
    if early and turn.member not in turn.declined:
        if turn.reminded or now < turn.remind_at or turn.member not in able:
            return turn, None
        return replace(turn, reminded=True), (Ask.REMIND, turn.member)
    waits = turn.step_at is not None and now < turn.step_at
    if waits and turn.asked and turn.asked[-1] in able and turn.asked[-1] not in turn.declined:
        return turn, None
    people = dict.fromkeys(m for m in (turn.member, *line) if m is not None)
    left = [m for m in people if m in able and m not in turn.declined and m not in turn.asked]
    if left:
        asked = replace(turn, asked=(*turn.asked, left[0]), step_at=now + ANSWER, nobody=False)
        return asked, (Ask.CONFIRM if left[0] == turn.member else Ask.STAND_IN, left[0])
    if turn.nobody:
        return replace(turn, step_at=None), None
    return replace(turn, step_at=None, nobody=True), (Ask.NOBODY, None)


def confirmed(turn: Turn, member: int, now: datetime) -> Turn | None:
    """They are on duty. None where it is over, or somebody else said so first."""
    if now >= turn.end or turn.confirmed not in (None, member):
        return None
    if member != turn.member and member not in turn.asked:
        return None
    declined = turn.declined - {member}
    return replace(turn, confirmed=member, declined=declined, step_at=None, nobody=False)


def declined(turn: Turn, member: int, now: datetime) -> Turn | None:
    """They cannot, also after they said that they could. None where it is over or not theirs."""
    if now >= turn.end or (member != turn.member and member not in turn.asked):
        return None
    still = None if turn.confirmed == member else turn.confirmed
    return replace(turn, declined=turn.declined | {member}, confirmed=still, step_at=None)


def answering(
    stint: Stint, turn: Turn | None, line: Sequence[int], able: Collection[int]
) -> tuple[frozenset[int], frozenset[int]]:
    """Who answers an alarm now, and who does after them.

    One person, as long as it is clear who: while somebody was asked in vain and nobody has confirmed,
    everyone who was asked. `able` leaves out the person in danger and those who cannot be reached; if
    the one whose turn it is is left out, the next in the line answers.
    """
    said = turn.declined if turn is not None else frozenset[int]()
    people = dict.fromkeys(m for m in (stint.member, *line) if m is not None)
    there = [m for m in people if m in able and m not in said]
    if turn is not None and turn.confirmed in able and turn.confirmed is not None:
        first = {turn.confirmed}
    elif turn is not None and turn.confirmed is None and turn.asked:
        first = {m for m in there if m in turn.asked} or set(there[:1])
    else:
        first = set(there[:1])
    after = next((m for m in there if m not in first), None)
    return frozenset(first), frozenset() if after is None else frozenset({after})
