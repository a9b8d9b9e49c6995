"""What a conversation works with: who speaks, what is known, and how to answer.

Nothing here sends. Everything that is to be said becomes a row of the outbox, in the transaction
that the conversation is part of.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from bot.domain.checkin import CLOCKS_APART, judged_at
from bot.domain.denunciation import File
from bot.domain.lanes import Lane
from bot.domain.permissions import Action, Held, Standing, may
from bot.domain.rich import Rich
from bot.platforms.base import Attachment, ChatKind, Incoming, Operation, Press, Secrecy
from bot.texts import Key, Texts
from handlers import rights
from handlers.settings import DIALOG_LIFE, Settings
from storage.conversations import Asked, Dialog, Option, Prompt
from storage.outbox import Message
from storage.people import Account, Group, Member
from storage.transaction import Transaction

WHOSE = "_member"
"""Among a dialog's data: whose it is, None for somebody who is no member."""

DETAILS = frozenset({"name", "subject", "text"})
"""The values of an incident's texts that name people or are in people's words."""


@dataclass(frozen=True, slots=True)
class Place:
    """A chat, and how to speak in it."""

    platform: str
    chat: str
    language: str
    zone: str
    kind: ChatKind = ChatKind.PRIVATE
    member: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer to offer: what it does, its label's key, and what it is about."""

    action: str
    label: str
    argument: str = ""
    values: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who wrote, if the bot knows them."""

    member: Member
    group: Group
    account: Account


@dataclass(frozen=True, slots=True)
class Question:
    """One that is put to somebody; see `Context.ask`."""

    place: Place
    text: Rich | str
    choices: Sequence[Choice]
    topic: str
    ref: int
    lane: Lane = Lane.CONVERSATION
    purpose: str = ""
    kept: Sequence[File] = ()
    number_from: int = 1
    values: Mapping[str, object] = field(default_factory=dict)


class Due(Protocol):
    """A timer that is carried out, as `bot.engine.handling.Occasion` gives it."""

    @property
    def ref(self) -> int:
        """What it is about."""

    @property
    def due(self) -> datetime:
        """When it was to be carried out, which may be long ago."""


class NotAllowed(Exception):
    """The speaker may not do this; the router answers it kindly."""


class Context:
    """One conversation's turn, inside one transaction.

    `duress`: what the speaker wrote is to look like an answer, and to be believed by nobody.
    `suspended`: the account that this came from, if it is in other hands.
    """

    def __init__(
        self,
        tx: Transaction,
        now: datetime,
        settings: Settings,
        *,
        event: Incoming | None = None,
        speaker: Speaker | None = None,
        place: Place | None = None,
    ) -> None:
        self.tx = tx
        self.now = now
        self.settings = settings
        self.event = event
        self.answered_at = now
        if event is not None:
            seen = speaker.account.used_at if speaker is not None else None
            came = now if event.first_seen is None else min(event.first_seen, now)
            self.answered_at = judged_at(event.sent_at, came, seen)
        self.numbered = False
        self.duress = False
        self.suspended: Account | None = None
        self._speaker = speaker
        self._place = place

    # --- who ---

    @property
    def speaker(self) -> Speaker:
        """The member who speaks. Raises `NotAllowed` for a stranger."""
        if self._speaker is None:
            raise NotAllowed
        return self._speaker

    @property
    def known(self) -> bool:
        """Whether the speaker is a member."""
        return self._speaker is not None

    @property
    def place(self) -> Place:
        """Where the speaker is."""
        if self._place is None:
            raise RuntimeError("nobody speaks in this turn")
        return self._place

    def speak(self, language: str) -> None:
        """The speaker chose another language: the rest of this turn is in it."""
        self._place = replace(self.place, language=language)

    @property
    def pressed(self) -> bool:
        """Whether this turn chose an answer that was offered, by button or by its number."""
        return self.numbered or (self.event is not None and isinstance(self.event.body, Press))

    def came_before(self, instant: datetime) -> bool:
        """Whether this was said before `instant`: what was asked since then, it is no answer to.

        By when it came, if it could not be read then; else by its server's time, which is forgiven
        `CLOCKS_APART`.
        """
        seen = self.event.first_seen if self.event is not None else None
        if seen is not None:
            return seen < instant
        return self.answered_at < instant - CLOCKS_APART

    @property
    def is_operator(self) -> bool:
        """Whether the speaker's account is named in the configuration."""
        event = self.event
        return event is not None and f"{event.platform}:{event.account}" in self.settings.operators

    @property
    def held(self) -> frozenset[Held]:
        """What the speaker is at this moment."""
        held: set[Held] = {Standing.OPERATOR} if self.is_operator else set()
        if self._speaker is None:
            return frozenset(held | {Standing.STRANGER})
        return frozenset(held | {Standing.MEMBER} | self._speaker.member.roles)

    def may(self, action: Action) -> bool:
        """Whether the speaker may do this, in the kind of chat that they are in."""
        kind = self.event.chat_kind if self.event is not None else ChatKind.PRIVATE
        return may(self.held, action, kind)

    def require(self, action: Action | None) -> None:
        """Raises `NotAllowed` unless the speaker may do this; None is what nobody may."""
        if action is None or not self.may(action):
            raise NotAllowed

    async def log(
        self,
        what: str,
        about: int | None = None,
        *,
        group: int | None = None,
        actor: int | None = None,
        **details: Any,
    ) -> None:
        """Write down a privileged act, of the speaker and in their group unless said otherwise.

        `what` is a key of the catalogues below `log`. People are named by their numbers alone.
        """
        if self._speaker is not None and group is None:
            group, actor = self._speaker.member.group, actor or self._speaker.member.id
        if group is None:
            raise RuntimeError("a line of the log belongs to a group")
        await self.tx.log.write(group, self.now, what, actor, about, **details)

    def texts(self, place: Place) -> Texts:
        """The catalogue for a reader."""
        return Texts(place.language, place.zone, self.now)

    def written_in(self, language: str, key: str, **values: object) -> str:
        """A text that is kept, and not said to any one reader."""
        return Texts(language, self.settings.zone, self.now).plain(key, **values)

    async def places_of(self, member: int) -> list[Place]:
        """All chats in which a member can be reached, the one used last first."""
        person = await self.tx.people.member(member)
        return places(person, await self.tx.people.accounts_of(member))

    # --- saying ---

    async def say(
        self,
        place: Place,
        key: str,
        *,
        lane: Lane = Lane.CONVERSATION,
        purpose: str = "",
        **values: object,
    ) -> str:
        """Queue a text. Returns its outbox key."""
        return await self.put(
            place, self.texts(place).render(key, **values), lane=lane, purpose=purpose
        )

    async def reply(self, key: str, **values: object) -> str:
        """Answer the speaker where they spoke."""
        return await self.say(self.place, key, **values)  # type: ignore[arg-type]

    async def put(
        self,
        place: Place,
        text: Rich,
        *,
        lane: Lane = Lane.CONVERSATION,
        purpose: str = "",
        operation: Operation = Operation.SEND,
        buttons: Sequence[Sequence[tuple[str, str, int]]] = (),
        target: str = "",
        key: str | None = None,
        files: Sequence[Attachment] = (),
        kept: Sequence[File] = (),
        secrecy: Secrecy = Secrecy.MINIMAL,
    ) -> str:
        """Queue anything. `target` is the outbox key of the message to edit or delete.

        A text that must not be read but by the people themselves is `Secrecy.DETAILED`. Where it
        finds no device that is theirs for certain, they are told so in its place.

        `kept` files are opened when the message leaves, and only if they are still the same.
        """
        body = _body(text, buttons, kept)
        if secrecy is not Secrecy.MINIMAL:
            body["secrecy"] = secrecy
        if files:
            body["files"] = [
                [f.name, f.mime, base64.b64encode(f.content).decode()] for f in files
            ]
        message = Message(
            key or self.settings.token(), lane, place.platform, place.chat, place.kind, operation,
            body, target, purpose, place.member,
        )  # fmt: skip
        await self.tx.outbox.add_all([message], self.now)
        return message.key

    async def tell(
        self,
        members: Iterable[int],
        key: str,
        *,
        lane: Lane = Lane.ALARM,
        purpose: str = "",
        everywhere: bool = True,
        bare: Collection[str] = (),
        **values: Any,
    ) -> None:
        """Say it to members, on all their accounts, or on the one used last.

        On the platforms in `bare` nobody is named, and nothing that people wrote is repeated.
        """
        for member in sorted(members):
            places = await self.places_of(member)
            for place in places if everywhere else places[:1]:
                said = without_details(values) if place.platform in bare else values
                await self.say(place, key, lane=lane, purpose=purpose, **said)

    async def toast(self, key: str, **values: object) -> None:
        """Acknowledge a press, where the event is one."""
        if self.event is None or not isinstance(self.event.body, Press):
            return
        texts = self.texts(self.place)
        await self.tx.outbox.add(
            key=self.settings.token(),
            lane=Lane.CONVERSATION,
            platform=self.place.platform,
            chat=self.place.chat,
            chat_kind=self.place.kind,
            operation=Operation.TOAST,
            body={
                "text": texts.render(key, **values).to_json(),
                "target": self.event.body.press_id,
            },
            now=self.now,
        )

    async def decide(self, account: Account, decision: str) -> None:
        """Tell an account's platform what people decided about it."""
        await self.tx.outbox.add(
            key=self.settings.token(),
            lane=Lane.CONVERSATION,
            platform=account.platform,
            chat=account.address,
            chat_kind=ChatKind.PRIVATE,
            operation=Operation.DECIDE,
            body={"target": decision},
            now=self.now,
        )

    # --- asking ---

    async def ask(
        self,
        place: Place,
        text: Rich | str,
        choices: Sequence[Choice],
        *,
        topic: str,
        ref: int,
        lane: Lane = Lane.CONVERSATION,
        purpose: str = "",
        kept: Sequence[File] = (),
        number_from: int = 1,
        **values: object,
    ) -> str:
        """Queue a question with its answers, and remember it. Returns its outbox key.

        The numbers of its answers begin at `number_from`, or after it: they are those of no other open
        question in the same chat, so that a written number has one meaning.
        """
        question = Question(
            place, text, choices, topic, ref, lane, purpose, kept, number_from, values
        )
        (key,) = await self.ask_all([question])
        return key

    async def ask_all(self, questions: Sequence[Question]) -> list[str]:
        """The same for many, in their order."""
        taken: dict[str, dict[str, set[int]]] = {}
        for platform in {question.place.platform for question in questions}:
            chats = [q.place.chat for q in questions if q.place.platform == platform]
            taken[platform] = await self.tx.conversations.numbers_in(platform, chats)
        messages, asked = [], []
        for question in questions:
            place = question.place
            there = taken[place.platform][place.chat]
            message, one = self._put_as(question, there)
            there |= {option.number for option in one.options}
            messages.append(message)
            asked.append(one)
        await self.tx.outbox.add_all(messages, self.now)
        await self.tx.conversations.open_prompts(asked, self.now)
        return [message.key for message in messages]

    def _put_as(self, question: Question, taken: Collection[int]) -> tuple[Message, Asked]:
        for choice in question.choices:
            if rights.of_press(question.topic, choice.action) is None:
                raise LookupError(f"{question.topic}.{choice.action} has no line in handlers.rights")
        place, text = question.place, question.text
        texts = self.texts(place)
        rich = texts.render(text, **question.values) if isinstance(text, str) else text
        first = question.number_from
        while any(first + i in taken for i in range(len(question.choices))):
            first += 1
        token = self.settings.token()
        options = tuple(
            Option(
                first + i,
                choice.action,
                texts.plain(choice.label, **(choice.values or {})),
                choice.argument,
            )
            for i, choice in enumerate(question.choices)
        )
        message = Message(
            self.settings.token(), question.lane, place.platform, place.chat, place.kind,
            Operation.SEND, _body(rich, _buttons(token, options), question.kept),
            purpose=question.purpose, member=place.member,
        )  # fmt: skip
        return message, Asked(
            token, place.platform, place.chat, question.topic, question.ref, options, message.key,
            rich.to_json(), place.member,
        )  # fmt: skip

    async def close_prompts(
        self, topic: str, ref: int, key: str = "", *, only: Place | None = None, **values: object
    ) -> None:
        """Close the open questions about a thing, and show it by editing each.

        `key` is the line that is put below the question; without it only the buttons go.
        """
        for prompt in await self.tx.conversations.open_about(topic, ref):
            if only and (prompt.platform, prompt.chat) != (only.platform, only.chat):
                continue
            await self.close_prompt(prompt, key, **values)

    async def close_prompt(self, prompt: Prompt, key: str = "", **values: object) -> None:
        """Close one question, and show what became of it.

        Whoever was asked and could not answer any more, since a role is gone, sees that it is closed and
        learns nothing of how.
        """
        if not await self.tx.conversations.close(prompt.id, self.now):
            return
        place = await self.place_of(prompt)
        text = Rich.from_json(prompt.text)
        if key and await self._could_answer(prompt):
            text = text + Rich.of("\n\n") + self.texts(place).render(key, **values)
        await self.put(place, text, operation=Operation.EDIT, target=prompt.outbox_key)

    async def _could_answer(self, prompt: Prompt) -> bool:
        """Whether its reader still has the right to one of its answers; who observes was asked nothing,
        and goes on being told."""
        actions = {rights.of_press(prompt.topic, option.action) for option in prompt.options}

        def any_of(held: Collection[Held]) -> bool:
            return any(action is not None and may(held, action) for action in actions)

        if prompt.member is None or not actions or any_of({Standing.MEMBER}):
            return True
        person = await self.tx.people.member(prompt.member)
        if person.left_at is None and any_of(person.roles):
            return True
        account = await self.tx.people.account_in(prompt.platform, prompt.chat)
        operates = account and f"{account.platform}:{account.address}" in self.settings.operators
        return bool(operates) and any_of({Standing.OPERATOR})

    async def reword(self, prompt: Prompt, text: Rich) -> None:
        """Show an open question in other words, with its answers as they are."""
        place = await self.place_of(prompt)
        buttons = _buttons(prompt.token, prompt.options)
        await self.put(
            place, text, operation=Operation.EDIT, target=prompt.outbox_key, buttons=buttons
        )

    async def place_of(self, prompt: Prompt) -> Place:
        """Where a question was put, and how to speak there."""
        member, here = prompt.member, self._place
        same = here is not None and (here.platform, here.chat) == (prompt.platform, prompt.chat)
        if here is not None and same and member is not None and member == here.member:
            return here
        if member is None:
            account = await self.tx.people.account_in(prompt.platform, prompt.chat)
            member = account.member if account is not None else None
        if member is not None:
            person = await self.tx.people.member(member)
            return Place(
                prompt.platform, prompt.chat, person.language, person.zone, member=person.id
            )
        if here is not None and same:
            return here
        return Place(prompt.platform, prompt.chat, self.settings.language, self.settings.zone)

    # --- dialogs ---

    async def expect(self, topic: str, step: str, **data: object) -> None:
        """The speaker's next words are for this, and nobody else's in the same chat."""
        await self.tx.conversations.set_dialog(
            self.place.platform,
            self.place.chat,
            Dialog(
                topic, step, {**data, WHOSE: self.place.member}, self.now + DIALOG_LIFE
            ),
        )

    async def dialog(self) -> Dialog | None:
        """What the speaker's words are for, if that was asked of them and before they came."""
        dialog = await self.tx.conversations.dialog(self.place.platform, self.place.chat, self.now)
        if dialog is None or dialog.data.get(WHOSE) != self.place.member:
            return None
        if self.came_before(dialog.until - DIALOG_LIFE):
            return None
        data = {name: value for name, value in dialog.data.items() if name != WHOSE}
        return replace(dialog, data=data)

    async def expect_nothing(self) -> None:
        """The dialog is over."""
        await self.tx.conversations.end_dialog(self.place.platform, self.place.chat)


def _buttons(token: str, options: Sequence[Option]) -> list[list[tuple[str, str, int]]]:
    """One button a line: a label is then never cut on a small screen."""
    return [[(o.label, f"{token}:{o.number}", o.number)] for o in options]


def places(person: Member, accounts: Iterable[Account]) -> list[Place]:
    """The chats of those accounts of a member that can be reached."""
    return [
        Place(account.platform, account.chat, person.language, person.zone, member=person.id)
        for account in accounts
        if account.reachable
    ]


def _body(
    text: Rich, buttons: Sequence[Sequence[tuple[str, str, int]]], kept: Sequence[File]
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "text": text.to_json(),
        "buttons": [list(map(list, line)) for line in buttons],
    }
    if kept:
        body["kept"] = named(kept)
    return body


def named(files: Sequence[File]) -> list[list[object]]:
    """Files in the body of a message: which, and what they must be when it leaves."""
    return [[f.id, f.name, f.mime, f.digest] for f in files]


def without_details(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a text for a platform that is to learn of nobody."""
    return {name: Key(f"bare.{name}") if name in DETAILS else v for name, v in values.items()}


def label(key: str, **values: object) -> Key:
    """A text inside a text."""
    return Key(key, values)
