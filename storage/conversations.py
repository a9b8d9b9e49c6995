"""Open questions (prompts) and dialogs of several steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from storage.rows import Query, Rows, of_many, param
from storage.tables import dialogs, prompts


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to a question: the number to write, what it does, and its label as shown."""

    number: int
    action: str
    label: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that is put now; see `Prompt`."""

    token: str
    platform: str
    chat: str
    topic: str
    ref: int
    options: tuple[Option, ...]
    outbox_key: str
    text: list[list[str]]
    member: int | None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question in one chat. `topic` and `ref` say what it is about ("incident", 7).

    `member` is whom it was put to: nobody else answers it, whoever is in that chat today. None is
    somebody who was no member.
    """

    id: int
    token: str
    platform: str
    chat: str
    topic: str
    ref: int
    options: tuple[Option, ...]
    outbox_key: str
    text: list[list[str]]
    opened_at: datetime
    closed: bool
    member: int | None = None


@dataclass(frozen=True, slots=True)
class Dialog:
    """What the next words in this chat are for, until it is left alone too long."""

    topic: str
    step: str
    data: Mapping[str, Any]
    until: datetime


_PROMPT = [
    prompts.c[name]
    for name in (
        "id", "token", "platform", "chat", "topic", "ref", "options", "outbox_key", "text",
        "opened_at", "closed_at", "member",
    )
]  # fmt: skip


def _prompt(row: sa.Row[Any]) -> Prompt:
    (
        id, token, platform, chat, topic, ref, options, outbox_key, text, opened, closed, member,
    ) = tuple(row)
    return Prompt(
        id, token, platform, chat, topic, ref, tuple(Option(*option) for option in options),
        outbox_key, text, opened, closed is not None, member,
    )  # fmt: skip


# The statements of every turn, made once.
_HERE = param("on")
_KEY = param("by")
_BY_TOKEN = Query(sa.select(*_PROMPT).where(prompts.c.token == param("bears")))
_OPEN = sa.select(*_PROMPT).where(prompts.c.closed_at.is_(None))
_OPEN_IN = Query(
    _OPEN.where(prompts.c.platform == _HERE, prompts.c.chat_key == _KEY).order_by(
        prompts.c.id.desc()
    )
)
_OPEN_ABOUT = Query(
    _OPEN.where(
        prompts.c.topic == param("about"), prompts.c.ref == param("which")
    ).order_by(prompts.c.id)
)
_ABOUT_MANY = Query(
    sa.select(prompts.c.ref)
    .where(prompts.c.topic == param("about"), of_many(prompts.c.ref), prompts.c.closed_at.is_(None))
    .distinct()
)
_OPTIONS_IN = Query(
    sa.select(prompts.c.id, prompts.c.chat_key, prompts.c.options).where(
        prompts.c.platform == _HERE, of_many(prompts.c.chat_key), prompts.c.closed_at.is_(None)
    )
)
_CLOSE = (
    sa.update(prompts)
    .where(prompts.c.id == param("which"), prompts.c.closed_at.is_(None))
    .values(closed_at=param("now"))
)
_DIALOG = Query(
    sa.select(
        dialogs.c.id, dialogs.c.topic, dialogs.c.step, dialogs.c.data, dialogs.c.expires_at
    ).where(
        dialogs.c.platform == _HERE,
        dialogs.c.chat_key == _KEY,
        dialogs.c.expires_at > param("now"),
    )
)


class Conversations:
    """What was asked where, and is not answered yet."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    async def open_prompt(self, *, now: datetime, **asked: Any) -> None:
        """Remember a question, given by the fields of `Asked`."""
        await self.open_prompts([Asked(**asked)], now)

    async def open_prompts(self, asked: Sequence[Asked], now: datetime) -> None:
        """Remember questions."""
        rows = [
            {
                "token": one.token,
                "platform": one.platform,
                "chat": one.chat,
                "topic": one.topic,
                "ref": one.ref,
                "member": one.member,
                "options": [[o.number, o.action, o.label, o.argument] for o in one.options],
                "outbox_key": one.outbox_key,
                "text": one.text,
                "opened_at": now,
            }
            for one in asked
        ]
        await self._rows.insert_many(prompts, rows)

    async def prompt(self, token: str) -> Prompt | None:
        """By the token that its buttons carry, open or closed."""
        row = await self._rows.one(_BY_TOKEN, bears=token)
        return _prompt(row) if row else None

    async def prompt_of(self, outbox_key: str) -> Prompt | None:
        """By the message that it was asked in, open or closed."""
        row = await self._rows.one(sa.select(*_PROMPT).where(prompts.c.outbox_key == outbox_key))
        return _prompt(row) if row else None

    async def open_in(self, platform: str, chat: str) -> list[Prompt]:
        """Open questions of a chat, the newest first."""
        key = self._rows.blind(prompts.c.chat_key, chat)
        found = await self._rows.all(_OPEN_IN, on=platform, by=key)
        return [_prompt(row) for row in found]

    async def open_about(self, topic: str, ref: int) -> list[Prompt]:
        """Open questions about one thing, in all chats."""
        found = await self._rows.all(_OPEN_ABOUT, about=topic, which=ref)
        return [_prompt(row) for row in found]

    async def any_about(self, topic: str, refs: Sequence[int]) -> frozenset[int]:
        """Those of these things about which a question is open."""
        found = await self._rows.many(_ABOUT_MANY, refs, about=topic)
        return frozenset(row.ref for row in found)

    async def numbers_in(self, platform: str, chats: Sequence[str]) -> dict[str, set[int]]:
        """The numbers of the answers to what is open in each of these chats."""
        keys = {self._rows.blind(prompts.c.chat_key, chat): chat for chat in chats}
        taken: dict[str, set[int]] = {chat: set() for chat in chats}
        for row in await self._rows.many(_OPTIONS_IN, list(keys), on=platform):
            taken[keys[bytes(row.chat_key)]] |= {option[0] for option in row.options}
        return taken

    async def close(self, id: int, now: datetime) -> bool:
        """Answered or overtaken. False if it was closed before."""
        changed = await self._db.execute(_CLOSE, {"which": id, "now": now})
        return changed.rowcount == 1

    async def end_all_in(self, platform: str, chat: str, now: datetime) -> None:
        """Nothing goes on in a chat any more, and nothing that was asked there is shown to be over."""
        await self._db.execute(
            sa.update(prompts)
            .where(self._in(prompts, platform, chat), prompts.c.closed_at.is_(None))
            .values(closed_at=now)
        )
        await self.end_dialog(platform, chat)

    async def move_chat(self, platform: str, old: str, new: str) -> None:
        """A chat has a new id. Where something goes on in the new one already, that goes on."""
        if await self._has_dialog(platform, new):
            await self.end_dialog(platform, old)
        for table in (prompts, dialogs):
            here = sa.select(table.c.id).where(self._in(table, platform, old))
            for id in (await self._db.execute(here)).scalars().all():
                await self._rows.update(table, id, chat=new)

    def _in(self, table: sa.Table, platform: str, chat: str) -> sa.ColumnElement[bool]:
        key = self._rows.blind(table.c.chat_key, chat)
        return (table.c.platform == platform) & (table.c.chat_key == key)

    async def _has_dialog(self, platform: str, chat: str) -> bool:
        found = await self._db.execute(
            sa.select(dialogs.c.topic).where(self._in(dialogs, platform, chat))
        )
        return found.first() is not None

    async def dialog(self, platform: str, chat: str, now: datetime) -> Dialog | None:
        """What is going on in this chat, unless it was left alone too long."""
        key = self._rows.blind(dialogs.c.chat_key, chat)
        row = await self._rows.one(_DIALOG, on=platform, by=key, now=now)
        return Dialog(row.topic, row.step, row.data, row.expires_at) if row else None

    async def set_dialog(self, platform: str, chat: str, dialog: Dialog) -> None:
        """The next words here are for this."""
        await self.end_dialog(platform, chat)
        await self._rows.insert(
            dialogs,
            platform=platform,
            chat=chat,
            topic=dialog.topic,
            step=dialog.step,
            data=dict(dialog.data),
            expires_at=dialog.until,
        )

    async def end_dialog(self, platform: str, chat: str) -> None:
        """Nothing is going on any more."""
        await self._db.execute(sa.delete(dialogs).where(self._in(dialogs, platform, chat)))
