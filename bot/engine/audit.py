"""The auditor: looks again and again whether what must hold does, and tells somebody outside.

The outside watcher hears of us only after a clean audit and a full round of every part of the
engine; so a loop that stands still, a database that cannot be written and an auditor that died are
all the same to it: silence.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog

from bot.engine.beats import Beats
from bot.engine.clock import Clock
from bot.engine.handling import Handlers
from bot.engine.persist import retried
from bot.engine.telling import Line, News, Watcher
from storage.audit import LATENESS, NOBODY_REACHED
from storage.database import Conflict, Database, Unavailable
from storage.facts import SHOWN, Facts
from storage.fence import NotActing

log = structlog.get_logger(__name__)

CANARY_SEEN = "canary.seen"
"""The fact that holds when the last canary's alarm arrived."""

CANARY_AGE = timedelta(hours=26)
"""After how long without its alarm the canary counts as dead: a day, and time to arrive."""

CANARY_REST = timedelta(hours=1)
"""How long after a start the canary may still be silent: it may have been asleep with us."""

SETTLING = 120.0
"""Seconds after a start, or after we stood still, in which being late is no finding: it is made up
for. Nothing is told then, so that a bot that starts again and again is silence outside."""

STOOD_STILL = 60.0
"""Seconds between two audits from which on we, or the machine, were not running in between."""

ANSWER = 20.0
"""Seconds after which a database that does not answer is a finding."""

DATABASE_FAILS = frozenset({"database_silent", "database_unavailable"})
"""Findings with which nothing can be queued."""

LAST_WORDS = 10.0
"""Seconds that the end of the process waits for the watchers to hear of it."""


class Auditor:
    """Asks the tables and the engine's parts.

    Args:
        beats: The parts of the engine.
        answers: The same for the platforms: each beats when it answers.
        watchers: Who is told.
        refused: Gives the platforms that refused us for good.
        permit: Raises `NotActing` if nothing may be sent.
        steady: Seconds of a clock that never goes back, nor stops while the machine sleeps.
        canary: Whether a canary is expected to sing every day.
        others: Gives what parts of the engine found by themselves.
    """

    def __init__(
        self,
        database: Database,
        handlers: Handlers,
        clock: Clock,
        beats: Beats,
        answers: Beats,
        watchers: Iterable[Watcher],
        refused: Callable[[], list[str]],
        permit: Callable[[], None],
        steady: Callable[[], float],
        *,
        canary: bool,
        others: Callable[[], list[str]] = list,
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._clock = clock
        self._beats = beats
        self._answers = answers
        self._lines = tuple(Line(watcher) for watcher in watchers)
        self._refused = refused
        self._permit = permit
        self._steady = steady
        self._canary = canary
        self._others = others
        self._last: tuple[str, ...] = ()
        self._asking: asyncio.Task[list[str]] | None = None
        self.begin()

    def begin(self) -> None:
        """The engine begins to run now."""
        self._began = self._clock.now()
        self._settling_since = self._looked = self._steady()

    async def look(self) -> tuple[str, ...]:
        """Audit once, and tell the watchers. Returns what is wrong."""
        now = self._steady()
        if now - self._looked > STOOD_STILL:
            self._settling_since = now
            self._beats.again()
            self._answers.again()
        self._looked = now
        found = await self._findings()
        late = {f for f in found if f in LATENESS}
        settled = not late or now - self._settling_since >= SETTLING
        findings = tuple(sorted(found if settled else set(found) - late))
        self._last = findings
        for finding in findings:
            log.error("audit", finding=finding)
        if findings or not settled or self._beats.full_round():
            for line in self._lines:
                line.tell(News(findings, settled))
        if not DATABASE_FAILS.intersection(findings):
            await self._write_down(findings)
            if settled or findings:
                await self._tell_operators(findings)
        return findings

    async def glance(self) -> None:
        """Between two audits: an incident of which nobody heard is told outside at once."""
        if NOBODY_REACHED in self._last:
            return
        async with self._database.transaction() as tx:
            lost = await tx.audit.nobody_reached(self._clock.now())
        if lost:
            await self.look()

    async def last_words(self, findings: Iterable[str]) -> None:
        """The process ends because of this: the watchers hear it now."""
        for line in self._lines:
            line.tell(News(tuple(findings)))
        await asyncio.gather(*(line.drained(LAST_WORDS) for line in self._lines))

    async def close(self) -> None:
        """Look and tell no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking})
        await asyncio.gather(*(line.close() for line in self._lines))

    async def _findings(self) -> list[str]:
        found = [f"part_silent:{part}" for part in self._beats.silent()]
        refused = self._refused()
        found += [f"platform_refused:{name}" for name in refused]
        found += [f"platform_silent:{n}" for n in self._answers.silent() if n not in refused]
        found += self._others()
        try:
            self._permit()
        except NotActing:
            found.append("right_run_out")
        # Not cancelled if it takes too long: it is left to end, and meanwhile each look says so.
        if self._asking is None:
            self._asking = asyncio.create_task(retried(self._ask_tables))
        done, _ = await asyncio.wait({self._asking}, timeout=ANSWER)
        if not done:
            return [*found, "database_silent"]
        asked, self._asking = self._asking, None
        return found + asked.result()

    async def _ask_tables(self) -> list[str]:
        now = self._clock.now()
        try:
            async with self._database.transaction() as tx:
                found = list(await tx.audit.broken(now))
                # Reading is not enough: a full disk lets us read.
                await tx.facts.set("audit", now.isoformat().encode())
                if self._canary and await self._canary_is_silent(tx.facts, now):
                    found.append("canary_silent")
        except Conflict:
            raise
        except Unavailable:
            return ["database_unavailable"]
        return found

    async def _canary_is_silent(self, facts: Facts, now: datetime) -> bool:
        if now - self._began < CANARY_REST:
            return False
        seen = await facts.get(CANARY_SEEN)
        return seen is None or now - datetime.fromisoformat(seen.decode()) > CANARY_AGE

    async def _write_down(self, findings: tuple[str, ...]) -> None:
        """For whoever asks from another process (`acuerpa status`)."""
        silent = {*self._answers.silent(), *self._refused()}
        shown = {
            "at": self._clock.now().isoformat(),
            "since": self._began.isoformat(),
            "findings": findings,
            "platforms": {name: name not in silent for name in self._answers.expected()},
        }
        try:
            async with self._database.transaction() as tx:
                await tx.facts.set(SHOWN, json.dumps(shown).encode())
        except Unavailable:
            pass  # the next audit says so

    async def _tell_operators(self, findings: tuple[str, ...]) -> None:
        async def tell() -> None:
            async with self._database.transaction() as tx:
                await self._handlers.trouble(tx, findings, self._clock.now())

        try:
            await retried(tell)
        except Unavailable:
            pass  # it is among the findings, and the watchers were told
