"""`acuerpa check`: see `bot.checks`."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from bot.checks.settings import weaknesses
from bot.commands.common import ConfigPath, load_or_exit


def check(config: ConfigPath = Path("config.toml")) -> None:
    """Look for weak settings: a line with a remedy for each, and exit status 1 if there is one."""
    found = weaknesses(load_or_exit(config), os.environ, root=os.geteuid() == 0)
    for weakness in found:
        typer.echo(f"{weakness.subject}: {weakness.words}")
    if found:
        raise typer.Exit(1)
    typer.echo("OK: no weak setting.")
