"""Waking up whoever waits, from code that does not wait itself."""

from __future__ import annotations

import asyncio


class Signal:
    """Wakes everyone who waits at this moment, and nobody later.

    Look at what you wait for first, then `wait` with no other await in between.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def fire(self) -> None:
        """Wake everyone who waits now."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Until the next `fire`."""
        await self._event.wait()
