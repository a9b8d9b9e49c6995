"""Sending over HTTP: every result that a receipt can have."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
import pytest_asyncio

from bot.domain.rich import Rich, Span, Style
from bot.platforms.base import Attachment, Button, Command, Operation, Outgoing, Result
from bot.platforms.telegram import TelegramPlatform
from tests.support.botapi import BotApi, TelegramPerson

_BUTTONS = ((Button("Estoy bien", "ok:1", 1), Button("Ayuda", "help:1", 2)),)
_JPEG = b"\xff\xd8\xff picture"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotApi]:
    async with await BotApi.start(tmp_path_factory.mktemp("botapi")) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def platform(api: BotApi) -> AsyncIterator[TelegramPlatform]:
    await api.revoke(False)
    await api.control("clear_faults")
    made = TelegramPlatform(token=api.token, base_url=api.url, read_timeout=0.3)
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def ana(api: BotApi) -> TelegramPerson:
    return await api.person("Ana", language="es")


pytestmark = pytest.mark.asyncio(loop_scope="module")


def say(chat: int, text: str | Rich = "Hola", *, key: str = "1", **more: object) -> Outgoing:
    rich = text if isinstance(text, Rich) else Rich.of(text)
    return Outgoing(key, str(chat), Operation.SEND, rich, **more)  # type: ignore[arg-type]


def change(chat: int, target: str, text: str, **more: object) -> Outgoing:
    return Outgoing(
        "1", str(chat), Operation.EDIT, Rich.of(text), target=target, **more  # type: ignore[arg-type]
    )


async def test_a_text_arrives_with_its_emphasis_and_buttons(
    platform: TelegramPlatform, ana: TelegramPerson
) -> None:
    text = Rich(
        (Span("🌾🆘 "), Span("Ana", Style.BOLD), Span(" <b>"), Span("é😀x", Style.CODE))
    )
    receipt = await platform.send(say(ana.id, text, buttons=_BUTTONS, silent=True))
    [message] = await ana.messages()
    assert (receipt.result, receipt.message_id) == (Result.SENT, str(message.id))
    assert message.text == text.plain
    assert message.labels == ["Estoy bien", "Ayuda"]
    assert message.silent
    in_units = message.text.encode("utf-16-le")
    emphasised = {
        e["type"]: in_units[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le")
        for e in message.entities
    }
    assert emphasised == {"bold": "Ana", "code": "é😀x"}


async def test_links_are_never_previewed(
    platform: TelegramPlatform, api: BotApi, ana: TelegramPerson
) -> None:
    await platform.send(say(ana.id, "https://example.org"))
    assert api.truth("message")[-1]["preview"] is False


async def test_half_a_surrogate_does_not_stop_a_message(
    platform: TelegramPlatform, ana: TelegramPerson
) -> None:
    assert (await platform.send(say(ana.id, "a\ud83db"))).result is Result.SENT
    assert await ana.texts() == ["a\ufffdb"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("x" * 4096, 1),
        ("x" * 4097, 2),
        ("😀" * 2048, 1),
        ("😀" * 2048 + "x", 2),
        ("x" + "😀" * 2048, 2),
        ("palabra " * 1500, 3),
        ("á" * 65536, 16),
        ("x" * 4096 + " \n", 1),
    ],
)
async def test_a_long_text_leaves_in_parts(
    platform: TelegramPlatform, ana: TelegramPerson, text: str, parts: int
) -> None:
    receipt = await platform.send(say(ana.id, text, buttons=_BUTTONS))
    messages = await ana.messages()
    assert receipt.result is Result.SENT
    assert receipt.message_id == str(messages[-1].id)
    assert len(messages) == parts
    assert "".join("".join(m.text.split()) for m in messages) == "".join(text.split())
    assert platform.messages_of(Rich.of(text), 0) == len(messages)
    assert all(len(m.text.encode("utf-16-le")) <= 2 * 4096 for m in messages)
    assert [bool(m.labels) for m in messages] == [False] * (parts - 1) + [True]


async def test_parts_are_cut_between_paragraphs_and_keep_their_emphasis(
    platform: TelegramPlatform, ana: TelegramPerson
) -> None:
    text = Rich((Span("a" * 3000 + "\n\n" + "b b" * 300), Span("c" * 1000, Style.BOLD)))
    await platform.send(say(ana.id, text))
    first, second = await ana.messages()
    assert first.text == "a" * 3000
    assert second.entities == [{"type": "bold", "offset": 900, "length": 1000}]


@pytest.mark.parametrize("kind", ["429", "500", "timeout"])
async def test_a_second_attempt_goes_on_after_the_parts_that_left(
    platform: TelegramPlatform, api: BotApi, ana: TelegramPerson, kind: str
) -> None:
    text = "a" * 4096 + "b" * 4096 + "c"
    sent = say(ana.id, text, key=f"long-{kind}")
    # The first part passes, and the fault takes the second.
    await api.control("fault", kind=kind, method="sendMessage", chat=str(ana.id), skip=1)
    assert (await platform.send(sent)).result is not Result.SENT
    assert len(await ana.messages()) == 1
    assert (await platform.send(sent)).result is Result.SENT
    assert [text[0] for text in await ana.texts()] == ["a", "b", "c"]


async def test_a_text_that_an_edit_cannot_hold_is_rejected(
    platform: TelegramPlatform, ana: TelegramPerson
) -> None:
    sent = await platform.send(say(ana.id))
    receipt = await platform.send(change(ana.id, sent.message_id, "x" * 4097))
    assert receipt.result is Result.REJECTED


async def test_an_edit_replaces_text_and_buttons(
    platform: TelegramPlatform, ana: TelegramPerson
) -> None:
    sent = await platform.send(say(ana.id, buttons=_BUTTONS))
    edited = await platform.send(change(ana.id, sent.message_id, "Gracias"))
    [message] = await ana.messages()
    assert (edited.result, edited.message_id) == (Result.SENT, sent.message_id)
    assert (message.text, message.labels, message.edited) == ("Gracias", [], True)


async def test_an_edit_that_changes_nothing_counts_as_sent(
    platform: TelegramPlatform, ana: TelegramPerson
) -> None:
    sent = await platform.send(say(ana.id, buttons=_BUTTONS))
    receipt = await platform.send(change(ana.id, sent.message_id, "Hola", buttons=_BUTTONS))
    assert (receipt.result, receipt.message_id) == (Result.SENT, sent.message_id)


@pytest.mark.parametrize("target", ["99999", "", "$event:example"])
@pytest.mark.parametrize("operation", [Operation.EDIT, Operation.DELETE, Operation.PIN])
async def test_what_is_not_there_is_gone(
    platform: TelegramPlatform, ana: TelegramPerson, target: str, operation: Operation
) -> None:
    message = Outgoing("1", str(ana.id), operation, Rich.of("x"), target=target)
    assert (await platform.send(message)).result is Result.GONE


async def test_a_message_is_taken_back(platform: TelegramPlatform, ana: TelegramPerson) -> None:
    sent = await platform.send(say(ana.id))
    back = Outgoing("1", str(ana.id), Operation.DELETE, target=sent.message_id)
    assert (await platform.send(back)).result is Result.SENT
    assert await ana.messages() == []
    assert (await platform.send(back)).result is Result.GONE


async def test_a_message_stays_at_hand(platform: TelegramPlatform, ana: TelegramPerson) -> None:
    sent = await platform.send(say(ana.id, "Mi atajo", buttons=_BUTTONS))
    pin = Outgoing("2", str(ana.id), Operation.PIN, target=sent.message_id)
    assert (await platform.send(pin)).result is Result.SENT
    (shown,) = [m for m in await ana.messages() if m.pinned]
    assert shown.text == "Mi atajo"


async def test_a_message_too_old_to_take_back_is_rejected(
    platform: TelegramPlatform, api: BotApi, ana: TelegramPerson
) -> None:
    await api.set_clock(1_000_000)
    sent = await platform.send(say(ana.id))
    await api.set_clock(time.time(), 1.0)
    back = Outgoing("1", str(ana.id), Operation.DELETE, target=sent.message_id)
    assert (await platform.send(back)).result is Result.REJECTED


async def test_a_press_is_acknowledged_once_and_not_for_ever(
    platform: TelegramPlatform, api: BotApi, ana: TelegramPerson
) -> None:
    await platform.send(say(ana.id, buttons=_BUTTONS))
    press = await ana.presses("Estoy bien")
    toast = Outgoing("1", str(ana.id), Operation.TOAST, Rich.of("é" * 300), target=press)
    assert (await platform.send(toast)).result is Result.SENT
    assert await ana.toasts() == ["é" * 199 + "…"]
    await api.control("expire_queries")
    assert (await platform.send(toast)).result is Result.GONE


async def test_files_arrive_as_pictures_or_documents(
    platform: TelegramPlatform, api: BotApi, ana: TelegramPerson
) -> None:
    files = (
        Attachment("a.jpg", "image/jpeg", _JPEG),
        Attachment("b.pdf", "application/pdf", b"%PDF"),
        Attachment("damaged.png", "image/png", b"not a picture"),
    )
    receipt = await platform.send(say(ana.id, Rich((Span("Ver", Style.BOLD),)), attachments=files))
    messages = await ana.messages()
    assert receipt.message_id == str(messages[0].id)
    assert [(m.kind, m.text) for m in messages] == [
        ("photo", "Ver"), ("document", ""), ("document", ""),
    ]  # fmt: skip
    assert messages[0].entities == [{"type": "bold", "offset": 0, "length": 3}]
    file_id = api.truth("message")[-2]["document"]["file_id"]
    _, body = await api.call("getFile", file_id=file_id)
    assert await api.download(body["result"]["file_path"]) == b"%PDF"


@pytest.mark.parametrize(("length", "kinds"), [(1024, ["photo"]), (1025, ["text", "photo"])])
async def test_a_text_too_long_for_a_caption_goes_first(
    platform: TelegramPlatform, ana: TelegramPerson, length: int, kinds: list[str]
) -> None:
    files = (Attachment("a.jpg", "image/jpeg", _JPEG),)
    receipt = await platform.send(say(ana.id, "x" * length, attachments=files))
    messages = await ana.messages()
    assert [m.kind for m in messages] == kinds
    assert receipt.message_id == str(messages[0].id)


async def test_buttons_stay_with_a_text_that_can_be_edited(
    platform: TelegramPlatform, ana: TelegramPerson
) -> None:
    files = (Attachment("a.jpg", "image/jpeg", _JPEG),)
    sent = await platform.send(say(ana.id, attachments=files, buttons=_BUTTONS))
    edited = await platform.send(change(ana.id, sent.message_id, "Publicado"))
    assert edited.result is Result.SENT
    assert await ana.texts() == ["Publicado", ""]


# --- results that are news --------------------------------------------------------------------


async def test_a_person_who_blocked_the_bot_or_never_came(
    platform: TelegramPlatform, api: BotApi, ana: TelegramPerson
) -> None:
    await ana.blocks()
    blocked = await platform.send(say(ana.id))
    assert (blocked.result, blocked.reason) == (
        Result.BLOCKED, "Forbidden: bot was blocked by the user",
    )  # fmt: skip
    berta = await api.person("Berta", started=False)
    assert (await platform.send(say(berta.id))).result is Result.BLOCKED
    carla = await api.person("Carla")
    await api.control("deactivate", person=carla.id)
    assert (await platform.send(say(carla.id))).result is Result.BLOCKED
    assert (await platform.send(say(1))).result is Result.BLOCKED  # chat not found


@pytest.mark.parametrize(
    ("type", "bot"),
    [
        ("group", "kicked"), ("supergroup", "left"), ("channel", "kicked"),
        ("channel", "member"),
    ],
)  # fmt: skip
async def test_a_chat_that_is_closed_to_the_bot(
    platform: TelegramPlatform, api: BotApi, type: str, bot: str
) -> None:
    chat = await api.chat("Red", type=type, bot=bot)
    assert (await platform.send(say(chat.id))).result is Result.BLOCKED


async def test_a_chat_where_the_bot_may_not_write(platform: TelegramPlatform, api: BotApi) -> None:
    chat = await api.chat("Red", type="supergroup")
    await api.control("mute", chat=chat.id)
    assert (await platform.send(say(chat.id))).result is Result.BLOCKED


async def test_a_group_that_became_a_supergroup(
    platform: TelegramPlatform, api: BotApi, ana: TelegramPerson
) -> None:
    old = await api.chat("Red")
    new = await ana.upgrades(old)
    receipt = await platform.send(say(old.id))
    assert (receipt.result, receipt.new_chat) == (Result.MIGRATED, str(new.id))
    assert str(new.id) not in receipt.reason
    assert (await platform.send(say(new.id))).result is Result.SENT


async def test_a_limit_of_one_chat(
    platform: TelegramPlatform, api: BotApi, ana: TelegramPerson
) -> None:
    berta = await api.person("Berta")
    await api.fault("429", chat=ana.id, retry_after=344)
    receipt = await platform.send(say(ana.id))
    assert (receipt.result, receipt.retry_after, receipt.whole_platform) == (
        Result.LIMITED, 344.0, False,
    )  # fmt: skip
    assert (await platform.send(say(berta.id))).result is Result.SENT


@pytest.mark.parametrize(
    "content",
    [
        {"text": ""},
        {"text": " \n"},
        {"buttons": ((Button("x", "d" * 65, 1),),)},
        {"buttons": ((Button("", "d", 1),),)},
    ],
)
async def test_content_that_no_retry_can_help(
    platform: TelegramPlatform, ana: TelegramPerson, content: dict[str, object]
) -> None:
    receipt = await platform.send(say(ana.id, **content))  # type: ignore[arg-type]
    assert receipt.result is Result.REJECTED
    assert receipt.reason


@pytest.mark.parametrize("kind", ["500", "502"])
async def test_a_server_in_trouble(
    platform: TelegramPlatform, api: BotApi, ana: TelegramPerson, kind: str
) -> None:
    await api.fault(kind, chat=ana.id)
    receipt = await platform.send(say(ana.id))
    assert receipt.result is Result.SERVER_ERROR
    assert "html" not in receipt.reason


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kind", ["timeout", "reset", "garbage"])
async def test_no_answer_is_ambiguous_whether_it_arrived_or_not(
    platform: TelegramPlatform, api: BotApi, ana: TelegramPerson, kind: str, after: bool
) -> None:
    await api.fault(kind, chat=ana.id, after=after)
    assert (await platform.send(say(ana.id))).result is Result.AMBIGUOUS
    assert len(await ana.messages()) == int(after)


async def test_a_refused_connection_never_left(api: BotApi, ana: TelegramPerson) -> None:
    # A port that was free a moment ago and that nobody listens on.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    relay = await _relay(port, api.port)
    platform = TelegramPlatform(token=api.token, base_url=f"http://127.0.0.1:{port}")
    await platform.start()
    await relay()
    receipt = await platform.send(say(ana.id))
    assert receipt.result is Result.UNREACHABLE
    await platform.stop()
    assert (await platform.send(say(ana.id))).result is Result.UNREACHABLE
    assert await ana.messages() == []


async def _relay(port: int, target: int) -> Callable[[], Awaitable[None]]:
    """Pass connections on from `port` to `target` until the function returned is called."""
    writers: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def passes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", target)
        writers.extend((writer, there_writer))
        await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))

    server = await asyncio.start_server(passes, "127.0.0.1", port)

    async def close() -> None:
        server.close()
        for writer in writers:
            writer.close()
            await writer.wait_closed()

    return close


async def test_a_revoked_token(
    platform: TelegramPlatform, api: BotApi, ana: TelegramPerson
) -> None:
    await api.revoke()
    receipt = await platform.send(say(ana.id))
    assert receipt.result is Result.REVOKED
    assert api.token not in receipt.reason


# --- the rest ---------------------------------------------------------------------------------


async def test_the_menu_is_set_for_each_language(platform: TelegramPlatform, api: BotApi) -> None:
    await platform.publish_commands(
        {"": (Command("auxilio", "Pedir auxilio"),), "en": (Command("help", "Call for help"),)}
    )
    menus = {m["language"]: m for m in (await api.control("commands"))["menus"]}
    assert menus[""]["commands"] == [{"command": "auxilio", "description": "Pedir auxilio"}]
    assert menus["en"]["commands"][0]["command"] == "help"
    assert menus["en"]["scope"] == '{"type": "all_private_chats"}'


async def test_an_invitation_is_a_deep_link(platform: TelegramPlatform, api: BotApi) -> None:
    assert platform.invitation_link("a-B_9") == f"https://t.me/{api.username}?start=a-B_9"
    assert platform.invitation_link("no good") is None
    assert TelegramPlatform(token=api.token).invitation_link("a") is None



async def test_an_answer_names_what_it_answers_to_and_is_sent_where_that_is_gone(
    platform: TelegramPlatform, api: BotApi, ana: TelegramPerson
) -> None:
    first = await platform.send(say(ana.id, "La primera"))
    long = say(ana.id, "Sigue. " * 1000, key="2", target=first.message_id)
    assert (await platform.send(long)).result is Result.SENT
    assert (await platform.send(say(ana.id, "Nada", key="3", target="999999"))).result is Result.SENT
    sent = [line for line in api.truth("message") if line["chat"] == ana.id]
    answered = [line.get("reply_to_message", {}).get("message_id") for line in sent]
    # Of several parts the first one answers; what is gone is not answered to.
    assert answered == [None, int(first.message_id), None, None]


async def test_a_topic_of_a_forum_is_a_place_of_its_own(
    platform: TelegramPlatform, api: BotApi
) -> None:
    forum = await api.chat("Red", type="supergroup")
    topic = f"{forum.id}/42"
    made = await platform.send(replace(say(0, "Una alerta"), chat=topic))
    assert made.result is Result.SENT
    edited = replace(change(0, made.message_id, "Otra"), chat=topic)
    assert (await platform.send(edited)).result is Result.SENT
    [sent] = [line for line in api.truth("message") if line["chat"] == forum.id]
    assert sent["message_thread_id"] == 42
    assert await forum.texts() == ["Otra"]
    gone = Outgoing("1", topic, Operation.DELETE, target=made.message_id)
    assert (await platform.send(gone)).result is Result.SENT
