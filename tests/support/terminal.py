"""Somebody at a terminal: what they see there, and what they type.

The program has it as its controlling terminal (pty(7)), as it has where somebody logs in.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.command import PATIENCE

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-c", "from bot.start import main; main()"]
SIZE = struct.pack("HHHH", 60, 120, 0, 0)
"""Rows and columns."""

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Seat:
    """A terminal in which the program runs. `shown` is all that ever came out, as it came."""

    def __init__(self, process: asyncio.subprocess.Process, line: int) -> None:
        self._process = process
        self._line = line
        self.shown = ""
        self._read_to = 0
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(line, self._reads)

    @classmethod
    @asynccontextmanager
    async def taken(
        cls, *arguments: str, folder: Path, environment: Mapping[str, str]
    ) -> AsyncIterator[Seat]:
        """`acuerpa …` in `folder`; ended, however it stands."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, SIZE)
        process = await asyncio.create_subprocess_exec(
            *PROGRAM, *arguments,
            cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **environment},
        )  # fmt: skip
        os.close(theirs)
        seat = cls(process, ours)
        try:
            yield seat
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            asyncio.get_running_loop().remove_reader(ours)
            os.close(ours)

    @property
    def words(self) -> str:
        """What is to be read, without colours."""
        return ESCAPES.sub("", self.shown)

    async def sees(self, words: str) -> None:
        """Wait until it shows up, after what was seen before."""
        clock = asyncio.get_running_loop().time
        until = clock() + PATIENCE
        while (found := self.words.find(words, self._read_to)) < 0:
            ended = self._process.returncode is not None and not self._more.is_set()
            if ended or clock() > until:
                raise AssertionError(f"{words!r} is not in {self.words[self._read_to :]!r}")
            self._more.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), 0.5)
        self._read_to = found + len(words)

    async def types(self, words: str) -> None:
        """And Enter."""
        os.write(self._line, words.encode() + b"\r")

    async def answers(self, question: str, answer: str) -> None:
        """A question, and what is typed then."""
        await self.sees(question)
        await self.types(answer)

    async def interrupts(self) -> None:
        """Ctrl-C."""
        os.write(self._line, b"\x03")

    async def ends(self) -> int:
        """Wait for its end: its exit status."""
        async with asyncio.timeout(PATIENCE):
            status = await self._process.wait()
        await asyncio.sleep(0.1)  # the last words are on their way
        return status

    def _reads(self) -> None:
        with contextlib.suppress(OSError):  # the other side is gone
            piece = os.read(self._line, 65536)
            self.shown += piece.decode("utf-8", "replace").replace("\r\n", "\n")
            self._more.set()
            return
        asyncio.get_running_loop().remove_reader(self._line)
