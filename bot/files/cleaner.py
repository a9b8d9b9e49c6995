"""Metadata removed: what the rest of the program calls.

This process never looks inside a file. It gives the bytes to another one (`bot.files.opener`), which
has no rights and a deadline, and takes what that one gives back.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from bot.files.exchange import LONGEST_LINE, order, read_answer
from bot.files.values import MEGA, Cleaned, Limits, Reason, Refused

log = structlog.get_logger(__name__)

OPENER = Path(__file__).with_name("opener.py")
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1"}
"""All that the other process sees of ours: no secrets, no names, no paths."""


class Cleaner:
    """Cleans one file at a time, so that files never take more memory than one file may."""

    def __init__(self, limits: Limits | None = None, opener: Path = OPENER) -> None:
        self._limits = limits or Limits()
        self._opener = opener
        self._most = self._limits.size + LONGEST_LINE
        self._turn = asyncio.Lock()

    async def cleaned(self, content: bytes, name: str) -> Cleaned:
        """The same image or document without its metadata, or why there is none.

        `name` is the one that the file came with. It decides nothing but whether something without a
        signature is a text, and goes no further: the file leaves under `Clean.name`. Raises nothing
        for any content. May take as long as the limits say, and others wait for their turn: not to be
        awaited inside a transaction.
        """
        result = await self._cleaned(content, text=name.lower().endswith(".txt"))
        if isinstance(result, Refused):
            log.info("file.refused", reason=result.reason.value)
        return result

    async def _cleaned(self, content: bytes, *, text: bool) -> Cleaned:
        if not content:
            return self._refused(Reason.EMPTY)
        if len(content) > self._limits.size:
            return self._refused(Reason.TOO_LARGE)
        async with self._turn:
            try:
                with TemporaryDirectory(prefix="acuerpa-", ignore_cleanup_errors=True) as empty:
                    return await self._opened(content, text, empty)
            except OSError as error:  # no process, no descriptors, no room for a folder
                log.error("file.no_opener", error=type(error).__name__)
                return self._refused(Reason.UNAVAILABLE)

    async def _opened(self, content: bytes, text: bool, folder: str) -> Cleaned:
        opener = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-B", str(self._opener), *order(self._limits, text=text),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL, cwd=folder, env=ENVIRONMENT,
        )  # fmt: skip
        try:
            async with asyncio.timeout(self._limits.seconds):
                answer = await self._exchange(opener, content)
                await opener.wait()
        except TimeoutError:
            return self._refused(Reason.TOO_HEAVY)
        finally:
            if opener.returncode is None:
                opener.kill()
                await opener.wait()
        return self._read(answer, opener.returncode)

    async def _exchange(self, opener: asyncio.subprocess.Process, content: bytes) -> bytes:
        """Give the file, take the answer; no more of it than an answer can be."""
        if opener.stdin is None or opener.stdout is None:
            raise TypeError("the opener has no pipes")
        try:
            opener.stdin.write(content)
            await opener.stdin.drain()
            opener.stdin.close()
        except (BrokenPipeError, ConnectionResetError):
            pass  # it died, or had heard enough; its answer or its end says which
        answer = bytearray()
        while len(answer) <= self._most and (more := await opener.stdout.read(1 << 16)):
            answer += more
        if len(answer) > self._most:
            opener.kill()
        return bytes(answer)

    def _read(self, answer: bytes, code: int | None) -> Cleaned:
        if code == -signal.SIGKILL and len(answer) <= self._most:
            return self._refused(Reason.TOO_HEAVY)  # the kernel's limit on time or memory
        result = read_answer(answer) if code == 0 else None
        if result is None:
            log.error("file.opener_crashed", code=code)
            return self._refused(Reason.CRASHED)
        return self._refused(result) if isinstance(result, Reason) else result

    def _refused(self, reason: Reason) -> Refused:
        limit = {
            Reason.TOO_LARGE: self._limits.size // MEGA,
            Reason.TOO_MANY_PIXELS: self._limits.pixels // MEGA,
            Reason.TOO_MANY_PAGES: self._limits.pages,
        }
        return Refused(reason, limit.get(reason, 0))
