"""What a bench gives, and how several runs become one figure."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """The median of several runs, and between what they were."""

    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        """What is compared."""
        return statistics.median(self.runs)

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "median": _rounded(self.median),
            "least": _rounded(min(self.runs)),
            "most": _rounded(max(self.runs)),
            "runs": len(self.runs),
        }


def figure(runs: Sequence[float]) -> Figure:
    """Of these."""
    return Figure(tuple(runs))


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Args:
        title: What was measured, in words.
        ours: And `peer`: figures in `unit`.
        against: Who the peer is.
        target: In words; `met` is whether it was reached.
        note: What must be known to read it, such as why a target was not met.
    """

    name: str
    title: str
    unit: str
    ours: Figure
    peer: Figure
    against: str
    target: str
    met: bool
    note: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Ours to the peer's."""
        return self.ours.median / self.peer.median if self.peer.median else 0.0

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "ours": self.ours.to_json(),
            "peer": self.peer.to_json(),
            "against": self.against,
            "ratio": _rounded(self.ratio),
            "target": self.target,
            "met": self.met,
            "note": self.note,
            "more": self.more,
        }


@dataclass(frozen=True)
class Size:
    """How much is measured: the whole, or so little that a test can wait for it."""

    small: bool = False

    def of(self, whole: int, little: int) -> int:
        """One of the two."""
        return little if self.small else whole


Bench = Callable[[Size], Awaitable[list[Result]]]


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which this part of all is, the next greater one where it falls in between."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
