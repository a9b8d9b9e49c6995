"""The world of the server: people, chats, messages. In memory; a restart is a new world."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.botapi.errors import ApiError, bad_request, forbidden, upgraded
from tests.fakes.botapi.faults import Faults
from tests.fakes.botapi.log import Log
from tests.fakes.botapi.updates import Updates

Json = dict[str, Any]

_PRESENT = ("member", "administrator")


@dataclass
class Person:
    """An account. `started`: has written to the bot, which may not write first."""

    id: int
    first_name: str
    last_name: str = ""
    language: str = ""
    started: bool = False
    blocked: bool = False
    deactivated: bool = False

    def user(self) -> Json:
        """The User object."""
        user: Json = {"id": self.id, "is_bot": False, "first_name": self.first_name}
        if self.last_name:
            user["last_name"] = self.last_name
        if self.language:
            user["language_code"] = self.language
        return user


@dataclass
class Message:
    """`api` is the Message object as the bot was given it."""

    api: Json
    silent: bool = False
    edited: bool = False
    deleted: bool = False
    pinned: bool = False

    @property
    def buttons(self) -> list[Json]:
        """All buttons below it."""
        rows = self.api.get("reply_markup", {}).get("inline_keyboard", [])
        return [button for row in rows for button in row]


@dataclass
class Chat:
    """A chat; `bot` is the bot's status in a group or channel, `muted` that it may not write."""

    id: int
    type: str
    title: str = ""
    person: Person | None = None
    bot: str = "member"
    muted: bool = False
    upgraded_to: int = 0
    messages: dict[int, Message] = field(default_factory=dict)

    def api(self) -> Json:
        """The Chat object."""
        if self.person is None:
            return {"id": self.id, "type": self.type, "title": self.title}
        names = self.person.user()
        return {
            "id": self.id,
            "type": self.type,
            **{key: names[key] for key in ("first_name", "last_name") if key in names},
        }

    def refusal(self) -> ApiError | None:
        """Why the bot may not write here now."""
        if self.person is not None:
            return _refusal_of(self.person)
        if self.upgraded_to:
            return upgraded(self.upgraded_to)
        if self.bot == "kicked":
            return forbidden(f"bot was kicked from the {self.type} chat")
        if self.bot not in _PRESENT:
            return forbidden(f"bot is not a member of the {self.type} chat")
        if self.type == "channel" and self.bot != "administrator":
            return bad_request("need administrator rights in the channel chat")
        if self.muted:
            return bad_request("not enough rights to send text messages to the chat")
        return None


def _refusal_of(person: Person) -> ApiError | None:
    if person.deactivated:
        return forbidden("user is deactivated")
    if person.blocked:
        return forbidden("bot was blocked by the user")
    if not person.started:
        return forbidden("bot can't initiate conversation with a user")
    return None


@dataclass
class Query:
    """A press of a button that may be answered until it is too old."""

    id: str
    person: int
    toast: str | None = None
    expired: bool = False


@dataclass
class StoredFile:
    """A file that somebody sent."""

    id: str
    path: str
    name: str
    content: bytes


class World:
    """All of it, for one bot."""

    def __init__(self, *, token: str, username: str, log: Log) -> None:
        self.token = token
        self.revoked = False
        self.webhook = ""
        self.bot: Json = {
            "id": int(token.partition(":")[0]),
            "is_bot": True,
            "first_name": "Acuerpa",
            "username": username,
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }
        self.log = log
        self.updates = Updates()
        self.faults = Faults()
        self.people: dict[int, Person] = {}
        self.chats: dict[int, Chat] = {}
        self.queries: dict[str, Query] = {}
        self.files: dict[str, StoredFile] = {}
        self.commands: dict[tuple[str, str], list[Json]] = {}
        self.clock = (0.0, 0.0, 1.0)
        """Unix time at a real Unix time, and seconds of it for each real one."""
        self._numbers = 0

    def now(self) -> int:
        """The server's clock, Unix time in seconds."""
        at, real, speed = self.clock
        return int(at + (time.time() - real) * speed)

    def number(self) -> int:
        """A number that was not given before."""
        self._numbers += 1
        return self._numbers

    def add_message(self, chat: Chat, sender: Json | None, content: Json) -> Message:
        """Put a message into a chat under its next number; `content` is merged into it."""
        api: Json = {
            "message_id": len(chat.messages) + 1,
            "date": self.now(),
            "chat": chat.api(),
            **({"from": sender} if sender else {}),
            **content,
        }
        message = Message(api)
        chat.messages[api["message_id"]] = message
        return message

    def add_file(self, folder: str, name: str, content: bytes) -> StoredFile:
        """Keep a file."""
        number = self.number()
        stored = StoredFile(f"file-{number}", f"{folder}/file_{number}", name, content)
        self.files[stored.id] = stored
        return stored
