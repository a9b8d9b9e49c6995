"""HTTP: the Bot API, the files, and the control of the tests."""

from __future__ import annotations

import asyncio
import inspect
import re
from typing import Any

from aiohttp import web

from tests.fakes.botapi.control import ACTIONS
from tests.fakes.botapi.errors import (
    ApiError,
    bad_request,
    forbidden,
    method_not_found,
    too_many_requests,
    unauthorized,
    upgraded,
)
from tests.fakes.botapi.faults import Fault, Kind
from tests.fakes.botapi.log import BY
from tests.fakes.botapi.methods import METHODS
from tests.fakes.botapi.params import Params, read_params
from tests.fakes.botapi.people import Impossible
from tests.fakes.botapi.state import World

_UPLOAD_LIMIT = 50 * 1024 * 1024
_TRICKLE = 0.05
"""Seconds between two bytes."""
_TOKEN = re.compile(r"\d+:[\w-]+", re.ASCII)
_WORLD = web.AppKey("world", World)


def make_app(world: World) -> web.Application:
    """The application that serves `world`."""
    app = web.Application(client_max_size=_UPLOAD_LIMIT)
    app[_WORLD] = world
    app.router.add_route("*", "/bot{token:[^/]+}/{method}", _api)
    app.router.add_route("*", "/as/{who}/bot{token:[^/]+}/{method}", _api)
    app.router.add_get("/file/bot{token:[^/]+}/{path:.+}", _file)
    app.router.add_post("/control/{action}", _control)
    return app


async def _api(request: web.Request) -> web.StreamResponse:
    """One call: authorise, carry out or fail as ordered, and log how it ended."""
    world = request.app[_WORLD]
    BY.set(request.match_info.get("who", ""))
    method = request.match_info["method"].lower()
    params = Params()
    try:
        _authorise(world, request.match_info["token"])
        if method not in METHODS:
            raise method_not_found()
        params = await read_params(request)
        fault = world.faults.take(method, params.text("chat_id") or None)
        if fault is not None and not fault.after:
            return await _fail(request, fault, params)
        result: Any = await METHODS[method](world, params)
        if fault is not None:
            return await _fail(request, fault, params)
    except ApiError as error:
        _log(request, params, error.code, error.description)
        return web.json_response(error.body(), status=error.code)
    _log(request, params, 200, "")
    return web.json_response({"ok": True, "result": result})


def _authorise(world: World, token: str) -> None:
    if not _TOKEN.fullmatch(token):
        raise ApiError(404, "Not Found")
    if world.revoked or token != world.token:
        raise unauthorized()


async def _fail(request: web.Request, fault: Fault, params: Params) -> web.StreamResponse:
    """End the call as ordered."""
    after = "after" if fault.after else "before"
    match fault.kind:
        case Kind.TOO_MANY:
            raise too_many_requests(fault.retry_after)
        case Kind.INTERNAL:
            raise ApiError(500, "Internal Server Error")
        case Kind.BLOCKED:
            raise forbidden("bot was blocked by the user")
        case Kind.NOT_FOUND:
            raise bad_request("chat not found")
        case Kind.REJECTED:
            raise bad_request("can't parse entities: unsupported start tag")
        case Kind.MIGRATED:
            raise upgraded(fault.new_chat)
    _log(request, params, 0, f"{fault.kind.value} {after}")
    if fault.kind is Kind.BAD_GATEWAY:
        return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
    if fault.kind is Kind.GARBAGE:
        return web.Response(text="<html>", content_type="text/html")
    if fault.kind is Kind.TIMEOUT:
        await asyncio.Event().wait()  # until the client hangs up, which cancels this
    if fault.kind is Kind.TRICKLE:
        return await _trickle(request)
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _trickle(request: web.Request) -> web.StreamResponse:
    """White space, of which JSON may have any amount, until the client has had enough."""
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    await answer.prepare(request)
    while True:
        await answer.write(b" ")
        await asyncio.sleep(_TRICKLE)


def _log(request: web.Request, params: Params, status: int, words: str) -> None:
    request.app[_WORLD].log.write(
        "request",
        method=request.match_info["method"],
        chat=params.text("chat_id"),
        status=status,
        description=words,
        peer=request.remote,
    )


async def _file(request: web.Request) -> web.StreamResponse:
    world = request.app[_WORLD]
    try:
        _authorise(world, request.match_info["token"])
    except ApiError as error:
        return web.json_response(error.body(), status=error.code)
    for stored in world.files.values():
        if stored.path == request.match_info["path"]:
            return web.Response(body=stored.content)
    raise web.HTTPNotFound


async def _control(request: web.Request) -> web.StreamResponse:
    """409 with the reason if a person could not do that."""
    action = ACTIONS[request.match_info["action"]]
    try:
        answer = action(request.app[_WORLD], **await request.json())
        if inspect.isawaitable(answer):
            answer = await answer
    except (Impossible, KeyError, TypeError) as error:
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=409)
    return web.json_response(answer)
