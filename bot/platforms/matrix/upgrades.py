"""Room upgrades: which room takes another's place. Both rooms have to say so.

The old room must name the new one in a tombstone by somebody who has the power for it, and the new
room, made by that same person, must name the old one. Anything else is somebody who wants us
elsewhere. Nor is a room followed to where less is protected: out of encryption, or from the two of
us to a room with others. Source: Matrix client-server API, "Room upgrades", "Permissions"; room
version 12 for creators.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nio import AsyncClient, MatrixRoom  # type: ignore[import-untyped]

from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.outcome import RefusedError, of_answer
from bot.platforms.matrix.rooms import Rooms

_TOMBSTONE = "m.room.tombstone"
_CREATORS_RULE = 12  # the room version from which on those who made a room have endless power
_ENDLESS = float("inf")

_State = Mapping[tuple[str, str], Mapping[str, Any]]


class Upgrades:
    """Which of our rooms were replaced, and by what."""

    def __init__(self, client: AsyncClient, rooms: Rooms) -> None:
        self._client = client
        self._rooms = rooms
        self._followed: dict[str, str] = {}

    async def successor(self, room: MatrixRoom) -> str | None:
        """The room that takes this one's place, if we are in it and both agree.

        Raises `RefusedError` and network errors.
        """
        new = room.replacement_room
        if not new or new not in self._client.rooms:
            return None
        if self._followed.get(room.room_id) == new:
            return str(new)
        if not await self.is_valid(room.room_id, new):
            return None
        self._followed[room.room_id] = new
        return str(new)

    async def replaced_by(self, room_id: str) -> list[str]:
        """Our rooms whose place this one has taken."""
        olds = [r for r in self._client.rooms.values() if r.replacement_room == room_id]
        return [old.room_id for old in olds if await self.successor(old) == room_id]

    async def announced_by(self, old: str, new: str) -> str | None:
        """Who named `new` as the successor of `old`, if they had the power to; else None."""
        return _announced_by(await self._state(old), new)

    async def is_valid(self, old: str, new: str) -> bool:
        """Whether `new`, which we are in, may take the place of `old`."""
        before, after = await self._state(old), await self._state(new)
        by = _announced_by(before, new)
        create = after.get(("m.room.create", ""), {})
        predecessor = _content(create).get("predecessor")
        named = predecessor.get("room_id") if isinstance(predecessor, Mapping) else None
        if by is None or create.get("sender") != by or named != old:
            return False
        was = await self._rooms.known(old)
        if was.encrypted and ("m.room.encryption", "") not in after:
            return False
        people = _people(before)
        return len(people) > 2 or _people(after) <= people

    async def _state(self, room_id: str) -> _State:
        answer = await call(self._client, "GET", path("rooms", room_id, "state"))
        if not answer.ok:
            raise RefusedError(of_answer(answer))
        return {
            (event["type"], event.get("state_key", "")): event
            for event in answer.items
            if isinstance(event, Mapping) and isinstance(event.get("type"), str)
        }


def _announced_by(state: _State, new: str) -> str | None:
    tombstone = state.get((_TOMBSTONE, ""), {})
    sender = tombstone.get("sender")
    if _content(tombstone).get("replacement_room") != new or not isinstance(sender, str):
        return None
    levels = _content(state.get(("m.room.power_levels", ""), {}))
    events = levels.get("events")
    needed = events.get(_TOMBSTONE) if isinstance(events, Mapping) else None
    if not isinstance(needed, int):
        needed = _number(levels.get("state_default"), 50)
    return sender if _power(state, levels, sender) >= needed else None


def _power(state: _State, levels: Mapping[str, Any], user_id: str) -> float:
    create = state.get(("m.room.create", ""), {})
    creators = {create.get("sender")}
    also = _content(create).get("additional_creators")
    if isinstance(also, list):
        creators |= {user for user in also if isinstance(user, str)}
    version = _content(create).get("room_version", "1")
    if isinstance(version, str) and version.isdecimal() and int(version) >= _CREATORS_RULE:
        if user_id in creators:
            return _ENDLESS
    elif not levels:
        return 100 if user_id == create.get("sender") else 0
    users = levels.get("users")
    own = users.get(user_id) if isinstance(users, Mapping) else None
    return own if isinstance(own, int) else _number(levels.get("users_default"), 0)


def _people(state: _State) -> set[str]:
    """Who is in the room or invited to it."""
    return {
        of
        for (kind, of), event in state.items()
        if kind == "m.room.member" and _content(event).get("membership") in ("join", "invite")
    }


def _content(event: Mapping[str, Any]) -> Mapping[str, Any]:
    content = event.get("content")
    return content if isinstance(content, Mapping) else {}


def _number(value: object, default: int) -> int:
    return value if isinstance(value, int) else default
