"""Carrying out the timers that are due.

Many in one transaction: to commit takes as long as to carry out one (docs/en/performance.md). If any of
them fails, nothing of that transaction stays, and each is carried out alone, so that none undoes
another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

import structlog

from bot.engine.clock import Clock
from bot.engine.handling import Handlers, Occasion
from bot.engine.persist import AS_ONE, retried
from storage.database import Conflict, Database, Unavailable
from storage.fence import NotActing
from storage.timers import Timer
from storage.transaction import Transaction

log = structlog.get_logger(__name__)

BATCH = 500
LEASE = timedelta(seconds=60)
"""How long a claimed batch may take before it can be claimed again."""

RETRY = timedelta(seconds=5)
"""A timer that fails is tried again after this, for ever: none is ever given up."""


AT_ONCE = 200
"""Timers of one kind that are given to the handlers together where those ask for what they need once for
all of them (`Handlers.at_once`)."""

NOT_ALONE = 60
"""The same on PostgreSQL, where what a large transaction has read may conflict with what other processes
write."""

FEW = 25
"""The same for all other kinds, which take as long as there are of them: nobody has a turn meanwhile."""

TURN = 0.02
"""Seconds after which what was carried out is committed: others have their turn, the event loop too."""


class DueTimers:
    """Claims due timers in batches, and carries them out.

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
                carried_out += len(claimed)
                try:
                    while claimed:
                        claimed = claimed[await self._fire(claimed) :]
                except Unavailable:
                    self._broken_off = True
                    raise

    async def _fire(self, timers: Sequence[Timer]) -> int:
        """Carry out the first of these, as many as have time. Returns how many."""
        try:
            return await retried(partial(self._as_one, timers), AS_ONE)
        except Conflict:
            return await self._each(next(_of_one_kind(timers, self._most)))

    async def _as_one(self, timers: Sequence[Timer]) -> int:
        clock = asyncio.get_running_loop().time
        until = clock() + TURN
        tried = 0
        try:
            async with self._database.transaction() as tx:
                for some in _of_one_kind(timers, self._most):
                    tried += len(some)
                    await self._carry_out(tx, some)
                    if clock() >= until:
                        break
        except (NotActing, Unavailable):
            raise
        except Exception:
            return await self._each(timers[:tried])
        for _ in range(tried):
            self._beat()
        return tried

    async def _each(self, timers: Sequence[Timer]) -> int:
        """Each in its own transaction."""
        for timer in timers:
            await retried(partial(self._alone, timer))
            self._beat()
        return len(timers)

    def _most(self, kind: str) -> int:
        """How many of them are given to the handlers together."""
        if kind not in self._handlers.at_once:
            return FEW
        return AT_ONCE if self._database.sqlite else NOT_ALONE

    async def _carry_out(self, tx: Transaction, timers: Sequence[Timer]) -> None:
        """Some of one kind, of which none may have been moved meanwhile."""
        now = self._clock.now()
        there = await tx.timers.fire_all(timers)
        occasions = [Occasion(timer.kind, timer.ref, timer.due, now) for timer in there]
        if len(occasions) == 1:
            await self._handlers.timer(tx, occasions[0])
        elif occasions:
            await self._handlers.timers(tx, occasions)

    async def _alone(self, timer: Timer) -> None:
        try:
            async with self._database.transaction() as tx:
                await self._carry_out(tx, [timer])
        except (Unavailable, NotActing):
            raise  # the database's trouble or ours, not the timer's
        except Exception as error:  # an alarm's timer outlives any failure
            log.error("timer.failed", kind=timer.kind, error=type(error).__name__)
            async with self._database.transaction() as tx:
                await tx.timers.retry(timer, self._clock.now() + RETRY)


def _of_one_kind(
    timers: Sequence[Timer], most: Callable[[str], int]
) -> Iterator[Sequence[Timer]]:
    """In their order, as many at once as follow one another, and no more than `most` of that kind."""
    for kind, same in groupby(timers, key=lambda timer: timer.kind):
        rest, limit = list(same), most(kind)
        for start in range(0, len(rest), limit):
            yield rest[start : start + limit]
