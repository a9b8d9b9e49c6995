"""Time that moves only when told: for the sandbox's clock and for simulated time."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.engine.engine import Engine
from storage.database import Database


class SteppedClock:
    """Stands still until it is moved, and never goes back."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """The instant, in UTC."""
        return self._at

    def move(self, to: datetime) -> timedelta:
        """It is `to` now, if that is later. Returns how much time passed."""
        before, self._at = self._at, max(self._at, to)
        return self._at - before


class Stepper:
    """Moves a clock through everything that falls due, in its order, each thing at its instant."""

    def __init__(self, engine: Engine, database: Database, clock: SteppedClock) -> None:
        self._engine = engine
        self._database = database
        self._clock = clock

    async def next_due(self) -> datetime | None:
        """When the next timer or message is due, or None."""
        async with self._database.transaction() as tx:
            dues = [
                await tx.timers.next_due(), await tx.outbox.next_due(),
                await tx.files.next_due(),
            ]  # fmt: skip
            if self._engine.follows:
                dues.append(await tx.following.next_due())
        return min((due for due in dues if due is not None), default=None)

    async def until(self, end: datetime) -> None:
        """Move to `end`, stopping at each instant at which something is due."""
        await self._engine.settle()
        while (due := await self.next_due()) is not None and due <= end:
            before = self._clock.now()
            self._engine.ran(self._clock.move(due))
            await self._engine.settle()
            if due <= before and await self.next_due() == due:
                break  # it cannot be carried out now: time must not stand still for it
        self._engine.ran(self._clock.move(end))
        await self._engine.settle()
