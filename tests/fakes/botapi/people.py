"""What people do in their apps, and the updates that the bot gets of it."""

from __future__ import annotations

from typing import Any

from tests.fakes.botapi.methods import member
from tests.fakes.botapi.state import Chat, Json, Message, Person, Query, World

_MEDIA: dict[str, Json] = {
    "sticker": {
        "width": 512, "height": 512, "type": "regular", "is_animated": False, "is_video": False,
    },
    "voice": {"duration": 3},
    "video": {"width": 90, "height": 90, "duration": 3},
    "video_note": {"length": 90, "duration": 3},
    "audio": {"duration": 3},
    "document": {"file_name": "a.pdf"},
    "animation": {"width": 90, "height": 90, "duration": 3},
}  # fmt: skip
_PLACE: Json = {"latitude": 15.5, "longitude": -90.25}


class Impossible(Exception):
    """A person could not do that in their app; the test is wrong, or the bot is."""


def new_person(world: World, name: str, **facts: Any) -> Person:
    """An account, and its private chat with the bot."""
    person = Person(id=5_000_000_000 + world.number(), first_name=name, **facts)
    world.people[person.id] = person
    world.chats[person.id] = Chat(person.id, "private", person=person, bot="")
    return person


def new_chat(world: World, type: str, title: str, bot: str, number: int | None = None) -> Chat:
    """A group, supergroup or channel in which the bot has the status `bot`."""
    base = 0 if type == "group" else -1_000_000_000_000
    chat = Chat(number or base - 4_000_000 - world.number(), type, title=title, bot=bot)
    world.chats[chat.id] = chat
    return chat


def write(
    world: World, person: Person, chat: Chat, text: str, *, reply_to: int = 0,
    forwarded: bool = False, extra: Json | None = None,
) -> tuple[Message, int]:  # fmt: skip
    """A text; `extra` is merged into the message (such as `sender_chat`)."""
    content: Json = {"text": text, **(extra or {})}
    if text.startswith("/"):
        length = len(text.split()[0])
        content["entities"] = [{"type": "bot_command", "offset": 0, "length": length}]
    if forwarded:
        content["forward_origin"] = {
            "type": "hidden_user", "sender_user_name": "-", "date": world.now() - 60,
        }  # fmt: skip
    return _post(world, person, chat, content, reply_to)


def send(
    world: World, person: Person, chat: Chat, what: str, *, caption: str = "", reply_to: int = 0
) -> tuple[Message, int]:
    """Something that is no text: a sticker, a photo, a location, ..."""
    file = world.add_file(what, f"{what}.bin", b"\xff\xd8\xff" + what.encode())
    handle: Json = {"file_id": file.id, "file_unique_id": file.id}
    content: Json
    if what == "photo":
        content = {"photo": [{**handle, "width": 90, "height": 90}]}
    elif what == "location":
        content = {"location": _PLACE}
    elif what == "venue":
        content = {"location": _PLACE, "venue": {"location": _PLACE, "title": "-", "address": "-"}}
    elif what == "contact":
        content = {"contact": {"phone_number": "0", "first_name": "-"}}
    elif what in _MEDIA:
        content = {what: {**handle, **_MEDIA[what]}}
        if what == "animation":
            content["document"] = {**handle, "file_name": "a.mp4"}
    else:
        raise Impossible(f"nobody can send a {what} here")
    if caption:
        content["caption"] = caption
    return _post(world, person, chat, content, reply_to)


def send_file(
    world: World, person: Person, chat: Chat, name: str, content: bytes, *, caption: str = ""
) -> tuple[Message, int]:
    """A document; what is called foto… or photo… goes as a photo does, in two sizes."""
    file = world.add_file("documents", name, content)
    handle: Json = {"file_id": file.id, "file_unique_id": file.id, "file_size": len(content)}
    parts: Json
    if name.startswith(("foto", "photo")):
        small = world.add_file("photos", name, b"small")
        size = {"width": 90, "height": 90}
        least = {"file_id": small.id, "file_unique_id": small.id, "file_size": 5}
        parts = {"photo": [{**least, **size}, {**handle, **size}]}
    else:
        parts = {"document": {**handle, "file_name": name}}
    if caption:
        parts["caption"] = caption
    return _post(world, person, chat, parts, 0)


def _post(
    world: World, person: Person, chat: Chat, content: Json, reply_to: int
) -> tuple[Message, int]:
    if chat.person is person:
        if person.blocked:
            raise Impossible(f"{person.first_name} blocked the bot")
        person.started = True
    if reply_to:
        if reply_to not in chat.messages:
            raise Impossible(f"there is no message {reply_to} to answer")
        content = {**content, "reply_to_message": chat.messages[reply_to].api}
    message = world.add_message(chat, person.user(), content)
    return message, world.updates.add(message=message.api)


def edit(world: World, chat: Chat, message_id: int, text: str) -> int:
    """Change one's own text."""
    message = chat.messages[message_id]
    message.api = {**message.api, "text": text, "edit_date": world.now()}
    message.edited = True
    return world.updates.add(edited_message=message.api)


def press(
    world: World, person: Person, chat: Chat, *, message_id: int = 0, label: str = "",
    data: str = "", forged: bool = False,
) -> Query:  # fmt: skip
    """Press the button with this label or data, on the newest message that has it.

    `forged` sends `data` that no button has, as a changed app can.
    """
    message, pressed = (
        (chat.messages[message_id], data)
        if forged
        else _find_button(chat, message_id=message_id, label=label, data=data)
    )
    query = Query(id=str(7_000_000_000_000 + world.number()), person=person.id)
    world.queries[query.id] = query
    world.updates.add(
        callback_query={
            "id": query.id,
            "from": person.user(),
            "chat_instance": str(chat.id),
            "message": message.api,
            "data": pressed,
        }
    )
    return query


def _find_button(
    chat: Chat, *, message_id: int, label: str, data: str
) -> tuple[Message, str]:
    for number, message in reversed(chat.messages.items()):
        if message.deleted or message_id not in (0, number):
            continue
        for button in message.buttons:
            if button["text"] == label or (data and button.get("callback_data") == data):
                return message, button["callback_data"]
    raise Impossible(f"no message has the button {label or data}")


def set_bot(world: World, person: Person, chat: Chat, status: str) -> int:
    """Add, promote, remove or ban the bot in a group or channel."""
    before, chat.bot = chat.bot, status
    return _membership(world, person, chat, before, status)


def set_blocked(world: World, person: Person, blocked: bool) -> int:
    """Block or unblock the bot."""
    person.blocked = blocked
    chat = world.chats[person.id]
    before, after = ("member", "kicked") if blocked else ("kicked", "member")
    return _membership(world, person, chat, before, after)


def _membership(world: World, person: Person, chat: Chat, before: str, after: str) -> int:
    return world.updates.add(
        my_chat_member={
            "chat": chat.api(),
            "from": person.user(),
            "date": world.now(),
            "old_chat_member": member(world, before),
            "new_chat_member": member(world, after),
        }
    )


def upgrade(world: World, person: Person, chat: Chat) -> Chat:
    """Make a supergroup of a group: the old chat is closed, both get a service message."""
    new = new_chat(world, "supergroup", chat.title, chat.bot)
    chat.upgraded_to = new.id
    old_note = world.add_message(chat, person.user(), {"migrate_to_chat_id": new.id})
    world.updates.add(message=old_note.api)
    new_note = world.add_message(new, person.user(), {"migrate_from_chat_id": chat.id})
    world.updates.add(message=new_note.api)
    return new


def seen(message: Message, world: World) -> Json:
    """A message as a person sees it."""
    api = message.api
    handle = api["photo"][-1] if "photo" in api else api.get("document", {})
    file = world.files.get(handle.get("file_id", ""))
    rows = api.get("reply_markup", {}).get("inline_keyboard", [])
    return {
        "id": api["message_id"],
        "from": api.get("from", {}).get("id", 0),
        "date": api["date"],
        "text": api.get("text", api.get("caption", "")),
        "entities": api.get("entities", api.get("caption_entities", [])),
        "keyboard": [
            [{"label": b["text"], "data": b.get("callback_data", "")} for b in row] for row in rows
        ],
        "kind": next((k for k in ("text", "photo", "document") if k in api), "other"),
        "silent": message.silent,
        "edited": message.edited,
        "deleted": message.deleted,
        "pinned": message.pinned,
        "file": file.path if file is not None else "",
    }
