"""The program as an operator starts it: `acuerpa run` in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.zygote import Life, Zygote

PATIENCE = 40.0
"""Seconds in which anything must have happened, on a busy machine too."""


class Command:
    """One process, and what it wrote."""

    def __init__(self, life: Life, log: Path) -> None:
        self._life = life
        self.log = log

    @classmethod
    @asynccontextmanager
    async def run(
        cls,
        zygote: Zygote,
        config: Path,
        *options: str,
        environment: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Command]:
        """Start it, and end it however it stands."""
        log = config.parent / f"command-{os.urandom(4).hex()}.log"
        log.touch()
        arguments = ["run", "--config", str(config), *options]
        life = await zygote.command(arguments, log, environment or {})
        try:
            yield cls(life, log)
        finally:
            await life.kill()

    def signal(self, number: signal.Signals) -> None:
        """Send it."""
        self._life.signal(number)

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self._life.ended.done()

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
                assert not self.ended, self.words[-3000:]
                await asyncio.sleep(0.05)

    async def ends(self) -> int:
        """Wait for its end; its status, negative if a signal ended it."""
        async with asyncio.timeout(PATIENCE):
            return os.waitstatus_to_exitcode(await asyncio.shield(self._life.ended))
