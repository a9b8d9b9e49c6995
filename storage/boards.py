"""The board that a coordinator has open: one message that is edited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from storage.rows import Rows
from storage.tables import boards


@dataclass(frozen=True, slots=True)
class Board:
    """`key` is the outbox row of the message; `shown` a digest of what it says now,
    sealed: it would tell whoever guesses a name whether the guess is right."""

    id: int
    member: int
    key: str
    shown: str
    until: datetime


_COLUMNS = [boards.c[name] for name in ("id", "member_id", "key", "shown", "until")]


class Boards:
    """At most one per member."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def open(self, member: int, key: str, shown: str, until: datetime) -> Board:
        """A new one in the place of an older."""
        await self.close_of(member)
        id = await self._rows.insert(
            boards, member_id=member, key=key, shown=shown, until=until
        )
        return Board(id, member, key, shown, until)

    async def get(self, id: int) -> Board | None:
        """By number."""
        row = await self._rows.one(sa.select(*_COLUMNS).where(boards.c.id == id))
        return Board(*row) if row else None

    async def of(self, member: int) -> Board | None:
        """A member's open one."""
        row = await self._rows.one(sa.select(*_COLUMNS).where(boards.c.member_id == member))
        return Board(*row) if row else None

    async def shows(self, id: int, shown: str) -> None:
        """It says something else now."""
        await self._rows.update(boards, id, shown=shown)

    async def close_of(self, member: int) -> None:
        """There is none any more."""
        await self._rows.connection.execute(
            sa.delete(boards).where(boards.c.member_id == member)
        )
