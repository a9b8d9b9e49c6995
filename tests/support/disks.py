"""Disks that are full: a small one of its own where this machine lets us mount one, else a limit on
how far the program's files may grow."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = 48 * 1024 * 1024
BLOCK = 4096


class SmallDisk:
    """A tmpfs with `folder` as its root. Use `small_disk`."""

    kind = "tmpfs"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, _pid: int) -> None:
        """Not one block is left."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1024 * 1024, BLOCK):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self, _pid: int) -> None:
        """Somebody has tidied up."""
        self._ballast.unlink(missing_ok=True)


class LimitedFiles:
    """A folder whose files one process cannot write beyond their first block (RLIMIT_FSIZE)."""

    kind = "limit"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, pid: int) -> None:
        """Every write of this process fails but those into the first block of a file."""
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (BLOCK, hard))

    def free(self, pid: int) -> None:
        """As before."""
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


Disk = SmallDisk | LimitedFiles


@contextmanager
def small_disk(*, mounted: bool = True) -> Iterator[Disk]:
    """A disk that can be filled; `mounted` false wants the limit also where a mount is possible."""
    folder = Path(tempfile.mkdtemp(prefix="acuerpa-disk-"))
    options = f"size={SIZE},mode=700"
    is_mounted = mounted and os.geteuid() == 0 and not _run(
        "mount", "-t", "tmpfs", "-o", options, "acuerpa-test", str(folder)
    )  # fmt: skip
    try:
        yield SmallDisk(folder) if is_mounted else LimitedFiles(folder)
    finally:
        if is_mounted and _run("umount", str(folder)):
            _run("umount", "-l", str(folder))
        shutil.rmtree(folder, ignore_errors=True)


def _run(*command: str) -> int:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode
    except FileNotFoundError:
        return 1
