"""Sealing: AES-256-GCM envelopes under a key that is kept beside the database, never in it."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.database import Database

KEY_BYTES = 32
NONCE_BYTES = 12


class KeyFileError(Exception):
    """The key file cannot be used. One line for the operator, with the remedy."""


class Sealer:
    """Seals under one 32-byte key. `place` binds an envelope to where it is kept."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._aead = AESGCM(key)

    def seal(self, plain: bytes, place: str) -> bytes:
        """A fresh nonce and the sealed text."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, place.encode())

    def open(self, envelope: bytes, place: str) -> bytes:
        """The plain text. Raises `KeyFileError` if the key or the place is another."""
        try:
            nonce, sealed = envelope[:NONCE_BYTES], envelope[NONCE_BYTES:]
            return self._aead.decrypt(nonce, sealed, place.encode())
        except InvalidTag as error:
            raise KeyFileError(
                "keys.file: this key does not open this database: bring back the right key file"
            ) from error

    def derive(self, purpose: str) -> bytes:
        """Another 32-byte key, for one purpose."""
        return HKDF(SHA256(), KEY_BYTES, None, purpose.encode()).derive(self._key)


def load_key(path: Path) -> Sealer:
    """The key in a file; made, readable by its owner alone, where there is none.

    Raises `KeyFileError`.
    """
    if not path.exists():
        try:
            _make(path)
        except FileExistsError:
            pass  # another process was quicker: its key is the key
        except OSError as error:
            raise KeyFileError(
                f"keys.file: cannot be made ({error.strerror}): make its folder writable for this "
                "program"
            ) from error
    return _read(path)


def _make(path: Path) -> None:
    """A new key, in its place at once or not at all: half a key would lock everything for ever."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(half, path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    finally:
        half.unlink()


def _read(path: Path) -> Sealer:
    try:
        readable_by_others = path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        key = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"keys.file: cannot be read ({error.strerror}): give it to this "
                           "program's account") from error  # fmt: skip
    if readable_by_others:
        raise KeyFileError("keys.file: others can read it: chmod 600 it")
    if len(key) != KEY_BYTES:
        raise KeyFileError(f"keys.file: must hold {KEY_BYTES} bytes: bring back the right file")
    return Sealer(key)


class SealedFacts:
    """Small secrets in the database's facts, sealed under their names."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def get(self, name: str) -> bytes | None:
        """The secret, or None."""
        async with self._database.transaction() as tx:
            envelope = await tx.facts.get(name)
        return None if envelope is None else self._sealer.open(envelope, f"facts.{name}")

    async def set(self, name: str, value: bytes) -> None:
        """Store or replace."""
        async with self._database.transaction() as tx:
            await tx.facts.set(name, self._sealer.seal(value, f"facts.{name}"))
