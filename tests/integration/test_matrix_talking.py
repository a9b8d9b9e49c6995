"""The bot and people in encrypted rooms of a real Synapse, in both directions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from bot.domain.rich import Rich, Span, Style
from bot.platforms.base import (
    Added,
    Attachment,
    Button,
    ChatKind,
    File,
    FileTooLarge,
    Migrated,
    Operation,
    Other,
    Outgoing,
    PlatformError,
    Removed,
    Result,
    Text,
    Unreadable,
)
from bot.platforms.matrix.http import call, path
from tests.support.matrix_bot import MatrixBot
from tests.support.matrix_person import MatrixPerson
from tests.support.synapse import Synapse, synapse

__all__ = ["synapse"]


@dataclass
class Pair:
    """A bot and a person in a direct room."""

    bot: MatrixBot
    ana: MatrixPerson
    room: str


def fresh(name: str) -> str:
    """An account name nobody has yet."""
    return f"{name}{uuid4().hex[:6]}"


@pytest.fixture
async def bot(synapse: Synapse, tmp_path: Path) -> AsyncIterator[MatrixBot]:
    started = await MatrixBot.started(synapse, tmp_path / "bot")
    yield started
    await started.platform.stop()


@pytest.fixture
async def ana(synapse: Synapse) -> AsyncIterator[MatrixPerson]:
    person = await MatrixPerson.join(synapse, fresh("ana"))
    yield person
    await person.close()


@pytest.fixture
async def pair(bot: MatrixBot, ana: MatrixPerson) -> Pair:
    room = await ana.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    await ana.sync()
    return Pair(bot, ana, room)


# --- coming and going -------------------------------------------------------------------------


async def test_a_direct_room_is_private_and_what_was_written_before_joining_is_read(
    bot: MatrixBot, ana: MatrixPerson
) -> None:
    room = await ana.opens_direct_room(bot.user_id)
    first = await ana.writes("mi palabra secreta")
    added = await bot.receives(Added)
    assert (added.account, added.chat, added.chat_kind) == (ana.user_id, room, ChatKind.PRIVATE)
    assert added.display_name == ana.user_id[1:].split(":")[0]
    text = await bot.receives(Text)
    assert (text.body, text.message_id) == (Text("mi palabra secreta"), first)
    assert text.account == ana.user_id


async def test_in_a_group_what_was_written_before_joining_is_not_for_the_bot(
    bot: MatrixBot, ana: MatrixPerson, synapse: Synapse
) -> None:
    berta = await MatrixPerson.join(synapse, fresh("berta"))
    room = await ana.creates_room("Red", [bot.user_id, berta.user_id])
    await ana.writes("antes", room_id=room)
    added = await bot.receives(Added)
    assert added.body == Added("Red")
    assert added.chat_kind is ChatKind.GROUP
    await ana.sync()
    await ana.writes("después", room_id=room)
    assert (await bot.receives(Text)).body == Text("después")
    await berta.close()


async def test_an_announcement_room_is_a_channel_and_its_readers_read(
    bot: MatrixBot, ana: MatrixPerson, synapse: Synapse
) -> None:
    reader = await MatrixPerson.join(synapse, fresh("lector"))
    third = await MatrixPerson.join(synapse, fresh("otra"))
    room = await ana.creates_room("Denuncias", [bot.user_id], announcements=True)
    assert (await bot.receives(Added)).body == Added("Denuncias")
    for person in (reader, third):
        await ana.invites(person.user_id, room)
        await person.accepts_invitations()
    await bot.pull()
    sent = await bot.says(room, "Detenida en la plaza")
    await reader.sync_until(sent)
    assert [m.body for m in reader.messages(room_id=room)] == ["Detenida en la plaza"]
    await ana.writes("orden", room_id=room)
    assert (await bot.receives(Text)).chat_kind is ChatKind.CHANNEL
    await reader.close()
    await third.close()


async def test_an_invitation_of_before_a_restart_is_accepted(
    bot: MatrixBot, ana: MatrixPerson
) -> None:
    await bot.platform.stop()
    await ana.opens_direct_room(bot.user_id)
    # Seen but not joined: the cursor is past the invitation when the bot starts again.
    bot.platform = bot.new_platform()
    await bot.platform.start()
    bot.platform._live.receiver._start_join = lambda *_, **__: None  # type: ignore[union-attr]
    await bot.pull()
    await bot.restart()
    assert (await bot.receives(Added)).account == ana.user_id


async def test_removed_from_a_room(bot: MatrixBot, ana: MatrixPerson) -> None:
    room = await ana.creates_room("Red", [bot.user_id])
    await bot.receives(Added)
    await ana.sync()
    await ana.writes("adiós", room_id=room)
    await ana.removes(bot.user_id, room)
    assert (await bot.sends(room, "¿Estás bien?")).result is Result.BLOCKED
    removed = await bot.receives(Removed)
    assert (removed.account, removed.chat) == (ana.user_id, room)
    assert (await bot.receives(Text)).body == Text("adiós")
    assert (await bot.sends(room, "¿Estás bien?")).result is Result.BLOCKED
    await ana.invites(bot.user_id, room)
    assert (await bot.receives(Added)).chat == room
    await bot.says(room, "de vuelta")


async def test_a_person_who_leaves_their_direct_room_closes_it(pair: Pair) -> None:
    await pair.ana.leaves()
    assert (await pair.bot.receives(Removed)).account == pair.ana.user_id
    assert (await pair.bot.sends(pair.room, "¿Estás bien?")).result is Result.BLOCKED


async def test_an_upgraded_room_is_followed(
    bot: MatrixBot, ana: MatrixPerson, synapse: Synapse
) -> None:
    berta = await MatrixPerson.join(synapse, fresh("berta"))
    old = await ana.creates_room("Red", [bot.user_id, berta.user_id])
    await bot.receives(Added)
    answer = await call(ana.client, "POST", path("rooms", old, "upgrade"), {"new_version": "10"})
    new = answer.body["replacement_room"]
    await ana.invites(bot.user_id, new)
    migrated = await bot.receives(Migrated)
    assert (migrated.chat, migrated.body) == (old, Migrated(new))
    receipt = await bot.sends(old, "hola")
    assert (receipt.result, receipt.new_chat) == (Result.MIGRATED, new)
    await berta.close()


# --- reading ----------------------------------------------------------------------------------


async def test_what_people_send_is_understood(pair: Pair) -> None:
    bot, ana = pair.bot, pair.ana
    question = await bot.says(pair.room, "¿Estás bien?")
    answer = await ana.writes("Estoy bien", reply_to=question)
    text = await bot.receives(Text)
    assert text.body == Text("Estoy bien", reply_to=question)
    await ana.edits(answer, "Auxilio")
    edited = await bot.receives(Text)
    assert (edited.body, edited.message_id) == (Text("Auxilio", edited=True), answer)
    await ana.sends_sticker()
    assert (await bot.receives(Other)).body == Other("sticker", caption="A cat")
    await ana.sends_image(caption="la plaza")
    sent = (await bot.receives(File)).body
    assert isinstance(sent, File)
    assert (sent.what, sent.name, sent.caption) == ("image", "photo.png", "la plaza")
    await ana.reacts(question, "👍")
    assert (await bot.receives(Other)).body == Other("reaction", caption="👍")


async def test_a_file_is_fetched_decrypted_and_never_beyond_the_limit(pair: Pair) -> None:
    bot, ana = pair.bot, pair.ana
    await ana.sends_file(b"%PDF-1.7 a document", "informe.pdf")
    sent = (await bot.receives(File)).body
    assert isinstance(sent, File)
    assert await bot.platform.fetch(sent.ref, 19) == b"%PDF-1.7 a document"
    with pytest.raises(FileTooLarge):
        await bot.platform.fetch(sent.ref, 18)
    # What is not what its sender said is not opened, and is not asked for again.
    other = {**sent.ref, "sha256": "A" * 43}
    with pytest.raises(PlatformError) as refused:
        await bot.platform.fetch(other, 100)
    assert refused.value.final
    elsewhere = {**sent.ref, "url": "https://localhost/secret"}
    with pytest.raises(PlatformError) as refused:
        await bot.platform.fetch(elsewhere, 100)
    assert refused.value.final
    gone = {**sent.ref, "url": "mxc://localhost/neverwas"}
    with pytest.raises(PlatformError, match="404"):
        await bot.platform.fetch(gone, 100)


async def test_a_message_without_a_key_is_unreadable_and_read_once_the_key_comes(
    pair: Pair,
) -> None:
    bot, ana = pair.bot, pair.ana
    await ana.writes("uno")
    await bot.receives(Text)
    await ana.writes_without_key("auxilio")
    unreadable = await bot.receives(Unreadable)
    assert unreadable.account == ana.user_id
    await ana.gives_keys()
    late = await bot.receives(Text)
    assert (late.body, late.event_id) == (Text("auxilio"), unreadable.event_id + "#readable")
    await bot.pull()
    assert not [event for event in await bot.pull() if event.message_id == late.message_id]


async def test_a_long_absence_loses_nothing(pair: Pair) -> None:
    await pair.bot.platform.stop()
    texts = [f"mensaje {n}" for n in range(230)]  # more than two pages of a sync
    for text in texts:
        await pair.ana.writes(text)
    pair.bot.platform = pair.bot.new_platform()
    await pair.bot.platform.start()
    await pair.bot.pull()
    assert [i.body.text for i in pair.bot.incoming if isinstance(i.body, Text)] == texts


async def test_receiving_again_with_an_old_cursor_gives_the_same_events(pair: Pair) -> None:
    bot = pair.bot
    old = bot.cursor
    await pair.ana.writes("uno")
    await bot.receives(Text)
    again = await bot.platform.receive(old, 0)
    assert [bot.platform.parse(e).body for e in again.events] == [Text("uno")]  # type: ignore[union-attr]
    await bot.restart()
    third = await bot.platform.receive(old, 0)
    assert [bot.platform.parse(e).body for e in third.events] == [Text("uno")]  # type: ignore[union-attr]


async def test_cancelling_a_wait_loses_nothing(pair: Pair) -> None:
    bot = pair.bot
    for n in range(5):
        task = asyncio.create_task(bot.platform.receive(bot.cursor, 30))
        await asyncio.sleep(0.02 * n)
        writing = asyncio.create_task(pair.ana.writes(f"{n}"))
        await asyncio.sleep(0.01 * n)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await writing
        assert (await bot.receives(Text)).body == Text(f"{n}")


async def test_the_first_start_reads_no_old_messages(pair: Pair) -> None:
    await pair.ana.writes("vieja")
    await pair.bot.restart()
    batch = await pair.bot.platform.receive(None, 0)
    assert batch.events == ()


# --- writing ----------------------------------------------------------------------------------


async def test_text_buttons_and_edits_as_a_person_sees_them(pair: Pair) -> None:
    bot, ana = pair.bot, pair.ana
    text = Rich((Span("<Ana>", Style.BOLD), Span(" & más\n")))
    buttons = ((Button("Estoy bien", "ok", 1), Button("Ayuda", "help", 2)),)
    receipt = await bot.sends(pair.room, text, buttons=buttons)
    await ana.sync_until(receipt.message_id)
    [seen] = ana.messages()
    assert seen.body == "<Ana> & más\n\n\n1. Estoy bien\n2. Ayuda"
    assert seen.content["formatted_body"].startswith("<strong>&lt;Ana&gt;</strong> &amp; más<br>")
    for words in ("Gracias", "Gracias, Ana"):
        edit = await bot.sends(
            pair.room, words, operation=Operation.EDIT, target=receipt.message_id
        )
        assert (edit.result, edit.message_id) == (Result.SENT, receipt.message_id)
    await ana.sync_until_shown("Gracias, Ana")
    [seen] = ana.messages()
    assert (seen.event_id, seen.body, seen.edited) == (receipt.message_id, "Gracias, Ana", True)
    gone = await bot.sends(pair.room, operation=Operation.DELETE, target=receipt.message_id)
    assert gone.result is Result.SENT
    await ana.sync(wait=1)
    assert ana.messages() == []


async def test_the_same_key_twice_is_one_message(pair: Pair) -> None:
    one = await pair.bot.sends(pair.room, "auxilio", key="row-1")
    two = await pair.bot.sends(pair.room, "auxilio", key="row-1")
    await pair.bot.restart()
    await pair.bot.pull()
    three = await pair.bot.sends(pair.room, "auxilio", key="row-1")
    assert one.message_id == two.message_id == three.message_id
    last = await pair.bot.says(pair.room, "fin")
    await pair.ana.sync_until(last)
    assert [m.body for m in pair.ana.messages()] == ["auxilio", "fin"]


async def test_files_are_encrypted_and_nameless_on_the_server(pair: Pair) -> None:
    picture = Attachment("plaza.png", "image/png", b"\x89PNG-content")
    receipt = await pair.bot.sends(pair.room, "Mira", attachments=(picture,))
    await pair.ana.sync_until_shown("plaza.png")
    text, image = pair.ana.messages()
    assert (text.event_id, text.body) == (receipt.message_id, "Mira")
    assert image.content["msgtype"] == "m.image"
    assert "url" not in image.content
    response = await pair.ana.client.download(image.content["file"]["url"])
    assert b"PNG" not in response.body
    assert response.filename is None


async def test_a_direct_message_to_an_account_makes_one_room(
    bot: MatrixBot, ana: MatrixPerson
) -> None:
    first, second = await asyncio.gather(
        bot.sends(ana.user_id, "hola"), bot.sends(ana.user_id, "qué tal")
    )
    assert first.result is second.result is Result.SENT
    assert first.new_chat == second.new_chat
    [room] = await ana.accepts_invitations()
    assert room == first.new_chat
    await ana.sync_until(second.message_id)
    assert {m.body for m in ana.messages()} == {"hola", "qué tal"}
    await bot.restart()
    await bot.pull()
    third = await bot.sends(ana.user_id, "otra vez")
    assert third.new_chat == room
    await ana.writes("aquí")
    assert (await bot.receives(Text)).chat_kind is ChatKind.PRIVATE


async def test_a_new_device_of_a_person_reads_too(pair: Pair, synapse: Synapse) -> None:
    await pair.bot.says(pair.room, "uno")
    name = pair.ana.user_id[1:].split(":")[0]
    tablet = await MatrixPerson.join(synapse, name, password=pair.ana.password)
    await pair.bot.pull(wait=1)
    sent = await pair.bot.says(pair.room, "dos")
    await tablet.sync_until(sent)
    assert tablet.messages(room_id=pair.room)[-1].body == "dos"
    await tablet.close()


async def test_many_rooms_at_once(bot: MatrixBot, synapse: Synapse) -> None:
    people = [await MatrixPerson.join(synapse, fresh("p")) for _ in range(4)]
    receipts = await asyncio.gather(
        *(bot.sends(person.user_id, f"{n}") for person in people for n in range(3))
    )
    assert {receipt.result for receipt in receipts} == {Result.SENT}
    for person in people:
        await person.accepts_invitations()
        await person.sync_until_shown("2")
        assert {m.body for m in person.messages()} == {"0", "1", "2"}
        await person.close()


async def test_a_text_beyond_the_limit_is_rejected(pair: Pair) -> None:
    receipt = await pair.bot.sends(pair.room, "a" * 64_000)
    assert receipt.result is Result.REJECTED
    assert (await pair.bot.sends(pair.room, "corto")).result is Result.SENT


async def test_toasts_and_unknown_chats(pair: Pair) -> None:
    toast = Outgoing("k", pair.room, Operation.TOAST, Rich.of("ok"))
    assert (await pair.bot.platform.send(toast)).result is Result.SENT
    for chat in ("!nothere:localhost", "nonsense"):
        assert (await pair.bot.sends(chat, "hola")).result is Result.BLOCKED


async def test_a_sync_that_could_not_be_taken_in_is_asked_for_again(pair: Pair) -> None:
    bot = pair.bot
    client = bot.platform._live.client  # type: ignore[union-attr]
    take_in = client.receive_response

    async def half(response: object) -> None:
        await take_in(response)
        client.receive_response = take_in
        raise ValueError("a garbled event")

    await pair.ana.writes("uno")
    client.receive_response = half
    with pytest.raises(PlatformError, match="not understood") as caught:
        await bot.pull(wait=1)
    assert "garbled" not in str(caught.value)
    assert not client.rooms
    text = await bot.receives(Text)
    assert (text.body, text.chat_kind) == (Text("uno"), ChatKind.PRIVATE)
    assert pair.room in client.rooms
