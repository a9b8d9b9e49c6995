"""A server of somebody else's feeds, on this machine: what it is asked, and what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web


@dataclass
class Answer:
    """What is answered at one address; `pause` is how many seconds pass in the middle of it."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0


class FeedServer:
    """Answers with `pages`, by path; 404 for everything else. Use `async with`."""

    def __init__(self) -> None:
        self.pages: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        """Path and headers of each request."""
        self.peers: set[str | None] = set()
        """From where they came."""
        self._runner: web.AppRunner
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.peers.add(request.remote)
        self.asked.append((request.path_qs, dict(request.headers)))
        page = self.pages.get(request.path, Answer(status=404))
        marks = {page.headers.get("ETag"), page.headers.get("Last-Modified")} - {None}
        said = {request.headers.get("If-None-Match"), request.headers.get("If-Modified-Since")}
        if marks & said:
            return web.Response(status=304)
        response = web.StreamResponse(status=page.status, headers=dict(page.headers))
        await response.prepare(request)
        half = len(page.body) // 2
        await response.write(page.body[:half])
        if page.pause:
            await asyncio.sleep(page.pause)
        await response.write(page.body[half:])
        await response.write_eof()
        return response


def atom(*alerts: tuple[str, str], title: str = "Sierra Alerta") -> Answer:
    """A feed with these alerts, title and summary, the newest first."""
    entries = "".join(
        f"<entry><id>urn:alert:{name}</id><title>{name}</title><summary>{summary}</summary>"
        f'<link href="https://sierra.example/{len(summary)}"/>'
        "<updated>2026-11-17T10:00:00Z</updated></entry>"
        for name, summary in alerts
    )
    body = f'<feed xmlns="http://www.w3.org/2005/Atom"><title>{title}</title>{entries}</feed>'
    return Answer(body.encode(), headers={"Content-Type": "application/atom+xml"})
