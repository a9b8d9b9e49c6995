"""Invitations: one-time secrets that let an account in, and how often each account guesses at them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.domain.people import Role
from storage.rows import Rows
from storage.tables import guesses, invitations

WINDOW = timedelta(hours=1)
"""Within which an account's guesses are counted."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a secret lets in. `member` is set where it adds an account to someone already in.

    `made_by` is the member who made it; None for an operator's.
    """

    id: int
    group: int
    member: int | None
    roles: frozenset[Role]
    made_by: int | None
    created_at: datetime
    expires_at: datetime


_INVITATION = [
    invitations.c[name]
    for name in ("id", "group_id", "member_id", "roles", "made_by", "created_at", "expires_at")
]


def _invitation(row: sa.Row[Any]) -> Invitation:
    id, group, member, roles, made_by, created_at, expires_at = tuple(row)
    held = frozenset(Role(r) for r in roles)
    return Invitation(id, group, member, held, made_by, created_at, expires_at)


class Invitations:
    """Who may come in."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    async def add(
        self,
        secret_hash: str,
        group: int,
        roles: Collection[Role],
        now: datetime,
        expires_at: datetime,
        *,
        made_by: int | None,
        member: int | None = None,
    ) -> None:
        """A one-time secret, of which only the hash is kept."""
        await self._rows.insert(
            invitations,
            secret_hash=secret_hash,
            group_id=group,
            member_id=member,
            roles=sorted(roles),
            created_at=now,
            expires_at=expires_at,
            made_by=made_by,
        )

    async def by_hash(self, secret_hash: str, now: datetime) -> Invitation | None:
        """What the secret lets in; None for unknown, used, revoked and expired alike.

        One statement that finds a row or none: the same work for all that do not let anybody in.
        """
        return await self._one(invitations.c.secret_hash == secret_hash, self._live(now))

    async def get(self, id: int, now: datetime) -> Invitation | None:
        """By number, if it still lets somebody in."""
        return await self._one(invitations.c.id == id, self._live(now))

    async def live_of(self, group: int, now: datetime) -> list[Invitation]:
        """Those of a group that still let somebody in, the oldest first. No further accounts."""
        found = await self._db.execute(
            sa.select(*_INVITATION)
            .where(
                invitations.c.group_id == group, invitations.c.member_id.is_(None), self._live(now)
            )
            .order_by(invitations.c.id)
        )
        return [_invitation(row) for row in found]

    async def made_since(self, member: int, since: datetime) -> int:
        """How many somebody made."""
        return (
            await self._db.execute(
                sa.select(sa.func.count()).where(
                    invitations.c.made_by == member, invitations.c.created_at >= since
                )
            )
        ).scalar_one()

    async def given_since(self, since: datetime) -> int:
        """How many were made by anybody from then on, used, revoked or not."""
        return (
            await self._db.execute(
                sa.select(sa.func.count()).where(invitations.c.created_at >= since)
            )
        ).scalar_one()

    async def use(self, id: int, now: datetime) -> bool:
        """Use it up. False if somebody else just did."""
        changed = await self._db.execute(
            sa.update(invitations).where(invitations.c.id == id, self._live(now)).values(used_at=now)
        )
        return changed.rowcount == 1

    async def revoke(self, id: int, now: datetime) -> bool:
        """It lets nobody in any more. False if it did not."""
        changed = await self._db.execute(
            sa.update(invitations)
            .where(invitations.c.id == id, self._live(now))
            .values(revoked_at=now)
        )
        return changed.rowcount == 1

    async def revoke_all(self, now: datetime) -> None:
        """None that was given out lets anybody in any more."""
        await self._db.execute(
            sa.update(invitations).where(self._live(now)).values(revoked_at=now)
        )

    async def revoke_all_of(self, member: int, now: datetime) -> None:
        """All that somebody made, and those for further accounts of theirs."""
        theirs = (invitations.c.made_by == member) | (invitations.c.member_id == member)
        await self._db.execute(
            sa.update(invitations).where(theirs, self._live(now)).values(revoked_at=now)
        )

    async def guessed(self, platform: str, address: str, now: datetime) -> int:
        """An account showed one that is none. Returns how often within the last hour."""
        await self._db.execute(sa.delete(guesses).where(guesses.c.first_at <= now - WINDOW))
        here = (guesses.c.platform == platform) & (
            guesses.c.address_key == self._rows.blind(guesses.c.address_key, address)
        )
        again = await self._db.execute(
            sa.update(guesses)
            .where(here)
            .values(count=guesses.c.count + 1)
            .returning(guesses.c.count)
        )
        count = again.scalar_one_or_none()
        if count is not None:
            return count
        await self._rows.insert(
            guesses, platform=platform, address=address, first_at=now, count=1
        )
        return 1

    @staticmethod
    def _live(now: datetime) -> sa.ColumnElement[bool]:
        return (
            invitations.c.used_at.is_(None)
            & invitations.c.revoked_at.is_(None)
            & (invitations.c.expires_at > now)
        )

    async def _one(self, *where: sa.ColumnElement[bool]) -> Invitation | None:
        row = (await self._db.execute(sa.select(*_INVITATION).where(*where))).one_or_none()
        return None if row is None else _invitation(row)
