"""An event loop whose time passes only when nobody has anything left to do at this instant."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

MOST_TURNS = 100_000
"""Rounds of the loop at one instant."""

ONE = timedelta(microseconds=1)


class _Nothing(selectors.BaseSelector):
    """Waits for no file: waiting is what moves the time."""

    def __init__(self) -> None:
        self._known: dict[Any, selectors.SelectorKey] = {}
        self._turns = 0
        self.waited: Callable[[float | None], None] = lambda timeout: None

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self._known[fileobj] = selectors.SelectorKey(fileobj, 0, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._known.pop(fileobj)

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._known[fileobj]

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._known

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._turns = 0
            self.waited(timeout)
        else:
            self._turns += 1
            if self._turns > MOST_TURNS:
                raise RuntimeError("time stands still: something is tried again and again at once")
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    """`quiet` is called each time that nothing is left to do, before the time moves on."""

    def __init__(self) -> None:
        selector = _Nothing()
        self._at = 0.0
        super().__init__(selector)
        selector.waited = self._pass
        self.quiet: Callable[[], None] = lambda: None

    def time(self) -> float:
        """Simulated seconds since the loop was made."""
        return self._at

    def _pass(self, timeout: float | None) -> None:
        self.quiet()
        if timeout is None:
            raise RuntimeError("everybody waits for ever: nothing would ever happen again")
        self._at += timeout


class SimulatedClock:
    """The machine's clock over a simulated loop."""

    def __init__(self, start: datetime, loop: asyncio.AbstractEventLoop) -> None:
        self._start = start
        self._loop = loop

    def now(self) -> datetime:
        """The instant, in UTC."""
        return self._start + round(self._loop.time() * 1_000_000) * ONE

    def seconds(self, at: datetime) -> float:
        """The loop's time at an instant."""
        return (at - self._start) / timedelta(seconds=1)


def run(work: Callable[[SimulatedLoop], Coroutine[Any, Any, T]]) -> T:
    """`work` to its end, in a loop of its own."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, SimulatedLoop)
        return runner.run(work(loop))
