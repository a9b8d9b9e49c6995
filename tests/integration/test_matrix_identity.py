"""Whose devices are whose: pinned identities, and texts for proven devices alone."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bot.platforms.base import Added, Change, IdentityChanged, Result, Secrecy, Text, Unreadable
from bot.platforms.matrix.cross_signing import Identity
from bot.platforms.matrix.http import path
from tests.support.matrix_bot import MatrixBot
from tests.support.matrix_person import MatrixPerson
from tests.support.synapse import Synapse, synapse

__all__ = ["synapse"]

DETAILED = Secrecy.DETAILED
QUERY = "/keys/query"


@dataclass
class Pair:
    """A bot, and Ana with an identity of her own, in a direct room."""

    synapse: Synapse
    bot: MatrixBot
    ana: MatrixPerson
    identity: Identity
    room: str
    apps: list[MatrixPerson]

    async def further_device(self, *, signed: bool) -> MatrixPerson:
        """A device more of Ana's account, which the bot has heard of."""
        name = self.ana.user_id[1:].split(":")[0]
        app = await MatrixPerson.join(self.synapse, name, password=self.ana.password)
        self.apps.append(app)
        if signed:
            await app.signs_own_device(self.identity)
        await self.knows_of_changes()
        return app

    async def knows_of_changes(self) -> None:
        """The bot is told, as by the server, that something about Ana's keys is new."""
        client = self.bot.platform._live.client  # type: ignore[union-attr]
        client.users_for_key_query.add(self.ana.user_id)
        await self.bot.platform._live.receiver._devices.query([self.ana.user_id])  # type: ignore[union-attr]

    async def doubt(self) -> Any:
        """The report that something does not fit."""
        return await self.bot.receives(IdentityChanged)


@pytest.fixture
async def pair(synapse: Synapse, tmp_path: Path) -> AsyncIterator[Pair]:
    bot = await MatrixBot.started(synapse, tmp_path)
    ana = await MatrixPerson.join(synapse, f"ana{uuid4().hex[:6]}")
    identity = await ana.signs_own_device()
    room = await ana.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    await bot.says(room, "hola")
    await ana.sync()
    made = Pair(synapse, bot, ana, identity, room, [])
    yield made
    for app in [ana, *made.apps]:
        await app.close()
    await bot.platform.stop()


async def read_by(app: MatrixPerson, room: str, *ids: str) -> list[str | None]:
    """What this device can read of these messages."""
    await app.sync_until(ids[-1])
    bodies = {m.event_id: m.body for m in app.messages(room_id=room)}
    return [bodies[id] for id in ids]


# --- keys by policy -----------------------------------------------------------------------------


async def test_details_are_for_her_signed_devices_and_alarms_for_all(pair: Pair) -> None:
    tablet = await pair.further_device(signed=True)
    unsigned = await pair.further_device(signed=False)
    ids = []
    for n in range(3):
        ids.append(await pair.bot.says(pair.room, f"alarma {n}"))
        ids.append(await pair.bot.says(pair.room, f"detalle {n}", secrecy=DETAILED))
        ids.append(await pair.bot.says(pair.room, f"más {n}", secrecy=DETAILED))
    ids.append(await pair.bot.says(pair.room, "fin"))
    everything = [t for n in range(3) for t in (f"alarma {n}", f"detalle {n}", f"más {n}")]
    assert await read_by(pair.ana, pair.room, *ids) == [*everything, "fin"]
    assert await read_by(tablet, pair.room, *ids) == [*everything, "fin"]
    for_all = [t if t.startswith("alarma") else None for t in everything]
    assert await read_by(unsigned, pair.room, *ids) == [*for_all, "fin"]


async def test_where_all_devices_are_proven_the_key_is_made_once(pair: Pair) -> None:
    await pair.further_device(signed=True)
    await pair.bot.says(pair.room, "alarma")
    sessions = pair.bot.platform._live.client.olm.outbound_group_sessions  # type: ignore[union-attr]
    first = sessions[pair.room].id
    for n in range(3):
        await pair.bot.says(pair.room, f"detalle {n}", secrecy=DETAILED)
        await pair.bot.says(pair.room, f"alarma {n}")
    assert sessions[pair.room].id == first


async def test_without_a_proven_device_details_stay_here_and_the_receipt_says_so(
    synapse: Synapse, tmp_path: Path
) -> None:
    bot = await MatrixBot.started(synapse, tmp_path)
    berta = await MatrixPerson.join(synapse, f"berta{uuid4().hex[:6]}")
    room = await berta.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    assert (await bot.sends(room, "detalle", secrecy=DETAILED)).result is Result.UNPROVEN
    sent = await bot.says(room, "alarma")
    assert await read_by(berta, room, sent) == ["alarma"]
    await berta.close()
    await bot.platform.stop()


async def test_a_stranger_in_the_room_gets_no_details_though_signed(pair: Pair) -> None:
    ghost = await MatrixPerson.join(pair.synapse, f"ghost{uuid4().hex[:6]}")
    pair.apps.append(ghost)
    await ghost.signs_own_device()
    pair.bot.people.strangers.add(ghost.user_id)
    await pair.ana.invites(ghost.user_id, pair.room)
    await ghost.accepts_invitations()
    await pair.bot.pull(wait=1)
    ids = [
        await pair.bot.says(pair.room, "detalle", secrecy=DETAILED),
        await pair.bot.says(pair.room, "alarma"),
    ]
    assert await read_by(pair.ana, pair.room, *ids) == ["detalle", "alarma"]
    assert await read_by(ghost, pair.room, *ids) == [None, "alarma"]


async def test_nobody_who_left_can_read_what_follows(pair: Pair, synapse: Synapse) -> None:
    eva = await MatrixPerson.join(synapse, f"eva{uuid4().hex[:6]}")
    pair.apps.append(eva)
    await pair.ana.invites(eva.user_id, pair.room)
    await eva.accepts_invitations()
    await pair.bot.pull(wait=1)
    client = pair.bot.platform._live.client  # type: ignore[union-attr]
    sessions = client.olm.outbound_group_sessions
    await pair.bot.says(pair.room, "con Eva")
    first = sessions[pair.room].id
    # Somebody who leaves while the key is being given out keeps it, as far as nio goes.
    client.invalidate_outbound_session = lambda _: None
    await pair.ana.removes(eva.user_id, pair.room)
    await pair.bot.pull(wait=1)
    sent = await pair.bot.says(pair.room, "sin Eva")
    assert sessions[pair.room].id != first
    assert await read_by(pair.ana, pair.room, sent) == ["sin Eva"]


# --- what does not fit --------------------------------------------------------------------------


async def test_other_keys_of_the_person_stop_details_until_somebody_confirms(pair: Pair) -> None:
    bot, room = pair.bot, pair.room
    pair.identity = await pair.ana.signs_own_device(Identity.new(pair.ana.user_id))
    await pair.knows_of_changes()
    report = await pair.doubt()
    assert (report.account, report.body.what) == (pair.ana.user_id, Change.IDENTITY)
    assert (await bot.sends(room, "detalle", secrecy=DETAILED)).result is Result.UNPROVEN
    alarm = await bot.says(room, "alarma")
    assert await read_by(pair.ana, room, alarm) == ["alarma"]

    # Told once, remembered over a restart, and not forgotten by it.
    await bot.restart()
    await bot.pull()
    assert (await bot.sends(room, "detalle", secrecy=DETAILED)).result is Result.UNPROVEN
    await bot.pull()
    assert not [i for i in bot.incoming if isinstance(i.body, IdentityChanged)]

    assert (await bot.decides(report, report.body.confirm)).result is Result.SENT
    detail = await bot.says(room, "detalle", secrecy=DETAILED)
    assert await read_by(pair.ana, room, detail) == ["detalle"]
    assert (await bot.decides(report, report.body.confirm)).result is Result.GONE


async def test_a_report_that_was_not_stored_is_given_again(pair: Pair) -> None:
    await pair.ana.signs_own_device(Identity.new(pair.ana.user_id))
    await pair.knows_of_changes()
    batch = await pair.bot.platform.receive(pair.bot.cursor, 0)
    given = [e.event_id for e in batch.events if "report" in e.raw]
    assert len(given) == 1
    await pair.bot.restart()  # before anybody confirmed it
    again = await pair.bot.platform.receive(pair.bot.cursor, 0)
    assert [e.event_id for e in again.events if "report" in e.raw] == given


async def test_a_stranger_may_change_keys_without_anybody_being_asked(pair: Pair) -> None:
    pair.bot.people.strangers.add(pair.ana.user_id)
    await pair.ana.signs_own_device(Identity.new(pair.ana.user_id))
    await pair.knows_of_changes()
    pair.bot.people.strangers.clear()  # she joins now, with the keys that she has now
    assert (await pair.bot.sends(pair.room, "d", secrecy=DETAILED)).result is Result.SENT
    assert not [i for i in await pair.bot.pull() if isinstance(i.body, IdentityChanged)]


async def test_a_device_id_that_is_used_again_with_other_keys(pair: Pair) -> None:
    """The server says that Ana's phone has other keys now: those of a device it made itself."""
    other = await MatrixPerson.join(pair.synapse, f"evil{uuid4().hex[:6]}")
    pair.apps.append(other)
    device, ana = pair.ana.client.device_id, pair.ana.user_id
    olm = other.client.olm
    forged = {
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "user_id": ana,
        "device_id": device,
        "keys": {
            f"ed25519:{device}": olm.account.identity_keys["ed25519"],
            f"curve25519:{device}": olm.account.identity_keys["curve25519"],
        },
    }
    forged["signatures"] = {ana: {f"ed25519:{device}": olm.sign_json(forged)}}

    def change(answer: Any) -> Any:
        answer["device_keys"][ana] = {device: copy.deepcopy(forged)}
        return answer

    with pair.bot.hears(QUERY, change):
        await pair.knows_of_changes()
        report = await pair.doubt()
        assert report.body.what is Change.DEVICE
        refused = await pair.bot.sends(pair.room, "detalle", secrecy=DETAILED)
        assert refused.result is Result.UNPROVEN


async def test_a_wrong_signature_on_a_device(pair: Pair) -> None:
    ana, signing = pair.ana.user_id, pair.identity.public("self_signing")

    def change(answer: Any) -> Any:
        for device in answer["device_keys"][ana].values():
            device["signatures"][ana][f"ed25519:{signing}"] = "s" * 86
        return answer

    with pair.bot.hears(QUERY, change):
        await pair.knows_of_changes()
        report = await pair.doubt()
    assert report.body.what is Change.SIGNATURE
    # Also when the server goes back to the right one, it is for a person to say so.
    await pair.knows_of_changes()
    refused = await pair.bot.sends(pair.room, "detalle", secrecy=DETAILED)
    assert refused.result is Result.UNPROVEN
    await pair.bot.decides(report, report.body.confirm)
    assert (await pair.bot.sends(pair.room, "d", secrecy=DETAILED)).result is Result.SENT


async def test_a_server_that_withholds_the_identity(pair: Pair) -> None:
    def change(answer: Any) -> Any:
        return {"device_keys": answer["device_keys"]}

    with pair.bot.hears(QUERY, change):
        await pair.knows_of_changes()
        refused = await pair.bot.sends(pair.room, "detalle", secrecy=DETAILED)
        assert refused.result is Result.UNPROVEN
        assert (await pair.bot.sends(pair.room, "alarma")).result is Result.SENT
    await pair.knows_of_changes()
    assert (await pair.bot.sends(pair.room, "d", secrecy=DETAILED)).result is Result.SENT


async def test_a_server_that_goes_back_to_earlier_signing_keys(pair: Pair) -> None:
    ana, other = pair.ana.user_id, Identity.new(pair.ana.user_id)
    renewed = Identity(ana, {**pair.identity.keys, "self_signing": other.keys["self_signing"]})

    def change(answer: Any) -> Any:
        answer["self_signing_keys"][ana] = renewed.upload()["self_signing_key"]
        devices = answer["device_keys"][ana]
        answer["device_keys"][ana] = {
            id: renewed.signed(device, "self_signing") for id, device in devices.items()
        }
        return answer

    with pair.bot.hears(QUERY, change):  # Ana has made another signing key, as she may
        await pair.knows_of_changes()
        assert (await pair.bot.sends(pair.room, "d", secrecy=DETAILED)).result is Result.SENT
    await pair.knows_of_changes()
    assert (await pair.doubt()).body.what is Change.SIGNATURE


async def test_one_malformed_device_is_no_trouble_for_others(pair: Pair) -> None:
    """nio refuses the whole answer for it, and no alarm would leave for anybody asked with it."""

    def change(answer: Any) -> Any:
        answer["device_keys"][pair.ana.user_id]["BROKEN"] = {"keys": "x"}
        return answer

    with pair.bot.hears(QUERY, change):
        await pair.knows_of_changes()
        sent = await pair.bot.says(pair.room, "alarma")
    assert await read_by(pair.ana, pair.room, sent) == ["alarma"]


async def test_a_device_that_the_server_left_out_once_is_written_to_again(pair: Pair) -> None:
    def change(answer: Any) -> Any:
        answer["device_keys"][pair.ana.user_id] = {}
        return answer

    with pair.bot.hears(QUERY, change):
        await pair.knows_of_changes()
        lost = await pair.bot.sends(pair.room, "alarma")
        assert lost.result is Result.UNREADABLE
    await pair.knows_of_changes()
    sent = await pair.bot.says(pair.room, "alarma")
    assert await read_by(pair.ana, pair.room, sent) == ["alarma"]


async def test_what_changes_while_the_keys_are_asked_for_is_asked_for_again(pair: Pair) -> None:
    """A sync says so in between; the answer that comes may be the older one."""
    due = pair.bot.platform._live.client.users_for_key_query  # type: ignore[union-attr]

    def change(answer: Any) -> Any:
        due.update({pair.ana.user_id})  # as a sync does
        return answer

    with pair.bot.hears(QUERY, change):
        await pair.knows_of_changes()
    assert pair.ana.user_id in due
    await pair.knows_of_changes()
    assert pair.ana.user_id not in due


async def test_an_answer_that_was_overtaken_counts_no_more(pair: Pair) -> None:
    devices = pair.bot.platform._live.receiver._devices  # type: ignore[union-attr]
    client = pair.bot.platform._live.client  # type: ignore[union-attr]
    send, first, late = client.send, [True], asyncio.Event()

    async def overtaken(method: str, where: str, *more: Any, **named: Any) -> Any:
        mine = QUERY in where and first.pop() if first else False
        response = await send(method, where, *more, **named)
        if mine:
            await response.read()
            await late.wait()
        return response

    client.send = overtaken
    old = asyncio.create_task(devices.query([pair.ana.user_id]))
    await asyncio.sleep(0.3)  # the homeserver has answered it, and the answer is on its way
    tablet = await pair.further_device(signed=True)
    late.set()
    await old
    sent = await pair.bot.says(pair.room, "alarma")
    assert await read_by(tablet, pair.room, sent) == ["alarma"]


# --- an alarm that nobody can read is not sent --------------------------------------------------


async def test_a_person_without_any_device_is_out_of_reach(pair: Pair) -> None:
    await pair.ana.client.logout(all_devices=True)
    await pair.knows_of_changes()
    assert (await pair.bot.sends(pair.room, "alarma")).result is Result.UNREADABLE
    name = pair.ana.user_id[1:].split(":")[0]
    back = await MatrixPerson.join(pair.synapse, name, password=pair.ana.password)
    pair.apps.append(back)
    await pair.knows_of_changes()
    sent = await pair.bot.says(pair.room, "alarma")
    assert await read_by(back, pair.room, sent) == ["alarma"]


async def test_a_device_without_one_time_keys_is_out_of_reach_until_it_has_some(
    synapse: Synapse, tmp_path: Path
) -> None:
    bot = await MatrixBot.started(synapse, tmp_path)
    ana = await MatrixPerson.join(synapse, f"ana{uuid4().hex[:6]}")
    room = await ana.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    with bot.hears("/keys/claim", lambda _: {"one_time_keys": {}, "failures": {}}):
        assert (await bot.sends(room, "alarma")).result is Result.UNREADABLE
        assert (await bot.sends(room, "alarma")).result is Result.UNREADABLE
    sent = await bot.says(room, "alarma")
    assert await read_by(ana, room, sent) == ["alarma"]
    await ana.close()
    await bot.platform.stop()


async def test_a_device_that_bears_our_own_device_s_name_gets_the_key(
    synapse: Synapse, tmp_path: Path
) -> None:
    bot = await MatrixBot.started(synapse, tmp_path)
    name = f"ana{uuid4().hex[:6]}"
    _, password = await synapse.register(name)
    ana = await MatrixPerson.join(synapse, name, password=password, device_id=bot.device_id)
    room = await ana.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    sent = await bot.says(room, "alarma")
    assert await read_by(ana, room, sent) == ["alarma"]
    await ana.close()
    await bot.platform.stop()


# --- whose word it is ---------------------------------------------------------------------------


async def test_her_own_words_are_proven_and_those_of_an_unsigned_device_are_not(
    pair: Pair,
) -> None:
    await pair.ana.writes("estoy bien")
    assert (await pair.bot.receives(Text)).proven
    unsigned = await pair.further_device(signed=False)
    await unsigned.sync()
    await unsigned.writes("estoy bien", room_id=pair.room)
    said = await pair.bot.receives(Text)
    assert (said.body, said.proven) == (Text("estoy bien"), False)
    await pair.bot.restart()
    await pair.ana.writes("de nuevo yo")
    assert (await pair.bot.receives(Text)).proven


async def test_clear_words_in_an_encrypted_room_are_nobody_s(pair: Pair) -> None:
    where = path("rooms", pair.room, "send", "m.room.message", uuid4().hex)
    await pair.ana.asks("PUT", where, {"msgtype": "m.text", "body": "estoy bien"})
    said = await pair.bot.receives(Text)
    assert (said.body, said.proven) == (Text("estoy bien"), False)


async def test_words_that_the_server_puts_into_another_mouth(
    pair: Pair, synapse: Synapse
) -> None:
    """Eva may write here; the server says that what she wrote was Ana's."""
    eva = await MatrixPerson.join(synapse, f"eva{uuid4().hex[:6]}")
    pair.apps.append(eva)
    await pair.ana.invites(eva.user_id, pair.room)
    await eva.accepts_invitations()
    await pair.bot.pull(wait=1)

    def change(answer: Any) -> Any:
        for room in answer.get("rooms", {}).get("join", {}).values():
            for event in room["timeline"]["events"]:
                if event["type"] == "m.room.encrypted" and event["sender"] == eva.user_id:
                    event["sender"] = pair.ana.user_id
        return answer

    with pair.bot.hears("/sync", change):
        await eva.writes("estoy bien", room_id=pair.room)
        said = await pair.bot.receives(Text)
    assert (said.account, said.proven) == (pair.ana.user_id, False)


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
async def test_what_ana_said_yesterday_is_not_said_again_by_her_server(
    pair: Pair, restarted: bool
) -> None:
    """The server has her "I am well" in its sealed form, and may show it as a new event."""
    sealed: list[Any] = []

    def looks(answer: Any) -> Any:
        sealed.extend(e["content"] for e in _sealed_of(answer, pair.ana.user_id))
        return answer

    with pair.bot.hears("/sync", looks):
        await pair.ana.writes("estoy bien")
        assert (await pair.bot.receives(Text)).body == Text("estoy bien")
    if restarted:
        await pair.bot.restart()

    def repeats(answer: Any) -> Any:
        for event in _sealed_of(answer, pair.ana.user_id):
            event["content"] = sealed[-1]
        return answer

    with pair.bot.hears("/sync", repeats):
        await pair.ana.writes("me llevan")
        said = await pair.bot.receives(Unreadable)
    assert said.account == pair.ana.user_id
    assert not [i for i in pair.bot.incoming if i.body == Text("estoy bien")]
    await pair.ana.writes("de verdad estoy bien")
    await pair.bot.receives(Text, lambda said: said.body == Text("de verdad estoy bien"))


def _sealed_of(answer: Any, sender: str) -> list[Any]:
    """The encrypted events of somebody in an answer to a sync."""
    return [
        event
        for room in answer.get("rooms", {}).get("join", {}).values()
        for event in room["timeline"]["events"]
        if event["type"] == "m.room.encrypted" and event["sender"] == sender
    ]


# --- ids of any length --------------------------------------------------------------------------


async def test_an_account_whose_id_has_255_bytes(synapse: Synapse, tmp_path: Path) -> None:
    bot = await MatrixBot.started(synapse, tmp_path)
    name = uuid4().hex + "x" * (255 - len("@:localhost") - 32)
    ana = await MatrixPerson.join(synapse, name)
    assert len(ana.user_id) == 255
    await ana.signs_own_device()
    receipt = await bot.sends(ana.user_id, "hola")
    await ana.accepts_invitations()
    detail = await bot.says(receipt.new_chat, "detalle", secrecy=DETAILED)
    assert await read_by(ana, receipt.new_chat, detail) == ["detalle"]
    await ana.writes("aquí")
    said = await bot.receives(Text)
    assert (said.account, said.proven) == (ana.user_id, True)
    await ana.close()
    await bot.platform.stop()
