"""What a check says: how it stands, about what, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How something stands."""

    OK = "ok"
    SKIPPED = "skipped"  # was not looked at, and the words say why
    WEAK = "weak"  # the bot runs, and keeps less than it promises
    UNKNOWN = "unknown"  # looking at it failed
    FAILING = "failing"  # the bot would not start, or alarms would not arrive


STATUS = {Level.OK: 0, Level.SKIPPED: 0, Level.WEAK: 1, Level.FAILING: 2, Level.UNKNOWN: 3}
"""Exit statuses, as monitors know them: fine, warning, critical, unknown. Source: Monitoring Plugins
Development Guidelines, "Plugin Return Codes"."""

GRAVITY = (Level.OK, Level.SKIPPED, Level.WEAK, Level.UNKNOWN, Level.FAILING)


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` is the name of a setting, or of a thing such as the clock. `words` are one line: what to
    do, unless it is well. They never bear a secret, and nobody's name."""

    level: Level
    subject: str
    words: str


def worst(findings: Iterable[Finding]) -> Level:
    """How they stand as a whole. What was skipped makes nothing worse."""
    level = max((f.level for f in findings), key=GRAVITY.index, default=Level.OK)
    return Level.OK if level is Level.SKIPPED else level
