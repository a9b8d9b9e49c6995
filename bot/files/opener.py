"""The process that opens one file: its content comes in by a pipe, the clean one goes out by another.

Started by `bot.files.cleaner` as `python -I opener.py LIMITS… text|other`, with no environment, in an
empty folder. It gives up everything else before it reads the first byte (`bot.files.confine`), and says
nothing but its answer (`bot.files.exchange`).
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from bot.files import confine
from bot.files.exchange import answer, read_order
from bot.files.refusal import Refusal
from bot.files.values import Clean, Limits, Reason


def opened(limits: Limits, *, text: bool) -> Clean | Reason:
    """Shut in, read, clean."""
    try:
        confine.limit(limits.memory, max(1, round(limits.seconds)))
        # All libraries, and all that they would load later: nothing can be loaded when shut in.
        from bot.files import cleaning

        confine.shut_in()
    except (confine.Unconfined, ImportError, MemoryError):
        return Reason.UNAVAILABLE
    try:
        return cleaning.cleaned(sys.stdin.buffer.read(), limits, text=text)
    except Refusal as refusal:
        return refusal.reason
    except MemoryError:
        return Reason.TOO_HEAVY


def main() -> None:
    """Answer, and end without the libraries' last words."""
    limits, text = read_order(sys.argv[1:])
    sys.stdout.buffer.write(answer(opened(limits, text=text)))
    sys.stdout.buffer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
