"""Loops that outlive a database which fails: a full disk or a lock passes, and nothing may be lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from storage.database import ALONE, Conflict, Unavailable

log = structlog.get_logger(__name__)

WAITS = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts while the database fails."""

JOSTLE = 0.05
"""Seconds, at the most, before a transaction that was in another's way is tried again."""

T = TypeVar("T")


PATIENT = 2
"""How often something is tried beside the other processes before they have to wait for it."""

AS_ONE = 4
"""How often several things are tried in one transaction, the last times while others wait, before each
has its own: each alone is in the way many times as often."""


async def retried(work: Callable[[], Awaitable[T]], most: int | None = None) -> T:
    """`work()`, again as long as another process is in its way, or so many times at the `most`: then the
    `Conflict` is raised, as anything else is."""
    for _ in range(PATIENT):
        try:
            return await work()
        except Conflict:
            await asyncio.sleep(random.uniform(0, JOSTLE))  # nosec B311
    before = ALONE.set(True)
    try:
        tries = PATIENT
        while True:
            try:
                return await work()
            except Conflict:  # of what began before, or of a tool that asks for no fence
                tries += 1
                if most is not None and tries >= most:
                    raise
                await asyncio.sleep(random.uniform(0, JOSTLE))  # nosec B311
    finally:
        ALONE.reset(before)


async def persist(what: str, work: Callable[[], Awaitable[T]]) -> T:
    """`work()` until the database lets it; anything else that it raises is raised."""
    failures = 0
    while True:
        try:
            return await retried(work)
        except Unavailable as error:
            if failures == 0:
                log.error("database.unavailable", during=what, why=str(error))
            await asyncio.sleep(WAITS[min(failures, len(WAITS) - 1)])
            failures += 1
