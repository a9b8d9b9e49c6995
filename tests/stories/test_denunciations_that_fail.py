"""What does not arrive is named in the report, so that a person can do something about it."""

from pathlib import Path

import sqlalchemy as sa

from bot.platforms.base import Receipt, Result
from storage.tables import outbox
from tests.stories.test_denunciations import TITLE, organisation, write
from tests.support.stage_sandbox import SandboxDevice, SandboxStage
from tests.support.world import World


async def test_a_channel_that_lost_the_bot_is_named(tmp_path: Path) -> None:
    stage = await SandboxStage.open(tmp_path / "acuerpa.db")
    world = World(stage)
    olga, rita, ana, channel = await organisation(world)
    await write(olga)
    await olga.presses("Enviar a revisión")
    await rita.reads_all()
    assert isinstance(channel.device, SandboxDevice)
    stage.town.next_answers(Result.BLOCKED, chat=channel.device.chat)
    await rita.presses("Aprobar y publicar")
    for reader in (ana, rita):
        await reader.sees(TITLE)
    await olga.sees("#1")
    await world.forward(seconds=10)
    await olga.shows("2 de 3", "No llegó: Alertas")

    await olga.sees("falló en algunos chats (1)")
    await olga.presses("Intentar de nuevo ahí")  # the channel let the bot in again
    await channel.sees(TITLE)
    await olga.sees("Publicando la denuncia #1")
    await world.forward(seconds=10)
    await olga.shows("3 de 3")
    await world.close()


async def test_one_of_which_nobody_knows_is_not_tried_again(tmp_path: Path) -> None:
    """Telegram took it perhaps: the report says so, and a second copy would be worse than none."""
    stage = await SandboxStage.open(tmp_path / "acuerpa.db")
    world = World(stage)
    olga, rita, ana, channel = await organisation(world)
    await write(olga)
    await olga.presses("Enviar a revisión")
    await rita.reads_all()
    async with stage.database.transaction() as tx:
        (to,) = await tx.denunciations.destinations(1)
    await rita.presses("Aprobar y publicar")
    for reader in (ana, rita, channel):
        await reader.sees(TITLE)
    await olga.sees("#1")
    async with stage.database.transaction() as tx:
        row = next(r for r in await tx.outbox.standing("denunciation:1") if r.chat == to.chat)
        await tx.connection.execute(
            sa.update(outbox).where(outbox.c.key == row.key).values(state="unknown")
        )
    await world.forward(seconds=10)
    await olga.shows("2 de 3", "sin saber en 1", "No se sabe si llegó: Alertas")
    await olga.sees_nothing()
    await world.close()


async def test_a_room_that_is_upgraded_in_the_middle_has_it_once_in_the_new_one(
    tmp_path: Path,
) -> None:
    stage = await SandboxStage.open(tmp_path / "acuerpa.db")
    world = World(stage)
    olga, rita, ana, channel = await organisation(world)
    assert isinstance(channel.device, SandboxDevice)
    assert isinstance(olga.device, SandboxDevice)
    new = stage.town.place("nueva", "Alertas", readers=[channel.device.person, olga.device.person])
    stage.town.adds_bot(olga.device.person, new.id)
    await stage.settle()
    await olga.reads_all()  # asked about the new one as well, and has not answered yet
    await write(olga)
    await olga.presses("Enviar a revisión")
    await rita.reads_all()
    moved = Receipt(Result.MIGRATED, new_chat=new.id)
    stage.town.next_answers(moved, chat=channel.device.chat)
    await rita.presses("Aprobar y publicar")
    for reader in (ana, rita):
        await reader.sees(TITLE)
    in_new = [m.plain for m in stage.town.messages(new.id) if TITLE in m.plain]
    assert len(in_new) == 1
    await channel.sees_nothing()
    await olga.sees("#1")
    await world.forward(seconds=10)
    await olga.shows("Denuncia #1 publicada", "3 de 3")
    await world.close()
