"""A PgBouncer of the tests' own on loopback, in front of a database."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from tests.support.postgres import free_port, is_root


@contextmanager
def pooled(url: str, mode: str) -> Iterator[str]:
    """The address of the same database through a pool: `session`, `transaction`."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/bin")
    assert program, "as root: sh tools/pgbouncer.sh"
    behind = sa.make_url(url)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="acuerpa-pool-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "users").write_text(f'"{behind.username}" ""\n')
        (folder / "pool.ini").write_text(
            f"[databases]\n{behind.database} = host={behind.host} port={behind.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {folder / 'users'}\npool_mode = {mode}\n"
            "max_client_conn = 200\ndefault_pool_size = 50\n"
        )
        for file in folder.iterdir():
            file.chmod(0o644)  # for whom it runs as
        as_user = ["runuser", "-u", "nobody", "--"] if is_root() else []
        process = subprocess.Popen(
            [*as_user, program, "-q", str(folder / "pool.ini")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _until_it_listens(process, port)
            yield url.replace(f":{behind.port}/", f":{port}/")
        finally:
            process.terminate()
            process.wait()


def _until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert process.poll() is None, "pgbouncer did not start"
            assert time.monotonic() < end, "pgbouncer does not listen"
            time.sleep(0.05)
