"""The page's server: static files, a few actions as JSON, and a stream of what changes.

Bind it to loopback only. The stream (server-sent events) begins with the whole town (`state`),
then tells `news`, `clock` and `milestones` as they come; a page that lost it simply asks again.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from importlib.resources import files
from typing import Any
from weakref import WeakSet

from aiohttp import web

from bot.platforms.base import Attachment
from bot.platforms.sandbox.control import (
    SPEEDS,
    ClockControl,
    Milestones,
    Restart,
    no_milestones,
)
from bot.platforms.sandbox.guard import add_headers, guard
from bot.platforms.sandbox.town import Town
from bot.platforms.sandbox.view import clock_view, milestones_view, news, whole

LANGUAGES = ("es", "en")
"""Languages of the page."""

TICK = 1.0
"""Seconds between two looks at the clock and the milestones, without news."""

RETRY = b"retry: 1000\n\n"
"""Milliseconds after which a page that lost the stream asks for it again."""

LONGEST_JUMP = timedelta(days=31)
LARGEST_REQUEST = 32 * 1024**2
"""Bytes; a file of 20 MB fits in base64."""

PAGE = {
    "index.html": "text/html",
    "style.css": "text/css",
    "icon.svg": "image/svg+xml",
    "weave.svg": "image/svg+xml",
    "app.js": "text/javascript",
    "chat.js": "text/javascript",
    "clock.js": "text/javascript",
    "elements.js": "text/javascript",
    "message.js": "text/javascript",
    "tabs.js": "text/javascript",
    "tour.js": "text/javascript",
    "words.js": "text/javascript",
}
"""The page's files, all beside this one in `page/`."""

PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Attachments that the browser may show; all others are only offered for download."""


def sandbox_app(
    town: Town,
    clock: ClockControl,
    *,
    zone: str = "America/Mexico_City",
    language: str = "es",
    milestones: Milestones = no_milestones,
    restart: Restart | None = None,
) -> web.Application:
    """The application to be served.

    `zone` (IANA) is that of the times shown. `language` is the one in which the town's people
    speak at first; `restart`, without which there is no such button, may begin anew in another.
    """
    server = _Server(town, clock, zone, language, milestones, restart)
    app = web.Application(middlewares=[guard], client_max_size=LARGEST_REQUEST)
    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(server.close_streams)
    app.router.add_get("/", _file("index.html"))
    for name in PAGE:
        app.router.add_get(f"/{name}", _file(name))
    app.router.add_get("/live", server.live)
    app.router.add_get("/files/{message}/{index:\\d+}", server.attachment)
    for path, action in (
        ("write", server.write),
        ("other", server.other),
        ("file", server.file),
        ("press", server.press),
        ("speed", server.speed),
        ("jump", server.jump),
        ("next", server.next),
        ("restart", server.restart),
    ):
        app.router.add_post(f"/{path}", action)
    return app


class _Server:
    def __init__(
        self,
        town: Town,
        clock: ClockControl,
        zone: str,
        language: str,
        milestones: Milestones,
        restart: Restart | None,
    ) -> None:
        self._town = town
        self._clock = clock
        self._zone = zone
        self._language = language
        self._milestones = milestones
        self._restart = restart
        self._moving = asyncio.Lock()
        self._streams: WeakSet[asyncio.Task[Any]] = WeakSet()

    # --- what the page is told ----------------------------------------------------------------

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Everything, and then what changes, until the page goes."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        task = asyncio.current_task()
        assert task is not None
        self._streams.add(task)
        try:
            await response.write(RETRY)
            await self._tell(response)
        except ConnectionError:
            pass  # the page was closed
        return response

    async def _tell(self, response: web.StreamResponse) -> None:
        layout, steps, version = "", None, 0
        while True:
            if self._town.layout != layout:
                layout, version = self._town.layout, self._town.version
                state = whole(self._town, self._zone, self._language)
                await _event(response, "state", {**state, "restart": self._restart is not None})
            else:
                changes = self._town.since(version)
                version = changes.version
                if changes.messages or changes.toasts:
                    await _event(response, "news", news(changes))
            await _event(response, "clock", clock_view(self._clock))
            now = milestones_view(await self._milestones())
            if now != steps:
                steps = now
                await _event(response, "milestones", now)
            try:
                async with asyncio.timeout(TICK):
                    await self._town.changed(version)
            except TimeoutError:
                pass

    async def close_streams(self, app: web.Application) -> None:
        """Else the server would wait for pages that stay open."""
        for task in list(self._streams):
            task.cancel()

    async def attachment(self, request: web.Request) -> web.Response:
        """A file of a message."""
        with _refusals():
            message = self._town.message(request.match_info["message"])
            file = message.attachments[int(request.match_info["index"])]
        shown = file.mime in PICTURES
        return web.Response(
            body=file.content,
            content_type=file.mime if shown else "application/octet-stream",
            headers={"Content-Disposition": "inline" if shown else "attachment"},
        )

    # --- what the page asks for ---------------------------------------------------------------

    async def write(self, request: web.Request) -> web.Response:
        """A person writes, in private or in a group."""
        asked = await _json(request)
        with _refusals():
            message = self._town.writes(
                _text(asked, "person"),
                _text(asked, "text"),
                chat=_text_or_none(asked, "chat"),
                edited=_text_or_none(asked, "edited"),
            )
        return web.json_response({"id": message.id})

    async def other(self, request: web.Request) -> web.Response:
        """A person sends something that is no text."""
        asked = await _json(request)
        with _refusals():
            message = self._town.sends_other(
                _text(asked, "person"), _text(asked, "what"), chat=_text_or_none(asked, "chat")
            )
        return web.json_response({"id": message.id})

    async def file(self, request: web.Request) -> web.Response:
        """A person sends a photo or a document; `content` is in base64."""
        asked = await _json(request)
        try:
            content = base64.b64decode(_text(asked, "content"), validate=True)
        except ValueError:
            raise _refusal("content: base64") from None
        mime = _text_or_none(asked, "mime") or "application/octet-stream"
        with _refusals():
            message = self._town.sends_file(
                _text(asked, "person"),
                Attachment(_text(asked, "name"), mime, content),
                what="photo" if mime in PICTURES else "document",
                chat=_text_or_none(asked, "chat"),
            )
        return web.json_response({"id": message.id})

    async def press(self, request: web.Request) -> web.Response:
        """A person presses a button."""
        asked = await _json(request)
        with _refusals():
            press = self._town.presses(
                _text(asked, "person"), _text(asked, "message"), _text(asked, "data")
            )
        return web.json_response({"id": press})

    async def speed(self, request: web.Request) -> web.Response:
        """The clock runs faster or slower."""
        speed = (await _json(request)).get("speed")
        if speed not in SPEEDS:
            raise _refusal(f"speed: one of {SPEEDS}")
        self._clock.set_speed(speed)
        return web.json_response(clock_view(self._clock))

    async def jump(self, request: web.Request) -> web.Response:
        """The clock moves forward by `seconds`."""
        seconds = (await _json(request)).get("seconds")
        if type(seconds) is not int or not 0 < seconds <= LONGEST_JUMP.total_seconds():
            raise _refusal("seconds: a whole number, at most 31 days")
        async with self._moving:
            await self._clock.jump(timedelta(seconds=seconds))
        return web.json_response(clock_view(self._clock))

    async def next(self, request: web.Request) -> web.Response:
        """The clock moves to what is due next; `found` is false if nothing is."""
        async with self._moving:
            at = await self._clock.next_event()
        return web.json_response({**clock_view(self._clock), "found": at is not None})

    async def restart(self, request: web.Request) -> web.Response:
        """The demo begins anew, in a language of the page."""
        language = (await _json(request)).get("language")
        if self._restart is None or language not in LANGUAGES:
            raise _refusal("language: es or en, where the demo can begin anew")
        async with self._moving:
            self._language = language
            await self._restart(language)
        return web.json_response(clock_view(self._clock))


def _file(name: str) -> Any:
    async def serve(request: web.Request) -> web.Response:
        body = files(__package__).joinpath("page", name).read_bytes()
        return web.Response(body=body, content_type=PAGE[name], charset="utf-8")

    return serve


async def _event(response: web.StreamResponse, name: str, data: object) -> None:
    await response.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())


async def _json(request: web.Request) -> Mapping[str, Any]:
    try:
        asked = await request.json()
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise _refusal("a JSON object is expected")
    return asked


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not value.strip():
        raise _refusal(f"{name}: a text that is not empty")
    return value


def _text_or_none(asked: Mapping[str, Any], name: str) -> str | None:
    return None if asked.get(name) is None else _text(asked, name)


def _refusal(why: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=f"{why}\n")


@contextmanager
def _refusals() -> Iterator[None]:
    """What the town refuses is said to the page."""
    try:
        yield
    except PermissionError as error:
        raise web.HTTPForbidden(text=f"{error}\n") from None
    except LookupError as error:
        raise web.HTTPNotFound(text=f"{error}\n") from None
