"""Carrying out the timers that are due."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.engine.clock import Clock
from bot.engine.handling import Handlers, Occasion
from bot.engine.persist import retried
from storage.database import Database, Unavailable
from storage.fence import NotActing
from storage.timers import Timer

log = structlog.get_logger(__name__)

BATCH = 200
LEASE = timedelta(seconds=60)
"""How long a claimed batch may take before it can be claimed again."""

RETRY = timedelta(seconds=5)
"""A timer that fails is tried again after this, for ever: none is ever given up."""


class DueTimers:
    """Claims due timers in batches; each is carried out in a transaction of its own.

    Args:
        before: Called before any deadline is judged: what people wrote comes first. Gives the
            instant up to which all that they wrote is known; None if nothing may be judged now.
        beat: Called after each timer.
    """

    def __init__(
        self,
        database: Database,
        handlers: Handlers,
        clock: Clock,
        before: Callable[[], Awaitable[datetime | None]],
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._clock = clock
        self._before = before
        self._beat = beat
        self._turn = asyncio.Lock()
        self._broken_off = False

    async def drain(self) -> int:
        """Carry out everything due that nobody else has claimed. Returns how many timers were.

        What people wrote before a deadline is stored and handled first.
        """
        carried_out = 0
        async with self._turn:
            if self._broken_off:
                # What we had claimed need not wait for its lease.
                async with self._database.transaction() as tx:
                    await tx.timers.free()
                self._broken_off = False
            while True:
                async with self._database.transaction(claims=True) as tx:
                    if not await tx.timers.waiting(self._clock.now()):
                        return carried_out
                known = await self._before()
                if known is None:
                    return carried_out
                async with self._database.transaction(claims=True) as tx:
                    now = min(known, self._clock.now())
                    claimed = await tx.timers.claim(now, BATCH, LEASE)
                if not claimed:
                    return carried_out
                try:
                    for timer in claimed:
                        await retried(partial(self._fire, timer))
                        self._beat()
                except Unavailable:
                    self._broken_off = True
                    raise
                carried_out += len(claimed)

    async def _fire(self, timer: Timer) -> None:
        try:
            async with self._database.transaction() as tx:
                if await tx.timers.fire(timer):
                    now = self._clock.now()
                    occasion = Occasion(timer.kind, timer.ref, timer.due, now)
                    await self._handlers.timer(tx, occasion)
        except (Unavailable, NotActing):
            raise  # the database's trouble or ours, not the timer's
        except Exception as error:  # an alarm's timer outlives any failure
            log.error("timer.failed", kind=timer.kind, error=type(error).__name__)
            async with self._database.transaction() as tx:
                await tx.timers.retry(timer, self._clock.now() + RETRY)
