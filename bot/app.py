"""Builds everything: the only place that knows all of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from bot.acquaintances import PeopleWeKnow
from bot.config import Config, ConfigError
from bot.engine.acting import Acting, NotActing
from bot.engine.audit import Watcher
from bot.engine.clock import Clock, SystemClock
from bot.engine.clock import steady as real_steady
from bot.engine.engine import Engine
from bot.platforms.base import Platform
from bot.watch import Monitor, ServiceManager
from handlers.router import Router, menu
from handlers.settings import Settings
from storage.database import Database
from storage.keys import KeyFile, KeySource
from storage.retention import Keep
from storage.sealed_facts import SealedFacts


def new_token() -> str:
    """128 random bits, safe in a link and in a button."""
    return secrets.token_urlsafe(16)


def settings_of(config: Config, platforms: Iterable[Platform]) -> Settings:
    """What the handlers are given."""
    return Settings(
        language=config.language,
        zone=config.zone,
        token=new_token,
        operators=config.operators,
        canary=config.watch.canary if config.operators else None,
        links={str(p.name): p.invitation_link for p in platforms},
    )


def platforms_of(
    config: Config,
    database: Database,
    clock: Clock,
    permit: Callable[[], None] = lambda: None,
) -> list[Platform]:
    """The platforms that are configured. Raises `ConfigError` if there is none.

    Each is imported only if it is used: a bot on Telegram alone needs nothing of Matrix.
    """
    made: list[Platform] = []
    if config.telegram is not None:
        from bot.platforms.telegram.platform import TelegramPlatform

        telegram = TelegramPlatform(
            token=config.telegram.token.get_secret_value(),
            base_url=config.telegram.base_url,
            now=clock.now,
            permit=permit,
        )
        telegram.limits = replace(
            telegram.limits,
            per_second=config.telegram.per_second,
            per_chat=config.telegram.per_chat,
        )
        made.append(telegram)
    if config.matrix is not None:
        from bot.platforms.matrix.platform import MatrixPlatform

        password = config.matrix.password
        config.matrix.store.mkdir(mode=0o700, parents=True, exist_ok=True)
        made.append(
            MatrixPlatform(
                homeserver=config.matrix.homeserver,
                user_id=config.matrix.user_id,
                password=password.get_secret_value() if password else None,
                store_path=config.matrix.store,
                pickle_key=database.matrix_key.hex(),
                secrets=SealedFacts(database),
                acquaintances=PeopleWeKnow(database, "matrix", config.operators, clock),
                now=clock.now,
            )
        )
    if not made:
        raise ConfigError("telegram, matrix: neither is configured: see config.example.toml")
    return made


class App:
    """One installation: the database, the platforms and the engine over them."""

    def __init__(
        self,
        config: Config,
        database: Database,
        clock: Clock,
        steady: Callable[[], float] | None = None,
    ) -> None:
        self.database = database
        self.clock = clock
        # The right to act is shared with other processes, so its time is real.
        lease = timedelta(seconds=config.fence.lease)
        self.acting = Acting(database, SystemClock(), real_steady, lease)
        self.platforms = platforms_of(config, database, clock, self.acting.permit)
        self.settings = settings_of(config, self.platforms)
        self.engine = Engine(
            database,
            self.platforms,
            Router(self.settings),
            clock,
            acting=self.acting,
            steady=steady,
            watchers=watchers_of(config),
            audit=config.watch.interval,
            canary=self.settings.canary is not None,
            keep=Keep(
                messages=timedelta(days=config.retention.messages),
                checkins=timedelta(days=config.retention.checkins),
                incidents=timedelta(days=config.retention.incidents),
            ),
        )

    @classmethod
    async def open(
        cls, config: Config, clock: Clock | None = None, keys: KeySource | None = None
    ) -> App:
        """Open what the configuration names; `clock` is for tests, and simulated.

        `keys` is where the master key comes from if it is not the configuration's file. Raises
        `ConfigError`, `StorageError` or `KeyFileError`, each one line with the remedy.
        """
        database = Database(config.database.url, keys or KeyFile(config.keys.file))
        await database.open()
        if clock is not None:
            return cls(config, database, clock)
        return cls(config, database, SystemClock(), real_steady)

    async def run(self, *, standby: bool = False) -> None:
        """Run until cancelled. Raises `Occupied` while another process acts.

        `standby` waits for its turn, and goes back to waiting when another one takes over.
        """
        try:
            while True:
                await self.acting.take(wait=standby)
                try:
                    await self.engine.run(menu(self.clock.now()))
                except* NotActing:
                    if not standby:
                        raise
        finally:
            await self.acting.let_go()
            await self.database.close()


def watchers_of(config: Config) -> list[Watcher]:
    """Who is told whether all is well: the monitor of the configuration, and systemd."""
    found: list[Watcher] = []
    if config.watch.url is not None:
        found.append(Monitor(config.watch.url.get_secret_value()))
    manager = ServiceManager.found()
    if manager is not None:
        found.append(manager)
    return found
