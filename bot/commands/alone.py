"""`acuerpa run` without the other commands, so that the bot begins sooner and takes less memory."""

from __future__ import annotations

import typer

from bot.commands.running import run

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
cli.command()(run)


@cli.callback()
def _named() -> None:
    """So that it is a command of that name, and not the program itself."""


def main() -> None:
    """The entry point."""
    cli()
