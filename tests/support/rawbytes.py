"""Looking for names in the raw bytes of files, in each form in which a program may write them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from pathlib import Path


def forms(text: str) -> Iterator[bytes]:
    """The bytes of `text` as UTF-8, UTF-16, hexadecimal, and base64 at each alignment.

    Of text that is base64 itself, as Matrix writes keys, also the bytes that it stands for.
    """
    raw = [text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be")]
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        key = b""
    if len(key) >= 16:
        raw.append(key)
    for form in raw:
        yield form
        yield form.hex().encode()
        yield form.hex().upper().encode()
        for before in range(3):
            # Only what does not depend on the bytes around it.
            padded = base64.b64encode(bytes(before) + form)
            cut = padded[-(-before * 8 // 6) : (before + len(form)) * 8 // 6]
            yield cut
            yield cut.translate(bytes.maketrans(b"+/", b"-_"))


def hits(folder: Path, names: Iterable[str]) -> list[tuple[str, str]]:
    """File and name, for each name that stands in a file below `folder`, or in a file's name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    texts = [(path.name, path.name.encode() + b"\0" + path.read_bytes()) for path in files]
    return [
        (file, name)
        for name in sorted(set(names))
        for file, text in texts
        if any(form in text for form in forms(name))
    ]
