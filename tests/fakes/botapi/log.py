"""The truth: what was accepted, one JSON object a line."""

from __future__ import annotations

import json
import time
from contextvars import ContextVar
from pathlib import Path
from typing import Any

BY: ContextVar[str] = ContextVar("by", default="")
"""Who calls: the name in `/as/<name>/bot<token>/<method>`, for tests with more than one bot."""


class Log:
    """Appends to a file and flushes each line, so that a kill loses none.

    `at` is the real Unix time, whatever the server's clock was set to.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def write(self, event: str, **facts: Any) -> None:
        """One line."""
        line = {"at": time.time(), "event": event, "by": BY.get(), **facts}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()
