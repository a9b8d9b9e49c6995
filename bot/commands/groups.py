"""`acuerpa group …`: solidarity groups."""

from __future__ import annotations

from pathlib import Path

import typer

from bot.app import settings_of
from bot.commands.common import ConfigPath, go, load_or_exit, refuse_exposed, source_of
from bot.config import Config, ConfigError
from bot.engine.clock import SystemClock
from handlers.context import Context
from handlers.groups import create as create_group
from storage.database import Database

group = typer.Typer(no_args_is_help=True, help="Solidarity groups.")


@group.command("create")
def create(name: str, config: ConfigPath = Path("config.toml")) -> None:
    """Make a group, and print the invitation of its first coordinator."""
    go(_create(load_or_exit(config), name))


async def _create(config: Config, name: str) -> None:
    await refuse_exposed(config)
    database = Database(config.database.url, source_of(config))
    await database.open()
    async with database.transaction() as tx:
        made = await create_group(
            Context(tx, SystemClock().now(), settings_of(config, [])), " ".join(name.split())
        )
    await database.close()
    if made is None:
        raise ConfigError(f"there is a group named {name} already: choose another name")
    typer.echo("The first coordinator writes this word to the bot, within 24 hours:")
    typer.echo(made[1])
