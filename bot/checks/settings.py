"""Weak settings: the bot runs with them, and keeps less than it promises.

Source: "Who may attack, and what is decided", the operator's mistake (promises.md). Nio's default
pickle key is not among them: the crypto store has a key of ours, and no setting changes that.
"""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from bot.checks.findings import Finding, Level
from bot.checks.scene import PLATFORMS, Scene
from bot.config import Config
from bot.layers import FILE
from bot.proxies import EXAMPLE

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""Rights of anybody but the account that runs the bot."""

TALKATIVE = ("PYTHONDEVMODE", "PYTHONASYNCIODEBUG")
"""Variables with which Python logs what it is doing, with the values that it is doing it with."""

SEALED_TLS = frozenset({"require", "verify-ca", "verify-full"})
"""What PostgreSQL calls a connection that is never in the clear (its manual, "SSL Support")."""


async def look(scene: Scene) -> AsyncIterator[Finding]:
    """One line for each that is weak, or one for all of them."""
    found = weaknesses(scene.config, scene.environment, root=scene.root)
    if not scene.platforms:
        words = "neither is configured: see config.example.toml"
        yield Finding(Level.FAILING, "telegram, matrix", words)
    for weakness in found:
        yield weakness
    if not found:
        yield Finding(Level.OK, "settings", "none is weak, and no secret is open to others")


def weaknesses(config: Config, environment: Mapping[str, str], *, root: bool) -> list[Finding]:
    """Everything weak about a configuration.

    Args:
        environment: Of the process that would run the bot.
        root: Whether it would run as root.
    """
    return [
        *_files(config),
        *_watching(config),
        *_in_the_clear(config),
        *_beside_a_proxy(config),
        *_onions(config),
        *_process(environment, root),
    ]


def exposed(config: Config) -> Finding | None:
    """A secret that everybody on this machine may read; the first one.

    Less than `weaknesses` says: a file that is open to the group may be so on purpose.
    """
    for setting, path in _lying(config):
        if _mode(path) & stat.S_IRWXO:
            return Finding(Level.FAILING, setting, _remedy(setting, path))
    return None


def _lying(config: Config) -> list[tuple[str, Path]]:
    """Secrets in files, those of the platforms first: of a file that holds several, one is named."""
    return sorted(config.lying.items(), key=lambda lies: not lies[0].startswith(PLATFORMS))


def _weak(setting: str, remedy: str) -> Finding:
    return Finding(Level.WEAK, setting, remedy)


def _files(config: Config) -> Iterator[Finding]:
    """Who else may read them."""
    told = set()
    for setting, path in _lying(config):
        if _open_to_others(path) and path not in told:
            told.add(path)
            yield _weak(setting, _remedy(setting, path))
    kept = {"keys.file": None if config.keys.passphrase else config.keys.file}
    if "://" not in config.database.url:
        kept["database.url"] = Path(config.database.url)
    if config.matrix is not None:
        kept["matrix.store"] = config.matrix.store
    for setting, file in kept.items():
        if file is not None and _open_to_others(file):
            yield _weak(setting, _for_us_alone(file))


def _remedy(setting: str, path: Path) -> str:
    if setting.endswith(FILE):
        return _for_us_alone(path)
    return (
        f"others on this machine may read {path.name}, which holds it: chmod 600, or write "
        f"{setting.partition('.')[2]}{FILE}"
    )


def _open_to_others(path: Path) -> bool:
    return bool(_mode(path) & OTHERS)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0  # it is not there yet, or the start says why it cannot be read


def _for_us_alone(path: Path) -> str:
    mode = "700" if path.is_dir() else "600"
    return f"others on this machine may read {path.name}: chmod {mode}"


def _watching(config: Config) -> Iterator[Finding]:
    """Who notices that alarms do not arrive."""
    if config.watch.url is None:
        yield _weak(
            "watch.url",
            "is not set: nobody outside notices that the bot is dead; see docs/en/operating.md",
        )
    if config.watch.canary is None:
        yield _weak("watch.canary", "is off: no alarm is tried every day; set a time such as 09:00")
    if not config.operators:
        yield _weak(
            "operators",
            "is empty: nobody hears of trouble with the bot, nor the daily practice alarm",
        )


def _in_the_clear(config: Config) -> Iterator[Finding]:
    """Addresses on the way to which anybody reads along."""
    settings = {
        "telegram.base_url": "telegram",
        "matrix.homeserver": "matrix",
        "watch.url": "watch",
    }
    for setting, part in settings.items():
        address = _address(config, part)
        if address and address.startswith("http://") and not _is_here(urlsplit(address).hostname):
            yield _weak(setting, "is an address in the clear: begin it with https://")
    if config.database.url.startswith("postgresql"):
        parts = urlsplit(config.database.url)
        asked = parse_qs(parts.query)
        ways = {*asked.get("sslmode", ()), *asked.get("ssl", ())}
        if parts.hostname and not _is_here(parts.hostname) and ways.isdisjoint(SEALED_TLS):
            yield _weak(
                "database.url", "may go to another machine in the clear: add ?ssl=verify-full"
            )


def _beside_a_proxy(config: Config) -> Iterator[Finding]:
    """Who hides one platform's traffic and not the other's has hidden nothing, and may not know it."""
    used = [name for name in PLATFORMS if getattr(config, name) is not None]
    hidden = [name for name in (*used, "watch", "following") if config.proxy_of(name)]
    if not hidden:
        return
    direct = [name for name in used if name not in hidden]
    if config.watch.url is not None and "watch" not in hidden:
        direct.append("watch")
    if "following" not in hidden:
        direct.append("following")
    for name in direct:
        address = _address(config, name)
        if address is None or not _is_here(urlsplit(address).hostname):
            yield _weak(
                f"{name}.proxy",
                f"is not set, so it goes directly, while {hidden[0]} goes through a proxy",
            )


def _onions(config: Config) -> Iterator[Finding]:
    """Onion services that are asked for without Tor: their names go to DNS (RFC 7686)."""
    for name in (*PLATFORMS, "watch"):
        host = urlsplit(_address(config, name) or "").hostname or ""
        if host.endswith(".onion") and config.proxy_of(name) is None:
            yield _weak(
                f"{name}.proxy", f"is needed for an onion service: set it, such as {EXAMPLE}"
            )


def _address(config: Config, name: str) -> str | None:
    """Where a part of the bot goes; None if that is no one place."""
    if name == "telegram" and config.telegram is not None:
        return config.telegram.base_url
    if name == "matrix" and config.matrix is not None:
        return config.matrix.homeserver
    if name == "watch" and config.watch.url is not None:
        return config.watch.url.get_secret_value()
    return None


def _is_here(host: str | None) -> bool:
    """Whether that is this machine, or an onion service, whose way is sealed by itself."""
    if host is None or host == "localhost" or host.endswith(".onion"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _process(environment: Mapping[str, str], root: bool) -> Iterator[Finding]:
    """What the process would give away by how it runs."""
    for name in TALKATIVE:
        if environment.get(name, "0") not in ("", "0"):
            yield _weak(name, "makes Python log what people wrote: take it out of the environment")
    if root:
        yield _weak("account", "the bot would run as root: give it an account of its own")
