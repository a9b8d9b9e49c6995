"""Writing what was answered: all of it or nothing, and never over a file that is there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from bot.config import Config, ConfigError, load
from bot.engine.clock import SystemClock
from bot.proxies import Proxy
from bot.setting_up.answers import Answers
from storage.database import Database
from storage.keys import KeyFile, KeySource, Passphrase, sync_folder

CONFIG, TOKEN, PASSWORD, WATCH, PROXY = (
    "config.toml", "telegram-token", "matrix-password", "watch-url", "proxy",
)  # fmt: skip
KEY, DATABASE, STORE, SOCKET = "acuerpa.key", "acuerpa.db", "matrix-store", "acuerpa.sock"

NAMES = (CONFIG, TOKEN, PASSWORD, WATCH, PROXY, KEY, DATABASE, STORE)
"""What may be made in the folder."""

BESIDE = ("-wal", "-shm", ".lock")
"""What SQLite and the lock put beside the database."""


def in_the_way(folder: Path) -> Path | None:
    """A file that would be written over, if there is one."""
    return next((folder / name for name in NAMES if (folder / name).exists()), None)


@dataclass
class Made:
    """What was made so far, so that it can be taken away again."""

    files: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)

    def folder(self, path: Path) -> None:
        """Make it, and those above, for this account alone."""
        for missing in reversed([one for one in (path, *path.parents) if not one.exists()]):
            missing.mkdir(mode=0o700)
            self.folders.append(missing)

    def file(self, path: Path, content: str) -> None:
        """Write it for this account alone. Raises `OSError`, also if it is there."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.files.append(path)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path)

    def keep(self) -> None:
        """It is whole: nothing is taken away any more."""
        self.files.clear()
        self.folders.clear()

    def undo(self) -> None:
        """As it was before."""
        for path in reversed(self.files):
            path.unlink(missing_ok=True)
        for path in reversed(self.folders):
            with suppress(OSError):
                path.rmdir()


async def write(answers: Answers, made: Made, done: Callable[[str], None]) -> Config:
    """Write the files and make the keys; `done` is told each name.

    Raises `ConfigError`, `StorageError` or `KeyFileError`; the caller undoes what was `made`.
    """
    folder = answers.folder.absolute()
    if (there := in_the_way(folder)) is not None:
        raise ConfigError(
            f"{there}: is there already, and nothing is written over: choose another folder, or move "
            "it away"
        )
    try:
        made.folder(folder)
        for name, secret in _secrets(answers).items():
            made.file(folder / name, secret.get_secret_value() + "\n")
            done(name)
        made.file(folder / CONFIG, text_of(answers, folder))
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be written ({error.strerror}): choose another folder"
        ) from None
    config = load(folder / CONFIG, {})
    done(CONFIG)
    await _keys(config, source(answers, config), made)
    done(DATABASE if answers.keys else f"{KEY}, {DATABASE}")
    return config


def source(answers: Answers, config: Config) -> KeySource:
    """Where the master key of the new installation comes from."""
    if answers.keys is None:
        return KeyFile(config.keys.file)
    words = answers.keys.passphrase.get_secret_value()

    async def said() -> str:
        return words

    return Passphrase(said)


async def _keys(config: Config, keys: KeySource, made: Made) -> None:
    database = Path(config.database.url)
    made.files += [database, *(database.with_name(database.name + end) for end in BESIDE)]
    made.files.append(config.keys.file)
    opened = Database(config.database.url, keys)
    await opened.open()
    await opened.close()


def _secrets(answers: Answers) -> dict[str, SecretStr]:
    """By the name of the file that each gets."""
    found = {}
    if answers.telegram is not None:
        found[TOKEN] = answers.telegram.token
    if answers.matrix is not None:
        found[PASSWORD] = answers.matrix.password
    if answers.watch is not None:
        found[WATCH] = answers.watch.url
    if answers.proxy is not None and _has_password(answers.proxy):
        found[PROXY] = answers.proxy
    return found


def _has_password(proxy: SecretStr) -> bool:
    return bool(Proxy.read(proxy.get_secret_value()).password)


def text_of(answers: Answers, folder: Path) -> str:
    """The configuration. Its paths are whole, so that the bot can be started from anywhere."""
    return "\n".join(_lines(answers, folder)) + "\n"


def _lines(answers: Answers, folder: Path) -> Iterator[str]:
    proxy = list(_proxy_lines(answers, folder))
    yield f"# acuerpa init, {SystemClock().now():%F}. config.example.toml explains every setting."
    yield f"language = {_toml(answers.language)}"
    yield f"zone = {_toml(answers.zone)}"
    yield f"operators = {_toml(sorted(answers.operators))}"
    yield from ("", "[database]", f"url = {_toml(str(folder / DATABASE))}")
    yield from ("", "[keys]", f"file = {_toml(str(folder / KEY))}")
    if answers.keys is not None:
        yield from ("passphrase = true", f"socket = {_toml(str(folder / SOCKET))}")
    if answers.watch is not None:
        yield from ("", "[watch]", f"url_file = {_toml(str(folder / WATCH))}", *proxy)
    if proxy:
        yield from ("", "[following]", *proxy)
    if answers.telegram is not None:
        yield from ("", "[telegram]", f"token_file = {_toml(str(folder / TOKEN))}")
        if answers.telegram.base_url is not None:
            yield f"base_url = {_toml(answers.telegram.base_url)}"
        yield from proxy
    if answers.matrix is not None:
        yield from ("", "[matrix]", f"homeserver = {_toml(answers.matrix.homeserver)}")
        yield f"user_id = {_toml(answers.matrix.user_id)}"
        yield f"password_file = {_toml(str(folder / PASSWORD))}"
        yield f"store = {_toml(str(folder / STORE))}"
        yield from proxy


def _proxy_lines(answers: Answers, folder: Path) -> Iterator[str]:
    if answers.proxy is None:
        return
    if _has_password(answers.proxy):
        yield f"proxy_file = {_toml(str(folder / PROXY))}"
    else:
        yield f"proxy = {_toml(answers.proxy.get_secret_value())}"


def _toml(value: str | list[str]) -> str:
    """What JSON writes of text and of lists of it, TOML reads as the same, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
