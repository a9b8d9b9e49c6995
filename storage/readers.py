"""Who reads denunciations: topics to choose from, what each reader chose, and what waits for a digest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from bot.domain.denunciation import Denunciation
from bot.domain.people import name_key
from storage.rows import Rows
from storage.tables import digest_items, members, subscriptions, topics


@dataclass(frozen=True, slots=True)
class Wish:
    """What a reader wants: topics and regions by number, none for all; a language, "" for one's own;
    once a day or at once."""

    topics: frozenset[int] = frozenset()
    regions: frozenset[int] = frozenset()
    language: str = ""
    daily: bool = False

    def wants(self, draft: Denunciation) -> bool:
        """Whether this one is among it. What bears no topic, or no region, is for everybody."""
        of_topic = not self.topics or not draft.topics or bool(self.topics & set(draft.topics))
        of_region = not self.regions or draft.region is None or draft.region in self.regions
        return of_topic and of_region


@dataclass(frozen=True, slots=True)
class Topic:
    """Something that a group's denunciations are about."""

    id: int
    name: str


class Readers:
    """Readers and their wishes, over one connection."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    async def topics(self, group: int) -> list[Topic]:
        """Those of a group, in the order in which they were made."""
        found = await self._rows.all(
            sa.select(topics.c.id, topics.c.name)
            .where(topics.c.group_id == group)
            .order_by(topics.c.id)
        )
        return [Topic(*row) for row in found]

    async def add_topic(self, group: int, name: str) -> Topic:
        """One more, or the one that is called so."""
        for known in await self.topics(group):
            if name_key(known.name) == name_key(name):
                return known
        return Topic(await self._rows.insert(topics, group_id=group, name=name), name)

    async def end_topic(self, group: int, id: int) -> bool:
        """Nobody can choose it any more; what bears it keeps its number. False if there is none."""
        gone = await self._db.execute(
            sa.delete(topics).where(topics.c.id == id, topics.c.group_id == group)
        )
        return gone.rowcount == 1

    async def wish(self, member: int) -> Wish:
        """What one reader wants."""
        found = await self._wishes(subscriptions.c.member_id == member)
        return found.get(member, Wish())

    async def wishes(self, group: int) -> dict[int, Wish]:
        """Those of a group's readers, by member; who never said anything is not in it."""
        return await self._wishes(members.c.group_id == group)

    async def _wishes(self, where: sa.ColumnElement[bool]) -> dict[int, Wish]:
        found = await self._db.execute(
            sa.select(
                subscriptions.c.member_id, subscriptions.c.topics, subscriptions.c.regions,
                subscriptions.c.language, subscriptions.c.daily,
            )
            .join(members, members.c.id == subscriptions.c.member_id)
            .where(where)
        )  # fmt: skip
        return {
            member: Wish(frozenset(about), frozenset(of), language, daily)
            for member, about, of, language, daily in found
        }

    async def set_wish(self, member: int, wish: Wish) -> None:
        """From now on."""
        await self._db.execute(sa.delete(subscriptions).where(subscriptions.c.member_id == member))
        if wish == Wish():
            return
        await self._rows.insert(
            subscriptions, member_id=member, topics=sorted(wish.topics),
            regions=sorted(wish.regions), language=wish.language, daily=wish.daily,
        )  # fmt: skip

    async def put_off(self, readers: Iterable[int], denunciation: int) -> None:
        """It comes with their next daily message."""
        waits = set(
            (
                await self._db.execute(
                    sa.select(digest_items.c.member_id).where(
                        digest_items.c.denunciation_id == denunciation
                    )
                )
            ).scalars()
        )
        await self._rows.insert_many(
            digest_items,
            [
                {"member_id": member, "denunciation_id": denunciation}
                for member in readers
                if member not in waits
            ],
        )

    async def waiting(self, group: int, most: int) -> list[int]:
        """Readers of a group for whom something waits."""
        found = await self._db.execute(
            sa.select(digest_items.c.member_id)
            .join(members, members.c.id == digest_items.c.member_id)
            .where(members.c.group_id == group)
            .distinct()
            .order_by(digest_items.c.member_id)
            .limit(most)
        )
        return list(found.scalars())

    async def take_digest(self, member: int) -> list[int]:
        """What waited for a reader, the oldest first; it does not wait any more."""
        found = await self._db.execute(
            sa.select(digest_items.c.denunciation_id)
            .where(digest_items.c.member_id == member)
            .order_by(digest_items.c.id)
        )
        waiting = list(found.scalars())
        await self._db.execute(sa.delete(digest_items).where(digest_items.c.member_id == member))
        return waiting

    async def languages(self, group: int) -> dict[int, str]:
        """In which language each member of a group is spoken to."""
        found = await self._db.execute(
            sa.select(members.c.id, members.c.language).where(members.c.group_id == group)
        )
        return {id: language for id, language in found}
