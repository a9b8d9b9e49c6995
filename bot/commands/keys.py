"""`acuerpa keys …`: making, changing and looking at the keys."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer

from bot.commands.common import ConfigPath, asked, go, refuse_exposed, source_of
from bot.config import ConfigError, load
from storage.database import Database
from storage.keyring import ROWS
from storage.keys import SHORTEST_PASSPHRASE, KeyFile, KeyFileError, KeySource, Passphrase
from storage.rotation import tables
from storage.rows import Sealed
from storage.tables import data_keys
from storage.vault import key_of

keys = typer.Typer(no_args_is_help=True, help="The keys that seal the database.")


def chosen() -> str:
    """A new passphrase, said twice where somebody types it. Raises `KeyFileError`."""
    words = asked("New passphrase")
    if len(words) < SHORTEST_PASSPHRASE:
        raise KeyFileError(
            f"keys: at least {SHORTEST_PASSPHRASE} characters: six words chosen by dice are a good one"
        )
    if sys.stdin.isatty() and asked("Once more") != words:
        raise KeyFileError("keys: the two were not the same: nothing was changed")
    return words


def _fixed(words: str) -> Passphrase:
    async def ask() -> str:
        return words

    return Passphrase(ask)


@keys.command()
def init(
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="No key file: ask at each start.")
    ] = False,
    config: ConfigPath = Path("config.toml"),
) -> None:
    """Make the keys of a new installation."""

    async def make() -> None:
        settings = load(config)
        if passphrase != settings.keys.passphrase:
            raise ConfigError(
                "keys.passphrase: set passphrase = true in [keys] for a passphrase, and leave it out "
                "for a key file; this command and the configuration must say the same"
            )
        if not passphrase and settings.keys.file.exists():
            raise KeyFileError("keys.file: there is one already: nothing was changed")
        await refuse_exposed(settings)
        source: KeySource = _fixed(chosen()) if passphrase else KeyFile(settings.keys.file)
        database = Database(settings.database.url, source)
        await database.open()
        await database.close()
        typer.echo("The keys are made.")
        if not passphrase:
            typer.echo(f"Keep a copy of {settings.keys.file}, apart from the database.")

    go(make())


@keys.command()
def status(config: ConfigPath = Path("config.toml")) -> None:
    """Say which keys there are, and how much is sealed under each."""

    async def look() -> None:
        settings = load(config)
        database = Database(settings.database.url, source_of(settings))
        await database.open()
        counts: Counter[int] = Counter()
        async with database.transaction() as tx:
            made = (
                await tx.connection.execute(
                    sa.select(data_keys.c.id, data_keys.c.created_at, data_keys.c.current)
                    .where(data_keys.c.purpose == ROWS)
                    .order_by(data_keys.c.id)
                )
            ).all()
            for table in tables():
                for column in (c for c in table.columns if isinstance(c.type, Sealed)):
                    raw = sa.type_coerce(column, sa.LargeBinary)
                    found = await tx.connection.stream_scalars(
                        sa.select(raw).where(column.is_not(None))
                    )
                    async for envelope in found:
                        counts[key_of(bytes(envelope))] += 1
        await database.close()
        where = "passphrase (Argon2id)" if settings.keys.passphrase else str(settings.keys.file)
        typer.echo(f"master key: {where}")
        for id, at, current in made:
            word = "current" if current else "being replaced"
            typer.echo(f"data key {id}: made {at:%F}, {word}, seals {counts[id]} fields")

    go(look())


@keys.command()
def rotate(config: ConfigPath = Path("config.toml")) -> None:
    """Seal everything anew under a new data key. Stop the bot first."""

    async def change() -> None:
        settings = load(config)
        database = Database(settings.database.url, source_of(settings))
        await database.open()
        await database.rotate()
        await database.close()
        typer.echo("Everything is sealed under a new key; backups from before need the old one.")

    go(change())


@keys.command()
def master(
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="From now on a passphrase, asked at each start.")
    ] = False,
    config: ConfigPath = Path("config.toml"),
) -> None:
    """Change the master key: a new key file, or a passphrase. Stop the bot first."""

    async def change() -> None:
        settings = load(config)
        database = Database(settings.database.url, source_of(settings))
        await database.open()
        if passphrase:
            await database.rewrap(_fixed(chosen()))
            typer.echo("Set passphrase = true in [keys]. The key file opens old backups only.")
        else:
            file = KeyFile(settings.keys.file)
            file.next.unlink(missing_ok=True)
            await database.rewrap(KeyFile(file.next))
            os.replace(file.next, file.path)
            typer.echo("The key file is a new one: keep a copy, apart from the database.")
            if settings.keys.passphrase:
                typer.echo("Take passphrase = true out of [keys].")
        await database.close()

    go(change())
