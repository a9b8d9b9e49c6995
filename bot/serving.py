"""Where a monitor looks: whether the process lives, whether it is ready, and its metrics.

On this machine alone, unless it is told otherwise. Nothing that is served names anybody; what is said in
words are the names of findings (docs/en/operating.md) and of platforms.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from bot.app import App
from bot.config import Config, ConfigError
from bot.metrics import Metrics, State
from storage.census import Census, census
from storage.database import StorageError
from storage.fence import NotActing

log = structlog.get_logger(__name__)

COUNT_EVERY = 10.0
"""Seconds for which what was counted in the database is told again: who asks often costs nothing."""

ANSWER = 5.0
"""Seconds that the database has to be counted."""

STALE = 120.0
"""Seconds after which the newest audit says nothing any more, where audits are not farther apart. It is
told of once every part has gone round, which takes as long as a platform may keep us waiting."""


class View:
    """What can be seen of the process from outside.

    `standing` is how it stands as long as there is no `app`: starting, locked, standby.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.standing = "starting"
        self.app: App | None = None
        platforms = [name for name in ("telegram", "matrix") if getattr(config, name) is not None]
        self.metrics = Metrics(platforms)
        self._platforms = platforms
        self._census: Census | None = None
        self._counted = -COUNT_EVERY
        self._turn = asyncio.Lock()
        self.metrics.registry.register(
            State(
                self.metrics, lambda: self.acting, self._up, lambda: self._census, self._backup,
                backups=config.backup.folder is not None, incidents=config.http.incidents,
            )
        )  # fmt: skip

    @property
    def acting(self) -> bool:
        """Whether the process may send now."""
        if self.app is None:
            return False
        try:
            self.app.acting.permit()
        except NotActing:
            return False
        return True

    def silent(self) -> list[str]:
        """The parts of the engine that stand still, if one runs at all."""
        if self.app is None:
            return []
        parts: list[str] = []
        if self.acting:
            parts = self.app.engine.silent()
        elif self.app.worker is not None:
            parts = self.app.worker.silent()
        return [f"part_silent:{part}" for part in parts]

    def unready(self) -> list[str]:
        """Why it is not ready to alarm anybody; nothing if it is. A worker that works is."""
        if self.app is None:
            return [self.standing]
        if not self.acting:
            works = self.app.worker is not None and self.app.worker.working
            return self.silent() if works else ["standby"]
        why = self.silent()
        why += [f"platform_silent:{name}" for name, up in self._up().items() if not up]
        newest = self.metrics.audited
        if newest is None or time.time() - newest > max(STALE, 3 * self.config.watch.interval):
            why.append("not_audited")
        return sorted({*why, *self.metrics.findings})

    async def count(self) -> None:
        """Ask the database what waits, unless that was just done."""
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if self.app is None or now - self._counted < COUNT_EVERY:
                return
            self._counted = now
            self._census = None
            try:
                async with asyncio.timeout(ANSWER), self.app.database.looking() as connection:
                    self._census = await census(connection, self.app.clock.now())
            except (StorageError, TimeoutError) as error:
                log.warning("http.not_counted", error=type(error).__name__)

    def _up(self) -> dict[str, bool]:
        if self.app is None or not self.acting:
            return dict.fromkeys(self._platforms, False)
        return self.app.engine.answering

    def _backup(self) -> datetime | None:
        return self.app.engine.newest_backup if self.app is not None else None


def pages(view: View) -> web.Application:
    """The three pages."""

    async def health(_: web.Request) -> web.Response:
        """That this is answered at all is the news: the loop goes round."""
        return _said(view.silent())

    async def ready(_: web.Request) -> web.Response:
        return _said(view.unready())

    async def metrics(_: web.Request) -> web.Response:
        await view.count()
        return web.Response(body=view.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/health", health)
    app.router.add_get("/ready", ready)
    app.router.add_get("/metrics", metrics)
    return app


def _said(why: list[str]) -> web.Response:
    status = 503 if why else 200
    return web.json_response({"ok": not why, "why": why}, status=status)


@asynccontextmanager
async def serving(view: View) -> AsyncIterator[None]:
    """Serve while the block runs, if the configuration wants it. Raises `ConfigError`."""
    listen = view.config.http.listen
    if listen is None:
        yield
        return
    runner = web.AppRunner(pages(view), access_log=None, handle_signals=False)
    await runner.setup()
    lag = asyncio.create_task(view.metrics.watch_the_loop())
    try:
        await _open(runner, listen)
        yield
    finally:
        lag.cancel()
        await runner.cleanup()


async def _open(runner: web.AppRunner, listen: str) -> None:
    try:
        if listen.startswith("/"):
            Path(listen).unlink(missing_ok=True)
            before = os.umask(0o117)  # for this account and its group, such as a web server's
            try:
                await web.UnixSite(runner, listen).start()
            finally:
                os.umask(before)
        else:
            host, _, port = listen.rpartition(":")
            await web.TCPSite(runner, host.strip("[]"), int(port)).start()
    except OSError as error:
        raise ConfigError(
            f"http.listen: cannot be opened ({error.strerror}): does another program listen there?"
        ) from None
