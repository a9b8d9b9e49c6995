"""Regions of a group, and who said that they are in one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from storage.rows import Rows
from storage.tables import members, region_members, regions


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a group with its own duty. `zone` is that of its hand-offs."""

    id: int
    group: int
    name: str
    zone: str


_REGION = [regions.c[name] for name in ("id", "group_id", "name", "zone")]


class Regions:
    """Regions, over one connection."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    async def add(self, group: int, name: str, zone: str, now: datetime) -> int:
        """A new one; the caller has checked that the name is free."""
        return await self._rows.insert(regions, group_id=group, name=name, zone=zone, made_at=now)

    async def get(self, id: int) -> Region | None:
        """By number."""
        row = await self._rows.one(sa.select(*_REGION).where(regions.c.id == id))
        return Region(*row) if row else None

    async def named(self, group: int, name: str) -> Region | None:
        """By name within a group, accents and case forgiven."""
        key = self._rows.blind(regions.c.name_key, name, group)
        row = await self._rows.one(
            sa.select(*_REGION).where(regions.c.group_id == group, regions.c.name_key == key)
        )
        return Region(*row) if row else None

    async def of_group(self, group: int) -> list[Region]:
        """A group's, the oldest first."""
        found = await self._rows.all(
            sa.select(*_REGION).where(regions.c.group_id == group).order_by(regions.c.id)
        )
        return [Region(*row) for row in found]

    async def set_zone(self, id: int, zone: str) -> None:
        """The zone of the rotations that are made from now on."""
        await self._rows.update(regions, id, zone=zone)

    async def end(self, id: int) -> None:
        """It is no more, and nobody is in it; its rotations end with it."""
        await self._db.execute(sa.delete(regions).where(regions.c.id == id))

    async def of_member(self, member: int) -> Region | None:
        """The one that somebody is in."""
        row = await self._rows.one(
            sa.select(*_REGION)
            .join(region_members, region_members.c.region_id == regions.c.id)
            .where(region_members.c.member_id == member)
        )
        return Region(*row) if row else None

    async def put(self, member: int, region: int | None, now: datetime) -> None:
        """They said that they are in it; None: in none."""
        await self._db.execute(
            sa.delete(region_members).where(region_members.c.member_id == member)
        )
        if region is not None:
            await self._rows.insert(
                region_members, region_id=region, member_id=member, agreed_at=now
            )

    async def people(self, region: int) -> frozenset[int]:
        """Who is in it."""
        found = await self._db.execute(
            sa.select(region_members.c.member_id)
            .join(members, members.c.id == region_members.c.member_id)
            .where(region_members.c.region_id == region, members.c.left_at.is_(None))
        )
        return frozenset(found.scalars())
