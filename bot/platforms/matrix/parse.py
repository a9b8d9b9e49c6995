"""From a stored Matrix event to `Incoming`; pure.

`RawEvent.raw` as `receiving` writes it: `event` (as the sender's server gave it, decrypted), `room`
(`kind`, `title`, `encrypted`), `by` (who invited, for our own joining), `display_name`,
`decrypted` and `proven`, `undecryptable` where we hold no key, `seen` where we came to hold it
later, and `unfetched` in place of what the server did not give; or as `reports` writes it:
`report`, `account` and `at`. Source: Matrix client-server API,
"Instant messaging", "Rich replies", "Event replacements", "Stickers".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.platforms.base import (
    Added,
    Body,
    Change,
    ChatKind,
    ComparisonAsked,
    ComparisonEnded,
    File,
    IdentityChanged,
    Incoming,
    Location,
    Migrated,
    Other,
    PicturesShown,
    PlatformName,
    RawEvent,
    Removed,
    Text,
    Unfetched,
    Unreadable,
    location,
)

# The last millisecond that datetime can hold: a server may write any number.
_LAST_MS = 253_402_300_799_000

# What is neither text nor silence: kinds of message whose arrival a handler should know of.
_MEDIA = {
    "m.image": "image",
    "m.audio": "audio",
    "m.video": "video",
    "m.file": "file",
    "m.location": "location",
}
_EVENTS = {
    "m.sticker": "sticker",
    "m.poll.start": "poll",
    "org.matrix.msc3381.poll.start": "poll",
    "m.poll.response": "poll",
    "org.matrix.msc3381.poll.response": "poll",
    "m.call.invite": "call",
}

_GEO = re.compile(r"geo:(-?\d{1,3}(?:\.\d{1,20})?),(-?\d{1,3}(?:\.\d{1,20})?)(?=[,;?]|$)")

# Types worth storing; everything else in a timeline means nothing to us.
STORED = frozenset(
    {
        "m.room.message",
        "m.room.encrypted",
        "m.room.member",
        "m.room.tombstone",
        "m.reaction",
        *_EVENTS,
    }
)


def understand(stored: RawEvent) -> Incoming | None:
    """The event in the application's words; None for one that means nothing to us."""
    raw = stored.raw
    if "report" in raw:
        return _reported(stored)
    event: Mapping[str, Any] = raw["event"]
    body = _body(event)
    if raw.get("undecryptable"):
        body = Unreadable()
    if raw.get("unfetched"):
        body = Unfetched()
    if body is None:
        return None
    seen = _text(raw.get("seen"))
    account = _text(event.get("sender"))
    if isinstance(body, Added):
        body = Added(title=_text(raw["room"].get("title")))
        account = _text(raw.get("by")) or account
    return Incoming(
        platform=PlatformName.MATRIX,
        event_id=stored.event_id,
        account=account,
        chat=stored.chat,
        chat_kind=ChatKind(raw["room"]["kind"]),
        sent_at=_time(event.get("origin_server_ts")),
        body=body,
        display_name=_text(raw.get("display_name")),
        message_id=_message_id(event),
        first_seen=datetime.fromisoformat(seen) if seen else None,
        proven=_is_proven(raw, body),
    )


def _is_proven(raw: Mapping[str, Any], body: Body) -> bool:
    """Nothing that a person says is theirs for certain, unless it came encrypted by their device.

    What only the server can say, that somebody left or a room was replaced, has no other witness.
    """
    if isinstance(body, Text | Location | Other):
        return bool(raw.get("proven", False))
    return True


def _reported(stored: RawEvent) -> Incoming:
    """What the platform itself tells of an account; see `reports`."""
    report, account = stored.raw["report"], str(stored.raw["account"])
    body: Body
    match report["kind"]:
        case "changed":
            body = IdentityChanged(Change(report["what"]), report["confirm"])
        case "asked":
            body = ComparisonAsked(report["begin"], report["decline"])
        case "shown":
            pictures = tuple(report["pictures"])
            body = PicturesShown(pictures, report["same"], report["different"])
        case _:
            body = ComparisonEnded(bool(report["proven"]))
    return Incoming(
        platform=PlatformName.MATRIX,
        event_id=stored.event_id,
        account=account,
        chat="",
        chat_kind=ChatKind.PRIVATE,
        sent_at=datetime.fromisoformat(stored.raw["at"]),
        body=body,
    )


def replaced(event: Mapping[str, Any]) -> str | None:
    """The id of the message that this event is an edit of."""
    relation = _object(_object(event.get("content")).get("m.relates_to"))
    if relation.get("rel_type") == "m.replace":
        return _text(relation.get("event_id")) or None
    return None


def _body(event: Mapping[str, Any]) -> Body | None:
    kind = _text(event.get("type"))
    content = _object(event.get("content"))
    if kind == "m.room.message":
        return _message(event, content)
    if kind == "m.reaction":
        return Other("reaction", caption=_text(_object(content.get("m.relates_to")).get("key")))
    if kind == "m.room.member":
        joined = content.get("membership") == "join"
        return Added(title="") if joined else Removed()
    if kind == "m.room.tombstone":
        room = _text(content.get("replacement_room"))
        return Migrated(new_chat=room) if room else None
    if kind in _EVENTS:
        return Other(_EVENTS[kind], caption=_text(content.get("body")))
    return None


def _message(event: Mapping[str, Any], content: Mapping[str, Any]) -> Body | None:
    edited = replaced(event) is not None
    relation = _object(content.get("m.relates_to"))
    if edited:
        content = _object(content.get("m.new_content"))
    kind = _text(content.get("msgtype"))
    if kind == "m.notice":
        return None  # other bots speak so, and must not be answered: two would talk for ever
    if kind in ("m.text", "m.emote"):
        reply_to = _reply(relation)
        text = _text(content.get("body"))
        return Text(_without_quote(text) if reply_to else text, edited=edited, reply_to=reply_to)
    if kind == "m.location" and not edited and (place := _location(content)):
        return place
    if kind in _MEDIA:
        # Since Matrix 1.10 `body` is a caption if there is a `filename` as well.
        body, name = _text(content.get("body")), _text(content.get("filename"))
        caption = body if name and name != body else ""
        file = None if edited else _file(_MEDIA[kind], content, name or body, caption)
        return file or Other(_MEDIA[kind], caption=caption)
    # A redacted message has no content; an unknown kind is still something that was said.
    return Other(kind) if kind else None


def _location(content: Mapping[str, Any]) -> Location | None:
    """"geo:16.43,-95.02;u=35" (RFC 5870): latitude, longitude, perhaps a height."""
    found = _GEO.match(_text(content.get("geo_uri")))
    if found is None:
        return None
    described = _text(_object(content.get("m.location")).get("description"))
    return location(float(found[1]), float(found[2]), described)


def _file(what: str, content: Mapping[str, Any], name: str, caption: str) -> File | None:
    """A picture or a document: `file` with what decrypts it, or `url` where it is in clear."""
    if what not in ("image", "file"):
        return None
    sealed, info = _object(content.get("file")), _object(content.get("info"))
    if sealed:
        ref = {
            "url": _text(sealed.get("url")),
            "key": _text(_object(sealed.get("key")).get("k")),
            "iv": _text(sealed.get("iv")),
            "sha256": _text(_object(sealed.get("hashes")).get("sha256")),
        }
    else:
        ref = {"url": _text(content.get("url"))}
    if not all(ref.values()):
        return None
    size = info.get("size")
    return File(
        what, name, _text(info.get("mimetype")), size if isinstance(size, int) else 0, ref, caption
    )


def _reply(relation: Mapping[str, Any]) -> str | None:
    # In a thread each message names the one before it, for old clients; that is not a reply.
    if relation.get("rel_type") == "m.thread" and relation.get("is_falling_back"):
        return None
    return _text(_object(relation.get("m.in_reply_to")).get("event_id")) or None


def _without_quote(text: str) -> str:
    """The text without the quotation that older clients put before a reply."""
    lines = text.split("\n")
    if not lines[0].startswith("> "):
        return text
    kept = next((n for n, line in enumerate(lines) if not line.startswith(">")), len(lines))
    return "\n".join(lines[kept:]).lstrip("\n")


def _message_id(event: Mapping[str, Any]) -> str:
    return replaced(event) or _text(event.get("event_id"))


def _time(value: object) -> datetime:
    ms = value if isinstance(value, int) and not isinstance(value, bool) else 0
    return datetime.fromtimestamp(min(max(ms, 0), _LAST_MS) / 1000, UTC)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
