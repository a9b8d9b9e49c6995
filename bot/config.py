"""The configuration: a TOML file, read once at start, each mistake named with its remedy."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from datetime import time
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal, get_args
from urllib.parse import parse_qs, urlsplit
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from bot import layers
from bot.layers import Found, LayerError, Values
from bot.mistakes import one_line
from bot.proxies import Proxy
from bot.texts import available
from bot.texts.catalogue import CatalogueError, use_folder


class ConfigError(Exception):
    """The configuration is wrong. One line that names the setting and the remedy."""


_zones = cache(available_timezones)


def known_zone(value: str) -> str:
    """An IANA time zone. Raises `ValueError`."""
    if value not in _zones():
        raise ValueError("is no time zone; write one such as America/Mexico_City")
    return value


def known_language(value: str) -> str:
    """A language that has a catalogue. Raises `ValueError`."""
    if value not in available():
        raise ValueError(f"has no catalogue; there are {', '.join(available())}")
    return value


def account(value: str) -> str:
    """An account with its platform. Raises `ValueError`."""
    platform, _, address = value.partition(":")
    if platform not in ("telegram", "matrix") or not address:
        raise ValueError('is no account; write "telegram:123456" or "matrix:@name:server"')
    return value


def whole_id(value: str) -> str:
    """A user id of Matrix with its server. Raises `ValueError`."""
    if not re.fullmatch(r"@[^:\s]+:\S+", value):
        raise ValueError('must be a full id such as "@acuerpa:example.org"')
    return value


def listed(value: object) -> object:
    """A variable has no lists: there it is one after the other, with commas or spaces between."""
    if not isinstance(value, str):
        return value
    return [part for part in re.split(r"[\s,\[\]\"']+", value) if part]


def _proxy(value: SecretStr) -> SecretStr:
    Proxy.read(value.get_secret_value())
    return value


ProxyAddress = Annotated[SecretStr, AfterValidator(_proxy)]
"""See `bot.proxies`. It may hold a password."""


def _is_loopback(host: str) -> bool:
    """Whether only this machine can come there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Section(BaseModel):
    """A table of the file; a setting that is not known is a mistake, not a wish.

    `secrets` are those that may also be in a file of their own, which `<name>_file` names, or a
    credential of systemd's, whose name is `<section>.<name>`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    secrets: ClassVar[tuple[str, ...]] = ()


class DatabaseSection(Section):
    """Where everything is kept. The address of a server may hold a password."""

    secrets = ("url",)

    url: str = Field(default="acuerpa.db", min_length=1, repr=False)


class KeysSection(Section):
    """Where the master key comes from: a file, or a passphrase that is asked for at each start."""

    file: Path = Path("acuerpa.key")
    passphrase: bool = False
    socket: Path = Path("acuerpa.sock")


class TelegramSection(Section):
    """The Telegram account of the bot."""

    secrets = ("token", "proxy")

    token: SecretStr = Field(min_length=1)
    base_url: str | None = None
    proxy: ProxyAddress | None = None
    per_second: float = Field(default=25, gt=0, le=1000)
    per_chat: float = Field(default=1, gt=0, le=1000)
    at_once: int = Field(default=8, ge=3, le=200)


class MatrixSection(Section):
    """The Matrix account of the bot."""

    secrets = ("password", "proxy")

    homeserver: str
    user_id: Annotated[str, AfterValidator(whole_id)]
    password: SecretStr | None = None
    proxy: ProxyAddress | None = None
    store: Path = Path("matrix-store")
    per_second: float = Field(default=10, gt=0, le=1000)
    per_chat: float = Field(default=5, gt=0, le=1000)


class WatchSection(Section):
    """Who watches the bot from outside, and the canary that shows every day that alarms arrive."""

    secrets = ("url", "proxy")

    url: SecretStr | None = None
    proxy: ProxyAddress | None = None
    interval: float = Field(default=20, gt=0, le=300)
    canary: time | None = time(9)

    @field_validator("canary", mode="before")
    @classmethod
    def _time(cls, value: object) -> object:
        if value == "":
            return None
        if isinstance(value, int | float):
            raise ValueError('must be a time of day such as "09:00", or "" for never')
        return value

    @field_validator("url")
    @classmethod
    def _address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"https?://[^/\s]+", value.get_secret_value()):
            raise ValueError("must be an address that begins with https:// (or http://)")
        return value


class FollowingSection(Section):
    """How the feeds of other organisations are asked for."""

    secrets = ("proxy",)

    proxy: ProxyAddress | None = None


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
            raise ValueError(
                "needs folder and url, or neither: the pages name the address they are at"
            )
        if self.url and (not re.match(r"https?://[^/\s]+", self.url) or self.url.endswith("/")):
            raise ValueError("url must begin with https:// (or http://) and end without a slash")
        return self


class BackupSection(Section):
    """Where backups go, to whose public keys they are encrypted, how often, and how many are kept."""

    folder: Path | None = None
    recipients: Annotated[tuple[str, ...], BeforeValidator(listed)] = ()
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


class HttpSection(Section):
    """Where a monitor looks: health, readiness and metrics."""

    listen: str | None = None
    public: bool = False
    incidents: bool = False

    @model_validator(mode="after")
    def _here(self) -> HttpSection:
        if self.listen is None or self.listen.startswith("/"):
            return self
        host, _, port = self.listen.rpartition(":")
        if not host or not port.isdecimal() or not 0 <= int(port) <= 65535:
            raise ValueError('listen must be such as "127.0.0.1:9464", or the path of a socket')
        if not self.public and not _is_loopback(host.strip("[]")):
            raise ValueError(
                "listen is open to other machines: write 127.0.0.1, and let a server with a password "
                "stand before it; or set public = true"
            )
        return self


class LogSection(Section):
    """How the log is written: as `key=value` for people, or as JSON for programs."""

    format: Literal["lines", "json"] = "lines"


class TextsSection(Section):
    """Catalogues of a community's own, beside those that are shipped."""

    folder: Path | None = None


class FenceSection(Section):
    """How a second process knows that the one which acts is frozen."""

    lease: float = Field(default=15, ge=0.3, le=300)


class Config(BaseModel):
    """Everything that an operator sets. `load` says where it comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: Annotated[str, AfterValidator(known_language)] = "es"
    zone: Annotated[str, AfterValidator(known_zone)] = "America/Mexico_City"
    operators: Annotated[
        frozenset[Annotated[str, AfterValidator(account)]], BeforeValidator(listed)
    ] = frozenset()
    database: DatabaseSection = DatabaseSection()
    keys: KeysSection = KeysSection()
    watch: WatchSection = WatchSection()
    fence: FenceSection = FenceSection()
    files: FilesSection = FilesSection()
    following: FollowingSection = FollowingSection()
    retention: RetentionSection = RetentionSection()
    texts: TextsSection = TextsSection()
    archive: ArchiveSection = ArchiveSection()
    backup: BackupSection = BackupSection()
    http: HttpSection = HttpSection()
    log: LogSection = LogSection()
    telegram: TelegramSection | None = None
    matrix: MatrixSection | None = None

    _lying: Mapping[str, Path] = PrivateAttr(default_factory=dict)

    @property
    def lying(self) -> Mapping[str, Path]:
        """Where each secret lies that is in a file: `telegram.token_file` in its own, `telegram.token`
        in the configuration itself."""
        return self._lying

    def proxy_of(self, name: str) -> Proxy | None:
        """Through which proxy `telegram`, `matrix`, `watch` or `following` goes; None is directly."""
        address: SecretStr | None = getattr(getattr(self, name), "proxy", None)
        return None if address is None else Proxy.read(address.get_secret_value()).apart(name)


def sections() -> dict[str, type[Section]]:
    """The tables that the file may have."""
    found = {}
    for name, field in Config.model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, Section):
                found[name] = kind
    return found


def secrets() -> dict[str, tuple[str, ...]]:
    """By section, the settings that nobody else may read."""
    return {name: kind.secrets for name, kind in sections().items() if kind.secrets}


def known() -> dict[str, tuple[str, ...]]:
    """By section, the settings that there are; those at the top of the file are under ""."""
    inside = {
        name: (*kind.model_fields, *(f"{secret}{layers.FILE}" for secret in kind.secrets))
        for name, kind in sections().items()
    }
    return {"": tuple(Config.model_fields), **inside}


def load(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Read and check. Raises `ConfigError`.

    What a variable `ACUERPA_…` says comes first, then a credential of systemd's, then the file. A
    platform may be configured without any file.
    """
    environment = os.environ if environment is None else environment
    try:
        found = _found(path, environment)
    except LayerError as error:
        raise ConfigError(str(error)) from None
    _use_texts(found.values)
    try:
        config = Config.model_validate(found.values)
    except ValidationError as error:
        raise ConfigError(one_line(error, known(), found.variables)) from None
    lying = dict(found.lying)
    if not _has_password(config.database.url):
        lying.pop("database.url", None)
    config._lying = lying
    return config


def _found(path: Path, environment: Mapping[str, str]) -> Found:
    """Raises `LayerError` and `ConfigError`."""
    names = secrets()
    of_environment = layers.of_environment(environment, Config.model_fields)
    given = [of_environment, layers.of_credentials(environment, names)]
    written = _written(path, needed=not {"telegram", "matrix"} & set(of_environment))
    values = layers.together([*given, written], names)
    inside = {
        f"{section}.{name}": path
        for section, these in names.items()
        for name in these
        if _has(written, section, name)
        and not any(
            _has(layer, section, one) for layer in given for one in (name, name + layers.FILE)
        )
    }
    variables = frozenset(
        f"{section}.{name}" if name else section
        for section, value in of_environment.items()
        for name in (value if isinstance(value, dict) else ("",))
    )
    return Found(values, variables, {**inside, **layers.with_secrets(values, names)})


def _has_password(url: str) -> bool:
    """Whether a database's address is one that nobody else may read."""
    parts = urlsplit(url)
    return bool(parts.password) or "password" in parse_qs(parts.query)


def _has(values: Values, section: str, name: str) -> bool:
    inner = values.get(section)
    return isinstance(inner, dict) and name in inner


def _written(path: Path, *, needed: bool) -> Values:
    """What the file says. Raises `ConfigError`."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if not needed:
            return {}
        raise ConfigError(f"{path}: is not there: make one with acuerpa init") from None
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}): give it to this program's account"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from None


def _use_texts(values: Values) -> None:
    """The community's catalogues, before a setting names one of their languages."""
    section = values.get("texts")
    folder = section.get("folder") if isinstance(section, dict) else None
    try:
        use_folder(Path(folder) if isinstance(folder, str) and folder else None)
    except CatalogueError as error:
        raise ConfigError(str(error)) from None
