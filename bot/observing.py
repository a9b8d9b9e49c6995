"""Hearing of what the engine does, without a word of what it is about.

The engine is given handlers and platforms, and knows nothing of this: `observed_handlers` and
`observed_platform` stand between, and tell an `Observer` how often and how long. What an observer
hears are names of platforms and lanes and of how things ended, which are ours, and numbers; never
who, where or what.
"""

from __future__ import annotations

from datetime import datetime
from time import perf_counter
from typing import Any, Protocol, cast

from bot.domain.lanes import Lane
from bot.engine.handling import Ended, Handlers, Occasion
from bot.platforms.base import Batch, Incoming, Outgoing, Platform, Receipt, Result
from storage.outbox import Row
from storage.transaction import Transaction


class Observer(Protocol):
    """Whoever counts. Each call is on the way of a message: it must cost next to nothing."""

    def received(self, platform: str, events: int) -> None:
        """A platform gave so many events."""

    def handled(self, platform: str, seconds: float, *, failed: bool) -> None:
        """The handlers took so long for one event."""

    def fired(self, late: float, seconds: float, *, failed: bool) -> None:
        """A timer was carried out, so many seconds after it was due."""

    def attempted(self, platform: str, result: Result, seconds: float) -> None:
        """A platform was asked to take something."""

    def ended(self, platform: str, lane: Lane, end: Ended, delay: float) -> None:
        """A message came to its end so many seconds after it was queued."""


class _Behind:
    """Whatever is not observed is as it is."""

    def __init__(self, real: Any, observer: Observer) -> None:
        self._real = real
        self._observer = observer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Handlers(_Behind):
    async def incoming(self, tx: Transaction, event: Incoming, now: datetime) -> None:
        began, failed = perf_counter(), True
        try:
            await self._real.incoming(tx, event, now)
            failed = False
        finally:
            self._observer.handled(event.platform, perf_counter() - began, failed=failed)

    async def timer(self, tx: Transaction, occasion: Occasion) -> None:
        began, failed = perf_counter(), True
        try:
            await self._real.timer(tx, occasion)
            failed = False
        finally:
            late = (occasion.now - occasion.due).total_seconds()
            self._observer.fired(late, perf_counter() - began, failed=failed)

    async def ended(
        self, tx: Transaction, row: Row, end: Ended, result: Result, now: datetime
    ) -> None:
        delay = (now - row.created_at).total_seconds()
        self._observer.ended(row.platform, row.lane, end, delay)
        await self._real.ended(tx, row, end, result, now)


class _Platform(_Behind):
    async def receive(self, cursor: str | None, wait: float) -> Batch:
        batch: Batch = await self._real.receive(cursor, wait)
        if batch.events:
            self._observer.received(str(self._real.name), len(batch.events))
        return batch

    async def send(self, message: Outgoing) -> Receipt:
        began = perf_counter()
        receipt: Receipt = await self._real.send(message)
        self._observer.attempted(str(self._real.name), receipt.result, perf_counter() - began)
        return receipt


def observed_handlers(handlers: Handlers, observer: Observer | None) -> Handlers:
    """The same handlers; what they do is counted if there is somebody who counts."""
    return handlers if observer is None else cast(Handlers, _Handlers(handlers, observer))


def observed_platform(platform: Platform, observer: Observer | None) -> Platform:
    """The same platform; what it gives and takes is counted if there is somebody who counts."""
    return platform if observer is None else cast(Platform, _Platform(platform, observer))


