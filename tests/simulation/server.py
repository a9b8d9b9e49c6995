"""A simulated platform: its server, which outlives the bot's process, and the bot's side of it.

The server's own record is the truth that the judges go by: what people handed to it and when, and
what it showed to whom.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from bot.domain.rich import Rich
from bot.platforms.base import (
    Batch,
    Body,
    ChatKind,
    Command,
    Incoming,
    Limits,
    Operation,
    Outgoing,
    PlatformError,
    PlatformName,
    Press,
    RawEvent,
    Receipt,
    Removed,
    Result,
    Text,
)
from tests.simulation.loop import SimulatedClock

MOST_AT_ONCE = 20
"""Events that one answer holds."""

LONG_POLL = timedelta(seconds=25)

LONGEST_WAIT = timedelta(minutes=1)
"""Between two attempts of the bot's to send."""

LONGEST_DOUBT = timedelta(minutes=5)
"""The same where each attempt may have been one more copy."""

PATIENCE = 20.0
"""Seconds after which the bot's client gives up on a request."""


@dataclass(slots=True)
class Told:
    """Something that a person handed to the server, which keeps it from then on.

    `at` is the true instant, `stamp` the server's time of it, `due` when the bot can be given it and
    `heard_at` when it first was; a copy that is given again is the same `Told`. `label` is the button
    that was pressed.
    """

    id: str
    person: str
    at: datetime
    stamp: datetime
    body: Body
    due: datetime
    label: str = ""
    heard_at: datetime | None = None


@dataclass(slots=True)
class Shown:
    """A message of the bot's as a person has it before them: an edit changes it."""

    id: str
    person: str
    key: str
    at: datetime
    text: str
    labels: dict[str, str]
    platform: str


@dataclass(slots=True)
class Trouble:
    """How likely each mishap is at one request, and how long the answer takes at the most."""

    lost_answer: float = 0.0  # carried out, but the bot hears nothing
    lost_request: float = 0.0  # left the bot, never arrived
    refused: float = 0.0  # never left the bot
    error: float = 0.0
    limited: float = 0.0
    longest: float = 0.3


@dataclass
class Server:
    """One platform. `stamp_off` is how far its clock is from the true time."""

    name: PlatformName
    idempotent: bool
    clock: SimulatedClock
    rng: Random
    trouble: Trouble = field(default_factory=Trouble)
    stamp_off: timedelta = timedelta(0)
    shows: Callable[[Shown], None] = lambda shown: None

    def __post_init__(self) -> None:
        self.told: list[Told] = []
        self.shown: list[Shown] = []
        self.by_id: dict[str, Shown] = {}
        self.silent = ""
        """Why it does not answer: "refuses" (at once) or "hangs"."""
        self.last_silent: datetime | None = None
        self.blocked: set[str] = set()
        self.held: dict[str, datetime] = {}
        self.attempts: list[tuple[datetime, str, Result]] = []
        self.unanswered: dict[str, int] = defaultdict(int)
        """By key: how often it was carried out without the bot having heard so."""
        self.times: dict[str, int] = defaultdict(int)
        self.last_trouble: dict[str, datetime] = {}
        """By chat ("" for all): the end of the newest mishap that delays what is sent there."""
        self._known: dict[str, str] = {}
        self._feed: list[tuple[Told, RawEvent]] = []
        self._asked_from = 0
        self._news = asyncio.Event()
        self._count = 0

    # --- people -----------------------------------------------------------------------------

    def tell(
        self,
        person: str,
        body: Body,
        *,
        label: str = "",
        delay: float = 0.0,
        twice: float = 0.0,
    ) -> Told:
        """The server has it. The bot is given it after `delay` seconds, and perhaps once more."""
        now = self.clock.now()
        self._count += 1
        told = Told(
            f"{self.name}-{self._count}", person, now, now + self.stamp_off, body,
            now + timedelta(seconds=delay), label,
        )  # fmt: skip
        self.told.append(told)
        loop = asyncio.get_running_loop()
        if delay:
            loop.call_later(delay, self._give, told)
        else:
            self._give(told)
        if twice:
            loop.call_later(delay + twice, self._give, told)
        return told

    def _give(self, told: Told) -> None:
        raw: dict[str, Any] = {"account": told.person, "at": told.stamp.isoformat()}
        match told.body:
            case Text(text):
                raw |= {"text": text}
            case Press(data, message, press):
                raw |= {"press": [data, message, press]}
            case Removed():
                raw |= {"removed": True}
        self._feed.append((told, RawEvent(told.id, told.person, raw)))
        self._news.set()

    def blocks(self, person: str) -> None:
        """The chat is closed to the bot, and the server says so to the bot as well."""
        self.blocked.add(person)
        self.tell(person, Removed())

    def unblocks(self, person: str) -> None:
        """It is open again."""
        if person in self.blocked:
            self.blocked.discard(person)
            self.mishap(person)

    # --- the bot ----------------------------------------------------------------------------

    def turn(self, kind: str, trouble: Trouble) -> None:
        """From now on it refuses, hangs, or works as well as `trouble` says."""
        if self.silent:
            self.last_silent = self.clock.now()
        in_doubt = self.silent == "hangs" and not self.idempotent
        self.mishap("", LONGEST_DOUBT if in_doubt else LONGEST_WAIT)
        self.silent, self.trouble = kind, trouble
        self._news.set()

    def trouble_of(self, chat: str) -> list[datetime]:
        """When each mishap ended that may have delayed what is sent to a chat."""
        ends = [self.last_trouble.get(""), self.last_trouble.get(chat), self.last_silent]
        return [end for end in ends if end is not None]

    def was_silent(self, since: datetime) -> bool:
        """Whether it did not answer at some instant from then on."""
        return bool(self.silent) or (self.last_silent is not None and self.last_silent >= since)

    async def events(self, cursor: str | None, wait: float) -> tuple[list[RawEvent], str]:
        """What comes after `cursor`; waits as long as there is nothing, however long that is.

        A real platform answers an empty batch every half a minute: as good as not answering.
        """
        start = self._asked_from = int(cursor or 0)
        while True:
            await self._answers()
            given = self._feed[start : start + MOST_AT_ONCE]
            if given or wait == 0.0:
                break
            self._news.clear()
            await self._news.wait()
        for told, _ in given:
            told.heard_at = told.heard_at or self.clock.now()
        events = [event for _, event in given]
        self.rng.shuffle(events)
        return events, str(start + len(given))

    def died(self, stored: Callable[[Told], bool]) -> None:
        """The process is gone: of what it was given last, it heard what it stored."""
        for told, _ in self._feed[self._asked_from :]:
            if told.heard_at is not None and not stored(told):
                told.heard_at = None

    async def _answers(self) -> None:
        """Raises `PlatformError` where the server refuses, and where it hangs for too long."""
        while self.silent:
            if self.silent == "refuses":
                raise PlatformError("the simulated platform is down")
            self._news.clear()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._news.wait()
            except TimeoutError:
                raise PlatformError("the simulated platform does not answer") from None

    def carry_out(self, message: Outgoing) -> Receipt:
        """What the server does and says, if it is asked."""
        if message.chat in self.blocked:
            return Receipt(Result.BLOCKED)
        match message.operation:
            case Operation.SEND:
                return Receipt(Result.SENT, message_id=self._show(message))
            case Operation.EDIT:
                old = self.by_id.get(message.target)
                if old is None:
                    return Receipt(Result.GONE)
                old.text, old.labels = message.text.plain, _labels(message)
                return Receipt(Result.SENT, message_id=old.id)
            case _:
                return Receipt(Result.SENT)

    def _show(self, message: Outgoing) -> str:
        self.times[message.key] += 1
        known = self._known.get(message.key) if self.idempotent else None
        if known is not None:
            return known
        id = self._known[message.key] = f"{self.name}:{len(self.shown)}"
        shown = Shown(
            id, message.chat, message.key, self.clock.now(), message.text.plain,
            _labels(message), str(self.name),
        )  # fmt: skip
        self.shown.append(shown)
        self.by_id[id] = shown
        self.shows(shown)
        return id

    def mishap(self, chat: str, until: timedelta = timedelta(0)) -> None:
        """Something delays what is sent to `chat` until then."""
        end = self.clock.now() + until
        self.last_trouble[chat] = max(end, self.last_trouble.get(chat, end))


def _labels(message: Outgoing) -> dict[str, str]:
    return {button.label: button.data for line in message.buttons for button in line}


class Client:
    """The bot's side: `Platform` for one process. `point` is where that process may end."""

    def __init__(
        self, server: Server, point: Callable[[str], Awaitable[None]], limits: Limits
    ) -> None:
        self.server = server
        self.name = server.name
        self.idempotent = server.idempotent
        self.limits = limits
        self._point = point
        self._all_until: datetime | None = None

    async def start(self) -> None:
        await self._point("start")
        await self.server._answers()

    async def receive(self, cursor: str | None, wait: float) -> Batch:
        await self._point("receive")
        asked = self.server.clock.now()
        events, cursor = await self.server.events(cursor, wait)
        now = self.server.clock.now()
        events = [self._dated(event, now) for event in events]
        if len(events) < MOST_AT_ONCE:
            # The last empty answer of those that a real platform would have given meanwhile.
            heard = asked if self.server.was_silent(asked) else now - (now - asked) % LONG_POLL
            self._all_until = max(asked, heard)
        await self._point("received")
        return Batch(tuple(events), cursor)

    def _dated(self, event: RawEvent, now: datetime) -> RawEvent:
        """Telegram's presses bear no time: they are as old as they can be (see its `parse`)."""
        if self.name is not PlatformName.TELEGRAM or "press" not in event.raw:
            return event
        shown = self.server.by_id[event.raw["press"][1]].at
        at = min(now, max(shown, self._all_until or shown))
        return RawEvent(event.event_id, event.chat, {**event.raw, "at": at.isoformat()})

    def parse(self, event: RawEvent) -> Incoming | None:
        raw = event.raw
        if "removed" in raw:
            body: Body = Removed()
        elif "press" in raw:
            body = Press(*raw["press"])
        else:
            body = Text(raw["text"])
        return Incoming(
            platform=self.name,
            event_id=event.event_id,
            account=raw["account"],
            chat=event.chat,
            chat_kind=ChatKind.PRIVATE,
            sent_at=datetime.fromisoformat(raw["at"]),
            body=body,
        )

    async def send(self, message: Outgoing) -> Receipt:
        """One attempt, with whatever goes wrong."""
        await self._point("send")
        server = self.server
        receipt = await self._attempt(message)
        if receipt.result not in (Result.SENT, Result.GONE):
            wait = max(receipt.retry_after, 60.0)
            server.mishap(message.chat, timedelta(seconds=wait))
        server.attempts.append((server.clock.now(), message.key, receipt.result))
        await self._point("sent")
        return receipt

    async def _attempt(self, message: Outgoing) -> Receipt:
        server, rng = self.server, self.server.rng
        if server.silent == "refuses":
            return Receipt(Result.UNREACHABLE)
        if server.silent == "hangs":
            await asyncio.sleep(PATIENCE)
            return Receipt(Result.AMBIGUOUS)
        trouble, chance = server.trouble, rng.random()
        if (chance := chance - trouble.refused) < 0:
            return Receipt(Result.UNREACHABLE)
        held = server.held.get(message.chat)
        if held is not None and held > server.clock.now():
            left = (held - server.clock.now()).total_seconds()
            return Receipt(Result.LIMITED, retry_after=left)
        if (chance := chance - trouble.limited) < 0:
            wait = rng.choice((2.0, 5.0, 30.0, 344.0))
            server.held[message.chat] = server.clock.now() + timedelta(seconds=wait)
            return Receipt(Result.LIMITED, retry_after=wait)
        if (chance := chance - trouble.error) < 0:
            if rng.random() < 0.3:
                server.unanswered[message.key] += 1
                server.carry_out(message)
            return Receipt(Result.SERVER_ERROR)
        if (chance := chance - trouble.lost_request) < 0:
            await asyncio.sleep(PATIENCE)
            return Receipt(Result.AMBIGUOUS)
        before = rng.random() * trouble.longest
        await asyncio.sleep(before)
        # Between here and its answer, this process may end without ever knowing.
        server.unanswered[message.key] += 1
        receipt = server.carry_out(message)
        if chance - trouble.lost_answer < 0:
            await asyncio.sleep(PATIENCE)
            return Receipt(Result.AMBIGUOUS)
        await asyncio.sleep(rng.random() * trouble.longest)
        await self._point("answered")
        server.unanswered[message.key] -= 1
        return receipt

    async def publish_commands(self, commands: Mapping[str, tuple[Command, ...]]) -> None:
        """Nobody looks at the menu."""

    def messages_of(self, text: Rich, files: int) -> int:
        return 1

    def invitation_link(self, secret: str) -> str | None:
        return None

    async def stop(self) -> None:
        """Nothing to close."""
