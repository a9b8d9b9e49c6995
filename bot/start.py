"""`acuerpa`: the command line, and what Python need not do while it begins."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command that was asked for.

    Almost nothing that is made on import is ever garbage: to look for it again and again takes a fifth of
    the time of the start. And the bot itself needs nothing of the other commands.
    """
    gc.disable()
    if sys.argv[1:2] == ["run"]:
        from bot.commands.alone import main as command
    else:
        from bot.cli import main as command
    gc.enable()
    command()
