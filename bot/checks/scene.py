"""What the checks of one run share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.checks.findings import Finding
from bot.config import Config
from storage.inspecting import FactsAsTheyAre
from storage.keys import KeySource

PLATFORMS = ("telegram", "matrix")


@dataclass
class Scene:
    """`keys` is None where somebody would have to type a passphrase. `offline` leaves out whatever asks
    a server, `measure` adds what others may notice. `environment` and `root` are of the process that
    would run the bot.

    `facts` is put here once the database was unlocked.
    """

    config: Config
    environment: Mapping[str, str]
    root: bool
    now: Callable[[], datetime]
    keys: KeySource | None = None
    offline: bool = False
    measure: bool = False
    facts: FactsAsTheyAre | None = None

    @property
    def platforms(self) -> tuple[str, ...]:
        """Those that are configured."""
        return tuple(name for name in PLATFORMS if getattr(self.config, name) is not None)


Look = Callable[[Scene], AsyncIterator[Finding]]
"""A check: what it finds, as it finds it. What it raises is a finding as well."""
