"""A backup comes back on Matrix: the bot is a new device, and what it writes can be read."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from bot.backups import stream, work
from bot.backups.restoring import restore
from bot.config import load
from bot.platforms.matrix.secrets import AccountSecrets
from storage.database import Database
from storage.keys import KeyFile
from storage.sealed_facts import SealedFacts
from tests.support.backups import order
from tests.support.stage_matrix import MatrixStage
from tests.support.steering import SteeredBot
from tests.support.synapse import Synapse
from tests.support.world import World


async def device_of(database: Path, key: Path, user_id: str) -> str:
    """As which device the bot is signed in, by its own database."""
    opened = Database(str(database), KeyFile(key))
    await opened.open()
    session = await AccountSecrets(SealedFacts(opened), user_id).get("session")
    await opened.close()
    return str(session["device_id"])


async def test_the_bot_is_a_new_device_and_is_read(tmp_path: Path, synapse: Synapse) -> None:
    stage = await MatrixStage.open(tmp_path, synapse)
    world = World(stage)
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    store, database, key = (tmp_path / n for n in ("matrix-store", "acuerpa.db", "acuerpa.key"))
    _, public, private = stream.new_identity()
    (tmp_path / "identity").write_text(private)
    wanted = work.Order(
        **{
            **work.asdict(order(str(database), tmp_path / "backups", public=public)),
            "master": key.read_bytes().hex(), "store": str(store), "at": world.now.isoformat(),
        }
    )  # fmt: skip
    made = await asyncio.to_thread(work.make, wanted)
    assert made.missing == []
    await ana.writes("/estado")
    await ana.reads_all()
    await stage.bot.stop()
    before = await device_of(database, key, stage.user_id)
    for path in store.iterdir():
        path.unlink()  # the machine is a new one

    said: list[str] = []
    config, keys = load(stage.config), stream.identities(tmp_path / "identity")
    await restore(
        tmp_path / "backups" / made.name, keys, config, KeyFile(key), world.now, said.append,
        replace=True, moved=False,
    )  # fmt: skip
    assert "The crypto store of Matrix was restored." in said
    assert any("a new device" in line for line in said)
    stage.bot = await SteeredBot.start(stage.config, tmp_path, world.now + timedelta(hours=1))
    await stage.settle()
    await group.coordinator.sees("copia de seguridad")
    await ana.writes("/estado")  # to the new device, by somebody whom it knows from before
    assert await ana.reads_all()
    await stage.bot.stop()
    assert await device_of(database, key, stage.user_id) != before
    await group.coordinator.reads_all()
