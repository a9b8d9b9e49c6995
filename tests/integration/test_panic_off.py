"""The shut-off: the bot stops, people hear it, its sessions end and its key is gone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.config import load
from storage.database import Database
from storage.keys import KeyFile, KeyFileError
from tests.support.stage_bot import BotStage, TelegramStage, acuerpa
from tests.support.stage_matrix import MatrixStage
from tests.support.synapse import Synapse
from tests.support.world import World

LAST = "Este bot se apaga ahora"


async def panic_off(config: Path, *options: str, word: str = "SHUT OFF") -> tuple[int, str]:
    """Type the word. The exit status, and everything that was shown."""
    process = await asyncio.create_subprocess_exec(
        *acuerpa("panic-off", *options, "--config", str(config)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(120):
        out, _ = await process.communicate(f"{word}\n".encode())
    assert process.returncode is not None
    return process.returncode, out.decode()


async def peopled(stage: BotStage) -> World:
    """Coral coordinates; Ana is in the group."""
    world = World(stage)
    group = await world.group("Red")
    await group.joined("Ana")
    return world


async def shows_last_words(world: World) -> None:
    """On everybody's screen."""
    for person in world.people:
        assert any(LAST in m.text for m in await person.device.messages()), person.name


async def test_on_telegram(tmp_path: Path) -> None:
    stage = await TelegramStage.open(tmp_path)
    world = await peopled(stage)
    status, shown = await panic_off(stage.config, word="no")
    assert (status, "Nothing was done" in shown) == (1, True)
    status, shown = await panic_off(stage.config, "--rehearse")
    assert status == 0
    assert "telegram: 2 accounts would be told" in shown
    assert KeyFile(tmp_path / "acuerpa.key").path.exists()
    await world.people[0].writes("/estado")  # it still runs
    await world.people[0].reads_all()

    status, shown = await panic_off(stage.config)
    assert status == 0, shown
    assert "telegram: 2 of 2 accounts were told" in shown
    assert not {"Ana", "Coral", "Red"} & set(shown.replace(".", " ").split())
    assert stage.api.token not in shown
    async with asyncio.timeout(20):
        assert await stage.bot.ended() != 0
    await shows_last_words(world)
    assert stage.api.truth("logged_out")
    assert not (tmp_path / "acuerpa.key").exists()
    config = load(stage.config)
    with pytest.raises(KeyFileError, match="bring it back"):
        await Database(config.database.url, KeyFile(config.keys.file)).open()
    await stage.close()


async def test_with_a_copy_of_the_key_the_group_goes_on_unless_the_keys_are_destroyed(
    tmp_path: Path,
) -> None:
    stage = await TelegramStage.open(tmp_path)
    await peopled(stage)
    key = (tmp_path / "acuerpa.key").read_bytes()
    assert (await panic_off(stage.config))[0] == 0
    copy = tmp_path / "copy.key"
    copy.write_bytes(key)
    copy.chmod(0o600)
    config = load(stage.config)
    again = Database(config.database.url, KeyFile(copy))
    await again.open()
    async with again.transaction() as tx:
        assert len(await tx.people.reachable()) == 2
    await again.close()

    copy.replace(tmp_path / "acuerpa.key")
    assert (await panic_off(stage.config, "--destroy"))[0] == 0
    copy.write_bytes(key)
    copy.chmod(0o600)
    with pytest.raises(Exception, match=r"key|envelope|sealed"):
        destroyed = Database(config.database.url, KeyFile(copy))
        await destroyed.open()
        async with destroyed.transaction() as tx:
            await tx.people.reachable()
    await stage.close()


async def test_on_matrix(tmp_path: Path, synapse: Synapse) -> None:
    stage = await MatrixStage.open(tmp_path, synapse)
    world = await peopled(stage)
    assert synapse.devices_of(stage.user_id)
    status, shown = await panic_off(stage.config)
    assert status == 0, shown
    assert "matrix: 2 of 2 accounts were told" in shown
    await shows_last_words(world)
    assert not synapse.devices_of(stage.user_id)
    assert not (tmp_path / "matrix-store").exists()
    await stage.close()
