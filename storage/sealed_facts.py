"""Small secrets among the installation's facts, such as the keys of its Matrix account."""

from __future__ import annotations

from storage.database import Database

TABLE, COLUMN = "facts", "value"


class SealedFacts:
    """Named secrets, each sealed under its name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> bytes | None:
        """The secret, or None. Raises `storage.vault.Refused` if it was changed."""
        async with self._database.transaction() as tx:
            envelope = await tx.facts.get(name)
        if envelope is None:
            return None
        return self._database.vault.open(bytes(envelope), TABLE, COLUMN, name)

    async def set(self, name: str, value: bytes) -> None:
        """Store or replace; durable when it returns."""
        async with self._database.transaction() as tx:
            envelope = self._database.vault.seal(value, TABLE, COLUMN, name)
            await tx.facts.set(name, envelope, sealed=True)
