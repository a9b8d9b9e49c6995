"""A monitor outside, as healthchecks is: it raises an alarm when it is told so, or not pinged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from aiohttp import web


@dataclass(frozen=True)
class Ping:
    """One that came in: real Unix time, whether it said that all is well, and its words."""

    at: float
    well: bool
    words: str


@dataclass
class Outside:
    """Its address is `url`; what it heard is `pings`. `silent` lets it take pings and not answer."""

    patience: float
    url: str = ""
    pings: list[Ping] = field(default_factory=list)
    silent: bool = False
    peers: set[str | None] = field(default_factory=set)

    @classmethod
    @asynccontextmanager
    async def open(cls, patience: float = 180.0) -> AsyncIterator[Outside]:
        """One that raises an alarm after so many seconds without a ping."""
        outside = cls(patience)
        app = web.Application()
        app.router.add_route("*", "/ping/{end:.*}", outside._heard)  # as healthchecks does
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        outside.url = f"http://127.0.0.1:{runner.addresses[0][1]}/ping/secret-of-the-monitor"
        try:
            yield outside
        finally:
            await runner.cleanup()

    async def _heard(self, request: web.Request) -> web.Response:
        self.peers.add(request.remote)
        words = await request.text()
        fail = request.match_info["end"].endswith("/fail")
        self.pings.append(Ping(time.time(), not fail, words))
        if self.silent:
            await asyncio.Event().wait()
        return web.Response(text="OK")

    def well(self) -> list[Ping]:
        """Those that said that all is well."""
        return [ping for ping in self.pings if ping.well]

    def alarm(self, since: float = 0.0) -> float | None:
        """The first instant after `since` at which an alarm was raised; None if none was."""
        marks = [p.at for p in self.pings if not p.well and p.at > since]
        times = [*(p.at for p in self.pings), time.time()]
        for earlier, later in pairwise(times):
            if later - earlier > self.patience and earlier + self.patience > since:
                marks.append(earlier + self.patience)
        return min(marks, default=None)

    def findings(self, since: float = 0.0) -> set[str]:
        """What it was told of."""
        return {
            word for p in self.pings if not p.well and p.at > since for word in p.words.split()
        }
