"""The town as a platform."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from bot.domain.rich import Rich
from bot.platforms.base import (
    Batch,
    Command,
    FileTooLarge,
    Incoming,
    Limits,
    Outgoing,
    PlatformError,
    PlatformName,
    RawEvent,
    Receipt,
)
from bot.platforms.sandbox import parse
from bot.platforms.sandbox.town import Town

INVITATION = "sandbox:"
"""What an invitation link begins with; the page offers to open it as any person of the town."""


class SandboxPlatform:
    """Reaches the people of a `Town`; see `Platform`."""

    name = PlatformName.SANDBOX
    limits = Limits(per_second=1000.0, per_chat=1000.0, per_group=1000.0, concurrency=16)
    idempotent = True
    many_senders = False

    def __init__(self, town: Town) -> None:
        self._town = town

    async def start(self) -> None:
        """Raises `PlatformError` while the town is down."""
        self._up()

    async def receive(self, cursor: str | None, wait: float) -> Batch:
        """See `Platform.receive`; `wait` is in real seconds, whatever the town's clock says.

        None gives all that was never confirmed, so that nobody who wrote before the bot was there
        is left without an answer.
        """
        try:
            async with asyncio.timeout(wait):
                while not (events := self._events(cursor)):
                    await self._town.events_came.wait()
        except TimeoutError:
            events = self._events(cursor)
        return Batch(events, events[-1].event_id if events else self._town.cursor)

    def parse(self, event: RawEvent) -> Incoming | None:
        """See `bot.platforms.sandbox.parse.parse`."""
        return parse.parse(event)

    async def send(self, message: Outgoing) -> Receipt:
        """Try once; see `Platform.send`."""
        return self._town.carry_out(message)

    async def fetch(self, ref: Mapping[str, Any], limit: int) -> bytes:
        """See `Platform.fetch`."""
        self._up()
        try:
            content = self._town.file(ref["file"])
        except LookupError:
            raise PlatformError("sandbox: the file was of an earlier town", final=True) from None
        except ConnectionError as error:
            raise PlatformError(f"sandbox: {error}, as a test asked for") from None
        if len(content) > limit:
            raise FileTooLarge
        return content

    async def publish_commands(self, commands: Mapping[str, tuple[Command, ...]]) -> None:
        """Set the menu that the page shows."""
        self._town.publish(commands)

    def messages_of(self, text: Rich, files: int) -> int:
        """All in one."""
        return 1

    def invitation_link(self, secret: str) -> str | None:
        """A word that the page shows as a button, and that the bot understands if written."""
        return INVITATION + secret

    async def sign_off(self) -> None:
        """There is no account here."""

    async def stop(self) -> None:
        """Nothing to close."""

    def _events(self, cursor: str | None) -> tuple[RawEvent, ...]:
        self._up()
        return self._town.events_after(cursor)

    def _up(self) -> None:
        if self._town.down:
            raise PlatformError("sandbox: the town is down, as a test asked for")
