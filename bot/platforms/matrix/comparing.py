"""Comparing pictures with a person's app: the conversation around `sas`, in rooms and beside them.

The app asks; people are asked whether one of them can speak with the person now; the app begins;
people are shown the pictures and decide. Only then do we vouch for our keys, and believe the app's.
Nothing of this outlives the process: a comparison that is cut off is begun anew. Source: Matrix
client-server API, "Key verification framework".
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from nio import AsyncClient  # type: ignore[import-untyped]

from bot.platforms.base import Acquaintances, Secrecy
from bot.platforms.matrix.cross_signing import Own
from bot.platforms.matrix.devices import Devices
from bot.platforms.matrix.guard import Guard
from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.identities import Identities
from bot.platforms.matrix.outcome import RefusedError, of_answer
from bot.platforms.matrix.sas import METHOD, Party, Sas, SasError
from bot.platforms.matrix.signing import canonical

_log = logging.getLogger(__name__)

TYPES = "m.key.verification."
REQUEST = "m.key.verification.request"

_LONGEST = timedelta(minutes=10)  # from the request to the end
_SILENCE = timedelta(minutes=2)  # between two steps, once pictures can be shown
_AT_ONCE = 20  # comparisons, of all people together
_PAUSE = timedelta(minutes=1)  # between two requests of one person: each one calls people

_Json = Mapping[str, Any]
_Report = Callable[[str, str, Mapping[str, Any]], None]


@dataclass(slots=True)
class _Flow:
    """One comparison. `room` is "" for one beside rooms; the keys are fixed at its beginning."""

    id: str
    user: str
    device: str
    room: str
    ours: Party
    theirs: Party
    master: str
    begun_at: datetime
    moved_at: datetime
    ready: bool = False
    start: _Json | None = None
    sas: Sas | None = None
    shown: bool = False
    same: bool = False
    vouched: bool = False
    token: str = field(default_factory=lambda: uuid4().hex)


class Comparisons:
    """All comparisons that are going on.

    `report` is given the account, a name of its own for the report, and its content.
    """

    def __init__(
        self,
        client: AsyncClient,
        own: Own,
        devices: Devices,
        identities: Identities,
        guard: Guard,
        acquaintances: Acquaintances,
        report: _Report,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._devices = devices
        self._identities = identities
        self._guard = guard
        self._acquaintances = acquaintances
        self._own = own
        self._report = report
        self._now = now
        self._flows: dict[str, _Flow] = {}
        self._seen: dict[str, None] = {}
        self._working: asyncio.Task[None] | None = None
        self._asked_at: dict[str, datetime] = {}

    # --- events -----------------------------------------------------------------------------

    async def take(self, in_rooms: Iterable[tuple[str, _Json]], beside: Iterable[_Json]) -> None:
        """Verification events of rooms, decrypted, and others; what is given twice counts once.

        Cancelling does not break off a step: half of one could not be made good.
        """
        steps = [("", event) for event in beside] + list(in_rooms)
        fresh = [(room, event) for room, event in steps if self._is_new(event)]
        self._working = asyncio.create_task(self._work(self._working, fresh))
        await asyncio.shield(self._working)

    async def stop(self) -> None:
        """End it; what was under way comes to nothing."""
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)

    def _is_new(self, event: _Json) -> bool:
        name = str(event.get("event_id") or hashlib.sha256(canonical(event)).hexdigest())
        new = name not in self._seen
        self._seen[name] = None
        while len(self._seen) > 50 * _AT_ONCE:
            self._seen.pop(next(iter(self._seen)))
        return new

    async def _work(
        self, before: asyncio.Task[None] | None, steps: Iterable[tuple[str, _Json]]
    ) -> None:
        if before is not None:
            await asyncio.gather(before, return_exceptions=True)
        for room, event in steps:
            if room:
                await self._in_room(room, event)
            else:
                await self._beside(event)
        await self._tick()

    async def _in_room(self, room_id: str, event: _Json) -> None:
        event_id, content = str(event.get("event_id", "")), event.get("content")
        if not isinstance(content, Mapping):
            return
        kind, sender = str(event.get("type", "")), str(event.get("sender", ""))
        if kind == "m.room.message":
            age = _object(event.get("unsigned")).get("age")
            old = isinstance(age, int) and timedelta(milliseconds=age) > _LONGEST
            if content.get("to") == self._client.user_id and not old:
                await self._take(REQUEST, sender, event_id, content, room_id)
            return
        relation = _object(content.get("m.relates_to"))
        if relation.get("rel_type") == "m.reference":
            await self._take(kind, sender, str(relation.get("event_id", "")), content, room_id)

    async def _beside(self, event: _Json) -> None:
        content = _object(event.get("content"))
        flow = content.get("transaction_id")
        if isinstance(flow, str):
            sender = str(event.get("sender", ""))
            await self._take(str(event.get("type", "")), sender, flow, content, "")

    async def _tick(self) -> None:
        """Let go of what takes too long."""
        now = self._now()
        for flow in list(self._flows.values()):
            waits = flow.sas is not None and not flow.same
            silent = waits and now - flow.moved_at > _SILENCE
            if silent or now - flow.begun_at > _LONGEST:
                await self._cancel(flow, "m.timeout")

    # --- decisions --------------------------------------------------------------------------

    async def decide(self, token: str, decision: str) -> bool:
        """What people decided; False if there is no such comparison (any more)."""
        flow = next((f for f in self._flows.values() if f.token == token), None)
        if flow is None:
            return False
        try:
            match decision:
                case "begin" if not flow.ready:
                    await self._begin(flow)
                case "same" if flow.shown and flow.sas is not None and not flow.same:
                    await self._vouch(flow, flow.sas)
                case "decline":
                    await self._cancel(flow, "m.user")
                case "different":
                    await self._cancel(flow, "m.mismatched_sas")
                case _:
                    return False
        except SasError as error:
            await self._cancel(flow, error.code)
        return True

    async def _begin(self, flow: _Flow) -> None:
        # Before it is sent, since the app may be quick; and not so if it was not sent.
        flow.ready, flow.moved_at = True, self._now()
        try:
            if flow.start is None:
                content = {"from_device": self._client.device_id, "methods": [METHOD]}
                await self._send(flow, "ready", content)
            else:
                await self._accept(flow)
        except BaseException:
            flow.ready = False
            raise

    async def _vouch(self, flow: _Flow, sas: Sas) -> None:
        flow.same = True
        try:
            await self._send(flow, "mac", sas.mac())
            await self._perhaps_done(flow)
        except BaseException:
            flow.same = False
            raise

    # --- one step ---------------------------------------------------------------------------

    async def _take(self, kind: str, sender: str, id: str, content: _Json, room: str) -> None:
        if sender == self._client.user_id:
            return
        flow = self._flows.get(id)
        if flow is not None and (flow.user, flow.room) != (sender, room):
            return
        try:
            if kind == REQUEST or (kind == f"{TYPES}start" and flow is None and not room):
                await self._asked(sender, id, content, room, begins=kind != REQUEST)
            elif flow is not None:
                flow.moved_at = self._now()
                await self._step(flow, kind.removeprefix(TYPES), content)
        except SasError as error:
            if flow is not None:
                await self._cancel(flow, error.code)
        except Exception as error:  # the network: the person sees that it does not go on
            _log.warning("a comparison of keys failed (%s)", type(error).__name__)

    async def _asked(
        self, sender: str, id: str, content: _Json, room: str, *, begins: bool
    ) -> None:
        now = self._now()
        earlier = [flow for flow in self._flows.values() if flow.user == sender]
        if id in self._flows or not await self._acquaintances.known(sender):
            return
        device = content.get("from_device")
        methods = content.get("methods")
        able = begins or (isinstance(methods, list) and METHOD in methods)
        if not isinstance(device, str) or not able:
            return
        for one in earlier:
            await self._cancel(one, "m.user")
        last = self._asked_at.get(sender)
        if len(self._flows) >= _AT_ONCE or (last is not None and now - last < _PAUSE):
            return
        flow = await self._flow(sender, device, id, room, now)
        if flow is None:
            return
        self._asked_at[sender] = now
        self._flows[id] = flow
        flow.start = content if begins else None
        token = flow.token
        self._tell(flow, "asked", begin=f"{token} begin", decline=f"{token} decline")

    async def _flow(
        self, user: str, device_id: str, id: str, room: str, now: datetime
    ) -> _Flow | None:
        await self._devices.query([user])
        master = self._identities.master(user)
        device = self._client.device_store[user].get(device_id)
        if not master or device is None or device.deleted:
            return None
        own_device, key = self._client.device_id, self._client.olm.account.identity_keys["ed25519"]
        ours = {f"ed25519:{own_device}": key, f"ed25519:{self._own.master}": self._own.master}
        theirs = {f"ed25519:{device_id}": device.ed25519, f"ed25519:{master}": master}
        return _Flow(
            id=id,
            user=user,
            device=device_id,
            room=room,
            ours=Party(self._client.user_id, own_device, ours),
            theirs=Party(user, device_id, theirs),
            master=master,
            begun_at=now,
            moved_at=now,
        )

    async def _step(self, flow: _Flow, step: str, content: _Json) -> None:
        if step == "cancel":
            self._end(flow, proven=False)
        elif step == "start" and flow.ready and flow.start is None:
            if content.get("from_device") != flow.device:
                raise SasError("m.invalid_message")
            flow.start = content
            await self._accept(flow)
        elif step == "key" and flow.sas is not None:
            await self._send(flow, "key", flow.sas.agree(content))
            flow.shown = True
            token = flow.token
            self._tell(
                flow,
                "shown",
                pictures=list(flow.sas.pictures()),
                same=f"{token} same",
                different=f"{token} different",
            )
        elif step == "mac" and flow.sas is not None:
            if f"ed25519:{flow.master}" not in flow.sas.vouched(content):
                raise SasError("m.key_mismatch")
            flow.vouched = True
            await self._perhaps_done(flow)
        elif step in ("start", "key", "mac"):
            raise SasError("m.unexpected_message")

    async def _accept(self, flow: _Flow) -> None:
        flow.sas = Sas(flow.ours, flow.theirs, flow.id, flow.start or {})
        await self._send(flow, "accept", flow.sas.accept())

    async def _perhaps_done(self, flow: _Flow) -> None:
        """Both sides say that the pictures are the same, and the app vouched for its keys."""
        if flow.same and flow.vouched:
            await self._identities.compared(flow.user, flow.master)
            self._end(flow, proven=True)
            await self._send(flow, "done", {})

    async def _cancel(self, flow: _Flow, code: str) -> None:
        self._end(flow, proven=False)
        try:
            await self._send(flow, "cancel", {"code": code, "reason": code})
        except Exception as error:  # over in any case; the person's app ends it by itself
            _log.warning("a comparison's end was not told (%s)", type(error).__name__)

    def _end(self, flow: _Flow, *, proven: bool) -> None:
        if self._flows.pop(flow.id, None) is not None:
            self._tell(flow, "ended", proven=proven)

    def _tell(self, flow: _Flow, what: str, **content: Any) -> None:
        digest = hashlib.sha256(f"{flow.user} {flow.id} {flow.token}".encode()).hexdigest()[:32]
        self._report(flow.user, f"comparison:{digest}:{what}", {"kind": what, **content})

    # --- sending ----------------------------------------------------------------------------

    async def _send(self, flow: _Flow, step: str, content: Mapping[str, Any]) -> None:
        kind = f"{TYPES}{step}"
        if flow.room:
            relation = {"rel_type": "m.reference", "event_id": flow.id}
            kind, sealed = await self._guard.seal(
                flow.room, kind, {**content, "m.relates_to": relation}, Secrecy.MINIMAL
            )
            answer = await call(
                self._client, "PUT", path("rooms", flow.room, "send", kind, uuid4().hex), sealed
            )
        else:
            message = {**content, "transaction_id": flow.id}
            body = {"messages": {flow.user: {flow.device: message}}}
            answer = await call(self._client, "PUT", path("sendToDevice", kind, uuid4().hex), body)
        if not answer.ok:
            raise RefusedError(of_answer(answer))


def is_verification(event: _Json) -> bool:
    """Whether this event is part of a comparison, and no message to us."""
    kind = event.get("type")
    if kind == "m.room.message":
        return _object(event.get("content")).get("msgtype") == REQUEST
    return isinstance(kind, str) and kind.startswith(TYPES)


def _object(value: object) -> _Json:
    return value if isinstance(value, Mapping) else {}
