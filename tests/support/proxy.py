"""A bad network between the bot and a homeserver: an HTTP proxy on loopback that goes wrong on order.

What a request meets is decided by its first line (`PUT /_matrix/client/v3/rooms/...`). Each request
has a connection of its own to the server, so that one that is broken breaks no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Self
from urllib.parse import unquote, urlsplit

_DRIP = 0.003
"""Seconds between two bytes of an answer that drips."""
_DRIPPED = 400
"""Bytes that drip; the rest comes at once, since what is slow is slow by then."""
_REFUSED = b'{"errcode": "M_UNKNOWN", "error": "the proxy says so"}'
_NOT_HERE = b'{"errcode": "M_FORBIDDEN", "error": "the proxy says so"}'


class Trouble(Enum):
    """What a request may meet."""

    NONE = auto()
    RESET_BEFORE = auto()  # the connection is reset before the server hears of it
    RESET_AFTER = auto()  # the server did what was asked, and its answer is lost with a reset
    DRIP = auto()  # the answer comes byte by byte
    SILENT = auto()  # taken, and never answered, nor passed on
    ERROR = auto()  # answered with 500
    FORBIDDEN = auto()  # answered with 403


@dataclass
class Rule:
    """Trouble for requests whose first line holds all of `words`; for the first `times` of them."""

    trouble: Trouble
    words: tuple[str, ...]
    times: float
    met: int = 0

    def applies(self, line: str) -> bool:
        """Whether this request meets it."""
        return self.met < self.times and all(word in line for word in self.words)


@dataclass
class Proxy:
    """Use `async with Proxy(server.url) as proxy`; `url` is where the bot finds the server."""

    target: str
    url: str = ""
    requests: list[str] = field(default_factory=list)
    _rules: list[Rule] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _port: int = 0
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()

    def make(self, trouble: Trouble, *words: str, times: float = float("inf")) -> Rule:
        """From now on requests with all these words meet it, the first `times` of them."""
        rule = Rule(trouble, words, times)
        self._rules.append(rule)
        return rule

    def calm(self) -> None:
        """No more trouble; what is silent already stays so."""
        self._rules.clear()

    async def up(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def down(self) -> None:
        """Refuse connections, and break those that there are."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self.breaks()

    async def breaks(self) -> None:
        """Every connection that there is now is reset."""
        tasks = set(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- one connection ---

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while head := await _head(reader):
                line = unquote(head.split(b"\r\n", 1)[0].decode())
                self.requests.append(line)
                body = await reader.readexactly(_length(head))
                if not await self._answer(self._trouble(line), head, body, reader, writer):
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            _reset(writer)

    def _trouble(self, line: str) -> Trouble:
        for rule in self._rules:
            if rule.applies(line):
                rule.met += 1
                return rule.trouble
        return Trouble.NONE

    async def _answer(
        self, trouble: Trouble, head: bytes, body: bytes,
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
    ) -> bool:  # fmt: skip
        """False if the connection is to be reset."""
        match trouble:
            case Trouble.RESET_BEFORE:
                return False
            case Trouble.SILENT:
                await reader.read()  # until the other side has had enough
                return False
            case Trouble.ERROR:
                await _write(writer, _response(500, _REFUSED))
            case Trouble.FORBIDDEN:
                await _write(writer, _response(403, _NOT_HERE))
            case _:
                answer = await self._ask(head, body, reader)
                if trouble is Trouble.RESET_AFTER:
                    return False
                if trouble is Trouble.DRIP:
                    for byte in answer[:_DRIPPED]:
                        await _write(writer, bytes([byte]))
                        await asyncio.sleep(_DRIP)
                    answer = answer[_DRIPPED:]
                await _write(writer, answer)
        return True

    async def _ask(self, head: bytes, body: bytes, client: asyncio.StreamReader) -> bytes:
        """The server's whole answer; given up if the one who asked goes away."""
        target = urlsplit(self.target)
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
        try:
            lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
            kept = [line for line in lines if not line.lower().startswith(b"connection:")]
            writer.write(b"\r\n".join([*kept, b"Connection: close"]) + b"\r\n\r\n" + body)
            await writer.drain()
            answer = await _head(reader)
            content = await reader.read()
            return _kept_alive(answer, content)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return b""


def _headers(head: bytes) -> dict[str, str]:
    pairs = (line.partition(b":") for line in head.split(b"\r\n")[1:] if line)
    return {name.decode().lower(): value.decode().strip() for name, _, value in pairs}


def _length(head: bytes) -> int:
    return int(_headers(head).get("content-length", 0))


def _kept_alive(head: bytes, content: bytes) -> bytes:
    """The answer with a length of its own, so that the connection can go on."""
    headers = _headers(head)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        content = _unchunked(content)
    status = head.split(b"\r\n", 1)[0]
    left = ("transfer-encoding", "content-length", "connection")
    kept = [f"{name}: {value}".encode() for name, value in headers.items() if name not in left]
    length = f"content-length: {len(content)}".encode()
    return b"\r\n".join([status, *kept, length]) + b"\r\n\r\n" + content


def _unchunked(content: bytes) -> bytes:
    whole = b""
    while content:
        size, _, content = content.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        whole += content[:length]
        content = content[length + 2 :]
    return whole


def _response(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} No\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST in place of FIN: the other side sees a reset, not an end."""
    sock: socket.socket | None = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


