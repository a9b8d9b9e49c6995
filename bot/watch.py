"""Who is told from outside that we are well: a monitor by its address, and systemd.

A monitor is any address that expects to be asked for regularly and raises an alarm when it is not,
such as a check of a healthchecks instance, whose `/fail` says that there is trouble at once.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable

import aiohttp
import structlog

log = structlog.get_logger(__name__)

TIMEOUT = 15.0
"""Seconds for one ping."""


class Monitor:
    """Pings an address; whoever listens there learns the names of broken invariants, nothing else.

    The address is a secret: it is in no log.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    async def well(self) -> None:
        """All is well."""
        await self._ping(self._url, "")

    async def trouble(self, findings: Iterable[str]) -> None:
        """It is not."""
        await self._ping(f"{self._url}/fail", "\n".join(findings))

    async def _ping(self, url: str, body: str) -> None:
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session,
                session.post(url, data=body.encode()) as answer,
            ):
                if answer.status >= 400:
                    log.warning("watcher.refused", status=answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("watcher.unreachable", error=type(error).__name__)


class ServiceManager:
    """systemd's notifications (sd_notify(3)): ready once, and alive after each clean audit.

    With `WatchdogSec=` in the unit, systemd restarts a service that is not heard of in time. The
    watchdog is fed also while there is trouble that a restart does not help against, such as a
    refused token; a frozen loop and a dead auditor feed nothing.
    """

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address

    @classmethod
    def found(cls) -> ServiceManager | None:
        """The one that started us, if any did."""
        address = os.environ.get("NOTIFY_SOCKET")
        return cls(address) if address else None

    async def well(self) -> None:
        """All is well."""
        self._say("READY=1\nWATCHDOG=1\nSTATUS=ok")

    async def trouble(self, findings: Iterable[str]) -> None:
        """It is not; only an engine whose parts stand still is worth a restart."""
        found = sorted(findings)
        alive = not any(f.startswith("part_silent") for f in found)
        words = "READY=1\nWATCHDOG=1\n" if alive else ""
        self._say(f"{words}STATUS={' '.join(found)}")

    def _say(self, words: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            try:
                sock.connect(self._address)
                sock.sendall(words.encode())
            except OSError as error:
                log.warning("systemd.unreachable", error=type(error).__name__)
