"""HTTP to the Bot API on aiohttp, with the bot's token out of everything that could write it down.

python-telegram-bot brings a transport on httpx, which takes several times as much of the processor
for a message (docs/en/performance.md). This one takes its place behind the library's own interface.

The Bot API wants the token in the path of each URL. So both libraries are given a placeholder, and
the token enters the request here, below everything that logs, builds exception texts or has a
`repr`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, cast

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection
from aiohttp.payload import BytesPayload
from telegram._utils.defaultvalue import DefaultValue
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

from bot.proxies import Proxy, connector

PLACEHOLDER = "0:token"
"""What the libraries take for the token."""

_PIECE = 64 * 1024
"""Bytes of a body that leave at once. Only a longer one can have to wait for the other side."""

_JSON = "application/json"
_NOTHING = "application/x-www-form-urlencoded"
"""What a request is said to hold that has no content; nothing is not JSON."""


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


class NoAnswer(Exception):
    """A request that got no whole answer.

    `left`: some of it may have left us. If nothing has, nobody can have carried it out. `why` is the
    name of an exception, never its words: they may hold an address.
    """

    def __init__(self, why: str, *, left: bool) -> None:
        super().__init__(why)
        self.why = why
        self.left = left


class TooLong(Exception):
    """An answer is longer than asked for."""


File = tuple[str, bytes, str]
"""Name, content and kind."""


class Parameters:
    """What a method of the Bot API is called with; what is None is left out.

    The library has objects for all that is sent and all that comes back. To make them takes longer
    than everything else about a message (docs/en/performance.md), and we want one number of the answer.

    Args:
        files: By the parameters in whose place they are.
    """

    def __init__(
        self, values: Mapping[str, Any], files: Mapping[str, File] | None = None
    ) -> None:
        self.parameters = {name: value for name, value in values.items() if value is not None}
        self.multipart_data = files or {}
        self.contains_files = bool(files)

    @property
    def json_parameters(self) -> dict[str, str]:
        """Each as a form has it."""
        return {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in self.parameters.items()
        }


class Body(BytesPayload):
    """The body of one request, which writes its first line as well and knows whether any of it left.

    The library keeps the headers back until the body is written, so that nothing leaves before
    `write_piece`. It is written once: the library would send a GET again whose connection was closed.
    """

    def __init__(
        self, content: bytes, kind: str, token: Secret, permit: Callable[[], None]
    ) -> None:
        super().__init__(b"", content_type=kind)
        self._value = content
        self._size = len(content)
        self._token = token
        self._permit = permit
        self._over = False
        self.left = False
        self.request: Request | None = None
        self.connection: Connection | None = None

    def give_up(self) -> None:
        """Nobody waits for an answer any more: what has not left must not leave."""
        self._over = True

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """See `Payload.write_with_length`. Always all of it: it is as long as was announced."""
        request = self.request
        if request is None or self.left:
            raise ConnectionResetError
        # What was prepared with the placeholder is kept back until now; this takes its place.
        path = request.url.raw_path_qs.replace(PLACEHOLDER, self._token.reveal(), 1)
        await writer.write_headers(f"{request.method} {path} HTTP/1.1", request.headers)
        for start in range(0, max(self._size or 0, 1), _PIECE):
            await self.write_piece(writer, self._value[start : start + _PIECE])

    async def write_piece(self, writer: AbstractStreamWriter, piece: bytes) -> None:
        """Hand some of it to the kernel, right after the last look.

        A process that was frozen since it decided to send, and that another one has replaced, must
        not. Each piece is asked for: a server does nothing before it has all of a request. What is
        left is the time from here until the kernel has it, some 25 microseconds of ours.
        """
        transport = self.connection.transport if self.connection is not None else None
        if self._over or transport is None or transport.is_closing():
            raise ConnectionResetError
        self._permit()
        self.left = True
        await writer.write(piece)


class Request(aiohttp.ClientRequest):
    """A request of the library whose body is told where it goes."""

    async def write_bytes(
        self, writer: AbstractStreamWriter, conn: Connection, content_length: int | None = None
    ) -> None:
        """See `ClientRequest.write_bytes`."""
        if isinstance(self._body, Body):
            self._body.request, self._body.connection = self, conn
        await super().write_bytes(writer, conn, content_length)


class Requests(BaseRequest):
    """A connection pool of its own; `connect` and `read` are time-outs in seconds.

    Waiting for a free connection counts as connecting: the request has not left us. Proxies are
    taken from `proxy` alone, not from the environment, and names are looked up by the proxy.

    Args:
        proxy: What all connections go through; None is none.
        permit: Asked right before bytes leave; it raises if this process may not act.
    """

    def __init__(
        self,
        token: Secret,
        *,
        connections: int,
        connect: float,
        read: float,
        proxy: Proxy | None,
        permit: Callable[[], None],
    ) -> None:
        self._token = token
        self._connections = connections
        self._connect = connect
        self._read = read
        self._proxy = proxy
        self._permit = permit
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        """Seconds without a byte of the answer, unless a call says otherwise."""
        return self._read

    async def initialize(self) -> None:
        """Open the pool; safe to call twice."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=connector(self._proxy, limit=self._connections),
                request_class=Request,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={hdrs.USER_AGENT: self.USER_AGENT},
                trust_env=False,
            )

    async def shutdown(self) -> None:
        """Close the pool; safe to call twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """See `BaseRequest.do_request`: status and content of the answer.

        Of the time-outs only that for reading can be given: nobody has use for another. Raises
        `NetworkError` from `NoAnswer`.
        """
        read = self._read if isinstance(read_timeout, DefaultValue) else float(read_timeout)
        body = await self._body(request_data)
        try:
            return await self._ask(method, url, body, read, None)
        except TimeoutError as error:
            raise TimedOut from _no_answer(error, body)
        except Exception as error:
            raise NetworkError(type(error).__name__) from _no_answer(error, body)

    async def call(
        self, url: str, values: Mapping[str, Any], files: Mapping[str, File] | None = None
    ) -> Any:
        """The result of a method. Raises what `post` does."""
        return await self.post(url, cast(RequestData, Parameters(values, files)))

    async def download(self, url: str, limit: int) -> tuple[int, bytes]:
        """Status and content of a file.

        Raises `TooLong` once it is longer than `limit` bytes, and `NoAnswer`.
        """
        body = Body(b"", _NOTHING, self._token, self._permit)
        try:
            return await self._ask("GET", url, body, self._read, limit)
        except TooLong:
            raise
        except Exception as error:
            raise _no_answer(error, body) from None

    async def _ask(
        self, method: str, url: str, body: Body, read: float, limit: int | None
    ) -> tuple[int, bytes]:
        session = self._session
        if session is None:
            raise ConnectionError("closed")
        long = (body.size or 0) > _PIECE
        try:
            # The library has no time-out for writing, in which only a long body can get stuck.
            async with (
                asyncio.timeout(2 * self._connect + 4 * read if long else None),
                session.request(
                    method,
                    url,
                    data=body,
                    headers={hdrs.ACCEPT_ENCODING: "identity"} if limit is not None else None,
                    allow_redirects=False,
                    timeout=_timeout(self._connect, read),
                ) as answer,
            ):
                if limit is None:
                    return answer.status, await answer.read()
                content = bytearray()
                async for piece in answer.content.iter_any():
                    content += piece
                    if len(content) > limit:
                        raise TooLong
                return answer.status, bytes(content)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # Not this task: the pool was closed, for which the library cancels who waits for a place.
            raise ConnectionError("closed") from None
        finally:
            body.give_up()

    async def _body(self, data: RequestData | None) -> Body:
        """Files make a form of it (https://core.telegram.org/bots/api#making-requests)."""
        if data is None:
            return Body(b"", _NOTHING, self._token, self._permit)
        if not data.contains_files:
            content = json.dumps(data.parameters).encode("ascii")
            return Body(content, _JSON, self._token, self._permit)
        # A file's name as it is: in quotes and percents Telegram would show those.
        form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
        for name, value in data.json_parameters.items():
            form.add_field(name, value)
        for name, (filename, file, kind) in data.multipart_data.items():
            form.add_field(name, file, filename=filename, content_type=kind)
        multipart = form()
        content = await multipart.as_bytes()
        return Body(content, multipart.content_type, self._token, self._permit)

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The answer as JSON; raises `TelegramError` if it is none.

        The library's own would log one that it cannot read, at ERROR, and an answer bears names and
        texts.
        """
        try:
            answer = json.loads(payload)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise TelegramError("Invalid server response")
        return answer


@lru_cache
def _timeout(connect: float, read: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(connect=2 * connect, sock_connect=connect, sock_read=read)


def _no_answer(error: Exception, body: Body) -> NoAnswer:
    return NoAnswer(type(error.__cause__ or error).__name__, left=body.left)
