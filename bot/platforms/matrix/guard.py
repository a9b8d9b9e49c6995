"""The one way into a room: decides each time whether and how a message may be encrypted.

nio by itself would write in the clear to a room whose state it has not seen, count a room key as
shared although the server refused it, and wait for ever after a failed key claim. So each send
comes through here, and what leaves is either a ciphertext or a text for a room that is public.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from nio import (  # type: ignore[import-untyped]
    AsyncClient,
    JoinedMembersResponse,
    KeysClaimResponse,
    KeysQueryResponse,
    MatrixRoom,
)

from bot.platforms.base import Result
from bot.platforms.matrix.outcome import Refused, of_response, refused
from bot.platforms.matrix.rooms import Rooms

# A member's server that is down must not hold up each message: ask again after this.
_ASK_AGAIN = timedelta(minutes=1)


class Guard:
    """Encrypts for rooms, one key sharing per room at a time."""

    def __init__(self, client: AsyncClient, rooms: Rooms, now: Callable[[], datetime]) -> None:
        self._client = client
        self._rooms = rooms
        self._now = now
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._ask_again: dict[str, datetime] = {}

    async def seal(
        self, room_id: str, event_type: str, content: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """The type and content that may leave for this room.

        Raises `Refused`, network errors, and nio's encryption errors; never gives clear content
        for a room that is encrypted, was encrypted, or is not public.
        """
        async with self._locks[room_id]:
            room = await self._rooms.known(room_id)
            if not room.encrypted:
                # What is said in a public room is public anyway; elsewhere clear text is a leak.
                if room.join_rule != "public":
                    raise refused(Result.BLOCKED, "the room is not encrypted")
                return event_type, dict(content)
            await self._know_readers(room)
            await self._share_key(room)
            sealed_type, sealed = self._client.encrypt(room_id, event_type, dict(content))
            if sealed_type != "m.room.encrypted" or "ciphertext" not in sealed:
                raise refused(Result.SERVER_ERROR, "not encrypted")
            return sealed_type, sealed

    async def _know_readers(self, room: MatrixRoom) -> None:
        """Members and their devices as of now, so that a new device gets the key."""
        client = self._client
        if not room.members_synced:
            response = await client.joined_members(room.room_id)
            if not isinstance(response, JoinedMembersResponse):
                raise Refused(of_response(response))
        client.olm.update_tracked_users(room)
        if set(room.users) <= {client.user_id}:
            raise refused(Result.BLOCKED, "nobody else is in the room")
        await self._query_devices({u for u in room.users if u in client.users_for_key_query})

    async def _query_devices(self, changed: set[str]) -> None:
        client, now = self._client, self._now()
        due = {user for user in changed if now >= self._ask_again.get(user, now)}
        if not due:
            return
        response = await client.keys_query()
        if not isinstance(response, KeysQueryResponse):
            raise Refused(of_response(response))
        for user in due:
            self._ask_again.pop(user, None)
            if user in client.users_for_key_query:
                # Their server is away: the devices that we know get the message meanwhile.
                self._ask_again[user] = now + _ASK_AGAIN

    async def _share_key(self, room: MatrixRoom) -> None:
        client, room_id = self._client, room.room_id
        if client.olm.should_share_group_session(room_id):
            missing = client.get_missing_sessions(room_id)
            if missing:
                response = await client.keys_claim(missing)
                if not isinstance(response, KeysClaimResponse):
                    raise Refused(of_response(response))
            try:
                # Every device of every member gets the key, verified or not: an alarm that a
                # person cannot read on their new phone is worse than one more reader in a room
                # whose server we trust with its membership. Which texts need more is decided
                # above this line, per message, once devices are checked against pinned keys.
                await client.share_group_session(room_id, ignore_unverified_devices=True)
            finally:
                # nio leaves its mark behind when claiming fails, and would then wait on it for
                # ever.
                left = client.sharing_session.pop(room_id, None)
                if left is not None:
                    left.set()
        self._check_coverage(room)

    def _check_coverage(self, room: MatrixRoom) -> None:
        client = self._client
        session = client.olm.outbound_group_sessions.get(room.room_id)
        if session is None:
            raise refused(Result.SERVER_ERROR, "the room key went away")
        reachable = {
            (user, device.id)
            for user in room.users
            for device in client.device_store.active_user_devices(user)
            if device.ed25519 != client.olm.account.identity_keys["ed25519"]
            and not client.olm.is_device_blacklisted(device)
            and client.olm.session_store.get(device.curve25519)
        }
        if reachable - session.users_shared_with - session.users_ignored:
            # nio counts the key as shared although some of its requests failed; taking that back
            # makes the next try send it to those who lack it, and to them only.
            session.shared = False
            raise refused(Result.SERVER_ERROR, "the room key did not reach every device")
        if not any(user != client.user_id for user, _ in reachable):
            raise refused(Result.SERVER_ERROR, "no device of a reader can get the key")
