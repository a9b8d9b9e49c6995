"""`acuerpa migrate`: the schema of this version, on purpose; and from one database to another."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bot.commands.common import ConfigPath, go, source_of
from bot.config import ConfigError, load
from bot.engine.clock import SystemClock
from storage import moving
from storage.database import Database

WOULD_CHANGE = 3
"""The exit status of `--check` where there is something to do."""


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Only say what would be done; exit status 3 if anything.")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(
            help="Move everything to this empty database: postgresql://user@host/name, or a file."
        ),
    ] = None,
    to_file: Annotated[
        Path | None,
        typer.Option("--to-file", help="The same, with the address read from a file: it has a password."),
    ] = None,
    undo_move: Annotated[
        bool, typer.Option("--undo-move", help="Use the database again that was moved elsewhere.")
    ] = False,
    config: ConfigPath = Path("config.toml"),
) -> None:
    """Bring the database to this version, or move it to another one. Stop the bot first."""

    async def work() -> None:
        settings = load(config)
        if (check, to is not None, to_file is not None, undo_move).count(True) > 1:
            raise ConfigError("migrate: one of --check, --to, --to-file and --undo-move at a time")
        database = Database(settings.database.url, source_of(settings))
        try:
            if undo_move:
                await _undo(database)
            elif to is not None or to_file is not None:
                await _move(database, _given(to) if to is not None else _read(to_file))
            else:
                await _upgrade(database, check=check)
        finally:
            await database.close()

    go(work())


async def _upgrade(database: Database, *, check: bool) -> None:
    pending = await database.pending()
    if pending and not check:
        async with database.alone():
            await database.open()
    for one in pending:
        typer.echo(f"{one.revision}: {one.what}")
    if not pending:
        typer.echo("OK: the database is one of this version.")
    elif check:
        typer.echo(f"{len(pending)} to do. Make a backup first.")
        raise typer.Exit(WOULD_CHANGE)
    else:
        typer.echo("OK: all of it is done.")


async def _move(database: Database, to: str) -> None:
    done = await moving.move(database, to, SystemClock().now())
    kept = sum(1 for content in done.tables.values() if content.rows)
    if done.before:
        typer.echo("It was moved already, and the new database is whole.")
    typer.echo(f"OK: {done.rows} rows in {kept} tables are there, counted and compared.")
    typer.echo(
        "Set database.url to the new database, and start the bot. The old one is as it was, and marked "
        "so that it is not started by mistake; acuerpa migrate --undo-move takes the mark away."
    )


async def _undo(database: Database) -> None:
    if not await moving.undo(database):
        raise ConfigError("migrate: this database was not moved: nothing was changed")
    typer.echo("OK: this database can be used again. Never start the bot on both.")


def _given(to: str) -> str:
    """An address from an argument, which everybody on the machine can read. Raises `ConfigError`."""
    if "://" in to and _parsed(to):
        raise ConfigError(
            "--to: a password in an argument is seen by everybody on this machine: write the address "
            "into a file for --to-file, or the password into PGPASSWORD or ~/.pgpass; then change it"
        )
    return to


def _parsed(address: str) -> bool:
    """Whether it has a password."""
    try:
        return make_url(address).password is not None
    except ArgumentError:
        raise ConfigError("--to: is no address: write postgresql://user@host/name") from None


def _read(file: Path | None) -> str:
    if file is None:
        raise ConfigError("--to-file: name a file")
    try:
        if file.is_file() and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"--to-file: others can read {file.name}: chmod 600 it")
        address = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise ConfigError(f"--to-file: {file.name} cannot be read ({why})") from None
    if "://" in address:
        _parsed(address)
    return address
