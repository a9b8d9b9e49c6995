"""Builds everything: the only place that knows all of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from bot.acquaintances import PeopleWeKnow
from bot.archiving import Archive
from bot.backups.making import Backups
from bot.config import Config, ConfigError
from bot.engine.acting import Acting
from bot.engine.archiving import Archiving
from bot.engine.backing import Backing
from bot.engine.clock import Clock, SystemClock
from bot.engine.clock import steady as real_steady
from bot.engine.engine import Engine
from bot.engine.persist import persist
from bot.engine.telling import Watcher
from bot.files.cleaner import Cleaner
from bot.files.values import MEGA, Limits
from bot.following.looking import Looking
from bot.platforms.base import Platform, PlatformError
from bot.signing.minisign import is_signed
from bot.watch import Monitor, ServiceManager
from handlers.router import Router, menu
from handlers.settings import Settings
from storage.database import Database
from storage.fence import NotActing
from storage.keys import KeyFile, KeySource
from storage.retention import Keep
from storage.sealed_facts import SealedFacts


def new_token() -> str:
    """128 random bits, safe in a link and in a button."""
    return secrets.token_urlsafe(16)


def settings_of(config: Config, given: Iterable[Platform]) -> Settings:
    """What the handlers are given."""
    platforms = list(given)
    return Settings(
        language=config.language,
        zone=config.zone,
        token=new_token,
        operators=config.operators,
        canary=config.watch.canary if config.operators else None,
        questions=timedelta(hours=config.retention.questions),
        largest_file=config.files.max_mb * MEGA,
        archive=config.archive.url,
        links={str(p.name): p.invitation_link for p in platforms},
        messages_of={str(p.name): p.messages_of for p in platforms},
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


def archive_of(config: Config, database: Database) -> Archiving | None:
    """What writes the public archive; None where there is none."""
    if config.archive.folder is None:
        return None
    return Archive(database, config.archive, config.language, config.zone).write


def backups_of(config: Config, database: Database) -> Backing | None:
    """What makes backups; None where the configuration names no folder for them."""
    return None if config.backup.folder is None else Backups(config, database)


class App:
    """One installation: the database, the platforms and the engine over them."""

    def __init__(
        self,
        config: Config,
        database: Database,
        acting: Acting,
        clock: Clock,
        steady: Callable[[], float] | None = None,
        *,
        standby: bool = False,
    ) -> None:
        self.config = config
        self.database = database
        self.acting = acting
        self.clock = clock
        self._steady = steady
        self._standby = standby
        self.platforms = platforms_of(config, database, clock, acting.permit)
        self.settings = settings_of(config, self.platforms)
        self.engine = self._new_engine()

    def _new_engine(self) -> Engine:
        """One that knows nothing of an earlier time in which we acted."""
        config = self.config
        return Engine(
            self.database,
            self.platforms,
            Router(self.settings),
            self.clock,
            acting=self.acting,
            steady=self._steady,
            watchers=watchers_of(config),
            audit=config.watch.interval,
            canary=self.settings.canary is not None,
            keep=Keep(
                messages=timedelta(days=config.retention.messages),
                checkins=timedelta(days=config.retention.checkins),
                incidents=timedelta(days=config.retention.incidents),
                archived=config.archive.folder is not None,
            ),
            cleaning=Cleaner(Limits(size=self.settings.largest_file)).cleaned,
            largest_file=self.settings.largest_file,
            following=Looking(verify=is_signed).look,
            archiving=archive_of(config, self.database),
            backing=backups_of(config, self.database),
        )

    @classmethod
    async def open(
        cls,
        config: Config,
        clock: Clock | None = None,
        keys: KeySource | None = None,
        *,
        standby: bool = False,
    ) -> App:
        """Open what the configuration names; `clock` is for tests, and simulated.

        `keys` is where the master key comes from if it is not the configuration's file. `standby`
        waits while another process acts, here as in `run`. Raises `ConfigError`, `StorageError`,
        `KeyFileError` or `Occupied`, each one line with the remedy.
        """
        database = Database(config.database.url, keys or KeyFile(config.keys.file))
        # The right to act is shared with other processes, so its time is real.
        lease = timedelta(seconds=config.fence.lease)
        acting = Acting(database, SystemClock(), real_steady, lease)
        if keys is None:  # who gives a passphrase hears at once whether it is the right one
            await acting.queue(wait=standby, waiting=_standing_by)
        await database.open()
        if clock is not None:
            return cls(config, database, acting, clock, standby=standby)
        return cls(config, database, acting, SystemClock(), real_steady, standby=standby)

    async def run(self) -> None:
        """Run until cancelled. Raises `Occupied` while another process acts, and `StorageError`.

        On standby it waits for its turn, and goes back to waiting when another one takes over.
        """
        try:
            while True:
                await persist(
                    "fence",
                    lambda: self.acting.take(wait=self._standby, waiting=_standing_by),
                )
                try:
                    await self.engine.run(menu(self.clock.now()))
                except* (NotActing, PlatformError) as error:
                    if not self._standby or not await self._is_replaced(error):
                        raise
                await self.acting.let_go()
                self.engine = self._new_engine()
        finally:
            await self.acting.let_go()
            await self.database.close()

    async def _is_replaced(self, error: ExceptionGroup[Exception]) -> bool:
        """Whether it ended because another process acts: it polls our account as well, so that the
        platform may have said so before the database did."""
        platforms = error.subgroup(lambda e: isinstance(e, PlatformError) and not e.conflict)
        return platforms is None and await self.acting.is_lost()


def _standing_by() -> None:
    if (manager := ServiceManager.found()) is not None:
        manager.standing_by()


def watchers_of(config: Config) -> list[Watcher]:
    """Who is told whether all is well: the monitor of the configuration, and systemd."""
    found: list[Watcher] = []
    if config.watch.url is not None:
        found.append(Monitor(config.watch.url.get_secret_value()))
    manager = ServiceManager.found()
    if manager is not None:
        found.append(manager)
    return found
