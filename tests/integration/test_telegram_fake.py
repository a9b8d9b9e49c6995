"""The fake server by plain HTTP: what python-telegram-bot hides, and what the tests lean on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from tests.support.botapi import BotApi, TelegramPerson

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotApi]:
    async with await BotApi.start(tmp_path_factory.mktemp("botapi")) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def ana(api: BotApi) -> TelegramPerson:
    return await api.person("Ana")


async def test_who_am_i_and_who_else(api: BotApi) -> None:
    status, body = await api.call("getMe")
    assert (status, body["ok"], body["result"]["username"]) == (200, True, api.username)
    assert await api.call("GETME") == (status, body)
    assert await api.call("getMe", token="123456:other") == (
        401, {"ok": False, "error_code": 401, "description": "Unauthorized"},
    )  # fmt: skip
    assert await api.call("getMee") == (
        404, {"ok": False, "error_code": 404, "description": "Not Found: method not found"},
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["json", "form", "multipart", "url"])
async def test_parameters_in_each_encoding(
    api: BotApi, ana: TelegramPerson, encoding: str
) -> None:
    parameters = {
        "chat_id": str(ana.id),
        "text": "  é😀  ",
        "entities": json.dumps([{"type": "bold", "offset": 3, "length": 2}]),
    }
    url = f"{api.url}/bot{api.token}/sendMessage"
    form = aiohttp.FormData(parameters, default_to_multipart=encoding == "multipart")
    async with aiohttp.ClientSession() as session:
        match encoding:
            case "json":
                answer = await session.post(url, json=parameters)
            case "url":
                answer = await session.get(url, params=parameters)
            case _:
                answer = await session.post(url, data=form)
        result = (await answer.json())["result"]
    assert result["text"] == "é😀"
    assert result["entities"] == [{"type": "bold", "offset": 1, "length": 2}]


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("", "Bad Request: message text is empty"),
        ("x" * 4097, "Bad Request: message is too long"),
        ("😀" * 2049, "Bad Request: message is too long"),
    ],
)
async def test_texts_that_are_refused(
    api: BotApi, ana: TelegramPerson, text: str, description: str
) -> None:
    status, body = await api.call("sendMessage", chat_id=ana.id, text=text)
    assert (status, body["description"]) == (400, description)
    assert await ana.messages() == []


async def test_the_bodies_of_limits_and_upgrades(api: BotApi, ana: TelegramPerson) -> None:
    await api.fault("429", chat=ana.id, retry_after=7)
    assert await api.call("sendMessage", chat_id=ana.id, text="x") == (
        429,
        {
            "ok": False,
            "error_code": 429,
            "description": "Too Many Requests: retry after 7",
            "parameters": {"retry_after": 7},
        },
    )
    group = await api.chat("Red")
    new = await ana.upgrades(group)
    status, body = await api.call("sendMessage", chat_id=group.id, text="x")
    assert (status, body["parameters"]) == (400, {"migrate_to_chat_id": new.id})


async def test_updates_are_kept_until_an_offset_confirms_them(
    api: BotApi, ana: TelegramPerson
) -> None:
    await api.call("deleteWebhook", drop_pending_updates=True)
    for word in "abc":
        await ana.writes(word)
    _, body = await api.call("getUpdates", limit=2)
    first, second = (update["update_id"] for update in body["result"])
    assert second == first + 1
    _, body = await api.call("getUpdates", offset=second)
    assert len(body["result"]) == await api.pending() == 2
    # An offset in the future is ignored, a negative one keeps the last.
    _, body = await api.call("getUpdates", offset=second + 1000)
    assert len(body["result"]) == 2
    _, body = await api.call("getUpdates", offset=-1)
    assert [update["message"]["text"] for update in body["result"]] == ["c"]
    assert (await api.call("getWebhookInfo"))[1]["result"]["pending_update_count"] == 1


async def test_the_earlier_of_two_polls_gets_a_conflict(api: BotApi, ana: TelegramPerson) -> None:
    await api.call("deleteWebhook", drop_pending_updates=True)
    earlier = asyncio.create_task(api.call("getUpdates", timeout=20))
    await api.control("poll_waits")
    later = asyncio.create_task(api.call("getUpdates", timeout=20))
    status, body = await earlier
    assert (status, body["description"].split(":")[0]) == (409, "Conflict")
    await ana.writes("hola")
    assert len((await later)[1]["result"]) == 1


async def test_kinds_that_were_not_asked_for_do_not_come(api: BotApi, ana: TelegramPerson) -> None:
    await api.call("getUpdates", allowed_updates=["message"])
    await api.call("deleteWebhook", drop_pending_updates=True)
    await ana.blocks()
    assert await api.pending() == 0
    await api.call("getUpdates", allowed_updates=["message", "my_chat_member"])


async def test_the_log_tells_what_was_accepted_and_how_each_request_ended(
    api: BotApi, ana: TelegramPerson
) -> None:
    before = len(api.truth())
    await api.fault("reset", chat=ana.id, after=True)
    with pytest.raises(aiohttp.ClientError):
        await api.call("sendMessage", chat_id=ana.id, text="uno")
    keyboard = {"inline_keyboard": [[{"text": "Sí", "callback_data": "y"}]]}
    await api.call("editMessageReplyMarkup", chat_id=ana.id, message_id=1, reply_markup=keyboard)
    press = await ana.presses("Sí")
    await api.call("answerCallbackQuery", callback_query_id=press, text="Gracias")
    await api.call("deleteMessage", chat_id=ana.id, message_id=1)
    await api.call("editMessageText", chat_id=ana.id, message_id=1, text="dos")
    lines = api.truth()[before:]
    events = [line["event"] for line in lines if line["event"] != "request"]
    assert events == ["message", "edit", "toast", "delete"]
    assert [line["status"] for line in lines if line["event"] == "request"] == [
        0, 200, 200, 200, 400,
    ]  # fmt: skip
    assert lines[-1]["description"] == "Bad Request: message to edit not found"


async def test_chats_are_described_and_left(api: BotApi, ana: TelegramPerson) -> None:
    group = await api.chat("Red", type="channel", bot="administrator")
    _, body = await api.call("getChat", chat_id=group.id)
    assert (body["result"]["type"], body["result"]["title"]) == ("channel", "Red")
    _, me = await api.call("getMe")
    member = {"chat_id": group.id, "user_id": me["result"]["id"]}
    assert (await api.call("getChatMember", **member))[1]["result"]["status"] == "administrator"
    await api.call("leaveChat", chat_id=group.id)
    assert (await api.call("getChatMember", **member))[1]["result"]["status"] == "left"
    assert (await api.call("getChat", chat_id=1))[0] == 400


async def test_nobody_presses_what_is_not_there(ana: TelegramPerson) -> None:
    with pytest.raises(AssertionError, match="no message has the button"):
        await ana.presses("Sí")
