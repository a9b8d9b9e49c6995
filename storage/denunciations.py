"""Denunciations and where they are published."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.domain.denunciation import Denunciation, State
from storage.files import of_draft
from storage.rows import Rows
from storage.tables import denunciations, destinations


@dataclass(frozen=True, slots=True)
class Destination:
    """A chat, channel or room where a group publishes."""

    id: int
    group: int
    platform: str
    chat: str
    chat_kind: str
    title: str


_DENUNCIATION = [
    denunciations.c[name]
    for name in (
        "id", "number", "group_id", "author_id", "title", "text", "state", "approver_id",
        "approved_hash", "sent_at",
    )
]  # fmt: skip
_DESTINATION = [
    destinations.c[name] for name in ("id", "group_id", "platform", "chat", "chat_kind", "title")
]


def _denunciation(row: sa.Row[Any]) -> Denunciation:
    id, number, group, author, title, text, state, approver, approved_hash, sent_at = tuple(row)
    return Denunciation(
        id, number, group, author, title, text, State(state), approver, approved_hash, sent_at
    )


class Denunciations:
    """What is being written, and what was published."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    async def add(self, group: int, number: int, author: int, now: datetime) -> int:
        """An empty draft."""
        return await self._rows.insert(
            denunciations,
            group_id=group,
            number=number,
            author_id=author,
            title="",
            text="",
            approved_hash="",
            state=State.DRAFT,
            created_at=now,
        )

    async def get(self, id: int) -> Denunciation | None:
        """By row."""
        row = await self._rows.one(sa.select(*_DENUNCIATION).where(denunciations.c.id == id))
        return replace(_denunciation(row), files=await of_draft(self._rows, id)) if row else None

    async def being_written(self, author: int) -> Denunciation | None:
        """What somebody began last and has not handed over."""
        found = await self._db.execute(
            sa.select(sa.func.max(denunciations.c.id)).where(
                denunciations.c.author_id == author, denunciations.c.state == State.DRAFT
            )
        )
        id = found.scalar_one()
        return None if id is None else await self.get(id)

    async def any_sent(self) -> bool:
        """Whether anything was ever published, for the sandbox's guided tour."""
        found = await self._db.execute(
            sa.select(denunciations.c.id).where(denunciations.c.state == State.SENT).limit(1)
        )
        return found.first() is not None

    async def save(self, draft: Denunciation) -> None:
        """Write it as it is now."""
        await self._rows.update(
            denunciations,
            draft.id,
            title=draft.title,
            text=draft.text,
            state=draft.state,
            approver_id=draft.approver,
            approved_hash=draft.approved_hash,
            sent_at=draft.sent_at,
        )

    async def progress_key(self, id: int) -> str:
        """The outbox key of the message that shows the progress; "" before there is one."""
        return (
            await self._db.execute(
                sa.select(denunciations.c.progress_key).where(denunciations.c.id == id)
            )
        ).scalar_one()

    async def set_progress(self, id: int, key: str, approved_at: datetime) -> None:
        """Publishing began; `key` is the message that will be edited."""
        await self._db.execute(
            sa.update(denunciations)
            .where(denunciations.c.id == id)
            .values(progress_key=key, approved_at=approved_at)
        )

    async def add_destination(
        self, group: int, platform: str, chat: str, chat_kind: str, title: str
    ) -> None:
        """Publish there from now on; a chat belongs to one group only, the last that added it."""
        await self._db.execute(sa.delete(destinations).where(self._here(platform, chat)))
        await self._rows.insert(
            destinations,
            group_id=group, platform=platform, chat=chat, chat_kind=chat_kind, title=title,
        )  # fmt: skip

    def _here(self, platform: str, chat: str) -> sa.ColumnElement[bool]:
        key = self._rows.blind(destinations.c.chat_key, chat)
        return (destinations.c.platform == platform) & (destinations.c.chat_key == key)

    async def destinations(self, group: int) -> list[Destination]:
        """Where a group publishes."""
        found = await self._rows.all(
            sa.select(*_DESTINATION)
            .where(destinations.c.group_id == group, destinations.c.active)
            .order_by(destinations.c.id)
        )
        return [Destination(*row) for row in found]

    async def destination_in(self, platform: str, chat: str) -> Destination | None:
        """By chat, if it is active."""
        row = await self._rows.one(
            sa.select(*_DESTINATION).where(self._here(platform, chat), destinations.c.active)
        )
        return Destination(*row) if row else None

    async def destination_numbered(self, id: int) -> Destination | None:
        """By number, active or not."""
        row = await self._rows.one(sa.select(*_DESTINATION).where(destinations.c.id == id))
        return Destination(*row) if row else None

    async def title_of(self, platform: str, chat: str) -> str | None:
        """What a destination is called, also once it is closed to us; None if it never was one."""
        row = await self._rows.one(
            sa.select(destinations.c.id, destinations.c.title).where(self._here(platform, chat))
        )
        return None if row is None else row.title

    async def end_destination(self, platform: str, chat: str) -> Destination | None:
        """The chat is closed to us, or was taken off the list. Returns what it was."""
        found = await self.destination_in(platform, chat)
        await self._db.execute(
            sa.update(destinations).where(self._here(platform, chat)).values(active=False)
        )
        return found

    async def move_chat(self, platform: str, old: str, new: str) -> None:
        """A chat has a new id. If the new one is a destination by itself already, it is that one."""
        known = await self._db.execute(
            sa.select(destinations.c.id).where(self._here(platform, new))
        )
        if known.first() is not None:
            await self.end_destination(platform, old)
            return
        before = await self._db.execute(
            sa.select(destinations.c.id).where(self._here(platform, old))
        )
        for id in before.scalars().all():
            await self._rows.update(destinations, id, chat=new)

    async def restore_destination(self, id: int) -> None:
        """Publish there, as was asked."""
        await self._db.execute(
            sa.update(destinations).where(destinations.c.id == id).values(active=True)
        )
