"""Telling those outside whether all is well, without ever waiting for them.

Each watcher has a line of its own, on which news go out one after the other: one that is slow to
answer holds up neither the audit nor the others, and never hears old news after newer ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)

PATIENCE = 30.0
"""Seconds after which a watcher that does not answer is given up for this time."""


class Watcher(Protocol):
    """Whoever is told from outside whether we are well: a monitor, the service manager."""

    async def well(self) -> None:
        """All is well."""

    async def catching_up(self) -> None:
        """We have just begun and are late with something: neither well nor trouble yet."""

    async def trouble(self, findings: Iterable[str]) -> None:
        """It is not well: short words without any content."""


@dataclass(frozen=True, slots=True)
class News:
    """What one audit found. `settled` is false as long as being late is no finding yet."""

    findings: tuple[str, ...] = ()
    settled: bool = True


class Line:
    """The way to one watcher."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._news: News | None = None
        self._telling: asyncio.Task[None] | None = None

    def tell(self, news: News) -> None:
        """Tell it soon. Newer news replace those that still wait, but never hide their trouble."""
        if self._news is not None and self._news.findings:
            news = News(tuple(sorted({*self._news.findings, *news.findings})))
        self._news = news
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell())

    async def drained(self, within: float) -> None:
        """Wait until everything is told, at most so many seconds."""
        if self._telling is not None:
            await asyncio.wait({self._telling}, timeout=within)

    async def close(self) -> None:
        """Tell nothing more."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait({self._telling})

    async def _tell(self) -> None:
        while self._news is not None:
            news, self._news = self._news, None
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._tell_one(news)
            except Exception as error:  # whatever it is, the next news must go out
                log.warning("watcher.failed", error=type(error).__name__)

    async def _tell_one(self, news: News) -> None:
        if news.findings:
            await self._watcher.trouble(news.findings)
        elif news.settled:
            await self._watcher.well()
        else:
            await self._watcher.catching_up()
