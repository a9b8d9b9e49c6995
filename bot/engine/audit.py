"""The auditor: looks every minute whether what must hold does, and tells somebody outside.

The outside watcher hears of us only after a clean audit and a full round of every part of the
engine; so a loop that stands still, a database that cannot be written and an auditor that died are
all the same to it: silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.engine.beats import Beats
from bot.engine.clock import Clock
from bot.engine.handling import Handlers
from storage.audit import NOBODY_REACHED
from storage.database import Database, Unavailable
from storage.facts import Facts

log = structlog.get_logger(__name__)

CANARY_SEEN = "canary.seen"
"""The fact that holds when the last canary's alarm arrived."""

CANARY_AGE = timedelta(hours=26)
"""After how long without its alarm the canary counts as dead: a day, and time to arrive."""


class Watcher(Protocol):
    """Whoever is told from outside whether we are well: a monitor, the service manager."""

    async def well(self) -> None:
        """All is well."""

    async def trouble(self, findings: Iterable[str]) -> None:
        """It is not: short words without any content."""


class Auditor:
    """Asks the tables and the engine's parts.

    Args:
        refused: Gives the platforms that refused us for good.
        canary: Whether a canary is expected to sing every day.
    """

    def __init__(
        self,
        database: Database,
        handlers: Handlers,
        clock: Clock,
        beats: Beats,
        watchers: Iterable[Watcher],
        refused: Callable[[], list[str]],
        *,
        canary: bool,
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._clock = clock
        self._beats = beats
        self._watchers = tuple(watchers)
        self._refused = refused
        self._canary = canary
        self._last: tuple[str, ...] = ()

    async def look(self) -> tuple[str, ...]:
        """Audit once, and tell the watchers. Returns what is wrong."""
        findings = await self._findings()
        for finding in findings:
            log.error("audit", finding=finding)
        await asyncio.gather(
            *(w.trouble(findings) if findings else w.well() for w in self._watchers)
        )
        fresh = tuple(f for f in findings if f not in self._last)
        self._last = findings
        if fresh:
            try:
                async with self._database.transaction() as tx:
                    await self._handlers.trouble(tx, fresh, self._clock.now())
            except Unavailable:
                pass  # it is among the findings, and the watchers were told
        return findings

    async def glance(self) -> None:
        """Between two audits: an incident of which nobody heard is told outside at once."""
        if NOBODY_REACHED in self._last:
            return
        async with self._database.transaction() as tx:
            lost = await tx.audit.nobody_reached(self._clock.now())
        if lost:
            await self.look()

    async def _findings(self) -> tuple[str, ...]:
        found = [f"part_silent:{part}" for part in self._beats.silent()]
        found += [f"platform_refused:{name}" for name in self._refused()]
        now = self._clock.now()
        try:
            async with self._database.transaction() as tx:
                found += await tx.audit.broken(now)
                # Reading is not enough: a full disk lets us read.
                await tx.facts.set("audit", now.isoformat().encode())
                if self._canary and await _canary_is_silent(tx.facts, now):
                    found.append("canary_silent")
        except Unavailable:
            found.append("database_unavailable")
        return tuple(sorted(found))


async def _canary_is_silent(facts: Facts, now: datetime) -> bool:
    seen = await facts.get(CANARY_SEEN)
    return seen is not None and now - datetime.fromisoformat(seen.decode()) > CANARY_AGE
