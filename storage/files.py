"""Images and documents of denunciations: asked for, then kept clean; the original never is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.domain.denunciation import File, State
from storage.rows import Query, Rows, among, param
from storage.tables import denunciations, files

WANTED, KEPT, REFUSED = "wanted", "kept", "refused"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that somebody sent and that is to be fetched and cleaned.

    `ref` is what its platform needs to fetch it. `attempts` counts this one.
    """

    id: int
    denunciation: int
    member: int
    platform: str
    name: str
    ref: Mapping[str, Any]
    attempts: int


@dataclass(frozen=True, slots=True)
class Due:
    """A file that may be fetched, and how often it was tried."""

    id: int
    attempts: int


_OLDEST_DUE = (
    sa.select(files.c.id, files.c.attempts)
    .where(files.c.state == WANTED, files.c.not_before <= param("now"))
    .order_by(files.c.id)
    .limit(1)
)
_COLUMNS = [
    files.c[name]
    for name in ("id", "denunciation_id", "member_id", "platform", "origin", "attempts")
]
_OF_DRAFT = Query(
    sa.select(files.c.id, files.c.name, files.c.mime, files.c.digest, files.c.alternative)
    .where(files.c.denunciation_id == param("draft"), files.c.state == KEPT)
    .order_by(files.c.id)
)
_NEXT_DUE = sa.select(sa.func.min(files.c.not_before)).where(files.c.state == WANTED)


async def of_draft(rows: Rows, denunciation: int) -> tuple[File, ...]:
    """What is published with these words, without the bytes."""
    return tuple(File(*row) for row in await rows.all(_OF_DRAFT, draft=denunciation))


class Files:
    """Those of denunciations, over one connection."""

    def __init__(self, rows: Rows, acting: sa.ColumnElement[bool]) -> None:
        self._rows = rows
        self._db = rows.connection
        self._acting = acting

    async def want(
        self,
        *,
        group: int,
        denunciation: int,
        member: int,
        platform: str,
        name: str,
        ref: Mapping[str, Any],
        alternative: str,
        now: datetime,
    ) -> None:
        """It is to be fetched. `name` is the one that it came with, forgotten with `ref`."""
        await self._rows.insert(
            files,
            group_id=group,
            denunciation_id=denunciation,
            member_id=member,
            platform=platform,
            state=WANTED,
            origin={"name": name, "ref": dict(ref)},
            alternative=alternative,
            attempts=0,
            not_before=now,
            created_at=now,
        )

    async def count(self, denunciation: int, *states: str) -> int:
        """How many of a denunciation are in these states."""
        found = await self._db.execute(
            sa.select(sa.func.count()).where(
                files.c.denunciation_id == denunciation, among(files.c.state, states)
            )
        )
        return int(found.scalar_one())

    async def next_due(self) -> datetime | None:
        """When the earliest one may be fetched."""
        return (await self._db.execute(_NEXT_DUE)).scalar_one_or_none()

    async def due(self, now: datetime) -> Due | None:
        """The oldest that may be fetched now."""
        found = await self._db.execute(_OLDEST_DUE, {"now": now})
        row = found.first()
        return None if row is None else Due(*row)

    async def begin(self, id: int, again: datetime) -> Wanted | None:
        """It is tried now, and again at `again` should that be broken off. None if it is gone, or
        this process may not act any more."""
        row = await self._rows.one(
            sa.update(files)
            .where(files.c.id == id, files.c.state == WANTED, self._acting)
            .values(attempts=files.c.attempts + 1, not_before=again)
            .returning(*_COLUMNS)
        )
        if row is None:
            return None
        id, denunciation, member, platform, origin, attempts = tuple(row)
        name, ref = origin["name"], origin["ref"]
        return Wanted(id, denunciation, member, platform, name, ref, attempts)

    async def keep(self, id: int, name: str, mime: str, content: bytes) -> None:
        """These bytes are clean. What the original was and where it lies is forgotten."""
        await self._rows.update(
            files,
            id,
            state=KEPT,
            origin=None,
            name=name,
            mime=mime,
            digest=hashlib.sha256(content).hexdigest(),
            content=content,
        )

    async def refuse(self, id: int) -> bool:
        """It will not be tried again. False if it was not waiting, or this process may not act."""
        changed = await self._db.execute(
            sa.update(files)
            .where(files.c.id == id, files.c.state == WANTED, self._acting)
            .values(state=REFUSED, origin=None)
        )
        return changed.rowcount == 1

    async def is_wanted(self, id: int) -> bool:
        """Whether it is still waited for, and this process may act."""
        found = await self._db.execute(
            sa.select(files.c.id).where(files.c.id == id, files.c.state == WANTED, self._acting)
        )
        return found.first() is not None

    async def content(self, id: int, digest: str) -> bytes | None:
        """The clean bytes; None if they are gone, or are not those of this digest."""
        found = await self._rows.one(
            sa.select(files.c.id, files.c.content).where(files.c.id == id, files.c.state == KEPT)
        )
        if found is None or found.content is None:
            return None
        content: bytes = found.content
        return content if hashlib.sha256(content).hexdigest() == digest else None

    async def drop(self, denunciation: int) -> int:
        """All of a denunciation's. Returns how many."""
        gone = await self._db.execute(
            sa.delete(files).where(files.c.denunciation_id == denunciation)
        )
        return int(gone.rowcount)

    async def drop_of(self, member: int) -> None:
        """All that somebody sent, but for what two people agreed to publish and is leaving now."""
        leaving = sa.select(denunciations.c.id).where(denunciations.c.state == State.APPROVED)
        await self._db.execute(
            sa.delete(files).where(
                files.c.member_id == member, files.c.denunciation_id.not_in(leaving)
            )
        )
