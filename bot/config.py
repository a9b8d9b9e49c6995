"""The configuration: a TOML file, read once at start, each mistake named with its remedy."""

from __future__ import annotations

import os
import re
import tomllib
from datetime import time
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.texts import available
from bot.texts.catalogue import CatalogueError, use_folder


class ConfigError(Exception):
    """The configuration is wrong. One line that names the setting and the remedy."""


def _known_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("is no time zone; write one such as America/Mexico_City")
    return value


def _known_language(value: str) -> str:
    if value not in available():
        raise ValueError(f"has no catalogue; there are {', '.join(available())}")
    return value


def _account(value: str) -> str:
    platform, _, address = value.partition(":")
    if platform not in ("telegram", "matrix") or not address:
        raise ValueError('is no account; write "telegram:123456" or "matrix:@name:server"')
    return value


class Section(BaseModel):
    """A table of the file; a setting that is not known is a mistake, not a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _secret(values: dict[str, Any], name: str) -> None:
    """Read `<name>_file` into `<name>`."""
    path = values.pop(f"{name}_file", None)
    if path is None:
        return
    if name in values:
        raise ValueError(f"has both {name} and {name}_file; keep one")
    try:
        values[name] = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"{name}_file cannot be read: {error.strerror}") from error


class DatabaseSection(Section):
    """Where everything is kept."""

    url: str = "acuerpa.db"


class KeysSection(Section):
    """Where the master key comes from: a file, or a passphrase that is asked for at each start."""

    file: Path = Path("acuerpa.key")
    passphrase: bool = False
    socket: Path = Path("acuerpa.sock")


class TelegramSection(Section):
    """The Telegram account of the bot."""

    token: SecretStr = Field(min_length=1)
    base_url: str | None = None
    per_second: float = Field(default=25, gt=0, le=1000)
    per_chat: float = Field(default=1, gt=0, le=1000)

    @model_validator(mode="before")
    @classmethod
    def _files(cls, values: dict[str, Any]) -> dict[str, Any]:
        values = dict(values)
        _secret(values, "token")
        if not values.get("token"):
            raise ValueError("needs token or token_file; BotFather gives the token")
        return values


class MatrixSection(Section):
    """The Matrix account of the bot."""

    homeserver: str
    user_id: str = Field(pattern=r"^@[^:]+:.+$")
    password: SecretStr | None = None
    store: Path = Path("matrix-store")

    @model_validator(mode="before")
    @classmethod
    def _files(cls, values: dict[str, Any]) -> dict[str, Any]:
        values = dict(values)
        _secret(values, "password")
        return values


class WatchSection(Section):
    """Who watches the bot from outside, and the canary that shows every day that alarms arrive."""

    url: SecretStr | None = None
    interval: float = Field(default=20, gt=0, le=300)
    canary: time | None = time(9)

    @model_validator(mode="before")
    @classmethod
    def _files(cls, values: dict[str, Any]) -> dict[str, Any]:
        values = dict(values)
        _secret(values, "url")
        if values.get("canary") == "":
            values["canary"] = None
        return values

    @field_validator("url")
    @classmethod
    def _address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"https?://[^/\s]+", value.get_secret_value()):
            raise ValueError("must be an address that begins with https:// (or http://)")
        return value


class RetentionSection(Section):
    """How many days things are kept once they are over; a question in its chat, how many hours."""

    messages: int = Field(default=7, ge=1, le=3650)
    checkins: int = Field(default=30, ge=1, le=3650)
    incidents: int = Field(default=365, ge=1, le=3650)
    questions: int = Field(default=24, ge=1, le=720)


class FilesSection(Section):
    """Images and documents of denunciations."""

    max_mb: int = Field(default=10, ge=1, le=20)


class ArchiveSection(Section):
    """The public archive: a folder that any web server serves, and the address at which it is read."""

    folder: Path | None = None
    url: str = ""
    title: str = "Denuncias públicas"
    contact: str = ""

    @model_validator(mode="after")
    def _both(self) -> ArchiveSection:
        if bool(self.folder) != bool(self.url):
            raise ValueError("needs folder and url, or neither: the pages name the address they are at")
        if self.url and (not re.match(r"https?://[^/\s]+", self.url) or self.url.endswith("/")):
            raise ValueError("url must begin with https:// (or http://) and end without a slash")
        return self


class BackupSection(Section):
    """Where backups go, to whose public keys they are encrypted, how often, and how many are kept."""

    folder: Path | None = None
    recipients: tuple[str, ...] = ()
    every: float = Field(default=24, ge=1, le=24 * 31)
    keep: int = Field(default=14, ge=2, le=10000)
    scratch: Path | None = None

    @model_validator(mode="after")
    def _never_in_the_clear(self) -> BackupSection:
        if self.folder is not None and not self.recipients:
            raise ValueError(
                "needs recipients: nothing is backed up in the clear; acuerpa backup-key makes a key"
            )
        for one in self.recipients:
            if not re.fullmatch(r"age1[02-9ac-hj-np-z]{58}", one):
                raise ValueError(
                    "recipients has one that is no public key of age: age1 and 58 letters, as acuerpa "
                    "backup-key or age-keygen showed it"
                )
        return self


class TextsSection(Section):
    """Catalogues of a community's own, beside those that are shipped."""

    folder: Path | None = None


class FenceSection(Section):
    """How a second process knows that the one which acts is frozen."""

    lease: float = Field(default=15, ge=0.3, le=300)


class Config(BaseSettings):
    """Everything that an operator sets. Environment variables `ACUERPA_…` come before the file."""

    model_config = SettingsConfigDict(
        extra="forbid", env_prefix="ACUERPA_", env_nested_delimiter="__", frozen=True
    )

    language: Annotated[str, AfterValidator(_known_language)] = "es"
    zone: Annotated[str, AfterValidator(_known_zone)] = "America/Mexico_City"
    operators: frozenset[Annotated[str, AfterValidator(_account)]] = frozenset()
    database: DatabaseSection = DatabaseSection()
    keys: KeysSection = KeysSection()
    watch: WatchSection = WatchSection()
    fence: FenceSection = FenceSection()
    files: FilesSection = FilesSection()
    retention: RetentionSection = RetentionSection()
    texts: TextsSection = TextsSection()
    archive: ArchiveSection = ArchiveSection()
    backup: BackupSection = BackupSection()
    telegram: TelegramSection | None = None
    matrix: MatrixSection | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file."""
        return env_settings, init_settings


def load(path: Path) -> Config:
    """Read and check. Raises `ConfigError`."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}): copy config.example.toml there"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from error
    _use_texts(values)
    try:
        return Config(**values)
    except ValidationError as error:
        raise ConfigError(_one_line(error)) from None


def _use_texts(values: dict[str, Any]) -> None:
    """The community's catalogues, before a setting names one of their languages."""
    section = values.get("texts")
    folder = os.environ.get("ACUERPA_TEXTS__FOLDER") or (
        section.get("folder") if isinstance(section, dict) else None
    )
    try:
        use_folder(Path(folder) if isinstance(folder, str) and folder else None)
    except CatalogueError as error:
        raise ConfigError(str(error)) from None


def _one_line(error: ValidationError) -> str:
    """The first mistake, by the setting's name, without its value, which may be a secret."""
    first = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"] if not isinstance(part, int)) or "the file"
    match first["type"]:
        case "extra_forbidden":
            return f"{name}: no such setting: see config.example.toml"
        case "missing":
            return f"{name}: is missing: see config.example.toml"
        case _:
            return f"{name}: {first['msg'].removeprefix('Value error, ')}"
