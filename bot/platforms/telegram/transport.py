"""Keeps the bot's token out of everything that could write it down.

The Bot API wants the token in the path of each URL, and httpx logs URLs at INFO. So the library is
given a placeholder, and the token enters the URL here, below everything that logs, builds exception
texts or has a `repr`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

_BEFORE_BYTES = ("http11.send_request_headers.started", "http11.send_request_body.started")

PLACEHOLDER = "0:token"
"""What the library takes for the token."""


class Secret:
    """A string that shows itself only when asked."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(***)"

    def reveal(self) -> str:
        """The string itself."""
        return self._value

    def scrub(self, text: str) -> str:
        """`text` without the secret, for words that come from a server."""
        return text.replace(self._value, "***") if self._value else text


class TokenTransport(httpx.AsyncBaseTransport):
    """Puts the token in place of the placeholder and hands the request on.

    The request is copied, because httpx logs the URL of the original after the answer.
    """

    def __init__(
        self, inner: httpx.AsyncBaseTransport, token: Secret, permit: Callable[[], None]
    ) -> None:
        self._inner = inner
        self._token = token
        self._permit = permit

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry out `request`; raises what the inner transport raises."""
        path = request.url.raw_path.replace(
            PLACEHOLDER.encode(), self._token.reveal().encode(), 1
        )
        return await self._inner.handle_async_request(
            httpx.Request(
                request.method,
                request.url.copy_with(raw_path=path),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "trace": self._trace},
            )
        )

    async def _trace(self, event: str, _info: dict[str, Any]) -> None:
        """The last look before bytes leave: a process that was frozen since it decided to send, and
        that another one has replaced, must not. (httpcore's trace extension.)

        Asked for the body as well: a server does nothing before it has all of a request. What is
        left is the time from here until the kernel has the body, some 25 microseconds of ours.
        """
        if event in _BEFORE_BYTES:
            self._permit()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class QuietRequest(HTTPXRequest):
    """Requests whose answers are never logged: the library logs one that it cannot read, at ERROR,
    and an answer bears names and texts."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The answer as JSON; raises `TelegramError` if it is none."""
        try:
            answer = json.loads(payload)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise TelegramError("Invalid server response")
        return answer


def make_transport(
    token: Secret, *, connections: int, proxy: str | None, permit: Callable[[], None]
) -> TokenTransport:
    """What carries requests; proxies are taken from `proxy` alone, not from the environment."""
    inner = httpx.AsyncHTTPTransport(
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        proxy=httpx.Proxy(proxy) if proxy else None,
    )
    return TokenTransport(inner, token, permit)


def make_request(
    token: Secret,
    *,
    connections: int,
    connect: float,
    read: float,
    proxy: str | None,
    permit: Callable[[], None],
) -> QuietRequest:
    """A connection pool of its own; `connect` and `read` are time-outs in seconds.

    Waiting for a free connection counts as connecting: the request has not left us. Proxies are
    taken from `proxy` alone, not from the environment.
    """
    transport = make_transport(token, connections=connections, proxy=proxy, permit=permit)
    return QuietRequest(
        connection_pool_size=connections,
        connect_timeout=connect,
        pool_timeout=connect,
        read_timeout=read,
        write_timeout=read,
        media_write_timeout=3 * read,
        httpx_kwargs={"transport": transport},
    )
