"""What the process writes down of itself: structured lines, never content."""

from __future__ import annotations

import json
import logging
import resource
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal

import structlog

Form = Literal["lines", "json"]
"""How a line is written: `key=value …`, or an object of JSON."""

LINES = structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
OBJECTS = structlog.processors.JSONRenderer(default=lambda value: type(value).__name__)
"""What is neither text nor number is named by its kind alone: it might say what it holds."""


def quiet_logs(form: Form = "lines") -> None:
    """Structured lines of ours on standard error; libraries only when something is wrong, and then
    without their words."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Objects() if form == "json" else _Words())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # It would write down exceptions with whatever they hold; we note their kind ourselves.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL + 1)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            OBJECTS if form == "json" else LINES,
        ],
        logger_factory=lambda *_: _Lines(),
    )


class _Words(logging.Formatter):
    """A library's line: who it is and how bad it is. Neither what it says nor an exception's words."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.name} {record.levelname}"


class _Objects(logging.Formatter):
    """The same as an object."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        return json.dumps(
            {
                "timestamp": at.isoformat().replace("+00:00", "Z"),
                "level": record.levelname.lower(),
                "event": "library",
                "name": record.name,
            }
        )


class _Lines:
    """Writes to standard error, and goes on if that cannot be written: it may be a file on the very
    disk that is full, and a bot that ends because of it would tell nobody."""

    def msg(self, line: str) -> None:
        """One line."""
        with suppress(OSError):
            print(line, file=sys.stderr, flush=True)

    debug = info = warning = error = critical = msg


def no_traces() -> None:
    """No core dump of this process: it would hold the keys and everything that was read."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
