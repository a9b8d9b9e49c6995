"""The inbox: every event that a platform gave, stored together with its cursor."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from storage.rows import Query, Rows, param
from storage.storable import storable, storable_text
from storage.tables import cursors, inbox

AT_ONCE = 1000
"""Events asked for in one statement."""

NEW, DONE, SET_ASIDE = "new", "done", "set_aside"


@dataclass(frozen=True, slots=True)
class Stored:
    """One event as it is kept."""

    id: int
    platform: str
    event_id: str
    chat: str
    received_at: datetime
    raw: Mapping[str, Any]
    attempts: int


@dataclass(frozen=True, slots=True)
class Aside:
    """One event that failed too often; `error` says where in the program, and no content."""

    id: int
    platform: str
    received_at: datetime
    error: str


# The statements of every turn, made once.
_PLATFORM, _ID = param("on"), param("of")
_CURSOR = sa.select(cursors.c.cursor).where(cursors.c.platform == _PLATFORM)
_KNOWN = sa.select(inbox.c.event_key).where(
    inbox.c.platform == _PLATFORM, inbox.c.event_key.in_(sa.bindparam("keys", expanding=True))
)


@lru_cache(8)
def _waiting(acting: sa.ColumnElement[bool], failed: bool) -> Query:
    columns = ("id", "platform", "event_id", "chat", "received_at", "raw", "attempts")
    return Query(
        sa.select(*(inbox.c[name] for name in columns))
        .where(
            inbox.c.state == NEW,
            inbox.c.attempts > 0 if failed else inbox.c.attempts == 0,
            acting,
        )
        .order_by(inbox.c.id)
        .limit(sa.bindparam("most", type_=sa.Integer))
    )


@lru_cache(8)
def _confirm(acting: sa.ColumnElement[bool]) -> sa.Update:
    return (
        sa.update(cursors)
        .where(cursors.c.platform == _PLATFORM, acting)
        .values(cursor=param("upto"), stored_at=param("now"))
    )


@lru_cache(8)
def _done(acting: sa.ColumnElement[bool]) -> sa.Update:
    return (
        sa.update(inbox)
        .where(inbox.c.id == _ID, inbox.c.state == NEW, acting)
        .values(state=DONE, done_at=param("now"), error="")
    )


class Inbox:
    """Events in the order of their arrival."""

    def __init__(self, rows: Rows, acting: sa.ColumnElement[bool]) -> None:
        self._rows = rows
        self._db = rows.connection
        self._acting = acting

    async def cursor(self, platform: str) -> str | None:
        """How far the platform's events are stored; None before the first batch."""
        return (await self._db.execute(_CURSOR, {"on": platform})).scalar_one_or_none()

    async def store(
        self,
        platform: str,
        events: Sequence[tuple[str, str, Mapping[str, Any]]],
        cursor: str,
        now: datetime,
    ) -> int:
        """Keep `(event_id, chat, raw)` rows and the cursor that confirms them.

        An event that is here already is left as it is: a batch may come again after a crash.
        What no database can keep is replaced (`storable`): a batch that cannot be stored would
        come for ever. A process that acts no more keeps the events and leaves the cursor. Returns
        how many were new.
        """
        events = [
            (storable_text(event_id), storable_text(chat), storable(dict(raw)))
            for event_id, chat, raw in events
        ]
        keys = {event_id: self._rows.blind(inbox.c.event_key, event_id) for event_id, _, _ in events}
        known = await self._known(platform, list(keys.values()))
        rows = []
        for event_id, chat, raw in events:
            if keys[event_id] in known:
                continue
            known.add(keys[event_id])
            rows.append(
                {
                    "platform": platform,
                    "event_id": event_id,
                    "chat": chat,
                    "raw": raw,
                    "received_at": now,
                }
            )
        await self._rows.insert_many(inbox, rows)
        changed = await self._db.execute(
            _confirm(self._acting), {"on": platform, "upto": cursor, "now": now}
        )
        if not changed.rowcount and await self.cursor(platform) is None:
            await self._db.execute(
                sa.insert(cursors).values(platform=platform, cursor=cursor, stored_at=now)
            )
        return len(rows)

    async def _known(self, platform: str, keys: Sequence[bytes]) -> set[bytes]:
        """Those of these that are here. In parts: a statement takes so many values and no more."""
        known: set[bytes] = set()
        for start in range(0, len(keys), AT_ONCE):
            found = await self._db.execute(
                _KNOWN, {"on": platform, "keys": keys[start : start + AT_ONCE]}
            )
            known.update(bytes(key) for key in found.scalars())
        return known

    async def waiting(self, limit: int) -> list[Stored]:
        """The oldest events that are not done, those first that never failed: a poisonous one delays
        nobody."""
        found: list[Stored] = []
        for failed in (False, True):
            rows = await self._rows.all(_waiting(self._acting, failed), most=limit - len(found))
            found += [Stored(*row) for row in rows]
            if len(found) == limit:
                break
        return found

    async def done(self, id: int, now: datetime) -> bool:
        """Mark as handled. False if it was not waiting any more: then nothing may be done for it."""
        changed = await self._db.execute(_done(self._acting), {"of": id, "now": now})
        return changed.rowcount == 1

    async def empty(self, id: int) -> None:
        """What this event said is kept nowhere: only that it came."""
        await self._rows.update(inbox, id, raw={}, emptied=True)

    async def failed(self, id: int, error: str, *, tries: int) -> bool:
        """Count a failure; after `tries` of them it is set aside. Returns whether it was."""
        attempts = (
            await self._db.execute(
                sa.update(inbox)
                .where(inbox.c.id == id)
                .values(attempts=inbox.c.attempts + 1, error=error)
                .returning(inbox.c.attempts)
            )
        ).scalar_one()
        if attempts < tries:
            return False
        await self._db.execute(sa.update(inbox).where(inbox.c.id == id).values(state=SET_ASIDE))
        return True

    async def aside(self) -> list[Aside]:
        """The events that were set aside, the oldest first."""
        found = await self._db.execute(
            sa.select(inbox.c.id, inbox.c.platform, inbox.c.received_at, inbox.c.error)
            .where(inbox.c.state == SET_ASIDE)
            .order_by(inbox.c.id)
        )
        return [Aside(*row) for row in found]

    async def replay(self, ids: Collection[int] | None = None) -> int:
        """Events that were set aside wait again; None is all of them. Returns how many."""
        which = sa.true() if ids is None else inbox.c.id.in_(list(ids))
        changed = await self._db.execute(
            sa.update(inbox).where(inbox.c.state == SET_ASIDE, which).values(state=NEW, attempts=0)
        )
        return int(changed.rowcount)

    async def is_done(self, platform: str, event_id: str) -> bool:
        """Whether this event was stored and needs nothing more."""
        state = (
            await self._db.execute(
                sa.select(inbox.c.state).where(
                    inbox.c.platform == platform,
                    inbox.c.event_key == self._rows.blind(inbox.c.event_key, event_id),
                )
            )
        ).scalar_one_or_none()
        return state in (DONE, SET_ASIDE)

    async def last_received(self) -> datetime | None:
        """When the newest event was stored."""
        return (
            await self._db.execute(
                sa.select(inbox.c.received_at).order_by(inbox.c.id.desc()).limit(1)
            )
        ).scalar_one_or_none()
