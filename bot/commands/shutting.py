"""`acuerpa panic-off`: see `bot.shutting`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.common import ConfigPath, go, load_or_exit, source_of
from bot.commands.logs import no_traces, quiet_logs
from bot.config import ConfigError
from bot.shutting import WORDS, shut_off


def panic_off(
    config: ConfigPath = Path("config.toml"),
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Look whether each step could be done; change nothing.")
    ] = False,
    destroy: Annotated[
        bool, typer.Option("--destroy", help="Erase the data keys too: no backup of the key helps.")
    ] = False,
) -> None:
    """Shut everything off: stop the bot, tell the members, sign off, erase the key."""
    quiet_logs()
    no_traces()
    settings = load_or_exit(config)
    if not rehearse:
        typer.echo("This stops the bot for good: docs/en/shutdown.md. Type SHUT OFF (or APAGAR):")
        if sys.stdin.readline().strip().casefold() not in WORDS:
            typer.echo("Nothing was done.")
            raise typer.Exit(1)

    async def work() -> None:
        keys = source_of(settings)
        if not await shut_off(settings, keys, typer.echo, rehearse=rehearse, destroy=destroy):
            raise ConfigError("panic-off: not everything was done; see above, and docs/en/shutdown.md")

    go(work())
