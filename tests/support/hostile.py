"""A hostile homeserver: a real one, behind a proxy on loopback that changes its answers.

Everything that the bot sends to it is kept, so that a test can look for what must not leave.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web


@dataclass(frozen=True)
class Changed:
    """What is answered in place of what the homeserver says; `raw` is sent as it is."""

    status: int
    body: Any = field(default_factory=dict)
    raw: bytes | None = None


Change = Callable[[str, str, Any], Any]
"""Method, path and the JSON that the homeserver answered; the JSON to give, or a `Changed`."""


class HostileServer:
    """The proxy; `url` is what the bot is told, `change` what is done to answers."""

    def __init__(self, behind: str) -> None:
        self._behind = behind
        self._runner: web.AppRunner | None = None
        self._http: aiohttp.ClientSession | None = None
        self.url = ""
        self.change: Change | None = None
        self.sent: list[tuple[str, bytes]] = []

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._http = aiohttp.ClientSession(auto_decompress=True)
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        """End it."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._http is not None:
            await self._http.close()

    def leaked(self, canary: bytes) -> list[str]:
        """Where the canary left in the clear: paths and bodies of all that was sent."""
        return [
            where for where, body in self.sent if canary in body or canary.decode() in where
        ]

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.sent.append((f"{request.method} {request.raw_path}", body))
        assert self._http is not None
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() in ("authorization", "content-type")
        }
        try:
            async with self._http.request(
                request.method,
                self._behind + request.raw_path,
                data=body or None,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=60),
            ) as answer:
                given = await answer.read()
                status, kind = answer.status, answer.content_type
        except (aiohttp.ClientError, TimeoutError):
            return web.Response(status=502)
        if self.change is None or kind != "application/json":
            return web.Response(status=status, body=given, content_type=kind)
        changed = self.change(request.method, request.raw_path, json.loads(given))
        if not isinstance(changed, Changed):
            changed = Changed(status, changed)
        out = changed.raw if changed.raw is not None else json.dumps(changed.body).encode()
        return web.Response(status=changed.status, body=out, content_type="application/json")


def everywhere(value: Any, of_event: Callable[[Mapping[str, Any]], Any]) -> Any:
    """The same answer with each event in it given through `of_event`; None takes it out."""
    if isinstance(value, list):
        made = (everywhere(item, of_event) for item in value)
        return [item for item in made if item is not None]
    if isinstance(value, dict):
        if isinstance(value.get("type"), str) and "content" in value:
            return of_event(value)
        return {key: everywhere(item, of_event) for key, item in value.items()}
    return value
