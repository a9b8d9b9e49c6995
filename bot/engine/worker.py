"""Handling stored events, one after the other, each in one transaction with what it causes.

When many wait, several are handled in one transaction: to commit takes as long as to handle one
(docs/en/performance.md). If any of them fails, nothing of that transaction stays, and each is handled
alone; and so is what has failed before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import takewhile

import structlog

from bot.engine.clock import Clock
from bot.engine.handling import Handlers
from bot.engine.persist import AS_ONE, retried
from bot.platforms.base import Incoming, Platform, RawEvent
from storage.database import Conflict, Database, Unavailable
from storage.fence import NotActing
from storage.inbox import Stored
from storage.transaction import Transaction

log = structlog.get_logger(__name__)

TRIES = 3
"""How often an event may fail before it is set aside."""

BATCH = 50

TURN = 0.02
"""Seconds after which what was handled is committed: others have their turn, the event loop too."""

PATIENCE = 10.0
"""Seconds after which handling one event counts as failed: the others wait behind it."""


class Worker:
    """Takes events from the inbox and gives them to the handlers.

    Args:
        beat: Called after each event: to handle thousands takes minutes, and is not standing still.
    """

    def __init__(
        self,
        database: Database,
        platforms: Mapping[str, Platform],
        handlers: Handlers,
        clock: Clock,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._beat = beat
        self._platforms = platforms
        self._handlers = handlers
        self._clock = clock
        self._turn = asyncio.Lock()

    async def drain(self) -> int:
        """Handle everything that is waiting. Returns how many events were."""
        handled = 0
        async with self._turn:
            while True:
                async with self._database.transaction() as tx:
                    waiting = await tx.inbox.waiting(BATCH)
                if not waiting:
                    return handled
                handled += len(waiting)
                while waiting:
                    waiting = waiting[await self._handle(waiting) :]

    async def _handle(self, waiting: Sequence[Stored]) -> int:
        """The first of these, as many as have time. Returns how many."""
        if waiting[0].attempts:
            return await self._each(waiting[:1])
        try:
            return await retried(partial(self._as_one, waiting), AS_ONE)
        except Conflict:
            return await self._each(waiting[:1])

    async def _as_one(self, waiting: Sequence[Stored]) -> int:
        clock = asyncio.get_running_loop().time
        until = clock() + TURN
        tried = 0
        try:
            async with self._database.transaction() as tx:
                for stored in takewhile(lambda stored: not stored.attempts, waiting):
                    tried += 1
                    await self._apply(tx, stored, self._parse(stored))
                    if clock() >= until:
                        break
        except (NotActing, Unavailable):
            raise
        except Exception:
            return await self._each(waiting[:tried])
        for _ in range(tried):
            self._beat()
        return tried

    async def _each(self, waiting: Sequence[Stored]) -> int:
        """Each in its own transaction."""
        for stored in waiting:
            await retried(partial(self._alone, stored))
            self._beat()
        return len(waiting)

    async def _apply(self, tx: Transaction, stored: Stored, incoming: Incoming | None) -> None:
        now = self._clock.now()
        if await tx.inbox.done(stored.id, now) and incoming is not None:
            async with asyncio.timeout(PATIENCE):
                await self._handlers.incoming(tx, incoming, now)
            if tx.forget_event:
                await tx.inbox.empty(stored.id)
                tx.wipe_log = True
                tx.forget_event = False

    async def _alone(self, stored: Stored) -> None:
        """One event. A failure is counted, and the next event has its turn first."""
        incoming: Incoming | None = None
        try:
            incoming = self._parse(stored)
            async with self._database.transaction() as tx:
                await self._apply(tx, stored, incoming)
        except (Unavailable, NotActing):
            raise  # the database's trouble or ours, not the event's
        except Exception as error:  # any failure at all is kept and shown, none may stop the bot
            # The exception's text may hold what a person wrote: its kind and place must do.
            where = _place(error)
            log.error("event.failed", row=stored.id, error=type(error).__name__, at=where)
            await self._failed(stored, incoming, f"{type(error).__name__} at {where}")

    async def _failed(self, stored: Stored, incoming: Incoming | None, why: str) -> None:
        """Count it, and set it aside with its announcement.

        What spoilt the event may spoil its announcement as well: then only the operators are told,
        and if that fails too, nobody. Otherwise it would never be set aside, and stop everything.
        """
        for announce, event in ((True, incoming), (True, None), (False, None)):
            try:
                async with self._database.transaction() as tx:
                    if await tx.inbox.failed(stored.id, why, tries=TRIES):
                        if announce:
                            await self._handlers.set_aside(tx, event, self._clock.now())
                        log.error("event.set_aside", row=stored.id)
                return
            except (Unavailable, NotActing):
                raise
            except Exception as error:
                if not announce:
                    raise  # the database itself: nothing can be kept now
                name = type(error).__name__
                log.error("event.not_announced", row=stored.id, error=name, at=_place(error))

    def _parse(self, stored: Stored) -> Incoming | None:
        platform = self._platforms.get(stored.platform)
        if platform is None:
            raise LookupError("the platform of this event is not configured any more")
        return platform.parse(RawEvent(stored.event_id, stored.chat, stored.raw))


def _place(error: BaseException) -> str:
    """File and line where it was raised, without any content."""
    trace = error.__traceback__
    if trace is None:
        return "?"
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
