"""An event of the town, understood. Pure."""

from __future__ import annotations

from datetime import datetime

from bot.platforms.base import (
    Added,
    Body,
    ChatKind,
    File,
    Incoming,
    Other,
    PlatformName,
    Press,
    RawEvent,
    Removed,
    Text,
    location,
)


def private_chat(person: str) -> str:
    """The id of a person's chat with the bot."""
    return f"@{person}"


def parse(event: RawEvent) -> Incoming | None:
    """What happened. Raises `KeyError` or `ValueError` for what no town of ours wrote."""
    raw = event.raw
    kind = ChatKind(raw["chat_kind"])
    if kind is ChatKind.PRIVATE and raw["chat"] != private_chat(raw["account"]):
        raise ValueError("a private chat is that of its person")
    return Incoming(
        platform=PlatformName.SANDBOX,
        event_id=event.event_id,
        account=raw["account"],
        chat=raw["chat"],
        chat_kind=kind,
        sent_at=datetime.fromisoformat(raw["at"]),
        body=_body(event),
        display_name=raw["name"],
        language=raw["language"],
        message_id=raw["message"] if raw["kind"] in ("text", "other", "file", "location") else "",
    )


def _body(event: RawEvent) -> Body:
    raw = event.raw
    match raw["kind"]:
        case "text":
            return Text(raw["text"], raw["edited"], raw["forwarded"], raw["reply_to"])
        case "other":
            return Other(raw["what"], raw["caption"])
        case "file":
            ref = {"file": raw["file"]}
            return File(
                raw["what"], raw["file_name"], raw["mime"], raw["size"], ref, raw["caption"]
            )
        case "location":
            return location(raw["latitude"], raw["longitude"]) or Other("location")
        case "press":
            return Press(raw["data"], raw["message"], raw["press"])
        case "added":
            return Added(raw["title"])
        case "removed":
            return Removed()
        case kind:
            raise ValueError(f"unknown kind of event: {kind}")
