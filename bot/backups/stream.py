"""The file of a backup: a tar archive, encrypted with age to public keys, read and written in passing.

Nothing of it is in memory but a few kilobytes, and nothing in the clear is written but by whoever
reads it. Source: age-encryption.org/v1 (C2SP), through pyrage; POSIX.1-2001 (pax) for the archive.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import pyrage  # type: ignore[import-untyped]

from bot.backups.values import MANIFEST, MEMBERS, BackupError, Manifest, Stored

CHUNK = 1 << 20
"""Bytes."""

MOST_MANIFEST = 1 << 20
"""Bytes that a manifest may have: it is read as a whole."""

Recipient = Any
Identity = Any


def recipients(lines: Sequence[str]) -> list[Recipient]:
    """Public keys, each as `age1…`. Raises `BackupError`."""
    found = []
    for line in lines:
        try:
            found.append(pyrage.x25519.Recipient.from_str(line.strip()))
        except pyrage.RecipientError:
            raise BackupError(
                "backup.recipients: one is no public key of age: write what acuerpa backup-key or "
                "age-keygen showed, age1 and 58 letters"
            ) from None
    if not found:
        raise BackupError(
            "backup.recipients: is empty, and nothing is backed up in the clear: acuerpa backup-key "
            "makes a key"
        )
    return found


def new_identity() -> tuple[Identity, str, str]:
    """A new key: itself, its public half, and its private half, as age writes them."""
    identity = pyrage.x25519.Identity.generate()
    return identity, str(identity.to_public()), str(identity)


def identities(path: Path) -> list[Identity]:
    """The private keys in a file, as age-keygen writes it. Raises `BackupError`."""
    try:
        lines = path.read_text("ascii").splitlines()
    except OSError as error:
        raise BackupError(
            f"--identity: {path} cannot be read ({error.strerror}): name the file with the private key"
        ) from None
    except UnicodeDecodeError:
        lines = ["?"]
    try:
        found = [
            pyrage.x25519.Identity.from_str(line.strip())
            for line in lines
            if line.strip() and not line.startswith("#")
        ]
    except pyrage.IdentityError:
        found = []
    if not found:
        raise BackupError(
            f"--identity: {path} holds no private key of age: it begins with AGE-SECRET-KEY-1"
        )
    return found


def stored(path: Path) -> Stored:
    """How long a file is, and its digest."""
    with path.open("rb") as file:
        return Stored(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def write(
    out: IO[bytes], manifest: Manifest, files: Mapping[str, Path], to: Sequence[Recipient]
) -> None:
    """Encrypt the manifest and the files, by their names in the archive, to everybody in `to`.

    Raises `OSError`, and `BackupError` if a file is not what the manifest says.
    """

    def fill(pipe: IO[bytes]) -> None:
        with tarfile.open(fileobj=pipe, mode="w|", format=tarfile.PAX_FORMAT) as archive:
            content = manifest.to_json()
            archive.addfile(_entry(MANIFEST, len(content), manifest.taken), BytesIO(content))
            for name, path in files.items():
                with path.open("rb") as file:
                    archive.addfile(_entry(name, manifest.files[name].bytes, manifest.taken), file)

    sink = _Sink(out)
    with _Flow(fill) as flow:
        try:
            pyrage.encrypt_io(flow.end, sink, to)
        except pyrage.EncryptError:
            raise sink.error or BackupError("the backup could not be encrypted") from None


def read(
    path: Path, keys: Sequence[Identity], keep: Callable[[str], Path | None]
) -> Manifest:
    """Decrypt a backup, and compare each file in it with what its manifest says.

    Args:
        keep: Where a file of this name is written; None to look at it only.

    Raises `BackupError` for a wrong key and for a file that is not whole, and `OSError` for a disk.
    """
    found: list[Manifest] = []
    size = path.stat().st_size

    def decrypt(pipe: IO[bytes]) -> None:
        sink = _Sink(pipe)
        try:
            with path.open("rb") as file:
                pyrage.decrypt_io(file, sink, keys)
        except (pyrage.DecryptError, OSError) as error:
            if sink.error is not None:
                raise sink.error from None
            if "No matching keys" in str(error):
                raise BackupError(
                    "--identity: this private key does not open this backup: take the one that belongs "
                    "to a public key in [backup] recipients of that time; nothing was changed"
                ) from None
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's; what pyrage says of content has no number
            raise _damaged() from None

    with _Flow(decrypt) as flow:
        try:
            with tarfile.open(fileobj=flow.end, mode="r|") as archive:
                found.append(_unpacked(archive, size, keep))
            while flow.end.read(CHUNK):
                pass  # the padding behind the archive: only with its end all of it is known to be genuine
        except tarfile.TarError:
            raise _damaged() from None
    return found[0]


def _unpacked(
    archive: tarfile.TarFile, size: int, keep: Callable[[str], Path | None]
) -> Manifest:
    manifest: Manifest | None = None
    seen: set[str] = set()
    for entry in archive:
        if not entry.isfile() or not MEMBERS.fullmatch(entry.name) or entry.name in seen:
            raise BackupError("the backup holds what no backup does: it was not made by this program")
        if entry.size > size:
            raise _damaged()
        seen.add(entry.name)
        content = archive.extractfile(entry)
        assert content is not None
        if manifest is None:
            if entry.name != MANIFEST or entry.size > MOST_MANIFEST:
                raise _damaged()
            manifest = Manifest.from_json(content.read())
            continue
        if _written(content, keep(entry.name)) != manifest.files.get(entry.name):
            raise _damaged()
    if manifest is None or seen != {MANIFEST, *manifest.files}:
        raise _damaged()
    return manifest


def _written(content: IO[bytes], to: Path | None) -> Stored:
    digest, size = hashlib.sha256(), 0
    out = None
    if to is not None:
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        out = os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    try:
        while more := content.read(CHUNK):
            digest.update(more)
            size += len(more)
            if out is not None:
                out.write(more)
        if out is not None:
            out.flush()
            os.fsync(out.fileno())
    finally:
        if out is not None:
            out.close()
    return Stored(size, digest.hexdigest())


def _entry(name: str, size: int, at: datetime) -> tarfile.TarInfo:
    """Nothing of this machine: no account, no name, no rights but the owner's."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mtime = int(at.timestamp())
    entry.mode = 0o600
    return entry


def _damaged() -> BackupError:
    return BackupError("the backup is damaged, or not whole: take another one; nothing was changed")


class _Sink:
    """What pyrage writes to. It makes an error of its own of any other one, which is kept here."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, content: bytes) -> int:
        try:
            self._file.write(content)
        except OSError as error:
            self.error = error
            raise
        return len(content)

    def flush(self) -> None:
        self._file.flush()


class _Flow:
    """A pipe: a thread does its work at one end, we ours at the other.

    What the thread raises is raised at the end of the block, in place of what followed from it here.
    """

    def __init__(self, work: Callable[[IO[bytes]], None]) -> None:
        reading, writing = os.pipe()
        self.end: IO[bytes] = os.fdopen(reading, "rb")
        self._other: IO[bytes] = os.fdopen(writing, "wb")
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)

    def _run(self, work: Callable[[IO[bytes]], None]) -> None:
        try:
            with self._other:
                work(self._other)
        except BrokenPipeError:
            pass  # whoever reads has stopped, and says why
        except BaseException as error:
            self._error = error

    def __enter__(self) -> _Flow:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end.close()
        self._thread.join()
        if self._error is not None:
            raise self._error from None
