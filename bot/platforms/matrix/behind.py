"""Rooms in which more was said while we were away than we read in one go.

Such a room is read forwards from where we were, page after page, over as many calls as it takes,
and the other rooms go on meanwhile. How far it is read is part of the cursor, so it is stored with
the events in one transaction: nothing is left out, and nothing is read twice. Source: Matrix
client-server API, "Syncing", GET /rooms/{roomId}/messages.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import aiohttp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nio import AsyncClient  # type: ignore[import-untyped]

from bot.platforms.base import PlatformError, Result
from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.outcome import RefusedError, of_answer

PAGE = 100
"""Events asked for at once."""

TRIES = 5
"""Failures after which it is said that a room cannot be read; it is tried on all the same."""

_SEALED = "behind:"
_NONCE = 12
_WAITS = (1.0, 2.0, 5.0, 15.0, 60.0)  # seconds between tries
_NEVER = (Result.BLOCKED, Result.REJECTED)  # the server has no more for us, now or later


@dataclass(frozen=True, slots=True)
class Gap:
    """What is unread in one room: from the token `at` to the token `to`.

    `last` is an event that the server showed us in it, "" once it was read: a server that does not
    give that one has not given everything. `then` and `then_last` are the same for what was said
    since.
    """

    at: str
    to: str
    last: str
    then: str = ""
    then_last: str = ""

    def and_then(self, to: str, last: str) -> Gap:
        """More was said meanwhile."""
        return replace(self, then=to, then_last=last or self.then_last)

    def rest(self) -> Gap | None:
        """What is left when everything up to `to` is read."""
        return Gap(self.to, self.then, self.then_last) if self.then else None


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far everything is read: the sync token, and the rooms that are behind it."""

    since: str | None
    gaps: Mapping[str, Gap] = field(default_factory=dict)


class Cursors:
    """Writes a cursor as a text: a bare token, or an envelope where rooms are behind.

    An envelope, since a cursor is kept in the clear, and these would name rooms. `secret` seals it.
    """

    def __init__(self, secret: str) -> None:
        key = HKDF(SHA256(), 32, None, b"matrix.cursor").derive(secret.encode())
        self._aead = AESGCM(key)

    def read(self, text: str | None) -> Cursor:
        """The opposite of `write`. Raises `PlatformError` if another key wrote it."""
        if text is None or not text.startswith(_SEALED):
            return Cursor(text)
        envelope = base64.b64decode(text.removeprefix(_SEALED))
        try:
            plain = self._aead.decrypt(envelope[:_NONCE], envelope[_NONCE:], None)
        except InvalidTag as error:
            raise PlatformError(
                "matrix.store: where the bot stopped reading was written with another key; bring"
                " back the right key file",
                final=True,
            ) from error
        value = json.loads(plain)
        return Cursor(value["since"], {r: Gap(**gap) for r, gap in value["behind"].items()})

    def write(self, cursor: Cursor) -> str:
        """As `Platform.receive` gives it."""
        if not cursor.gaps:
            return cursor.since or ""
        behind = {room: asdict(gap) for room, gap in cursor.gaps.items()}
        plain = json.dumps({"since": cursor.since, "behind": behind}).encode()
        nonce = os.urandom(_NONCE)
        return _SEALED + base64.b64encode(nonce + self._aead.encrypt(nonce, plain, None)).decode()


@dataclass(frozen=True, slots=True)
class Page:
    """Events of one room from the token `at`, the oldest first. `unread`: others will not be read."""

    room: str
    at: str
    events: Sequence[Mapping[str, Any]]
    unread: bool = False


class Behind:
    """Reads the rooms that are behind, one page each in turn."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._failures: dict[str, int] = {}
        self._wait_until: dict[str, float] = {}

    def wait(self, gaps: Mapping[str, Gap]) -> float | None:
        """Seconds until one of these can be read on; None if there is none."""
        now = asyncio.get_running_loop().time()
        return min((max(0.0, self._wait_until.get(r, 0.0) - now) for r in gaps), default=None)

    async def read(
        self, gaps: Mapping[str, Gap], pages: int
    ) -> tuple[list[Page], dict[str, Gap]]:
        """At most so many pages, and what is left. A room that fails delays no other.

        Raises `RefusedError` if our session ended.
        """
        found: list[Page] = []
        left = dict(gaps)
        now = asyncio.get_running_loop().time()
        turns = deque(room for room in gaps if self._wait_until.get(room, 0.0) <= now)
        while turns and pages > 0:
            room = turns.popleft()
            pages -= 1
            page, gap = await self._page(room, left.pop(room))
            if page is not None:
                found.append(page)
            if gap is not None:
                left[room] = gap
                if room not in self._wait_until:
                    turns.append(room)
        return found, left

    async def _page(self, room: str, gap: Gap) -> tuple[Page | None, Gap | None]:
        query = {"dir": "f", "from": gap.at, "to": gap.to, "limit": str(PAGE)}
        try:
            answer = await call(self._client, "GET", path("rooms", room, "messages", **query))
        except (aiohttp.ClientError, TimeoutError, OSError):
            return self._failed(room, gap), gap
        if not answer.ok:
            receipt = of_answer(answer)
            if receipt.result is Result.REVOKED:
                raise RefusedError(receipt)
            if receipt.result in _NEVER:
                self._worked(room)
                return Page(room, gap.at, (), unread=True), None
            return self._failed(room, gap), gap
        events = [e for e in answer.body.get("chunk", []) if isinstance(e, Mapping)]
        if any(event.get("event_id") == gap.last for event in events):
            gap = replace(gap, last="")
        end = answer.body.get("end")
        if isinstance(end, str) and end != gap.at:
            self._worked(room)
            return Page(room, gap.at, events), replace(gap, at=end)
        if gap.last and not self._failed(room, gap):
            return None, gap  # it showed us more than it gives: it may give it a moment later
        self._worked(room)
        return Page(room, gap.at, events, unread=bool(gap.last)), gap.rest()

    def _failed(self, room: str, gap: Gap) -> Page | None:
        """Once it failed often, that is said; the inbox keeps one of several that are the same."""
        failures = self._failures[room] = self._failures.get(room, 0) + 1
        wait = _WAITS[min(failures, len(_WAITS)) - 1]
        self._wait_until[room] = asyncio.get_running_loop().time() + wait
        return Page(room, gap.at, (), unread=True) if failures >= TRIES else None

    def _worked(self, room: str) -> None:
        self._failures.pop(room, None)
        self._wait_until.pop(room, None)
