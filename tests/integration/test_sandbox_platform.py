"""The sandbox's platform against its town."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.rich import Rich, Span, Style
from bot.platforms.base import (
    Added,
    Attachment,
    Batch,
    Body,
    Button,
    ChatKind,
    Command,
    Operation,
    Other,
    Outgoing,
    PlatformError,
    Press,
    RawEvent,
    Receipt,
    Removed,
    Result,
    Text,
)
from bot.platforms.sandbox import SandboxPlatform, Town

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
WELL = Button("Estoy bien", "ok:1", 1)
HELP = Button("Necesito ayuda", "help:1", 2)
ANA = "@ana"


class Time:
    """An instant that the test moves."""

    def __init__(self) -> None:
        self.instant = START

    def __call__(self) -> datetime:
        return self.instant


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def town(time: Time) -> Town:
    made = Town(time, epoch="t")
    made.person("ana", "Ana", language="es")
    made.person("berta", "Berta", role="responder", language="en")
    made.place("denuncias", "Denuncias públicas")
    return made


@pytest.fixture
def platform(town: Town) -> SandboxPlatform:
    return SandboxPlatform(town)


def request(
    operation: Operation = Operation.SEND,
    text: str = "¿Estás bien?",
    *,
    key: str = "1",
    chat: str = ANA,
    target: str = "",
    buttons: tuple[tuple[Button, ...], ...] = (),
) -> Outgoing:
    return Outgoing(key, chat, operation, Rich.of(text), buttons, target)


def bodies(platform: SandboxPlatform, batch: Batch) -> list[Body]:
    understood = [platform.parse(event) for event in batch.events]
    return [incoming.body for incoming in understood if incoming is not None]


async def test_what_is_not_confirmed_is_given_again(town: Town, platform: SandboxPlatform) -> None:
    town.writes("ana", "hola")
    first = await platform.receive(None, 0)
    town.writes("ana", "sigo aquí")
    assert bodies(platform, await platform.receive(None, 0)) == [Text("hola"), Text("sigo aquí")]
    assert bodies(platform, await platform.receive(first.cursor, 0)) == [Text("sigo aquí")]
    assert bodies(platform, await platform.receive(None, 0)) == [Text("sigo aquí")]


async def test_the_cursor_of_an_earlier_town_confirms_nothing(
    town: Town, platform: SandboxPlatform
) -> None:
    for words in ("uno", "dos", "tres"):
        town.writes("ana", words)
    old = await platform.receive(None, 0)
    town.reset()
    town.person("ana", "Ana")
    town.writes("ana", "otra vez")
    new = await platform.receive(old.cursor, 0)
    assert bodies(platform, new) == [Text("otra vez")]
    assert not {e.event_id for e in old.events} & {e.event_id for e in new.events}


async def test_receiving_waits_for_news_and_no_longer(
    town: Town, platform: SandboxPlatform
) -> None:
    started = asyncio.get_running_loop().time()
    empty = await platform.receive(None, 0.05)
    assert empty.events == ()
    assert 0.04 < asyncio.get_running_loop().time() - started < 1

    waiting = asyncio.create_task(platform.receive(empty.cursor, 30))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    town.writes("ana", "ya llegué")
    async with asyncio.timeout(1):
        assert bodies(platform, await waiting) == [Text("ya llegué")]


async def test_a_cancelled_receive_loses_nothing(town: Town, platform: SandboxPlatform) -> None:
    waiting = asyncio.create_task(platform.receive(None, 30))
    await asyncio.sleep(0.01)
    waiting.cancel()
    town.writes("ana", "hola")
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert bodies(platform, await platform.receive(None, 0)) == [Text("hola")]


async def test_everything_that_people_do_is_understood(
    town: Town, time: Time, platform: SandboxPlatform
) -> None:
    said = town.writes("ana", "ok")
    time.instant += timedelta(minutes=5)
    town.writes("ana", "ok?", edited=said.id)
    town.writes("ana", "todo bien", reply_to=said.id, forwarded=True)
    town.sends_other("ana", "sticker", caption=":)")
    press = town.presses("ana", said.id, "ok:1")
    town.adds_bot("berta", "#denuncias")
    town.removes_bot("berta", "#denuncias")
    batch = await platform.receive(None, 0)
    assert bodies(platform, batch) == [
        Text("ok"),
        Text("ok?", edited=True),
        Text("todo bien", forwarded=True, reply_to=said.id),
        Other("sticker", ":)"),
        Press("ok:1", said.id, press),
        Added("Denuncias públicas"),
        Removed(),
    ]
    first, edited, *_, added, _ = (platform.parse(event) for event in batch.events)
    assert first is not None
    assert edited is not None
    assert added is not None
    assert (first.account, first.chat, first.display_name) == ("ana", ANA, "Ana")
    assert (first.sent_at, edited.sent_at) == (START, START + timedelta(minutes=5))
    assert (first.message_id, first.language, first.chat_kind) == (said.id, "es", ChatKind.PRIVATE)
    assert (added.chat_kind, added.language) == (ChatKind.CHANNEL, "en")
    assert town.message(said.id).edited


async def test_an_event_of_no_town_raises(platform: SandboxPlatform) -> None:
    with pytest.raises(KeyError):
        platform.parse(RawEvent("x", "", {}))


async def test_sending_the_same_key_twice_shows_one_message(
    town: Town, platform: SandboxPlatform
) -> None:
    assert platform.idempotent
    first = await platform.send(request())
    assert await platform.send(request()) == first
    (shown,) = town.sees("ana")
    assert (shown.id, shown.plain, shown.at) == (first.message_id, "¿Estás bien?", START)


async def test_text_buttons_and_files_arrive_as_they_were(
    town: Town, platform: SandboxPlatform
) -> None:
    text = Rich((Span("<b>"), Span("Ana", Style.BOLD)))
    file = Attachment("a.png", "image/png", b"x")
    await platform.send(Outgoing("1", ANA, Operation.SEND, text, ((WELL, HELP),), "", (file,)))
    (shown,) = town.sees("ana")
    assert (shown.text, shown.attachments) == (text, (file,))
    assert shown.button("ayuda") == HELP
    with pytest.raises(LookupError):
        shown.button("tal vez")


async def test_an_edit_replaces_text_and_buttons(town: Town, platform: SandboxPlatform) -> None:
    sent = await platform.send(request(buttons=((WELL,),)))
    edit = request(Operation.EDIT, "Gracias.", key="2", target=sent.message_id)
    assert await platform.send(edit) == Receipt(Result.SENT, message_id=sent.message_id)
    (shown,) = town.sees("ana")
    assert (shown.plain, shown.buttons, shown.edited) == ("Gracias.", (), True)

    version = town.version
    assert (await platform.send(edit)).result is Result.SENT
    assert town.version == version, "an edit that changes nothing is no news"


async def test_a_deleted_message_is_gone(town: Town, platform: SandboxPlatform) -> None:
    sent = await platform.send(request())
    take_away = request(Operation.DELETE, "", key="2", target=sent.message_id)
    assert (await platform.send(take_away)).result is Result.SENT
    assert (await platform.send(take_away)).result is Result.GONE
    assert town.sees("ana") == ()
    (left,) = town.messages(ANA)
    assert (left.deleted, left.plain) == (True, "")


async def test_a_message_stays_at_hand(town: Town, platform: SandboxPlatform) -> None:
    sent = await platform.send(request(buttons=((WELL,),)))
    pin = request(Operation.PIN, "", key="2", target=sent.message_id)
    assert (await platform.send(pin)).result is Result.SENT
    (shown,) = town.sees("ana")
    assert (shown.pinned, shown.buttons, shown.edited) == (True, ((WELL,),), False)


async def test_the_bot_changes_no_message_but_its_own(
    town: Town, platform: SandboxPlatform
) -> None:
    hers = town.writes("ana", "hola")
    for chat, target in ((ANA, hers.id), (ANA, "t-99"), ("@berta", hers.id)):
        answer = await platform.send(request(Operation.EDIT, "x", chat=chat, target=target))
        assert answer.result is Result.GONE


async def test_a_toast_answers_one_press_once(town: Town, platform: SandboxPlatform) -> None:
    sent = await platform.send(request(buttons=((WELL,),)))
    press = town.presses("ana", sent.message_id, WELL.data)
    toast = request(Operation.TOAST, "Anotado.", key="2", target=press)
    assert (await platform.send(toast)).result is Result.SENT
    assert (await platform.send(toast)).result is Result.GONE
    assert [t.text for t in town.toasts("ana")] == ["Anotado."]
    assert town.toasts("berta") == ()


async def test_a_blocked_chat_is_closed_in_both_directions_until_opened(
    town: Town, platform: SandboxPlatform
) -> None:
    town.blocks("ana")
    town.writes("ana", "nobody hears this")
    assert (await platform.send(request())).result is Result.BLOCKED
    assert (await platform.send(request(chat="@berta", key="2"))).result is Result.SENT
    town.unblocks("ana")
    assert (await platform.send(request())).result is Result.SENT
    assert bodies(platform, await platform.receive(None, 0)) == [Removed(), Added("Ana")]


async def test_a_channel_takes_the_bot_only_once_it_was_let_in(
    town: Town, platform: SandboxPlatform
) -> None:
    denunciation = request(chat="#denuncias")
    assert (await platform.send(denunciation)).result is Result.BLOCKED
    town.adds_bot("berta", "#denuncias")
    assert (await platform.send(denunciation)).result is Result.SENT
    assert len(town.messages("#denuncias")) == 1
    assert (await platform.send(request(chat="@nobody", key="2"))).result is Result.BLOCKED


async def test_answers_that_a_test_sets_come_in_turn(town: Town, platform: SandboxPlatform) -> None:
    limited = Receipt(Result.LIMITED, retry_after=3)
    town.next_answers(limited, Result.SERVER_ERROR, chat=ANA)
    assert (await platform.send(request(chat="@berta", key="b"))).result is Result.SENT
    assert await platform.send(request()) == limited
    assert (await platform.send(request())).result is Result.SERVER_ERROR
    assert town.sees("ana") == ()
    assert (await platform.send(request())).result is Result.SENT


async def test_an_answer_can_be_lost_though_the_message_arrived(
    town: Town, platform: SandboxPlatform
) -> None:
    town.next_answers(Result.AMBIGUOUS, arrives=True)
    assert (await platform.send(request())).result is Result.AMBIGUOUS
    assert (await platform.send(request())).result is Result.SENT
    assert len(town.sees("ana")) == 1


async def test_a_town_that_is_down_answers_nothing(town: Town, platform: SandboxPlatform) -> None:
    town.down = True
    with pytest.raises(PlatformError):
        await platform.start()
    with pytest.raises(PlatformError):
        await platform.receive(None, 0)
    assert (await platform.send(request())).result is Result.UNREACHABLE
    town.down = False
    await platform.start()
    assert (await platform.send(request())).result is Result.SENT


async def test_people_act_only_where_they_are(town: Town, platform: SandboxPlatform) -> None:
    sent = await platform.send(request(buttons=((WELL,),)))
    hers = town.writes("ana", "hola")
    with pytest.raises(LookupError):
        town.presses("berta", sent.message_id, WELL.data)
    with pytest.raises(LookupError):
        town.writes("berta", "¿Ana?", chat=ANA)
    with pytest.raises(LookupError):
        town.writes("ana", "x", edited=sent.message_id)
    with pytest.raises(LookupError):
        town.writes("berta", "x", edited=hers.id)
    with pytest.raises(PermissionError):
        town.writes("ana", "hola a todas", chat="#denuncias")
    with pytest.raises(ValueError, match="taken"):
        town.person("bot", "Bot")


async def test_in_a_group_people_write_to_everyone(town: Town, platform: SandboxPlatform) -> None:
    group = town.place("red", "Red", kind=ChatKind.GROUP, readers=["ana"])
    town.writes("ana", "unheard", chat=group.id)
    town.adds_bot("ana", group.id)
    town.writes("ana", "hola", chat=group.id)
    batch = await platform.receive(None, 0)
    assert bodies(platform, batch) == [Added("Red"), Text("hola")]
    with pytest.raises(LookupError):
        town.writes("berta", "hola", chat=group.id)


async def test_a_watcher_is_told_each_change_once_in_order(
    town: Town, platform: SandboxPlatform
) -> None:
    sent = await platform.send(request())
    town.writes("ana", "hola")
    seen = town.since(0)
    assert [m.plain for m in seen.messages] == ["¿Estás bien?", "hola"]
    assert town.since(seen.version).messages == ()

    waiting = asyncio.create_task(town.changed(seen.version))
    await asyncio.sleep(0)
    assert not waiting.done()
    await platform.send(request(Operation.EDIT, "Gracias.", target=sent.message_id))
    async with asyncio.timeout(1):
        await waiting
    assert [m.plain for m in town.since(seen.version).messages] == ["Gracias."]


async def test_the_menu_and_the_invitation_are_the_towns(
    town: Town, platform: SandboxPlatform
) -> None:
    menu = {"": (Command("auxilio", "pedir auxilio"),)}
    await platform.publish_commands(menu)
    town.reset()
    assert town.commands == menu, "a bot publishes its menu once"
    assert platform.invitation_link("abc") == "sandbox:abc"
    await platform.stop()
    await platform.stop()
