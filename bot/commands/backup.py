"""`acuerpa backup`, `backup-key`, `restore`, `rehearse`: copies of everything, and whether they serve."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from bot.backups import rehearsing, restoring
from bot.backups.making import make
from bot.backups.rehearsing import newest
from bot.backups.restoring import configuration, work_folder
from bot.backups.stream import identities, new_identity
from bot.backups.values import BackupError
from bot.commands.common import ConfigPath, go, load_or_exit, source_of
from bot.commands.logs import no_traces
from bot.config import load
from bot.engine.clock import SystemClock
from storage.database import Database
from storage.keys import KeyFile, KeySource

MEGA = 1 << 20


def backup(
    to: Annotated[
        Path | None, typer.Option(help="The folder; the one of the configuration if left out.")
    ] = None,
    config: ConfigPath = Path("config.toml"),
) -> None:
    """Make a backup now, encrypted to the keys in [backup] recipients. The bot may run."""
    settings = load_or_exit(config)

    async def work() -> None:
        database = Database(settings.database.url, source_of(settings))
        try:
            made = await make(settings, database, SystemClock().now(), to)
        finally:
            await database.close()
        for what in made.missing:
            typer.echo(f"Not in it: {what}", err=True)
        typer.echo(
            f"{made.name}: {made.rows} rows, {made.sealed} sealed fields opened, "
            f"{made.bytes / MEGA:.1f} MB; read back and compared"
        )
        if made.removed:
            typer.echo(f"{made.removed} older ones removed")

    go(work())


IdentityPath = Annotated[
    Path, typer.Option("--identity", help="The file with the private key of age.")
]


def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    identity: IdentityPath,
    replace: Annotated[
        bool, typer.Option("--replace", help="There is a database already: keep it beside.")
    ] = False,
    moved: Annotated[
        bool,
        typer.Option(
            "--moved", help="The bot was stopped before this backup, and has not run since."
        ),
    ] = False,
    config_only: Annotated[
        bool, typer.Option("--config-only", help="Write the backup's configuration, and no more.")
    ] = False,
    config: ConfigPath = Path("config.toml"),
) -> None:
    """Put a backup in the place of the database. Stop the bot first."""
    no_traces()

    async def work() -> None:
        keys = identities(identity)
        if config_only:
            with work_folder(config.absolute().parent) as folder:
                configuration(file, keys, config, folder)
            typer.echo(f"{config}: written. Bring the secrets that it names, and the key file.")
            return
        settings = load(config)
        await restoring.restore(
            file, keys, settings, source_of(settings), SystemClock().now(), typer.echo,
            replace=replace, moved=moved,
        )  # fmt: skip

    go(work())


def rehearse(
    identity: IdentityPath,
    file: Annotated[
        Path | None,
        typer.Argument(help="The backup, or a folder of them; the configuration's if left out."),
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="The file with the master key; the configuration's if left out.")
    ] = None,
    without_key: Annotated[
        bool, typer.Option("--without-key", help="Open no sealed field: there is no master key here.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option(help="Where it is opened for a while, such as /dev/shm.")
    ] = None,
    config: ConfigPath = Path("config.toml"),
) -> None:
    """Restore a backup into a folder that goes away, and say whether everything is in it."""
    no_traces()

    async def work() -> None:
        keys = identities(identity)
        # On the machine where the private keys are there may be no configuration, and needs be none.
        settings = None if file is not None and (key or without_key) else load(config)
        source: KeySource | None = None
        if key is not None:
            source = KeyFile(key)
        elif settings is not None and not without_key:
            source = source_of(settings)
        which = file
        if which is None or which.is_dir():
            which = newest(which or (settings.backup.folder if settings is not None else None))
        with work_folder((folder or Path()).absolute()) as at:
            done = await rehearsing.rehearse(which, keys, source, at)
        sealed = "no sealed field was opened" if done.sealed is None else (
            f"{done.sealed} sealed fields opened"
        )  # fmt: skip
        typer.echo(
            f"OK: {which.name}: of {done.manifest.taken:%F %H:%M} UTC, {done.manifest.rows} rows, "
            f"{sealed}"
        )

    go(work())


def backup_key(
    file: Annotated[Path, typer.Argument(help="Where the private half is written.")],
) -> None:
    """Make the pair of keys for backups: the public half is shown, the private one opens them."""

    async def work() -> None:
        _, public, private = new_identity()
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as out:
                out.write(f"# public key: {public}\n{private}\n")
                out.flush()
                os.fsync(out.fileno())
        except OSError as error:
            raise BackupError(
                f"{file}: cannot be written ({error.strerror}): name a file that is not there yet"
            ) from None
        typer.echo("Put this into [backup] of the configuration:")
        typer.echo(f'recipients = ["{public}"]')
        typer.echo(
            f"{file} holds the private half. Take it away from this machine, and keep it in two places: "
            "without it no backup can be opened, and whoever has it and the master key can read all."
        )

    go(work())
