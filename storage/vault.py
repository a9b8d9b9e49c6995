"""Sealing: envelopes bound to their place, and blind indexes to find by what is sealed.

An envelope is one byte of version, four of the data key's number, a nonce and the AES-256-GCM
ciphertext with its tag. Its associated data is that head with table, column and row, so that an
envelope that is moved or changed is refused. A blind index is a keyed HMAC of the value: it tells
whether two values of one column are equal, and nothing else.

Source: NIST SP 800-38D (AES-GCM; at most 2^32 random nonces under one key), RFC 5869 (HKDF).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
INDEX_BYTES = 16
"""Of the HMAC: two of a billion values meet by chance with a probability of one in 10^20."""

VERSION = 1
_HEAD = struct.Struct(">BI")


class Refused(Exception):
    """An envelope that was changed, moved or sealed under a key that is not here.

    Says which table and column, and nothing of the content.
    """


def derived(key: bytes, purpose: str) -> bytes:
    """Another 32-byte key, for one purpose (HKDF-SHA256)."""
    return HKDF(SHA256(), KEY_BYTES, None, purpose.encode()).derive(key)


@dataclass(frozen=True)
class DataKey:
    """One generation of keys: what seals and what finds, from the same 32 random bytes."""

    id: int
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise ValueError("a data key has 32 bytes")
        object.__setattr__(self, "aead", AESGCM(derived(self.secret, "acuerpa.rows.seal")))
        finder = HMAC(derived(self.secret, "acuerpa.rows.index"), SHA256())
        object.__setattr__(self, "finder", finder)

    aead: AESGCM = field(init=False, repr=False)
    finder: HMAC = field(init=False, repr=False)
    """Its key is in it already; a copy is made for each value."""


class Vault:
    """Seals under the newest data key, and opens under any that it has."""

    def __init__(self, keys: Mapping[int, bytes], current: int) -> None:
        self._keys = {id: DataKey(id, secret) for id, secret in keys.items()}
        self.current = current

    def secret(self, id: int) -> bytes:
        """The 32 bytes of one of its keys, for wrapping them."""
        return self._keys[id].secret

    def seal(self, plain: bytes, table: str, column: str, row: object) -> bytes:
        """An envelope for one field of one row."""
        key = self._keys[self.current]
        head = _HEAD.pack(VERSION, key.id)
        nonce = os.urandom(NONCE_BYTES)
        return head + nonce + key.aead.encrypt(nonce, plain, _bound(head, table, column, row))

    def open(self, envelope: bytes, table: str, column: str, row: object) -> bytes:
        """What was sealed there. Raises `Refused`."""
        if len(envelope) < _HEAD.size + NONCE_BYTES + TAG_BYTES:
            _refuse(table, column)
        head = envelope[: _HEAD.size]
        version, id = _HEAD.unpack(head)
        key = self._keys.get(id)
        if version != VERSION or key is None:
            _refuse(table, column)
        nonce = envelope[_HEAD.size : _HEAD.size + NONCE_BYTES]
        try:
            return key.aead.decrypt(
                nonce, envelope[_HEAD.size + NONCE_BYTES :], _bound(head, table, column, row)
            )
        except InvalidTag:
            _refuse(table, column)

    def index(self, table: str, column: str, value: str) -> bytes:
        """The blind index of a value in one column."""
        text = f"{table}\0{column}\0{value}".encode("utf-8", "surrogatepass")
        digest = self._keys[self.current].finder.copy()
        digest.update(text)
        return digest.finalize()[:INDEX_BYTES]


def key_of(envelope: bytes) -> int:
    """The number of the data key that an envelope was sealed under, as it says itself."""
    number: int = _HEAD.unpack_from(envelope)[1]
    return number


def _bound(head: bytes, table: str, column: str, row: object) -> bytes:
    return head + f"{table}\0{column}\0{row}".encode()


def _refuse(table: str, column: str) -> NoReturn:
    raise Refused(f"{table}.{column}: a sealed field does not open: was the database changed?") from None
