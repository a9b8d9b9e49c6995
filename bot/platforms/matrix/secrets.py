"""Where the few secrets that must outlive the process are kept; the application says how."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Protocol


class SecretStore(Protocol):
    """Keeps small secrets sealed; `set` must be durable when it returns."""

    async def get(self, name: str) -> bytes | None:
        """The secret kept under `name`, or None."""

    async def set(self, name: str, value: bytes) -> None:
        """Keep `value` under `name` in place of what was there."""


class AccountSecrets:
    """The secrets of one Matrix account, each a JSON value.

    Names carry a digest of the user id in place of the id: a store may seal values alone. Another
    account in the configuration therefore never overwrites the keys of the one before.
    """

    def __init__(self, store: SecretStore, user_id: str) -> None:
        self._store = store
        self._prefix = f"matrix.{hashlib.sha256(user_id.encode()).hexdigest()[:16]}"

    async def get(self, name: str) -> Any:
        """The value kept under `name`, or None."""
        value = await self._store.get(f"{self._prefix}.{name}")
        return None if value is None else json.loads(value)

    async def set(self, name: str, value: Any) -> None:
        """Keep a JSON-serialisable `value` under `name`."""
        await self._store.set(f"{self._prefix}.{name}", json.dumps(value).encode())
