"""The queue of updates: kept until an offset confirms them, given to one poll at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from tests.fakes.botapi.errors import other_poll


class Updates:
    """Numbered one after the other.

    As the real server does: what `allowed_updates` leaves out is not kept; an offset in the future
    is ignored; of two polls that wait, the earlier gets 409.
    """

    def __init__(self, first: int = 1000) -> None:
        self._next = first
        self._queue: deque[dict[str, Any]] = deque()
        self._allowed: frozenset[str] = frozenset()
        self._waiting: asyncio.Future[None] | None = None

    @property
    def pending(self) -> int:
        """How many nobody has confirmed."""
        return len(self._queue)

    @property
    def has_waiting(self) -> bool:
        """Whether a poll waits."""
        return self._waiting is not None

    def add(self, **parts: Any) -> int:
        """Queue one, such as `message={...}`; its id, 0 if the bot does not want that kind."""
        if self._allowed and self._allowed.isdisjoint(parts):
            return 0
        number = self._next
        self._next += 1
        self._queue.append({"update_id": number, **parts})
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
        return number

    def clear(self) -> None:
        """Forget all, as deleteWebhook with drop_pending_updates does."""
        self._queue.clear()

    async def get(
        self, offset: int, limit: int, timeout: float, allowed: list[str] | None
    ) -> list[dict[str, Any]]:
        """The first `limit` from `offset` on, waiting at most `timeout` seconds for one."""
        if allowed is not None:
            self._allowed = frozenset(allowed)
        self._confirm(offset)
        if not self._queue and timeout > 0:
            await self._wait(timeout)
        return list(self._queue)[:limit]

    def _confirm(self, offset: int) -> None:
        if offset > self._next:
            return
        keep = -offset if offset < 0 else len(self._queue)
        while self._queue and (self._queue[0]["update_id"] < offset or len(self._queue) > keep):
            self._queue.popleft()

    async def _wait(self, timeout: float) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(other_poll())
        waiting = self._waiting = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait_for(waiting, timeout)
        except TimeoutError:
            pass
        finally:
            if self._waiting is waiting:
                self._waiting = None
