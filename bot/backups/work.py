"""What is done to make a backup, in a process of its own: the bot's loop and its memory are not touched.

`python -m bot.backups.work` reads one order as JSON on its standard input, and answers with one line
of JSON. The order holds the master key, which is in no argument, no variable and no file: with it,
each sealed field of the copy is opened before it is encrypted. What is encrypted is then read back
from the disk and compared, under a key that is made for this and ends with the process.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import json
import os
import resource
import shutil
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

from bot.backups import stream
from bot.backups.values import (
    CONFIGURATION,
    DATABASE,
    STORE,
    STORE_FILES,
    TEXTS,
    BackupError,
    Manifest,
    backups_in,
    name_of,
    to_remove,
)
from bot.platforms.base import PlatformError
from storage.copying import export, snapshot
from storage.database import StorageError, database_url, remove_with_journals, why_not
from storage.keyring import Keyring
from storage.keys import KeyFileError, MasterKey
from storage.verifying import Sound, verified

RESERVE = 64 << 20
"""Bytes that stay free on a disk whatever is backed up: the bot itself writes there."""

WORK = ".acuerpa-backup"
"""The folder of what is copied in the clear, where the database is; overwritten at the end."""

LOCK = ".acuerpa-backup.lock"

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be backed up, and where to.

    `url` of the database, `master` key in hexadecimal digits. `folder` of the backups, `scratch` of
    the copy. `store` of Matrix and `texts` of one's own, "" where there are none. `configuration` as
    TOML. `at`: the present, by the bot's clock.
    """

    url: str
    master: str
    recipients: list[str]
    folder: str
    scratch: str
    keep: int
    store: str
    texts: str
    configuration: str
    program: str
    at: str


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that is whole.

    `missing`: what could not be backed up with it, each in words. `removed`: how many older ones went.
    """

    name: str
    bytes: int
    rows: int
    sealed: int
    missing: list[str]
    removed: int


def make(order: Order) -> Made:
    """Make one. Raises `BackupError`, and then nothing of it is left."""
    folder, scratch = Path(order.folder), Path(order.scratch)
    to = stream.recipients(order.recipients)
    at = datetime.fromisoformat(order.at)
    final = folder / name_of(at)
    half = folder / f".{final.name}.half"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _one_at_a_time(scratch), _work_folder(scratch / WORK) as work:
            for left in folder.glob(".acuerpa-*.age.half"):
                left.unlink()  # of a process that was killed
            if final.exists():
                raise BackupError("backup: there is one of this very second: wait for the next")
            _room(order)
            missing: list[str] = []
            files = {DATABASE: work / DATABASE}
            _copy_database(order.url, files[DATABASE])
            sound, ring = verified(files[DATABASE], MasterKey(bytes.fromhex(order.master)))
            files |= _store(order, work, ring, missing)
            files |= _settings(order, work)
            manifest = _manifest(order, at, sound, files)
            try:
                size = _encrypted(half, manifest, files, to)
                os.rename(half, final)
                _sync(folder)
            finally:
                half.unlink(missing_ok=True)
            removed = _remove_old(folder, order.keep, final)
    except (StorageError, KeyFileError) as error:
        raise BackupError(f"backup: {error}") from None
    except sqlite3.Error as error:
        raise BackupError(_cannot(why_not(error))) from None
    except OSError as error:
        raise BackupError(_cannot(error.strerror or type(error).__name__)) from None
    return Made(final.name, size, sound.rows, sound.sealed, missing, removed)


def _cannot(why: str) -> str:
    return (
        f"backup: it cannot be written ({why}): make room on the disks of backup.folder and of the "
        "database, and let this account write there; nothing is left of it"
    )


@contextmanager
def _one_at_a_time(scratch: Path) -> Iterator[None]:
    handle = os.open(scratch / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise BackupError("backup: another one is being made just now: wait for its end") from None
    finally:
        os.close(handle)


@contextmanager
def _work_folder(work: Path) -> Iterator[Path]:
    """For what is copied. What was there before is of a process that was killed."""
    wipe(work)
    work.mkdir(mode=0o700)
    try:
        yield work
    finally:
        wipe(work)


def wipe(folder: Path) -> None:
    """Overwrite the files in a folder, and remove it.

    What the bot erases is erased in the database; it must not be found in a block that held a copy. On a
    disk that does not write in place (btrfs, ZFS, flash memory) only encryption of the disk helps.
    """
    if not folder.exists():
        return
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with suppress(OSError), path.open("r+b", buffering=0) as file:
                left = path.stat().st_size
                while left > 0:
                    left -= file.write(bytes(min(left, stream.CHUNK)))
                os.fsync(file.fileno())
    shutil.rmtree(folder)


def _room(order: Order) -> None:
    """Refuse before anything is written where the disk would be full of it, under the running bot."""
    url = database_url(order.url)
    if url.get_backend_name() == "sqlite":
        beside = [Path(f"{url.database}{end}") for end in ("", "-wal")]
        size = sum(path.stat().st_size for path in beside if path.exists())
    else:
        size = 0  # known only to the server; the reserve must do
    store = Path(order.store, STORE_FILES[0]) if order.store else None
    size += store.stat().st_size if store is not None and store.exists() else 0
    scratch, folder = os.stat(order.scratch), os.stat(order.folder)
    needed = {order.scratch: size, order.folder: size}
    if scratch.st_dev == folder.st_dev:
        needed = {order.folder: 2 * size}
    for place, bytes_ in needed.items():
        if shutil.disk_usage(place).free < bytes_ + RESERVE:
            raise BackupError(
                f"backup: the disk of {place} has not {(bytes_ + RESERVE) >> 20} MB free, and a bot that "
                "cannot write would be worse than no backup: make room; nothing is left of it"
            )


def _copy_database(url: str, to: Path) -> None:
    address = database_url(url)
    if address.get_backend_name() == "sqlite":
        source = Path(str(address.database))
        if not source.exists():
            raise BackupError("backup: there is no database yet: start the bot once")
        snapshot(source, to)
        return
    try:
        asyncio.run(export(address, to))
    except sa.exc.DBAPIError as error:
        raise BackupError(
            f"backup: the database cannot be read now ({why_not(error)}): is the server there?"
        ) from None


def _store(
    order: Order, work: Path, ring: Keyring | None, missing: list[str]
) -> dict[str, Path]:
    """The crypto store of Matrix. The database is worth a backup without it."""
    source = Path(order.store, STORE_FILES[0]) if order.store else None
    if source is None or ring is None or not source.exists():
        return {}
    from bot.platforms.matrix.store.records import Keys, intact

    folder = work / STORE
    folder.mkdir(mode=0o700)
    copy = folder / STORE_FILES[0]
    try:
        snapshot(source, copy)
        intact(copy, Keys(ring.matrix))
    except (sqlite3.Error, PlatformError) as error:
        why = why_not(error) if isinstance(error, sqlite3.Error) else str(error)
        missing.append(f"the crypto store of Matrix ({why})")
        remove_with_journals(copy)
        return {}
    found = {f"{STORE}/{STORE_FILES[0]}": copy}
    mark = Path(order.store, STORE_FILES[1])
    if mark.exists():
        shutil.copyfile(mark, folder / STORE_FILES[1])
        found[f"{STORE}/{STORE_FILES[1]}"] = folder / STORE_FILES[1]
    return found


def _settings(order: Order, work: Path) -> dict[str, Path]:
    """The configuration, and the catalogues that are the community's own."""
    (work / CONFIGURATION).write_text(order.configuration, "utf-8")
    found = {CONFIGURATION: work / CONFIGURATION}
    for path in sorted(Path(order.texts).glob("*.po")) if order.texts else ():
        copy = work / TEXTS / path.name
        copy.parent.mkdir(mode=0o700, exist_ok=True)
        shutil.copyfile(path, copy)
        found[f"{TEXTS}/{path.name}"] = copy
    return found


def _manifest(order: Order, at: datetime, sound: Sound, files: dict[str, Path]) -> Manifest:
    return Manifest(
        taken=at,
        program=order.program,
        kind=database_url(order.url).get_backend_name(),
        schema=sound.schema,
        resting=sound.resting,
        tables=sound.tables,
        sealed=sound.sealed,
        files={name: stream.stored(path) for name, path in files.items()},
    )


def _encrypted(half: Path, manifest: Manifest, files: dict[str, Path], to: list[Any]) -> int:
    """Write it, and read it back from the disk. Returns how long it is.

    This machine has no private key. So it is written to one more, which is made here and never leaves
    this process: what lies on the disk is decrypted with it, and compared with what was copied.
    """
    once, public, _ = stream.new_identity()
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        stream.write(out, manifest, files, [*to, *stream.recipients([public])])
        out.flush()
        os.fsync(out.fileno())
        _forget_cached(out)
    if stream.read(half, [once], lambda name: None) != manifest:
        raise BackupError("backup: what was written is not what is read: look at the disk")
    return half.stat().st_size


def _forget_cached(file: IO[bytes]) -> None:
    """What is read next comes from the disk, and not from the kernel's memory, if it wants to."""
    with suppress(OSError):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _remove_old(folder: Path, keep: int, made: Path) -> int:
    old = to_remove(backups_in(folder), keep, made)
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _quietly() -> None:
    """Ends with whoever started it, leaves no trace of its memory, and lets the bot go first."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        os.nice(10)


def main() -> None:
    """The process."""
    _quietly()
    try:
        answer: dict[str, Any] = {"made": asdict(make(Order(**json.load(sys.stdin))))}
    except BackupError as error:
        answer = {"failed": str(error)}
    except Exception as error:  # never its words: they may hold what was copied
        answer = {"failed": f"backup: it failed ({type(error).__name__}): keep the log, it is a defect"}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
