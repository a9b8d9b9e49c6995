"""A small SQLite file in which nothing can be read.

Each record is an AES-256-GCM envelope, each place a keyed digest (blind index). The place is the
envelope's associated data, so that two envelopes cannot be swapped. The head holds, sealed, a mark
of all records together, so that none can be taken out or put back as it was before: a device that
somebody distrusts must not be trusted again because a page of the file was lost. What a thief still
sees: how many records there are, which of them belong together, about how long each one is. What
nobody notices: the whole file in place of a newer one.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.platforms.base import PlatformError

_log = logging.getLogger(__name__)

SECRET_BYTES = 32
_NONCE_BYTES = 12
# Bytes. The length of an id would tell a thief with a list of names which of them it may be.
_PADDED_TO = 64

# As in the main database: a commit survives a power cut, and what is erased is overwritten.
_PRAGMAS = {
    "busy_timeout": 1000,  # milliseconds, in which the event loop stands still
    "journal_mode": "wal",
    "synchronous": 2,
    "secure_delete": 1,
    "temp_store": 2,
}

_SCHEMA = """
CREATE TABLE head (sealed BLOB NOT NULL);
CREATE TABLE record (
    shelf BLOB NOT NULL, name BLOB NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (shelf, name)
);
"""
_VERSION = 1
_HEAD = b"head"

# Not by the index: what is given is what the mark was made of, also where the index is damaged.
_ALL = "SELECT name, sealed FROM record NOT INDEXED WHERE shelf = ?"
_EVERY = "SELECT shelf, name, sealed FROM record NOT INDEXED"
_GET = "SELECT sealed FROM record WHERE shelf = ? AND name = ?"
_PUT = "INSERT INTO record VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET sealed = ?3"
_DROP = "DELETE FROM record WHERE shelf = ? AND name = ?"

_Place = tuple[bytes, bytes]


class Keys:
    """What is derived from the one 32-byte secret (HKDF-SHA256), each for one purpose."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"the secret of the crypto store must have {SECRET_BYTES} bytes")
        self._aead = AESGCM(_derived(secret, b"envelopes"))
        self._index = _derived(secret, b"index")
        self._marks = _derived(secret, b"marks")
        self.pickle = _derived(secret, b"pickles").hex()
        """The passphrase of what nio pickles, which is sealed once more."""

    def seal(self, plain: bytes, place: bytes) -> bytes:
        """A fresh nonce and the sealed text."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, place)

    def open(self, envelope: bytes, place: bytes) -> bytes:
        """The plain text. Raises `InvalidTag` if a bit, the key or the place is another."""
        return self._aead.decrypt(envelope[:_NONCE_BYTES], envelope[_NONCE_BYTES:], place)

    def digest(self, *words: str) -> bytes:
        """Always the same 32 bytes for these words, from which nobody learns the words."""
        return hmac.digest(self._index, json.dumps(words).encode(), "sha256")

    def mark(self, place: _Place, sealed: bytes) -> int:
        """What a record adds to the mark of all, by exclusive or: order does not matter."""
        try:
            return int.from_bytes(hmac.digest(self._marks, b"".join(place) + sealed, "sha256"))
        except TypeError:
            raise damaged() from None  # a column that was no blob any more


class Records:
    """Sealed values by shelf and name, written at once or, inside `together`, all at its end.

    What could not be written (a full disk) is kept and written first the next time, so that the
    file never stays behind what nio holds in memory.
    """

    def __init__(self, path: Path, keys: Keys) -> None:
        """Open, or make, the file. Raises `PlatformError`; a wrong key changes nothing."""
        self.keys = keys
        self._pending: dict[_Place, bytes | None] = {}
        self._depth = 0
        with explained():
            if path.exists():
                _check_key(path, keys)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            path.chmod(0o600)  # SQLite gives its other files the same mode
            self._db = sqlite3.connect(path, isolation_level=None)
            try:
                self._set_pragmas()
                self._head, self._mark = self._take()
            except BaseException:
                self._db.close()
                raise

    def shelf(self, *words: str) -> Shelf:
        """What is kept under these words, for example a kind and its owner."""
        return Shelf(self, words)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write what is changed in this block in one transaction, at its end.

        Also if it raises: what nio has done by then is done in its memory too. The block must not
        await. Raises `PlatformError` if the file cannot be written.
        """
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            self._write()

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        try:
            self._write()
        except PlatformError:
            _log.error("the crypto store could not be written before it was closed")
        finally:
            self._pending.clear()
            self._db.close()

    # --- for shelves ------------------------------------------------------------------------

    def change(self, place: _Place, sealed: bytes | None) -> None:
        """Put a sealed value in its place, or None to take it away."""
        self._pending[place] = sealed
        self._write()

    def on(self, shelf: bytes) -> dict[bytes, bytes]:
        """The sealed values of one shelf, by name."""
        with explained():
            found = dict(self._db.execute(_ALL, (shelf,)))
        for (of, name), sealed in self._pending.items():
            if of == shelf:
                found.pop(name, None)
                if sealed is not None:
                    found[name] = sealed
        return found

    def has(self, place: _Place) -> bool:
        """Whether there is a value in this place."""
        if place in self._pending:
            return self._pending[place] is not None
        with explained():
            return self._db.execute(_GET, place).fetchone() is not None

    # --- inside -----------------------------------------------------------------------------

    def _set_pragmas(self) -> None:
        for name, wanted in _PRAGMAS.items():
            self._db.execute(f"PRAGMA {name}={wanted}")
            if self._db.execute(f"PRAGMA {name}").fetchone()[0] != wanted:
                raise PlatformError(
                    f"matrix.store: PRAGMA {name} cannot be set: is the folder on a network"
                    " drive? Move it to a local disk",
                    final=True,
                )

    def _take(self) -> tuple[bytes, int]:
        """Make the file ours until somebody else opens it. Gives the head and the mark in it."""
        with self._transaction():
            if not _tables(self._db):
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute("INSERT INTO head VALUES (x'')")
                self._put_head(0)
            mark = 0
            for shelf, name, sealed in self._db.execute(_EVERY):
                mark ^= self.keys.mark((shelf, name), sealed)
            if _opened_head(self._db, self.keys) != mark:
                raise damaged()
            return self._put_head(mark), mark

    def _put_head(self, mark: int) -> bytes:
        """A head that was never there before, so that who else wrote is noticed."""
        head = self.keys.seal(json.dumps([_VERSION, mark]).encode(), _HEAD)
        self._db.execute("UPDATE head SET sealed = ?", (head,))
        return head

    def _write(self) -> None:
        if self._depth or not self._pending:
            return
        with explained(), self._transaction():
            # A process that was frozen must not put back what is older than it knows.
            if self._db.execute("SELECT sealed FROM head").fetchone() != (self._head,):
                raise PlatformError(
                    "matrix.store: another process has opened the crypto store since; let only one"
                    " run"
                )
            mark = self._mark
            for place, sealed in self._pending.items():
                for (before,) in self._db.execute(_GET, place).fetchall():
                    mark ^= self.keys.mark(place, before)
                if sealed is None:
                    self._db.execute(_DROP, place)
                else:
                    mark ^= self.keys.mark(place, sealed)
                    self._db.execute(_PUT, (*place, sealed))
            head = self._put_head(mark)
        self._head, self._mark = head, mark
        self._pending.clear()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


class Shelf:
    """The records of one kind and owner. Values are JSON; names are words."""

    def __init__(self, records: Records, words: tuple[str, ...]) -> None:
        self._records = records
        self._keys = records.keys
        self._words = words
        self._digest = self._keys.digest(*words)

    def put(self, name: tuple[str, ...], value: Any) -> None:
        """Keep a value in place of what was under this name. Raises `PlatformError`."""
        place = self._place(name)
        plain = json.dumps(value, separators=(",", ":")).encode()
        padded = plain.ljust(-(-len(plain) // _PADDED_TO) * _PADDED_TO)
        self._records.change(place, self._keys.seal(padded, b"".join(place)))

    def drop(self, name: tuple[str, ...]) -> None:
        """Take away what is under this name, if anything is. Raises `PlatformError`."""
        self._records.change(self._place(name), None)

    def has(self, name: tuple[str, ...]) -> bool:
        """Whether there is something under this name."""
        return self._records.has(self._place(name))

    def __iter__(self) -> Iterator[Any]:
        """All values, in no order. Raises `PlatformError` if one is damaged or out of place."""
        for name, sealed in self._records.on(self._digest).items():
            try:
                yield json.loads(self._keys.open(sealed, self._digest + name))
            except (InvalidTag, ValueError, TypeError):
                raise damaged() from None

    def _place(self, name: tuple[str, ...]) -> _Place:
        return self._digest, self._keys.digest(*self._words, *name)


def tables(path: Path) -> set[str]:
    """The tables of an SQLite file. Raises `PlatformError`."""
    with explained(), closing(_to_read(path)) as db:
        return _tables(db)


def intact(path: Path, keys: Keys) -> int:
    """How many records a copy of a store holds, where none is changed, moved, missing or too many.

    Changes nothing. Raises `PlatformError`.
    """
    with explained(), closing(_to_read(path)) as db:
        mark, count = _opened_head(db, keys), 0
        for shelf, name, sealed in db.execute(_EVERY):
            mark ^= keys.mark((shelf, name), sealed)
            count += 1
    if mark:
        raise damaged()
    return count


def damaged() -> PlatformError:
    """What is in the file was not put there by us."""
    return PlatformError(
        "matrix.store: the crypto store is damaged; move its folder away: the bot is then a new"
        " device, which its identity signs",
        final=True,
    )


def wrong_key() -> PlatformError:
    """The file cannot be opened with this key."""
    return PlatformError(
        "matrix.store: the crypto store was made with another key file, or is damaged; bring back"
        " the key file, or move the folder away: the bot is then a new device",
        final=True,
    )


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, b"acuerpa crypto store, " + purpose).derive(secret)


def _tables(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _to_read(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, and makes no files beside if there are none."""
    how = "mode=ro&immutable=1"
    if Path(f"{path}-wal").exists():
        how = "mode=ro"
    elif Path(f"{path}-journal").exists():
        how = "mode=rw"  # a transaction of nio's store that was cut off has to be rolled back
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)


def _check_key(path: Path, keys: Keys) -> None:
    with closing(_to_read(path)) as db:
        if _tables(db):  # else it was made by a process that was killed at once
            _opened_head(db, keys)


def _opened_head(db: sqlite3.Connection, keys: Keys) -> int:
    """The mark of all records that there should be."""
    if _tables(db) != {"head", "record"}:
        raise damaged()
    try:
        ((head,),) = db.execute("SELECT sealed FROM head")
        version, mark, *_ = json.loads(keys.open(head, _HEAD))
    except (InvalidTag, ValueError, TypeError):
        raise wrong_key() from None
    if version != _VERSION:
        raise PlatformError(
            "matrix.store: the crypto store was made by a newer version; install that version",
            final=True,
        )
    return int(mark)


@contextmanager
def explained() -> Iterator[None]:
    """SQLite's errors as one line with the remedy."""
    try:
        yield
    except UnicodeDecodeError:
        raise damaged() from None  # a schema, or what SQLite says of it
    except sqlite3.ProgrammingError as error:
        raise _unavailable("it is closed") from error
    except sqlite3.DatabaseError as error:
        # An error of Python's own about a value has no name: text that is none.
        name = getattr(error, "sqlite_errorname", "SQLITE_CORRUPT")
        if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_ERROR")):
            raise damaged() from error
        raise _unavailable(name) from error
    except OSError as error:
        raise _unavailable(error.strerror or type(error).__name__) from error


def _unavailable(why: str) -> PlatformError:
    return PlatformError(
        f"matrix.store: the crypto store cannot be used now ({why}): is the disk full, the folder"
        " writable, and the file not held by another program?"
    )
