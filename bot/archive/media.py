"""Images and documents: named after their bytes, with the size that a page must know beforehand.

Only the first bytes of an image are looked at, and only two numbers are read from them; nothing is
decoded here.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import BinaryIO

from bot.domain.denunciation import File

FOLDER = "files"
EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
}
"""What the removal of metadata lets through. Everything else is served as bytes that no browser
shows: a drawing in SVG may hold a script."""

KINDS = {".jpg": "JPEG", ".png": "PNG", ".pdf": "PDF", ".txt": "TXT"}
IMAGES = (".jpg", ".png")
PNG = b"\x89PNG\r\n\x1a\n"
LONGEST_SIDE = 65_535
"""Pixels: what JPEG can say; a number above it is damage."""


@dataclass(frozen=True, slots=True)
class Medium:
    """A file of the archive. `size` in bytes; `width` and `height` in pixels, 0 for no image."""

    name: str
    size: int
    width: int = 0
    height: int = 0

    @property
    def kind(self) -> str:
        """What people call it: "PDF"; "" for what we do not know."""
        return KINDS.get(Path(self.name).suffix, "")


def name_of(file: File) -> str:
    """Its place in the archive: from its digest and its media type, nothing of its own name."""
    media_type = file.mime.split(";")[0].strip().lower()
    return f"{FOLDER}/{file.digest}{EXTENSIONS.get(media_type, '.bin')}"


def read(name: str, stream: BytesIO | BufferedReader, digest: str) -> Medium | None:
    """What a page says of it; None if its bytes are not those of the digest (SHA-256, hexadecimal)."""
    if hashlib.file_digest(stream, "sha256").hexdigest() != digest:
        return None
    size = stream.seek(0, 2)
    stream.seek(0)
    width, height = _sides(stream) if name.endswith(IMAGES) else (0, 0)
    return Medium(name, size, width, height)


def _sides(stream: BinaryIO) -> tuple[int, int]:
    """Width and height, (0, 0) where they cannot be read."""
    start = stream.read(24)
    if start.startswith(PNG) and start[12:16] == b"IHDR" and len(start) == 24:  # PNG, section 11.2.2
        width, height = struct.unpack(">II", start[16:24])
    elif start.startswith(b"\xff\xd8"):
        stream.seek(2)
        width, height = _jpeg_sides(stream)
    else:
        return 0, 0
    return (width, height) if 0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE else (0, 0)


def _jpeg_sides(stream: BinaryIO) -> tuple[int, int]:
    """From the frame header (ITU-T T.81, B.2.2): one of the markers C0 to CF, but C4, C8 and CC."""
    while (head := stream.read(4)) and len(head) == 4 and head[0] == 0xFF:
        marker, length = head[1], int.from_bytes(head[2:], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame = stream.read(5)
            if len(frame) < 5:
                break
            height, width = struct.unpack(">HH", frame[1:])
            return width, height
        if marker == 0xDA or length < 2:
            break
        stream.seek(length - 2, 1)
    return 0, 0
