"""Feeds of other organisations that groups follow, and which of their alerts were seen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bot.domain.following import State
from storage.rows import Query, Rows, param
from storage.tables import followed_entries as entries
from storage.tables import followed_feeds as feeds


@dataclass(frozen=True, slots=True)
class Followed:
    """One feed of one group.

    `key`: the minisign public key that it must be signed with, "" for none. `etag` and `modified` are
    its server's, for the next request. `failures` in a row, with the look that is under way.
    `read_at`: when it was last read; None before the first time. `added_by`: None once that person
    is erased.
    """

    id: int
    group: int
    url: str
    title: str
    key: str
    etag: str
    modified: str
    failures: int
    next_at: datetime
    read_at: datetime | None
    added_by: int | None
    active: bool


@dataclass(frozen=True, slots=True)
class Due:
    """A feed that may be looked at, and how often that failed."""

    id: int
    failures: int


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of a feed. What it says is "" once somebody decided what becomes of it."""

    id: int
    feed: int
    title: str
    link: str
    summary: str
    verified: bool
    state: State


_FEED = [
    feeds.c[name]
    for name in (
        "id", "group_id", "url", "title", "key", "etag", "last_modified", "failures", "next_at",
        "read_at", "added_by", "active",
    )
]  # fmt: skip
_ALERT = [
    entries.c[name] for name in ("id", "feed_id", "title", "link", "summary", "verified", "state")
]
_OLDEST_DUE = Query(
    sa.select(feeds.c.id, feeds.c.failures)
    .where(feeds.c.active, feeds.c.next_at <= param("now"))
    .order_by(feeds.c.next_at, feeds.c.id)
    .limit(1)
)
_NEXT_DUE = sa.select(sa.func.min(feeds.c.next_at)).where(feeds.c.active)


class Following:
    """Over one connection; `acting` is asked by whatever claims work."""

    def __init__(self, rows: Rows, acting: sa.ColumnElement[bool]) -> None:
        self._rows = rows
        self._db = rows.connection
        self._acting = acting

    # --- feeds ---

    async def follow(self, group: int, url: str, key: str, by: int, now: datetime) -> int:
        """Look at it from now on. What is there at the first look is not news, also if the group
        followed it before."""
        values = {
            "key": key or None, "title": "", "etag": "", "last_modified": "", "failures": 0,
            "next_at": now, "read_at": None, "added_by": by, "active": True,
        }  # fmt: skip
        known = await self.at(group, url)
        if known is not None:
            await self._rows.update(feeds, known.id, **values)
            return known.id
        return await self._rows.insert(feeds, group_id=group, url=url, **values)

    async def at(self, group: int, url: str) -> Followed | None:
        """By its address, also if the group follows it no more."""
        key = self._rows.blind(feeds.c.url_key, url, group)
        return await self._one(feeds.c.group_id == group, feeds.c.url_key == key)

    async def feed(self, id: int) -> Followed | None:
        """By number."""
        return await self._one(feeds.c.id == id)

    async def of(self, group: int) -> list[Followed]:
        """Those that a group follows."""
        found = await self._rows.all(
            sa.select(*_FEED).where(feeds.c.group_id == group, feeds.c.active).order_by(feeds.c.id)
        )
        return [_feed(row) for row in found]

    async def stop(self, id: int) -> None:
        """Look at it no more. What was seen stays known."""
        await self._rows.update(feeds, id, active=False)

    async def drop(self, id: int) -> None:
        """It never was a feed."""
        await self._db.execute(sa.delete(feeds).where(feeds.c.id == id))

    # --- looking at them ---

    async def next_due(self) -> datetime | None:
        """When the earliest is to be looked at."""
        return (await self._db.execute(_NEXT_DUE)).scalar_one_or_none()

    async def due(self, now: datetime) -> Due | None:
        """The one that waits for the longest time."""
        row = await self._rows.one(_OLDEST_DUE, now=now)
        return None if row is None else Due(*row)

    async def begin(self, id: int, again: datetime) -> Followed | None:
        """It is looked at now, which counts as a failure until `looked` says otherwise, and again at
        `again`. None if it is followed no more, or this process may not act."""
        changed = await self._db.execute(
            sa.update(feeds)
            .where(feeds.c.id == id, feeds.c.active, self._acting)
            .values(failures=feeds.c.failures + 1, next_at=again)
        )
        return await self.feed(id) if changed.rowcount == 1 else None

    async def still(self, feed: Followed) -> bool:
        """Whether it is followed as when the look began, and this process may act."""
        found = await self._db.execute(
            sa.select(feeds.c.id).where(
                feeds.c.id == feed.id,
                feeds.c.active,
                feeds.c.failures == feed.failures,
                feeds.c.next_at == feed.next_at,
                self._acting,
            )
        )
        return found.first() is not None

    async def looked(
        self,
        id: int,
        again: datetime,
        now: datetime,
        *,
        title: str | None = None,
        etag: str | None = None,
        modified: str | None = None,
    ) -> None:
        """It answered; next time at `again`. None leaves a value as it is."""
        said = {"title": title, "etag": etag, "last_modified": modified}
        changed = {name: value for name, value in said.items() if value is not None}
        await self._rows.update(feeds, id, failures=0, next_at=again, read_at=now, **changed)

    # --- their alerts ---

    async def unknown(self, feed: int, ids: Sequence[str]) -> list[str]:
        """Which of these were not seen yet, in the same order; `ids` are the feed's own."""
        keys = {id: self._rows.blind(entries.c.entry_key, _digest(id), feed) for id in ids}
        found = await self._db.execute(
            sa.select(entries.c.entry_key).where(
                entries.c.feed_id == feed, entries.c.entry_key.in_(list(keys.values()))
            )
        )
        known = {bytes(key) for key in found.scalars()}
        return [id for id in keys if keys[id] not in known]

    async def remember(self, feed: int, ids: Iterable[str], state: State, now: datetime) -> None:
        """They were seen, and are offered to nobody: nothing of what they say is kept."""
        await self._rows.insert_many(
            entries,
            [
                {
                    "feed_id": feed, "entry": _digest(id), "verified": False, "state": state,
                    "seen_at": now,
                }
                for id in ids
            ],
        )  # fmt: skip

    async def offer(
        self,
        feed: int,
        id: str,
        *,
        title: str,
        link: str,
        summary: str,
        verified: bool,
        now: datetime,
    ) -> Alert:
        """It is being offered."""
        number = await self._rows.insert(
            entries,
            feed_id=feed, entry=_digest(id), title=title, link=link, summary=summary,
            verified=verified, state=State.OFFERED, seen_at=now,
        )  # fmt: skip
        return Alert(number, feed, title, link, summary, verified, State.OFFERED)

    async def alert(self, id: int) -> Alert | None:
        """By number."""
        return next(iter(await self._alerts(entries.c.id == id)), None)

    async def offered(self, feed: int) -> list[Alert]:
        """Those of a feed of which nobody decided yet."""
        return await self._alerts(entries.c.feed_id == feed, entries.c.state == State.OFFERED)

    async def decide(self, id: int, state: State) -> None:
        """Somebody decided, or nobody did in time. What it says is not kept."""
        await self._rows.update(entries, id, state=state, title=None, link=None, summary=None)

    async def offers_since(self, feed: int, since: datetime) -> int:
        """How many were offered after `since`, whatever became of them."""
        return await self._count(feed, since, (State.OFFERED, State.FORWARDED, State.DISMISSED))

    async def more_since(self, feed: int, since: datetime) -> int:
        """How many were above what is offered in a day."""
        return await self._count(feed, since, (State.NEW,))

    async def _count(self, feed: int, since: datetime, states: Sequence[State]) -> int:
        found = await self._db.execute(
            sa.select(sa.func.count()).where(
                entries.c.feed_id == feed,
                entries.c.state.in_(states),
                entries.c.seen_at > since,
            )
        )
        return int(found.scalar_one())

    async def _alerts(self, *where: sa.ColumnElement[bool]) -> list[Alert]:
        found = await self._rows.all(sa.select(*_ALERT).where(*where).order_by(entries.c.id))
        return [
            Alert(id, feed, title or "", link or "", summary or "", verified, State(state))
            for id, feed, title, link, summary, verified, state in found
        ]

    async def _one(self, *where: sa.ColumnElement[bool]) -> Followed | None:
        row = await self._rows.one(sa.select(*_FEED).where(*where))
        return _feed(row) if row else None


def _feed(row: Sequence[object]) -> Followed:
    id, group, url, title, key, *others = row
    return Followed(id, group, url, title, key or "", *others)  # type: ignore[arg-type]


def _digest(id: str) -> str:
    """What is kept of the name that a feed gives its alert: it may hold words."""
    return hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()
