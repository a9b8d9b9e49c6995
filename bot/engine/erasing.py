"""Erasing what the retention says, a little at a time."""

from __future__ import annotations

import asyncio

from bot.engine.clock import Clock
from storage.database import Database
from storage.retention import Keep

REST = 0.05
"""Seconds between two batches: alarms go first."""

MOST = 2_000
"""Batches at one time; what is left comes at the next."""


async def erase(database: Database, clock: Clock, keep: Keep) -> int:
    """Everything that is over for too long, and its traces in the database's log."""
    erased = 0
    for _ in range(MOST):
        async with database.transaction() as tx:
            batch = await tx.retention.erase(keep, clock.now())
        erased += batch
        if not batch:
            break
        await asyncio.sleep(REST)
    await database.forget(erased=erased > 0)
    return erased
