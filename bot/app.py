"""Builds everything: the only place that knows all of it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from bot.config import Config, ConfigError
from bot.engine.clock import Clock, SystemClock
from bot.engine.engine import Engine
from bot.platforms.base import Platform
from handlers.router import Router, menu
from handlers.settings import Settings
from storage.database import Database
from storage.sealing import SealedFacts, Sealer, load_key


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
        links={str(p.name): p.invitation_link for p in platforms},
    )


def platforms_of(
    config: Config, database: Database, sealer: Sealer, clock: Clock
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
                pickle_key=sealer.derive("matrix.pickle").hex(),
                secrets=SealedFacts(database, sealer),
                now=clock.now,
            )
        )
    if not made:
        raise ConfigError("telegram, matrix: neither is configured: see config.example.toml")
    return made


class App:
    """One installation: the database, the platforms and the engine over them."""

    def __init__(
        self, database: Database, platforms: list[Platform], settings: Settings, clock: Clock
    ) -> None:
        self.database = database
        self.platforms = platforms
        self.settings = settings
        self.clock = clock
        self.engine = Engine(database, platforms, Router(settings), clock)

    @classmethod
    async def open(cls, config: Config, clock: Clock | None = None) -> App:
        """Open what the configuration names.

        Raises `ConfigError`, `StorageError` or `KeyFileError`, each one line with the remedy.
        """
        clock = clock or SystemClock()
        sealer = load_key(Path(config.keys.file))
        database = Database(config.database.url)
        await database.open()
        platforms = platforms_of(config, database, sealer, clock)
        return cls(database, platforms, settings_of(config, platforms), clock)

    async def run(self) -> None:
        """Run until cancelled."""
        try:
            await self.engine.run(menu(self.clock.now()))
        finally:
            await self.database.close()
