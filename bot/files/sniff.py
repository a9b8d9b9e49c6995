"""What a file is, by its first bytes. The name that it came with is not asked, except for text."""

from __future__ import annotations

import re
from enum import Enum, auto

from bot.files.refusal import Refusal
from bot.files.values import Reason


class Source(Enum):
    """What is opened. Each name of an image is Pillow's, and its plug-in alone is tried."""

    JPEG = auto()
    PNG = auto()
    WEBP = auto()
    GIF = auto()
    HEIF = auto()
    PDF = auto()
    TEXT = auto()


HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc", b"hevx"}
OFFICE_PARTS = (b"word/", b"xl/", b"ppt/", b"application/vnd.oasis.opendocument")
MEDIA = (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"OggS", b"fLaC", b"\x1a\x45\xdf\xa3", b"#!AMR")
MARKUP = re.compile(r"<[!?a-z]|%(!|PDF)|BEGIN:V|MIME-Version:", re.IGNORECASE)
"""How files begin that are text to a machine and something else to a person."""
ZIP_NAMES = 4096
"""Bytes at the start and end of an archive in which the names of its parts are looked for."""


def source(content: bytes, *, text: bool) -> Source:
    """What it is; `text` says that its name ends like a text's.

    A signature counts at the very start alone: a page with a PDF behind it is a page. Raises
    `Refusal`.
    """
    found = _by_signature(content)
    if found is not None:
        return found
    if not text:
        raise Refusal(Reason.UNKNOWN)
    start = content[:256].decode("utf-8", "ignore").lstrip("\ufeff \t\r\n")
    if MARKUP.match(start):
        raise Refusal(Reason.UNKNOWN)
    return Source.TEXT


def _by_signature(content: bytes) -> Source | None:
    match content:
        case _ if content.startswith(b"\xff\xd8\xff"):
            return Source.JPEG
        case _ if content.startswith(b"\x89PNG\r\n\x1a\n"):
            return Source.PNG
        case _ if content.startswith((b"GIF87a", b"GIF89a")):
            return Source.GIF
        case _ if content.startswith(b"%PDF-"):
            return Source.PDF
        case _ if content.startswith(b"RIFF"):
            return _riff(content[8:12])
        case _ if content[4:8] == b"ftyp":
            if content[8:12] in HEIF_BRANDS:
                return Source.HEIF
            # Still pictures of other makers have the same container as films.
            raise Refusal(Reason.UNKNOWN if content[8:12] == b"avif" else Reason.MEDIA)
        case _ if content.startswith(MEDIA) or content[4:8] in (b"moov", b"mdat", b"wide"):
            raise Refusal(Reason.MEDIA)
        case _ if content.startswith(b"PK\x03\x04"):
            names = content[:ZIP_NAMES] + content[-ZIP_NAMES:]
            office = any(part in names for part in OFFICE_PARTS)
            raise Refusal(Reason.OFFICE if office else Reason.UNKNOWN)
        case _ if content.startswith((b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf")):
            raise Refusal(Reason.OFFICE)
    return None


def _riff(form: bytes) -> Source:
    if form == b"WEBP":
        return Source.WEBP
    raise Refusal(Reason.MEDIA if form in (b"AVI ", b"WAVE") else Reason.UNKNOWN)
