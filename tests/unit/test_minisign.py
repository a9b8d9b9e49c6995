"""A signature holds for what was signed and for nothing else; what is none is refused in one line."""

from __future__ import annotations

import base64
import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.signing.minisign import (
    MOST_COMMENT,
    MOST_TEXT,
    PublicKey,
    SecretKey,
    SignatureError,
    is_signed,
    read_public_key,
    signed,
    signer,
    verified,
)
from bot.signing.replacing import Statement, replacing

KEY = SecretKey(bytes(range(8)), bytes(range(32)))
OTHER = SecretKey(bytes(range(1, 9)), bytes(range(1, 33)))
CONTENT = b"Exigimos que Ana vuelva a casa.\n"
SIGNATURE = signed(CONTENT, KEY, "denuncia 7, 2026-11-27")
NOW = datetime(2026, 11, 27, 16, 30, tzinfo=UTC)

# Made by minisign 0.11 of Debian 12: minisign -G -W; minisign -S [-l] -m f, where f was "hola\n".
THEIRS = "RWTHTwwdtgffA2LvmTT2805kgyW8ez77eJYE8O6P701U+F26Wl0Y5pA6"
HASHED = """untrusted comment: signature from minisign secret key
RUTHTwwdtgffA+nYtDBBulpbJf7IHd7X2tk6auVt/zL3ovHM62IyRZA8Vsco+6kIZjvOeE7NR0wAj6SlMYG6cK0TrPhvRxYOhAY=
trusted comment: a trusted comment
zA8bNn+nvnoLgUMyXU/CM+/DF0owLr27XcyqaupXwdrWEAb7QAj1Ri8yuaT9dc2RQPnJApKT6IaAM9ZJ8KPZBQ==
"""
LEGACY = """untrusted comment: signature from minisign secret key
RWTHTwwdtgffA4U99RncBmAPuXR5GsFOgoJlEq+lLvK5gJj1OtFSHsg63RuVgMua6Js368ygUH7bH/ZwMYFAbYSKgGo5h5yjigY=
trusted comment: legacy
gncMMKRds5KqL8qmF0TgShLOauF7p+/b/ZA8t15WsLVOGHMWsqQfPudAtzU3ByT7+7lzb11n9bW1w4HzzXX3CQ==
"""

comments = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=200)
secret_keys = st.builds(SecretKey, st.binary(min_size=8, max_size=8), st.binary(min_size=32, max_size=32))


@given(content=st.binary(max_size=2000), key=secret_keys, comment=comments)
def test_what_was_signed_is_believed(content: bytes, key: SecretKey, comment: str) -> None:
    signature = signed(content, key, comment)
    assert verified(content, signature, key.public) == comment
    assert verified(content, signature.replace("\n", "\r\n"), key.public) == comment
    assert signer(signature) == key.public.id


@given(key=secret_keys)
def test_a_key_is_read_as_it_was_written(key: SecretKey) -> None:
    for text in (key.public.line, key.public.file, key.public.file.replace("\n", "\r\n")):
        assert read_public_key(text) == key.public
    assert SecretKey.from_bytes(key.to_bytes()) == key


def test_what_the_tool_signed_in_either_way_is_believed() -> None:
    key = read_public_key(THEIRS)
    assert key.id == "03DF07B61D0C4FC7"
    assert verified(b"hola\n", HASHED, key) == "a trusted comment"
    assert verified(b"hola\n", LEGACY, key) == "legacy"
    for signature in (HASHED, LEGACY):
        with pytest.raises(SignatureError, match="content is not what was signed"):
            verified(b"hola", signature, key)


def test_another_way_of_signing_is_not_taken_for_ours() -> None:
    # A hash that was signed as a content, shown as the content's signature in the other way.
    swapped = HASHED.replace("RUTH", "RWTH")
    with pytest.raises(SignatureError, match="content is not what was signed"):
        verified(b"hola\n", swapped, read_public_key(THEIRS))


def flipped(value: bytes) -> list[bytes]:
    """The value with each of its bits changed in turn."""
    return [
        value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :]
        for at in range(len(value))
        for bit in range(8)
    ]


def test_no_bit_of_the_content_can_be_changed() -> None:
    for content in flipped(CONTENT):
        with pytest.raises(SignatureError, match="content is not what was signed"):
            verified(content, SIGNATURE, KEY.public)


def test_no_bit_of_the_signature_or_its_comment_can_be_changed() -> None:
    first, rest = SIGNATURE.split("\n", 1)
    for changed in flipped(rest.encode()):
        text = f"{first}\n{changed.decode('utf-8', 'surrogateescape')}"
        with pytest.raises(SignatureError):
            verified(CONTENT, text, KEY.public)


def test_another_comment_is_refused() -> None:
    for other in ("denuncia 8", " denuncia 7", "Denuncia 7"):
        with pytest.raises(SignatureError, match="trusted comment is not what was signed"):
            verified(CONTENT, SIGNATURE.replace("denuncia 7", other), KEY.public)


def test_the_signature_of_another_key_is_named_as_such() -> None:
    with pytest.raises(SignatureError) as caught:
        verified(CONTENT, SIGNATURE, OTHER.public)
    assert KEY.public.id in str(caught.value)
    assert OTHER.public.id in str(caught.value)
    same_name = SecretKey(KEY.key_id, OTHER.seed)
    with pytest.raises(SignatureError, match="content is not what was signed"):
        verified(CONTENT, SIGNATURE, same_name.public)


LINES = SIGNATURE.splitlines()

MALFORMED = {
    "nothing": "",
    "one line": LINES[1],
    "no comment": "\n".join(LINES[1:]),
    "another first line": "\n".join(["comment: x", *LINES[1:]]),
    "no trusted comment": "\n".join([*LINES[:2], "comment: x", LINES[3]]),
    "a line more": SIGNATURE + "x\n",
    "a line in between": "\n".join([*LINES[:2], "", *LINES[2:]]),
    "no last line": "\n".join(LINES[:3]),
    "an empty last line": "\n".join([*LINES[:3], " "]),
    "base64 that is none": SIGNATURE.replace(LINES[1], LINES[1][:-4] + "!!!!"),
    "base64 with spaces": SIGNATURE.replace(LINES[1], LINES[1][:4] + " " + LINES[1][4:]),
    "base64 of other letters": SIGNATURE.replace(LINES[1], "ñ" * 100),
    "a signature too short": SIGNATURE.replace(LINES[1], LINES[1][:-4]),
    "a signature too long": SIGNATURE.replace(LINES[3], "AAAA" + LINES[3]),
    "no padding": SIGNATURE.replace(LINES[3], LINES[3].rstrip("=")),
    "another algorithm": SIGNATURE.replace(
        LINES[1], base64.b64encode(b"XX" + base64.b64decode(LINES[1])[2:]).decode()
    ),
    "a comment that steers a terminal": SIGNATURE.replace("denuncia 7", "denuncia\x1b[2J7"),
    "a comment of two lines for others": SIGNATURE.replace("denuncia 7", "denuncia\u20287"),
    "half a character": SIGNATURE.replace("denuncia 7", "denuncia\ud8007"),
    "a null": SIGNATURE.replace(LINES[1], LINES[1] + "\0"),
    "too much": SIGNATURE + "\n" * MOST_TEXT,
    "far too much": "A" * 10_000_000,
    "a public key": KEY.public.file,
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_signature_is_refused_in_one_line(text: str) -> None:
    for look in (lambda: verified(CONTENT, text, KEY.public), lambda: signer(text)):
        with pytest.raises(SignatureError, match="no minisign signature") as caught:
            look()
        assert len(str(caught.value).splitlines()) == 1


KEYS = {
    "nothing": "",
    "a word": "llave",
    "a signature": SIGNATURE,
    "a signature's line": LINES[1],
    "two keys": f"{KEY.public.line}\n{OTHER.public.line}",
    "another first line": f"comment: x\n{KEY.public.line}",
    "a line more": KEY.public.file + "x",
    "a letter less": KEY.public.line[:-1],
    "another algorithm": base64.b64encode(b"ED" + bytes(40)).decode(),
    "half a character": "\ud800" * 56,
    "far too much": "A" * 10_000_000,
}


@pytest.mark.parametrize("text", KEYS.values(), ids=KEYS.keys())
def test_what_is_no_key_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SignatureError, match="no minisign public key") as caught:
        read_public_key(text)
    assert len(str(caught.value).splitlines()) == 1


pieces = st.sampled_from([*LINES, KEY.public.line, "\n", "\r", "\0", "=", "untrusted comment: ", " "])


@given(text=st.lists(pieces | st.text(max_size=30), max_size=12).map("".join), key=st.binary(
    min_size=32, max_size=32))  # fmt: skip
def test_no_text_gives_another_error(text: str, key: bytes) -> None:
    for look in (
        lambda: verified(CONTENT, text, KEY.public),
        lambda: verified(CONTENT, SIGNATURE, PublicKey(KEY.key_id, key)),
        lambda: read_public_key(text),
    ):
        with contextlib.suppress(SignatureError):
            look()


@pytest.mark.parametrize("comment", ["a\nb", "a\rb", "a\0", "a\x85b", "a\u2028b", "\ud800", "ñ" * 4001])
def test_a_comment_that_would_break_the_file_is_not_signed(comment: str) -> None:
    with pytest.raises(ValueError, match=str(MOST_COMMENT)):
        signed(CONTENT, KEY, comment)


def test_a_secret_key_is_not_shown() -> None:
    shown = f"{KEY!r} {KEY}"
    for form in (repr(KEY.seed), KEY.seed.hex(), base64.b64encode(KEY.seed).decode()):
        assert form not in shown
    assert SecretKey.fresh() != SecretKey.fresh()


@pytest.mark.parametrize("value", [b"", bytes(39), bytes(41)])
def test_a_key_of_another_length_is_none(value: bytes) -> None:
    with pytest.raises(ValueError, match="32"):
        SecretKey.from_bytes(value)
    with pytest.raises(ValueError, match="32"):
        PublicKey(value[:8], value[8:])


def test_a_replacement_is_said_by_both_keys() -> None:
    said = replacing(KEY, OTHER, NOW)
    assert Statement.from_json(said.to_json()) == said
    said.check(KEY.public, OTHER.public)
    lines = said.statement.splitlines()
    for line in lines[:2]:
        places = [line.index(part) for part in (OTHER.public.id, KEY.public.id, "2026-11-27 16:30 UTC")]
        assert places == sorted(places)
    for key in (KEY, OTHER):
        assert key.public.line in said.statement
    with pytest.raises(SignatureError, match="was made by key"):
        said.check(OTHER.public, KEY.public)
    for one in (said.by_old, said.by_new):
        with pytest.raises(SignatureError):
            Statement(said.statement, one, one).check(KEY.public, OTHER.public)
    with pytest.raises(SignatureError, match="content is not what was signed"):
        Statement(said.statement + " ", said.by_old, said.by_new).check(KEY.public, OTHER.public)


def test_whoever_follows_a_feed_asks_whether_its_key_signed_it() -> None:
    key, other = SecretKey.fresh(), SecretKey.fresh()
    said = signed(b"alerta", key, "de hoy")
    assert is_signed(b"alerta", said, key.public.line)
    assert not is_signed(b"otra", said, key.public.line)
    assert not is_signed(b"alerta", said, other.public.line)
    assert not is_signed(b"alerta", "", key.public.line)
    assert not is_signed(b"alerta", said, "no es una llave")
