"""What all commands share: the configuration, the way to the database, and how a mistake is said."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from bot.backups.values import BackupError
from bot.checks.settings import exposed
from bot.config import Config, ConfigError, load
from bot.engine.acting import Occupied
from bot.platforms.base import PlatformError
from bot.signing.minisign import SignatureError
from bot.unlocking import DoorError
from storage.database import Database, StorageError
from storage.fence import NotActing
from storage.inspecting import Schema, inspect
from storage.keys import KeyFile, KeyFileError, KeySource, Passphrase
from storage.transaction import Transaction

log = structlog.get_logger(__name__)

ConfigPath = Annotated[Path, typer.Option("--config", help="The configuration file.")]


def go(work: Coroutine[Any, Any, None]) -> None:
    """Run it; what an operator can remedy is one line and exit status 1."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except (
        ConfigError, StorageError, KeyFileError, PlatformError, Occupied, DoorError, SignatureError,
        BackupError,
    ) as error:  # fmt: skip
        typer.echo(f"acuerpa: {error}", err=True)
        raise typer.Exit(1) from None
    except ExceptionGroup as group_of:
        known, unknown = group_of.split((PlatformError, NotActing, StorageError))
        if known is None or unknown is not None:
            raise
        typer.echo(f"acuerpa: {_first(known)}", err=True)
        raise typer.Exit(1) from None


def _first(group_of: BaseExceptionGroup[BaseException]) -> BaseException:
    """One line is enough: the others follow from it."""
    first = group_of.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def load_or_exit(path: Path) -> Config:
    """The configuration, or one line and exit status 1."""
    try:
        return load(path)
    except ConfigError as error:
        typer.echo(f"acuerpa: {error}", err=True)
        raise typer.Exit(1) from None


async def refuse_exposed(config: Config) -> None:
    """Nothing begins with a secret that everybody on the machine may read. Raises `ConfigError`.

    An installation that has begun goes on, and says so: docs/decisions/0004.
    """
    found = exposed(config)
    if found is None:
        return
    if (await inspect(config.database.url)).schema is Schema.NONE:
        raise ConfigError(f"{found.subject}: {found.words}; nothing was started")
    log.warning("secret.exposed", setting=found.subject, remedy=found.words)


def asked(prompt: str) -> str:
    """A passphrase from the terminal without showing it, or a line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{prompt}: ")
    return sys.stdin.readline().rstrip("\n")


def source_of(config: Config) -> KeySource:
    """Where a tool at the command line has the master key from."""
    if not config.keys.passphrase:
        return KeyFile(config.keys.file)

    async def ask() -> str:
        return await asyncio.to_thread(asked, "Passphrase")

    return Passphrase(ask)


async def with_database(config: Config, work: Callable[[Transaction], Awaitable[None]]) -> None:
    """One transaction beside a bot that may be running."""
    database = Database(config.database.url, source_of(config))
    await database.open()
    try:
        async with database.transaction() as tx:
            await work(tx)
    finally:
        await database.close()
