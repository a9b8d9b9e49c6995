"""What a proof gives: its figures on one line, and what went wrong."""

from __future__ import annotations

import os
import secrets
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Figures:
    """What was run and what came of it.

    `runs` are kills, seeds or cases; `lost` and `duplicated` what the promise forbids;
    `worst_delay_s` in real or simulated seconds, whichever the promise speaks of. `problems` are
    the reasons why the promise does not hold, in words; none, and it holds.
    """

    runs: int = 0
    lost: int = 0
    duplicated: int = 0
    worst_delay_s: float | None = None
    more: dict[str, object] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def check(self, holds: bool, problem: str) -> None:
        """Note a problem unless it holds."""
        if not holds:
            self.problems.append(problem)

    def line(self, promise: str, seed: int) -> str:
        """`P1 runs=1000 lost=0 duplicated=0 worst_delay_s=12.3 seed=7 ok`"""
        parts = [promise, f"runs={self.runs}", f"lost={self.lost}", f"duplicated={self.duplicated}"]
        if self.worst_delay_s is not None:
            parts.append(f"worst_delay_s={self.worst_delay_s:.1f}")
        parts += [f"{name}={value}" for name, value in self.more.items()]
        parts += [f"seed={seed}", "FAILED" if self.problems else "ok"]
        return " ".join(parts)


Proof = Callable[[bool, int], Awaitable[Figures]]
"""`await proof(full, seed)`: the whole if `full`, else the short version; `seed` decides all chance."""


def a_seed() -> int:
    """`ACUERPA_SEED` if it is set, else one by chance; whoever uses it prints it."""
    given = os.environ.get("ACUERPA_SEED")
    return int(given) if given else secrets.randbelow(2**31)


async def shown(promise: str, proof: Proof, *, full: bool, seed: int | None = None) -> Figures:
    """Run it, and print its line and its problems."""
    used = a_seed() if seed is None else seed
    try:
        figures = await proof(full, used)
    except Exception:  # with its seed, as any other failure
        figures = Figures(problems=[traceback.format_exc()])
    print(figures.line(promise, used), flush=True)
    for problem in figures.problems[:20]:
        print(f"  {promise}: {problem}", flush=True)
    return figures
