"""Whether a message is the account's own word, or may be that of whoever runs the server.

A server can say that anybody wrote anything. It cannot encrypt with the key of a device of theirs,
and once the account is known by an identity, it cannot add a device of its own either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import aiohttp
from nio import AsyncClient  # type: ignore[import-untyped]

from bot.platforms.matrix.devices import Devices
from bot.platforms.matrix.identities import Identities
from bot.platforms.matrix.outcome import RefusedError

_TRIES = 3  # syncs that may fail because keys cannot be asked for; then messages count as unproven

_Json = Mapping[str, Any]


class Proof:
    """Judges decrypted messages by the devices that they came from."""

    def __init__(self, client: AsyncClient, devices: Devices, identities: Identities) -> None:
        self._client = client
        self._devices = devices
        self._identities = identities
        self._failures = 0

    async def prepare(self, room_id: str, events: Iterable[_Json]) -> None:
        """Ask for the keys of those who wrote these, where they are not known as of now.

        Raises `RefusedError` and network errors, but not time after time.
        """
        writers = {
            str(event.get("sender"))
            for event in events
            if event.get("type") == "m.room.encrypted" and not self._is_known(room_id, event)
        }
        writers.discard(self._client.user_id)
        if not writers:
            return
        try:
            await self._devices.query(writers)
            self._failures = 0
        except (RefusedError, aiohttp.ClientError, TimeoutError, OSError):
            self._failures += 1
            if self._failures <= _TRIES:
                raise

    def of(self, room_id: str, event: _Json) -> bool:
        """Whether this encrypted event, which we could open, is its sender's."""
        sender = str(event.get("sender"))
        device = self._device(room_id, event)
        if device is None:
            return False
        if not self._identities.pinned(sender):
            return True  # there is nothing better to tell their devices by
        return self._identities.proven(sender).get(device.id) == device.ed25519

    def _is_known(self, room_id: str, event: _Json) -> bool:
        sender = str(event.get("sender"))
        due = sender in self._client.users_for_key_query
        return not due and self._identities.looked(sender) and bool(self._device(room_id, event))

    def _device(self, room_id: str, event: _Json) -> Any:
        """The sender's device that this was encrypted by, if it is one of theirs."""
        content = event.get("content")
        content = content if isinstance(content, Mapping) else {}
        sender, sender_key = str(event.get("sender")), content.get("sender_key")
        session_id = content.get("session_id")
        if not isinstance(sender_key, str) or not isinstance(session_id, str):
            return None
        session = self._client.olm.inbound_group_store.get(room_id, sender_key, session_id)
        if session is None or session.forwarding_chain:
            return None
        for device in self._client.device_store.active_user_devices(sender):
            if device.curve25519 == sender_key and device.ed25519 == session.ed25519:
                return device
        return None
