"""The crypto store of a bot that talks on a real Synapse: it names nobody, and nothing is lost."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

from bot.platforms.base import Added, Text
from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.store import opened
from tests.support.crypto_things import FILE, SECRET, contents, copy_into_nios, names
from tests.support.matrix_bot import MatrixBot
from tests.support.matrix_person import MatrixPerson
from tests.support.rawbytes import hits
from tests.support.synapse import Synapse, synapse

__all__ = ["synapse"]

ROOM_NAME = "Sala Secreta de la Colmena"


def fresh(name: str) -> str:
    return f"{name}-{uuid4().hex[:8]}"


def as_nio_keeps_it(ours: Path, theirs: Path, user_id: str, device_id: str) -> None:
    """Write what a stopped bot has in its store into one of nio's own."""
    store = opened(ours / FILE, SECRET, user_id, device_id)
    copy_into_nios(store, theirs)
    store.close()


def client(bot: MatrixBot) -> Any:
    return bot.platform._live.client  # type: ignore[union-attr]


async def again_from(bot: MatrixBot, cursor: str | None, text: str) -> None:
    """The bot reads a message once more, with the keys that are in its store."""
    bot.cursor = cursor
    bot._ids.clear()
    bot.incoming.clear()
    assert (await bot.receives(Text, lambda incoming: incoming.body == Text(text))).body


async def test_no_byte_of_the_folder_names_anybody_and_a_restart_reads_old_messages(
    synapse: Synapse, tmp_path: Path
) -> None:
    folder = tmp_path / "store"
    bot = await MatrixBot.started(synapse, folder, fresh("acuerpa-colibri"))
    ana = await MatrixPerson.join(synapse, fresh("canaria-ana"))
    berta = await MatrixPerson.join(synapse, fresh("canaria-berta"))
    private = await ana.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    group = await ana.creates_room(ROOM_NAME, [bot.user_id, berta.user_id])
    await berta.accepts_invitations()
    await bot.receives(Added)
    await ana.sync()
    before = bot.cursor
    await ana.writes("estamos en la bodega azul", room_id=private)
    await ana.writes("todas a la una", room_id=group)
    await bot.receives(Text)
    await bot.receives(Text)
    for room in (private, group):
        sent = await bot.says(room, "me pongo en camino")
        await ana.sync_until(sent)

    device, held = client(bot).device_id, contents(client(bot).store)
    own = client(bot).olm.account.identity_keys
    people = [person.client for person in (ana, berta)] + [client(bot)]
    canaries = {
        *names(held), *own.values(), bot.password, client(bot).access_token, private, group,
        ROOM_NAME, "bodega azul", "todas a la una", "me pongo en camino", "megolm", "curve25519",
        *(person.user_id for person in people), *(person.device_id for person in people),
        *(person.user_id[1:].partition(":")[0] for person in people),
    }  # fmt: skip
    assert {ana.user_id, berta.user_id, private, group} <= names(held)
    assert len(canaries) >= 30
    # Live, as a thief of the running machine's disk, or a kill, finds it: the log is not empty.
    assert (folder / f"{FILE}-wal").stat().st_size > 0
    assert hits(folder, canaries) == []
    killed = shutil.copytree(folder, tmp_path / "killed")
    await bot.platform.stop()
    assert hits(folder, canaries) == []
    # The same eyes find in nio's own store each name that is kept.
    control = tmp_path / "control"
    as_nio_keeps_it(killed, control, bot.user_id, device)
    assert {name for _, name in hits(control, names(held))} == names(held)

    bot.folder = killed
    await bot.restart()
    await again_from(bot, before, "estamos en la bodega azul")
    await again_from(bot, before, "todas a la una")
    await ana.sync_until(await bot.says(private, "sigo aquí"))
    assert ana.messages(room_id=private)[-1].body == "sigo aquí"
    await ana.close()
    await berta.close()
    await bot.platform.stop()


async def test_a_store_that_nio_made_is_taken_over_by_the_same_device(
    synapse: Synapse, tmp_path: Path
) -> None:
    bot = await MatrixBot.started(synapse, tmp_path / "store")
    ana = await MatrixPerson.join(synapse, fresh("canaria-ana"))
    await ana.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    await ana.sync()
    before = bot.cursor
    await ana.writes("antes de la mudanza")
    await bot.receives(Text)
    device, held = client(bot).device_id, contents(client(bot).store)
    await bot.platform.stop()

    bot.folder = tmp_path / "nios"
    as_nio_keeps_it(tmp_path / "store", bot.folder, bot.user_id, device)
    # The bot of that time did not mark its store.
    bot.secrets.kept = {k: v for k, v in bot.secrets.kept.items() if not k.endswith(".store_mark")}
    assert hits(bot.folder, {ana.user_id})
    await bot.restart()
    assert client(bot).device_id == device
    assert hits(bot.folder, {*names(held), bot.user_id, device}) == []
    await again_from(bot, before, "antes de la mudanza")
    await ana.sync_until(await bot.says(ana.room, "después de la mudanza"))
    assert ana.messages()[-1].body == "después de la mudanza"
    await ana.close()
    await bot.platform.stop()


async def test_a_bot_that_was_logged_out_reads_what_was_written_to_its_old_device(
    synapse: Synapse, tmp_path: Path
) -> None:
    bot = await MatrixBot.started(synapse, tmp_path)
    ana = await MatrixPerson.join(synapse, fresh("canaria-ana"))
    await ana.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    await ana.sync()
    await ana.writes("uno")
    await bot.receives(Text)
    await ana.writes("estoy bien")  # under the same room key
    old = client(bot).device_id
    await call(client(bot), "POST", path("logout"), {})
    await bot.restart()
    assert client(bot).device_id != old
    assert (await bot.receives(Text)).body == Text("estoy bien")
    await ana.close()
    await bot.platform.stop()
