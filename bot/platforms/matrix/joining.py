"""Into which rooms the bot goes: those of people it knows, and where a newcomer may be waiting.

Whoever is known may invite it anywhere. A stranger is let in only while somebody new is expected,
and only to a direct, encrypted room of the two: that is where an invitation of ours is opened.
Everything else waits unanswered, which tells nothing, and is looked at again, since a stranger of
now may be expected later. Nobody reads what is said in a space itself: whoever is known and asks it into
one has it go into those of its rooms that let it in. Source: Matrix client-server API, "Room membership",
"Stripped state", "Spaces".
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from nio import AsyncClient  # type: ignore[import-untyped]

from bot.platforms.base import Acquaintances, Result
from bot.platforms.matrix.direct import DirectRooms
from bot.platforms.matrix.http import Answer, call, path
from bot.platforms.matrix.outcome import RefusedError, of_answer
from bot.platforms.matrix.rooms import SPACE, Rooms
from bot.platforms.matrix.upgrades import Upgrades

_log = logging.getLogger(__name__)

_TRIES = 12
_WAITING = 500  # invitations that may wait; the oldest are dropped, and come back at a restart
_DAY = timedelta(days=1)
_STRANGERS = 20  # rooms of strangers in a day, and
_STRANGERS_EACH = 10  # so many more for each invitation that was given out
_ROOMS_OF_SPACE = 50  # that are gone into for one invitation

_NOTHING: dict[str, Any] = {"types": []}
_INVITES_ONLY = {
    "presence": _NOTHING,
    "account_data": _NOTHING,
    "room": {
        "timeline": {"limit": 0},
        "state": _NOTHING,
        "ephemeral": _NOTHING,
        "account_data": _NOTHING,
    },
}

_Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Invitation:
    """What an invitation says of itself; all of it is the inviter's word or the server's."""

    by: str
    direct: bool
    encrypted: bool


class Joining:
    """Decides about invitations and upgrades, and joins beside everything else."""

    def __init__(
        self,
        client: AsyncClient,
        rooms: Rooms,
        direct: DirectRooms,
        upgrades: Upgrades,
        acquaintances: Acquaintances,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._rooms = rooms
        self._direct = direct
        self._upgrades = upgrades
        self._acquaintances = acquaintances
        self._now = now
        self._waiting: dict[str, Invitation] = {}
        self._joining: dict[str, asyncio.Task[None]] = {}
        self._strangers: deque[datetime] = deque()
        self._refused: set[str] = set()
        self._led: dict[str, str] = {}

    def led_by(self, room_id: str) -> str:
        """Who asked us into the space of which this room is; "" where nobody did."""
        return self._led.get(room_id, "")

    def invited(self, invites: _Json) -> None:
        """The invitations of a sync."""
        for room_id, info in invites.items():
            invitation = self._read(info)
            if invitation is not None:
                self._waiting.pop(room_id, None)
                self._waiting[room_id] = invitation
        while len(self._waiting) > _WAITING:
            self._waiting.pop(next(iter(self._waiting)))

    async def recover(self) -> Answer:
        """Invitations of before a restart: a sync from a cursor tells only of new ones.

        Network errors pass through.
        """
        where = path("sync", filter=json.dumps(_INVITES_ONLY))
        answer = await call(self._client, "GET", where)
        if answer.ok:
            self.invited(answer.body.get("rooms", {}).get("invite", {}))
        return answer

    async def look(self) -> None:
        """Decide about what waits, and follow upgrades."""
        await self._follow_upgrades()
        for room_id, invitation in list(self._waiting.items()):
            known = await self._asked(self._acquaintances.known(invitation.by))
            if known is None:
                return  # nobody can be asked now: all of it goes on waiting
            if known or await self._is_expected(invitation):
                self._waiting.pop(room_id, None)
                self._start(room_id, invitation.by, invitation.direct, stranger=not known)

    def left(self, room_id: str) -> None:
        """We are out of this room, or no longer invited to it."""
        self._waiting.pop(room_id, None)
        task = self._joining.pop(room_id, None)
        if task is not None:
            task.cancel()

    async def stop(self) -> None:
        """End what runs beside; a join that was not finished is found again at the next start."""
        for task in self._joining.values():
            task.cancel()
        await asyncio.gather(*self._joining.values(), return_exceptions=True)

    # --- who is let in ----------------------------------------------------------------------

    async def _is_expected(self, invitation: Invitation) -> bool:
        if not (invitation.direct and invitation.encrypted):
            return False
        expected = await self._asked(self._acquaintances.expected())
        now = self._now()
        while self._strangers and now - self._strangers[0] > _DAY:
            self._strangers.popleft()
        if not expected or len(self._strangers) >= _STRANGERS + _STRANGERS_EACH * expected:
            return False
        self._strangers.append(now)
        return True

    async def _asked(self, question: Any) -> Any:
        """The answer, or None if the application cannot say now."""
        try:
            return await question
        except Exception as error:
            _log.warning("cannot ask about an invitation (%s)", type(error).__name__)
            return None

    def _read(self, info: object) -> Invitation | None:
        state = info.get("invite_state") if isinstance(info, Mapping) else None
        events = state.get("events") if isinstance(state, Mapping) else None
        by, direct, encrypted = "", False, False
        for event in events if isinstance(events, list) else ():
            if not isinstance(event, Mapping) or not isinstance(event.get("content"), Mapping):
                continue
            kind, content = event.get("type"), event["content"]
            if kind == "m.room.encryption" and event.get("state_key") == "":
                encrypted = True
            own = kind == "m.room.member" and event.get("state_key") == self._client.user_id
            if own and content.get("membership") == "invite":
                by = str(event.get("sender", ""))
                direct = content.get("is_direct") is True
        return Invitation(by, direct, encrypted) if by else None

    # --- going there ------------------------------------------------------------------------

    async def _follow_upgrades(self) -> None:
        for room in list(self._client.rooms.values()):
            new = room.replacement_room
            if not new or new in self._client.rooms or new in self._refused:
                continue
            tried = self._joining.get(new)
            if tried is not None and not (tried.done() and new in self._waiting):
                continue  # refused once, it is tried again when we are invited there
            try:
                by = await self._upgrades.announced_by(room.room_id, new)
            except (RefusedError, aiohttp.ClientError, TimeoutError, OSError):
                continue  # looked at again after the next sync
            if by is None:
                self._refused.add(new)
            else:
                self._waiting.pop(new, None)
                self._start(new, by, direct=False, successor_of=room.room_id)

    def _start(
        self,
        room_id: str,
        by: str,
        direct: bool,
        *,
        stranger: bool = False,
        successor_of: str = "",
    ) -> None:
        running = self._joining.get(room_id)
        if running is None or running.done():
            # Beside, because a server that is slow to let us in must not hold up other rooms.
            self._joining[room_id] = asyncio.create_task(
                self._join(room_id, by, direct, stranger, successor_of)
            )

    async def _join(
        self, room_id: str, by: str, direct: bool, stranger: bool, successor_of: str
    ) -> None:
        where = path("join", room_id, server_name=by.partition(":")[2])
        joined = False
        for attempt in range(_TRIES):
            try:
                if not joined:
                    if direct:
                        # First, so that the room is known as private at its first event.
                        await self._direct.mark(by, room_id)
                    answer = await call(self._client, "POST", where, {})
                    if of_answer(answer).result in (Result.BLOCKED, Result.REVOKED):
                        return
                    joined = answer.ok
                if joined and await self._may_stay(room_id, by, stranger, successor_of):
                    if not (direct or stranger):
                        await self._into_the_rooms_of(room_id, by)
                    return
                if joined:
                    self._refused.add(room_id)
                    await call(self._client, "POST", path("rooms", room_id, "leave"), {})
                    return
            except (RefusedError, aiohttp.ClientError, TimeoutError, OSError):
                pass
            await asyncio.sleep(min(2.0**attempt, 300.0))

    async def _into_the_rooms_of(self, room_id: str, by: str) -> None:
        """If it is a space: those of its rooms that a member of it may enter, or everybody."""
        space = await self._rooms.known(room_id)
        if space.room_type != SPACE:
            return
        for child in sorted(space.children)[:_ROOMS_OF_SPACE]:
            if child not in self._client.rooms and child not in self._refused:
                self._led[child] = by
                self._start(child, by, direct=False)

    async def _may_stay(self, room_id: str, by: str, stranger: bool, successor_of: str) -> bool:
        """What can be known only from inside."""
        if successor_of:
            return await self._upgrades.is_valid(successor_of, room_id)
        if not stranger:
            return True
        room = await self._rooms.known(room_id)
        return bool(room.encrypted) and set(room.users) <= {by, self._client.user_id}
