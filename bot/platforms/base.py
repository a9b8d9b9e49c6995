"""What a platform is, for everything that is not a platform.

A platform carries messages and knows nothing of groups, check-ins or incidents. The engine calls
`Platform.receive` with the cursor that it stored last, stores what comes back together with the
new cursor in one transaction, and only then calls `receive` again: asking with the new cursor is
what confirms the earlier batch to the platform. So a platform keeps no cursor of its own.

`Platform.parse` is called later, when a stored event is handled, so that an event that cannot be
understood is a stored row that a person can look at, not a lost message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from bot.domain.chat import ChatKind as ChatKind
from bot.domain.rich import Rich


class PlatformName(StrEnum):
    """The platforms that exist; the value is what is stored and configured."""

    TELEGRAM = "telegram"
    MATRIX = "matrix"
    SANDBOX = "sandbox"


# --- incoming ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One event as the platform gave it.

    `event_id` is unique on that platform for ever (Telegram: update id; Matrix: event id).
    `raw` is JSON-serialisable. `chat` may be "" where the event has none.
    """

    event_id: str
    chat: str
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Events in the platform's order, and the cursor that confirms them when next asked with.

    `more`: the platform holds more for us already, so ask again at once.
    """

    events: tuple[RawEvent, ...]
    cursor: str
    more: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Someone wrote.

    `reply_to` is the platform's id of the message that this one answers. A slash or a bang command
    is ordinary text here; the router reads it.
    """

    text: str
    edited: bool = False
    forwarded: bool = False
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class Press:
    """Someone pressed a button of ours. `data` is `Button.data`; `press_id` is what a toast answers."""

    data: str
    message_id: str
    press_id: str


@dataclass(frozen=True, slots=True)
class Location:
    """A place on the map that somebody shared, in degrees north and east; `name` if it has one."""

    latitude: float = field(repr=False)
    longitude: float = field(repr=False)
    name: str = field(default="", repr=False)


def location(latitude: object, longitude: object, name: object = "") -> Location | None:
    """A location from what a platform says, None if it is on no map."""
    found = []
    for value, most in ((latitude, 90), (longitude, 180)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not -most <= value <= most:  # also false for what is no number
            return None
        found.append(float(value))
    return Location(found[0], found[1], name if isinstance(name, str) else "")


@dataclass(frozen=True, slots=True)
class Other:
    """A sticker, a voice note, a contact, ...: `what` names the kind, `caption` its text."""

    what: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """An image or a document. Its content stays where it is until `Platform.fetch` asks for it.

    `ref` is what the platform needs for that, JSON-serialisable. `name` and `mime` are what the
    sender's app says, "" for nothing, and so is `size` in bytes, 0 for nothing.
    """

    what: str
    name: str
    mime: str
    size: int
    ref: Mapping[str, Any] = field(repr=False)
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An encrypted message that we hold no key for: kept and answered, never counted as an answer."""


@dataclass(frozen=True, slots=True)
class Unfetched:
    """Some of what was written here could not be fetched from the platform. The account is who may
    have written it, "" where that can be anybody."""


@dataclass(frozen=True, slots=True)
class Added:
    """The bot was added to a chat or room, or unblocked in a private chat, by the account named."""

    title: str


@dataclass(frozen=True, slots=True)
class Removed:
    """The bot was removed from a chat, or blocked in a private one."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """The chat has a new id, and the old one is no longer valid."""

    new_chat: str


class Change(StrEnum):
    """What is not as it was with the keys that an account is known by."""

    IDENTITY = "identity"  # other keys of the person
    DEVICE = "device"  # a device under an earlier one's name, with other keys
    SIGNATURE = "signature"  # a device or a key that the person's own keys did not sign as it says


@dataclass(frozen=True, slots=True)
class IdentityChanged:
    """The account proves itself otherwise than before: nobody knows whether it is the same person.

    Until the decision `confirm` is carried out (`Operation.DECIDE`), nothing detailed leaves for
    this account and none of its messages is `proven`.
    """

    what: Change
    confirm: str


@dataclass(frozen=True, slots=True)
class ComparisonAsked:
    """The person's app wants to compare pictures with us, to prove to each whose keys are whose.

    Somebody has to speak with the person meanwhile, outside of this platform. The person's app may
    wait for no more than a minute once pictures are shown, so it is asked for first: the decision
    `begin` shows them, `decline` ends it.
    """

    begin: str
    decline: str


@dataclass(frozen=True, slots=True)
class PicturesShown:
    """The pictures that the person's app must show now; the decision is `same` or `different`."""

    pictures: tuple[str, ...]
    same: str
    different: str


@dataclass(frozen=True, slots=True)
class ComparisonEnded:
    """The comparison is over. `proven`: both sides found the same pictures."""

    proven: bool


Body = (
    Text
    | Press
    | Location
    | Other
    | File
    | Unreadable
    | Unfetched
    | Added
    | Removed
    | Migrated
    | IdentityChanged
    | ComparisonAsked
    | PicturesShown
    | ComparisonEnded
)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One event, understood.

    `account` is the platform's id of the person (Telegram user id, Matrix user id), `chat` where it
    happened, `sent_at` the server's time in UTC, `language` the platform's hint ("es", "en-GB", "").
    `message_id` is the platform's id of the person's own message, where there is one.
    `first_seen` is when it came, by our own clock, if it could not be read then and can be now.
    `proven` is False where the platform can tell whose devices are whose, and this did not come
    from one of the account's: it may be the word of whoever runs the server.
    """

    platform: PlatformName
    event_id: str
    account: str
    chat: str
    chat_kind: ChatKind
    sent_at: datetime
    body: Body
    display_name: str = ""
    language: str = ""
    message_id: str = ""
    first_seen: datetime | None = None
    proven: bool = True


# --- outgoing ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Button:
    """An answer that a person can choose.

    `data` (at most 64 bytes) comes back in `Press`; `number` is what a person may write instead,
    and is shown where the platform has no buttons.
    """

    label: str
    data: str
    number: int


class Operation(StrEnum):
    """What to do on the platform."""

    SEND = "send"
    EDIT = "edit"  # replace text and buttons of `target`
    DELETE = "delete"  # take `target` away where the platform can
    PIN = "pin"  # keep `target` at hand in its chat, where the platform can; rings nobody
    TOAST = "toast"  # acknowledge the press `target`; shown briefly where the platform can
    DECIDE = "decide"  # tell the platform what people decided: `target`, about the account `chat`


class Secrecy(StrEnum):
    """Who may come to read a text. A platform that cannot keep to it does not send.

    Where there is no end-to-end encryption there are no devices to tell apart, and the three are
    the same: what may be said on such a platform is for the handlers to decide.
    """

    PUBLIC = "public"  # published anyway: may leave unencrypted if the chat is open to everyone
    MINIMAL = "minimal"  # to every device of the chat's readers, so that an alarm is seen
    DETAILED = "detailed"  # only to devices proven to be those of accounts that we know


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to send with the text as its caption."""

    name: str
    mime: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One thing to do in one chat.

    `key` is the outbox row's id: the idempotency key where the platform has one (Matrix's
    transaction id). `target` is the platform's message id for EDIT, DELETE and PIN, the press id for
    TOAST, and for SEND the message that it answers to, if any; it is sent all the same where that is
    gone. `silent` asks for no notification where the platform can. With DECIDE, `chat` is an
    account and `target` a decision that the platform offered in an event about it.
    """

    key: str
    chat: str
    operation: Operation
    text: Rich = Rich()
    buttons: tuple[tuple[Button, ...], ...] = ()
    target: str = ""
    attachments: tuple[Attachment, ...] = ()
    silent: bool = False
    secrecy: Secrecy = Secrecy.MINIMAL


class Result(StrEnum):
    """How an attempt ended; what the engine does about it is in `bot.engine.outbox`."""

    SENT = "sent"
    UNREACHABLE = "unreachable"  # never left us (connection refused, name not found): retry freely
    AMBIGUOUS = "ambiguous"  # left us, no answer (read time-out, reset): may have arrived
    LIMITED = "limited"  # too many requests: wait `retry_after`
    SERVER_ERROR = "server_error"  # 5xx: retry with back-off
    BLOCKED = "blocked"  # this chat is closed to us: blocked, removed, deleted, unknown
    MIGRATED = "migrated"  # the chat is now `new_chat`: rewrite and send again
    REJECTED = "rejected"  # the platform refuses this content: no retry can help
    UNREADABLE = "unreadable"  # no device of any reader has the key: as good as not sent
    UNPROVEN = "unproven"  # a detailed text, and no device is proven to be a reader's own
    GONE = "gone"  # edit, delete, pin, toast or decision about what is not there, or not to be had
    REVOKED = "revoked"  # our own token or session is not valid any more: the platform is down


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one `Outgoing`.

    `message_id` with SENT (for EDIT: the same as, or a new id that later edits must name);
    `retry_after` in seconds with LIMITED, `whole_platform` if the limit is not of this chat alone;
    `new_chat` with MIGRATED, or with SENT where the chat was made for it; `reason` is the platform's own
    words, free of content and of secrets.
    """

    result: Result
    message_id: str = ""
    retry_after: float = 0.0
    whole_platform: bool = False
    new_chat: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """One entry of the commands menu: `name` without slash, `summary` in the menu's language."""

    name: str
    summary: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast the platform lets us send; data for the dispatcher.

    Messages per second in all, per private chat and per group or channel (bursts of one second),
    and how many requests may be under way at once.
    """

    per_second: float
    per_chat: float
    per_group: float
    concurrency: int


class PlatformError(Exception):
    """A platform cannot be used now. The message is one line for the operator, with the remedy.

    `final` means that trying again cannot help (a revoked token). `conflict`: another process uses
    the same account, and this one has to stop.
    """

    def __init__(self, message: str, *, final: bool = False, conflict: bool = False) -> None:
        super().__init__(message)
        self.final = final or conflict
        self.conflict = conflict


class FileTooLarge(Exception):
    """A file has more bytes than were to be fetched."""


class Acquaintances(Protocol):
    """What a platform may ask about people, to know whom to let in. Either may raise."""

    async def known(self, account: str) -> bool:
        """Whether this account is a member's or an operator's."""

    async def expected(self) -> int:
        """How many newcomers there may be: the invitations that were given out in the last day."""


class Platform(Protocol):
    """A way to reach people.

    `idempotent`: sending the same `Outgoing.key` twice shows one message, so that a send of which
    nobody knows the end can always be tried again. `many_senders`: several processes, on several
    machines too, may send over its account at the same time.
    """

    name: PlatformName
    limits: Limits
    idempotent: bool
    many_senders: bool

    async def start(self) -> None:
        """Connect and make ready. Raises `PlatformError`; the engine tries again unless final."""

    async def receive(self, cursor: str | None, wait: float) -> Batch:
        """Events after `cursor` (None: all that nobody confirmed), at most `wait` seconds late.

        Cancelling is safe: nothing is confirmed. `wait` 0 answers at once. Raises `PlatformError`.
        """

    def parse(self, event: RawEvent) -> Incoming | None:
        """Understand a stored event; None for one that means nothing to us. Pure, may raise."""

    async def send(self, message: Outgoing) -> Receipt:
        """Try once. Never raises for what the platform answers or fails to answer."""

    async def fetch(self, ref: Mapping[str, Any], limit: int) -> bytes:
        """The content of a `File`, decrypted, never more than `limit` bytes of it in memory.

        Raises `FileTooLarge`, and `PlatformError`, final if the file cannot be had any more.
        """

    async def publish_commands(self, commands: Mapping[str, tuple[Command, ...]]) -> None:
        """Set the commands menu; keys are languages, "" the default. May do nothing."""

    def messages_of(self, text: Rich, files: int) -> int:
        """Into how many messages a text without buttons, with so many images or documents, is made."""

    def invitation_link(self, secret: str) -> str | None:
        """A link that opens a chat with the bot and hands over `secret`, or None."""

    async def sign_off(self) -> None:
        """End every session of the account that can be ended from here. Raises `PlatformError`."""

    async def stop(self) -> None:
        """Disconnect; safe to call twice."""
