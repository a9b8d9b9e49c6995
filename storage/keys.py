"""The master key: from a file or from a passphrase. It wraps the data keys and seals nothing else.

Source: RFC 9106 (Argon2id; its second recommended option: 64 MiB, three passes, four lanes).
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from storage.vault import KEY_BYTES, NONCE_BYTES, derived

CREDENTIAL = "keys.file"
"""What a credential of systemd's that holds the key is called, as the others are by their settings."""

SHORTEST_PASSPHRASE = 16
"""Characters. Whoever steals the database can try passphrases for as long as they like."""

MEMORY_KIB, PASSES, LANES = 64 * 1024, 3, 4
SALT_BYTES = 16


class KeyFileError(Exception):
    """The master key cannot be used. One line for the operator, with the remedy."""


class WrongKey(KeyFileError):
    """The key is one, but not the one of this database."""


class MasterKey:
    """32 bytes that never leave the process, but for one of ours that looks whether a backup opens."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise KeyFileError(f"keys.file: must hold {KEY_BYTES} bytes: bring back the right file")
        self._key = key
        self._aead = AESGCM(key)

    def reveal(self) -> bytes:
        """The key itself."""
        return self._key

    def wrap(self, secret: bytes, name: str) -> bytes:
        """A secret sealed under its name."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, secret, name.encode())

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        """The secret. Raises `WrongKey`."""
        try:
            nonce, sealed = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
            return self._aead.decrypt(nonce, sealed, name.encode())
        except InvalidTag:
            raise WrongKey(
                "keys: this key does not open this database: bring back the right key file or "
                "passphrase; nothing was changed"
            ) from None

    def legacy_matrix_key(self) -> bytes:
        """What the first versions gave to the crypto store of Matrix."""
        return derived(self._key, "matrix.pickle")


@dataclass(frozen=True)
class Argon:
    """How a passphrase becomes a key; not secret, kept in the database and so in its backups."""

    salt: bytes
    memory_kib: int = MEMORY_KIB
    passes: int = PASSES
    lanes: int = LANES

    @classmethod
    def fresh(cls) -> Argon:
        """With a new salt."""
        return cls(secrets.token_bytes(SALT_BYTES))

    def key(self, passphrase: str) -> MasterKey:
        """Takes about a tenth of a second and 64 MiB, on purpose."""
        kdf = Argon2id(
            salt=self.salt, length=KEY_BYTES, iterations=self.passes, lanes=self.lanes,
            memory_cost=self.memory_kib,
        )  # fmt: skip
        return MasterKey(kdf.derive(passphrase.encode()))

    def to_bytes(self) -> bytes:
        """For storing."""
        values = [self.salt.hex(), self.memory_kib, self.passes, self.lanes]
        return json.dumps(values).encode()

    @classmethod
    def from_bytes(cls, value: bytes) -> Argon:
        """The opposite of `to_bytes`."""
        salt, memory_kib, passes, lanes = json.loads(value)
        return cls(bytes.fromhex(salt), memory_kib, passes, lanes)


class KeySource(Protocol):
    """Where the master key comes from."""

    passphrase: bool
    """Whether the database keeps an `Argon` for it."""

    async def master(self, argon: Argon | None, *, fresh: bool) -> MasterKey:
        """The key. `fresh`: the database has no keys yet, so a new one may be made.

        Raises `KeyFileError`.
        """


class KeyFile:
    """32 bytes in a file that its owner alone can read.

    With `$CREDENTIALS_DIRECTORY` (systemd's LoadCredential=), a credential that is called `keys.file`,
    or as the file is, comes first. A `.next` file beside it is a change of the master key that was
    broken off.
    """

    passphrase = False

    def __init__(self, path: Path) -> None:
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        credentials = [Path(folder) / name for name in (CREDENTIAL, path.name)] if folder else []
        given = next((credential for credential in credentials if credential.exists()), None)
        self._given = given is not None
        self.path = given or path

    async def master(self, argon: Argon | None, *, fresh: bool) -> MasterKey:
        """Read it, or make it for a database that has no keys."""
        if not self.path.exists():
            if not fresh:
                raise KeyFileError(
                    f"keys.file: {self.path.name} is not there, and this database needs it: bring "
                    "it back from where you keep its copy"
                )
            self.make()
        return self.read()

    def make(self) -> MasterKey:
        """A new key file. One that another process made meanwhile is taken as it is."""
        try:
            write_key(self.path, secrets.token_bytes(KEY_BYTES))
        except FileExistsError:
            pass
        except OSError as error:
            raise KeyFileError(
                f"keys.file: cannot be made ({error.strerror}): make its folder writable for this "
                "program"
            ) from error
        return self.read()

    def read(self) -> MasterKey:
        """The key in the file. Raises `KeyFileError`."""
        try:
            readable_by_others = self.path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
            key = self.path.read_bytes()
        except OSError as error:
            raise KeyFileError(
                f"keys.file: cannot be read ({error.strerror}): give it to this program's account"
            ) from error
        if readable_by_others and not self._given:  # systemd guards its folder by itself
            raise KeyFileError("keys.file: others can read it: chmod 600 it")
        return MasterKey(key)

    @property
    def next(self) -> Path:
        """Where a new master key waits until the database is wrapped under it."""
        return self.path.with_name(f"{self.path.name}.next")

    def take_next(self) -> None:
        """The database is wrapped under the new one: it is the key file now."""
        try:
            os.replace(self.next, self.path)
            sync_folder(self.path)
        except FileNotFoundError:
            pass  # another process did the same


def write_key(path: Path, key: bytes) -> None:
    """A key file, in its place at once or not at all: half a key would lock everything for ever.

    Raises `FileExistsError` and other `OSError`.
    """
    half = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        os.link(half, path)
        sync_folder(path)
    finally:
        half.unlink()


def sync_folder(path: Path) -> None:
    """What was made or renamed in the file's folder survives a power cut."""
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


class Passphrase:
    """Nothing on the disk opens the database: the passphrase is asked for at each start."""

    passphrase = True

    def __init__(self, ask: Callable[[], Awaitable[str]]) -> None:
        self._ask = ask

    async def master(self, argon: Argon | None, *, fresh: bool) -> MasterKey:
        """Ask, and derive."""
        if argon is None:
            raise KeyFileError(
                "keys.passphrase: this database has no passphrase: run acuerpa keys init "
                "--passphrase, or acuerpa keys master --passphrase for one that has a key file"
            )
        # In a thread: nobody's alarm waits for it.
        return await asyncio.to_thread(argon.key, await self._ask())


class KeyInMemory:
    """A key that ends with the process: for the sandbox, and for tests."""

    passphrase = False

    def __init__(self, key: bytes | None = None) -> None:
        self._key = MasterKey(key if key is not None else secrets.token_bytes(KEY_BYTES))

    async def master(self, argon: Argon | None, *, fresh: bool) -> MasterKey:
        """Always the same."""
        return self._key


class KnownKey:
    """A master key that somebody has in hand. `passphrase`: it came from one."""

    def __init__(self, master: MasterKey, *, passphrase: bool) -> None:
        self._master = master
        self.passphrase = passphrase

    async def master(self, argon: Argon | None, *, fresh: bool) -> MasterKey:
        """Always this one."""
        return self._master
