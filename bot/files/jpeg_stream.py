"""A JPEG inside a document: its pixels byte for byte, without the segments that say more.

An image of its own is decoded and written anew (`bot.files.image`). Inside a PDF the colours of a
JPEG are the document's matter, so its data stay as they are and its other segments go (ITU-T T.81
B.1, Adobe technical note 5116 for the one that decides how the colours are stored).
"""

from __future__ import annotations

import re

from bot.files.refusal import Refusal
from bot.files.values import Reason

START, END, SCAN, ADOBE, APPLICATION, COMMENT = 0xD8, 0xD9, 0xDA, 0xEE, range(0xE0, 0xF0), 0xFE
FRAMES_AND_TABLES = frozenset(range(0xC0, 0xD0)) - {0xC8} | {0xDB, 0xDC, 0xDD, 0xDE, 0xDF}
NEXT_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]", re.DOTALL)
RESTARTS = range(0xD0, 0xD8)


def stripped(data: bytes) -> bytes:
    """Frames, tables and scans up to the end marker, and nothing behind it. Raises `Refusal`."""
    if not data.startswith(b"\xff\xd8"):
        raise Refusal(Reason.DAMAGED)
    kept = [b"\xff\xd8"]
    at = 2
    scans = 0
    while (found := NEXT_MARKER.match(data, at)) is not None:
        marker, at = data[found.end() - 1], found.end()
        if marker == END:
            break
        segment = data[at : at + int.from_bytes(data[at : at + 2])]
        if len(segment) < 2 or len(segment) != int.from_bytes(segment[:2]):
            raise Refusal(Reason.DAMAGED)
        at += len(segment)
        if marker in FRAMES_AND_TABLES:
            kept.append(bytes([0xFF, marker]) + segment)
        elif marker == SCAN:
            behind = NEXT_MARKER.search(data, at)
            end = behind.start() if behind else len(data)
            kept.append(bytes([0xFF, marker]) + segment + data[at:end])
            at = end
            scans += 1
        elif marker == ADOBE and segment[2:7] == b"Adobe" and len(segment) >= 14:
            # How the colours are stored; its version and flags say which program wrote it.
            kept.append(b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + segment[13:14])
        elif marker not in APPLICATION and marker != COMMENT:
            raise Refusal(Reason.DAMAGED)
    if not scans:
        raise Refusal(Reason.DAMAGED)
    return b"".join([*kept, b"\xff\xd9"])
