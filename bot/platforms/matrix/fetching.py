"""Files that people sent: downloaded from our own homeserver and decrypted.

Source: Matrix client-server API, "Content repository" (authenticated, since Matrix 1.11), "Sending
encrypted attachments".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from nio import AsyncClient, EncryptionError  # type: ignore[import-untyped]
from nio.crypto.attachments import decrypt_attachment  # type: ignore[import-untyped]

from bot.platforms.base import FileTooLarge, PlatformError

_WHERE = "/_matrix/client/v1/media/download/"
_ADDRESS = re.compile(r"mxc://([^/?#]+)/([A-Za-z0-9_-]+)")


async def download(client: AsyncClient, ref: Mapping[str, Any], limit: int) -> bytes:
    """The clear content. Raises `FileTooLarge`, `PlatformError`, and the network's errors.

    What does not have the hash that its sender gave is final: it was changed on the way, or never
    was what was said.
    """
    found = _ADDRESS.fullmatch(str(ref["url"]))
    if found is None:
        raise PlatformError("matrix: the address of a file is none", final=True)
    where = _WHERE + "/".join(quote(part, safe="") for part in found.groups())
    content = await _read(client, where, limit)
    if "key" not in ref:
        return content
    try:
        clear: bytes = decrypt_attachment(content, ref["key"], ref["sha256"], ref["iv"])
    except (EncryptionError, ValueError):
        raise PlatformError("matrix: a file cannot be decrypted", final=True) from None
    return clear


async def _read(client: AsyncClient, where: str, limit: int) -> bytes:
    headers = {"Authorization": f"Bearer {client.access_token}"}
    response = await client.send("GET", where, None, headers)
    try:
        if response.status != 200:
            raise PlatformError(f"matrix: fetching a file failed ({response.status})")
        content = bytearray()
        async for piece in response.content.iter_chunked(1 << 16):
            content += piece
            if len(content) > limit:
                raise FileTooLarge
        return bytes(content)
    finally:
        response.close()
