"""Groups that answer for another one as well: who asked whom, and which of their people said yes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from storage.rows import Rows
from storage.tables import alliance_people, alliances, members


@dataclass(frozen=True, slots=True)
class Alliance:
    """`group` asked `ally` to answer for it; `agreed_at` is None until those who coordinate it do."""

    id: int
    group: int
    ally: int
    asked_at: datetime
    agreed_at: datetime | None


_ALLIANCE = [
    alliances.c[name] for name in ("id", "group_id", "ally_id", "asked_at", "agreed_at")
]


def answered_by(member: int) -> sa.Select[int]:
    """The groups for which somebody of another one answers."""
    return (
        sa.select(alliances.c.group_id)
        .join(alliance_people, alliance_people.c.alliance_id == alliances.c.id)
        .where(
            alliance_people.c.member_id == member,
            alliance_people.c.agreed_at.is_not(None),
            alliances.c.agreed_at.is_not(None),
        )
    )


class Alliances:
    """Alliances, over one connection."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    async def ask(self, group: int, ally: int, now: datetime) -> Alliance:
        """Ask for it, again if it was asked for before."""
        known = await self.between(group, ally)
        if known is not None:
            await self._rows.update(alliances, known.id, asked_at=now)
            return known
        id = await self._rows.insert(alliances, group_id=group, ally_id=ally, asked_at=now)
        return Alliance(id, group, ally, now, None)

    async def get(self, id: int) -> Alliance | None:
        """By number."""
        return await self._one(alliances.c.id == id)

    async def between(self, group: int, ally: int) -> Alliance | None:
        """That in which `ally` answers, or is asked to answer, for `group`."""
        return await self._one(alliances.c.group_id == group, alliances.c.ally_id == ally)

    async def of(self, group: int) -> list[Alliance]:
        """Those of a group that stand, whichever of the two it is."""
        found = await self._rows.all(
            sa.select(*_ALLIANCE)
            .where(
                (alliances.c.group_id == group) | (alliances.c.ally_id == group),
                alliances.c.agreed_at.is_not(None),
            )
            .order_by(alliances.c.id)
        )
        return [Alliance(*row) for row in found]

    async def agree(self, id: int, now: datetime) -> None:
        """Those who coordinate the other group said yes."""
        await self._rows.update(alliances, id, agreed_at=now)

    async def end(self, id: int) -> None:
        """It is no more, and nobody answers by it."""
        await self._db.execute(sa.delete(alliances).where(alliances.c.id == id))

    # --- people ---

    async def to_ask(self, alliance: Alliance, limit: int) -> list[int]:
        """Members of the ally who were not asked yet whether they answer."""
        asked = sa.select(alliance_people.c.member_id).where(
            alliance_people.c.alliance_id == alliance.id
        )
        found = await self._db.execute(
            sa.select(members.c.id)
            .where(
                members.c.group_id == alliance.ally,
                members.c.left_at.is_(None),
                members.c.id.not_in(asked),
            )
            .order_by(members.c.id)
            .limit(limit)
        )
        return list(found.scalars())

    async def put(
        self, alliance: int, member: int, now: datetime, *, answers: bool
    ) -> None:
        """Whether somebody answers, by their own word; they were asked, at the latest, now."""
        since = now if answers else None
        changed = await self._db.execute(
            sa.update(alliance_people)
            .where(
                alliance_people.c.alliance_id == alliance, alliance_people.c.member_id == member
            )
            .values(agreed_at=since)
        )
        if not changed.rowcount:
            await self._rows.insert(
                alliance_people,
                alliance_id=alliance, member_id=member, asked_at=now, agreed_at=since,
            )  # fmt: skip

    async def people(self, alliance: int) -> frozenset[int]:
        """Who said that they answer."""
        found = await self._db.execute(
            sa.select(alliance_people.c.member_id)
            .join(members, members.c.id == alliance_people.c.member_id)
            .where(
                alliance_people.c.alliance_id == alliance,
                alliance_people.c.agreed_at.is_not(None),
                members.c.left_at.is_(None),
            )
        )
        return frozenset(found.scalars())

    async def answers(self, member: int, group: int) -> bool:
        """Whether somebody of another group answers for this one."""
        found = await self._db.execute(answered_by(member).where(alliances.c.group_id == group))
        return found.first() is not None

    async def _one(self, *where: sa.ColumnElement[bool]) -> Alliance | None:
        row = await self._rows.one(sa.select(*_ALLIANCE).where(*where))
        return Alliance(*row) if row else None
