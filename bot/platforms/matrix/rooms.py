"""What we may believe about a room: who is in it, and whether it is or ever was encrypted."""

from __future__ import annotations

from typing import Any

from nio import (  # type: ignore[import-untyped]
    AsyncClient,
    Event,
    MatrixRoom,
    RoomGetStateResponse,
    RoomMemberEvent,
)

from bot.platforms.base import ChatKind, Result
from bot.platforms.matrix.outcome import RefusedError, of_response, refused
from bot.platforms.matrix.secrets import AccountSecrets

_KEPT_AS = "encrypted_rooms"

SPACE = "m.space"
"""The type of a room that holds rooms (Matrix client-server API, "Spaces")."""


class Rooms:
    """The rooms of one client, believed only once their whole state was taken in.

    nio makes a room at the first event it sees and calls it not encrypted until told otherwise;
    `trusted` are those of which the full state was read in this process. Rooms that were ever
    encrypted are kept apart from nio's store, so that losing that store, or a server that leaves
    out the encryption event, cannot make us write in the clear.
    """

    def __init__(self, client: AsyncClient, secrets: AccountSecrets) -> None:
        self._client = client
        self._secrets = secrets
        self._trusted: set[str] = set()
        self._encrypted: set[str] = set()
        self.direct: dict[str, list[str]] = {}

    async def load(self) -> None:
        """Read what was kept; once, before anything is sent."""
        self._encrypted = set(await self._secrets.get(_KEPT_AS) or ())
        self._encrypted |= self._client.encrypted_rooms

    def forget_all(self) -> None:
        """Believe nothing until the full state is read again."""
        self._client.rooms.clear()
        self._trusted.clear()

    def forget(self, room_id: str) -> None:
        """We are not in this room any more; that it was encrypted stays known."""
        self._client.rooms.pop(room_id, None)
        self._trusted.discard(room_id)

    async def taken_in(self, room_ids: set[str]) -> None:
        """The state of these rooms was read to the end."""
        new = {r for r in room_ids if r in self._client.rooms and self._client.rooms[r].encrypted}
        if not new <= self._encrypted:
            self._encrypted |= new
            await self._secrets.set(_KEPT_AS, sorted(self._encrypted))
        self._trusted |= room_ids

    async def known(self, room_id: str) -> MatrixRoom:
        """The room with its state, asked from the server if no sync has brought it yet.

        Raises `RefusedError`: BLOCKED if we are not in it. Network errors pass through.
        """
        room = self._client.rooms.get(room_id)
        if room is None or room_id not in self._trusted:
            room = await self._fetch(room_id)
        if room_id in self._encrypted:
            room.encrypted = True
        return room

    def is_space(self, room_id: str) -> bool:
        """Whether it holds rooms, and nobody reads what is said in itself."""
        room = self._client.rooms.get(room_id)
        return room is not None and room.room_type == SPACE

    def kind(self, room_id: str) -> ChatKind:
        """Private: two people at most, and marked direct or without a name of its own."""
        room = self._client.rooms.get(room_id)
        marked = any(room_id in rooms for rooms in self.direct.values())
        if room is None:
            return ChatKind.PRIVATE if marked else ChatKind.GROUP  # we are not in it any more
        if len(room.users) <= 2 and (marked or not room.name):
            return ChatKind.PRIVATE
        defaults = room.power_levels.defaults
        announced_only = defaults.events_default > defaults.users_default
        return ChatKind.CHANNEL if announced_only else ChatKind.GROUP

    def display_name(self, room_id: str, user_id: str) -> str:
        """What the person calls themselves in this room, or ""."""
        room = self._client.rooms.get(room_id)
        user = room.users.get(user_id) if room else None
        return (user.display_name or "") if user else ""

    def other(self, room_id: str) -> str:
        """Who the other person in a private room is; "" elsewhere."""
        room = self._client.rooms.get(room_id)
        if room is None or self.kind(room_id) is not ChatKind.PRIVATE:
            return ""
        return next((user for user in room.users if user != self._client.user_id), "")

    async def _fetch(self, room_id: str) -> MatrixRoom:
        client = self._client
        response = await client.room_get_state(room_id)
        if not isinstance(response, RoomGetStateResponse):
            raise RefusedError(of_response(response))
        room = MatrixRoom(room_id, client.user_id, room_id in self._encrypted)
        for source in response.events:
            _apply(room, source)
        own = room.users.get(client.user_id)
        if own is None or own.invited:
            raise refused(Result.BLOCKED, "the bot is not in this room")
        client.rooms[room_id] = room
        await self.taken_in({room_id})
        return room


def _apply(room: MatrixRoom, source: dict[str, Any]) -> None:
    event = Event.parse_event(source)
    if isinstance(event, RoomMemberEvent):
        room.handle_membership(event)
    else:
        room.handle_event(event)
