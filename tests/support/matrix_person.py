"""A person on Matrix: an app with encryption of its own, as the person sees and uses it."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from nio import (  # type: ignore[import-untyped]
    AsyncClient,
    AsyncClientConfig,
    Event,
    MegolmEvent,
    RedactedEvent,
    RedactionEvent,
    RoomPreset,
    ToDeviceMessage,
)
from nio.crypto.attachments import decrypt_attachment  # type: ignore[import-untyped]
from nio.store import SqliteStore  # type: ignore[import-untyped]

from bot.platforms.matrix import cross_signing
from bot.platforms.matrix.cross_signing import Identity
from bot.platforms.matrix.http import Answer, call, path
from tests.support.synapse import Synapse

_MEGOLM = {
    "type": "m.room.encryption",
    "state_key": "",
    "content": {"algorithm": "m.megolm.v1.aes-sha2"},
}
_PATIENCE = 20.0


@dataclass(frozen=True)
class Seen:
    """A message as it stands on the person's screen; `body` None is one that cannot be read."""

    event_id: str
    sender: str
    body: str | None
    content: Mapping[str, Any]
    edited: bool = False


class MatrixPerson:
    """One person with one device. Every send gives the event id back.

    `room` is the direct room with the bot once there is one; most calls take another room as
    `room_id`.
    """

    def __init__(self, client: AsyncClient, password: str) -> None:
        self._client = client
        self.password = password
        self._timelines: dict[str, list[Event]] = {}
        self._ids: set[str] = set()
        self._withheld: list[tuple[str, dict[str, str]]] = []
        self.room = ""
        client.add_event_callback(self._on_event, Event)

    @classmethod
    async def join(
        cls, synapse: Synapse, name: str, *, password: str | None = None, device_id: str = ""
    ) -> MatrixPerson:
        """Make the account `name` and log in; with `password`, a further device of it."""
        if password is None:
            _, password = await synapse.register(name)
        folder = tempfile.mkdtemp(prefix="acuerpa-person-")
        config = AsyncClientConfig(
            store=SqliteStore,
            store_name="person.db",  # nio's default is the user id, which may be too long for one
            max_timeouts=2,
            max_limit_exceeded=2,
            request_timeout=20,
        )
        client = AsyncClient(
            synapse.url, name, device_id=device_id, store_path=folder, config=config
        )
        await client.login(password, device_name="phone")
        if not client.logged_in:
            raise RuntimeError(f"{name} cannot log in")
        person = cls(client, password)
        await person.sync()
        return person

    @property
    def user_id(self) -> str:
        """The full Matrix id."""
        return str(self._client.user_id)

    @property
    def client(self) -> AsyncClient:
        """nio's client, for what a test does that a person does not."""
        return self._client

    async def close(self) -> None:
        """Close the app."""
        await self._client.close()
        if self._client.store is not None:
            self._client.store.database.close()

    # --- identity ---------------------------------------------------------------------------

    async def signs_own_device(self, identity: Identity | None = None) -> Identity:
        """Publish signing keys, new ones if none are given, and have them sign this device.

        Keys that replace others are published with the password, as apps do.
        """
        made = identity or Identity.new(self.user_id)
        await cross_signing._publish(self._client, made, self.password)
        own = await self.keys_of(self.user_id)
        device = own["device_keys"][self.user_id][self._client.device_id]
        body = {self.user_id: {self._client.device_id: made.signed(device, "self_signing")}}
        await self.asks("POST", path("keys", "signatures", "upload"), body)
        return made

    async def keys_of(self, user_id: str) -> dict[str, Any]:
        """What the server says about somebody's keys."""
        body = {"device_keys": {user_id: []}}
        return dict((await self.asks("POST", path("keys", "query"), body)).body)

    async def asks(self, method: str, where: str, body: Any = None) -> Answer:
        """Any request; it must succeed."""
        answer = await call(self._client, method, where, body)
        assert answer.ok, answer
        return answer

    # --- rooms ------------------------------------------------------------------------------

    async def opens_direct_room(
        self, bot: str, *, encrypted: bool = True, as_equals: bool = True
    ) -> str:
        """An encrypted direct room with the bot invited; becomes `room`.

        Who is not its equal there can be put out by the person.
        """
        self.room = await self._creates(
            is_direct=True,
            preset=RoomPreset.trusted_private_chat if as_equals else RoomPreset.private_chat,
            invite=[bot],
            initial_state=[_MEGOLM] if encrypted else [],
        )
        return self.room

    async def creates_room(
        self, name: str, invite: list[str], *, announcements: bool = False
    ) -> str:
        """An encrypted room; with `announcements` only those with power (all invited) write.

        The creator's power is endless since room version 12 and must not be listed.
        """
        return await self._creates(
            name=name,
            preset=RoomPreset.private_chat,
            invite=invite,
            initial_state=[_MEGOLM],
            power_level_override=(
                {"events_default": 50, "users": dict.fromkeys(invite, 50)}
                if announcements
                else None
            ),
        )

    async def accepts_invitations(self) -> list[str]:
        """Join every room the person is invited to; waits for the first invitation."""
        until = time.monotonic() + _PATIENCE
        while not self._client.invited_rooms and time.monotonic() < until:
            await self.sync(wait=1)
        rooms = list(self._client.invited_rooms)
        for room_id in rooms:
            await self._client.join(room_id)
            self.room = self.room or room_id
        await self.sync()
        return rooms

    async def invites(self, user_id: str, room_id: str) -> None:
        """Ask someone into a room."""
        await self._client.room_invite(room_id, user_id)

    async def removes(self, user_id: str, room_id: str = "") -> None:
        """Put someone out of a room."""
        await self._client.room_kick(room_id or self.room, user_id)

    async def leaves(self, room_id: str = "") -> None:
        """Leave a room."""
        await self._client.room_leave(room_id or self.room)

    # --- writing ----------------------------------------------------------------------------

    async def writes(self, text: str, *, reply_to: str | None = None, room_id: str = "") -> str:
        """Send a text."""
        content: dict[str, Any] = {"msgtype": "m.text", "body": text}
        if reply_to:
            content["body"] = f"> <@someone:localhost> quoted\n> more\n\n{text}"
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": reply_to}}
        return await self._sends("m.room.message", content, room_id)

    async def writes_without_key(self, text: str, *, room_id: str = "") -> str:
        """Send a text whose key the app keeps to itself until `gives_keys`, as apps do by mishap."""
        room = room_id or self.room
        olm = self._client.olm
        olm.create_outbound_group_session(room)
        session = olm.outbound_group_sessions[room]
        session.shared = True
        key = {
            "algorithm": "m.megolm.v1.aes-sha2", "room_id": room,
            "session_id": session.id, "session_key": session.session_key,
        }  # fmt: skip
        self._withheld.append((room, key))
        written = await self.writes(text, room_id=room)
        self.forgets_session(room)
        return written

    def forgets_session(self, room_id: str = "") -> None:
        """The next message has a new key, which the app gives to the others as usual."""
        self._client.olm.outbound_group_sessions.pop(room_id or self.room, None)

    async def gives_keys(self, *, of: MatrixPerson | None = None, asked: bool = False) -> None:
        """The app sends the keys that it kept to itself, to all devices of those in the room.

        `asked` sends them as the answer to a request; `of` sends those of another person so.
        """
        maker = of or self
        withheld, maker._withheld = maker._withheld, []
        client = self._client
        for room, key in withheld:
            own = maker.client.olm.account.identity_keys["curve25519"]
            session_id = key["session_id"]
            made = maker.client.olm.inbound_group_store.get(room, own, session_id)
            missing = client.get_missing_sessions(room)
            if missing:
                await client.keys_claim(missing)
            for user in client.rooms[room].users:
                for device in client.device_store.active_user_devices(user):
                    session = client.olm.session_store.get(device.curve25519)
                    if session is None or device.id == client.device_id:
                        continue
                    if asked or of:
                        message = client.olm._encrypt_forwarding_key(room, made, session, device)
                    else:
                        content = client.olm._olm_encrypt(session, device, "m.room_key", key)
                        message = ToDeviceMessage("m.room.encrypted", user, device.id, content)
                    await client.to_device(message)

    async def edits(self, event_id: str, text: str, *, room_id: str = "") -> str:
        """Change an earlier message of one's own."""
        content = {
            "msgtype": "m.text",
            "body": f"* {text}",
            "m.new_content": {"msgtype": "m.text", "body": text},
            "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
        }
        return await self._sends("m.room.message", content, room_id)

    async def reacts(self, event_id: str, emoji: str, *, room_id: str = "") -> str:
        """React to a message; never encrypted, in any app."""
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": emoji}
        return await self._sends("m.reaction", {"m.relates_to": relation}, room_id)

    async def sends_sticker(self, *, room_id: str = "") -> str:
        """Send a sticker."""
        content = {"body": "A cat", "url": "mxc://localhost/cat", "info": {}}
        return await self._sends("m.sticker", content, room_id)

    async def sends_image(
        self, data: bytes = b"\x89PNG", *, caption: str = "", room_id: str = ""
    ) -> str:
        """Send a picture, encrypted, with or without a caption."""
        response, keys = await self._client.upload(
            BytesIO(data), content_type="image/png", encrypt=True, filesize=len(data)
        )
        content: dict[str, Any] = {
            "msgtype": "m.image",
            "body": caption or "photo.png",
            "filename": "photo.png",
            "file": {**keys, "url": response.content_uri},
        }
        return await self._sends("m.room.message", content, room_id)

    async def sends_file(
        self, data: bytes, name: str, *, caption: str = "", room_id: str = ""
    ) -> str:
        """Send a photo or a document, encrypted. Says nothing of its size, as an app may."""
        picture = name.startswith(("foto", "photo"))
        kind = "image/jpeg" if picture else "application/octet-stream"
        response, keys = await self._client.upload(
            BytesIO(data), content_type=kind, encrypt=True, filesize=len(data)
        )
        content: dict[str, Any] = {
            "msgtype": "m.image" if picture else "m.file",
            "body": caption or name,
            "filename": name,
            "file": {**keys, "url": response.content_uri},
        }
        return await self._sends("m.room.message", content, room_id)

    async def opens_file(self, message: Seen) -> bytes:
        """The content of a picture or a document in a message, decrypted by the person's app."""
        sealed = message.content.get("file")
        url = sealed["url"] if sealed else message.content["url"]
        server, _, media = url.removeprefix("mxc://").partition("/")
        response = await self._client.send(
            "GET", f"/_matrix/client/v1/media/download/{server}/{media}", None,
            {"Authorization": f"Bearer {self._client.access_token}"},
        )  # fmt: skip
        assert response.status == 200, response.status
        data: bytes = await response.read()
        if not sealed:
            return data
        clear: bytes = decrypt_attachment(
            data, sealed["key"]["k"], sealed["hashes"]["sha256"], sealed["iv"]
        )
        return clear

    async def sends(self, kind: str, content: dict[str, Any], *, room_id: str = "") -> str:
        """Send any event."""
        return await self._sends(kind, content, room_id)

    async def deletes(self, event_id: str, *, room_id: str = "") -> str:
        """Take a message back."""
        response = await self._client.room_redact(room_id or self.room, event_id)
        return str(response.event_id)

    # --- reading ----------------------------------------------------------------------------

    async def sync(self, wait: float = 0) -> None:
        """Fetch what is new, waiting up to `wait` seconds for it."""
        client = self._client
        await client.sync(
            timeout=int(wait * 1000),
            sync_filter={"room": {"timeline": {"limit": 1000}}},
            full_state=True if not client.next_batch else None,
        )
        if client.should_upload_keys:
            await client.keys_upload()
        if client.should_query_keys:
            await client.keys_query()
        if client.should_claim_keys:
            await client.keys_claim(client.get_users_for_key_claiming())
        await client.send_to_device_messages()

    async def sync_until(self, event_id: str) -> None:
        """Sync until this event has arrived; fails after 20 seconds of real time."""
        await self._until(lambda: event_id in self._ids, f"event {event_id}")

    async def sync_until_shown(self, fragment: str, *, room_id: str = "") -> Seen:
        """Sync until a message with this text is shown, and give the newest such."""

        def found() -> list[Seen]:
            seen = self.messages(room_id=room_id)
            return [message for message in seen if message.body and fragment in message.body]

        await self._until(lambda: bool(found()), f"a message with {fragment!r}")
        return found()[-1]

    def messages(self, *, room_id: str = "") -> list[Seen]:
        """What is on the screen: newest version of each message, without what was taken back."""
        events = self._timelines.get(room_id or self.room, [])
        gone = {event.redacts for event in events if isinstance(event, RedactionEvent)}
        edits: dict[str, Event] = {}
        shown: list[Event] = []
        for event in events:
            if event.event_id in gone or isinstance(event, RedactedEvent):
                continue
            relation = event.source.get("content", {}).get("m.relates_to", {})
            if relation.get("rel_type") == "m.replace":
                edits[relation["event_id"]] = event
            elif isinstance(event, MegolmEvent) or event.source.get("type") in (
                "m.room.message",
                "m.sticker",
            ):
                shown.append(event)
        return [_seen(event, edits.get(event.event_id)) for event in shown]

    def readings(self, *, room_id: str = "") -> dict[str, str | None]:
        """The words of each event as it came, edits on their own; None where it cannot be read."""
        return {
            event.event_id: (
                None if isinstance(event, MegolmEvent)
                else event.source.get("content", {}).get("body", "")
            )
            for event in self._timelines.get(room_id or self.room, [])
        }  # fmt: skip

    async def opens(self, event_id: str, *, room_id: str = "") -> str | None:
        """The words of one event: as it came, or fetched as an app does when one scrolls back."""
        found = self.readings(room_id=room_id)
        if event_id in found:
            return found[event_id]
        response = await self._client.room_get_event(room_id or self.room, event_id)
        event = response.event
        return None if isinstance(event, MegolmEvent) else event.source["content"].get("body", "")

    # --- inside -----------------------------------------------------------------------------

    async def _creates(self, **how: Any) -> str:
        response = await self._client.room_create(**how)
        if not hasattr(response, "room_id"):
            raise RuntimeError(f"making a room failed: {response}")
        room_id = str(response.room_id)
        await self._until(lambda: room_id in self._client.rooms, "one's own room")
        return room_id

    async def _sends(self, kind: str, content: dict[str, Any], room_id: str) -> str:
        response = await self._client.room_send(
            room_id or self.room, kind, content, ignore_unverified_devices=True
        )
        if not hasattr(response, "event_id"):
            raise RuntimeError(f"sending failed: {response}")
        return str(response.event_id)

    async def _until(self, reached: Any, what: str) -> None:
        until = time.monotonic() + _PATIENCE
        while not reached():
            if time.monotonic() > until:
                raise AssertionError(f"{self.user_id} waited {_PATIENCE} s for {what}")
            async with asyncio.timeout(_PATIENCE):
                await self.sync(wait=1)

    async def _on_event(self, room: Any, event: Event) -> None:
        if event.event_id not in self._ids:
            self._ids.add(event.event_id)
            self._timelines.setdefault(room.room_id, []).append(event)


def _seen(event: Event, edit: Event | None) -> Seen:
    content = event.source.get("content", {})
    if edit is not None and edit.sender == event.sender and not isinstance(edit, MegolmEvent):
        content = edit.source["content"].get("m.new_content", {})
    body = None if isinstance(event, MegolmEvent) else content.get("body")
    return Seen(event.event_id, event.sender, body, content, edited=edit is not None)
