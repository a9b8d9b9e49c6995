"""`acuerpa run`, `unlock`, `demo`: a process that goes on until it is stopped."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import structlog
import typer

from bot.app import App, watchers_of
from bot.commands.common import ConfigPath, asked, go, load_or_exit, refuse_exposed
from bot.commands.logs import no_traces, quiet_logs
from bot.config import Config, ConfigError
from bot.engine.objects import keep_what_is_there
from bot.proxies import silence
from bot.unlocking import unlock as unlock_door
from bot.unlocking import unlocked
from bot.watch import ServiceManager
from storage.keys import KeyFileError, Passphrase

if TYPE_CHECKING:
    from bot.metrics import Metrics

log = structlog.get_logger(__name__)


def run(
    config: ConfigPath = Path("config.toml"),
    standby: Annotated[
        bool, typer.Option(help="Wait while another process acts, and take over when it fails.")
    ] = False,
    worker: Annotated[
        bool,
        typer.Option(
            help="On PostgreSQL: work beside the process that acts, and take over when it fails."
        ),
    ] = False,
) -> None:
    """Run the bot until it is stopped (SIGTERM, or Ctrl-C)."""
    settings = load_or_exit(config)
    quiet_logs(settings.log.format)
    no_traces()
    go(_until_stopped(settings, standby=standby, worker=worker))


async def _until_stopped(config: Config, *, standby: bool, worker: bool) -> None:
    """What is being sent is brought to its end, and the next process need not wait for us."""
    running = asyncio.ensure_future(_run(config, standby=standby, worker=worker))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await running
    finally:
        if (manager := ServiceManager.found()) is not None:
            manager.stopping()


async def _run(config: Config, *, standby: bool, worker: bool) -> None:
    await refuse_exposed(config)
    await _refuse_silent_proxies(config)
    if config.http.listen is None:
        await _go(config, _Unseen(), None, standby=standby, worker=worker)
        return
    from bot.serving import View, serving  # with a server and Prometheus, which few need

    view = View(config)
    async with serving(view):
        await _go(config, view, view.metrics, standby=standby, worker=worker)


class _Seen(Protocol):
    """What can be seen from outside."""

    standing: str
    app: App | None


@dataclass
class _Unseen:
    """Nothing is."""

    standing: str = ""
    app: App | None = None


async def _go(
    config: Config, seen: _Seen, metrics: Metrics | None, *, standby: bool, worker: bool
) -> None:
    if not config.keys.passphrase:
        seen.standing = "standby" if standby else "starting"
        app = await App.open(config, standby=standby, worker=worker, metrics=metrics)
    else:
        watchers = watchers_of(config)
        seen.standing = "locked"

        async def attempt(keys: Passphrase) -> App:
            return await App.open(config, keys=keys, standby=standby, worker=worker, metrics=metrics)

        async def locked() -> None:
            await asyncio.gather(*(watcher.trouble(["locked"]) for watcher in watchers))

        app = await unlocked(config.keys.socket, attempt, locked)
    seen.app = app
    keep_what_is_there()
    await app.run()


async def _refuse_silent_proxies(config: Config) -> None:
    """Nothing starts where every platform's proxy is silent. Raises `ConfigError`.

    Where another platform is left, the one behind a silent proxy is down, and nothing of it goes
    directly: docs/decisions/0004.
    """
    used = [name for name in ("telegram", "matrix") if getattr(config, name) is not None]
    proxies = {name: proxy for name in used if (proxy := config.proxy_of(name)) is not None}
    silent = {name: why for name, proxy in proxies.items() if (why := await silence(proxy))}
    if silent and len(silent) == len(used):
        name, why = next(iter(silent.items()))
        raise ConfigError(
            f"{name}.proxy: {why}: start it, or correct the setting; nothing goes directly meanwhile"
        )
    for name, why in silent.items():
        log.warning("proxy.silent", platform=name, why=why)


def unlock(config: ConfigPath = Path("config.toml")) -> None:
    """Give the passphrase to a bot that was started and waits for it."""

    async def say() -> None:
        if not await unlock_door(load_or_exit(config).keys.socket, asked("Passphrase")):
            raise KeyFileError("keys: that passphrase does not open this database; nothing was changed")
        typer.echo("The bot is open.")

    go(say())


def demo(
    port: Annotated[
        int, typer.Option(help="Where the page is served, on this machine only.")
    ] = 8765,
) -> None:
    """Open the sandbox: a group of people, a clock to speed up, and no account anywhere."""
    from bot.demo import serve

    quiet_logs()
    go(serve(port))
