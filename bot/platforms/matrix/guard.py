"""The one way into a room: decides each time whether and how a message may be encrypted.

nio by itself would write in the clear to a room whose state it has not seen. So each send comes
through here, and what leaves is either a ciphertext for the devices that may read it, or a text
that is published anyway, for a room that is open to everyone. What a server says about a room can
make us refuse, and can never make us write in the clear what is not public.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from nio import AsyncClient, JoinedMembersResponse, MatrixRoom  # type: ignore[import-untyped]

from bot.platforms.base import Result, Secrecy
from bot.platforms.matrix.devices import Devices
from bot.platforms.matrix.outcome import RefusedError, of_response, refused
from bot.platforms.matrix.rooms import Rooms
from bot.platforms.matrix.sharing import Sharing

# A member's server that is down must not hold up each message: ask again after this.
_ASK_AGAIN = timedelta(minutes=1)


class Guard:
    """Encrypts for rooms, one key sharing per room at a time."""

    def __init__(
        self,
        client: AsyncClient,
        rooms: Rooms,
        devices: Devices,
        sharing: Sharing,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._rooms = rooms
        self._devices = devices
        self._sharing = sharing
        self._now = now
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._ask_again: dict[str, datetime] = {}

    async def seal(
        self, room_id: str, event_type: str, content: Mapping[str, Any], secrecy: Secrecy
    ) -> tuple[str, dict[str, Any]]:
        """The type and content that may leave for this room.

        Raises `RefusedError`, network errors, and nio's encryption errors.
        """
        async with self._locks[room_id]:
            if await self.leaves_clear(room_id, secrecy):
                return event_type, dict(content)
            room = await self._rooms.known(room_id)
            await self._know_readers(room)
            await self._sharing.fit(room, secrecy)
            sealed_type, sealed = self._client.encrypt(room_id, event_type, dict(content))
            if sealed_type != "m.room.encrypted" or "ciphertext" not in sealed:
                raise refused(Result.SERVER_ERROR, "not encrypted")
            return sealed_type, sealed

    async def leaves_clear(self, room_id: str, secrecy: Secrecy) -> bool:
        """Whether a text or a file for this room is not to be encrypted at all.

        Raises `RefusedError` if it may not leave for this room either way.
        """
        room = await self._rooms.known(room_id)
        if room.encrypted:
            return False
        if secrecy is not Secrecy.PUBLIC or room.join_rule != "public":
            raise refused(Result.BLOCKED, "the room is not encrypted")
        return True

    async def _know_readers(self, room: MatrixRoom) -> None:
        """Members and their devices as of now, so that a new device gets the key."""
        client = self._client
        if not room.members_synced:
            response = await client.joined_members(room.room_id)
            if not isinstance(response, JoinedMembersResponse):
                raise RefusedError(of_response(response))
        client.olm.update_tracked_users(room)
        if set(room.users) <= {client.user_id}:
            raise refused(Result.BLOCKED, "nobody else is in the room")
        await self._query_devices({u for u in room.users if u in client.users_for_key_query})

    async def _query_devices(self, changed: set[str]) -> None:
        client, now = self._client, self._now()
        due = {user for user in changed if now >= self._ask_again.get(user, now)}
        if not due:
            return
        await self._devices.query(due)
        for user in due:
            self._ask_again.pop(user, None)
            if user in client.users_for_key_query:
                # Their server is away: the devices that we know get the message meanwhile.
                self._ask_again[user] = now + _ASK_AGAIN
