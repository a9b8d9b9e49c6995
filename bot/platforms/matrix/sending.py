"""One `Outgoing` to one room, through the guard, under a transaction id of its own.

Source: Matrix client-server API, "Sending events to a room", "Redactions",
"Sending encrypted attachments".
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from nio import AsyncClient, UploadResponse  # type: ignore[import-untyped]

from bot.platforms.base import Attachment, Operation, Outgoing, Receipt, Result, Secrecy
from bot.platforms.matrix.direct import DirectRooms
from bot.platforms.matrix.formatting import message as content_of
from bot.platforms.matrix.formatting import replacement, with_numbers
from bot.platforms.matrix.guard import Guard
from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.outcome import RefusedError, of_answer, of_response, refused
from bot.platforms.matrix.rooms import Rooms
from bot.platforms.matrix.upgrades import Upgrades

_PINS = 100  # an event may have 65,536 bytes


class Sender:
    """Carries out one operation once; raises `RefusedError`, network and encryption errors."""

    def __init__(
        self,
        client: AsyncClient,
        rooms: Rooms,
        direct: DirectRooms,
        upgrades: Upgrades,
        guard: Guard,
    ) -> None:
        self._client = client
        self._rooms = rooms
        self._direct = direct
        self._upgrades = upgrades
        self._guard = guard

    async def send(self, message: Outgoing) -> Receipt:
        """Send, edit or delete. With a user id as the chat, `new_chat` names the direct room."""
        room_id = await self._room(message.chat)
        upgraded = await self._upgrades.successor(await self._rooms.known(room_id))
        if upgraded is not None:
            return Receipt(Result.MIGRATED, new_chat=upgraded)
        if message.operation is Operation.SEND:
            message_id = await self._new(room_id, message)
        elif not message.target:
            raise refused(Result.GONE, "no message is named")
        elif message.operation is Operation.EDIT:
            text = with_numbers(message.text, message.buttons)
            content = replacement(text, message.target, silent=message.silent)
            await self._put(room_id, content, message.key, message.secrecy)
            # Later edits name the original as well.
            message_id = message.target
        elif message.operation is Operation.PIN:
            message_id = await self._pin(room_id, message.target)
        else:
            message_id = await self._redact(room_id, message)
        return Receipt(
            Result.SENT,
            message_id=message_id,
            new_chat=room_id if message.chat.startswith("@") else "",
        )

    async def _room(self, chat: str) -> str:
        if chat.startswith("!"):
            return chat
        if chat.startswith("@"):
            return await self._direct.room_with(chat)
        raise refused(Result.BLOCKED, "neither a room nor an account")

    async def _new(self, room_id: str, message: Outgoing) -> str:
        """The text first, in an event of its own: it can be edited, and is read if a file fails."""
        ids: list[str] = []
        text = with_numbers(message.text, message.buttons)
        if text.plain or not message.attachments:
            content = content_of(text, silent=message.silent, answers=message.target)
            ids.append(await self._put(room_id, content, message.key, message.secrecy))
        for number, attachment in enumerate(message.attachments, 1):
            content = await self._uploaded(room_id, attachment, message.secrecy)
            key = f"{message.key}.{number}"
            ids.append(await self._put(room_id, content, key, message.secrecy))
        return ids[0]

    async def _uploaded(
        self, room_id: str, attachment: Attachment, secrecy: Secrecy
    ) -> dict[str, Any]:
        encrypt = not await self._guard.leaves_clear(room_id, secrecy)
        # No file name: it would stand in clear text in the server's log and database.
        response, keys = await self._client.upload(
            BytesIO(attachment.content),
            content_type=attachment.mime,
            encrypt=encrypt,
            filesize=len(attachment.content),
        )
        if not isinstance(response, UploadResponse):
            raise RefusedError(of_response(response))
        family = attachment.mime.partition("/")[0]
        content: dict[str, Any] = {
            "msgtype": f"m.{family}" if family in ("image", "audio", "video") else "m.file",
            "body": attachment.name,
            "info": {"mimetype": attachment.mime, "size": len(attachment.content)},
        }
        if encrypt:
            content["file"] = {**keys, "url": response.content_uri}
        else:
            content["url"] = response.content_uri
        return content

    async def _put(
        self, room_id: str, content: Mapping[str, Any], key: str, secrecy: Secrecy
    ) -> str:
        # A second try makes a new ciphertext under the same transaction id: the server gives the
        # first event again and throws this one away.
        kind, sealed = await self._guard.seal(room_id, "m.room.message", content, secrecy)
        where = path("rooms", room_id, "send", kind, key)
        answer = await call(self._client, "PUT", where, sealed)
        event_id = answer.body.get("event_id")
        if not answer.ok or not isinstance(event_id, str):
            raise RefusedError(of_answer(answer))
        return event_id

    async def _pin(self, room_id: str, event_id: str) -> str:
        """Among the pinned events, which are state of the room and bear ids alone.

        Where the person gave us no power for it, there is nothing to be had, and the message stands
        in the room all the same. Source: Matrix client-server API, "m.room.pinned_events".
        """
        where = path("rooms", room_id, "state", "m.room.pinned_events", "")
        known = await call(self._client, "GET", where)
        pinned = known.body.get("pinned") if known.ok else None
        earlier = [id for id in pinned if id != event_id] if isinstance(pinned, list) else []
        answer = await call(self._client, "PUT", where, {"pinned": [*earlier, event_id][-_PINS:]})
        if answer.errcode == "M_FORBIDDEN":
            raise refused(Result.GONE, f"{answer.status} {answer.errcode}")
        if not answer.ok:
            raise RefusedError(of_answer(answer))
        return event_id

    async def _redact(self, room_id: str, message: Outgoing) -> str:
        where = path("rooms", room_id, "redact", message.target, message.key)
        answer = await call(self._client, "PUT", where, {})
        if answer.errcode == "M_NOT_FOUND":
            raise refused(Result.GONE, f"{answer.status} {answer.errcode}")
        if not answer.ok:
            raise RefusedError(of_answer(answer))
        return message.target
