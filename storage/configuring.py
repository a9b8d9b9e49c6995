"""What somebody who coordinates has begun, and has not brought to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from storage.rows import Rows
from storage.tables import configuring


class Kind(StrEnum):
    """What it is; nobody has two of a kind."""

    DRAFT = "draft"  # of a plan
    UNDO = "undo"  # the change of a plan that can still be taken back
    SCHEDULE = "schedule"  # proposed to one member after the other


@dataclass(frozen=True, slots=True)
class Begun:
    """One of them. `content` is the handler's own."""

    content: Mapping[str, Any]
    changed_at: datetime


class Configuring:
    """Over one connection."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    async def get(self, member: int, kind: Kind) -> Begun | None:
        """What a member has begun of this kind."""
        row = await self._rows.one(
            sa.select(configuring.c.id, configuring.c.content, configuring.c.changed_at).where(
                *self._of(member, kind)
            )
        )
        return Begun(row.content, row.changed_at) if row else None

    async def put(self, member: int, kind: Kind, now: datetime, **content: Any) -> None:
        """In the place of whatever was there."""
        await self.drop(member, kind)
        await self._rows.insert(
            configuring, member_id=member, kind=kind, content=content, changed_at=now
        )

    async def drop(self, member: int, kind: Kind) -> None:
        """It is done, or given up."""
        await self._db.execute(sa.delete(configuring).where(*self._of(member, kind)))

    @staticmethod
    def _of(member: int, kind: Kind) -> tuple[sa.ColumnElement[bool], ...]:
        return (configuring.c.member_id == member, configuring.c.kind == kind)
