"""Direct rooms: which there are, and making one.

Source: Matrix client-server API, "Direct messaging": the account data `m.direct`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

from nio import AsyncClient, RoomCreateResponse, RoomPreset  # type: ignore[import-untyped]

from bot.platforms.base import PlatformError
from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.outcome import RefusedError, of_response
from bot.platforms.matrix.rooms import Rooms

_MEGOLM = {
    "type": "m.room.encryption",
    "state_key": "",
    "content": {"algorithm": "m.megolm.v1.aes-sha2"},
}


class DirectRooms:
    """Finds or makes the direct room with a person, one at a time per person."""

    def __init__(self, client: AsyncClient, rooms: Rooms) -> None:
        self._client = client
        self._rooms = rooms
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._marking = asyncio.Lock()

    async def load(self) -> None:
        """Read which rooms are marked direct; none is a fine answer."""
        answer = await call(self._client, "GET", self._where())
        if not answer.ok and answer.status != 404:
            raise PlatformError(
                f"matrix.homeserver: reading account data: {answer.status} {answer.errcode}"
            )
        body = answer.body if answer.ok else {}
        self._rooms.direct = {
            user: [room for room in rooms if isinstance(room, str)]
            for user, rooms in body.items()
            if isinstance(rooms, list)
        }

    async def mark(self, user_id: str, room_id: str) -> None:
        """Keep on the server that this room is direct; not vital, so no answer is an answer."""
        async with self._marking:
            marked = self._rooms.direct.setdefault(user_id, [])
            if room_id not in marked:
                marked.append(room_id)
                await call(self._client, "PUT", self._where(), self._rooms.direct)

    async def room_with(self, user_id: str) -> str:
        """The encrypted direct room with this person, made if there is none.

        A second call finds what the first made, also after a crash between making and marking:
        a room with nobody but the two of us is recognised by its members. Raises `RefusedError`.
        """
        async with self._locks[user_id]:
            existing = self._existing(user_id)
            if existing is not None:
                return existing
            response = await self._client.room_create(
                is_direct=True,
                preset=RoomPreset.trusted_private_chat,
                invite=[user_id],
                initial_state=[_MEGOLM],
            )
            if not isinstance(response, RoomCreateResponse):
                raise RefusedError(of_response(response))
            room_id = str(response.room_id)
            await self._rooms.known(room_id)
            await self.mark(user_id, room_id)
            return room_id

    def _existing(self, user_id: str) -> str | None:
        pair = {user_id, self._client.user_id}
        rooms = [
            room
            for room in self._client.rooms.values()
            if set(room.users) == pair and room.encrypted and not room.name
        ]
        marked = self._rooms.direct.get(user_id, [])
        # Marked rooms first, and among equals always the same one.
        rooms.sort(key=lambda room: (room.room_id not in marked, room.room_id))
        return str(rooms[0].room_id) if rooms else None

    def _where(self) -> str:
        return path("user", self._client.user_id, "account_data", "m.direct")
