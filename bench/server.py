"""A Bot API server that takes little of the processor, so that it is the bot which is measured.

`python -m bench.server` prints its port. It accepts what any chat is sent, remembers when and to
whom, and refuses what is too fast with 429 as Telegram does. The server of the tests
(`tests.fakes.botapi`) knows people and faults, and takes ten times as long for a message.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import deque
from itertools import cycle
from typing import Any
from urllib.parse import parse_qsl

BURST = 1.1
"""Seconds of the allowed rate that may come at once."""

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_PATH = re.compile(rb"/(?:bot[^/]+|control)/(\w+)(?:\?(\S*))?")


class World:
    """What was asked and what was answered."""

    def __init__(self) -> None:
        self.accepted: list[tuple[float, int, str]] = []
        self.refused = 0
        self.number = 0
        self.updates: deque[tuple[int, bytes]] = deque()
        self.next_update = 1
        self.waiting: asyncio.Future[None] | None = None
        self.rate = 0.0
        self.tokens = 0.0
        self.filled = time.monotonic()

    def limit(self, rate: float) -> None:
        """So many messages a second from now on; 0 is any number."""
        self.rate, self.tokens, self.filled = rate, rate * BURST, time.monotonic()

    def may(self) -> bool:
        """Whether one more may come now."""
        if not self.rate:
            return True
        now = time.monotonic()
        self.tokens = min(self.rate * BURST, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens < 1:
            self.refused += 1
            return False
        self.tokens -= 1
        return True


class Connection(asyncio.Protocol):
    """HTTP/1.1, one request after the other."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._read, 0, end)
            last = end + 4 + (int(found[1]) if found else 0)
            if len(self._read) < last:
                return
            head, body = self._read[:end], self._read[end + 4 : last]
            self._read = self._read[last:]
            path = _PATH.search(head)
            assert path is not None, head
            method, query = path[1].decode().lower(), (path[2] or b"").decode()
            if method == "getupdates":
                asyncio.ensure_future(self._poll(_parameters(head, body, query)))  # noqa: RUF006
            else:
                self._answer(*self._call(method, head, body))

    def _call(self, method: str, head: bytes, body: bytes) -> tuple[int, bytes]:
        world = self._world
        if method in ("sendmessage", "editmessagetext"):
            if not world.may():
                words = b'"error_code":429,"description":"Too Many Requests: retry after 1"'
                return 429, b'{"ok":false,%b,"parameters":{"retry_after":1}}' % words
            given = _parameters(head, body, "")
            chat = int(given["chat_id"])
            world.number += 1
            world.accepted.append((time.time(), chat, method))
            told = {
                "message_id": world.number, "date": int(time.time()), "text": given["text"],
                "chat": {"id": chat, "type": "private", "first_name": "Ana"},
            }  # fmt: skip
            return 200, b'{"ok":true,"result":%b}' % json.dumps(told).encode()
        if method == "getme":
            me = {
                "id": 1, "is_bot": True, "first_name": "B", "username": "b_bot",
                "can_join_groups": True, "can_read_all_group_messages": False,
                "supports_inline_queries": False,
            }  # fmt: skip
            return 200, b'{"ok":true,"result":%b}' % json.dumps(me).encode()
        if method.startswith("control"):
            return 200, json.dumps(self._control(json.loads(body))).encode()
        return 200, b'{"ok":true,"result":true}'

    def _control(self, order: dict[str, Any]) -> Any:
        world = self._world
        match order["do"]:
            case "write":  # each of these chats says one of the texts
                for chat, text in zip(order["chats"], cycle(order["texts"])):
                    message = {
                        "message_id": 1, "date": int(time.time()), "text": text,
                        "chat": {"id": chat, "type": "private", "first_name": "Ana"},
                        "from": {"id": chat, "is_bot": False, "first_name": "Ana"},
                    }  # fmt: skip
                    update = {"update_id": world.next_update, "message": message}
                    world.updates.append((world.next_update, json.dumps(update).encode()))
                    world.next_update += 1
                if world.waiting is not None and not world.waiting.done():
                    world.waiting.set_result(None)
            case "limit":
                world.limit(order["rate"])
            case "forget":
                world.accepted.clear()
                world.refused = 0
            case "look":
                since = order.get("since", 0)
                return {
                    "accepted": world.accepted[since:], "count": len(world.accepted),
                    "refused": world.refused, "waiting": len(world.updates),
                }  # fmt: skip
        return {}

    async def _poll(self, given: dict[str, Any]) -> None:
        world = self._world
        offset = int(given.get("offset", 0))
        while world.updates and world.updates[0][0] < offset:
            world.updates.popleft()
        if not world.updates and (patience := float(given.get("timeout", 0))):
            world.waiting = asyncio.get_running_loop().create_future()
            await asyncio.wait({world.waiting}, timeout=patience)
        some = [world.updates[n][1] for n in range(min(100, len(world.updates)))]
        self._answer(200, b'{"ok":true,"result":[%b]}' % b",".join(some))

    def _answer(self, status: int, body: bytes) -> None:
        self._transport.write(
            b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (status, len(body), body)
        )


def _parameters(head: bytes, body: bytes, query: str) -> dict[str, Any]:
    given: dict[str, Any] = dict(parse_qsl(query))
    if b"application/json" in head:
        given |= json.loads(body)
    elif body:
        given |= dict(parse_qsl(body.decode()))
    return given


async def main() -> None:
    """Serve until killed."""
    world = World()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(world), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
