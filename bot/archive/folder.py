"""Puts a build where the public sees it, whole or not at all.

    <folder>/builds/<hash>/…    complete builds; a name begins with a dot until it is complete
    <folder>/public             a symbolic link to one of them, which the web server serves

A machine that stops in between leaves `public` as it was, and the next build tidies up. What did not
change is linked from the build before (the same bytes on the disk), so that one new denunciation
writes a few files and not all of them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

FILE, FOLDER = 0o644, 0o755
"""Modes: the web server is another account, and only reads."""

Source = bytes | Path
"""The content, or a file of this disk that has it."""


class Folder:
    """The place of one archive. Raises `OSError` when the disk does not take it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._builds = path / "builds"
        self._public = path / "public"
        self._staged = self._builds / ".staged"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else builds here meanwhile; what a build that was cut off left is taken away."""
        _made(self._path)
        _made(self._builds)
        holder = os.open(self._builds, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(holder, fcntl.LOCK_EX)
            self._tidy()
            yield
            self._tidy()
        finally:
            os.close(holder)

    @property
    def current(self) -> Path | None:
        """The build that the public sees."""
        try:
            found = self._builds / os.readlink(self._public).removeprefix("builds/")
        except OSError:
            return None
        return found if found.parent == self._builds and found.is_dir() else None

    def stage(self, name: str, content: bytes) -> Path:
        """Keep a file until the build that it is for is put here."""
        path = self._staged / name
        _made(self._staged)
        _made(path.parent)
        _write(path, content)
        return path

    def put(self, name: str, files: Mapping[str, Source], *, secret: Callable[[str], bool]) -> bool:
        """Make the build of this name, and make it public. False if the public sees it already.

        Of the builds before, the last one stays for those who are just reading it: unless a file of
        it for which `secret` is true is not there any more as it was. Words that were taken back
        are then on the disk no longer.
        """
        before, target = self.current, self._builds / name
        if before != target:
            if not target.is_dir():
                self._fill(self._builds / f".{name}", files, before)
                os.rename(self._builds / f".{name}", target)
                _settle(self._builds)
            self._point(target)
        self._sweep(target, before, secret)
        return before != target

    def _sweep(self, now: Path, before: Path | None, secret: Callable[[str], bool]) -> None:
        """Take older builds away. Also when nothing is new: the last time may have been cut off here."""
        others = sorted((p for p in self._builds.glob("[!.]*") if p != now), key=_made_at)
        last = before if before in others else (others[-1] if others else None)
        for old in others:
            if old != last or _lost(old, now, secret):
                # Whoever is cut off in the middle must not take what is left for a whole build.
                os.rename(old, gone := old.with_name(f".{old.name}"))
                shutil.rmtree(gone)

    def _fill(self, path: Path, files: Mapping[str, Source], before: Path | None) -> None:
        folders = {path}
        _made(path)
        for name, source in sorted(files.items()):
            where = path / name
            for parent in reversed(where.relative_to(path).parents[:-1]):
                _made(path / parent)
                folders.add(path / parent)
            same = source if isinstance(source, Path) else _unchanged(before, name, source)
            if same is None:
                assert isinstance(source, bytes)
                _write(where, source)
            else:
                _link(same, where)
        for each in sorted(folders, reverse=True):
            _settle(each)

    def _point(self, target: Path) -> None:
        """`public` is the old build until it is the new one (rename(2))."""
        waiting = self._path / ".public"
        waiting.unlink(missing_ok=True)
        os.symlink(f"builds/{target.name}", waiting)
        os.replace(waiting, self._public)
        _settle(self._path)

    def _tidy(self) -> None:
        for left in self._builds.glob(".*"):
            shutil.rmtree(left)
        (self._path / ".public").unlink(missing_ok=True)


def name_of(digests: Mapping[str, str]) -> str:
    """The name of a build: 128 bits of SHA-256 over the names and digests of its files."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return sha256(lines.encode()).hexdigest()[:32]


def _unchanged(before: Path | None, name: str, content: bytes) -> Path | None:
    """The same file of the build before, read anew: a disk may have spoilt it."""
    path = before / name if before is not None else None
    try:
        return path if path is not None and path.read_bytes() == content else None
    except OSError:
        return None


def _made_at(path: Path) -> float:
    return path.stat().st_mtime


def _lost(before: Path, now: Path, secret: Callable[[str], bool]) -> bool:
    for path in before.rglob("*"):
        name = path.relative_to(before).as_posix()
        if path.is_file() and secret(name) and _unchanged(now, name, path.read_bytes()) is None:
            return True
    return False


def _made(path: Path) -> None:
    path.mkdir(mode=FOLDER, parents=True, exist_ok=True)
    path.chmod(FOLDER)  # whatever the umask is


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        os.fchmod(file.fileno(), FILE)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _link(source: Path, path: Path) -> None:
    try:
        os.link(source, path)
    except OSError:  # a disk without links, or with no more of them for this file
        _write(path, source.read_bytes())


def _settle(path: Path) -> None:
    """A folder's names are on the disk (fsync(2): that of a file says nothing of its name)."""
    holder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(holder)
    finally:
        os.close(holder)
