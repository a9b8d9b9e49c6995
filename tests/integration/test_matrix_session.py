"""Starting: the same device after a restart, and one plain line when something is wrong."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from bot.platforms.base import Added, PlatformError, Result, Text
from bot.platforms.matrix.http import call, path
from tests.support.matrix_bot import MatrixBot, MemorySecrets
from tests.support.matrix_person import MatrixPerson
from tests.support.synapse import Synapse, synapse

__all__ = ["synapse"]


def device(bot: MatrixBot) -> str:
    return str(bot.platform._live.client.device_id)  # type: ignore[union-attr]


async def test_a_restart_is_the_same_device_and_reads_what_came_meanwhile(
    synapse: Synapse, tmp_path: Path
) -> None:
    bot = await MatrixBot.started(synapse, tmp_path)
    ana = await MatrixPerson.join(synapse, "ana-restart")
    await ana.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    await ana.sync()
    before = device(bot)
    await bot.platform.stop()
    await ana.writes("mientras tanto")
    # The password is needed once: an operator may take the file away after the first start.
    bot.platform = bot.new_platform(password=None)
    await bot.platform.start()
    assert device(bot) == before
    assert (await bot.receives(Text)).body == Text("mientras tanto")
    await bot.platform.stop()
    await bot.platform.stop()
    await ana.close()


async def test_losing_the_crypto_store_or_the_session_makes_a_new_signed_device(
    synapse: Synapse, tmp_path: Path
) -> None:
    bot = await MatrixBot.started(synapse, tmp_path)
    before = device(bot)
    await bot.platform.stop()
    (tmp_path / "crypto.db").unlink()
    bot.platform = bot.new_platform()
    await bot.platform.start()
    second = device(bot)
    assert second != before
    client = bot.platform._live.client  # type: ignore[union-attr]
    await call(client, "POST", path("logout"), {})
    receipt = await bot.sends("!any:localhost", "x")
    assert receipt.result is Result.SERVER_ERROR  # nothing was received yet
    with pytest.raises(PlatformError, match="ended the bot's session") as caught:
        await bot.platform.receive(bot.cursor, 0)
    assert caught.value.final
    await bot.restart()
    assert device(bot) not in (before, second)
    await bot.platform.stop()


@pytest.mark.parametrize(
    ("changed", "named", "final"),
    [
        ({"password": "wrong-password"}, "matrix.password_file", True),
        ({"homeserver": "nonsense"}, "matrix.homeserver", True),
        ({"homeserver": "http://no.such.host.invalid"}, "matrix.homeserver", False),
        ({"user_id": "acuerpa"}, "matrix.user_id", True),
        ({"password": None}, "matrix.password_file", True),
    ],
)
async def test_a_wrong_setting_is_one_line_that_names_it(
    synapse: Synapse, tmp_path: Path, changed: dict[str, Any], named: str, final: bool
) -> None:
    user_id, password = await synapse.register(f"wrong{abs(hash(str(changed)))}")
    bot = MatrixBot(synapse, user_id, password, tmp_path)
    platform = bot.new_platform(**changed)
    with pytest.raises(PlatformError) as caught:
        await platform.start()
    text = str(caught.value)
    assert text.startswith(named)
    assert "\n" not in text
    assert password not in text
    assert "wrong-password" not in text
    assert caught.value.final is final


async def test_a_wrong_pickle_key_is_said(synapse: Synapse, tmp_path: Path) -> None:
    bot = await MatrixBot.started(synapse, tmp_path)
    await bot.platform.stop()
    with pytest.raises(PlatformError, match="key file") as caught:
        await bot.new_platform(pickle_key="a0" * 32).start()
    assert caught.value.final


async def test_a_homeserver_that_is_down(tmp_path: Path) -> None:
    server = Synapse()
    server.start(tmp_path / "server")
    try:
        bot = await MatrixBot.started(server, tmp_path / "bot")
        ana = await MatrixPerson.join(server, "ana")
        room = await ana.opens_direct_room(bot.user_id)
        await bot.receives(Added)
        server.stop()
        assert (await bot.sends(room, "hola", key="k")).result is Result.UNREACHABLE
        with pytest.raises(PlatformError, match=r"matrix\.homeserver") as caught:
            await bot.platform.receive(bot.cursor, 0)
        assert not caught.value.final
        other = bot.new_platform(store_path=tmp_path / "other", secrets=MemorySecrets())
        with pytest.raises(PlatformError, match=r"matrix\.homeserver") as caught:
            await other.start()
        assert not caught.value.final
        server.resume()
        sent = await bot.says(room, "hola", key="k")
        await ana.sync_until(sent)
        assert ana.messages()[-1].body == "hola"
        await ana.close()
        await bot.platform.stop()
    finally:
        server.stop()


async def test_a_silent_homeserver_is_ambiguous_and_a_limit_is_stated(tmp_path: Path) -> None:
    server = Synapse("rc_message: {per_second: 0.2, burst_count: 4}\n")
    server.start(tmp_path / "server")
    try:
        bot = await MatrixBot.started(server, tmp_path / "bot")
        ana = await MatrixPerson.join(server, "ana")
        room = await ana.opens_direct_room(bot.user_id)
        await bot.receives(Added)
        receipts = [await bot.sends(room, f"{n}") for n in range(6)]
        limited = receipts[-1]
        assert limited.result is Result.LIMITED
        assert 0 < limited.retry_after <= 5
        assert limited.whole_platform
        client = bot.platform._live.client  # type: ignore[union-attr]
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            client.homeserver = f"http://127.0.0.1:{silent.getsockname()[1]}"
            object.__setattr__(client.config, "request_timeout", 0.3)
            assert (await bot.sends(room, "x")).result is Result.AMBIGUOUS
        await ana.close()
        await bot.platform.stop()
    finally:
        server.stop()


async def test_an_earlier_copy_of_the_crypto_store_makes_a_new_signed_device(
    synapse: Synapse, tmp_path: Path
) -> None:
    """With the copy, what is encrypted next was encrypted before, and Ana's app refuses it."""
    bot = await MatrixBot.started(synapse, tmp_path / "bot")
    ana = await MatrixPerson.join(synapse, "ana-copy")
    room = await ana.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    await bot.says(room, "antes de la copia")
    await bot.platform.stop()
    shutil.copytree(tmp_path / "bot", tmp_path / "copy")
    await bot.restart()
    await bot.pull()
    for n in range(5):
        await bot.restart()  # each start gives Ana a key anew
        await bot.pull()
        await bot.says(room, f"{n}")
    first = device(bot)
    await bot.platform.stop()
    shutil.rmtree(tmp_path / "bot")
    shutil.copytree(tmp_path / "copy", tmp_path / "bot")
    bot.platform = bot.new_platform()
    await bot.platform.start()
    assert device(bot) != first
    await bot.pull()
    sent = await bot.says(room, "después")
    await ana.sync_until(sent)
    assert ana.messages()[-1].body == "después"
    await ana.close()
    await bot.platform.stop()


async def test_one_time_keys_of_an_earlier_copy_make_a_new_device_too(
    synapse: Synapse, tmp_path: Path
) -> None:
    """The database is of the same earlier day, so that the mark fits: the server knows better."""
    bot = await MatrixBot.started(synapse, tmp_path / "bot")
    await bot.platform.stop()
    secrets = dict(bot.secrets.kept)
    shutil.copytree(tmp_path / "bot", tmp_path / "copy")
    await bot.restart()
    await bot.pull()
    first, client = device(bot), bot.platform._live.client  # type: ignore[union-attr]
    client.olm.uploaded_key_count = 0
    await client.keys_upload()
    await bot.platform.stop()
    shutil.rmtree(tmp_path / "bot")
    shutil.copytree(tmp_path / "copy", tmp_path / "bot")
    bot.secrets.kept = secrets
    await bot.restart()
    assert device(bot) == first
    client = bot.platform._live.client  # type: ignore[union-attr]
    with bot.hears("/sync", lambda a: {**a, "device_one_time_keys_count": {}}):
        for _ in range(20):  # in time, keys run short and are made anew
            await bot.pull(wait=0.2)
            if device(bot) != first:
                break
    assert device(bot) != first
    await bot.platform.stop()


async def test_who_begins_a_session_anew_gets_the_keys_again(
    synapse: Synapse, tmp_path: Path
) -> None:
    bot = await MatrixBot.started(synapse, tmp_path)
    ana = await MatrixPerson.join(synapse, "ana-anew")
    room = await ana.opens_direct_room(bot.user_id)
    await bot.receives(Added)
    sent = await bot.says(room, "uno")
    await ana.sync_until(sent)
    # Ana's app has lost the key, and says so in the way in which apps do.
    ana.client.olm.inbound_group_store._entries.clear()
    await ana.sync()
    olm = ana.client.olm
    [own] = [d for d in ana.client.device_store.active_user_devices(bot.user_id)]
    olm._queue_dummy_message(olm.session_store.get(own.curve25519), own)
    await ana.client.send_to_device_messages()
    await bot.pull(wait=1)
    sent = await bot.says(room, "dos")
    await ana.sync_until(sent)
    assert ana.messages()[-1].body == "dos"
    await ana.close()
    await bot.platform.stop()
