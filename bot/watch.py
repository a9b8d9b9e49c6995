"""Who is told from outside that we are well: a monitor by its address, and systemd.

A monitor is any address that expects to be asked for regularly and raises an alarm when it is not,
such as a check of a healthchecks instance, whose `/fail` says that there is trouble at once.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import structlog

from bot.proxies import Proxy, connector

log = structlog.get_logger(__name__)

TIMEOUT = 15.0
"""Seconds for one ping."""

SLOWER = 45.0
"""The same through a proxy: Tor may have to build a way first."""


class Monitor:
    """Pings an address; whoever listens there learns the names of broken invariants, nothing else.

    The address is a secret: it is in no log. With a `proxy` every ping goes through it.
    """

    def __init__(self, url: str, proxy: Proxy | None = None) -> None:
        self._url = url
        self._proxy = proxy
        # A query stays behind the path: `/fail` at its end would be a ping like any other.
        parts = urlsplit(url)
        self._fail = urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/fail"))

    async def well(self) -> None:
        """All is well."""
        await self._ping(self._url, "")

    async def catching_up(self) -> None:
        """Nothing to say yet: who never comes to the end of it is not heard of."""

    async def trouble(self, findings: Iterable[str]) -> None:
        """It is not well."""
        await self._ping(self._fail, "\n".join(findings))

    async def _ping(self, url: str, body: str) -> None:
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector(self._proxy),
                    timeout=aiohttp.ClientTimeout(total=TIMEOUT if self._proxy is None else SLOWER),
                ) as session,
                session.post(url, data=body.encode()) as answer,
            ):
                if answer.status >= 400:
                    log.warning("watcher.refused", status=answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("watcher.unreachable", error=type(error).__name__)


class ServiceManager:
    """systemd's notifications (sd_notify(3)): ready once, and alive after each audit.

    With `WatchdogSec=` in the unit, systemd restarts a service that is not heard of in time. The
    watchdog is fed also while there is trouble that a restart does not help against, such as a
    refused token or a full disk; a frozen loop, a part of the engine that stands still and a dead
    auditor feed nothing.
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
        self._alive("ok")

    async def catching_up(self) -> None:
        """We are, and have begun late."""
        self._alive("catching up")

    async def trouble(self, findings: Iterable[str]) -> None:
        """It is not well; only an engine whose parts stand still is worth a restart."""
        found = sorted(findings)
        status = " ".join(found)
        stuck = any(f.startswith(("part_silent", "database_silent")) for f in found)
        # Parts that wait for a database which refuses them stand still for a reason of its own.
        if stuck and "database_unavailable" not in found:
            self._say(f"STATUS={status}")
        else:
            self._alive(status)

    def standing_by(self) -> None:
        """Another process acts, and we wait."""
        self._alive("standby")

    def stopping(self) -> None:
        """The process ends as it was told to, or because it cannot go on."""
        self._say("STOPPING=1")

    def _alive(self, status: str) -> None:
        self._say(f"READY=1\nWATCHDOG=1\nSTATUS={status}")

    def _say(self, words: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            try:
                sock.setblocking(False)  # a manager that does not read must not stop the loop
                sock.connect(self._address)
                sock.send(words.encode())
            except OSError as error:
                log.warning("systemd.unreachable", error=type(error).__name__)
