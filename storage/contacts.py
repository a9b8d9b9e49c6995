"""Whether the people who are to be told of alarms showed that they can be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from bot.domain.contact import Contact
from bot.domain.people import Role
from storage.rows import Rows
from storage.tables import contacts, groups, members

COVER = frozenset({Role.RESPONDER, Role.COORDINATOR})
"""Whose contact is to be true: who hears of a plan that found nobody."""

_CONTACT = [
    contacts.c[name]
    for name in ("member_id", "confirmed_at", "asked_at", "reminders", "flagged_at", "ignored")
]


def _contact(member: int, joined_at: Any, row: tuple[Any, ...]) -> Contact:
    confirmed_at, asked_at, reminders, flagged_at, ignored = row
    if confirmed_at is None:
        return Contact(member, joined_at)  # whoever joined wrote to us that day
    return Contact(member, confirmed_at, asked_at, reminders, flagged_at, tuple(ignored))


class Contacts:
    """One row for each person who was ever asked or ignored an alarm; for others, when they joined."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    async def of_group(self, group: int) -> list[Contact]:
        """Of everyone in the circle and of those who coordinate."""
        found = await self._db.execute(
            self._select().where(members.c.group_id == group, members.c.left_at.is_(None))
        )
        return [
            _contact(id, joined_at, tuple(row))
            for id, joined_at, roles, *row in found
            if not COVER.isdisjoint(roles)
        ]

    async def of(self, member: int) -> Contact:
        """Of one member."""
        found = await self._db.execute(self._select().where(members.c.id == member))
        id, joined_at, _, *row = found.one()
        return _contact(id, joined_at, tuple(row))

    def _select(self) -> sa.Select[Any]:
        return (
            sa.select(members.c.id, members.c.joined_at, members.c.roles, *_CONTACT[1:])
            .join(contacts, contacts.c.member_id == members.c.id, isouter=True)
            .order_by(members.c.id)
        )

    async def save(self, contact: Contact) -> None:
        """Write it as it is now."""
        values = {
            "confirmed_at": contact.confirmed_at,
            "asked_at": contact.asked_at,
            "reminders": contact.reminders,
            "flagged_at": contact.flagged_at,
            "ignored": list(contact.ignored),
        }
        here = contacts.c.member_id == contact.member
        changed = await self._db.execute(sa.update(contacts).where(here).values(values))
        if not changed.rowcount:
            await self._rows.insert(contacts, member_id=contact.member, **values)

    async def every(self, group: int) -> timedelta:
        """How long a confirmation holds in a group."""
        days = await self._db.execute(
            sa.select(groups.c.contact_days).where(groups.c.id == group)
        )
        return timedelta(days=days.scalar_one())

    async def set_every(self, group: int, days: int) -> None:
        """From now on."""
        await self._db.execute(
            sa.update(groups).where(groups.c.id == group).values(contact_days=days)
        )

    async def cover_told(self, group: int, level: int) -> int:
        """Those who coordinate know of this level of cover now. Returns what they knew before."""
        known = await self._db.execute(sa.select(groups.c.cover_told).where(groups.c.id == group))
        await self._db.execute(
            sa.update(groups).where(groups.c.id == group).values(cover_told=level)
        )
        return known.scalar_one()

    async def groups(self) -> list[int]:
        """Every group there is."""
        return list((await self._db.execute(sa.select(groups.c.id))).scalars())
