"""The signatures of minisign: an Ed25519 key, and a comment that is signed along with the content.

Source: https://jedisct1.github.io/minisign/ (the formats of its files), RFC 8032 (Ed25519), RFC 7693
(BLAKE2b). We sign a content's BLAKE2b-512, as the tool does; what it signed in its first way, the
content itself, is checked too.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import unicodedata
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SEED_BYTES = KEY_BYTES = 32
ID_BYTES = 8
SIGNATURE_BYTES = 64

PLAIN, HASHED = b"Ed", b"ED"
"""What is signed: the content itself, or its BLAKE2b-512. A public key always bears the first."""

UNTRUSTED, TRUSTED = "untrusted comment: ", "trusted comment: "

MOST_TEXT = 16 * 1024
"""Characters of a signature or public key that is read. The tool writes less than 10,000 bytes."""

MOST_COMMENT = 8000
"""Bytes of a trusted comment of ours. The tool reads lines of 8,192 (its TRUSTEDCOMMENTMAXBYTES)."""

_BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of Unicode that end a line, steer a terminal, or have no UTF-8."""


class SignatureError(Exception):
    """A signature or a key is not what it should be. One line, with what to do."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What checks signatures: 32 bytes of Ed25519, and the 8 random ones by which it is named."""

    key_id: bytes
    key: bytes

    def __post_init__(self) -> None:
        if (len(self.key_id), len(self.key)) != (ID_BYTES, KEY_BYTES):
            raise ValueError(f"a public key has {ID_BYTES} bytes of name and {KEY_BYTES} of key")

    @property
    def id(self) -> str:
        """Its name for people: 16 hexadecimal digits. The tool leaves out zeros at the left."""
        return _named(self.key_id)

    @property
    def line(self) -> str:
        """The key in one line, as `minisign -P` takes it."""
        return _packed(PLAIN, self.key_id, self.key)

    @property
    def file(self) -> str:
        """The text of a .pub file, as `minisign -p` takes it."""
        return f"{UNTRUSTED}minisign public key {self.id}\n{self.line}\n"


@dataclass(frozen=True, slots=True)
class SecretKey:
    """What signs: the seed of an Ed25519 key (RFC 8032, section 5.1.5), and its name."""

    key_id: bytes
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if (len(self.key_id), len(self.seed)) != (ID_BYTES, SEED_BYTES):
            raise ValueError(f"a secret key has {ID_BYTES} bytes of name and {SEED_BYTES} of seed")

    @classmethod
    def fresh(cls) -> SecretKey:
        """A new one."""
        return cls(secrets.token_bytes(ID_BYTES), secrets.token_bytes(SEED_BYTES))

    @classmethod
    def from_bytes(cls, value: bytes) -> SecretKey:
        """The opposite of `to_bytes`. Raises `ValueError`."""
        return cls(value[:ID_BYTES], value[ID_BYTES:])

    def to_bytes(self) -> bytes:
        """For storing, sealed."""
        return self.key_id + self.seed

    @property
    def public(self) -> PublicKey:
        """What checks what this one signs."""
        public = self._ed25519().public_key()
        return PublicKey(self.key_id, public.public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, content: bytes) -> bytes:
        """The bare 64 bytes of Ed25519 over `content` itself."""
        return self._ed25519().sign(content)

    def _ed25519(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


@dataclass(frozen=True, slots=True)
class _Signature:
    """What stands in a .minisig file. `whole` signs `signature` and the comment together."""

    algorithm: bytes
    key_id: bytes
    signature: bytes
    comment: str
    whole: bytes


def read_public_key(text: str) -> PublicKey:
    """A public key from its line, or from the text of its file. Raises `SignatureError`."""
    what = "this is no minisign public key"
    lines = _lines(text.strip(" ") if len(text) <= MOST_TEXT else text, what)
    if len(lines) == 2 and lines[0].startswith(UNTRUSTED):
        del lines[0]
    if len(lines) != 1:
        raise _malformed(what, "it has other lines than such a file has")
    algorithm, key_id, key = _unpacked(lines[0], KEY_BYTES, what)
    if algorithm != PLAIN:
        raise _malformed(what, "it is for another algorithm")
    return PublicKey(key_id, key)


def signed(content: bytes, key: SecretKey, trusted_comment: str) -> str:
    """The text of a .minisig file.

    Raises `ValueError` for a comment of more than one line, with control characters other than the
    tab, or of more than `MOST_COMMENT` bytes: the tool could not read it.
    """
    if not _one_line(trusted_comment) or len(trusted_comment.encode()) > MOST_COMMENT:
        raise ValueError(f"a trusted comment is one line of at most {MOST_COMMENT} bytes")
    signature = key.sign(_digest(content))
    whole = key.sign(signature + trusted_comment.encode())
    return (
        f"{UNTRUSTED}signature from Acuerpa, key {_named(key.key_id)}\n"
        f"{_packed(HASHED, key.key_id, signature)}\n"
        f"{TRUSTED}{trusted_comment}\n"
        f"{base64.b64encode(whole).decode()}\n"
    )


def verified(content: bytes, signature: str, key: PublicKey) -> str:
    """The trusted comment of a signature of `content`, the text of a .minisig file, by `key`.

    Raises `SignatureError` if it is no signature, another key's, or if the content or the comment
    is not what was signed.
    """
    found = _parsed(signature)
    if found.key_id != key.key_id:
        raise SignatureError(
            f"the signature was made by key {_named(found.key_id)}, not by {key.id}: take the public "
            "key of who signed it from them, and give that one"
        )
    message = _digest(content) if found.algorithm == HASHED else content
    if not _holds(key, found.signature, message):
        raise SignatureError(
            "the content is not what was signed: do not trust it; fetch it and its signature anew"
        )
    if not _holds(key, found.whole, found.signature + found.comment.encode()):
        raise SignatureError(
            "the trusted comment is not what was signed: do not trust it; fetch the signature anew"
        )
    return found.comment


def signer(signature: str) -> str:
    """The `id` of the key that a signature names, which is not proven yet. Raises `SignatureError`."""
    return _named(_parsed(signature).key_id)


def _parsed(text: str) -> _Signature:
    what = "this is no minisign signature"
    lines = _lines(text, what)
    if len(lines) != 4 or not lines[0].startswith(UNTRUSTED) or not lines[2].startswith(TRUSTED):
        raise _malformed(what, "it has other lines than such a file has")
    algorithm, key_id, signature = _unpacked(lines[1], SIGNATURE_BYTES, what)
    if algorithm not in (PLAIN, HASHED):
        raise _malformed(what, "it is of another algorithm")
    comment = lines[2].removeprefix(TRUSTED)
    if not _one_line(comment):
        raise _malformed(what, "there are control characters in its comment")
    return _Signature(
        algorithm, key_id, signature, comment, _decoded(lines[3], SIGNATURE_BYTES, what)
    )


def _lines(text: str, what: str) -> list[str]:
    """The lines, whether a text was written on Unix or on Windows."""
    if len(text) > MOST_TEXT:
        raise _malformed(what, f"it has more than {MOST_TEXT} characters")
    return [line.removesuffix("\r") for line in text.rstrip("\r\n").split("\n")]


def _unpacked(line: str, size: int, what: str) -> tuple[bytes, bytes, bytes]:
    """Algorithm, key id, and the `size` bytes behind them."""
    raw = _decoded(line, len(PLAIN) + ID_BYTES + size, what)
    return raw[:2], raw[2 : 2 + ID_BYTES], raw[2 + ID_BYTES :]


def _packed(algorithm: bytes, key_id: bytes, value: bytes) -> str:
    return base64.b64encode(algorithm + key_id + value).decode()


def _decoded(line: str, size: int, what: str) -> bytes:
    """Base64 in its only right form: the bits that it leaves over must be zero (RFC 4648, 3.5)."""
    try:
        raw = base64.b64decode(line, validate=True)
    except ValueError:
        raise _malformed(what, "its base64 is broken") from None
    if len(raw) != size or base64.b64encode(raw).decode() != line:
        raise _malformed(what, "its base64 is broken")
    return raw


def _malformed(what: str, why: str) -> SignatureError:
    return SignatureError(f"{what} ({why}): bring it anew, exactly as it was published")


def _one_line(comment: str) -> bool:
    return all(c == "\t" or unicodedata.category(c) not in _BREAKING for c in comment)


def _named(key_id: bytes) -> str:
    """The tool takes the eight bytes for a number with its lowest byte first."""
    return key_id[::-1].hex().upper()


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content).digest()


def _holds(key: PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def is_signed(content: bytes, signature: str, key: str) -> bool:
    """Whether a public key, given as its line, signed this; what is malformed did not."""
    try:
        verified(content, signature, read_public_key(key))
    except SignatureError:
        return False
    return True
