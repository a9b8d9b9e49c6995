"""The door of a sealed bot: a local socket at which somebody gives the passphrase.

The socket is for the account that runs the bot, and for root; the passphrase is in no argument, no
environment and no log. Until it is given, the outside watcher hears that the bot is locked.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import structlog

from storage.keys import Passphrase, WrongKey

log = structlog.get_logger(__name__)

LONGEST = 1024
"""Bytes of a passphrase."""

PATIENCE = 10.0
"""Seconds in which whoever connects must have said it."""

OPEN, WRONG = "open", "wrong"

T = TypeVar("T")


class DoorError(Exception):
    """The socket cannot be used. One line with the remedy."""


@asynccontextmanager
async def door(path: Path) -> AsyncIterator[asyncio.Queue[tuple[str, asyncio.Future[str]]]]:
    """Listen at `path`: each passphrase said there, and where to put what came of it."""
    said: asyncio.Queue[tuple[str, asyncio.Future[str]]] = asyncio.Queue()

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not _ours(writer.get_extra_info("socket")):
                return
            async with asyncio.timeout(PATIENCE):
                line = await reader.readline()
            answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            said.put_nowait((line.decode("utf-8", "replace").rstrip("\n"), answer))
            writer.write((await answer).encode() + b"\n")
            await writer.drain()
        except (TimeoutError, ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    path.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(visit, path, limit=LONGEST)
    except OSError as error:
        raise DoorError(
            f"keys.socket: cannot be made ({error.strerror}): choose another place"
        ) from error
    finally:
        os.umask(before)
    try:
        yield said
    finally:
        server.close()
        path.unlink(missing_ok=True)


async def unlocked(
    path: Path, attempt: Callable[[Passphrase], Awaitable[T]], locked: Callable[[], Awaitable[None]]
) -> T:
    """What `attempt` gives for the first passphrase that it takes.

    `locked` is called at once and then once a minute: somebody outside must know.
    """
    async with door(path) as said:
        log.warning("locked", remedy="acuerpa unlock")
        telling = asyncio.create_task(_tell(locked))
        try:
            while True:
                passphrase, answer = await said.get()

                async def given(words: str = passphrase) -> str:
                    return words

                try:
                    opened = await attempt(Passphrase(given))
                except WrongKey:
                    log.warning("unlock.wrong")
                    _tell_visitor(answer, WRONG)
                except BaseException:
                    _tell_visitor(answer, WRONG)
                    raise
                else:
                    log.info("unlocked")
                    _tell_visitor(answer, OPEN)
                    await asyncio.sleep(0)  # the answer leaves before the door is closed
                    return opened
        finally:
            telling.cancel()


def _tell_visitor(answer: asyncio.Future[str], word: str) -> None:
    if not answer.done():
        answer.set_result(word)


async def _tell(locked: Callable[[], Awaitable[None]]) -> None:
    while True:
        await locked()
        await asyncio.sleep(60)


async def unlock(path: Path, passphrase: str) -> bool:
    """Say it at the door. False if it is the wrong one. Raises `DoorError`."""
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError as error:
        raise DoorError(
            f"keys.socket: nobody waits there ({error.strerror}): is the bot started and still locked?"
        ) from error
    writer.write(passphrase.encode() + b"\n")
    answer = (await reader.readline()).decode().strip()
    writer.close()
    if not answer:
        raise DoorError("keys.socket: no answer: look at the bot's log")
    return answer == OPEN


def _ours(peer: socket.socket) -> bool:
    """Whether the other side is this program's account, or root."""
    size = struct.calcsize("3i")
    _, user, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return user in (os.geteuid(), 0)
