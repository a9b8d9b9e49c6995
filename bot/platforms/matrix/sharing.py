"""Who gets a room's key: decided anew before each text, by how secret the text is.

A room has one key at a time (nio's outbound session), and the key is a ratchet: whoever gets it
later cannot read what was written before. So a text for every device may go on with a key that
only some had, which the others then get from here on; but a detailed text needs a key that nobody
else ever got, and where there is none a new one is made. Rooms in which every device is proven
never pay for that; in the others each detailed text costs one more sharing.

Not by nio's own methods: they count a key as given when the request failed, hang for ever after a
failed claim, take an error answer's devices for a soft logout, keep a key whose reader left while
it was being given, and pass over any device that bears our own device's name. Source: Matrix
client-server API, "m.olm.v1.curve25519-aes-sha2", "m.room_key"; Megolm, "Partial Forward Secrecy".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from nio import AsyncClient, DummyEvent, MatrixRoom  # type: ignore[import-untyped]
from nio.crypto import OlmDevice, OutboundGroupSession  # type: ignore[import-untyped]

from bot.platforms.base import Acquaintances, Result, Secrecy
from bot.platforms.matrix.cross_signing import Own
from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.identities import Identities
from bot.platforms.matrix.keys import claim
from bot.platforms.matrix.outcome import RefusedError, of_answer, refused
from bot.platforms.matrix.signing import unpadded

# A device without one-time keys, or whose server is down, must not hold up each message.
_ASK_AGAIN = timedelta(minutes=1)

_AT_ONCE = 20  # devices in one request: Synapse takes 64 KiB, a key for one device is under 2

_Key = tuple[str, str, str]
"""Whose device, its id, and its Curve25519 key: an id alone may come to mean another device."""


class Sharing:
    """Makes a room's key fit for a text; one call per room at a time."""

    def __init__(
        self,
        client: AsyncClient,
        own: Own,
        identities: Identities,
        acquaintances: Acquaintances,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._own = own
        self._identities = identities
        self._acquaintances = acquaintances
        self._now = now
        self._holders: dict[str, tuple[str, set[_Key]]] = {}
        self._ask_again: dict[_Key, datetime] = {}

    async def fit(self, room: MatrixRoom, secrecy: Secrecy) -> None:
        """Have the room's key with the devices that are to read this text, and with no others.

        Raises `RefusedError`: UNPROVEN if nobody is to read it, UNREADABLE if nobody can; network
        errors pass through.
        """
        strangers = await self._strangers(room) if secrecy is Secrecy.DETAILED else frozenset()
        readers = self._readers(room, secrecy, strangers)
        if secrecy is Secrecy.DETAILED and not readers:
            raise refused(Result.UNPROVEN, "no device of a reader is proven to be theirs")
        session = self._session(room, readers)
        holders = self._holders_of(room, session)
        lacking = [device for key, device in readers.items() if key not in holders]
        if lacking:
            await self._claim(lacking, covered={user for user, _, _ in holders})
            await self._give(room, session, holders, lacking)
        if not holders:
            raise refused(Result.UNREADABLE, "no device of a reader can get the key")
        # Members or devices may have changed while we asked: the next try begins anew.
        current = self._client.olm.outbound_group_sessions.get(room.room_id)
        now = self._readers(room, secrecy, strangers)
        if current is not session or not holders <= set(now) or set(now) - set(readers):
            raise refused(Result.SERVER_ERROR, "the room's readers have just changed")
        session.shared = True

    def give_again(self, event: DummyEvent) -> None:
        """This device has none of the keys that it was given, as far as we can know."""
        for _, holders in self._holders.values():
            holders -= {k for k in holders if (k[0], k[2]) == (event.sender, event.sender_key)}

    # --- who ---

    def _readers(
        self, room: MatrixRoom, secrecy: Secrecy, strangers: frozenset[str]
    ) -> dict[_Key, OlmDevice]:
        """The devices that are to have the key. None of our own account: it has but this one."""
        found = {}
        for user_id in room.users:
            if user_id == self._client.user_id or user_id in strangers:
                continue
            proven = self._identities.proven(user_id)
            for device in self._client.device_store.active_user_devices(user_id):
                mine = proven.get(device.id) == device.ed25519
                if secrecy is not Secrecy.DETAILED or mine:
                    found[user_id, device.id, device.curve25519] = device
        return found

    async def _strangers(self, room: MatrixRoom) -> frozenset[str]:
        """Members whom nobody but the server vouches for: it may put in whom it likes."""
        others = set(room.users) - {self._client.user_id}
        return frozenset([user for user in others if not await self._acquaintances.known(user)])

    # --- the key ---

    def _session(self, room: MatrixRoom, readers: Mapping[_Key, Any]) -> OutboundGroupSession:
        """The room's key, a new one if anybody holds the present one who must not read this."""
        olm = self._client.olm
        session = olm.outbound_group_sessions.get(room.room_id)
        if (
            session is not None
            and not session.expired
            and self._holders_of(room, session) <= set(readers)
        ):
            return session
        olm.create_outbound_group_session(room.room_id)
        return olm.outbound_group_sessions[room.room_id]

    def _holders_of(self, room: MatrixRoom, session: OutboundGroupSession) -> set[_Key]:
        session_id, holders = self._holders.get(room.room_id, ("", set()))
        if session_id != session.id:
            holders = set()
            self._holders[room.room_id] = session.id, holders
        return holders

    async def _claim(self, devices: Iterable[OlmDevice], covered: set[str]) -> None:
        """Start sessions with devices that we have none with, not all the time with the same."""
        now = self._now()
        missing: dict[str, list[str]] = {}
        for device in devices:
            key = (device.user_id, device.id, device.curve25519)
            if self._client.olm.session_store.get(device.curve25519):
                continue
            if now < self._ask_again.get(key, now) and device.user_id in covered:
                continue
            self._ask_again[key] = now + _ASK_AGAIN
            missing.setdefault(device.user_id, []).append(device.id)
        if missing:
            await claim(self._client, missing)

    async def _give(
        self,
        room: MatrixRoom,
        session: OutboundGroupSession,
        holders: set[_Key],
        devices: Iterable[OlmDevice],
    ) -> None:
        olm = self._client.olm
        content = {
            "algorithm": "m.megolm.v1.aes-sha2",
            "room_id": room.room_id,
            "session_id": session.id,
            "session_key": session.session_key,
        }
        able = [d for d in devices if olm.session_store.get(d.curve25519)]
        for start in range(0, len(able), _AT_ONCE):
            messages: dict[str, dict[str, Any]] = {}
            given = able[start : start + _AT_ONCE]
            for device in given:
                sealed = self._sealed(device, "m.room_key", content)
                messages.setdefault(device.user_id, {})[device.id] = sealed
            where = path("sendToDevice", "m.room.encrypted", uuid4().hex)
            answer = await call(self._client, "PUT", where, {"messages": messages})
            if not answer.ok:
                raise RefusedError(of_answer(answer))
            holders.update((d.user_id, d.id, d.curve25519) for d in given)

    def _sealed(self, device: OlmDevice, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """Encrypted for one device, with our own signed keys inside.

        So an app that was offline can tell whose message it is though our device is gone meanwhile,
        and without asking the server, which may give it other keys or none.
        """
        olm = self._client.olm
        own = olm.account.identity_keys
        payload = {
            "type": kind,
            "content": content,
            "sender": self._client.user_id,
            "sender_device": self._client.device_id,
            "sender_device_keys": self._own.device_keys,
            "keys": {"ed25519": own["ed25519"]},
            "recipient": device.user_id,
            "recipient_keys": {"ed25519": device.ed25519},
        }
        session = olm.session_store.get(device.curve25519)
        message_type, ciphertext = session.encrypt(json.dumps(payload)).to_parts()
        olm.store.save_session(device.curve25519, session)
        body = {"type": message_type, "body": unpadded(ciphertext)}
        return {
            "algorithm": "m.olm.v1.curve25519-aes-sha2",
            "sender_key": own["curve25519"],
            "ciphertext": {device.curve25519: body},
        }
