"""The process: see the package."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from pathlib import Path

from tests.fakes.socks import SOURCE
from tests.fakes.socks.server import Refused, greeted, wanted

NOT_FOUND, NOT_REACHED, GRANTED = 4, 5, 0
"""Replies (RFC 1928, section 6)."""


def _route(text: str) -> tuple[str, tuple[str, int]]:
    name, _, to = text.partition("=")
    host, _, port = to.rpartition(":")
    return name, (host, int(port))


async def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="tests.fakes.socks")
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--name", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--route", type=_route, action="append", default=[])
    given = parser.parse_args()
    routes = dict(given.route)
    log = given.log.open("a", encoding="utf-8", buffering=1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, Refused):
            username = await greeted(reader, writer, given.name, given.password)
            host, port, kind = await wanted(reader)
            to = routes.get(f"{host}:{port}")
            reply = NOT_FOUND
            if to is not None:
                try:
                    there = await asyncio.open_connection(*to, local_addr=(SOURCE, 0))
                    reply = GRANTED
                except OSError:
                    reply = NOT_REACHED
            asked = {"host": host, "port": port, "kind": kind, "as": username, "reply": reply}
            log.write(json.dumps(asked) + "\n")
            writer.write(bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))
            if reply == GRANTED:
                await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", given.port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await source.read(1 << 16):
            sink.write(piece)
            await sink.drain()
    sink.close()


asyncio.run(main())
