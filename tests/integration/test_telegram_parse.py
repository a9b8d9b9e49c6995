"""What people do in Telegram, understood: each kind of update, as the fake server makes them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from bot.platforms.base import (
    Added,
    ChatKind,
    File,
    Incoming,
    Location,
    Migrated,
    Other,
    PlatformName,
    Press,
    RawEvent,
    Removed,
    Text,
)
from bot.platforms.telegram import TelegramPlatform
from bot.platforms.telegram.parse import parse
from tests.support.botapi import BotApi, TelegramPerson

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Reader:
    """Reads on from where it stopped."""

    def __init__(self, api: BotApi, platform: TelegramPlatform) -> None:
        self.api = api
        self._platform = platform
        self._cursor: str | None = None

    async def all(self) -> list[Incoming | None]:
        """What has come since the last call."""
        batch = await self._platform.receive(self._cursor, 0)
        self._cursor = batch.cursor
        return [self._platform.parse(event) for event in batch.events]

    async def one(self) -> Incoming:
        """The only thing that has come."""
        [incoming] = await self.all()
        assert incoming is not None
        return incoming


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reader]:
    async with await BotApi.start(tmp_path_factory.mktemp("botapi")) as api:
        platform = TelegramPlatform(token=api.token, base_url=api.url)
        await platform.start()
        yield Reader(api, platform)
        await platform.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def ana(reader: Reader) -> TelegramPerson:
    await reader.all()
    return await reader.api.person("Ana", last_name="López", language="es")


async def test_a_text_has_its_sender_place_and_time(reader: Reader, ana: TelegramPerson) -> None:
    await reader.api.set_clock(1_800_000_000)
    number = await ana.writes("/start AbC-9")
    await reader.api.set_clock(time.time(), 1.0)
    incoming = await reader.one()
    assert incoming == Incoming(
        platform=PlatformName.TELEGRAM,
        event_id=incoming.event_id,
        account=str(ana.id),
        chat=str(ana.id),
        chat_kind=ChatKind.PRIVATE,
        sent_at=datetime.fromtimestamp(1_800_000_000, UTC),
        body=Text("/start AbC-9"),
        display_name="Ana López",
        language="es",
        message_id=str(number),
    )


async def test_answers_edits_and_forwards_say_so(reader: Reader, ana: TelegramPerson) -> None:
    first = await ana.writes("hola")
    await ana.writes("ok", reply_to=first)
    await ana.writes("ok", forwarded=True)
    await ana.edits(first, "ayuda")
    bodies = [incoming.body for incoming in await reader.all() if incoming]
    assert bodies[1:] == [
        Text("ok", reply_to=str(first)),
        Text("ok", forwarded=True),
        Text("ayuda", edited=True),
    ]


@pytest.mark.parametrize(
    "what",
    ["sticker", "voice", "video", "video_note", "audio", "animation", "contact"],
)
async def test_what_is_no_text_is_named(reader: Reader, ana: TelegramPerson, what: str) -> None:
    await ana.sends(what)
    assert (await reader.one()).body == Other(what)


@pytest.mark.parametrize(("what", "name"), [("location", ""), ("venue", "-")])
async def test_a_place_on_the_map(
    reader: Reader, ana: TelegramPerson, what: str, name: str
) -> None:
    await ana.sends(what)
    assert (await reader.one()).body == Location(15.5, -90.25, name)


async def test_a_place_that_is_none_or_somebody_elses_is_no_location() -> None:
    base = {
        "message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}, "from": {"id": 1},
    }  # fmt: skip
    for more in (
        {"location": {"latitude": 15.5, "longitude": -90.25}, "forward_origin": {}},
        {"location": {"latitude": 91, "longitude": 0}},
        {"location": {"latitude": "15", "longitude": 0}},
        {"location": {"latitude": True, "longitude": 0}},
        {"location": []},
    ):
        understood = parse(RawEvent("1", "1", {"message": {**base, **more}}))
        assert understood is not None
        assert understood.body == Other("location"), more


async def test_a_caption_is_kept(reader: Reader, ana: TelegramPerson) -> None:
    await ana.sends("video", caption="ok")
    assert (await reader.one()).body == Other("video", "ok")


async def test_a_photo_is_its_largest_size_and_a_document_has_its_name(
    reader: Reader, ana: TelegramPerson
) -> None:
    await ana.sends_file(b"a photo", "foto.jpg", caption="la plaza")
    photo = (await reader.one()).body
    assert isinstance(photo, File)
    assert (photo.what, photo.name, photo.size, photo.caption) == ("photo", "", 7, "la plaza")
    await ana.sends_file(b"%PDF-1.7", "informe.pdf")
    document = (await reader.one()).body
    assert isinstance(document, File)
    assert (document.what, document.name, document.size) == ("document", "informe.pdf", 8)


@pytest.mark.parametrize("sent", [[], [{}], {}, None, [7], [{"file_id": 7}]])
async def test_a_photo_unlike_any_is_still_no_text(
    reader: Reader, ana: TelegramPerson, sent: object
) -> None:
    base = {
        "message_id": 7, "date": 1, "chat": {"id": ana.id, "type": "private"},
        "from": {"id": ana.id, "is_bot": False, "first_name": "Ana"},
    }  # fmt: skip
    await reader.api.control("update", parts={"message": {**base, "photo": sent}})
    assert (await reader.one()).body == Other("photo")


async def test_a_kind_of_the_future_is_unknown_and_a_service_message_nothing(
    reader: Reader, ana: TelegramPerson
) -> None:
    base = {
        "message_id": 7, "date": 1, "chat": {"id": ana.id, "type": "private"},
        "from": {"id": ana.id, "is_bot": False, "first_name": "Ana"},
    }  # fmt: skip
    for field in ("hologram", "pinned_message", "new_chat_title"):
        await reader.api.control("update", parts={"message": {**base, field: {}}})
    # A live location is edited every few seconds.
    moved = {**base, "location": {}, "edit_date": 2}
    await reader.api.control("update", parts={"edited_message": moved})
    unknown, *others = await reader.all()
    assert unknown is not None
    assert unknown.body == Other("unknown")
    assert others == [None, None, None]


async def test_a_group_is_a_group_and_its_topics_answer_nothing(
    reader: Reader, ana: TelegramPerson
) -> None:
    group = await reader.api.chat("Red", type="supergroup")
    opened = {"message_id": 1, "forum_topic_created": {}}
    await ana.writes("hola", chat=group, extra={"reply_to_message": opened})
    incoming = await reader.one()
    assert (incoming.chat, incoming.chat_kind) == (str(group.id), ChatKind.GROUP)
    assert incoming.body == Text("hola")


async def test_who_has_no_account_of_their_own_says_nothing(
    reader: Reader, ana: TelegramPerson
) -> None:
    group = await reader.api.chat("Red", type="supergroup")
    anonymous = {"sender_chat": {"id": group.id, "type": "supergroup", "title": "Red"}}
    await ana.writes("ok", chat=group, extra=anonymous)
    await ana.writes("ok", chat=group, extra={"from": {"id": 9, "is_bot": True}})
    await reader.api.control(
        "update", parts={"message": {"message_id": 1, "date": 1, "text": "x", "chat": {"id": 1}}}
    )
    assert await reader.all() == [None, None, None]


async def test_a_press_may_be_forged_and_may_be_of_a_message_no_more_readable(
    reader: Reader, ana: TelegramPerson
) -> None:
    number = await ana.writes("hola")
    press = await ana.presses(data="x:9", message_id=number, forged=True)
    query = {"id": "5", "from": {"id": ana.id, "first_name": "Ana", "is_bot": False}}
    gone = {"message_id": 3, "date": 0, "chat": {"id": ana.id, "type": "private"}}
    variants: tuple[dict[str, object], ...] = (
        {"message": gone, "data": "ok"}, {"message": gone}, {"data": "ok"},
    )  # fmt: skip
    for extra in variants:
        await reader.api.control("update", parts={"callback_query": {**query, **extra}})
    _, forged, old, game, inline = await reader.all()
    assert forged is not None
    assert forged.body == Press("x:9", str(number), press)
    assert abs((datetime.now(UTC) - forged.sent_at).total_seconds()) < 60
    assert old is not None
    assert old.body == Press("ok", "3", "5")
    assert (game, inline) == (None, None)


async def test_being_added_and_removed(reader: Reader, ana: TelegramPerson) -> None:
    group = await reader.api.chat("Red", bot="left")
    for status in ("member", "administrator", "kicked"):
        await ana.sets_bot(group, status)
    channel = await reader.api.chat("Canal", type="channel", bot="left")
    await ana.sets_bot(channel, "administrator")
    added, promoted, removed, in_channel = await reader.all()
    assert promoted is None
    assert (added and added.body, removed and removed.body) == (Added("Red"), Removed())
    assert in_channel is not None
    assert (in_channel.body, in_channel.chat_kind) == (Added("Canal"), ChatKind.CHANNEL)
    assert in_channel.account == str(ana.id)


async def test_being_blocked_and_unblocked(reader: Reader, ana: TelegramPerson) -> None:
    await ana.writes("hola")
    await ana.blocks()
    await ana.blocks(False)
    _, blocked, unblocked = await reader.all()
    assert blocked is not None
    assert blocked.body == Removed()
    assert unblocked is not None
    assert (unblocked.body, unblocked.chat_kind) == (Added("Ana López"), ChatKind.PRIVATE)


@pytest.mark.parametrize(("inside", "body"), [(True, Added("Red")), (False, None)])
async def test_a_restricted_bot_is_in_the_group_or_not(
    reader: Reader, ana: TelegramPerson, inside: bool, body: Added | None
) -> None:
    change = {
        "chat": {"id": -7, "type": "supergroup", "title": "Red"}, "date": 1,
        "from": {"id": ana.id, "is_bot": False, "first_name": "Ana"},
        "old_chat_member": {"status": "left"},
        "new_chat_member": {"status": "restricted", "is_member": inside},
    }  # fmt: skip
    await reader.api.control("update", parts={"my_chat_member": change})
    [incoming] = await reader.all()
    assert (incoming and incoming.body) == body


async def test_a_group_that_became_a_supergroup(reader: Reader, ana: TelegramPerson) -> None:
    old = await reader.api.chat("Red")
    new = await ana.upgrades(old)
    moved, other_side = await reader.all()
    assert moved is not None
    assert (moved.body, moved.chat) == (Migrated(str(new.id)), str(old.id))
    assert other_side is None
