"""An alarm can be read, not only sent: apps that exclude unsigned devices show it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bot.platforms.base import Added, PlatformError
from bot.platforms.matrix import cross_signing
from bot.platforms.matrix.cross_signing import Identity
from bot.platforms.matrix.http import call, path
from tests.support.matrix_bot import MatrixBot, MemorySecrets
from tests.support.matrix_person import MatrixPerson
from tests.support.reader import RustReader
from tests.support.synapse import Synapse, synapse

__all__ = ["synapse"]


async def test_a_plain_nio_client_is_hidden_and_the_bot_is_shown(
    synapse: Synapse, tmp_path: Path
) -> None:
    bot = await MatrixBot.started(synapse, tmp_path)
    plain = await MatrixPerson.join(synapse, f"plain{uuid4().hex[:6]}")
    reader = await RustReader.join(synapse, f"reader{uuid4().hex[:6]}")
    try:
        room = await plain.creates_room("Red", [bot.user_id, reader.user_id])
        await reader.accepts_invitations()
        await bot.receives(Added)

        hidden = [await plain.writes(f"plain {n}", room_id=room) for n in range(5)]
        shown = [await bot.says(room, f"before {n}") for n in range(5)]
        await bot.restart()
        await bot.pull()
        shown += [await bot.says(room, f"after {n}") for n in range(5)]

        await reader.sync_until(*hidden, *shown)
        verdicts = await reader.verdicts()
        assert [verdicts[event].shown for event in hidden] == [False] * 5
        assert {verdicts[event].why for event in hidden} == {verdicts[hidden[0]].why}
        assert "not signed by" in verdicts[hidden[0]].why
        assert [verdicts[event].body for event in shown] == [
            *(f"before {n}" for n in range(5)),
            *(f"after {n}" for n in range(5)),
        ]
    finally:
        await reader.close()
        await plain.close()
        await bot.platform.stop()


async def test_a_new_device_of_a_reader_and_a_rotated_key(synapse: Synapse, tmp_path: Path) -> None:
    bot = await MatrixBot.started(synapse, tmp_path)
    first = await RustReader.join(synapse, f"reader{uuid4().hex[:6]}")
    second: RustReader | None = None
    try:
        receipt = await bot.sends(first.user_id, "one")
        room = receipt.new_chat
        await first.accepts_invitations()
        second = await RustReader.join(
            synapse, first.user_id[1:].split(":")[0], password=first.password
        )
        await bot.pull(wait=1)
        later = [await bot.says(room, f"{n}") for n in range(110)]  # nio rotates after 100
        await first.sync_until(later[-1])
        await second.sync_until(later[-1])
        for reader in (first, second):
            verdicts = await reader.verdicts()
            assert verdicts[later[-1]].shown, verdicts[later[-1]]
            assert all(verdict.shown for id_, verdict in verdicts.items() if id_ in later)
    finally:
        await first.close()
        if second is not None:
            await second.close()
        await bot.platform.stop()


async def test_keys_are_published_with_the_password_where_the_server_asks_for_it(
    synapse: Synapse, tmp_path: Path
) -> None:
    """Synapse asks when keys replace others; some servers ask always."""
    bot = await MatrixBot.started(synapse, tmp_path)
    client = bot.platform._live.client  # type: ignore[union-attr]
    other = Identity.new(bot.user_id)
    for password, named in ((None, "set it and start again"), ("wrong", "correct either")):
        with pytest.raises(PlatformError, match=named) as caught:
            await cross_signing._publish(client, other, password)
        assert caught.value.final
        assert str(caught.value).startswith("matrix.password_file")

    def single_sign_on(answer: Any) -> Any:
        return {**answer, "flows": [{"stages": ["m.login.sso"]}]}

    with (
        bot.hears("/device_signing/upload", single_sign_on),
        pytest.raises(PlatformError, match="does not take a password"),
    ):
        await cross_signing._publish(client, other, bot.password)

    await cross_signing._publish(client, other, bot.password)
    answer = await call(
        client, "POST", path("keys", "query"), {"device_keys": {bot.user_id: []}}
    )
    published = answer.body["master_keys"][bot.user_id]["keys"]
    assert list(published.values()) == [other.public("master")]
    await bot.platform.stop()


async def test_an_account_with_foreign_signing_keys_is_refused_with_the_remedy(
    synapse: Synapse, tmp_path: Path
) -> None:
    bot = await MatrixBot.started(synapse, tmp_path)
    await bot.platform.stop()
    other = bot.new_platform(store_path=tmp_path / "other", secrets=MemorySecrets())
    with pytest.raises(PlatformError, match=r"matrix\.user_id.*does not hold") as caught:
        await other.start()
    assert caught.value.final
    assert "\n" not in str(caught.value)
