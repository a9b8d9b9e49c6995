"""Processes that begin in milliseconds and die at a chosen statement of SQL.

`python -m tests.support.forks MODULE:FUNCTION` imports everything once; each line of JSON on its
standard input is a child that calls `await FUNCTION(arguments)` and is killed right before statement
number `die_at` (0: never), where a commit is one as well. The answer is one line: how the child ended and
how many statements ran.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy import event

STARTS = 60.0


class Forks:
    """The test's side. Use `async with await Forks.start("tests.proofs.keeping:migrate")`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, function: str) -> Self:
        """Import everything."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.forks", function,
            cwd=Path(__file__).parents[2],
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        await asyncio.wait_for(process.stdout.readline(), STARTS)
        return cls(process)

    async def run(self, die_at: int, **arguments: Any) -> tuple[bool, int]:
        """One child: whether it was killed, and how many statements it carried out."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"die_at": die_at, "arguments": arguments}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        status, statements = json.loads(await self._process.stdout.readline())
        if status not in (0, -signal.SIGKILL):
            raise AssertionError(f"the child ended with {status}")
        return status != 0, statements

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


def _serve(function: str) -> None:
    module, _, name = function.partition(":")
    work = getattr(importlib.import_module(module), name)
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            _live(work, order, write)
        os.close(write)
        _, status = os.waitpid(pid, 0)
        counted = os.read(read, 1 << 20)
        os.close(read)
        print(json.dumps([os.waitstatus_to_exitcode(status), len(counted)]), flush=True)


def _live(work: Any, order: dict[str, Any], count: int) -> None:
    ran = 0

    def before(*_: object) -> None:
        nonlocal ran
        ran += 1
        if ran == order["die_at"]:
            os.kill(os.getpid(), signal.SIGKILL)
        os.write(count, b".")

    event.listen(sa.Engine, "before_cursor_execute", before)
    event.listen(sa.Engine, "commit", before)
    try:
        asyncio.run(work(**order["arguments"]))
        os._exit(0)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)


if __name__ == "__main__":
    _serve(sys.argv[1])
