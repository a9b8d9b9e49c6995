"""The directory of care that a group keeps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.domain.care import Care, Entry
from storage.rows import Rows
from storage.tables import care_entries

_COLUMNS = [
    care_entries.c[name]
    for name in ("id", "group_id", "number", "kind", "region", "name", "text", "verified_at")
]


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(
        number=row.number,
        kind=Care(row.kind),
        region=row.region,
        name=row.name,
        text=row.text,
        verified_at=row.verified_at,
        id=row.id,
        group=row.group_id,
    )


class Directory:
    """Its entries, each with a number of the group's own."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def add(
        self, group: int, kind: Care, region: str, name: str, text: str, now: datetime
    ) -> Entry:
        """A new entry, true today. A number is never given twice while a later one stands."""
        highest = sa.select(sa.func.max(care_entries.c.number)).where(
            care_entries.c.group_id == group
        )
        number = ((await self._rows.connection.execute(highest)).scalar_one() or 0) + 1
        id = await self._rows.insert(
            care_entries,
            group_id=group, number=number, kind=kind, region=region, name=name, text=text,
            verified_at=now,
        )  # fmt: skip
        return Entry(number, kind, region, name, text, now, id, group)

    async def of(self, group: int) -> list[Entry]:
        """All of a group's, by kind and then as they came."""
        found = await self._rows.all(
            sa.select(*_COLUMNS)
            .where(care_entries.c.group_id == group)
            .order_by(care_entries.c.number)
        )
        kinds = list(Care)
        return sorted(map(_entry, found), key=lambda e: (kinds.index(e.kind), e.number))

    async def get(self, id: int) -> Entry | None:
        """By row."""
        row = await self._rows.one(sa.select(*_COLUMNS).where(care_entries.c.id == id))
        return _entry(row) if row else None

    async def numbered(self, group: int, number: int) -> Entry | None:
        """By the number that people say."""
        row = await self._rows.one(
            sa.select(*_COLUMNS).where(
                care_entries.c.group_id == group, care_entries.c.number == number
            )
        )
        return _entry(row) if row else None

    async def save(self, entry: Entry) -> None:
        """Write it as it is now."""
        await self._rows.update(
            care_entries,
            entry.id,
            kind=entry.kind,
            region=entry.region,
            name=entry.name,
            text=entry.text,
            verified_at=entry.verified_at,
        )

    async def remove(self, id: int) -> None:
        """It is not true any more."""
        await self._rows.connection.execute(
            sa.delete(care_entries).where(care_entries.c.id == id)
        )
