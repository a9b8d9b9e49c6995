"""The processes that are measured: each has its own, and what it took is asked of the system."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp

ROOT = Path(__file__).parents[1]
TOKEN = "1:token"  # noqa: S105
_TICK = os.sysconf("SC_CLK_TCK")
PATIENCE = 180.0


class Process:
    """A child. Use `async with Process.run(...)`."""

    def __init__(self, child: asyncio.subprocess.Process, out: Path, began: float) -> None:
        self._child = child
        self._out = out
        self.began = began

    @classmethod
    @asynccontextmanager
    async def run(cls, *arguments: str, out: Path) -> AsyncIterator[Self]:
        """`python arguments…`, whose output is in `out`; ended at the end."""
        began = time.time()
        with out.open("wb") as file:
            child = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, cwd=ROOT, stdout=file, stderr=file
            )
        made = cls(child, out, began)
        try:
            yield made
        finally:
            await made.end()

    async def end(self) -> None:
        """Kindly, and then not."""
        if self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._child.wait(), 15)
            except TimeoutError:
                self._child.kill()
                await self._child.wait()

    async def finished(self) -> str:
        """Wait for its end, and what it said. Raises `RuntimeError` if it failed."""
        status = await asyncio.wait_for(self._child.wait(), PATIENCE)
        if status:
            raise RuntimeError(self.said[-3000:])
        return self.said

    @property
    def said(self) -> str:
        """So far."""
        return self._out.read_text("utf-8", "replace")

    def alive(self) -> None:
        """Raises `RuntimeError` if it is not."""
        if self._child.returncode is not None:
            raise RuntimeError(f"it ended ({self._child.returncode}): {self.said[-3000:]}")

    @property
    def cpu(self) -> float:
        """Seconds of the processor so far, its threads and the kernel's part for it included."""
        fields = Path(f"/proc/{self._child.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    @property
    def memory(self) -> float:
        """The most megabytes that it held so far: what it shares with others of its kind counts."""
        for line in Path(f"/proc/{self._child.pid}/status").read_text("ascii").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("it is gone")


class Api:
    """A server of `bench.server`, in a process of its own."""

    def __init__(self, process: Process, port: int, session: aiohttp.ClientSession) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self._session = session

    @classmethod
    @asynccontextmanager
    async def run(cls, folder: Path, name: str = "api") -> AsyncIterator[Self]:
        """One that has just started."""
        out = folder / f"{name}.out"
        async with (
            Process.run("-m", "bench.server", out=out) as process,
            aiohttp.ClientSession() as session,
        ):
            await until(lambda: process.said.strip(), process)
            yield cls(process, int(process.said), session)

    async def control(self, do: str, **more: Any) -> Any:
        """See `bench.server`."""
        async with self._session.post(f"{self.url}/control/control", json={"do": do, **more}) as a:
            return json.loads(await a.read())

    async def accepted(self, count: int, process: Process) -> list[tuple[float, int, str]]:
        """Wait until so many messages were accepted, and which they were: when, chat, method."""
        end = time.monotonic() + PATIENCE
        while (await self.control("look", since=1 << 40))["count"] < count:
            process.alive()
            if time.monotonic() > end:
                raise RuntimeError(f"not all arrived: {process.said[-2000:]}")
            await asyncio.sleep(0.02)
        return [tuple(line) for line in (await self.control("look"))["accepted"]]

    async def reached(
        self, chats: Iterable[int], process: Process, patience: float = PATIENCE
    ) -> list[tuple[float, int, str]]:
        """Wait until each of these chats has a message, and all that were accepted until then."""
        found: list[tuple[float, int, str]] = []
        missing = set(chats)
        end = time.monotonic() + patience
        while missing:
            process.alive()
            if time.monotonic() > end:
                raise RuntimeError(f"{len(missing)} had nothing: {process.said[-2000:]}")
            await asyncio.sleep(0.1)
            new = (await self.control("look", since=len(found)))["accepted"]
            found += [tuple(line) for line in new]
            missing -= {chat for _, chat, _ in new}
        return found


async def until(done: Callable[[], Any], process: Process) -> None:
    """Poll."""
    end = time.monotonic() + PATIENCE
    while not done():
        process.alive()
        if time.monotonic() > end:
            raise RuntimeError(process.said[-2000:])
        await asyncio.sleep(0.01)


@contextlib.contextmanager
def a_folder() -> Any:
    """On the disk: a commit must wait for it, as in real life."""
    with tempfile.TemporaryDirectory(prefix="acuerpa-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        yield Path(name)
