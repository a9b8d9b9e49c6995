"""The `acuerpa` command."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from bot.app import App, settings_of, watchers_of
from bot.checking import weaknesses
from bot.cli_archive import archive
from bot.cli_keys import asked, keys, source_of
from bot.cli_signing import signing, verify
from bot.cli_texts import texts
from bot.config import Config, ConfigError, load
from bot.engine.acting import Occupied
from bot.engine.clock import SystemClock
from bot.platforms.base import PlatformError
from bot.shutting import WORDS, shut_off
from bot.signing.minisign import SignatureError
from bot.unlocking import DoorError, unlock, unlocked
from bot.watch import ServiceManager
from handlers.context import Context
from handlers.groups import create
from storage.database import Database, StorageError
from storage.fence import NotActing
from storage.keys import KeyFileError, Passphrase
from storage.transaction import Transaction

cli = typer.Typer(no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False)
group = typer.Typer(no_args_is_help=True, help="Solidarity groups.")
cli.add_typer(group, name="group")
cli.add_typer(keys, name="keys")
cli.add_typer(texts, name="texts")
cli.command("archive")(archive)
cli.add_typer(signing, name="signing")
cli.command()(verify)

ConfigPath = Annotated[Path, typer.Option("--config", help="The configuration file.")]


class _Log(structlog.PrintLogger):
    """Lines on standard error; one that cannot be written (the disk is full) stops nothing."""

    def msg(self, message: str) -> None:
        """Print, if it can be."""
        with contextlib.suppress(OSError):
            super().msg(message)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


def quiet_logs() -> None:
    """Structured lines of ours on standard error; libraries only when something is wrong."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s %(levelname)s")
    # It would write down exceptions with whatever they hold; we note their kind ourselves.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL + 1)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=lambda *_: _Lines(),
    )


class _Lines:
    """Writes to standard error, and goes on if that cannot be written: it may be a file on the very
    disk that is full, and a bot that ends because of it would tell nobody."""

    def msg(self, line: str) -> None:
        """One line."""
        with suppress(OSError):
            print(line, file=sys.stderr, flush=True)

    debug = info = warning = error = critical = msg


def go(work: Coroutine[Any, Any, None]) -> None:
    """Run it; what an operator can remedy is one line and exit status 1."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except (
        ConfigError, StorageError, KeyFileError, PlatformError, Occupied, DoorError, SignatureError,
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


@cli.command()
def run(
    config: ConfigPath = Path("config.toml"),
    standby: Annotated[
        bool, typer.Option(help="Wait while another process acts, and take over when it fails.")
    ] = False,
) -> None:
    """Run the bot until it is stopped (SIGTERM, or Ctrl-C)."""
    quiet_logs()
    no_traces()
    go(_until_stopped(load_or_exit(config), standby=standby))


async def _until_stopped(config: Config, *, standby: bool) -> None:
    """What is being sent is brought to its end, and the next process need not wait for us."""
    running = asyncio.ensure_future(_run(config, standby=standby))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await running
    finally:
        if (manager := ServiceManager.found()) is not None:
            manager.stopping()


async def _run(config: Config, *, standby: bool) -> None:
    if not config.keys.passphrase:
        app = await App.open(config, standby=standby)
    else:
        watchers = watchers_of(config)

        async def attempt(keys: Passphrase) -> App:
            return await App.open(config, keys=keys, standby=standby)

        async def locked() -> None:
            await asyncio.gather(*(watcher.trouble(["locked"]) for watcher in watchers))

        app = await unlocked(config.keys.socket, attempt, locked)
    await app.run()


@cli.command()
def check(config: ConfigPath = Path("config.toml")) -> None:
    """Look for weak settings: a line with a remedy for each, and exit status 1 if there is one."""
    found = weaknesses(config, load_or_exit(config), os.environ, root=os.geteuid() == 0)
    for weakness in found:
        typer.echo(f"{weakness.setting}: {weakness.remedy}")
    if found:
        raise typer.Exit(1)
    typer.echo("OK: no weak setting.")


@cli.command("unlock")
def unlock_command(config: ConfigPath = Path("config.toml")) -> None:
    """Give the passphrase to a bot that was started and waits for it."""

    async def say() -> None:
        if not await unlock(load_or_exit(config).keys.socket, asked("Passphrase")):
            raise KeyFileError("keys: that passphrase does not open this database; nothing was changed")
        typer.echo("The bot is open.")

    go(say())


def no_traces() -> None:
    """No core dump of this process: it would hold the keys and everything that was read."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@cli.command("panic-off")
def panic_off(
    config: ConfigPath = Path("config.toml"),
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Look whether each step could be done; change nothing.")
    ] = False,
    destroy: Annotated[
        bool, typer.Option("--destroy", help="Erase the data keys too: no backup of the key helps.")
    ] = False,
) -> None:
    """Shut everything off: stop the bot, tell the members, sign off, erase the key."""
    quiet_logs()
    no_traces()
    settings = load_or_exit(config)
    if not rehearse:
        typer.echo("This stops the bot for good: docs/shutdown.md. Type SHUT OFF (or APAGAR):")
        if sys.stdin.readline().strip().casefold() not in WORDS:
            typer.echo("Nothing was done.")
            raise typer.Exit(1)

    async def work() -> None:
        keys = source_of(settings)
        if not await shut_off(settings, keys, typer.echo, rehearse=rehearse, destroy=destroy):
            raise ConfigError("panic-off: not everything was done; see above, and docs/shutdown.md")

    go(work())


@cli.command()
def aside(config: ConfigPath = Path("config.toml")) -> None:
    """List what was set aside: events that failed, messages that did not arrive. No content."""

    async def show(tx: Transaction) -> None:
        for event in await tx.inbox.aside():
            typer.echo(f"event {event.id} {event.platform} {event.received_at:%F %T}Z {event.error}")
        for row in await tx.outbox.aside():
            lane = row.lane.name.lower()
            at = f"{row.created_at:%F %T}Z"
            typer.echo(f"message {row.seq} {row.platform} {at} {lane} {row.state} {row.error}")

    go(_with_database(load_or_exit(config), show))


@cli.command()
def replay(
    events: Annotated[
        list[int] | None, typer.Option("--event", help="Number of an event that was set aside.")
    ] = None,
    messages: Annotated[
        list[int] | None,
        typer.Option("--message", help="Number of a message. It may arrive a second time."),
    ] = None,
    every_event: Annotated[bool, typer.Option("--all-events")] = False,
    config: ConfigPath = Path("config.toml"),
) -> None:
    """Try again what was set aside; `aside` gives the numbers. The bot may be running."""

    async def again(tx: Transaction) -> None:
        found = await tx.inbox.replay(None if every_event else events or [])
        found += await tx.outbox.replay(messages or [], SystemClock().now())
        if not found:
            raise ConfigError("replay: nothing with these numbers is set aside: see acuerpa aside")
        typer.echo(f"{found} to be tried again")

    go(_with_database(load_or_exit(config), again))


async def _with_database(config: Config, work: Callable[[Transaction], Awaitable[None]]) -> None:
    """One transaction beside a bot that may be running."""
    database = Database(config.database.url, source_of(config))
    await database.open()
    try:
        async with database.transaction() as tx:
            await work(tx)
    finally:
        await database.close()


@group.command("create")
def group_create(name: str, config: ConfigPath = Path("config.toml")) -> None:
    """Make a group, and print the invitation of its first coordinator."""
    go(_create(load_or_exit(config), name))


async def _create(config: Config, name: str) -> None:
    database = Database(config.database.url, source_of(config))
    await database.open()
    async with database.transaction() as tx:
        made = await create(
            Context(tx, SystemClock().now(), settings_of(config, [])), " ".join(name.split())
        )
    await database.close()
    if made is None:
        raise ConfigError(f"there is a group named {name} already: choose another name")
    typer.echo("The first coordinator writes this word to the bot, within 24 hours:")
    typer.echo(made[1])


def load_or_exit(path: Path) -> Config:
    """The configuration, or one line and exit status 1."""
    try:
        return load(path)
    except ConfigError as error:
        typer.echo(f"acuerpa: {error}", err=True)
        raise typer.Exit(1) from None


@cli.command()
def demo(
    port: Annotated[
        int, typer.Option(help="Where the page is served, on this machine only.")
    ] = 8765,
) -> None:
    """Open the sandbox: a group of people, a clock to speed up, and no account anywhere."""
    from bot.demo import serve

    quiet_logs()
    go(serve(port))


def main() -> None:
    """The entry point."""
    cli()
