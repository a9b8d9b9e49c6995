"""Messages that came before their key: remembered until it comes, also over a restart.

What is kept, sealed, is where such a message is and which key it needs, not the message: the server
has that, and gives it again once it can be read. The key is asked for several times, since the
sender's app may be asleep. Source: Matrix client-server API, `m.room_key_request`,
GET /rooms/{roomId}/event/{eventId}.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from nio import AsyncClient, Event, MegolmEvent  # type: ignore[import-untyped]
from nio.event_builders import RoomKeyRequestMessage  # type: ignore[import-untyped]

from bot.platforms.base import Result
from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.outcome import of_answer
from bot.platforms.matrix.secrets import AccountSecrets

_KEPT_AS = "unread"
_MEGOLM = "m.megolm.v1.aes-sha2"
_OF_ONE_ROOM = 100  # so that nobody can push out what others wrote
_IN_ALL = 2000
_KEPT = timedelta(days=7)
_ASKED_AFTER = (
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
)
_AT_ONCE = 50  # messages fetched again in one go
_PAUSE = 10.0  # seconds after which the server is asked again if it did not give one


@dataclass(frozen=True, slots=True)
class _Waiting:
    """One message without a key. `seen` is when it came, by our clock."""

    room: str
    sender: str
    sender_key: str
    session: str
    seen: datetime
    asked: int = 0
    ask_at: datetime | None = None

    def to_json(self) -> list[Any]:
        ask_at = self.ask_at.isoformat() if self.ask_at else None
        return [
            self.room, self.sender, self.sender_key, self.session, self.seen.isoformat(),
            self.asked, ask_at,
        ]  # fmt: skip

    @classmethod
    def from_json(cls, value: list[Any]) -> _Waiting:
        room, sender, sender_key, session, seen, asked, ask_at = value
        return cls(
            room, sender, sender_key, session, datetime.fromisoformat(seen), asked,
            datetime.fromisoformat(ask_at) if ask_at else None,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Readable:
    """A message whose key has come: the encrypted event as the server gives it, and when it first
    came."""

    room: str
    event: Mapping[str, Any]
    seen: datetime


class LateKeys:
    """What waits for its key, by event id."""

    def __init__(
        self, client: AsyncClient, secrets: AccountSecrets, now: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._secrets = secrets
        self._now = now
        self._waiting: dict[str, _Waiting] = {}
        self._given: set[str] = set()
        self._changed = False
        self._pause_until = 0.0

    async def load(self) -> None:
        """Read what waited when the process before us ended."""
        kept = await self._secrets.get(_KEPT_AS) or {}
        self._waiting = {id: _Waiting.from_json(value) for id, value in kept.items()}

    async def save(self) -> None:
        """Keep what changed; before the events that it came from count as received."""
        if self._changed:
            kept = {id: waiting.to_json() for id, waiting in self._waiting.items()}
            await self._secrets.set(_KEPT_AS, kept)
            self._changed = False

    def add(self, room_id: str, event: Mapping[str, Any]) -> None:
        """This one cannot be read now."""
        parsed = Event.parse_event(dict(event))
        event_id = str(event["event_id"])
        if not isinstance(parsed, MegolmEvent) or event_id in self._waiting:
            return
        self._make_room(room_id)
        self._waiting[event_id] = _Waiting(
            room_id, parsed.sender, str(parsed.sender_key), str(parsed.session_id), self._now()
        )
        self._changed = True

    def confirmed(self) -> None:
        """What `readable` gave last is stored: it need not be given again."""
        for event_id in self._given:
            self._forget(event_id)
        self._given.clear()

    def unconfirmed(self) -> None:
        """It may not be stored: it is given again."""
        self._given.clear()

    def ask(self) -> None:
        """Queue a request for each key that is due to be asked for, and let go of what is too old."""
        now = self._now()
        olm = self._client.olm
        queued = {getattr(m, "request_id", None) for m in olm.outgoing_to_device_messages}
        for event_id, waiting in list(self._waiting.items()):
            if now - waiting.seen > _KEPT:
                self._forget(event_id)
            elif waiting.ask_at is None or waiting.ask_at <= now:
                again = _ASKED_AFTER[min(waiting.asked, len(_ASKED_AFTER) - 1)]
                self._waiting[event_id] = replace(
                    waiting, asked=waiting.asked + 1, ask_at=now + again
                )
                self._changed = True
                if waiting.session not in queued:
                    queued.add(waiting.session)
                    olm.outgoing_to_device_messages.append(self._request(waiting))

    async def readable(self) -> list[Readable]:
        """The messages whose key is there now."""
        found: list[Readable] = []
        if asyncio.get_running_loop().time() < self._pause_until:
            return found
        sessions = self._client.olm.inbound_group_store
        for event_id, waiting in list(self._waiting.items()):
            if len(found) >= _AT_ONCE:
                break
            if sessions.get(waiting.room, waiting.sender_key, waiting.session) is None:
                continue
            event = await self._fetch(waiting.room, event_id)
            if event is None:
                break
            self._given.add(event_id)
            if event.get("content"):  # without it, it was taken back meanwhile
                found.append(Readable(waiting.room, event, waiting.seen))
        return found

    async def _fetch(self, room_id: str, event_id: str) -> Mapping[str, Any] | None:
        """The event; {} if it is not there any more, None if the server does not give it now."""
        try:
            answer = await call(self._client, "GET", path("rooms", room_id, "event", event_id))
        except (aiohttp.ClientError, TimeoutError, OSError):
            answer = None
        if answer is not None and answer.ok:
            return answer.body
        if answer is not None and of_answer(answer).result is Result.BLOCKED:
            return {}
        self._pause_until = asyncio.get_running_loop().time() + _PAUSE
        return None

    def _request(self, waiting: _Waiting) -> RoomKeyRequestMessage:
        """To all devices of the sender: nobody knows which of them has it by now."""
        content = {
            "action": "request",
            "body": {
                "algorithm": _MEGOLM,
                "room_id": waiting.room,
                "sender_key": waiting.sender_key,
                "session_id": waiting.session,
            },
            "request_id": waiting.session,
            "requesting_device_id": self._client.device_id,
        }
        return RoomKeyRequestMessage(
            "m.room_key_request", waiting.sender, "*", content,
            waiting.session, waiting.session, waiting.room, _MEGOLM,
        )  # fmt: skip

    def _make_room(self, room_id: str) -> None:
        """Forget the oldest of a room that has too many, or of all."""
        rooms = Counter(waiting.room for waiting in self._waiting.values())
        full = rooms[room_id] >= _OF_ONE_ROOM
        if full or len(self._waiting) >= _IN_ALL:
            self._forget(
                next(id for id, w in self._waiting.items() if not full or w.room == room_id)
            )

    def _forget(self, event_id: str) -> None:
        self._changed |= self._waiting.pop(event_id, None) is not None
