"""Builds everything: the only place that knows all of it.

What is used only by some installations is imported only there: it would be a tenth of the memory, and of
the time until the first alarm can leave.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import structlog

from bot.acquaintances import PeopleWeKnow
from bot.config import Config, ConfigError
from bot.engine.acting import Acting
from bot.engine.archiving import Archiving
from bot.engine.backing import Backing
from bot.engine.clock import Clock, SystemClock
from bot.engine.clock import steady as real_steady
from bot.engine.engine import Engine
from bot.engine.persist import persist
from bot.engine.telling import Watcher
from bot.engine.workers import WorkerEngine
from bot.files.cleaner import Cleaner
from bot.files.values import MEGA, Limits
from bot.following.looking import Looking
from bot.observing import observed_handlers, observed_platform
from bot.platforms.base import Platform, PlatformError
from bot.signing.minisign import is_signed
from bot.watch import Monitor, ServiceManager
from handlers.entries import menu
from handlers.router import Router
from handlers.settings import Settings
from storage.database import Database
from storage.fence import WORKER, NotActing
from storage.keys import KeyFile, KeySource
from storage.retention import Keep
from storage.sealed_facts import SealedFacts

if TYPE_CHECKING:
    from bot.metrics import Metrics

log = structlog.get_logger(__name__)

CONNECT, CONNECT_THROUGH_A_PROXY = 5.0, 30.0
"""Seconds to reach Telegram; Tor may have to build a way first."""


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

        proxy = config.proxy_of("telegram")
        telegram = TelegramPlatform(
            token=config.telegram.token.get_secret_value(),
            base_url=config.telegram.base_url,
            proxy=proxy,
            now=clock.now,
            permit=permit,
            connect_timeout=CONNECT if proxy is None else CONNECT_THROUGH_A_PROXY,
        )
        telegram.limits = replace(
            telegram.limits,
            per_second=config.telegram.per_second,
            per_chat=config.telegram.per_chat,
            concurrency=config.telegram.at_once,
        )
        made.append(telegram)
    if config.matrix is not None:
        from bot.platforms.matrix.platform import MatrixPlatform

        password = config.matrix.password
        config.matrix.store.mkdir(mode=0o700, parents=True, exist_ok=True)
        matrix = MatrixPlatform(
            homeserver=config.matrix.homeserver,
            user_id=config.matrix.user_id,
            password=password.get_secret_value() if password else None,
            proxy=config.proxy_of("matrix"),
            store_path=config.matrix.store,
            pickle_key=database.matrix_key.hex(),
            secrets=SealedFacts(database),
            acquaintances=PeopleWeKnow(database, "matrix", config.operators, clock),
            now=clock.now,
        )
        matrix.limits = replace(
            matrix.limits, per_second=config.matrix.per_second, per_chat=config.matrix.per_chat
        )
        made.append(matrix)
    if not made:
        raise ConfigError("telegram, matrix: neither is configured: see config.example.toml")
    return made


def archive_of(config: Config, database: Database) -> Archiving | None:
    """What writes the public archive; None where there is none."""
    if config.archive.folder is None:
        return None
    from bot.archiving import Archive

    return Archive(database, config.archive, config.language, config.zone).write


def backups_of(config: Config, database: Database) -> Backing | None:
    """What makes backups; None where the configuration names no folder for them."""
    if config.backup.folder is None:
        return None
    from bot.backups.making import Backups

    return Backups(config, database)


class Worker:
    """This process beside the one that acts: with connections, and a right to do things, of its own."""

    def __init__(
        self, config: Config, keys: KeySource | None, clock: Clock, metrics: Metrics | None = None
    ) -> None:
        self._config = config
        self._keys = keys or KeyFile(config.keys.file)
        self._clock = clock
        self._metrics = metrics
        self._engine: WorkerEngine | None = None

    @property
    def working(self) -> bool:
        """Whether it works just now."""
        return self._engine is not None

    def silent(self) -> list[str]:
        """The parts that stand still."""
        return self._engine.silent() if self._engine is not None else []

    async def work_until(self, turn: Coroutine[Any, Any, None]) -> None:
        """Work until it is our turn to act. What is being sent is brought to its end before."""
        leading = asyncio.create_task(turn)
        try:
            while not leading.done():
                working = asyncio.create_task(persist("worker", self._work))
                await asyncio.wait({leading, working}, return_when=asyncio.FIRST_COMPLETED)
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working
            await leading
        finally:
            leading.cancel()

    async def _work(self) -> None:
        """Under a name of its own, until we are stopped, or were taken for dead."""
        database = Database(self._config.database.url, self._keys, f"{WORKER}{token_hex(6)}")
        lease = timedelta(seconds=self._config.fence.lease)
        acting = Acting(database, SystemClock(), real_steady, lease)
        try:
            await database.open()
            platforms = platforms_of(self._config, database, self._clock, acting.permit)
            await acting.take()
            _tell_of(database, self._metrics)
            self._engine = WorkerEngine(
                database,
                [observed_platform(p, self._metrics) for p in platforms if p.many_senders],
                observed_handlers(Router(settings_of(self._config, platforms)), self._metrics),
                self._clock,
                acting,
                [manager] if (manager := ServiceManager.found()) is not None else [],
            )
            await self._engine.run()
        except* NotActing:
            log.warning("worker.replaced")  # it stood still; it begins anew under another name
        finally:
            self._engine = None
            await acting.let_go()
            await database.close()


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
        worker: Worker | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.config = config
        self.database = database
        self.acting = acting
        self.clock = clock
        self._steady = steady
        self._standby = standby or worker is not None
        self._worker = worker
        self._metrics = metrics
        _tell_of(database, metrics)
        self.platforms = platforms_of(config, database, clock, acting.permit)
        self.settings = settings_of(config, self.platforms)
        self.engine = self._new_engine()

    def _new_engine(self) -> Engine:
        """One that knows nothing of an earlier time in which we acted."""
        config = self.config
        inside = [] if self._metrics is None else [self._metrics]
        return Engine(
            self.database,
            [observed_platform(platform, self._metrics) for platform in self.platforms],
            observed_handlers(Router(self.settings), self._metrics),
            self.clock,
            acting=self.acting,
            steady=self._steady,
            watchers=[*watchers_of(config), *inside],
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
            following=Looking(verify=is_signed, proxy=config.proxy_of("following")).look,
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
        worker: bool = False,
        metrics: Metrics | None = None,
    ) -> App:
        """Open what the configuration names; `clock` is for tests, and simulated.

        `keys` is where the master key comes from if it is not the configuration's file. `standby`
        waits while another process acts, here as in `run`; a `worker` works meanwhile. Raises
        `ConfigError`, `StorageError`, `KeyFileError` or `Occupied`, each one line with the remedy.
        """
        database = Database(config.database.url, keys or KeyFile(config.keys.file))
        if worker and database.sqlite:
            raise ConfigError(
                "database.url: workers need postgresql://…; on a file one process acts, and --standby "
                "waits to take its place"
            )
        # The right to act is shared with other processes, so its time is real.
        lease = timedelta(seconds=config.fence.lease)
        acting = Acting(database, SystemClock(), real_steady, lease)
        if keys is None:  # who gives a passphrase hears at once whether it is the right one
            await acting.queue(wait=standby, waiting=_standing_by)
        await database.open()
        beside = Worker(config, keys, clock or SystemClock(), metrics) if worker else None
        steady = real_steady if clock is None else None
        return cls(
            config, database, acting, clock or SystemClock(), steady, standby=standby, worker=beside,
            metrics=metrics,
        )  # fmt: skip

    async def run(self) -> None:
        """Run until cancelled. Raises `Occupied` while another process acts, and `StorageError`.

        On standby it waits for its turn, and goes back to waiting when another one takes over; a
        worker works meanwhile.
        """
        try:
            while True:
                if self._worker is None:
                    await self._take()
                else:
                    await self._worker.work_until(self._take())
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

    @property
    def worker(self) -> Worker | None:
        """What it is as long as it is not our turn to act; None if it only waits."""
        return self._worker

    async def _take(self) -> None:
        """Our turn."""
        waiting = _standing_by if self._worker is None else lambda: None
        await persist("fence", lambda: self.acting.take(wait=self._standby, waiting=waiting))

    async def _is_replaced(self, error: ExceptionGroup[Exception]) -> bool:
        """Whether it ended because another process acts: it polls our account as well, so that the
        platform may have said so before the database did."""
        platforms = error.subgroup(lambda e: isinstance(e, PlatformError) and not e.conflict)
        if platforms is not None:
            return False
        return error.subgroup(NotActing) is not None or await self.acting.is_lost()


def _tell_of(database: Database, metrics: Metrics | None) -> None:
    if metrics is not None:
        database.observe = metrics.committed


def _standing_by() -> None:
    if (manager := ServiceManager.found()) is not None:
        manager.standing_by()


def watchers_of(config: Config) -> list[Watcher]:
    """Who is told whether all is well: the monitor of the configuration, and systemd."""
    found: list[Watcher] = []
    if config.watch.url is not None:
        found.append(Monitor(config.watch.url.get_secret_value(), config.proxy_of("watch")))
    manager = ServiceManager.found()
    if manager is not None:
        found.append(manager)
    return found
