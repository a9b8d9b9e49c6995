"""From the homeserver's sync to stored events, with a token that is ours and not nio's.

Source: Matrix client-server API, "Syncing", "Room membership", "Room upgrades".
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from nio import AsyncClient, Event, MegolmEvent, SyncResponse  # type: ignore[import-untyped]

from bot.platforms.base import Batch, ChatKind, PlatformError, RawEvent, Receipt, Result
from bot.platforms.matrix.behind import PAGE, Behind, Cursor, Cursors, Gap, Page
from bot.platforms.matrix.client import StoreFailed
from bot.platforms.matrix.comparing import Comparisons, is_verification
from bot.platforms.matrix.devices import Devices
from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.joining import Joining
from bot.platforms.matrix.keys import claim
from bot.platforms.matrix.late import LateKeys
from bot.platforms.matrix.outcome import SOFT_LOGOUT, RefusedError, of_answer, of_response
from bot.platforms.matrix.parse import STORED
from bot.platforms.matrix.proof import Proof
from bot.platforms.matrix.reports import Reports
from bot.platforms.matrix.rooms import Rooms
from bot.platforms.matrix.session import are_used
from bot.platforms.matrix.upgrades import Upgrades

_log = logging.getLogger(__name__)

_PAGES = 20  # pages of what a sync left out that are read in one go: 2,000 events
_GRACE = 30.0  # seconds beyond `wait` before a sync is given up
_FULL_STATE = 120.0  # seconds for a sync with the state of all rooms
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_NOTHING: dict[str, Any] = {"types": []}

_Json = Mapping[str, Any]


class SessionEnded(Exception):
    """This client is of no more use, but signing in again mends it; the device stays the same."""


@dataclass
class _Turn:
    """One `receive`: from `since` to `until`, the rooms that are behind, the pages it may read."""

    since: str
    until: str
    gaps: dict[str, Gap]
    pages: int
    closed: list[Page] = field(default_factory=list)


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
        late: LateKeys,
        cursors: Cursors,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._rooms = rooms
        self._joining = joining
        self._upgrades = upgrades
        self._devices = devices
        self._proof = proof
        self._comparisons = comparisons
        self._reports = reports
        self._late = late
        self._cursors = cursors
        self._now = now
        self._behind = Behind(client)
        self.complete = False
        """Whether the state of all rooms was read in this process."""
        self.spoilt = False
        """Whether the crypto store turned out to be an earlier copy of itself."""
        self._compared: list[tuple[str, _Json]] = []
        self._cursor: str | None = None
        self._upkeep: asyncio.Task[None] | None = None

    async def receive(self, cursor: str | None, wait: float) -> Batch:
        """Events after `cursor`; see `Platform.receive`.

        Nothing is confirmed and nothing forgotten until this is called with the cursor that it
        gave, so being cancelled at any point only means that the same events are given again.
        """
        if cursor is not None and cursor == self._cursor:
            self._late.confirmed()
            await self._reports.confirmed()
        else:
            self._late.unconfirmed()
        # Cancelled from here on, what was found is nobody's yet: the same cursor does not confirm it.
        self._cursor = None
        self._compared.clear()
        at = self._cursors.read(cursor)
        if at.since is not None and not self.complete:
            await self._recover_invites()
        patience = self._behind.wait(at.gaps)
        patience = 0.0 if self._reports.any() else patience
        answer = await self._sync(at.since, wait if patience is None else min(wait, patience))
        rooms = answer.get("rooms", {})
        self._joining.invited(rooms.get("invite", {}))

        turn = _Turn(at.since or "", str(answer["next_batch"]), dict(at.gaps), _PAGES)
        events: list[RawEvent] = []
        for room_id, info in rooms.get("join", {}).items():
            if at.since is not None:
                events += await self._joined(room_id, info, turn)
        for room_id, info in rooms.get("leave", {}).items():
            events += await self._left(room_id, info, turn) if at.since is not None else []
            self._rooms.forget(room_id)
        events += await self._read_on(turn)
        events += await self._now_readable()
        await self._joining.look()
        await self._compare(answer.get("to_device", {}).get("events", []))
        events += self._reports.given()
        self._late.ask()
        self._keep_up()
        await self._late.save()
        self._cursor = self._cursors.write(Cursor(turn.until, turn.gaps))
        return Batch(tuple(events), self._cursor, more=self._behind.wait(turn.gaps) == 0)

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
            "room": {"timeline": {"limit": PAGE if cursor is not None else 0}},
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
        except StoreFailed as error:
            raise SessionEnded from error  # what memory has, the crypto store has not
        except Exception as error:
            # Half an answer may have been taken in: believe no room until it is read again.
            self._rooms.forget_all()
            self.complete = False
            raise PlatformError(
                f"matrix.homeserver: its answer to a sync was not understood"
                f" ({type(error).__name__}); it is asked again"
            ) from error
        if not isinstance(response, SyncResponse):
            raise _refused(of_response(response))
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

    async def _joined(self, room_id: str, info: _Json, turn: _Turn) -> list[RawEvent]:
        events = await self._unbroken(room_id, info.get("timeline", {}), turn)
        return await self._heard(room_id, events)

    async def _heard(self, room_id: str, events: Sequence[_Json]) -> list[RawEvent]:
        """These events, from our coming on if that is among them."""
        await self._ask_for_proof(room_id, events)
        entry = self._entry(events)
        if entry is None:
            return self._understood(room_id, events)
        start, joined = entry
        if self._rooms.kind(room_id) is not ChatKind.PRIVATE:
            # In a group, what was said between the invitation and our coming was not said to us.
            start = joined
        by = _inviter(events[entry[0]]) or self._joining.led_by(room_id)
        if self._rooms.is_space(room_id):
            return []  # its rooms tell of themselves
        added = self._stored(room_id, events[joined], by=by)
        moved = await self._moved(room_id, events[joined], by)
        # Added comes first even if the person wrote before we had joined.
        return [*moved, added, *self._understood(room_id, events[start:])]

    async def _left(self, room_id: str, info: _Json, turn: _Turn) -> list[RawEvent]:
        self._joining.left(room_id)
        timeline = info.get("timeline", {})
        state = info.get("state", {}).get("events", [])
        own = [
            event for event in [*state, *timeline.get("events", [])]
            if self._own_membership(event) in ("leave", "ban")
        ]  # fmt: skip
        said = self._understood(room_id, await self._unbroken(room_id, timeline, turn))
        return said + [self._stored(room_id, event) for event in own[-1:]]

    # --- what a sync left out ---------------------------------------------------------------

    async def _unbroken(self, room_id: str, timeline: _Json, turn: _Turn) -> Sequence[_Json]:
        """A timeline with what was left out of it; nothing yet if that is too much to read now."""
        events = timeline.get("events", [])
        before = timeline.get("prev_batch")
        last = str(events[-1].get("event_id", "")) if events else ""
        gap = turn.gaps.get(room_id)
        if gap is not None:
            turn.gaps[room_id] = gap.and_then(turn.until, last)
            return ()
        if not timeline.get("limited") or not isinstance(before, str):
            return list(events)
        whole = await self._fill(room_id, events, before, turn)
        if whole is None:
            turn.gaps[room_id] = Gap(turn.since, turn.until, last)
        return whole or ()

    async def _fill(
        self, room_id: str, events: Sequence[_Json], before: str, turn: _Turn
    ) -> Sequence[_Json] | None:
        """The events with those before them, back to the cursor or to our coming; None if that is
        more than this turn may read, or the server does not give it now."""
        while not self._reaches_entry(room_id, events):
            if turn.pages <= 0:
                return None
            turn.pages -= 1
            query = {"dir": "b", "from": before, "to": turn.since, "limit": str(PAGE)}
            try:
                answer = await call(
                    self._client, "GET", path("rooms", room_id, "messages", **query)
                )
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise _unreachable(error) from error
            if not answer.ok:
                if of_answer(answer).result is not Result.BLOCKED:
                    return None
                # Put out of the room meanwhile: what we were given counts all the same.
                turn.closed.append(Page(room_id, before, (), unread=True))
                break
            events = [*reversed(answer.body.get("chunk", [])), *events]
            end = answer.body.get("end")
            if not isinstance(end, str) or end == before:
                break
            before = end
        return events

    async def _read_on(self, turn: _Turn) -> list[RawEvent]:
        """Rooms that are behind, as far as this turn may read."""
        try:
            pages, turn.gaps = await self._behind.read(turn.gaps, turn.pages)
        except RefusedError as error:
            raise _refused(error.receipt) from error
        events: list[RawEvent] = []
        for page in [*turn.closed, *pages]:
            events += await self._heard(page.room, page.events)
            if page.unread:
                events.append(self._unfetched(page))
        return events

    def _unfetched(self, page: Page) -> RawEvent:
        """What tells that some of a room was not read, and perhaps never will be."""
        event = {
            "type": "m.room.message",
            "sender": self._rooms.other(page.room),
            "origin_server_ts": (self._now() - _EPOCH) // timedelta(milliseconds=1),
        }
        event_id = f"{page.room}#unfetched#{page.at}"
        return self._stored(page.room, event, event_id=event_id, unfetched=True)

    # --- coming and going -------------------------------------------------------------------

    def _reaches_entry(self, room_id: str, events: Sequence[_Json]) -> bool:
        entry = self._entry(events)
        if entry is None:
            return False
        start, joined = entry
        invited = _previous(events[joined]) == "invite"
        return start < joined or not invited or self._rooms.kind(room_id) is not ChatKind.PRIVATE

    def _entry(self, events: Sequence[_Json]) -> tuple[int, int] | None:
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

    async def _ask_for_proof(self, room_id: str, events: Sequence[_Json]) -> None:
        try:
            await self._proof.prepare(room_id, events)
        except RefusedError as error:
            raise _refused(error.receipt) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(error) from error

    def _understood(self, room_id: str, events: Sequence[_Json]) -> list[RawEvent]:
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
        self._late.add(room_id, event)
        closed = {**event, "content": {**event["content"], "ciphertext": ""}}
        return self._stored(room_id, closed, undecryptable=True)

    def _readable(self, room_id: str, event: _Json, opened: _Json, **more: Any) -> RawEvent:
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

    async def _now_readable(self) -> list[RawEvent]:
        """Messages given as unreadable before, whose key came after them.

        They are new events to the inbox: the same id with a suffix.
        """
        events = []
        for late in await self._late.readable():
            opened = self._open(late.room, late.event)
            if opened is not None and opened.get("type") in STORED:
                await self._ask_for_proof(late.room, [late.event])
                event_id = f"{late.event['event_id']}#readable"
                seen = late.seen.isoformat()
                events.append(
                    self._readable(late.room, late.event, opened, event_id=event_id, seen=seen)
                )
        return events

    # --- beside -----------------------------------------------------------------------------

    async def _recover_invites(self) -> None:
        """Invitations of before a restart: a sync from a cursor tells only of new ones."""
        try:
            answer = await self._joining.recover()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(error) from error
        if not answer.ok:
            raise _refused(of_answer(answer))

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


def _refused(receipt: Receipt) -> Exception:
    if receipt.reason == SOFT_LOGOUT:
        return SessionEnded()
    if receipt.result is Result.REVOKED:
        return PlatformError(
            "matrix.password_file: the homeserver ended the bot's session; start again with the"
            " password set, so that the bot can log in anew",
            final=True,
        )
    return PlatformError(f"matrix.homeserver: syncing failed ({receipt.reason})")
