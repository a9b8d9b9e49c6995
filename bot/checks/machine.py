"""The machine: its clock and its disks."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from bot.checks.asking import Unreached, ask
from bot.checks.findings import Finding, Level
from bot.checks.scene import Scene
from bot.proxies import Proxy

MEGA = 1024 * 1024

LITTLE_SPACE, HARDLY_ANY_SPACE = 500 * MEGA, 100 * MEGA
"""Bytes that are free. SQLite's log and a backup of the day need some."""

LITTLE_INODES, HARDLY_ANY_INODES = 10_000, 500

ODD_CLOCK, WRONG_CLOCK = 30.0, 300.0
"""Seconds between our clock and a platform's. Grace is counted in minutes; a reply is judged by the
platform's time and a deadline by ours."""

NTP = "timedatectl show --property=NTPSynchronized --value"
"""What says whether something keeps the clock (timedatectl(1))."""

NTP_SECONDS = 5.0

TELEGRAM = "https://api.telegram.org/"
VERSIONS = "/_matrix/client/versions"


async def disk(scene: Scene) -> AsyncIterator[Finding]:
    """Space and inodes, once for each disk."""
    seen = set()
    for setting, folder in _folders(scene):
        if not folder.is_dir():
            continue
        device = folder.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        yield _disk(setting, folder)


def _folders(scene: Scene) -> list[tuple[str, Path]]:
    config = scene.config
    found = []
    if "://" not in config.database.url:
        found.append(("database.url", Path(config.database.url).absolute().parent))
    if config.matrix is not None:
        found.append(("matrix.store", config.matrix.store.absolute()))
    if config.archive.folder is not None:
        found.append(("archive.folder", config.archive.folder.absolute()))
    if config.backup.folder is not None:
        found.append(("backup.folder", config.backup.folder.absolute()))
    return found


def _disk(setting: str, folder: Path) -> Finding:
    at = os.statvfs(folder)
    space, inodes = at.f_bavail * at.f_frsize, at.f_favail
    words = f"{space // MEGA} MB are free on its disk"
    if at.f_files and inodes < LITTLE_INODES:  # some file systems make inodes as they are needed
        words += f", and {inodes} inodes"
    level = Level.OK
    if space < LITTLE_SPACE or (at.f_files and inodes < LITTLE_INODES):
        level, words = Level.WEAK, f"{words}: make room"
    if space < HARDLY_ANY_SPACE or (at.f_files and inodes < HARDLY_ANY_INODES):
        level = Level.FAILING
    return Finding(level, f"disk ({setting})", words)


async def clock(scene: Scene) -> AsyncIterator[Finding]:
    """Against the platforms' clocks, and whether something keeps ours."""
    for name, url, proxy in _servers(scene):
        try:
            ahead = (await ask(url, proxy, scene.now)).ahead
        except Unreached:
            continue  # the platform's own check says so
        if ahead is not None:
            yield _clock(name, ahead)
    kept = await _kept()
    if kept is None:
        yield Finding(
            Level.SKIPPED, "clock", "nothing here says whether it is kept: see that NTP runs"
        )
    elif kept:
        yield Finding(Level.OK, "clock", "is kept by NTP")
    else:
        yield Finding(Level.WEAK, "clock", "is not kept by NTP: timedatectl set-ntp true")


def _servers(scene: Scene) -> list[tuple[str, str, Proxy | None]]:
    config, found = scene.config, []
    if scene.offline:
        return []
    if config.telegram is not None:
        found.append(("telegram", config.telegram.base_url or TELEGRAM))
    if config.matrix is not None:
        found.append(("matrix", config.matrix.homeserver.rstrip("/") + VERSIONS))
    return [(name, url, config.proxy_of(name)) for name, url in found]


def _clock(name: str, ahead: float) -> Finding:
    seconds = abs(ahead)
    if seconds <= ODD_CLOCK:
        return Finding(Level.OK, "clock", f"agrees with {name}'s to {max(seconds, 1):.0f} s")
    way = "behind" if ahead > 0 else "ahead of"
    level = Level.WEAK if seconds <= WRONG_CLOCK else Level.FAILING
    return Finding(level, "clock", f"is {seconds:.0f} s {way} {name}'s: timedatectl set-ntp true")


async def _kept() -> bool | None:
    """None where there is no systemd to say so."""
    program, *arguments = NTP.split()
    path = shutil.which(program)
    if path is None:
        return None
    process = await asyncio.create_subprocess_exec(
        path, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(NTP_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        return None
    return {b"yes": True, b"no": False}.get(said.strip()) if process.returncode == 0 else None
