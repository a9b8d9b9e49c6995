"""What members wrote for an emergency of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from storage.rows import Rows
from storage.tables import notes


class Notes:
    """One note per member: part → words."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def of(self, member: int) -> dict[str, str]:
        """The parts that are written."""
        row = await self._row(member)
        return dict(row[1]) if row else {}

    async def exists(self, member: int) -> bool:
        """Whether anything is written, without opening it."""
        known = sa.select(sa.exists().where(notes.c.member_id == member))
        return bool((await self._rows.connection.execute(known)).scalar_one())

    async def write(self, member: int, content: Mapping[str, str], now: datetime) -> None:
        """Replace it; nothing left is no note."""
        if not content:
            await self._rows.connection.execute(
                sa.delete(notes).where(notes.c.member_id == member)
            )
            return
        row = await self._row(member)
        if row is None:
            await self._rows.insert(
                notes, member_id=member, content=dict(content), changed_at=now
            )
        else:
            await self._rows.update(notes, row[0], content=dict(content), changed_at=now)

    async def _row(self, member: int) -> tuple[int, Mapping[str, str]] | None:
        row = await self._rows.one(
            sa.select(notes.c.id, notes.c.content).where(notes.c.member_id == member)
        )
        return (row.id, row.content) if row else None
