"""Signs of life of the engine's parts: each part beats when it has gone round once."""

from __future__ import annotations

from collections.abc import Callable


class Beats:
    """When each part last went round, in seconds of a clock that never goes back."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._last: dict[str, float] = {}
        self._longest: dict[str, float] = {}

    def expect(self, part: str, longest: float) -> None:
        """`part` goes round at least every `longest` seconds."""
        self._longest[part] = longest
        self._last.setdefault(part, self._steady())

    def beat(self, part: str) -> None:
        """It went round."""
        self._last[part] = self._steady()

    def silent(self) -> list[str]:
        """The parts that have not gone round in time."""
        now = self._steady()
        return sorted(p for p, longest in self._longest.items() if now - self._last[p] > longest)
