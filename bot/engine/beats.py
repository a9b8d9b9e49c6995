"""Signs of life of the engine's parts: each part beats when it has gone round once."""

from __future__ import annotations

from collections.abc import Callable


class Beats:
    """When each part last went round, in seconds of a clock that never goes back."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._last: dict[str, float] = {}
        self._longest: dict[str, float] = {}
        self._fresh: set[str] = set()

    def expect(self, part: str, longest: float) -> None:
        """`part` goes round at least every `longest` seconds."""
        self._longest[part] = longest
        self._last.setdefault(part, self._steady())

    def expected(self) -> list[str]:
        """The parts that are to go round."""
        return sorted(self._longest)

    def beat(self, part: str) -> None:
        """It went round."""
        self._last[part] = self._steady()
        self._fresh.add(part)

    def silent(self) -> list[str]:
        """The parts that have not gone round in time."""
        now = self._steady()
        return sorted(p for p, longest in self._longest.items() if now - self._last[p] > longest)

    def again(self) -> None:
        """All of us stood still: each part gets its time anew."""
        self._last = dict.fromkeys(self._last, self._steady())

    def full_round(self) -> bool:
        """Whether every part has gone round since the last time that this was true."""
        if not self._fresh.issuperset(self._longest):
            return False
        self._fresh.clear()
        return True
