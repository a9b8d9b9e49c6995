"""The town as the page is told of it: JSON, and nothing that the page need not know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot.platforms.base import ChatKind
from bot.platforms.sandbox.control import ClockControl, Milestone
from bot.platforms.sandbox.things import Changes, Message
from bot.platforms.sandbox.town import Town


def whole(town: Town, zone: str, language: str) -> dict[str, Any]:
    """Everything, for a page that begins: people, chats, commands and all messages."""
    return {
        "layout": town.layout,
        "zone": zone,
        "language": language,
        "people": [
            {"key": p.key, "name": p.name, "role": p.role, "language": p.language}
            for p in town.people.values()
        ],
        "chats": [
            {
                "id": chat.id,
                "kind": chat.kind.value,
                "title": chat.title,
                "person": next(iter(chat.readers)) if chat.kind is ChatKind.PRIVATE else "",
                "readers": sorted(chat.readers),
            }
            for chat in town.chats.values()
        ],
        "commands": {
            key: [{"name": command.name, "summary": command.summary} for command in entries]
            for key, entries in town.commands.items()
        },
        **news(town.since(0)),
    }


def news(changes: Changes) -> dict[str, Any]:
    """Messages as they are now, and toasts."""
    return {
        "messages": [_message(message) for message in changes.messages],
        "toasts": [{"person": toast.person, "text": toast.text} for toast in changes.toasts],
    }


def clock_view(clock: ClockControl) -> dict[str, Any]:
    """The instant, and how fast it runs on."""
    return {"now": clock.now().isoformat(), "speed": clock.speed}


def milestones_view(milestones: Iterable[Milestone]) -> list[dict[str, Any]]:
    """The steps of the tour, in order."""
    return [{"key": m.key, "done": m.done, "person": m.person} for m in milestones]


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "chat": message.chat,
        "author": message.author,
        "at": message.at.isoformat(),
        "text": message.text.to_json(),
        "buttons": [
            [{"label": b.label, "data": b.data, "number": b.number} for b in row]
            for row in message.buttons
        ],
        "files": [
            {"name": a.name, "mime": a.mime, "size": len(a.content)} for a in message.attachments
        ],
        "what": message.what,
        "replyTo": message.reply_to,
        "forwarded": message.forwarded,
        "edited": message.edited,
        "deleted": message.deleted,
        "pinned": message.pinned,
    }
