"""The judge of incidents: each has a cause, reaches people, stays with whom it belongs, and ends for
a reason."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from json import loads
from typing import TYPE_CHECKING

from bot.domain.people import Role
from bot.domain.plan import Step, Who
from bot.platforms.base import Text
from tests.simulation.checkins import PROMPTLY, Ask, Checkins, instant
from tests.simulation.people import (
    ACCEPT,
    CLOSE_YES,
    CRIES,
    NOT_WELL,
    OUTCOMES,
    TAKE,
    Person,
)
from tests.simulation.server import Shown, Told

if TYPE_CHECKING:
    from tests.simulation.town import World

MINUTE = timedelta(minutes=1)
EXHAUSTED = 15 * MINUTE
NEWS_ANSWER = 10 * MINUTE
HOPELESS = 110 * timedelta(seconds=1)
"""After how long without an answer from its platform an alarm's reader counts as not reached."""

BUNDLED = 40 * timedelta(seconds=1)
SPACING = 10 * MINUTE
SILENT = ("miss", "unreachable")
BY_ITSELF = {
    "opened_miss", "opened_unreachable", "alarm", "repeat", "exhausted", "unreachable",
    "answered_late",
}  # fmt: skip


@dataclass(slots=True)
class Case:
    """One incident. `since` is the last instant at which people were told, or it began to wait."""

    id: int
    number: int
    subject: Person
    at: datetime
    kind: str
    state: str
    since: datetime
    holder: int | None = None
    mass: int | None = None
    told: frozenset[int] = frozenset()
    held_at: datetime | None = None
    closed_at: datetime | None = None
    heard: dict[int, datetime] = field(default_factory=dict)
    """By member: when they were first told of it."""


class Cases:
    """The judge."""

    def __init__(self, world: World, checkins: Checkins) -> None:
        self._world = world
        self._checkins = checkins
        self._raw = world.memory.raw
        self._last = 0
        self._new: list[Case] = []
        self.cases: list[Case] = []
        self.open: dict[int, Case] = {}
        self.told: dict[int, list[tuple[Told, Shown | None]]] = checkins.said
        self._numbered: dict[int, Case] = {}

    def shown(self, shown: Shown) -> None:
        """Somebody was told of one or more incidents."""
        person = self._world.by_key[shown.person]
        self._opened(shown.at)  # it may have left at the very instant at which it was opened
        to_open = _numbers(" ".join(shown.labels))
        for number in _numbers(shown.text):
            case = self._numbered.get(number)
            if case is None or case.subject is person:
                continue
            case.heard.setdefault(person.member, shown.at)
            if TAKE in shown.labels or number in to_open:
                case.since = max(case.since, shown.at)

    def is_first_of_a_miss(self, shown: Shown, since: datetime) -> bool:
        """Whether this alarm tells its reader for the first time of somebody missed since then, whose
        time was over by then: who was asked after the outage and in time is missed later, and alone."""
        reader = self._world.by_key[shown.person].member
        about = [self._numbered[n] for n in _numbers(shown.text) if n in self._numbered]
        return any(
            case.kind in SILENT
            and case.at >= since
            and not case.subject.high_risk
            and case.heard.get(reader, shown.at) == shown.at
            and not any(a.due + a.watched.rule.grace > since for a in self._opened_by(case))
            for case in about
        )

    # --- looking ----------------------------------------------------------------------------

    def look(self, now: datetime) -> None:
        """All that must hold at this instant."""
        self._opened(now)
        for case in self._new:
            self._has_a_cause(case, now)
        self._new = []
        for case in [*self.open.values()]:
            self._follow(case, now)
        self._undone(now)
        for case in self.open.values():
            if case.state == "claimed":
                self._held(case, now)
            else:
                self._reaches(case, now)

    def _opened(self, now: datetime) -> None:
        for id, number, subject, kind, at in self._raw.execute(
            "SELECT id, number, subject_id, kind, opened_at FROM incidents WHERE id > ?",
            (self._last,),
        ).fetchall():
            self._last = id
            case = Case(id, number, self._world.people[subject], instant(at), kind, "", now)
            if any(other.subject is case.subject for other in self.open.values()):
                self._problem(f"two open incidents about {case.subject.name}")
            self.cases.append(case)
            self.open[id] = self._numbered[number] = case
            self._new.append(case)

    def _problem(self, words: str) -> None:
        self._world.problem(words)

    def _follow(self, case: Case, now: datetime) -> None:
        kind, state, holder, told, mass = self._raw.execute(
            "SELECT kind, state, holder_id, told, mass_id FROM incidents WHERE id = ?", (case.id,)
        ).fetchone()
        if case.told and not case.told >= frozenset(loads(told)):
            case.since = now  # a further step: its people are told from now on
        case.told, case.mass = frozenset(loads(told)), mass
        if (state, holder) != (case.state, case.holder) and case.state:
            if state == "claimed":
                self._was_taken(case, holder, now)
            elif state == "resolved":
                self._was_closed(case, now)
            else:
                case.since = now
        if kind != case.kind:
            case.since = now
        case.kind, case.state, case.holder = kind, state, holder

    # --- causes -----------------------------------------------------------------------------

    def _said(self, member: int, now: datetime, *labels: str) -> list[Told]:
        """What a member pressed that the bot may have taken in only just now."""
        since = self._world.last_gap(now) - MINUTE
        return [
            told
            for told, _ in self.told[member]
            if told.label in labels and told.heard_at is not None and since <= told.heard_at <= now
        ]

    def _has_a_cause(self, case: Case, now: datetime) -> None:
        subject = case.subject
        if case.kind in SILENT:
            if not any(
                ask.watched.person is subject and ask.closed_at == now
                for ask in self._checkins.missed
            ):
                self._problem(f"#{case.number} says that {subject.name} was missed")
            return
        asked_for = [
            told
            for told, _ in self.told[subject.member]
            if told.heard_at is not None
            and told.heard_at <= now
            and (told.label or (isinstance(told.body, Text) and told.body.text in CRIES + NOT_WELL))
        ]
        if not asked_for:
            self._problem(f"#{case.number} says that {subject.name} asked for help")

    def _was_taken(self, case: Case, holder: int, now: datetime) -> None:
        case.held_at = now
        if holder == case.subject.member:
            self._problem(f"#{case.number} is held by whom it is about")
        if not self._said(holder, now, TAKE, ACCEPT):
            self._problem(f"#{case.number} was taken by {holder}, who did nothing")

    def _was_closed(self, case: Case, now: datetime) -> None:
        case.closed_at = now
        del self.open[case.id]
        if case.holder is not None and self._said(case.holder, now, *OUTCOMES):
            return
        if self._said(case.subject.member, now, CLOSE_YES):
            return
        if not self._may_undo(case, now):
            self._problem(f"#{case.number} ({case.kind}) was closed by nobody at {now}")

    def _opened_by(self, case: Case) -> list[Ask]:
        """The misses that it is about, the first one first."""
        return [
            ask
            for ask in self._checkins.missed
            if ask.watched.person is case.subject
            and ask.closed_at is not None
            and case.at <= ask.closed_at <= (case.closed_at or ask.closed_at)
        ]

    def _may_undo(self, case: Case, now: datetime) -> bool:
        """Whether it is of a miss to which an answer in time came late."""
        asks = self._opened_by(case)
        in_time = [ask for ask in asks if self._checkins.in_time(ask, now, surely=False)]
        return case.kind in SILENT and len(asks) == 1 and bool(in_time)

    def _undone(self, now: datetime) -> None:
        """A miss stands no longer than until an answer is heard that was in time.

        Unless somebody has done anything about it: then it is theirs to close.
        """
        if self._world.awake_since(now) is None:
            return  # it died with the answer stored, and will carry it out when it is back
        for case in self.open.values():
            asks = self._opened_by(case)
            if case.kind not in SILENT or len(asks) != 1:
                continue
            if self._checkins.in_time(asks[0], now, surely=True) and not self._touched(case):
                self._problem(f"#{case.number}: the answer was in time, and it stays open")

    def _touched(self, case: Case) -> bool:
        events = self._raw.execute(
            "SELECT event FROM incident_events WHERE incident_id = ?", (case.id,)
        )
        return any(event not in BY_ITSELF for (event,) in events)

    # --- people are told --------------------------------------------------------------------

    def _first(self, step: Step) -> frozenset[int]:
        """The members of a step, by the model's own reading of the plan."""
        found: set[int] = set()
        for recipient in step.recipients:
            match recipient.who:
                case Who.MEMBER:
                    found.add(recipient.member or 0)
                case Who.CIRCLE:
                    found |= self._world.having(Role.RESPONDER)
                case Who.COORDINATORS:
                    found |= self._world.having(Role.COORDINATOR)
        return frozenset(found)

    def _reaches(self, case: Case, now: datetime) -> None:
        """Nobody holds it: somebody who can be told of it was told, and not too long ago."""
        plan = self._world.plan
        bundled = BUNDLED + SPACING if case.mass is not None else timedelta(0)
        if case.heard:
            again = EXHAUSTED if case.state == "exhausted" else plan.repeat
            self._waits(case, case.told, now, max(again, bundled), "is open and silent")
            return
        first, everyone = self._first(plan.steps[0]), self._world.everyone
        soon = plan.steps[0].after + bundled
        self._waits(case, first, now, soon, "has not reached the first step")
        chain = soon + HOPELESS * (len(plan.steps) + 1)
        self._waits(case, everyone, now, chain, "has reached nobody")

    def _waits(
        self, case: Case, members: frozenset[int], now: datetime, allowed: timedelta, what: str
    ) -> None:
        """A problem if one of these could have been told since it was time to."""
        due = case.since + allowed
        for member in members - {case.subject.member}:
            clear = self._world.clear_from(self._world.people[member], now)
            if clear is not None and now - max(due, clear) > PROMPTLY:
                self._problem(f"#{case.number} {what}: {member} could be told since {due}")
                return

    def _held(self, case: Case, now: datetime) -> None:
        """Whoever holds it and says nothing does not hold it for ever."""
        if case.holder is None or case.held_at is None:
            self._problem(f"#{case.number} is held by nobody")
            return
        news = [
            told.heard_at
            for told, _ in self.told[case.holder]
            if told.heard_at is not None and told.heard_at <= now
        ]
        last = max([case.held_at, *news])
        awake = self._world.awake_since(now)
        limit = self._world.plan.news + NEWS_ANSWER + PROMPTLY
        if awake is not None and now - max(last, awake) > limit:
            self._problem(f"#{case.number} is held since {last} without a word")


def _numbers(text: str) -> set[int]:
    """The incidents that a text names."""
    return {int(number) for number in re.findall(r"#(\d+)", text)}
