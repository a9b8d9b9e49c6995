"""What there is in the town: people, chats, messages. Values; only `Town` makes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.rich import Rich
from bot.platforms.base import Attachment, Button, ChatKind

BOT = "bot"
"""The author of the bot's messages; no person may have this key."""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone of the town, with one account.

    `key` is the account's id. `role` is shown beside the name: a word that the page translates
    ("defender", "responder", "coordinator", "organisation", "observer") or any other label.
    `language` is the platform's hint, such as "es".
    """

    key: str
    name: str
    role: str
    language: str


@dataclass(frozen=True, slots=True)
class Chat:
    """A private chat with the bot, or a group or channel that its `readers` (their keys) see."""

    id: str
    kind: ChatKind
    title: str
    readers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it is now.

    `author` is a person's key or `BOT`. `what` names a thing that is no text ("sticker", "photo"),
    "" for text. A deleted message keeps its place and loses everything else.
    """

    id: str
    chat: str
    author: str
    at: datetime
    text: Rich
    buttons: tuple[tuple[Button, ...], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    what: str = ""
    reply_to: str | None = None
    forwarded: bool = False
    silent: bool = False
    edited: bool = False
    deleted: bool = False
    pinned: bool = False

    @property
    def plain(self) -> str:
        """The characters of the text alone."""
        return self.text.plain

    def button(self, label: str) -> Button:
        """The button whose label holds `label`, without regard to case. Raises `LookupError`."""
        for row in self.buttons:
            for button in row:
                if label.casefold() in button.label.casefold():
                    return button
        raise LookupError(f"no button {label!r} under this message")


@dataclass(frozen=True, slots=True)
class Toast:
    """A short answer to a press, shown for a moment to who pressed. The text may be empty."""

    person: str
    press_id: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed in the town after a version that a watcher saw, oldest first.

    `version` is what to ask with next.
    """

    version: int
    messages: tuple[Message, ...]
    toasts: tuple[Toast, ...]
