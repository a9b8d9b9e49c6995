"""Opening the store; a file that nio's own store made is replaced by a sealed one.

nio keeps ids and keys of people in the clear. What was clear is overwritten before its file is
removed. That reaches the file's blocks on a disk that writes in place. It does not reach free blocks
that nio's journals once held, older blocks on a file system that copies on write (btrfs, ZFS) or
inside a flash drive, snapshots, or backups: against those only encryption of the whole disk helps.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from nio.crypto import OlmAccount, TrustState  # type: ignore[import-untyped]
from nio.store import SqliteStore  # type: ignore[import-untyped]

from bot.platforms.base import PlatformError
from bot.platforms.matrix.store.records import Keys, Records, explained, tables, wrong_key
from bot.platforms.matrix.store.sealed import CryptoStore

_OPEN_TO_OTHERS = 0o077
_CHUNK = 1 << 20


def opened(path: Path, secret: str, user_id: str, device_id: str) -> CryptoStore:
    """The store of this device in the file `path`, which is made if it is not there.

    `secret`: 32 bytes as hexadecimal digits. Raises `PlatformError`; with a wrong secret before
    anything was changed.
    """
    keys = Keys(bytes.fromhex(secret))
    with explained():
        _make_folder(path.parent)
        _take_over(path, secret, keys)
    records = Records(path, keys)
    try:
        return CryptoStore(user_id, device_id, records)
    except BaseException:
        records.close()
        raise


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = folder.stat().st_mode
    if mode & _OPEN_TO_OTHERS:
        folder.chmod(mode & ~_OPEN_TO_OTHERS)


def _take_over(path: Path, secret: str, keys: Keys) -> None:
    """Replace a file of nio's. Killed at any point, the next start finds and finishes it.

    The clear file bears its own name until the sealed one is whole and on the disk, then another
    name until it is overwritten.
    """
    clear = path.with_name(f"{path.name}.clear")
    if clear.exists() and not path.exists():
        clear.rename(path)  # killed between the two renames below
    if path.exists() and "accounts" in tables(path):
        accounts = _accounts_of_nio(path, secret)
        sealed = path.with_name(f"{path.name}.new")
        _remove_with_journals(sealed)  # what a process that was killed had begun
        _copy(path, secret, accounts, sealed, keys)
        path.rename(clear)
        sealed.rename(path)
    if clear.exists():
        _sync_folder(path.parent)
        _overwrite(clear)
        clear.unlink()
        _sync_folder(path.parent)


def _accounts_of_nio(path: Path, secret: str) -> list[tuple[str, str]]:
    """Whose the file is, oldest first. Raises `PlatformError` if the secret does not open it."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT user_id, device_id, account FROM accounts ORDER BY id").fetchall()
    for _, _, pickle in rows:
        try:
            OlmAccount.from_pickle(bytes(pickle), secret)
        except ValueError as error:
            raise wrong_key() from error
    return [(user_id, device_id) for user_id, device_id, _ in rows]


def _copy(
    path: Path, secret: str, accounts: list[tuple[str, str]], sealed: Path, keys: Keys
) -> None:
    records = Records(sealed, keys)
    try:
        for user_id, device_id in accounts:
            old = SqliteStore(user_id, device_id, str(path.parent), secret, path.name)
            try:
                _copy_device(old, CryptoStore(user_id, device_id, records))
            finally:
                old.database.close()
    finally:
        records.close()
    if Path(f"{sealed}-wal").exists():
        # SQLite could not bring the log into the file, which alone would be renamed.
        raise PlatformError("matrix.store: the crypto store cannot be written: is the disk full?")
    with sealed.open("rb") as file:
        os.fsync(file.fileno())


def _copy_device(old: SqliteStore, new: CryptoStore) -> None:
    with new.together():
        new.save_account(old.load_account())
        for sender_key, sessions in old.load_sessions().items():
            for session in sessions:
                new.save_session(sender_key, session)
        for room_key in old.load_inbound_group_sessions():
            new.save_inbound_group_session(room_key)
        devices = old.load_device_keys()
        new.save_device_keys(dict(devices.items()))
        for device in devices:
            if device.trust_state is not TrustState.unset:
                new.set_trust(device, device.trust_state)
        new.save_encrypted_rooms(old.load_encrypted_rooms())
        for request in old.load_outgoing_key_requests().values():
            new.add_outgoing_key_request(request)


def _overwrite(path: Path) -> None:
    left = path.stat().st_size
    with path.open("r+b", buffering=0) as file:
        while left > 0:
            left -= file.write(bytes(min(left, _CHUNK)))
        os.fsync(file.fileno())


def _remove_with_journals(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
        path.with_name(name).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
