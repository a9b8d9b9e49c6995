"""The server of the sandbox, in memory: who is there, what was said, what the bot is still to hear.

People act through methods with third-person names (`writes`, `presses`), used by the page and by
tests alike; the bot acts through `SandboxPlatform`. Nothing here waits, except those who watch.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.domain.rich import Rich
from bot.platforms.base import (
    Attachment,
    ChatKind,
    Command,
    Operation,
    Outgoing,
    RawEvent,
    Receipt,
    Result,
)
from bot.platforms.sandbox.faults import Fault, Faults
from bot.platforms.sandbox.parse import private_chat
from bot.platforms.sandbox.signal import Signal
from bot.platforms.sandbox.things import BOT, Changes, Chat, Message, Person, Toast

TOASTS_KEPT = 200


class Town:
    """People and chats around one bot.

    `now` gives the time of every message, in UTC. `epoch` is part of every id, so that ids of a
    town that was reset, or of an earlier run, never come again; a random one if not given.
    """

    def __init__(self, now: Callable[[], datetime], *, epoch: str = "") -> None:
        self._now = now
        self._version = 0
        self._layout = 0
        self._news = Signal()
        self.events_came = Signal()
        self.commands: Mapping[str, tuple[Command, ...]] = {}
        self._begin(epoch)

    def _begin(self, epoch: str) -> None:
        self.epoch = epoch or secrets.token_hex(4)
        self.people: dict[str, Person] = {}
        self.chats: dict[str, Chat] = {}
        self.down = False
        self.keeps_files = False
        self._closed_to_bot: set[str] = set()
        self._messages: dict[str, Message] = {}
        self._by_key: dict[str, str] = {}
        self._changed: dict[str, int] = {}  # message id -> version; the last changed is last
        self._toasts: list[tuple[int, Toast]] = []
        self._presses: dict[str, str] = {}  # press id -> person
        self._files: dict[str, bytes] = {}
        self._events: dict[int, RawEvent] = {}
        self._sequence = 0
        self._ids = 0
        self._faults = Faults()

    # --- the place ----------------------------------------------------------------------------

    def reset(self) -> None:
        """Forget everything and everyone; what the bot had not heard is lost.

        Its menu of commands stays: a bot publishes it once, when it starts.
        """
        self._begin("")
        self._rebuilt()

    def person(
        self, key: str, name: str, *, role: str = "defender", language: str = "es"
    ) -> Person:
        """Someone moves in, and may write to the bot. Raises `ValueError` if the key is taken."""
        if key == BOT or key in self.people:
            raise ValueError(f"the key {key!r} is taken")
        person = self.people[key] = Person(key, name, role, language)
        chat = private_chat(key)
        self.chats[chat] = Chat(chat, ChatKind.PRIVATE, name, frozenset({key}))
        self._rebuilt()
        return person

    def place(
        self,
        key: str,
        title: str,
        *,
        kind: ChatKind = ChatKind.CHANNEL,
        readers: Iterable[str] | None = None,
    ) -> Chat:
        """A group or channel, whose id is returned with it. Closed to the bot until `adds_bot`.

        `readers` are keys of people; None is everyone who is there now. Raises `ValueError` if
        the key is taken.
        """
        id = f"#{key}"
        if id in self.chats:
            raise ValueError(f"the key {key!r} is taken")
        who = frozenset(self.people if readers is None else readers)
        chat = self.chats[id] = Chat(id, kind, title, who)
        self._closed_to_bot.add(id)
        self._rebuilt()
        return chat

    # --- what people do -----------------------------------------------------------------------

    def writes(
        self,
        person: str,
        text: str,
        *,
        chat: str | None = None,
        reply_to: str | None = None,
        edited: str | None = None,
        forwarded: bool = False,
    ) -> Message:
        """A person writes to the bot, or in `chat`; `edited` is the id of their message to change.

        Raises `LookupError` for a person, chat or message that is not there or not theirs, and
        `PermissionError` in a channel, where people only read.
        """
        where = self._open(person, chat)
        if edited is not None:
            old = self._messages[edited]
            if old.author != person or old.chat != where.id:
                raise LookupError(f"message {edited!r} is not {person!r}'s to edit")
            message = replace(old, text=Rich.of(text), edited=True)
        else:
            message = Message(
                self._new_id(), where.id, person, self._now(), Rich.of(text),
                reply_to=reply_to, forwarded=forwarded,
            )  # fmt: skip
        self._show(message)
        self._tell(
            person, where, "text", text=text, message=message.id, edited=edited is not None,
            forwarded=forwarded, reply_to=reply_to,
        )  # fmt: skip
        return message

    def sends_other(
        self, person: str, what: str, *, caption: str = "", chat: str | None = None
    ) -> Message:
        """A person sends something that is no text, such as "sticker". Raises as `writes` does."""
        where = self._open(person, chat)
        message = Message(
            self._new_id(), where.id, person, self._now(), Rich.of(caption), what=what
        )
        self._show(message)
        self._tell(person, where, "other", what=what, caption=caption, message=message.id)
        return message

    def sends_location(
        self, person: str, latitude: float, longitude: float, *, chat: str | None = None
    ) -> Message:
        """A person shares a place on the map. Raises as `writes` does."""
        where = self._open(person, chat)
        message = Message(
            self._new_id(), where.id, person, self._now(), Rich(), what="location"
        )
        self._show(message)
        self._tell(
            person, where, "location", latitude=latitude, longitude=longitude, message=message.id
        )
        return message

    def sends_file(
        self,
        person: str,
        file: Attachment,
        *,
        what: str = "photo",
        caption: str = "",
        chat: str | None = None,
    ) -> Message:
        """A person sends a photo or a document. Raises as `writes` does."""
        where = self._open(person, chat)
        id = self._new_id()
        self._files[id] = file.content
        message = Message(
            id, where.id, person, self._now(), Rich.of(caption), attachments=(file,), what=what
        )
        self._show(message)
        self._tell(
            person, where, "file", what=what, file=id, file_name=file.name, mime=file.mime,
            size=len(file.content), caption=caption, message=id,
        )  # fmt: skip
        return message

    def presses(self, person: str, message_id: str, data: str) -> str:
        """A person presses a button under a message that they see. Returns the press id.

        `data` need not be on the message any more, as with an old screen. Raises `LookupError`
        if the message is not there or not in a chat of theirs.
        """
        message = self._messages[message_id]
        where = self._chat_of(person, message.chat)
        press = self._new_id()
        self._presses[press] = person
        self._tell(person, where, "press", data=data, message=message_id, press=press)
        return press

    def adds_bot(self, person: str, chat: str) -> None:
        """A person lets the bot into a group or channel. Raises `LookupError`."""
        where = self._chat_of(person, chat)
        self._closed_to_bot.discard(chat)
        self._tell(person, where, "added", title=where.title)

    def removes_bot(self, person: str, chat: str) -> None:
        """A person puts the bot out of a group or channel. Raises `LookupError`."""
        where = self._chat_of(person, chat)
        self._closed_to_bot.add(chat)
        self._tell(person, where, "removed")

    def blocks(self, person: str) -> None:
        """A person blocks the bot in their private chat."""
        self.removes_bot(person, private_chat(person))

    def unblocks(self, person: str) -> None:
        """A person takes the block back."""
        self.adds_bot(person, private_chat(person))

    # --- what people see ----------------------------------------------------------------------

    def messages(self, chat: str) -> tuple[Message, ...]:
        """Everything in a chat as it is now, in the order of sending."""
        return tuple(m for m in self._messages.values() if m.chat == chat)

    def sees(self, person: str) -> tuple[Message, ...]:
        """What the bot said to a person in private, as it is now and without what was deleted."""
        chat = private_chat(person)
        return tuple(m for m in self.messages(chat) if m.author == BOT and not m.deleted)

    def message(self, id: str) -> Message:
        """One message as it is now. Raises `LookupError`."""
        return self._messages[id]

    def toasts(self, person: str) -> tuple[Toast, ...]:
        """The last toasts shown to a person, oldest first."""
        return tuple(toast for _, toast in self._toasts if toast.person == person)

    # --- watching -----------------------------------------------------------------------------

    @property
    def layout(self) -> str:
        """Changes whenever people or chats do: a watcher then begins anew."""
        return f"{self.epoch}:{self._layout}"

    @property
    def version(self) -> int:
        """Grows with every change."""
        return self._version

    def since(self, version: int) -> Changes:
        """What changed after `version`; everything for 0."""
        messages: list[Message] = []
        for id, changed in reversed(self._changed.items()):
            if changed <= version:
                break
            messages.append(self._messages[id])
        toasts = tuple(toast for at, toast in self._toasts if at > version)
        return Changes(self._version, tuple(reversed(messages)), toasts)

    async def changed(self, version: int) -> None:
        """Until there is something after `version`."""
        while self._version <= version:
            await self._news.wait()

    # --- the bot's side -----------------------------------------------------------------------

    @property
    def cursor(self) -> str:
        """The cursor that confirms everything up to now."""
        return f"{self.epoch}:{self._sequence}"

    def events_after(self, cursor: str | None) -> tuple[RawEvent, ...]:
        """Events that `cursor` does not confirm, in order; those it confirms are forgotten.

        A cursor of another epoch, and None, confirm nothing.
        """
        epoch, _, sequence = (cursor or "").rpartition(":")
        seen = int(sequence) if epoch == self.epoch else 0
        for number in [n for n in self._events if n <= seen]:
            del self._events[number]
        return tuple(self._events.values())

    def file(self, id: str) -> bytes:
        """What somebody sent. Raises `LookupError`, and `ConnectionError` while `keeps_files`."""
        if self.keeps_files:
            raise ConnectionError("the town keeps files to itself")
        return self._files[id]

    def carry_out(self, request: Outgoing) -> Receipt:
        """One request of the bot."""
        if self.down:
            return Receipt(Result.UNREACHABLE, reason="the town is down")
        fault = self._faults.take(request.chat, request.operation)
        if fault is None:
            return self._do(request)
        if fault.arrives:
            self._do(request)
        return fault.receipt

    def _do(self, request: Outgoing) -> Receipt:
        if request.operation is Operation.DECIDE:
            return Receipt(Result.GONE, reason="nothing is decided here")
        if request.chat in self.people:
            # A person is as good as the chat with them, as on Matrix.
            chat = private_chat(request.chat)
            return replace(self._do(replace(request, chat=chat)), new_chat=chat)
        if request.chat not in self.chats or request.chat in self._closed_to_bot:
            return Receipt(Result.BLOCKED, reason="the chat is closed to the bot")
        match request.operation:
            case Operation.SEND:
                return self._post(request)
            case Operation.TOAST:
                return self._toast(request)
            case _:
                return self._change(request)

    def _post(self, request: Outgoing) -> Receipt:
        known = self._by_key.get(request.key)
        if known is None:
            known = self._by_key[request.key] = self._new_id()
            message = Message(
                known, request.chat, BOT, self._now(), request.text, request.buttons,
                request.attachments, silent=request.silent, reply_to=request.target or None,
            )  # fmt: skip
            self._show(message)
        return Receipt(Result.SENT, message_id=known)

    def _change(self, request: Outgoing) -> Receipt:
        old = self._messages.get(request.target)
        if old is None or old.chat != request.chat or old.author != BOT or old.deleted:
            return Receipt(Result.GONE, reason="no such message of the bot's in this chat")
        if request.operation is Operation.DELETE:
            new = Message(old.id, old.chat, BOT, old.at, Rich(), deleted=True)
        elif request.operation is Operation.PIN:
            new = replace(old, pinned=True)
        else:
            new = replace(old, text=request.text, buttons=request.buttons, edited=True)
        if replace(new, edited=old.edited) != old:
            self._show(new)
        return Receipt(Result.SENT, message_id=old.id)

    def _toast(self, request: Outgoing) -> Receipt:
        person = self._presses.pop(request.target, None)
        if person is None:
            return Receipt(Result.GONE, reason="no such press, or answered already")
        self._version += 1
        toast = Toast(person, request.target, request.text.plain, self._now())
        self._toasts = [*self._toasts, (self._version, toast)][-TOASTS_KEPT:]
        self._news.fire()
        return Receipt(Result.SENT)

    def publish(self, commands: Mapping[str, tuple[Command, ...]]) -> None:
        """The menu of commands, per language, "" the default."""
        self.commands = commands
        self._rebuilt()

    # --- faults, for tests --------------------------------------------------------------------

    def next_answers(
        self,
        *answers: Receipt | Result,
        chat: str | None = None,
        operation: Operation | None = Operation.SEND,
        arrives: bool = False,
    ) -> None:
        """The bot's next requests, one for each of `answers`, are answered so; see `Fault`."""
        for answer in answers:
            receipt = answer if isinstance(answer, Receipt) else Receipt(answer)
            self._faults.waiting.append(Fault(receipt, chat, operation, arrives))

    # --- within -------------------------------------------------------------------------------

    def _chat_of(self, person: str, chat: str) -> Chat:
        where = self.chats[chat]
        if person not in where.readers:
            raise LookupError(f"{person!r} is not in {chat!r}")
        return where

    def _open(self, person: str, chat: str | None) -> Chat:
        """The chat in which a person may write."""
        where = self._chat_of(person, private_chat(person) if chat is None else chat)
        if where.kind is ChatKind.CHANNEL:
            raise PermissionError(f"people only read in {where.id!r}")
        return where

    def _new_id(self) -> str:
        self._ids += 1
        return f"{self.epoch}-{self._ids}"

    def _show(self, message: Message) -> None:
        self._version += 1
        self._messages[message.id] = message
        self._changed.pop(message.id, None)
        self._changed[message.id] = self._version
        self._news.fire()

    def _rebuilt(self) -> None:
        self._version += 1
        self._layout += 1
        self._news.fire()

    def _tell(self, person: str, chat: Chat, kind: str, **more: Any) -> None:
        """Put an event where the bot finds it; what is closed to the bot is not heard."""
        if chat.id in self._closed_to_bot and kind != "removed":
            return
        who = self.people[person]
        self._sequence += 1
        raw = {
            "kind": kind,
            "account": who.key,
            "name": who.name,
            "language": who.language,
            "chat": chat.id,
            "chat_kind": chat.kind.value,
            "at": self._now().isoformat(),
            **more,
        }
        self._events[self._sequence] = RawEvent(f"{self.epoch}:{self._sequence}", chat.id, raw)
        self.events_came.fire()
