"""One question and what comes of it: replies around the deadline, while platforms and the bot fail.

`Model` says what must come of it, from what people handed to their server and when the bot ran. It
shares no rule with the program: silence until the deadline is an alarm, an answer until then is none.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import count
from random import Random

from bot.domain.people import Risk, Role
from bot.domain.plan import Plan, Recipient, Step, Who
from bot.domain.schedule import Schedule
from bot.platforms.base import PlatformName, Press, Text
from handlers.context import Context
from handlers.schedules import begin as begin_schedule
from handlers.settings import Settings
from tests.simulation.checkins import instant
from tests.simulation.loop import SimulatedClock, SimulatedLoop
from tests.simulation.people import OK, TAKE, WELL
from tests.simulation.process import Process, beat
from tests.simulation.server import Server, Shown, Told, Trouble
from tests.simulation.sqlite import Memory, MemoryDatabase

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

BEFORE = 10 * MINUTE
"""Between the start and the question."""

JUDGING = 40 * SECOND
"""A deadline waits so long, at the most, for what people may have written before it."""

AGAIN = 11 * SECOND
"""A platform that was waited for in vain is not asked again for so long."""

OUTAGE = 10 * MINUTE

DIGEST = 31 * SECOND
"""After an outage an alarm waits so long, at the most, for others that belong to the same digest."""

HEALTHY = Trouble(longest=0.2)


@dataclass(frozen=True, slots=True)
class Away:
    """From when to when something does not work, after the question."""

    begins: timedelta
    ends: timedelta
    how: str = ""


@dataclass
class Model:
    """What must come of it.

    `end` is the deadline; where the bot came back from an outage of ten minutes or more when it had
    passed already, a little after that. `perhaps` is later where it ended at the deadline itself.
    With a `digest`, an alarm may have been undone before anybody was shown it.
    """

    end: datetime
    perhaps: datetime
    judged_by: datetime
    told: list[Told]
    digest: bool = False

    @staticmethod
    def time_of(told: Told) -> datetime:
        """The server's time, which is not in the future."""
        return min(told.stamp, told.heard_at or told.due)

    @property
    def in_time(self) -> list[Told]:
        """The replies until the deadline."""
        return [told for told in self.told if self.time_of(told) <= self.end]

    @property
    def nobody_answered(self) -> bool:
        """No reply until it was judged, which may be a little after the deadline."""
        return all(self.time_of(told) > self.judged_by for told in self.told)

    def could_be_heard(self, server: Server, at: datetime) -> list[Told]:
        """The replies in time that the server would have given us before that."""
        if server.was_silent(at - AGAIN):
            return []
        return [told for told in self.in_time if told.due < at - SECOND]


@dataclass
class History:
    """One, by its seed."""

    seed: int
    loop: SimulatedLoop
    memory: Memory
    problems: list[str] = field(default_factory=list)
    alarmed: bool = False
    undone: bool = False
    delay: float = 0.0

    def __post_init__(self) -> None:
        rng = self.rng = Random(self.seed)
        day = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=rng.randrange(360))
        self.start = day + 12 * HOUR - BEFORE
        self.due = self.start + BEFORE
        self.clock = SimulatedClock(self.start, self.loop)
        self.grace = rng.choice((5, 10, 30, 45, 120)) * MINUTE
        self.high_risk = rng.random() < 0.1
        self.servers = [
            Server(name, idempotent, self.clock, Random(rng.random()), HEALTHY)
            for name, idempotent in ((PlatformName.TELEGRAM, False), (PlatformName.MATRIX, True))
        ]
        self.hers, self.theirs = rng.sample(self.servers, 2)
        self.hers.stamp_off = rng.choice((0.0, 0.0, rng.uniform(-90, 90))) * SECOND
        self.told: list[Told] = []
        self._first_shown: datetime | None = None
        self.theirs.shows = self._shows
        tokens = count()
        self.settings = Settings("es", "UTC", lambda: f"t{next(tokens):x}")

    # --- making it --------------------------------------------------------------------------

    async def _make(self) -> None:
        self.memory.begin_anew()
        now = self.start
        async with MemoryDatabase(self.memory).transaction() as tx:
            group = await tx.people.add_group("Red", "", "es", "UTC", now)
            plan = Plan((Step(timedelta(0), (Recipient(Who.CIRCLE),)),), repeat=3 * HOUR)
            ana = await tx.people.add_member(group, "Ana", "es", "UTC", [], now)
            berta = await tx.people.add_member(group, "Berta", "es", "UTC", [Role.RESPONDER], now)
            if self.high_risk:
                await tx.people.set_member(ana, risk=Risk.HIGH)
            await tx.people.add_account(ana, self.hers.name, "ana", "ana", now)
            await tx.people.add_account(berta, self.theirs.name, "berta", "berta", now)
            await tx.people.set_plan(plan, group=group)
            for member in (ana, berta):
                await tx.people.agree(member, plan, now)
            rule = Schedule(frozenset({self.due.weekday()}), (time(12),), "UTC", self.grace, ())
            await begin_schedule(Context(tx, now, self.settings), ana, rule)

    def _replies(self) -> list[tuple[timedelta, float, float]]:
        """When, after the question; how long it is on its way; whether it comes twice."""
        rng, grace = self.rng, self.grace
        found = []
        for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
            at = rng.choice((
                grace * rng.random(),
                grace + rng.uniform(-3, 3) * SECOND,
                grace + rng.uniform(-90, 90) * SECOND,
                grace + rng.uniform(1, 180) * MINUTE,
            ))  # fmt: skip
            delay = rng.choice((0.0, 0.0, 0.0, rng.uniform(0, 60), rng.uniform(0, 4 * 3600)))
            found.append((at, delay, rng.choice((0.0, 0.0, 0.0, rng.uniform(0.1, 600)))))
        return found

    def _away(self, chance: float, spans: tuple[float, ...]) -> Away | None:
        rng = self.rng
        if rng.random() > chance:
            return None
        begins = rng.choice((
            MINUTE + (self.grace + 10 * MINUTE) * rng.random(),
            max(MINUTE, self.grace - rng.uniform(0, 60) * SECOND),
        ))  # fmt: skip
        return Away(begins, begins + rng.choice(spans) * SECOND, rng.choice(("refuses", "hangs")))

    def _says(self, delay: float, twice: float) -> None:
        """By word, or by the button where it bears a time (Telegram's do not)."""
        asked = [shown for shown in self.hers.shown if shown.labels.get(OK)]
        if asked and self.hers.name is PlatformName.MATRIX and self.rng.random() < 0.5:
            shown = asked[-1]
            press = Press(shown.labels[OK], shown.id, f"{self.rng.random()}")
            told = self.hers.tell("ana", press, label=OK, delay=delay, twice=twice)
        else:
            told = self.hers.tell("ana", Text(self.rng.choice(WELL)), delay=delay, twice=twice)
        self.told.append(told)

    # --- living it --------------------------------------------------------------------------

    async def live(self) -> None:
        """To its end, half a day later, and what came of it."""
        await self._make()
        rng, loop = self.rng, self.loop
        asked = BEFORE.total_seconds()
        replies = self._replies()
        for at, delay, twice in replies:
            loop.call_at(asked + at.total_seconds(), self._says, delay, twice)
        silence = self._away(0.4, (5.0, 60.0, 600.0, rng.uniform(600, 3 * 3600)))
        if silence is not None and rng.random() < 0.5:
            # It answers again right before the deadline, and nobody may have noticed yet.
            back = self.grace - rng.uniform(0, 40) * SECOND
            silence = Away(max(MINUTE, back - rng.uniform(60, 3600) * SECOND), back, silence.how)
        if silence is not None:
            for when, how in ((silence.begins, silence.how), (silence.ends, "")):
                loop.call_at(asked + when.total_seconds(), self.hers.turn, how, HEALTHY)
        end = self.due + self.grace + 9 * HOUR
        away = self._away(0.4, (0.0, 2.0, 60.0, 400.0, rng.uniform(700, 4 * 3600)))
        if away is None:
            await self._run(end)
        else:
            if replies and rng.random() < 0.5:
                # While it takes in what she said.
                at, delay, _ = rng.choice(replies)
                begins = max(MINUTE, at + delay * SECOND - timedelta(milliseconds=1))
                away = Away(begins, begins + (away.ends - away.begins))
            died = await self._run(self.due + away.begins, rng.randrange(30))
            await self._sleep_until(self.due + away.ends)
            away = Away(died - self.due, self.clock.now() - self.due)
            await self._run(end)
        self._judge(self._model(away), silence)

    async def _sleep_until(self, at: datetime) -> None:
        await asyncio.sleep(max(0.0, self.clock.seconds(at) - self.loop.time()))

    async def _run(self, until: datetime, points: int | None = None) -> datetime:
        """One run of the program; with `points`, it ends after so many of them or a second later."""
        process = Process(
            self.memory, self.servers, self.settings, self.clock, Random(self.rng.random())
        )
        await self._sleep_until(until)
        if points is not None:
            process.life.end_after(points)
            await self._sleep_until(until + SECOND)
        process.life.end()
        await process.gone()
        beat(self.memory.raw, self.clock.now())
        return self.clock.now()

    # --- what came of it --------------------------------------------------------------------

    def _model(self, away: Away | None) -> Model:
        end = perhaps = self.due + self.grace
        awake = end
        digest = False
        if away is not None:
            died, back = self.due + away.begins, self.due + away.ends
            if died - 2 * SECOND <= end + JUDGING and back > end - JUDGING:
                awake = max(awake, back)
            digest = back - died > OUTAGE and not self.high_risk
            if back - died > OUTAGE and end <= back and died - 2 * SECOND <= end + JUDGING:
                hold = 15 * MINUTE if self.grace >= 15 * MINUTE else 5 * MINUTE
                perhaps = back if self.high_risk else back + hold
                if not self.high_risk and abs(died - end) > JUDGING + 2 * SECOND:
                    end = perhaps  # else it may have been judged right before
        return Model(end, perhaps, max(perhaps, awake) + JUDGING, self.told, digest)

    def _judge(self, model: Model, silence: Away | None) -> None:
        rows = self.memory.raw.execute("SELECT state, opened_at, closed_at FROM incidents").fetchall()
        self.alarmed = bool(rows)
        if len(rows) > 1:
            self.problems.append(f"{len(rows)} incidents of one miss")
        stands = any(state != "resolved" for state, _, _ in rows)
        self.undone = self.alarmed and not stands
        if model.in_time and stands:
            self.problems.append(f"it was answered in time ({model.end}), and the alarm stands")
        if model.nobody_answered and not stands:
            self.problems.append(f"nobody answered until {model.judged_by}, and there is no alarm")
        for _, opened, closed in rows:
            at = instant(opened)
            if at < model.end:
                self.problems.append(f"alarm at {at}, before {model.end}")
            heard = model.could_be_heard(self.hers, at)
            if heard:
                self.problems.append(f"alarm at {at}, though {heard[0].id} could be heard")
            if at > model.judged_by:
                self.problems.append(f"alarm at {at}, and not by {model.judged_by}")
            if not (model.digest and closed is not None and instant(closed) - at <= DIGEST):
                self._shown(at)

    def _shown(self, opened: datetime) -> None:
        """Her responder has it, whose platform works."""
        if self._first_shown is None:
            self.problems.append(f"nobody was shown the alarm of {opened}")
            return
        self.delay = (self._first_shown - opened).total_seconds()

    def _shows(self, shown: Shown) -> None:
        if TAKE in shown.labels:
            self._first_shown = self._first_shown or shown.at
