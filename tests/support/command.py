"""The program as an operator starts it: `acuerpa run` in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.stage_bot import acuerpa

PATIENCE = 40.0
"""Seconds in which anything must have happened, on a busy machine too."""


class Command:
    """One process, and what it wrote to standard error."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log

    @classmethod
    @asynccontextmanager
    async def run(
        cls, config: Path, *options: str, environment: Mapping[str, str] | None = None
    ) -> AsyncIterator[Command]:
        """Start it, and end it however it stands."""
        log = config.parent / f"command-{os.urandom(4).hex()}.log"
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                *acuerpa("run", "--config", str(config), *options),
                stdout=out, stderr=out, env={**os.environ, **(environment or {})},
            )  # fmt: skip
        command = cls(process, log)
        try:
            yield command
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send it."""
        self.process.send_signal(number)

    @property
    def words(self) -> str:
        """All that it wrote so far."""
        return self.log.read_text("utf-8", "replace")

    @property
    def lines(self) -> list[str]:
        """What it said to the operator as it ended."""
        return [line for line in self.words.splitlines() if line.startswith("acuerpa:")]

    async def says(self, event: str, times: int = 1) -> None:
        """Wait until its log has this event so often."""
        async with asyncio.timeout(PATIENCE):
            while self.words.count(f"event='{event}'") < times:
                assert self.process.returncode is None, self.words[-3000:]
                await asyncio.sleep(0.05)

    async def ends(self) -> int:
        """Wait for its end; its status, negative if a signal ended it."""
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()
