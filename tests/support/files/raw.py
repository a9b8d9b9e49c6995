"""What a stranger finds in a file with tools that are not ours: exiftool, and a search for words."""

from __future__ import annotations

import json
import re
import subprocess
import zlib

CANARY = re.compile(rb"CANARIO([A-Z]+)z")


def secret(what: str) -> str:
    """A word that must not leave."""
    return f"CANARIO{what}z"


def everything(content: bytes) -> bytes:
    """The bytes, and behind them all that is compressed inside, in whatever container."""
    parts = [content]
    for start in re.finditer(rb"(?=x[\x01\x5e\x9c\xda])", content):
        inside = zlib.decompressobj()
        try:
            parts.append(inside.decompress(content[start.start() :], 50_000_000))
        except zlib.error:
            continue
    return b"\n".join(parts)


def secrets(content: bytes) -> set[str]:
    """The secrets that a search finds: as they are, as UTF-16, and as hexadecimal digits."""
    seen = everything(content)
    digits = re.findall(rb"(?:[0-9a-f]{2}){8,}", re.sub(rb"\s", b"", seen).lower())
    hidden = [bytes.fromhex(run.decode()) for run in digits]
    forms = [seen, seen.replace(b"\0", b""), *hidden, *(form.replace(b"\0", b"") for form in hidden)]
    return {match.decode() for form in forms for match in CANARY.findall(form)}


def exiftool(content: bytes) -> dict[str, object]:
    """Every tag that exiftool finds, by group and name; of embedded files too. Not what it says of
    itself, of the pipe and of the container."""
    done = subprocess.run(
        ["exiftool", "-json", "-G1", "-a", "-u", "-U", "-ee3", "-api", "RequestAll=3", "-"],
        input=content, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    [tags] = json.loads(done.stdout)
    known = {"File:FileType", "File:FileTypeExtension", "File:MIMEType", "File:ImageWidth",
             "File:ImageHeight", "File:EncodingProcess", "File:BitsPerSample", "File:ColorComponents",
             "File:YCbCrSubSampling", "File:JPEGDigest", "File:JPEGQualityEstimate",
             "File:JPEGImageLength", "SourceFile"}  # fmt: skip
    return {
        key: value
        for key, value in tags.items()
        if key not in known and not key.startswith(("System:", "ExifTool:"))
    }
