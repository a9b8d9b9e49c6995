"""The one way into a room: decides each time whether and how a message may be encrypted.

nio by itself would write in the clear to a room whose state it has not seen, and count a room key
as shared although the server refused it. So each send comes through here, and what leaves is
either a ciphertext that every reachable device can open or a text for a room that is public.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from nio import (  # type: ignore[import-untyped]
    AsyncClient,
    JoinedMembersResponse,
    KeysQueryResponse,
    MatrixRoom,
)
from nio.crypto import OutboundGroupSession  # type: ignore[import-untyped]

from bot.platforms.base import Result
from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.keys import claim
from bot.platforms.matrix.outcome import RefusedError, of_answer, of_response, refused
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

        Raises `RefusedError`, network errors, and nio's encryption errors; never gives clear
        content for a room that is encrypted, was encrypted, or is not public.
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
        response = await client.keys_query()
        if not isinstance(response, KeysQueryResponse):
            raise RefusedError(of_response(response))
        for user in due:
            self._ask_again.pop(user, None)
            if user in client.users_for_key_query:
                # Their server is away: the devices that we know get the message meanwhile.
                self._ask_again[user] = now + _ASK_AGAIN

    async def _share_key(self, room: MatrixRoom) -> None:
        """Give the room's key to every device that lacks it.

        Not by nio's own method: it counts the key as given when requests failed, hangs for ever
        after a failed claim, and on an error answer takes the set of devices for a soft logout
        and forgets the access token.
        """
        client, olm, room_id = self._client, self._client.olm, room.room_id
        session = olm.outbound_group_sessions.get(room_id)
        lacking = session is None or bool(self._reachable(room) - _settled(session))
        if not lacking and not olm.should_share_group_session(room_id):
            return
        if session is not None and lacking and not session.expired:
            session.shared = False  # the same key, and to those who lack it only
        missing = client.get_missing_sessions(room_id)
        if missing:
            await claim(client, missing)
        if not any(user != client.user_id for user, _ in self._reachable(room)):
            raise refused(Result.SERVER_ERROR, "no device of a reader can get the key")
        # Every device of every member gets the key, verified or not: an alarm that a person
        # cannot read on their new phone is worse than one more reader in a room whose server we
        # trust with its membership. Which texts need more is to be decided here, per message,
        # once devices are checked against pinned keys.
        requests = olm.share_group_session_parallel(
            room_id, list(room.users), ignore_unverified_devices=True
        )
        for devices, body in requests:
            where = path("sendToDevice", "m.room.encrypted", uuid4().hex)
            answer = await call(client, "PUT", where, body)
            if not answer.ok:
                raise RefusedError(of_answer(answer))
            olm.outbound_group_sessions[room_id].users_shared_with.update(devices)
        # Members or devices may have changed while we asked: nio then dropped the key, and the
        # next try begins anew.
        session = olm.outbound_group_sessions.get(room_id)
        if session is None or self._reachable(room) - _settled(session):
            raise refused(Result.SERVER_ERROR, "the room's readers have just changed")
        session.shared = True

    def _reachable(self, room: MatrixRoom) -> set[tuple[str, str]]:
        """The other devices in the room that a key can be given to now."""
        olm = self._client.olm
        own = olm.account.identity_keys["ed25519"]
        return {
            (user, device.id)
            for user in room.users
            for device in self._client.device_store.active_user_devices(user)
            if device.ed25519 != own
            and not olm.is_device_blacklisted(device)
            and olm.session_store.get(device.curve25519)
        }


def _settled(session: OutboundGroupSession) -> set[tuple[str, str]]:
    """The devices that have the key, or that are not to have it."""
    return set(session.users_shared_with) | set(session.users_ignored)
