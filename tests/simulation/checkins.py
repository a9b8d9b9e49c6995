"""The judge of check-ins: who was asked when, what they answered, and whether their silence counted.

A short model of its own: it knows the schedules as they were set, what people handed to their
servers and when, and when the bot ran. It follows the program's rows and holds each step of theirs
against that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.platforms.base import PlatformName, Press, Text
from storage.tables import EPOCH
from tests.simulation.people import CRIES, HELP, NOT_WELL, OK, WELL, Person
from tests.simulation.server import Shown, Told

if TYPE_CHECKING:
    from tests.simulation.town import Watched, World

MINUTE = timedelta(minutes=1)
PROMPTLY = timedelta(seconds=40)
"""Within which the bot carries out what is due, while it runs: a deadline waits a little for what
people wrote before it, the first one after a start a little longer."""

ELSEWHERE = timedelta(seconds=70)
"""Within which a question arrives on another account, where the platform of the first one hangs: two
tries are waited for."""

OUTAGE = 10 * MINUTE
HOLDS = (15 * MINUTE, 5 * MINUTE)
CLOCKS_APART = 15 * MINUTE
"""An answer from before its question is none to it, but for clocks that differ."""


def instant(micros: int) -> datetime:
    """As the tables keep it."""
    return EPOCH + timedelta(microseconds=micros)


def micros(at: datetime) -> int:
    """The opposite."""
    return (at - EPOCH) // timedelta(microseconds=1)


def calendar(watched: Watched, end: datetime) -> list[datetime]:
    """When a schedule asks, by the clock on the wall: each wall time of its days once.

    A wall time that is skipped is the instant of the jump; one that comes twice, its first.
    """
    rule, zone = watched.rule, ZoneInfo(watched.rule.zone)
    found = set()
    day = watched.since.astimezone(zone).date() - timedelta(days=1)
    while day <= end.astimezone(zone).date():
        if day.weekday() in rule.days:
            found |= {_shown_first(day, wall, zone) for wall in rule.times}
        day += timedelta(days=1)
    return sorted(at for at in found if watched.since < at <= end)


def _shown_first(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock of the zone shows this time or a later one of the day."""
    wanted = datetime.combine(day, wall)
    guesses = {
        (wanted - (wanted.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta(0)))
        for fold in (0, 1)
    }
    low, high = min(guesses).replace(tzinfo=UTC), max(guesses).replace(tzinfo=UTC)
    if low == high:
        return low
    at = low
    while at.astimezone(zone).replace(tzinfo=None) < wanted:
        at += MINUTE
    return at


@dataclass(slots=True)
class Ask:
    """One check-in. `deadline` is the model's, `state` the program's."""

    id: int
    watched: Watched
    due: datetime
    at: datetime
    deadline: datetime
    state: str = "due"
    closed_at: datetime | None = None
    asked_in: list[Shown] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return self.closed_at is None


class Checkins:
    """The judge."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._raw = world.memory.raw
        self._last = 0
        self.asks: list[Ask] = []
        self.open: dict[int, Ask] = {}
        # The last process lives some hours longer than the world's days.
        until = world.end + timedelta(days=1)
        self._calendars = {w.id: calendar(w, until) for w in world.schedules}
        self._known = {w.id: set(times) for w, times in
                       zip(world.schedules, self._calendars.values(), strict=True)}  # fmt: skip
        self._next = dict.fromkeys(self._calendars, 0)
        self.said: dict[int, list[tuple[Told, Shown | None]]] = {m: [] for m in world.people}
        self.by_message: dict[str, Ask] = {}
        self.missed: list[Ask] = []
        self.undone: list[Ask] = []

    # --- what is heard of -------------------------------------------------------------------

    def told(self, person: Person, told: Told, shown: Shown | None) -> None:
        """A person handed something to a server, about the message `shown` or about none."""
        self.said[person.member].append((told, shown))

    def shown(self, shown: Shown) -> None:
        """A question arrived; which one is by its member and time: there is one at a time."""
        if OK not in shown.labels:
            return
        (purpose,) = self._raw.execute(
            "SELECT purpose FROM outbox WHERE key = ?", (shown.key,)
        ).fetchone()
        self._begun(shown.at)  # it may have left at the very instant at which it was asked
        ask = self.open.get(int(purpose.split(":")[1]))
        if ask is not None:
            ask.asked_in.append(shown)
            self.by_message[shown.id] = ask

    # --- looking ----------------------------------------------------------------------------

    def look(self, now: datetime) -> None:
        """All that must hold at this instant."""
        self._begun(now)
        self._ended(now)
        self._escalated(now)
        self._due(now)
        self._asked(now)

    def _problem(self, words: str) -> None:
        self._world.problem(words)

    def _begun(self, now: datetime) -> None:
        for id, member, schedule, due in self._raw.execute(
            "SELECT id, member_id, schedule_id, due FROM checkins WHERE id > ?", (self._last,)
        ).fetchall():
            self._last = id
            watched = self._world.watched[schedule]
            ask = Ask(id, watched, instant(due), now, now)
            ask.deadline = self._deadline(ask)
            if member != watched.person.member:
                self._problem(f"check-in {id} is of somebody else")
            if ask.due not in self._known[schedule]:
                self._problem(f"schedule {schedule} asks at {ask.due}, which it should not")
            if any(a.due == ask.due and a.watched is watched for a in self.asks):
                self._problem(f"schedule {schedule} asks twice for {ask.due}")
            late = now - max(ask.due, self._world.awake_since(now) or now)
            self._world.delay("asked", late)
            if late > PROMPTLY or now < ask.due:
                self._problem(f"check-in {id} asked {late} late")
            self.asks.append(ask)
            self.open[id] = ask

    def _deadline(self, ask: Ask) -> datetime:
        """When silence becomes a miss."""
        grace = ask.watched.rule.grace
        if ask.due + grace > ask.at:
            return max(ask.due, ask.at) + grace
        return ask.at if ask.watched.person.high_risk else ask.at + self._hold(grace)

    @staticmethod
    def _hold(grace: timedelta) -> timedelta:
        return HOLDS[0] if grace >= HOLDS[0] else HOLDS[1]

    def _ended(self, now: datetime) -> None:
        for ask in [*self.open.values()]:
            state, miss_at = self._raw.execute(
                "SELECT state, miss_at FROM checkins WHERE id = ?", (ask.id,)
            ).fetchone()
            self._moved(ask, instant(miss_at))
            ask.state = state
            if state in ("due", "reminded", "late"):
                awake = self._world.awake_since(now)
                if awake is not None and now - max(ask.deadline, awake) > PROMPTLY:
                    self._problem(f"check-in {ask.id} is overdue since {ask.deadline}: {now}")
                continue
            ask.closed_at = now
            del self.open[ask.id]
            match state:
                case "answered":
                    self._answered(ask, now)
                case "missed" | "unreachable":
                    self.missed.append(ask)
                    self._was_missed(ask, now)
                case "not_ok":
                    if not any(self._replies(ask, HELP, NOT_WELL + CRIES, now)):
                        self._problem(f"check-in {ask.id}: nobody asked for help")
                case _:
                    self._problem(f"check-in {ask.id} ended as {state}")

    def _moved(self, ask: Ask, miss_at: datetime) -> None:
        """Only an outage moves a deadline, and only of somebody who was overdue when we came back."""
        if miss_at == ask.deadline:
            return
        back = self._world.back_from_outage()
        span = self._hold(ask.deadline - ask.due)
        if (
            back is None
            or ask.deadline > back
            or ask.watched.person.high_risk
            or miss_at != back + span
        ):
            self._problem(f"check-in {ask.id}: {ask.deadline} became {miss_at}, back at {back}")
        ask.deadline = miss_at

    def _replies(
        self, ask: Ask, label: str, words: tuple[str, ...], heard_by: datetime | None
    ) -> Iterator[Told]:
        """What the person said that may be such an answer, heard by then; None for all."""
        for told, shown in self.said[ask.watched.person.member]:
            if heard_by is not None and (told.heard_at is None or told.heard_at > heard_by):
                continue
            match told.body:
                case Press():
                    about = self.by_message.get(shown.id) if shown else None
                    if about is ask and told.label == label:
                        yield told
                case Text(text) if text in words and told.stamp >= ask.at - CLOCKS_APART:
                    yield told

    def _answered(self, ask: Ask, now: datetime) -> None:
        heard = [*self._replies(ask, OK, WELL, now)]
        if not heard:
            self._problem(f"check-in {ask.id} counts as answered, and nobody answered")
        awake = self._world.awake_since(now)
        judged = awake is not None and awake < ask.deadline - PROMPTLY
        if heard and judged and all(self._time_of(t) > ask.deadline for t in heard):
            self._problem(f"check-in {ask.id}: an answer after {ask.deadline} spared the alarm")

    def in_time(self, ask: Ask, now: datetime, *, surely: bool) -> bool:
        """Whether an answer that was heard by now was in time: `surely`, or as far as the bot knows.

        Telegram's presses bear no time; whether one was in time is then a matter of when Telegram
        was last known to have had nothing for us.
        """
        return any(
            (self._time_of(told) <= ask.deadline and (told.at >= ask.at or not surely))
            or (not surely and self._has_no_time(told))
            for told in self._replies(ask, OK, WELL, now)
        )

    @staticmethod
    def _has_no_time(told: Told) -> bool:
        return isinstance(told.body, Press) and told.id.startswith(PlatformName.TELEGRAM)

    @classmethod
    def _time_of(cls, told: Told) -> datetime:
        """By which an answer is judged. One without a time is as old as what came with it."""
        at = told.due if cls._has_no_time(told) else told.stamp
        return min(at, told.heard_at or told.due)

    def _was_missed(self, ask: Ask, now: datetime) -> None:
        awake = self._world.awake_since(now)
        late = now - max(ask.deadline, awake or now)
        self._world.delay("missed", late)
        back = self._world.back_from_outage()
        if back is not None and ask.deadline <= back and not ask.watched.person.high_risk:
            self._problem(f"check-in {ask.id} was overdue at {back}, and nobody asked again")
        if now < ask.deadline:
            self._problem(f"check-in {ask.id} was missed at {now}, before {ask.deadline}")
        if late > PROMPTLY:
            self._problem(f"check-in {ask.id} was missed {late} late")
        for told in self._replies(ask, OK, WELL, None):
            if told.at < ask.at or self._time_of(told) > ask.deadline:
                continue
            if told.heard_at is not None and told.heard_at < now:
                self._problem(f"check-in {ask.id}: {told.id} was heard, and counts as missed")
            elif told.due < now - PROMPTLY and not self._deaf_to(told, now):
                self._problem(f"check-in {ask.id}: {told.id} could be heard, and it is a miss")

    def _escalated(self, now: datetime) -> None:
        """Each miss of this instant stands in an incident about the person, once."""
        misses = Counter(a.watched.person.member for a in self.missed[-20:] if a.closed_at == now)
        for member, count in misses.items():
            noted = self._raw.execute(
                "SELECT count(*) FROM incident_events e JOIN incidents i ON i.id = e.incident_id "
                "WHERE i.subject_id = ? AND e.at = ? AND e.event IN "
                "('opened_miss', 'opened_unreachable', 'again_miss', 'again_unreachable')",
                (member, micros(now)),
            ).fetchone()[0]
            if noted != count:
                self._problem(f"{member}: {count} check-ins are missed and {noted} escalated")

    def _deaf_to(self, told: Told, now: datetime) -> bool:
        server = next(s for s in self._world.servers if told.id.startswith(s.name))
        return server.was_silent(told.due)

    def _due(self, now: datetime) -> None:
        """Whoever should be asked by now is, or was being asked already."""
        awake = self._world.awake_since(now)
        if awake is None:
            return
        for watched in self._world.schedules:
            times = self._calendars[watched.id]
            number = self._next[watched.id]
            while number < len(times) and max(times[number], awake) + PROMPTLY < now:
                due = times[number]
                number = self._next[watched.id] = number + 1
                if not self._was_asked(watched, due, max(due, awake)):
                    self._problem(f"schedule {watched.id} did not ask at {due}")

    def _was_asked(self, watched: Watched, due: datetime, by: datetime) -> bool:
        mine = [a for a in self.asks if a.watched.person is watched.person]
        return any(
            (a.watched is watched and a.due == due)
            # being asked already, by whichever schedule
            or (a.at <= by + PROMPTLY and (a.closed_at is None or a.closed_at >= due))
            # one question stands for all that fell due while nobody asked
            or (a.watched is watched and a.due < due <= a.at)
            for a in mine
        )

    def _asked(self, now: datetime) -> None:
        """The question itself arrives, where nothing is in its way."""
        for ask in self.open.values():
            if not ask.asked_in:
                clear = self._world.clear_from(ask.watched.person, now)
                servers = ask.watched.person.servers
                silent = any(s.was_silent(ask.at) for s in servers)
                soon = ELSEWHERE if silent else PROMPTLY
                if clear is not None and now - max(ask.at, clear) > soon:
                    self._problem(f"check-in {ask.id}: the question has not arrived since {ask.at}")
