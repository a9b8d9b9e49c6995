"""The bot's process: the real engine with the real loops, and an end at any point."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any
from unittest.mock import patch

from bot.engine import engine as engine_module
from bot.engine import outbox as outbox_module
from bot.engine import receiver as receiver_module
from bot.engine.engine import Engine
from handlers.router import Router
from handlers.settings import Settings
from storage.tables import EPOCH
from tests.simulation.loop import SimulatedClock
from tests.simulation.server import Client, Limits, Server
from tests.simulation.sqlite import Memory, MemoryDatabase

LIMITS = Limits(per_second=25.0, per_chat=1.0, per_group=0.3, concurrency=8)
FOR_EVER = 1e7
EVERY = 1.0
"""Seconds between two looks at what is due and cannot be done yet, as in the real loops."""


@contextmanager
def never_idle() -> Iterator[None]:
    """The loops that look again every second are called here when there is something to see."""
    with (
        patch.object(engine_module, "LOOK_AGAIN", FOR_EVER),
        patch.object(outbox_module, "IDLE", FOR_EVER),
        patch.object(outbox_module, "RECOVERY", 600.0),
        patch.object(receiver_module, "LONG_POLL", FOR_EVER),
    ):
        yield


TIMER_DUE = "SELECT min(max(due, coalesce(lease_until, 0))) FROM timers"
ROW_DUE = (
    "SELECT min(CASE state WHEN 'queued' THEN not_before ELSE lease_until END) FROM outbox o "
    "WHERE platform = ? AND state IN ('queued', 'leased', 'sending') AND NOT EXISTS ("
    "SELECT 1 FROM outbox t WHERE t.key = o.target AND t.state IN ('queued', 'leased', 'sending'))"
)


class Killed(BaseException):
    """SIGKILL: no handler of the program's may catch it."""


class Life:
    """Whether the process is alive; each of its points asks."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._left: int | None = None
        self.alive = True
        self.over = asyncio.Event()
        self.died_at = ""

    def end_after(self, points: int) -> None:
        """The process ends at the point after that many more."""
        self._left = points

    def end(self, where: str = "between") -> None:
        """It ends now."""
        if self.alive:
            self.alive, self.died_at = False, where
            self.over.set()

    async def point(self, name: str) -> None:
        """A place in the program at which it may end, or another of its tasks have its turn."""
        if self.alive and self._left is not None:
            self._left -= 1
            if self._left < 0:
                self.end(name)
        if not self.alive:
            raise Killed
        if name == "begin":
            for _ in range(self._rng.randrange(3)):
                await asyncio.sleep(0)
            if not self.alive:
                raise Killed


class Bot(Engine):
    """The engine, whose ticks come when a timer is due, and not every second."""

    def __init__(self, process: Process, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._process = process

    def _begin_ticks(self) -> Callable[[], object]:
        return asyncio.create_task(self._ticks()).cancel

    async def _ticks(self) -> None:
        process = self._process
        while True:
            process.due.clear()
            await self._guarded(self.tick)()
            process.ticked_at = process.clock.now()
            process.ready_at = process.ready_at or process.ticked_at
            process.look_ahead()
            await process.due.wait()
            # In between, ticks of every second would have found nothing.
            self.ran(process.clock.now() - process.ticked_at)

    def wakes(self, platform: str) -> Callable[[], None]:
        """What to call when there is something to send."""
        return self._dispatchers[[*self.platforms].index(platform)].wake


class Process:
    """One run of the program over the installation's data."""

    def __init__(
        self,
        memory: Memory,
        servers: list[Server],
        settings: Settings,
        clock: SimulatedClock,
        rng: Random,
    ) -> None:
        self.clock = clock
        self.life = Life(rng)
        self.began_at = clock.now()
        self.ready_at: datetime | None = None
        self.due = asyncio.Event()
        self.ticked_at = self.began_at
        self._raw: sqlite3.Connection = memory.raw
        self._loop = asyncio.get_running_loop()
        self._servers = servers
        self._seen = -1
        self._calls: dict[str, tuple[asyncio.TimerHandle, int]] = {}
        self._outside = asyncio.all_tasks()
        database = MemoryDatabase(memory, self._point)
        clients = [Client(server, self.life.point, LIMITS) for server in servers]
        self.engine = Bot(self, database, clients, Router(settings), clock, steady=self._loop.time)
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            await self.engine.run({})
        except BaseExceptionGroup as error:
            if error.split(Killed)[1] is not None:
                raise
        except Killed:
            pass

    async def _point(self, name: str) -> None:
        await self.life.point(name)
        if name == "committed":
            self.look_ahead()

    def look_ahead(self) -> None:
        """Set the alarm clocks that stand for looking every second."""
        if self._raw.total_changes == self._seen:
            return  # none has rung, and nothing is other than it was
        self._seen = self._raw.total_changes
        (due,) = self._raw.execute(TIMER_DUE).fetchone()
        self._call("", due, self.due.set)
        for server in self._servers:
            (row,) = self._raw.execute(ROW_DUE, (server.name,)).fetchone()
            self._call(server.name, row, self.engine.wakes(server.name))

    def _call(self, name: str, due: int | None, call: Callable[[], None]) -> None:
        """Call when it is due; what stays due although it was called for, every second."""
        old, was = self._calls.get(name, (None, None))
        if due == was and old is not None and self._loop.time() < old.when():
            return
        if old is not None:
            old.cancel()
        if due is None:
            self._calls.pop(name, None)
            return
        at = self.clock.seconds(EPOCH + timedelta(microseconds=due))
        soonest = self._loop.time() + (EVERY if due == was else 0.0)
        self._calls[name] = self._loop.call_at(max(at, soonest), self._ring, call), due

    def _ring(self, call: Callable[[], None]) -> None:
        self._seen = -1
        call()

    async def gone(self) -> None:
        """Nothing of the process is left; what was not committed never was."""
        self.life.end()
        for handle, _ in self._calls.values():
            handle.cancel()
        while mine := asyncio.all_tasks() - self._outside:
            for task in mine:
                task.cancel()
            await asyncio.gather(*mine, return_exceptions=True)
        if self._raw.in_transaction:
            self._raw.rollback()
        if self.task.done() and not self.task.cancelled() and (error := self.task.exception()):
            raise error


def beat(raw: sqlite3.Connection, at: datetime) -> None:
    """The heartbeat row, as a process that lived until then has left it."""
    with raw:
        raw.execute(
            "UPDATE facts SET value = ? WHERE name = 'heartbeat'", (at.isoformat().encode(),)
        )
