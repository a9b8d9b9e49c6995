"""Noticing that nothing ran for a while, and that the machine's clock was moved.

Both must be known before any deadline is judged. The heartbeat row tells when something last ran;
a clock that never goes back tells whether time passed or was only set.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog

from bot.engine.clock import Clock
from bot.engine.handling import Handlers
from storage.database import Database

log = structlog.get_logger(__name__)

OUTAGE = timedelta(minutes=10)
"""A gap between two heartbeats from which on overdue people are asked before anyone is alarmed."""

HEARTBEAT = timedelta(seconds=30)
"""Between two writings of the heartbeat row."""

MOVED = timedelta(seconds=30)
"""How far the clock may be from what the steady clock says before it counts as moved."""

ROW = "heartbeat"


class Outages:
    """Compares the clock with the heartbeat row and with a steady clock, before anything is due."""

    def __init__(
        self,
        database: Database,
        handlers: Handlers,
        clock: Clock,
        steady: Callable[[], float] | None,
        before: Callable[[], Awaitable[object]],
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._clock = clock
        self._steady = steady or (lambda: clock.now().timestamp())
        self._before = before
        self._seen: tuple[datetime, float] | None = None
        self._written: datetime | None = None
        self._alive: datetime | None = None

    async def look(self) -> None:
        """Call before each look at the timers. Tells the handlers what they must know first."""
        now, steady = self._clock.now(), self._steady()
        if self._seen is None:
            await self._at_start(now)
        else:
            before, steady_before = self._seen
            moved = (now - before) - timedelta(seconds=steady - steady_before)
            # A database that could not be written is an outage too: nobody was asked meanwhile.
            alive = min(before, self._alive) if self._alive is not None else before
            if abs(moved) > MOVED:
                await self._moved(moved, now)
            elif now - alive > OUTAGE:
                await self._away(alive, now)
        self._seen = now, steady
        if self._written is None or not timedelta(0) <= now - self._written < HEARTBEAT:
            await self._beat(now)

    def ran(self, span: timedelta) -> None:
        """Time was stepped through: it passed, and we ran all along."""
        if self._seen is not None:
            now, steady = self._seen
            self._seen = now + span, steady + span.total_seconds()
        if self._alive is not None:
            self._alive += span

    async def _at_start(self, now: datetime) -> None:
        async with self._database.transaction() as tx:
            row = await tx.facts.get(ROW)
        if row is None:
            return
        last = datetime.fromisoformat(row.decode()).astimezone(UTC)
        if now < last - MOVED:
            # The clock went back while we were away; how long we were is not known.
            await self._moved(now - last, now)
        elif now - last > OUTAGE:
            await self._away(last, now)

    async def _away(self, since: datetime, now: datetime) -> None:
        log.warning("outage", minutes=round((now - since) / timedelta(minutes=1)))
        await self._before()  # who has answered meanwhile need not be asked
        async with self._database.transaction() as tx:
            await self._handlers.outage(tx, since, now)
            await tx.facts.set(ROW, now.isoformat().encode())
        self._alive = now

    async def _moved(self, by: timedelta, now: datetime) -> None:
        log.warning("clock.moved", seconds=round(by.total_seconds()))
        async with self._database.transaction() as tx:
            await tx.outbox.shift(by)
            await self._handlers.clock_changed(tx, by, now)
            await tx.facts.set(ROW, now.isoformat().encode())
        self._alive = now

    async def _beat(self, now: datetime) -> None:
        async with self._database.transaction() as tx:
            await tx.facts.set(ROW, now.isoformat().encode())
        self._written = self._alive = now
