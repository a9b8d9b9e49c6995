"""`acuerpa group …`: solidarity groups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.app import settings_of
from bot.commands.common import ConfigPath, go, load_or_exit, refuse_exposed, source_of
from bot.config import Config, ConfigError
from bot.engine.clock import SystemClock
from handlers.context import Context
from handlers.groups import create as create_group
from storage.database import Database
from storage.keys import KeySource

group = typer.Typer(no_args_is_help=True, help="Solidarity groups.")


@group.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What its people call it.")],
    config: ConfigPath = Path("config.toml"),
) -> None:
    """Make a group, and print the invitation of its first coordinator."""
    go(_create(load_or_exit(config), name))


async def _create(config: Config, name: str) -> None:
    await refuse_exposed(config)
    secret = await created(config, source_of(config), name)
    typer.echo("The first coordinator writes this word to the bot, within 24 hours:")
    typer.echo(secret)


async def created(config: Config, keys: KeySource, name: str) -> str:
    """The secret of the invitation. Raises `ConfigError` if there is a group of that name."""
    database = Database(config.database.url, keys)
    await database.open()
    try:
        async with database.transaction() as tx:
            made = await create_group(
                Context(tx, SystemClock().now(), settings_of(config, [])), " ".join(name.split())
            )
    finally:
        await database.close()
    if made is None:
        raise ConfigError(f"there is a group named {name} already: choose another name")
    return made[1]
