"""A platform of letters: a folder with a file of what people wrote, and one of what the bot said.

`written.jsonl` has a line for each letter to the bot, `said.jsonl` one for each letter of the bot.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from bot.domain.chat import ChatKind
from bot.domain.rich import Rich
from bot.platforms.base import (
    Batch,
    Command,
    Incoming,
    Limits,
    Operation,
    Outgoing,
    PlatformError,
    PlatformName,
    RawEvent,
    Receipt,
    Result,
    Text,
)

LETTERS = cast(PlatformName, "letters")
"""In the program: a member of `PlatformName`."""

LOOK = 0.05
"""Seconds between two looks into the folder."""


class LettersPlatform:
    """Reaches people through a folder; see `Platform`."""

    name = LETTERS
    limits = Limits(per_second=10.0, per_chat=1.0, per_group=1.0, concurrency=1)
    idempotent = True  # a letter's key is in its line: a second one under the same key is not written

    def __init__(self, folder: Path) -> None:
        self._written = folder / "written.jsonl"
        self._said = folder / "said.jsonl"

    async def start(self) -> None:
        """Raises `PlatformError` if there is no such folder."""
        if not self._written.parent.is_dir():
            raise PlatformError(f"letters: {self._written.parent} is no folder", final=True)
        self._said.touch()

    async def receive(self, cursor: str | None, wait: float) -> Batch:
        """The lines behind the cursor, a number of lines: whoever asks with it has stored them."""
        first = int(cursor or 0)
        try:
            async with asyncio.timeout(wait):
                while not (events := tuple(self._events(first))):
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            events = tuple(self._events(first))
        return Batch(events, str(first + len(events)))

    def _events(self, first: int) -> Iterator[RawEvent]:
        lines = self._written.read_text("utf-8").splitlines() if self._written.exists() else []
        for number, line in enumerate(lines[first:], first + 1):
            yield RawEvent(str(number), "", {"line": line})

    def parse(self, event: RawEvent) -> Incoming | None:
        """A line that is no letter raises: it is set aside, and a person can look at it."""
        letter = json.loads(event.raw["line"])
        return Incoming(
            self.name, event.event_id, letter["from"], letter["from"], ChatKind.PRIVATE,
            datetime.fromisoformat(letter["at"]), Text(letter["text"]),
        )  # fmt: skip

    async def send(self, message: Outgoing) -> Receipt:
        """Letters are sent; nothing can be changed in one that left, and nothing deleted or pinned."""
        if message.operation is not Operation.SEND:
            return Receipt(Result.GONE, reason="letters stay as they are")
        said = [json.loads(line) for line in self._said.read_text("utf-8").splitlines()]
        if not any(letter["key"] == message.key for letter in said):
            answers = [b.label for row in message.buttons for b in row]
            numbers = [b.number for row in message.buttons for b in row]
            choices = "".join(f"\n{n}. {label}" for n, label in zip(numbers, answers, strict=True))
            letter = {"key": message.key, "to": message.chat, "text": message.text.plain + choices}
            with self._said.open("a", encoding="utf-8") as file:
                file.write(json.dumps(letter, ensure_ascii=False) + "\n")
        return Receipt(Result.SENT, message_id=message.key)

    async def fetch(self, ref: Mapping[str, Any], limit: int) -> bytes:
        """Letters bear no files."""
        raise PlatformError("letters: there are no files", final=True)

    async def publish_commands(self, commands: Mapping[str, tuple[Command, ...]]) -> None:
        """There is no menu."""

    def messages_of(self, text: Rich, files: int) -> int:
        """All in one."""
        return 1

    def invitation_link(self, secret: str) -> str | None:
        """The word is written by hand."""
        return None

    async def sign_off(self) -> None:
        """There is no account."""

    async def stop(self) -> None:
        """Nothing to close."""
