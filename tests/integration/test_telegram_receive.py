"""Receiving over HTTP: nothing is confirmed before it was asked past, and failures are named."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain.rich import Rich
from bot.platforms.base import (
    Batch,
    File,
    FileTooLarge,
    Incoming,
    Operation,
    Outgoing,
    PlatformError,
    Press,
    Text,
)
from bot.platforms.telegram import TelegramPlatform
from tests.support.botapi import BotApi

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotApi]:
    async with await BotApi.start(tmp_path_factory.mktemp("botapi")) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def api(server: BotApi) -> BotApi:
    """The server of all these tests, without what the one before left."""
    await server.revoke(False)
    await server.control("clear_faults")
    await server.call("deleteWebhook", drop_pending_updates=True)
    return server


@pytest_asyncio.fixture(loop_scope="module")
async def own(tmp_path: Path) -> AsyncIterator[BotApi]:
    """A server that may be stopped."""
    async with await BotApi.start(tmp_path) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def platform(api: BotApi) -> AsyncIterator[TelegramPlatform]:
    made = TelegramPlatform(token=api.token, base_url=api.url, now=lambda: NOW)
    await made.start()
    yield made
    await made.stop()


def texts(platform: TelegramPlatform, batch: Batch) -> list[str]:
    found = [platform.parse(event) for event in batch.events]
    return [i.body.text for i in found if i and isinstance(i.body, Text)]


async def test_a_file_is_fetched_and_never_beyond_the_limit(
    platform: TelegramPlatform, api: BotApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ana = await api.person("Ana")
    await ana.sends_file(b"%PDF-1.7 a document", "informe.pdf")
    (event,) = (await platform.receive(None, 0)).events
    incoming = platform.parse(event)
    assert incoming is not None
    sent = incoming.body
    assert isinstance(sent, File)
    assert await platform.fetch(sent.ref, 19) == b"%PDF-1.7 a document"
    with pytest.raises(FileTooLarge):
        await platform.fetch(sent.ref, 18)
    with pytest.raises(PlatformError) as refused:
        await platform.fetch({"file_id": "gone"}, 100)
    assert refused.value.final
    assert api.token not in caplog.text, "the address of a file holds the token"
    assert api.token not in str(refused.value)


async def test_a_batch_comes_again_until_it_is_asked_past(
    platform: TelegramPlatform, api: BotApi
) -> None:
    ana = await api.person("Ana")
    for word in ("uno", "dos", "tres"):
        await ana.writes(word)
    first = await platform.receive(None, 0)
    assert texts(platform, first) == ["uno", "dos", "tres"]
    assert await api.pending() == 3

    # Killed before it was stored: another process asks with what is in the database, nothing.
    again = TelegramPlatform(token=api.token, base_url=api.url, now=lambda: NOW)
    await again.start()
    assert await again.receive(None, 0) == first

    await ana.writes("cuatro")
    second = await again.receive(first.cursor, 0)
    assert texts(again, second) == ["cuatro"]
    assert await api.pending() == 1
    nothing = await again.receive(second.cursor, 0)
    assert (nothing.events, nothing.cursor) == ((), second.cursor)
    assert await api.pending() == 0
    await again.stop()


async def test_a_fresh_bot_without_updates_has_a_cursor_that_loses_none(
    platform: TelegramPlatform, api: BotApi
) -> None:
    empty = await platform.receive(None, 0)
    await (await api.person("Ana")).writes("hola")
    assert texts(platform, await platform.receive(empty.cursor, 0)) == ["hola"]


async def test_more_than_a_batch_comes_in_order(platform: TelegramPlatform, api: BotApi) -> None:
    ana = await api.person("Ana")
    for number in range(250):
        await ana.writes(str(number))
    cursor, read = None, list[str]()
    for _ in range(3):
        batch = await platform.receive(cursor, 0)
        cursor = batch.cursor
        read += texts(platform, batch)
    assert read == [str(number) for number in range(250)]


async def test_a_long_poll_ends_with_the_first_update(
    platform: TelegramPlatform, api: BotApi
) -> None:
    ana = await api.person("Ana")
    poll = asyncio.create_task(platform.receive(None, 30))
    await api.control("poll_waits")
    await ana.writes("ya")
    assert texts(platform, await asyncio.wait_for(poll, 5)) == ["ya"]


async def test_a_cancelled_poll_confirms_nothing(platform: TelegramPlatform, api: BotApi) -> None:
    ana = await api.person("Ana")
    poll = asyncio.create_task(platform.receive(None, 30))
    await api.control("poll_waits")
    poll.cancel()
    with pytest.raises(asyncio.CancelledError):
        await poll
    await ana.writes("hola")
    assert texts(platform, await platform.receive(None, 0)) == ["hola"]


async def test_sending_goes_on_while_a_poll_waits(platform: TelegramPlatform, api: BotApi) -> None:
    ana = await api.person("Ana")
    poll = asyncio.create_task(platform.receive(None, 30))
    await api.control("poll_waits")
    await platform.send(Outgoing("1", str(ana.id), Operation.SEND, Rich.of("hola")))
    assert await ana.texts() == ["hola"]
    await ana.writes("ya")
    await poll


async def test_what_is_unknown_is_kept_and_stops_nothing(
    platform: TelegramPlatform, api: BotApi
) -> None:
    odd = {"message": {"message_id": "?", "chat": 7, "future": {"a": [1]}}}
    await api.control("update", parts=odd)
    await (await api.person("Ana")).writes("hola")
    batch = await platform.receive(None, 0)
    assert batch.events[0].raw["message"] == odd["message"]
    assert batch.events[0].chat == ""
    assert batch.events[1].event_id == str(int(batch.events[0].event_id) + 1)


async def test_a_press_is_as_old_as_it_can_be(api: BotApi) -> None:
    """Telegram gives it no time: it is younger than the last answer that had nothing for us."""
    clock = [datetime.now(UTC) + timedelta(hours=1)]
    platform = TelegramPlatform(token=api.token, base_url=api.url, now=lambda: clock[0])
    await platform.start()
    ana = await api.person("Ana")
    await api.call(
        "sendMessage",
        chat_id=ana.id,
        text="?",
        reply_markup={"inline_keyboard": [[{"text": "Sí", "callback_data": "ok:1"}]]},
    )

    async def pressed(cursor: str | None) -> tuple[Incoming, str]:
        press_id = await ana.presses("Sí")
        batch = await platform.receive(cursor, 0)
        incoming = platform.parse(batch.events[-1])
        assert incoming is not None
        assert incoming.body == Press("ok:1", "1", press_id)
        assert (incoming.account, batch.events[-1].chat) == (str(ana.id), str(ana.id))
        return incoming, batch.cursor

    first, cursor = await pressed(None)
    asked = first.sent_at
    assert abs(asked - datetime.now(UTC)) < timedelta(minutes=1)  # its question's own time
    heard = clock[0] = clock[0] + timedelta(minutes=5)
    empty = await platform.receive(cursor, 0)
    clock[0] += timedelta(hours=3)  # nothing is heard of Telegram
    second, _ = await pressed(empty.cursor)
    assert second.sent_at == heard
    await platform.stop()


async def test_the_earlier_of_two_polls_is_told_to_stop(
    platform: TelegramPlatform, api: BotApi
) -> None:
    poll = asyncio.create_task(platform.receive(None, 30))
    await api.control("poll_waits")
    other = asyncio.create_task(api.call("getUpdates", timeout=30))
    with pytest.raises(PlatformError, match="another process polls this bot") as caught:
        await poll
    assert caught.value.final
    other.cancel()


@pytest.mark.parametrize("kind", ["429", "500", "502", "garbage", "reset"])
async def test_a_poll_that_fails_may_be_tried_again(
    platform: TelegramPlatform, api: BotApi, kind: str
) -> None:
    await (await api.person("Ana")).writes("hola")
    await api.fault(kind, method="getUpdates", retry_after=3)
    with pytest.raises(PlatformError) as caught:
        await platform.receive(None, 0)
    assert not caught.value.final
    assert texts(platform, await platform.receive(None, 0)) == ["hola"]


async def test_a_server_that_is_not_there_may_come_back(own: BotApi) -> None:
    platform = TelegramPlatform(token=own.token, base_url=own.url)
    await own.stop()
    with pytest.raises(PlatformError) as caught:
        await platform.start()
    assert not caught.value.final
    with pytest.raises(PlatformError):
        await platform.receive(None, 0)


@pytest.mark.parametrize("token", ["", "secret", "1:a b", "1:a/b"])
async def test_what_is_no_token_is_refused_before_it_leaves(api: BotApi, token: str) -> None:
    platform = TelegramPlatform(token=token, base_url=api.url)
    before = api.truth("request")
    with pytest.raises(PlatformError, match=r"telegram\.token.*BotFather") as caught:
        await platform.start()
    assert caught.value.final
    assert api.truth("request") == before


async def test_the_token_is_written_nowhere(own: BotApi, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in logs at DEBUG, nor in exceptions with their causes, receipts or `repr`."""
    caplog.set_level(logging.DEBUG)
    secret = own.token.partition(":")[2]
    ana = await own.person("Ana")
    platform = TelegramPlatform(token=own.token, base_url=own.url, read_timeout=0.2)
    written = [repr(platform), repr(vars(platform))]
    await platform.start()
    say = Outgoing("1", str(ana.id), Operation.SEND, Rich.of("hola"))
    for kind in ("429", "500", "502", "garbage", "timeout", "reset", ""):
        if kind:
            await own.fault(kind, method="sendMessage")
        if kind not in ("", "timeout"):
            await own.fault(kind, method="getUpdates")
        written.append(repr(await platform.send(say)))
        try:
            await platform.receive(None, 0)
        except PlatformError as error:
            written.append("".join(traceback.format_exception(error)))
    await own.revoke()
    written.append(repr(await platform.send(say)))
    for attempt in (platform.receive(None, 0), platform.start(), platform.publish_commands({})):
        try:
            await attempt
        except PlatformError as error:
            written.append("".join(traceback.format_exception(error)))
            written.append(str(error.final))
    await own.stop()
    with pytest.raises(PlatformError):
        await platform.start()
    assert "getMe" in caplog.text
    for text in (caplog.text, *written):
        assert secret not in text


async def test_a_revoked_token_names_the_setting_and_the_remedy(
    platform: TelegramPlatform, api: BotApi
) -> None:
    await api.revoke()
    for attempt in (platform.receive(None, 0), platform.start()):
        with pytest.raises(PlatformError, match=r"telegram\.token.*BotFather") as caught:
            await attempt
        assert caught.value.final
