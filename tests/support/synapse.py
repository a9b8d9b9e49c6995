"""A real homeserver for tests: Synapse from our own environment, on loopback, with SQLite."""

from __future__ import annotations

import atexit
import hashlib
import hmac
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import pytest

_FAST = "{per_second: 10000, burst_count: 10000}"

_EXTRA = f"""
trusted_key_servers: []
suppress_key_server_warning: true
enable_registration: false
rc_message: {_FAST}
rc_registration: {_FAST}
rc_admin_redaction: {_FAST}
rc_login: {{address: {_FAST}, account: {_FAST}, failed_attempts: {_FAST}}}
rc_joins: {{local: {_FAST}, remote: {_FAST}}}
rc_joins_per_room: {_FAST}
rc_invites: {{per_room: {_FAST}, per_user: {_FAST}, per_issuer: {_FAST}}}
rc_room_creation: {_FAST}
rc_media_create: {_FAST}
# The cost of a password hash is not what is tested here; 4 is bcrypt's least.
bcrypt_rounds: 4
presence: {{enabled: false}}
"""


@dataclass(frozen=True)
class Written:
    """One message on the server: `at` is Unix time, `key` the transaction id it was sent under."""

    event_id: str
    room: str
    type: str
    at: float
    key: str


class Synapse:
    """One homeserver process; `url` and `server_name` are known once started.

    Source of the settings: Synapse's configuration manual. Only the process that `start` made is
    ever stopped.
    """

    def __init__(self, extra_config: str = "") -> None:
        self._extra = extra_config
        self._process: subprocess.Popen[bytes] | None = None
        self._secret = secrets.token_hex(16)
        self._folder: Path | None = None
        self.server_name = "localhost"
        self.url = ""

    def start(self, folder: Path, *, patience: float = 60.0) -> None:
        """Configure on a free port in `folder` and wait until it answers (`patience` seconds)."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._write_config(folder, port)
        self.resume(patience=patience)

    def resume(self, *, patience: float = 60.0) -> None:
        """Start again after `stop`, on the same port and with the same data."""
        assert self._folder is not None, "start it first"
        log = (self._folder / "synapse.out").open("ab")
        with log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "synapse.app.homeserver", "-c", "homeserver.yaml"],
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        self._wait(patience)

    def stop(self) -> None:
        """Stop the process that was started here; safe to call twice."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    async def register(self, name: str, *, admin: bool = False) -> tuple[str, str]:
        """A new account; returns its Matrix user id and password (admin API, shared secret)."""
        password = secrets.token_urlsafe(12)
        await self.admin_register(name, password, admin=admin)
        return f"@{name}:{self.server_name}", password

    async def admin_register(self, name: str, password: str, *, admin: bool) -> dict[str, Any]:
        """The answer of Synapse's `/_synapse/admin/v1/register`, with an access token."""
        path = f"{self.url}/_synapse/admin/v1/register"
        async with aiohttp.ClientSession() as http:
            async with http.get(path) as answer:
                nonce = (await answer.json())["nonce"]
            role = "admin" if admin else "notadmin"
            text = f"{nonce}\0{name}\0{password}\0{role}".encode()
            body = {
                "nonce": nonce,
                "username": name,
                "password": password,
                "admin": admin,
                "mac": hmac.new(self._secret.encode(), text, hashlib.sha1).hexdigest(),
            }
            async with http.post(path, json=body) as answer:
                result: dict[str, Any] = await answer.json()
                if answer.status != 200:
                    raise RuntimeError(f"registering {name}: {result}")
                return result

    def written_by(self, user_id: str) -> list[Written]:
        """Every message of this account, as the server's own database has it, the oldest first."""
        found = self._rows(
            "SELECT e.event_id, e.room_id, e.type, e.origin_server_ts / 1000.0,"
            " coalesce(t.txn_id, '') FROM events e"
            " LEFT JOIN event_txn_id_device_id t ON t.event_id = e.event_id"
            " WHERE e.sender = ? AND e.state_key IS NULL ORDER BY e.stream_ordering",
            user_id,
        )
        return [Written(*row) for row in found]

    def expire_sessions(self, user_id: str) -> None:
        """While the server is stopped: what it calls a soft logout."""
        assert self._folder is not None
        assert self._process is None
        with closing(sqlite3.connect(self._folder / "homeserver.db")) as database:
            database.execute(
                "UPDATE access_tokens SET valid_until_ms = 1 WHERE user_id = ?", (user_id,)
            )
            database.commit()

    def devices_of(self, user_id: str) -> list[str]:
        """The devices of an account that can be used, as the server's own database has them."""
        return [
            device
            for (device,) in self._rows(
                "SELECT device_id FROM access_tokens WHERE user_id = ? AND device_id IS NOT NULL",
                user_id,
            )
        ]

    def addresses_of(self, user_id: str) -> set[str]:
        """From where an account has asked; the server writes that down a few seconds later."""
        return {ip for (ip,) in self._rows("SELECT ip FROM user_ips WHERE user_id = ?", user_id)}

    def _rows(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        assert self._folder is not None
        uri = f"file:{self._folder / 'homeserver.db'}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=20)) as database:
            return database.execute(statement, values).fetchall()

    def _write_config(self, folder: Path, port: int) -> None:
        config = folder / "homeserver.yaml"
        subprocess.run(
            [
                sys.executable,
                "-m",
                "synapse.app.homeserver",
                "--server-name",
                self.server_name,
                "--config-path",
                str(config),
                "--generate-config",
                "--report-stats=no",
            ],
            cwd=folder,
            check=True,
            capture_output=True,
        )
        kept = "\n".join(
            line
            for line in config.read_text().splitlines()
            if not line.startswith(("trusted_key_servers", '  - server_name: "matrix.org"'))
        )
        listeners = (
            f"listeners: [{{port: {port}, type: http, tls: false, bind_addresses: ['127.0.0.1'],"
            " resources: [{names: [client]}]}]\n"
        )
        # In YAML a later key wins over an earlier one of the same name.
        shared = f"registration_shared_secret: {self._secret}\n"
        config.write_text(kept + "\n" + listeners + shared + _EXTRA + self._extra)

    def _wait(self, patience: float) -> None:
        until = time.monotonic() + patience
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/_matrix/client/versions", timeout=2):
                    return
            except OSError:
                pass
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"Synapse did not start:\n{self._tail()}")
            time.sleep(0.1)

    def _tail(self) -> str:
        assert self._folder is not None
        return (self._folder / "synapse.out").read_text(errors="replace")[-3000:]


@cache
def shared() -> Synapse:
    """The homeserver that all tests of this process share."""
    server = Synapse()
    server.start(Path(tempfile.mkdtemp(prefix="acuerpa-synapse-")))
    atexit.register(server.stop)
    return server


@pytest.fixture(scope="session")
def synapse() -> Synapse:
    """The same homeserver in each module that imports this, started once."""
    return shared()
