"""`acuerpa archive`: write the public archive now, beside a bot that may be running."""

from __future__ import annotations

from pathlib import Path

import typer

from bot.app import archive_of, settings_of
from bot.commands.common import ConfigPath, go, source_of
from bot.config import ConfigError, load
from bot.domain.publication import Publication
from bot.engine.clock import SystemClock
from handlers.archive import publications
from handlers.context import Context
from storage.database import Database


def archive(
    config: ConfigPath = Path("config.toml"),
) -> None:
    """Write the public archive now; a running bot does it by itself."""

    async def work() -> None:
        settings = load(config)
        database = Database(settings.database.url, source_of(settings))
        write = archive_of(settings, database)
        if write is None:
            raise ConfigError("archive: set folder and url in [archive]: see docs/en/denunciations.md")
        await database.open()
        now = SystemClock().now()
        try:
            found: list[Publication] = []
            after: int | None = 0
            while after is not None:
                async with database.transaction() as tx:
                    ctx = Context(tx, now, settings_of(settings, []))
                    more, after = await publications(ctx, after)
                found += more
            await write(found, now)
        except OSError as error:
            raise ConfigError(
                f"archive.folder: {settings.archive.folder} cannot be written: {error.strerror}"
            ) from None
        finally:
            await database.close()
        typer.echo(f"{len(found)} denunciations, in {settings.archive.folder}/public")

    go(work())
