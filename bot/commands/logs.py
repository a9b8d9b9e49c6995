"""What the process writes down of itself: structured lines, never content."""

from __future__ import annotations

import logging
import resource
import sys
from contextlib import suppress

import structlog


def quiet_logs() -> None:
    """Structured lines of ours on standard error; libraries only when something is wrong."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s %(levelname)s")
    # It would write down exceptions with whatever they hold; we note their kind ourselves.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL + 1)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=lambda *_: _Lines(),
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
