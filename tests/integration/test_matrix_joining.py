"""Where the bot lets itself be taken: by people it knows, and by newcomers to a room of the two."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bot.platforms.base import Added, Migrated, Operation, Outgoing, Result, Text
from bot.platforms.matrix.http import call, path
from tests.support.matrix_bot import MatrixBot
from tests.support.matrix_person import MatrixPerson
from tests.support.synapse import Synapse, synapse

__all__ = ["synapse"]


@pytest.fixture
async def bot(synapse: Synapse, tmp_path: Path) -> AsyncIterator[MatrixBot]:
    started = await MatrixBot.started(synapse, tmp_path)
    yield started
    await started.platform.stop()


@pytest.fixture
async def ana(synapse: Synapse) -> AsyncIterator[MatrixPerson]:
    person = await MatrixPerson.join(synapse, f"ana{uuid4().hex[:6]}")
    yield person
    await person.close()


@pytest.fixture
async def eva(synapse: Synapse) -> AsyncIterator[MatrixPerson]:
    person = await MatrixPerson.join(synapse, f"eva{uuid4().hex[:6]}")
    yield person
    await person.close()


async def membership(person: MatrixPerson, room: str, user_id: str) -> str:
    """What the server says about somebody in a room."""
    where = path("rooms", room, "state", "m.room.member", user_id)
    return str((await person.asks("GET", where)).body["membership"])


async def settled(bot: MatrixBot) -> None:
    """Some syncs, so that whatever the bot does by itself is done."""
    for _ in range(4):
        await bot.pull(wait=0.3)


# --- invitations --------------------------------------------------------------------------------


async def test_a_stranger_is_let_in_only_while_somebody_new_is_expected(
    bot: MatrixBot, ana: MatrixPerson
) -> None:
    bot.people.strangers.add(ana.user_id)
    room = await ana.opens_direct_room(bot.user_id)
    await ana.writes("mi invitación")
    await settled(bot)
    assert await membership(ana, room, bot.user_id) == "invite"  # no answer tells nothing
    bot.people.invitations = 1  # a coordinator writes one for her
    assert (await bot.receives(Added)).chat == room
    assert (await bot.receives(Text)).body == Text("mi invitación")


async def test_an_invitation_that_waited_is_remembered_over_a_restart(
    bot: MatrixBot, ana: MatrixPerson
) -> None:
    bot.people.strangers.add(ana.user_id)
    room = await ana.opens_direct_room(bot.user_id)
    await settled(bot)
    bot.people.invitations = 1
    await bot.restart()
    assert (await bot.receives(Added)).chat == room


async def test_strangers_take_the_bot_nowhere_else(bot: MatrixBot, eva: MatrixPerson) -> None:
    bot.people.strangers.add(eva.user_id)
    bot.people.invitations = 1
    group = await eva.creates_room("Sala", [bot.user_id])
    clear = await eva.opens_direct_room(bot.user_id, encrypted=False)
    await settled(bot)
    for room in (group, clear):
        assert await membership(eva, room, bot.user_id) == "invite"


async def test_a_direct_room_that_turns_out_to_have_others_is_left(
    bot: MatrixBot, eva: MatrixPerson, ana: MatrixPerson
) -> None:
    bot.people.strangers.add(eva.user_id)
    room = await eva.opens_direct_room(bot.user_id)
    await eva.invites(ana.user_id, room)
    bot.people.invitations = 1
    await settled(bot)
    assert await membership(eva, room, bot.user_id) == "leave"


async def test_people_we_know_take_the_bot_along(bot: MatrixBot, ana: MatrixPerson) -> None:
    group = await ana.creates_room("Sala", [bot.user_id])
    assert (await bot.receives(Added)).chat == group


async def test_many_strangers_reach_a_limit_and_people_we_know_do_not(
    bot: MatrixBot, eva: MatrixPerson, ana: MatrixPerson
) -> None:
    bot.people.strangers.add(eva.user_id)
    bot.people.invitations = 1
    joining = bot.platform._live.receiver._joining  # type: ignore[union-attr]
    joining._strangers.extend([joining._now()] * 30)
    room = await eva.opens_direct_room(bot.user_id)
    await settled(bot)
    assert await membership(eva, room, bot.user_id) == "invite"
    known = await ana.opens_direct_room(bot.user_id)
    assert (await bot.receives(Added)).chat == known


async def test_while_nobody_can_be_asked_invitations_wait(
    bot: MatrixBot, ana: MatrixPerson
) -> None:
    class Down:
        async def known(self, account: str) -> bool:
            raise OSError("the database is away")

        async def expected(self) -> int:
            raise OSError("the database is away")

    joining = bot.platform._live.receiver._joining  # type: ignore[union-attr]
    people, joining._acquaintances = joining._acquaintances, Down()
    room = await ana.opens_direct_room(bot.user_id)
    await settled(bot)
    joining._acquaintances = people
    assert (await bot.receives(Added)).chat == room


# --- upgrades -----------------------------------------------------------------------------------


async def upgraded(person: MatrixPerson, old: str, version: str = "11") -> str:
    """The room that takes the place of `old`."""
    answer = await person.asks("POST", path("rooms", old, "upgrade"), {"new_version": version})
    return str(answer.body["replacement_room"])


async def made(person: MatrixPerson, bot: MatrixBot, **more: Any) -> str:
    """A room that the person makes by hand, the bot invited, encrypted unless said otherwise."""
    encryption = {
        "type": "m.room.encryption",
        "state_key": "",
        "content": {"algorithm": "m.megolm.v1.aes-sha2"},
    }
    body = {"invite": [bot.user_id], "initial_state": [encryption], **more}
    answer = await person.asks("POST", path("createRoom"), body)
    return str(answer.body["room_id"])


async def tombstone(person: MatrixPerson, old: str, new: str) -> None:
    """Say by hand that `new` takes the place of `old`."""
    where = path("rooms", old, "state", "m.room.tombstone", "")
    await person.asks("PUT", where, {"body": "moved", "replacement_room": new})


async def follows(bot: MatrixBot, old: str) -> str:
    """Where a message to `old` goes: "" if there."""
    receipt = await bot.sends(old, "hola")
    assert receipt.result in (Result.SENT, Result.MIGRATED), receipt
    return receipt.new_chat if receipt.result is Result.MIGRATED else ""


@pytest.mark.parametrize("version", ["10", "11", "12"])
async def test_a_room_is_followed_by_whoever_has_the_power(
    bot: MatrixBot, ana: MatrixPerson, eva: MatrixPerson, version: str
) -> None:
    old = await ana.creates_room("Red", [bot.user_id, eva.user_id])
    await bot.receives(Added)
    new = await upgraded(ana, old, version)
    await ana.invites(bot.user_id, new)
    migrated = await bot.receives(Migrated)
    assert (migrated.chat, migrated.body) == (old, Migrated(new))
    assert await follows(bot, old) == new
    if version == "12":  # before it, who came from a room of version 12 has no power left
        again = await upgraded(ana, new, version)
        await ana.invites(bot.user_id, again)
        assert (await bot.receives(Migrated)).body == Migrated(again)


async def test_the_upgrade_of_a_stranger_with_power_is_followed_where_we_are_invited_by_them(
    bot: MatrixBot, ana: MatrixPerson, eva: MatrixPerson
) -> None:
    old = await ana.creates_room("Red", [bot.user_id, eva.user_id])
    await bot.receives(Added)
    bot.people.strangers.add(ana.user_id)
    new = await upgraded(ana, old)
    await settled(bot)
    await ana.invites(bot.user_id, new)
    assert (await bot.receives(Migrated)).body == Migrated(new)


async def test_a_room_that_does_not_name_the_old_one_is_not_its_successor(
    bot: MatrixBot, ana: MatrixPerson
) -> None:
    old = await ana.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    elsewhere = await made(ana, bot)
    await tombstone(ana, old, elsewhere)
    await settled(bot)
    assert not [i for i in bot.incoming if isinstance(i.body, Migrated)]
    assert await follows(bot, old) == ""


async def test_a_room_made_by_somebody_else_is_not_its_successor(
    bot: MatrixBot, ana: MatrixPerson, eva: MatrixPerson
) -> None:
    old = await ana.creates_room("Red", [bot.user_id, eva.user_id])
    await eva.accepts_invitations()
    await bot.receives(Added)
    trap = await made(eva, bot, creation_content={"predecessor": {"room_id": old}})
    assert (await bot.receives(Added)).chat == trap  # Eva is known, so the bot goes there
    await settled(bot)
    assert await follows(bot, old) == ""
    # And if a tombstone names it, be it by the owner's mistake, it is still Eva's room.
    await tombstone(ana, old, trap)
    await settled(bot)
    assert not [i for i in bot.incoming if isinstance(i.body, Migrated)]
    assert await follows(bot, old) == ""


async def test_a_tombstone_that_the_server_makes_up_does_nothing(
    bot: MatrixBot, ana: MatrixPerson, eva: MatrixPerson
) -> None:
    """Eva may not close the room; the server says that she has, and names a room of hers."""
    old = await ana.creates_room("Red", [bot.user_id, eva.user_id])
    await eva.accepts_invitations()
    await bot.receives(Added)
    trap = await made(
        eva, bot, creation_content={"predecessor": {"room_id": old}}, preset="public_chat"
    )
    forged = {
        "type": "m.room.tombstone",
        "state_key": "",
        "sender": eva.user_id,
        "event_id": "$forged",
        "origin_server_ts": 1,
        "content": {"body": "moved", "replacement_room": trap},
    }

    def in_sync(answer: Any) -> Any:
        room = answer.get("rooms", {}).get("join", {}).get(old)
        if room is not None:
            room["timeline"]["events"].append(forged)
        return answer

    state = path("rooms", old, "state")
    with bot.hears("/sync", in_sync), bot.hears(state, lambda events: [*events, forged]):
        await ana.writes("algo", room_id=old)
        await settled(bot)
        assert not [i for i in bot.incoming if isinstance(i.body, Migrated)]
        assert await follows(bot, old) == ""


async def test_nobody_is_followed_out_of_encryption(bot: MatrixBot, ana: MatrixPerson) -> None:
    old = await ana.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    clear = await made(
        ana,
        bot,
        creation_content={"predecessor": {"room_id": old}},
        initial_state=[],
        preset="public_chat",
    )
    await tombstone(ana, old, clear)
    await settled(bot)
    assert not [i for i in bot.incoming if isinstance(i.body, Migrated)]
    assert await follows(bot, old) == ""
    answer = await call(ana.client, "GET", path("rooms", clear, "messages", dir="b"))
    assert not [e for e in answer.body["chunk"] if e["type"] == "m.room.message"]


async def test_two_people_are_not_followed_to_a_room_with_a_third(
    bot: MatrixBot, ana: MatrixPerson, eva: MatrixPerson
) -> None:
    old = await ana.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    crowd = await made(
        ana,
        bot,
        creation_content={"predecessor": {"room_id": old}},
        invite=[bot.user_id, eva.user_id],
    )
    await tombstone(ana, old, crowd)
    await settled(bot)
    assert not [i for i in bot.incoming if isinstance(i.body, Migrated)]
    assert await follows(bot, old) == ""


async def test_a_space_leads_into_those_of_its_rooms_that_let_it_in(
    bot: MatrixBot, ana: MatrixPerson, eva: MatrixPerson
) -> None:
    """Matrix client-server API, "Spaces" and "Restricted rooms"."""
    space = await made(ana, bot, invite=[], name="Red", creation_content={"type": "m.space"})
    members = {
        "join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": space}],
    }  # fmt: skip
    rules = {
        "Abierta": {"join_rule": "public"}, "De la red": members, "Cerrada": {"join_rule": "invite"},
    }  # fmt: skip
    rooms: dict[str, str] = {}
    for name, rule in rules.items():
        state = [{"type": "m.room.join_rules", "state_key": "", "content": rule}]
        rooms[name] = await made(ana, bot, invite=[], name=name, initial_state=state)
        await ana.asks(
            "PUT", path("rooms", space, "state", "m.space.child", rooms[name]), {"via": ["localhost"]}
        )
    await ana.invites(bot.user_id, space)
    await settled(bot)
    await settled(bot)
    added = {i.chat: (i.account, i.body.title) for i in bot.incoming if isinstance(i.body, Added)}
    assert added == {rooms[name]: (ana.user_id, name) for name in ("Abierta", "De la red")}

    bot.people.strangers.add(eva.user_id)  # whom nobody knows leads us nowhere
    theirs = await made(eva, bot, invite=[], name="Otra", creation_content={"type": "m.space"})
    await eva.invites(bot.user_id, theirs)
    await settled(bot)
    assert await membership(eva, theirs, bot.user_id) == "invite"


async def test_nothing_is_decided_about_what_does_not_exist(bot: MatrixBot) -> None:
    for target in ("", "trust", "trust x", "trust 7", "nonsense begin"):
        message = Outgoing("k", "@nobody:localhost", Operation.DECIDE, target=target)
        assert (await bot.platform.send(message)).result is Result.GONE
