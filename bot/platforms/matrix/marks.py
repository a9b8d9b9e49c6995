"""Noticing that the crypto store is another one than we left: lost, or an earlier copy of itself.

A copy works at first and is worse than none: what it would encrypt next, it has encrypted before, so
that people's apps refuse it and an alarm is sent and not read. So the store's folder holds a mark
that changes now and then and is known to the application's database. Where they differ, the device
is left behind for a new one, which the same identity signs.
"""

from __future__ import annotations

import os
import secrets as chance
from pathlib import Path

from bot.platforms.base import PlatformError
from bot.platforms.matrix.secrets import AccountSecrets

_KEPT_AS = "store_mark"
_FILE = "mark"


class StoreMark:
    """The mark of one store."""

    def __init__(self, folder: Path, secrets: AccountSecrets) -> None:
        self._folder = folder
        self._secrets = secrets

    async def is_ours(self) -> bool:
        """Whether the store is the one that we left. True where there has been no mark yet."""
        known = await self._secrets.get(_KEPT_AS)
        if known is None:
            return True
        try:
            found = (self._folder / _FILE).read_text("ascii")
        except (OSError, ValueError):
            return False
        return found in known

    async def renew(self) -> None:
        """Put another mark; what was copied before is an earlier copy from now on."""
        known = await self._secrets.get(_KEPT_AS) or []
        fresh = chance.token_hex(16)
        # Both are ours until the file is in its place, whenever we are killed.
        await self._secrets.set(_KEPT_AS, [*known[-1:], fresh])
        try:
            self._write(fresh)
        except OSError as error:
            raise PlatformError(
                f"matrix.store: the folder cannot be written ({error.strerror}); make room, and"
                " check that it belongs to this program's account"
            ) from error
        await self._secrets.set(_KEPT_AS, [fresh])

    async def spoil(self) -> None:
        """Whatever is in the folder is not ours any more."""
        await self._secrets.set(_KEPT_AS, [])

    def _write(self, mark: str) -> None:
        half = self._folder / f".{_FILE}"
        with half.open("w", encoding="ascii") as file:
            file.write(mark)
            file.flush()
            os.fsync(file.fileno())
        half.replace(self._folder / _FILE)
