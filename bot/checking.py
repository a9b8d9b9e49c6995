"""What `acuerpa check` refuses: settings with which the bot runs, and keeps less than it promises.

Source: "Who may attack, and what is decided", the operator's mistake (promises.md). Nio's default
pickle key is not among them: the crypto store has a key of ours, and no setting changes that.
"""

from __future__ import annotations

import ipaddress
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bot.config import Config

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""Rights of anybody but the account that runs the bot."""

TALKATIVE = ("PYTHONDEVMODE", "PYTHONASYNCIODEBUG")
"""Variables with which Python logs what it is doing, with the values that it is doing it with."""

SECRETS = {"telegram": ("token",), "matrix": ("password",), "watch": ("url",)}
"""By section, the settings that nobody else may read."""

SEALED_TLS = frozenset({"require", "verify-ca", "verify-full"})
"""What PostgreSQL calls a connection that is never in the clear (its manual, "SSL Support")."""


@dataclass(frozen=True, slots=True)
class Weakness:
    """A setting, and what to do about it. It never bears the setting's value."""

    setting: str
    remedy: str


def weaknesses(
    path: Path, config: Config, environment: Mapping[str, str], *, root: bool
) -> list[Weakness]:
    """Everything weak about a configuration that was read from `path`.

    Args:
        environment: Of the process that would run the bot.
        root: Whether it would run as root.
    """
    written = tomllib.loads(path.read_text(encoding="utf-8"))
    return [
        *_files(path, config, written),
        *_watching(config),
        *_in_the_clear(config),
        *_process(environment, root),
    ]


def _files(path: Path, config: Config, written: Mapping[str, Any]) -> Iterator[Weakness]:
    """Who else may read them."""
    inside = [
        f"{section}.{name}"
        for section, names in SECRETS.items()
        for name in names
        if name in written.get(section, {})
    ]
    if inside and _open_to_others(path):
        yield Weakness(
            inside[0],
            f"others on this machine may read {path.name}, which holds it: chmod 600, or write "
            f"{inside[0].partition('.')[2]}_file",
        )
    for section, names in SECRETS.items():
        for name in names:
            file = written.get(section, {}).get(f"{name}_file")
            if isinstance(file, str) and _open_to_others(Path(file)):
                yield Weakness(f"{section}.{name}_file", _for_us_alone(Path(file)))
    kept = {"keys.file": None if config.keys.passphrase else config.keys.file}
    if "://" not in config.database.url:
        kept["database.url"] = Path(config.database.url)
    if config.matrix is not None:
        kept["matrix.store"] = config.matrix.store
    for setting, file in kept.items():
        if file is not None and _open_to_others(file):
            yield Weakness(setting, _for_us_alone(file))


def _open_to_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & OTHERS)
    except OSError:
        return False  # it is not there yet, or the start says why it cannot be read


def _for_us_alone(path: Path) -> str:
    mode = "700" if path.is_dir() else "600"
    return f"others on this machine may read {path.name}: chmod {mode}"


def _watching(config: Config) -> Iterator[Weakness]:
    """Who notices that alarms do not arrive."""
    if config.watch.url is None:
        yield Weakness(
            "watch.url",
            "is not set: nobody outside notices that the bot is dead; see docs/en/operating.md",
        )
    if config.watch.canary is None:
        yield Weakness("watch.canary", "is off: no alarm is tried every day; set a time such as 09:00")
    if not config.operators:
        yield Weakness(
            "operators", "is empty: nobody hears of trouble with the bot, nor the daily practice alarm"
        )


def _in_the_clear(config: Config) -> Iterator[Weakness]:
    """Addresses on the way to which anybody reads along."""
    addresses = {
        "telegram.base_url": config.telegram.base_url if config.telegram else None,
        "matrix.homeserver": config.matrix.homeserver if config.matrix else None,
        "watch.url": config.watch.url.get_secret_value() if config.watch.url else None,
    }
    for setting, address in addresses.items():
        if address and address.startswith("http://") and not _is_here(urlsplit(address).hostname):
            yield Weakness(setting, "is an address in the clear: begin it with https://")
    if config.database.url.startswith("postgresql"):
        parts = urlsplit(config.database.url)
        asked = parse_qs(parts.query)
        ways = {*asked.get("sslmode", ()), *asked.get("ssl", ())}
        if parts.hostname and not _is_here(parts.hostname) and ways.isdisjoint(SEALED_TLS):
            yield Weakness(
                "database.url", "may go to another machine in the clear: add ?ssl=verify-full"
            )


def _is_here(host: str | None) -> bool:
    """Whether that is this machine, or an onion service, whose way is sealed by itself."""
    if host is None or host == "localhost" or host.endswith(".onion"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _process(environment: Mapping[str, str], root: bool) -> Iterator[Weakness]:
    """What the process would give away by how it runs."""
    for name in TALKATIVE:
        if environment.get(name, "0") not in ("", "0"):
            yield Weakness(name, "makes Python log what people wrote: take it out of the environment")
    if root:
        yield Weakness("account", "the bot would run as root: give it an account of its own")
