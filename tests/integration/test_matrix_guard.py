"""Never plaintext to an encrypted room, and never a key counted as shared that was not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bot.platforms.base import Added, Operation, Result
from bot.platforms.matrix.http import call, path
from tests.support.matrix_bot import MatrixBot
from tests.support.matrix_person import MatrixPerson
from tests.support.synapse import Synapse, synapse

__all__ = ["synapse"]


async def types_by(person: MatrixPerson, room: str, sender: str) -> list[str]:
    """The types of the messages `sender` wrote, as the server keeps them."""
    where = path("rooms", room, "messages", dir="b", limit="1000")
    answer = await call(person.client, "GET", where)
    return [
        event["type"]
        for event in answer.body["chunk"]
        if event["sender"] == sender and "state_key" not in event
    ]


@pytest.fixture
async def ana(synapse: Synapse) -> Any:
    person = await MatrixPerson.join(synapse, f"ana{uuid4().hex[:6]}")
    yield person
    await person.close()


@pytest.fixture
async def bot(synapse: Synapse, tmp_path: Path) -> Any:
    started = await MatrixBot.started(synapse, tmp_path)
    yield started
    await started.platform.stop()


async def test_everything_in_an_encrypted_room_is_encrypted(
    bot: MatrixBot, ana: MatrixPerson
) -> None:
    room = await ana.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    message = await bot.says(room, "uno")
    await bot.sends(room, "dos", operation=Operation.EDIT, target=message)
    await bot.restart()
    refused = await bot.sends(room, "antes de saber")
    assert refused.result is Result.SERVER_ERROR
    await bot.pull()
    await bot.says(room, "tres")
    assert set(await types_by(ana, room, bot.user_id)) == {"m.room.encrypted"}
    assert len(await types_by(ana, room, bot.user_id)) == 3


async def test_a_room_whose_encryption_is_left_out_by_the_server_stays_encrypted(
    bot: MatrixBot, ana: MatrixPerson
) -> None:
    room = await ana.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    await bot.platform.stop()
    # The crypto store is lost as well, so that only our own record of encrypted rooms is left.
    (bot.folder / "crypto.db").unlink()
    bot.platform = bot.new_platform()
    await bot.platform.start()
    client = bot.platform._live.client  # type: ignore[union-attr]
    send = client.send

    async def forging(method: str, where: str, *more: Any, **named: Any) -> Any:
        response = await send(method, where, *more, **named)
        if "/sync" in where or where.endswith("/state"):
            text = (await response.read()).decode()
            response._body = _forged(json.loads(text))
        return response

    client.send = forging
    await bot.pull()
    assert not client.rooms[room].encrypted, "the forgery did not reach nio"
    sent = await bot.says(room, "secreto")
    await ana.sync_until(sent)
    assert ana.messages()[-1].body == "secreto"
    assert set(await types_by(ana, room, bot.user_id)) == {"m.room.encrypted"}


def _forged(value: Any) -> bytes:
    """Without any encryption event, and every room public."""

    def change(part: Any) -> Any:
        if isinstance(part, list):
            return [
                change(item)
                for item in part
                if not (isinstance(item, dict) and item.get("type") == "m.room.encryption")
            ]
        if isinstance(part, dict):
            if part.get("type") == "m.room.join_rules":
                return {**part, "content": {"join_rule": "public"}}
            return {key: change(item) for key, item in part.items()}
        return part

    return json.dumps(change(value)).encode()


async def test_an_unencrypted_private_room_gets_nothing(bot: MatrixBot, ana: MatrixPerson) -> None:
    room = await ana.opens_direct_room(bot.user_id, encrypted=False)
    await bot.receives(Added)
    assert (await bot.sends(room, "secreto")).result is Result.BLOCKED
    assert await types_by(ana, room, bot.user_id) == []


@pytest.mark.parametrize("failing", ["/sendToDevice/", "/keys/claim", "/keys/query"])
@pytest.mark.parametrize("status", [429, 500])
async def test_a_key_that_was_not_shared_is_shared_on_the_next_try(
    bot: MatrixBot, ana: MatrixPerson, failing: str, status: int
) -> None:
    room = await ana.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    client = bot.platform._live.client  # type: ignore[union-attr]
    client.olm.users_for_key_query.add(ana.user_id)
    send = client.send

    async def broken(method: str, where: str, *more: Any, **named: Any) -> Any:
        response = await send(method, where.replace(failing, "/nothing/"), *more, **named)
        if failing in where:
            response.status = status
            code = "M_LIMIT_EXCEEDED" if status == 429 else "M_UNKNOWN"
            body = {"errcode": code, "error": "no", "retry_after_ms": 1500}
            response._body = json.dumps(body).encode()
        return response

    client.send = broken
    receipt = await bot.sends(room, "uno", key="k")
    assert receipt.result is (Result.LIMITED if status == 429 else Result.SERVER_ERROR)
    assert receipt.retry_after == (1.5 if status == 429 else 0.0)
    assert await types_by(ana, room, bot.user_id) == []
    client.send = send
    sent = await bot.says(room, "uno", key="k")
    await ana.sync_until(sent)
    assert [message.body for message in ana.messages()] == ["uno"]
