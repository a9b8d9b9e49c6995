"""Loops that outlive a database which fails: a full disk or a lock passes, and nothing may be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from storage.database import Unavailable

log = structlog.get_logger(__name__)

WAITS = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts while the database fails."""

T = TypeVar("T")


async def persist(what: str, work: Callable[[], Awaitable[T]]) -> T:
    """`work()` until the database lets it; anything else that it raises is raised."""
    failures = 0
    while True:
        try:
            return await work()
        except Unavailable as error:
            if failures == 0:
                log.error("database.unavailable", during=what, why=str(error))
            await asyncio.sleep(WAITS[min(failures, len(WAITS) - 1)])
            failures += 1
