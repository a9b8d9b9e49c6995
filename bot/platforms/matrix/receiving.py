"""From the homeserver's sync to stored events, with a token that is ours and not nio's.

Source: Matrix client-server API, "Syncing", "Room membership", "Room upgrades".
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import aiohttp
from nio import AsyncClient, Event, MegolmEvent, SyncResponse  # type: ignore[import-untyped]

from bot.platforms.base import Batch, ChatKind, PlatformError, RawEvent, Result
from bot.platforms.matrix.comparing import Comparisons, is_verification
from bot.platforms.matrix.devices import Devices
from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.joining import Joining
from bot.platforms.matrix.keys import claim
from bot.platforms.matrix.outcome import RefusedError, of_answer, of_response
from bot.platforms.matrix.parse import STORED
from bot.platforms.matrix.proof import Proof
from bot.platforms.matrix.reports import Reports
from bot.platforms.matrix.rooms import Rooms
from bot.platforms.matrix.session import are_used
from bot.platforms.matrix.upgrades import Upgrades

_log = logging.getLogger(__name__)

_PAGE = 100  # events asked for at once
_PAGES = 50  # how far back a gap is filled: 5,000 events of one room
_LATE = 500  # messages without a key that wait for it in memory
_GRACE = 30.0  # seconds beyond `wait` before a sync is given up
_FULL_STATE = 120.0  # seconds for a sync with the state of all rooms

_NOTHING: dict[str, Any] = {"types": []}

_Json = Mapping[str, Any]


class Receiver:
    """Reads events, and keeps the device's keys in order."""

    def __init__(
        self,
        client: AsyncClient,
        rooms: Rooms,
        joining: Joining,
        upgrades: Upgrades,
        devices: Devices,
        proof: Proof,
        comparisons: Comparisons,
        reports: Reports,
    ) -> None:
        self._client = client
        self._rooms = rooms
        self._joining = joining
        self._upgrades = upgrades
        self._devices = devices
        self._proof = proof
        self._comparisons = comparisons
        self._reports = reports
        self._compared: list[tuple[str, _Json]] = []
        self.complete = False
        """Whether the state of all rooms was read in this process."""
        self.spoilt = False
        """Whether the crypto store turned out to be an earlier copy of itself."""
        self._late: dict[str, tuple[str, _Json]] = {}
        self._found: set[str] = set()
        self._cursor: str | None = None
        self._upkeep: asyncio.Task[None] | None = None

    async def receive(self, cursor: str | None, wait: float) -> Batch:
        """Events after `cursor`; see `Platform.receive`.

        Nothing is confirmed and nothing forgotten until this is called with the cursor that it
        gave, so being cancelled at any point only means that the same events are given again.
        """
        if cursor is not None and cursor == self._cursor:
            for event_id in self._found:
                self._late.pop(event_id, None)
            await self._reports.confirmed()
        self._found.clear()
        self._compared.clear()
        if cursor is not None and not self.complete:
            await self._recover_invites()
        answer = await self._sync(cursor, 0 if self._reports.any() else wait)
        rooms = answer.get("rooms", {})
        self._joining.invited(rooms.get("invite", {}))

        events: list[RawEvent] = []
        for room_id, info in rooms.get("join", {}).items():
            if cursor is not None:
                events += await self._joined(room_id, info, cursor)
        for room_id, info in rooms.get("leave", {}).items():
            events += self._left(room_id, info) if cursor is not None else []
            self._rooms.forget(room_id)
        events += self._now_readable()
        await self._joining.look()
        await self._compare(answer.get("to_device", {}).get("events", []))
        events += self._reports.given()
        self._keep_up()
        self._cursor = str(answer["next_batch"])
        return Batch(tuple(events), self._cursor)

    async def stop(self) -> None:
        """End what runs beside; a join that was not finished is found again at the next start."""
        await self._joining.stop()
        await self._comparisons.stop()
        if self._upkeep is not None:
            self._upkeep.cancel()
            await asyncio.gather(self._upkeep, return_exceptions=True)

    # --- one sync ---------------------------------------------------------------------------

    async def _sync(self, cursor: str | None, wait: float) -> dict[str, Any]:
        client = self._client
        full = not self.complete
        # nio ignores an answer whose token it has seen; asked again with an older cursor, or with
        # full state and no news, that is an answer which has to be handled.
        client.next_batch = ""
        # The first sync of all takes only the state: what was said before is not for us.
        sync_filter = {
            "presence": _NOTHING,
            "room": {"timeline": {"limit": _PAGE if cursor is not None else 0}},
        }
        try:
            # nio waits without a limit when full state is asked for.
            async with asyncio.timeout(_FULL_STATE if full else wait + _GRACE):
                response = await client.sync(
                    timeout=int(wait * 1000),
                    sync_filter=sync_filter,
                    since=cursor,
                    full_state=True if full and cursor is not None else None,
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(error) from error
        except Exception as error:
            # Half an answer may have been taken in: believe no room until it is read again.
            self._rooms.forget_all()
            self.complete = False
            raise PlatformError(
                f"matrix.homeserver: its answer to a sync was not understood"
                f" ({type(error).__name__}); it is asked again"
            ) from error
        if not isinstance(response, SyncResponse):
            raise _refused(of_response(response).result, of_response(response).reason)
        # The body is kept by aiohttp, so this reads no second time from the network.
        answer: dict[str, Any] = json.loads(await response.transport_response.read())
        counts = answer.get("device_one_time_keys_count")
        if isinstance(counts, dict):
            # nio overlooks a count of zero, and then never uploads one-time keys again.
            client.olm.uploaded_key_count = counts.get("signed_curve25519", 0)
        await self._rooms.taken_in(set(answer.get("rooms", {}).get("join", {})))
        self.complete = True
        return answer

    # --- rooms ------------------------------------------------------------------------------

    async def _joined(self, room_id: str, info: _Json, cursor: str) -> list[RawEvent]:
        timeline = info.get("timeline", {})
        events = list(timeline.get("events", []))
        before = timeline.get("prev_batch")
        if timeline.get("limited") and isinstance(before, str):
            events = await self._fill(room_id, events, before, cursor)
        try:
            await self._proof.prepare(room_id, events)
        except RefusedError as error:
            raise _refused(error.receipt.result, error.receipt.reason) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(error) from error
        entry = self._entry(events)
        if entry is None:
            return self._understood(room_id, events)
        start, joined = entry
        if self._rooms.kind(room_id) is not ChatKind.PRIVATE:
            # In a group, what was said between the invitation and our coming was not said to us.
            start = joined
        by = _inviter(events[entry[0]])
        added = self._stored(room_id, events[joined], by=by)
        moved = await self._moved(room_id, events[joined], by)
        # Added comes first even if the person wrote before we had joined.
        return [*moved, added, *self._understood(room_id, events[start:])]

    def _left(self, room_id: str, info: _Json) -> list[RawEvent]:
        self._joining.left(room_id)
        state = info.get("state", {}).get("events", [])
        events = [*state, *info.get("timeline", {}).get("events", [])]
        own = [e for e in events if self._own_membership(e) in ("leave", "ban")]
        said = self._understood(room_id, info.get("timeline", {}).get("events", []))
        return said + [self._stored(room_id, event) for event in own[-1:]]

    async def _fill(self, room_id: str, events: list[Any], before: str, cursor: str) -> list[Any]:
        """The events that a limited timeline left out, back to the cursor or to our coming."""
        for _ in range(_PAGES):
            if self._reaches_entry(room_id, events):
                break
            query = {"dir": "b", "from": before, "to": cursor, "limit": str(_PAGE)}
            try:
                answer = await call(
                    self._client, "GET", path("rooms", room_id, "messages", **query)
                )
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise _unreachable(error) from error
            if not answer.ok:
                receipt = of_answer(answer)
                if receipt.result is Result.BLOCKED:
                    break  # put out of the room meanwhile: there is no more to read
                raise _refused(receipt.result, receipt.reason)
            chunk = answer.body.get("chunk", [])
            events = [*reversed(chunk), *events]
            end = answer.body.get("end")
            if not chunk or not isinstance(end, str):
                break
            before = end
        else:
            _log.warning("a room's timeline has a gap that is too long to fill")
        return events

    def _reaches_entry(self, room_id: str, events: list[Any]) -> bool:
        entry = self._entry(events)
        if entry is None:
            return False
        start, joined = entry
        invited = _previous(events[joined]) == "invite"
        return start < joined or not invited or self._rooms.kind(room_id) is not ChatKind.PRIVATE

    def _entry(self, events: list[Any]) -> tuple[int, int] | None:
        """Where we were last invited (or else joined) and where we joined, if in `events`.

        The last time counts: a room that we come back to is given with its older history.
        """
        entry: tuple[int, int] | None = None
        invited: int | None = None
        for index, event in enumerate(events):
            membership = self._own_membership(event)
            if membership == "invite":
                invited = index
            elif membership == "join" and _previous(event) != "join":
                entry = (index if invited is None else invited), index
            elif membership in ("leave", "ban"):
                invited = None
        return entry

    def _own_membership(self, event: _Json) -> str | None:
        if event.get("type") == "m.room.member" and event.get("state_key") == self._client.user_id:
            membership = event.get("content", {}).get("membership")
            return membership if isinstance(membership, str) else None
        return None

    # --- events -----------------------------------------------------------------------------

    def _understood(self, room_id: str, events: list[Any]) -> list[RawEvent]:
        stored = (self._take(room_id, event) for event in events)
        return [event for event in stored if event is not None]

    def _take(self, room_id: str, event: _Json) -> RawEvent | None:
        kind = event.get("type")
        if event.get("sender") == self._client.user_id:
            return None
        if is_verification(event):
            # In the clear, as some apps write it: the comparison proves itself or nothing.
            self._compared.append((room_id, event))
            return None
        if kind not in STORED:
            return None
        if kind == "m.room.member":
            # Others come and go unremarked, but who leaves a private room closes it to us.
            gone = event.get("content", {}).get("membership") in ("leave", "ban")
            own = event.get("state_key") == self._client.user_id
            private = self._rooms.kind(room_id) is ChatKind.PRIVATE
            return self._stored(room_id, event) if gone and private and not own else None
        if kind == "m.room.tombstone":
            return None  # told once we are in the new room; see `_moved`
        if kind != "m.room.encrypted":
            return self._stored(room_id, event)
        if not event.get("content"):
            return None  # taken back before we saw it
        opened = self._open(room_id, event)
        if opened is not None and is_verification(opened):
            self._compared.append((room_id, {**opened, "unsigned": event.get("unsigned")}))
            return None
        if opened is not None:
            readable = opened.get("type") in STORED
            return self._readable(room_id, event, opened) if readable else None
        self._wait_for_key(room_id, event)
        closed = {**event, "content": {**event["content"], "ciphertext": ""}}
        return self._stored(room_id, closed, undecryptable=True)

    def _readable(
        self, room_id: str, event: _Json, opened: _Json, **more: Any
    ) -> RawEvent:
        proven = self._proof.of(room_id, event)
        return self._stored(room_id, opened, decrypted=True, proven=proven, **more)

    def _stored(
        self, room_id: str, event: _Json, *, event_id: str | None = None, **more: Any
    ) -> RawEvent:
        room = self._client.rooms.get(room_id)
        person = more.get("by") or str(event.get("sender", ""))
        raw = {
            "event": {key: value for key, value in event.items() if key != "unsigned"},
            "room": {
                "kind": self._rooms.kind(room_id).value,
                "title": (room.name or "") if room else "",
                "encrypted": bool(room and room.encrypted),
            },
            "display_name": self._rooms.display_name(room_id, person),
            **more,
        }
        return RawEvent(event_id or str(event["event_id"]), room_id, raw)

    def _open(self, room_id: str, event: _Json) -> _Json | None:
        """The decrypted event, or None without the key or if what is inside is malformed."""
        parsed = Event.parse_event(event)
        if not isinstance(parsed, MegolmEvent):
            return None
        parsed.room_id = room_id
        try:
            source = self._client.decrypt_event(parsed).source
        except Exception:  # whatever is wrong with it, it cannot be read
            return None
        return source if source.get("event_id") == event.get("event_id") else None

    def _wait_for_key(self, room_id: str, event: _Json) -> None:
        parsed = Event.parse_event(event)
        if not isinstance(parsed, MegolmEvent):
            return
        while len(self._late) >= _LATE:
            self._late.pop(next(iter(self._late)))
        self._late[str(event["event_id"])] = (room_id, event)
        olm = self._client.olm
        waiting = {getattr(m, "request_id", None) for m in olm.outgoing_to_device_messages}
        if parsed.session_id not in olm.outgoing_key_requests and parsed.session_id not in waiting:
            parsed.room_id = room_id
            olm.outgoing_to_device_messages.append(
                parsed.as_key_request(parsed.sender, self._client.device_id)
            )

    def _now_readable(self) -> list[RawEvent]:
        """Messages given as unreadable before, whose key came after them.

        They are new events to the inbox: the same id with a suffix.
        """
        events = []
        sessions = self._client.olm.inbound_group_store
        for event_id, (room_id, event) in self._late.items():
            content = event["content"]
            if sessions.get(room_id, content.get("sender_key"), content.get("session_id")) is None:
                continue
            self._found.add(event_id)
            opened = self._open(room_id, event)
            if opened is not None and opened.get("type") in STORED:
                id = f"{event_id}#readable"
                events.append(self._readable(room_id, event, opened, event_id=id, late=True))
        return events

    # --- beside -----------------------------------------------------------------------------

    async def _recover_invites(self) -> None:
        """Invitations of before a restart: a sync from a cursor tells only of new ones."""
        try:
            answer = await self._joining.recover()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(error) from error
        if not answer.ok:
            receipt = of_answer(answer)
            raise _refused(receipt.result, receipt.reason)

    async def _compare(self, beside: list[Any]) -> None:
        """Go on with comparisons of pictures."""
        private = [
            (room, event)
            for room, event in self._compared
            if self._rooms.kind(room) is ChatKind.PRIVATE
        ]
        others = [event for event in beside if isinstance(event, dict) and is_verification(event)]
        await self._comparisons.take(private, others)

    async def _moved(self, room_id: str, joined: _Json, by: str) -> list[RawEvent]:
        """Migrated, for the room that this one replaces, if both say so."""
        try:
            replaced = await self._upgrades.replaced_by(room_id)
        except (RefusedError, aiohttp.ClientError, TimeoutError, OSError):
            return []  # the next message to the old room says so
        events = []
        for old in replaced:
            event = {
                "type": "m.room.tombstone",
                "sender": by or self._client.user_id,
                "origin_server_ts": joined.get("origin_server_ts"),
                "content": {"replacement_room": room_id},
            }
            event_id = f"{joined['event_id']}#migrated"
            events.append(self._stored(old, event, event_id=event_id))
        return events

    def _keep_up(self) -> None:
        if self._upkeep is None or self._upkeep.done():
            self._upkeep = asyncio.create_task(self._look_after_keys())

    async def _look_after_keys(self) -> None:
        """What nio's own loop does between two syncs; what fails is due again after the next."""
        client = self._client
        # nio answers some of the server's errors with a TypeError, so nothing narrower will do.
        with suppress(Exception):
            if client.should_upload_keys:
                self.spoilt |= are_used(await client.keys_upload())
            if client.should_query_keys:
                await self._devices.query(client.users_for_key_query)
            if client.should_claim_keys:
                await claim(client, client.get_users_for_key_claiming())
            if client.outgoing_to_device_messages:
                await client.send_to_device_messages()


def _previous(event: _Json) -> str | None:
    unsigned = event.get("unsigned", {})
    before = unsigned.get("prev_content") or event.get("prev_content") or {}
    membership = before.get("membership")
    return membership if isinstance(membership, str) else None


def _inviter(entry: _Json) -> str:
    """Who sent the invitation; where that was not given, Synapse names them with the joining."""
    if entry.get("content", {}).get("membership") == "invite":
        return str(entry.get("sender", ""))
    return str(entry.get("unsigned", {}).get("prev_sender", ""))


def _unreachable(error: Exception) -> PlatformError:
    return PlatformError(
        f"matrix.homeserver: cannot be reached ({type(error).__name__}); check the address and"
        " that the server is up"
    )


def _refused(result: Result, reason: str) -> PlatformError:
    if result is Result.REVOKED:
        return PlatformError(
            "matrix.password_file: the homeserver ended the bot's session; start again with the"
            " password set, so that the bot can log in anew",
            final=True,
        )
    return PlatformError(f"matrix.homeserver: syncing failed ({reason})")
