"""The methods of the Bot API, as far as the bot calls them; one function each.

Source: https://core.telegram.org/bots/api#available-methods
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from tests.fakes.botapi.content import caption_of, is_picture, keyboard_of, text_of
from tests.fakes.botapi.errors import bad_request
from tests.fakes.botapi.params import Params
from tests.fakes.botapi.state import Chat, Json, Message, World

_DOWNLOAD_LIMIT = 20 * 1024 * 1024
"""Bytes of a file that a bot can have (getFile)."""
_DELETABLE = 48 * 3600
"""Seconds for which a message can be taken back (deleteMessage)."""
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_CONTENT = ("text", "entities", "reply_markup")


async def get_me(world: World, params: Params) -> Json:
    return world.bot


async def get_updates(world: World, params: Params) -> list[Json]:
    limit = params.number("limit", 100)
    if offset := params.number("offset"):
        # Now, and not when it is answered: whoever asks may be gone by then.
        world.log.write("confirmed", offset=offset)
    return await world.updates.get(
        offset=params.number("offset"),
        limit=limit if 1 <= limit <= 100 else 100,
        timeout=min(max(params.number("timeout"), 0), 50),
        allowed=params.object("allowed_updates"),
    )


async def log_out(world: World, params: Params) -> bool:
    world.log.write("logged_out")
    return True


async def delete_webhook(world: World, params: Params) -> bool:
    if params.flag("drop_pending_updates"):
        world.updates.clear()
    world.webhook = ""
    return True


async def get_webhook_info(world: World, params: Params) -> Json:
    return {
        "url": world.webhook,
        "has_custom_certificate": False,
        "pending_update_count": world.updates.pending,
    }


# --- messages ---------------------------------------------------------------------------------


async def send_message(world: World, params: Params) -> Json:
    return _send(world, params, lambda: text_of(params))


async def send_photo(world: World, params: Params) -> Json:
    def content() -> Json:
        upload = params.upload("photo")
        if upload is None:
            raise bad_request("there is no photo in the request")
        if not is_picture(upload.content):
            raise bad_request("IMAGE_PROCESS_FAILED")
        file = world.add_file("photos", upload.name, upload.content)
        size: Json = {"file_id": file.id, "file_unique_id": file.id, "width": 90, "height": 90}
        return {"photo": [{**size, "file_size": len(file.content)}], **caption_of(params)}

    return _send(world, params, content)


async def send_document(world: World, params: Params) -> Json:
    def content() -> Json:
        upload = params.upload("document")
        if upload is None:
            raise bad_request("there is no document in the request")
        if not upload.content:
            raise bad_request("file must be non-empty")
        file = world.add_file("documents", upload.name, upload.content)
        document: Json = {"file_id": file.id, "file_unique_id": file.id, "file_name": file.name}
        return {"document": {**document, "file_size": len(file.content)}, **caption_of(params)}

    return _send(world, params, content)


def _send(world: World, params: Params, content: Callable[[], Json]) -> Json:
    """Check the chat first and then the content, as the real server does."""
    chat = _writable(world, params)
    parts: Json = {**content(), **keyboard_of(params)}
    if thread := params.number("message_thread_id"):
        parts["message_thread_id"] = thread
    if reply := params.object("reply_parameters"):
        answered = chat.messages.get(int(reply["message_id"]))
        if answered is not None:
            parts["reply_to_message"] = answered.api
        elif not reply.get("allow_sending_without_reply"):
            raise bad_request("message to be replied not found")
    if chat.type == "channel":
        parts["sender_chat"] = chat.api()
    sender = None if chat.type == "channel" else world.bot
    message = world.add_message(chat, sender, parts)
    message.silent = params.flag("disable_notification")
    preview = params.object("link_preview_options") or {}
    world.log.write(
        "message",
        chat=chat.id,
        message_id=message.api["message_id"],
        silent=message.silent,
        preview=not preview.get("is_disabled", False),
        **parts,
    )
    return message.api


async def edit_message_text(world: World, params: Params) -> Json:
    message = _own_message(world, params)
    if "text" not in message.api:
        raise bad_request("there is no text in the message to edit")
    content: Json = {**text_of(params, too_long="MESSAGE_TOO_LONG"), **keyboard_of(params)}
    return _edit(world, message, content)


async def edit_message_reply_markup(world: World, params: Params) -> Json:
    message = _own_message(world, params)
    content: Json = {key: message.api[key] for key in ("text", "entities") if key in message.api}
    return _edit(world, message, {**content, **keyboard_of(params)})


def _edit(world: World, message: Message, content: Json) -> Json:
    before = {key: message.api[key] for key in _CONTENT if key in message.api}
    if before == content:
        raise bad_request(
            "message is not modified: specified new message content and reply markup are exactly "
            "the same as a current content and reply markup of the message"
        )
    for key in _CONTENT:
        message.api.pop(key, None)
    message.api.update(content, edit_date=world.now())
    message.edited = True
    world.log.write(
        "edit", chat=message.api["chat"]["id"], message_id=message.api["message_id"], **content
    )
    return message.api


async def delete_message(world: World, params: Params) -> bool:
    chat = _writable(world, params)
    message = chat.messages.get(params.number("message_id"))
    if message is None or message.deleted:
        raise bad_request("message to delete not found")
    own = message.api.get("from", world.bot)["id"] == world.bot["id"]
    if not own and chat.type != "private" and chat.bot != "administrator":
        raise bad_request("message can't be deleted")
    if world.now() - message.api["date"] > _DELETABLE:
        raise bad_request("message can't be deleted for everyone")
    message.deleted = True
    world.log.write("delete", chat=chat.id, message_id=message.api["message_id"])
    return True


async def pin_chat_message(world: World, params: Params) -> bool:
    chat = _writable(world, params)
    message = chat.messages.get(params.number("message_id"))
    if message is None or message.deleted:
        raise bad_request("message to pin not found")
    if chat.type != "private" and chat.bot != "administrator":
        raise bad_request("not enough rights to manage pinned messages in the chat")
    message.pinned = True
    world.log.write(
        "pin",
        chat=chat.id,
        message_id=message.api["message_id"],
        silent=params.flag("disable_notification"),
    )
    return True


async def answer_callback_query(world: World, params: Params) -> bool:
    query = world.queries.get(params.text("callback_query_id"))
    if query is None or query.expired:
        raise bad_request(
            "query is too old and response timeout expired or query ID is invalid"
        )
    text = params.text("text")
    if len(text) > 200:
        raise bad_request("MESSAGE_TOO_LONG")
    query.toast = text
    world.log.write("toast", query=query.id, person=query.person, text=text)
    return True


# --- chats, files, menu -----------------------------------------------------------------------


async def get_chat(world: World, params: Params) -> Json:
    chat = _chat(world, params)
    return {
        **chat.api(),
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": {
            "unlimited_gifts": False,
            "limited_gifts": False,
            "unique_gifts": False,
            "premium_subscription": False,
            "gifts_from_channels": False,
        },
    }


async def get_chat_member(world: World, params: Params) -> Json:
    chat = _chat(world, params)
    user = params.number("user_id")
    if user == world.bot["id"]:
        return member(world, chat.bot)
    if user not in world.people:
        raise bad_request("PARTICIPANT_ID_INVALID")
    return {"user": world.people[user].user(), "status": "member"}


async def leave_chat(world: World, params: Params) -> bool:
    _chat(world, params).bot = "left"
    return True


async def set_my_commands(world: World, params: Params) -> bool:
    commands: list[Json] = params.object("commands") or []
    for command in commands:
        if not _COMMAND.fullmatch(command["command"]):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(command["description"]) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    world.commands[_menu(params)] = commands
    world.log.write("commands", menu=_menu(params), commands=commands)
    return True


async def get_my_commands(world: World, params: Params) -> list[Json]:
    return world.commands.get(_menu(params), [])


async def get_file(world: World, params: Params) -> Json:
    file = world.files.get(params.text("file_id"))
    if file is None:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    if len(file.content) > _DOWNLOAD_LIMIT:
        raise bad_request("file is too big")
    return {
        "file_id": file.id,
        "file_unique_id": file.id,
        "file_size": len(file.content),
        "file_path": file.path,
    }


def member(world: World, status: str) -> Json:
    """The bot's ChatMember object in a status, with the fields that the status demands."""
    rights = (
        "can_be_edited", "is_anonymous", "can_manage_chat", "can_delete_messages",
        "can_manage_video_chats", "can_restrict_members", "can_promote_members",
        "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories",
        "can_delete_stories", "can_post_messages",
    )  # fmt: skip
    extra: Json = {}
    if status == "administrator":
        extra = {right: right in ("can_manage_chat", "can_post_messages") for right in rights}
    if status == "kicked":
        extra = {"until_date": 0}
    return {"user": world.bot, "status": status, **extra}


def _menu(params: Params) -> tuple[str, str]:
    scope = params.object("scope") or {"type": "default"}
    return json.dumps(scope, sort_keys=True), params.text("language_code")


def _chat(world: World, params: Params) -> Chat:
    name = params.text("chat_id")
    if not name:
        raise bad_request("chat_id is empty")
    chat = world.chats.get(params.number("chat_id"))
    if chat is None:
        raise bad_request("chat not found")
    return chat


def _writable(world: World, params: Params) -> Chat:
    chat = _chat(world, params)
    refusal = chat.refusal()
    if refusal is not None:
        raise refusal
    return chat


def _own_message(world: World, params: Params) -> Message:
    chat = _writable(world, params)
    message = chat.messages.get(params.number("message_id"))
    if message is None or message.deleted:
        raise bad_request("message to edit not found")
    if message.api.get("from", world.bot)["id"] != world.bot["id"]:
        raise bad_request("message can't be edited")
    return message


Method = Callable[[World, Params], Awaitable[Any]]

METHODS: dict[str, Method] = {
    function.__name__.replace("_", ""): function
    for function in (
        get_me, get_updates, log_out, delete_webhook, get_webhook_info, send_message, send_photo,
        send_document, edit_message_text, edit_message_reply_markup, delete_message, pin_chat_message,
        answer_callback_query, get_chat, get_chat_member, leave_chat, set_my_commands,
        get_my_commands, get_file,
    )
}  # fmt: skip
"""By name in lower case: the Bot API does not look at case."""
