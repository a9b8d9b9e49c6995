"""`acuerpa aside` and `acuerpa replay`: what could not be handled or sent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.commands.common import ConfigPath, go, load_or_exit, with_database
from bot.config import ConfigError
from bot.engine.clock import SystemClock
from storage.transaction import Transaction


def aside(config: ConfigPath = Path("config.toml")) -> None:
    """List what was set aside: events that failed, messages that did not arrive. No content."""

    async def show(tx: Transaction) -> None:
        for event in await tx.inbox.aside():
            typer.echo(f"event {event.id} {event.platform} {event.received_at:%F %T}Z {event.error}")
        for row in await tx.outbox.aside():
            lane = row.lane.name.lower()
            at = f"{row.created_at:%F %T}Z"
            typer.echo(f"message {row.seq} {row.platform} {at} {lane} {row.state} {row.error}")

    go(with_database(load_or_exit(config), show))


def replay(
    events: Annotated[
        list[int] | None, typer.Option("--event", help="Number of an event that was set aside.")
    ] = None,
    messages: Annotated[
        list[int] | None,
        typer.Option("--message", help="Number of a message. It may arrive a second time."),
    ] = None,
    every_event: Annotated[
        bool, typer.Option("--all-events", help="Every event that was set aside.")
    ] = False,
    config: ConfigPath = Path("config.toml"),
) -> None:
    """Try again what was set aside; `aside` gives the numbers. The bot may be running."""

    async def again(tx: Transaction) -> None:
        found = await tx.inbox.replay(None if every_event else events or [])
        found += await tx.outbox.replay(messages or [], SystemClock().now())
        if not found:
            raise ConfigError("replay: nothing with these numbers is set aside: see acuerpa aside")
        typer.echo(f"{found} to be tried again")

    go(with_database(load_or_exit(config), again))
