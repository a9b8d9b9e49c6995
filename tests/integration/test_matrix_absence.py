"""What people wrote while the bot was away: all of it, in order, once, however much it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from bot.platforms.base import Added, ChatKind, Incoming, Removed, Text, Unreadable
from bot.platforms.matrix import behind, late, receiving
from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.late import LateKeys
from tests.support.matrix_bot import MatrixBot
from tests.support.matrix_person import MatrixPerson
from tests.support.synapse import Synapse, synapse

__all__ = ["synapse"]


@pytest_asyncio.fixture
async def bot(synapse: Synapse, tmp_path: Path) -> AsyncIterator[MatrixBot]:
    started = await MatrixBot.started(synapse, tmp_path / "bot")
    yield started
    await started.platform.stop()


async def acquainted(bot: MatrixBot, synapse: Synapse, count: int) -> list[MatrixPerson]:
    """People in a direct room with the bot."""
    people = []
    for n in range(count):
        person = await MatrixPerson.join(synapse, f"p{n}{uuid4().hex[:6]}")
        await person.opens_direct_room(bot.user_id)
        await bot.receives(Added)
        await person.sync()
        people.append(person)
    return people


async def writes_many(person: MatrixPerson, count: int, word: str = "") -> list[str]:
    """So many messages, one after the other."""
    texts = [f"{word}{n}" for n in range(count)]
    for text in texts:
        await person.writes(text)
    return texts


def said(incoming: list[Incoming], person: MatrixPerson) -> list[str]:
    """This person's texts, in the order in which they came."""
    return [i.body.text for i in incoming if isinstance(i.body, Text) and i.chat == person.room]


@pytest.fixture
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of ten and two of them in one go, so that sixty messages are a long absence."""
    monkeypatch.setattr(receiving, "PAGE", 10)
    monkeypatch.setattr(behind, "PAGE", 10)
    monkeypatch.setattr(receiving, "_PAGES", 2)


async def everything(bot: MatrixBot) -> list[Incoming]:
    """Ask until there is nothing more; an event that comes twice fails."""
    found: list[Incoming] = []
    ids: set[str] = set()
    for _ in range(200):
        batch = await bot.platform.receive(bot.cursor, 0)
        bot.cursor = batch.cursor
        fresh = [event.event_id for event in batch.events]
        assert not ids & set(fresh)
        ids |= set(fresh)
        found += [i for i in map(bot.platform.parse, batch.events) if i is not None]
        if not batch.events and not batch.more:
            return found
    raise AssertionError("it never ends")


async def test_three_hundred_messages_are_all_read_in_order_and_once(
    bot: MatrixBot, synapse: Synapse
) -> None:
    [ana] = await acquainted(bot, synapse, 1)
    await bot.platform.stop()
    texts = await writes_many(ana, 300)
    await bot.restart()
    assert said(await everything(bot), ana) == texts
    await ana.close()


@pytest.mark.usefixtures("short_turns")
async def test_gaps_in_several_rooms_are_read_in_turns_and_hold_up_nobody(
    bot: MatrixBot, synapse: Synapse
) -> None:
    *talkers, berta = await acquainted(bot, synapse, 4)
    await bot.platform.stop()
    written = await asyncio.gather(*(writes_many(person, 45) for person in talkers))
    await berta.writes("auxilio")
    await bot.restart()
    first = await bot.pull()
    assert said(first, berta) == ["auxilio"]
    assert sum(len(said(first, person)) for person in talkers) < 45
    assert str(bot.cursor).startswith("behind:")
    for person in talkers:
        assert person.room not in str(bot.cursor)
    # The bot dies between two turns, and what is said meanwhile comes in its place.
    await bot.restart()
    for person in talkers:
        await person.writes("al final")
    rest = first + await everything(bot)
    for person, texts in zip(talkers, written, strict=True):
        assert said(rest, person) == [*texts, "al final"]
    for person in (*talkers, berta):
        await person.close()


@pytest.mark.usefixtures("short_turns")
async def test_an_absence_longer_than_a_turn_is_read_on_after_each_crash(
    bot: MatrixBot, synapse: Synapse
) -> None:
    [ana] = await acquainted(bot, synapse, 1)
    await bot.platform.stop()
    texts = await writes_many(ana, 75, "antes ")
    await bot.restart()
    found: list[Incoming] = []
    for n in range(12):
        await bot.restart()
        # A turn whose events were not stored is given again, as it was.
        lost = await bot.platform.receive(bot.cursor, 0)
        again = await bot.platform.receive(bot.cursor, 0)
        assert {e.event_id for e in lost.events} <= {e.event_id for e in again.events}
        found += await bot.pull()
        if n < 4:
            texts.append(f"mientras {n}")
            await ana.writes(texts[-1])
    assert said(found, ana) == texts
    assert "behind" not in str(bot.cursor)
    await ana.close()


@pytest.mark.usefixtures("short_turns")
async def test_a_room_that_put_the_bot_out_while_it_was_away_is_read_to_its_end(
    bot: MatrixBot, synapse: Synapse
) -> None:
    ana = await MatrixPerson.join(synapse, f"ana{uuid4().hex[:6]}")
    await ana.opens_direct_room(bot.user_id, as_equals=False)
    await bot.receives(Added)
    await ana.sync()
    await bot.platform.stop()
    texts = await writes_many(ana, 25)
    await ana.removes(bot.user_id)
    await bot.restart()
    found = await everything(bot)
    assert said(found, ana) == texts
    [removed] = [i for i in found if isinstance(i.body, Removed)]
    assert (removed.account, removed.chat) == (ana.user_id, ana.room)
    assert {i.chat_kind for i in found} == {ChatKind.PRIVATE}
    await ana.close()


# --- keys that come late ------------------------------------------------------------------------


async def test_a_key_that_comes_after_a_restart_opens_what_waited_for_it(
    bot: MatrixBot, synapse: Synapse
) -> None:
    [ana] = await acquainted(bot, synapse, 1)
    await ana.writes_without_key("auxilio")
    unreadable = await bot.receives(Unreadable)
    await bot.restart()
    await bot.pull()
    await ana.gives_keys()
    readable = await bot.receives(Text)
    assert readable.body == Text("auxilio")
    assert readable.event_id == f"{unreadable.event_id}#readable"
    # When it came, not when it could be read: it is no answer to what was asked in between.
    assert readable.first_seen is not None
    assert abs((readable.first_seen - readable.sent_at).total_seconds()) < 60
    await bot.pull()
    assert bot.secrets.kept
    assert not [value for value in bot.secrets.kept.values() if unreadable.event_id in str(value)]
    # A crash before it was stored would have given it again, and a later one does not.
    await bot.restart()
    assert not await bot.pull()
    await ana.close()


async def test_what_could_be_read_is_given_until_it_is_stored(
    bot: MatrixBot, synapse: Synapse
) -> None:
    [ana] = await acquainted(bot, synapse, 1)
    await ana.writes_without_key("auxilio")
    await bot.receives(Unreadable)
    await ana.gives_keys()
    before = bot.cursor
    for _ in range(2):
        for _ in range(2):  # the database could not take it, and the same process asks again
            batch = await bot.platform.receive(before, 1)
            assert [e.event_id.endswith("#readable") for e in batch.events] == [True]
        await bot.restart()
    await ana.close()


async def test_what_a_broken_off_look_had_found_is_given_again(
    bot: MatrixBot, synapse: Synapse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deadline breaks the long poll off, in the instant in which the key had just come."""
    [ana] = await acquainted(bot, synapse, 1)
    await ana.writes_without_key("auxilio")
    await bot.receives(Unreadable)
    await ana.gives_keys()

    async def broken_off(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as now:
        now.setattr(LateKeys, "save", broken_off)
        with pytest.raises(asyncio.CancelledError):
            await bot.platform.receive(bot.cursor, 1)
    assert (await bot.receives(Text)).body == Text("auxilio")
    await ana.close()


async def test_a_message_taken_back_before_its_key_came_stays_unread(
    bot: MatrixBot, synapse: Synapse
) -> None:
    [ana] = await acquainted(bot, synapse, 1)
    written = await ana.writes_without_key("auxilio")
    await bot.receives(Unreadable)
    await ana.deletes(written)
    await ana.gives_keys()
    await ana.writes("todo bien")
    assert (await bot.receives(Text)).body == Text("todo bien")
    assert not [i for i in await bot.pull() if isinstance(i.body, Text)]
    await ana.close()


async def test_the_key_is_asked_for_again(
    bot: MatrixBot, synapse: Synapse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "_ASKED_AFTER", (late.timedelta(0),))
    [ana] = await acquainted(bot, synapse, 1)
    await ana.writes_without_key("auxilio")
    await bot.receives(Unreadable)
    since, asked = ana.client.next_batch, []
    for _ in range(20):
        await bot.pull(wait=0)
        answer = await call(ana.client, "GET", path("sync", since=since, timeout="300"))
        since = answer.body["next_batch"]
        asked += [
            event["content"]["body"]["session_id"]
            for event in answer.body.get("to_device", {}).get("events", [])
            if event["type"] == "m.room_key_request"
        ]
        if len(asked) > 1:
            break
    assert len(asked) > 1
    assert len(set(asked)) == 1
    await ana.close()


async def test_the_answer_to_the_request_is_taken_from_ana_s_phone_and_from_nobody_else(
    bot: MatrixBot, synapse: Synapse
) -> None:
    ana, berta = await acquainted(bot, synapse, 2)
    await ana.invites(berta.user_id, ana.room)
    await berta.accepts_invitations()
    for person in (ana, berta):
        await person.writes("hola")
        await bot.receives(Text)
    written = await ana.writes_without_key("auxilio")
    await bot.receives(Unreadable)
    withheld = list(ana._withheld)
    olm = bot.platform._live.client.olm  # type: ignore[union-attr]
    for _ in range(50):
        if olm.outgoing_key_requests:  # it asks beside what it reads
            break
        await bot.pull(wait=0)
    await berta.gives_keys(of=ana)
    await berta.writes("ya")
    await bot.receives(Text, lambda incoming: incoming.account == berta.user_id)
    await bot.pull()
    assert not [i for i in bot.incoming if i.message_id == written and i.first_seen]
    ana._withheld = withheld
    await ana.gives_keys(asked=True)
    assert (await bot.receives(Text)).body == Text("auxilio")
    await ana.close()
    await berta.close()


async def test_one_room_cannot_push_out_what_others_wait_for(
    bot: MatrixBot, synapse: Synapse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "_OF_ONE_ROOM", 3)
    ana, berta = await acquainted(bot, synapse, 2)
    await ana.writes_without_key("auxilio")
    for n in range(5):
        await berta.writes_without_key(f"ruido {n}")
    for _ in range(6):
        await bot.receives(Unreadable)
    await ana.gives_keys()
    await berta.gives_keys()
    found = {(await bot.receives(Text)).body.text for _ in range(4)}  # type: ignore[union-attr]
    assert found == {"auxilio", "ruido 2", "ruido 3", "ruido 4"}
    await ana.close()
    await berta.close()
