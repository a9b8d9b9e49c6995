"""Backups: one more whenever the newest is old enough, outside of any transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.engine.clock import Clock
from storage.database import Unavailable
from storage.fence import NotActing

log = structlog.get_logger(__name__)

LOOK = 60.0
"""Seconds between two looks whether one is due."""

AFTER_FAILURE = timedelta(minutes=15)
"""How long after one that failed the next is tried."""

FIRST = timedelta(hours=1)
"""How long after a start there may be none at all."""

TOO_OLD = 1.5
"""How many times what lies between two of them the newest may be old until somebody is told."""

OLD = "backup_old"
"""The finding."""


class Backing(Protocol):
    """What makes backups, and knows which there are."""

    every: timedelta
    """Between two of them."""

    async def newest(self) -> datetime | None:
        """When the newest was taken. Raises `OSError` where that cannot be seen."""

    async def make(self, now: datetime) -> None:
        """One more. What it raises says why there is none, in words without content."""


class Keeper:
    """Has them made in time, and knows whether the newest is too old."""

    def __init__(self, backing: Backing, clock: Clock) -> None:
        self._backing = backing
        self._clock = clock
        self._began: datetime | None = None
        self._failed: datetime | None = None
        self.newest: datetime | None = None
        """When the newest was taken, as far as is known."""

    async def look(self) -> bool:
        """Make one if it is time. Returns whether one was made."""
        now = self._clock.now()
        self._began = self._began or now
        try:
            self.newest = await self._backing.newest()
            if not self._is_time(now):
                return False
            await self._backing.make(now)
        except (Unavailable, NotActing):
            raise
        except Exception as error:
            # Whatever it is, no alarm may wait for it; the auditor tells the operators in time.
            why = error.strerror if isinstance(error, OSError) else str(error)
            log.error("backup.failed", why=why or type(error).__name__)
            self._failed = now
            return False
        self._failed, self.newest = None, now
        return True

    def _is_time(self, now: datetime) -> bool:
        if self._failed is not None and timedelta(0) <= now - self._failed < AFTER_FAILURE:
            return False
        # One of the future says nothing: the clock was another one then.
        return self.newest is None or not timedelta(0) <= now - self.newest < self._backing.every

    def findings(self) -> list[str]:
        """`backup_old`, or nothing."""
        now = self._clock.now()
        if self.newest is not None:
            old = now - self.newest > TOO_OLD * self._backing.every
        else:
            old = self._began is not None and now - self._began > FIRST
        return [OLD] if old else []
