"""A raw update of Telegram, understood. Pure.

Source: https://core.telegram.org/bots/api#update
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.platforms.base import (
    Added,
    Body,
    ChatKind,
    File,
    Incoming,
    Location,
    Migrated,
    Other,
    PlatformName,
    Press,
    RawEvent,
    Removed,
    Text,
    location,
)
from bot.platforms.telegram.chats import topic

RECEIVED = "_received"
"""The key that we add to each update: when we fetched it, ISO 8601."""

SINCE = "_since"
"""The key that we add where we know it: the instant at which we had been given everything that there
was, so that this update is younger.

A press of a button carries no time of its own. It is taken to be as old as it can be, since nobody
may be missed for an answer that we fetched late: as that instant, or as its message where that is
younger.
"""

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
"""What we ask Telegram for."""

_KINDS = (
    # A venue has a location too, and an animation a document: the more exact name first.
    "venue", "location", "animation", "document", "sticker", "photo", "voice", "video",
    "video_note", "audio", "contact", "poll", "dice", "game", "story", "paid_media", "checklist",
)  # fmt: skip
"""Fields that name what a message is, where it is no text."""

_SERVICE = frozenset(
    {
        "new_chat_members", "left_chat_member", "new_chat_title", "new_chat_photo",
        "delete_chat_photo", "group_chat_created", "supergroup_chat_created",
        "channel_chat_created", "message_auto_delete_timer_changed", "migrate_from_chat_id",
        "pinned_message", "forum_topic_created", "forum_topic_edited", "forum_topic_closed",
        "forum_topic_reopened", "general_forum_topic_hidden", "general_forum_topic_unhidden",
        "video_chat_scheduled", "video_chat_started", "video_chat_ended",
        "video_chat_participants_invited", "chat_background_set", "boost_added",
        "proximity_alert_triggered", "write_access_allowed", "connected_website",
    }
)  # fmt: skip
"""Fields of messages that nobody wrote."""

_LAST = 253_402_300_799
"""The last second that datetime can hold."""

_CHAT_KINDS = {
    "private": ChatKind.PRIVATE,
    "group": ChatKind.GROUP,
    "supergroup": ChatKind.GROUP,
    "channel": ChatKind.CHANNEL,
}


def parse(event: RawEvent) -> Incoming | None:
    """What happened, or None where nobody said anything to us.

    None are messages of bots, of anonymous administrators and of channels, for they bear no
    account that could be a member's; service messages; and edits of anything but text (a live
    location is edited every few seconds). Raises `KeyError`, `TypeError` or `ValueError` if the
    update is not as documented.
    """
    raw = event.raw
    if "message" in raw:
        return _message(event, raw["message"], edited=False)
    if "edited_message" in raw:
        return _message(event, raw["edited_message"], edited=True)
    if "callback_query" in raw:
        return _press(event, raw["callback_query"])
    if "my_chat_member" in raw:
        return _membership(event, raw["my_chat_member"])
    return None


def chat_of(update: Mapping[str, Any]) -> str:
    """The id of the chat that an update is about, "" if it has none. Never raises."""
    for name in ALLOWED_UPDATES:
        part = update.get(name)
        if name == "callback_query" and isinstance(part, dict):
            part = part.get("message")
        chat = part.get("chat") if isinstance(part, dict) else None
        if isinstance(chat, dict) and isinstance(chat.get("id"), int | str):
            return str(chat["id"])
    return ""


def _message(event: RawEvent, message: Mapping[str, Any], *, edited: bool) -> Incoming | None:
    sender = message.get("from")
    sent_at = _instant(message["edit_date"] if edited else message["date"])
    number = str(message["message_id"])
    if "migrate_to_chat_id" in message:
        # Before the sender is looked at: an anonymous administrator's upgrade counts as well.
        moved = Migrated(str(message["migrate_to_chat_id"]))
        return _incoming(event, message["chat"], sender or {}, sent_at, moved, number)
    if not sender or sender.get("is_bot") or "sender_chat" in message:
        return None
    body = _content(message, edited=edited)
    if body is None:
        return None
    thread = message.get("message_thread_id") if message.get("is_topic_message") else None
    return _incoming(event, message["chat"], sender, sent_at, body, number, thread)


def _content(message: Mapping[str, Any], *, edited: bool) -> Body | None:
    if "text" in message:
        return Text(
            text=message["text"],
            edited=edited,
            forwarded="forward_origin" in message,
            reply_to=_reply_to(message),
        )
    if edited or not _SERVICE.isdisjoint(message):
        return None
    what = next((kind for kind in _KINDS if kind in message), "unknown")
    caption = message.get("caption", "")
    return (
        _location(message)
        or _file(what, message.get(what), caption)
        or Other(what, caption)
    )


def _location(message: Mapping[str, Any]) -> Location | None:
    """A place on the map, or a venue, which has one; of a live one, where it began."""
    venue = message.get("venue")
    place = message.get("location")
    if not isinstance(place, Mapping) or "forward_origin" in message:
        return None  # forwarded, it is where somebody else was
    name = venue.get("title") if isinstance(venue, Mapping) else ""
    return location(place.get("latitude"), place.get("longitude"), name)


def _file(what: str, sent: object, caption: str) -> File | None:
    """A photo, of which there are several sizes, the largest last; or a document."""
    if what == "photo" and isinstance(sent, list) and sent:
        sent = sent[-1]
    elif what != "document":
        return None
    if not isinstance(sent, Mapping) or not isinstance(sent.get("file_id"), str):
        return None
    name, mime, size = sent.get("file_name"), sent.get("mime_type"), sent.get("file_size")
    return File(
        what,
        name if isinstance(name, str) else "",
        mime if isinstance(mime, str) else "",
        size if isinstance(size, int) else 0,
        {"file_id": sent["file_id"]},
        caption if isinstance(caption, str) else "",
    )


def _reply_to(message: Mapping[str, Any]) -> str | None:
    """The message answered. In a forum each message "answers" the one that opened its topic."""
    answered = message.get("reply_to_message")
    if not answered or "forum_topic_created" in answered:
        return None
    return str(answered["message_id"])


def _press(event: RawEvent, query: Mapping[str, Any]) -> Incoming | None:
    message = query.get("message")
    if not message or "data" not in query:
        return None
    body = Press(query["data"], str(message["message_id"]), query["id"])
    return _incoming(event, message["chat"], query["from"], _pressed_at(event, message), body, "")


def _pressed_at(event: RawEvent, message: Mapping[str, Any]) -> datetime:
    """The earliest instant at which it can have been."""
    asked = message.get("date")
    known = [_instant(asked)] if isinstance(asked, int) and asked else []
    if SINCE in event.raw:
        known.append(datetime.fromisoformat(event.raw[SINCE]).astimezone(UTC))
    received = datetime.fromisoformat(event.raw[RECEIVED]).astimezone(UTC)
    return min(max(known, default=received), received)


def _membership(event: RawEvent, change: Mapping[str, Any]) -> Incoming | None:
    before, after = _present(change["old_chat_member"]), _present(change["new_chat_member"])
    if before == after:
        return None
    chat = change["chat"]
    body = Added(chat.get("title") or _name(chat)) if after else Removed()
    return _incoming(event, chat, change["from"], _instant(change["date"]), body, "")


def _present(member: Mapping[str, Any]) -> bool:
    """Whether the bot is in the chat, and in a private one, may write."""
    if member["status"] == "restricted":
        return bool(member["is_member"])
    return member["status"] in ("creator", "administrator", "member")


def _incoming(
    event: RawEvent,
    chat: Mapping[str, Any],
    sender: Mapping[str, Any],
    sent_at: datetime,
    body: Body,
    message_id: str,
    thread: object = None,
) -> Incoming:
    kind = _CHAT_KINDS[chat["type"]]
    account = str(_id(sender["id"])) if sender else ""
    return Incoming(
        platform=PlatformName.TELEGRAM,
        event_id=event.event_id,
        account=account,
        # A private chat has its person's number. Where we write to somebody from now on must not
        # depend on a second one that an update may have wrong.
        chat=account
        if kind is ChatKind.PRIVATE and sender
        else topic(str(_id(chat["id"])), thread),
        chat_kind=kind,
        sent_at=sent_at,
        body=body,
        display_name=_name(sender),
        language=sender.get("language_code", ""),
        message_id=message_id,
    )


def _id(number: object) -> int:
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError("an id is a whole number")
    return number


def _name(person: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (person.get("first_name"), person.get("last_name"))))


def _instant(unix: int) -> datetime:
    # An impossible time is still a time: the message counts. From 1970 on, every zone can show it.
    return datetime.fromtimestamp(min(max(unix, 0), _LAST), UTC)
