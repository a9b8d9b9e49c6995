"""The devices of the people in our rooms: asked for, checked, and only then shown to nio.

nio believes what the server says but for the device's own signature, refuses a whole answer for
one malformed device in it, never takes a device back that was once left out, and forgets what
changed while it was asking. Source: Matrix
client-server API, "Tracking the device list for a user".
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from nio import AsyncClient, KeysQueryResponse  # type: ignore[import-untyped]
from nio.crypto import OlmDevice  # type: ignore[import-untyped]

from bot.platforms.base import Result
from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.identities import Identities
from bot.platforms.matrix.outcome import RefusedError, of_answer, refused
from bot.platforms.matrix.signing import Device, Served, served

_log = logging.getLogger(__name__)

_USERS = 100  # asked for at once


class _Due(set[str]):
    """Whose keys are to be asked for, and how often each was said to be."""

    def __init__(self, users: Iterable[str]) -> None:
        super().__init__(users)
        self.said: Counter[str] = Counter()

    def add(self, user: str) -> None:
        self.update((user,))

    def update(self, *users: Iterable[str]) -> None:
        for some in users:
            known = list(some)
            self.said.update(known)
            super().update(known)


class Devices:
    """Keeps nio's list of devices and the identities up to what the server serves."""

    def __init__(self, client: AsyncClient, identities: Identities) -> None:
        self._client = client
        self._identities = identities
        self._due = client.olm.users_for_key_query = _Due(client.olm.users_for_key_query)
        self._asked = 0
        self._taken_in: dict[str, int] = {}

    async def query(self, users: Collection[str]) -> None:
        """Ask for these people's keys. Raises `RefusedError` and network errors.

        People whose server did not answer stay due (nio's `users_for_key_query`).
        """
        asked = sorted(users)
        for start in range(0, len(asked), _USERS):
            await self._query(asked[start : start + _USERS])

    async def _query(self, users: list[str]) -> None:
        self._asked += 1
        asked, said = self._asked, {user: self._due.said[user] for user in users}
        body = {"device_keys": dict.fromkeys(users, ())}
        answer = await call(self._client, "POST", path("keys", "query"), body)
        if not answer.ok:
            raise RefusedError(of_answer(answer))
        given = answer.body.get("device_keys")
        if not isinstance(given, Mapping):
            raise refused(Result.SERVER_ERROR, "malformed device keys")
        # Two questions may be under way; the answer to the later one is the newer.
        newer = {user for user in users if self._taken_in.get(user, 0) > asked}
        answered = [user for user in users if user in given and user not in newer]
        found = {user: served(user, answer.body) for user in answered}
        self._taken_in.update(dict.fromkeys(answered, asked))
        try:
            await self._identities.look(found)
        except Exception as error:
            # An alarm must leave though nothing can be kept; nobody new is proven meanwhile.
            _log.warning("identities could not be kept (%s)", type(error).__name__)
        for user in found:
            self._replace(user, found[user])
        clean = {user: _clean(given[user], found[user]) for user in found}
        await self._client.receive_response(KeysQueryResponse(clean, {}))
        # What changed while we asked may or may not be in the answer.
        self._due.update(user for user in answered if self._due.said[user] != said[user])

    def _replace(self, user_id: str, now: Served) -> None:
        """What nio would overlook: a device that is back, or whose keys are others.

        The room keys that the device had under its earlier keys are worth nothing to it.
        """
        known: Mapping[str, OlmDevice] = self._client.device_store[user_id]
        changed = {}
        for device_id, device in now.devices.items():
            before = known.get(device_id)
            if before is None or (not before.deleted and before.ed25519 == device.ed25519):
                continue
            before.deleted = False
            before.keys = {"ed25519": device.ed25519, "curve25519": device.curve25519}
            changed[device_id] = before
        if not changed:
            return
        self._client.olm.store.save_device_keys({user_id: changed})
        for room in self._client.rooms.values():
            if user_id in room.users:
                self._client.invalidate_outbound_session(room.room_id)


def _clean(raw: object, now: Served) -> dict[str, Any]:
    """The devices whose keys and own signatures are in order, as the server gave them."""
    if not isinstance(raw, Mapping):
        return {}
    return {device_id: _named(raw[device_id], device) for device_id, device in now.devices.items()}


def _named(keys: Mapping[str, Any], device: Device) -> dict[str, Any]:
    name = keys.get("unsigned")
    shown = name.get("device_display_name") if isinstance(name, Mapping) else None
    return {**keys, "unsigned": {"device_display_name": shown if isinstance(shown, str) else ""}}
