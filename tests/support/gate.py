"""A door in front of a server: shut, nobody gets through, and the server knows nothing of it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Self


class Gate:
    """Hands bytes on to `port` on loopback. Use `async with await Gate.to(port)`.

    `url` is what to connect to; it stays the same while the gate is shut and opened again.
    """

    def __init__(self, port: int) -> None:
        self._behind = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    @classmethod
    async def to(cls, port: int) -> Self:
        """An open one."""
        made = cls(port)
        await made.open()
        return made

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def open(self) -> None:
        """Let everyone through."""
        self._server = await asyncio.start_server(self._through, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Connections are refused from now on, and those that exist are torn down."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shut()

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._behind)
        self._open |= {writer, back}
        try:
            await asyncio.gather(_pour(reader, back), _pour(there, writer))
        finally:
            self._open -= {writer, back}
            for end in (writer, back):
                end.transport.abort()


async def _pour(out_of: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await out_of.read(65536):
            into.write(data)
            await into.drain()
        into.write_eof()
