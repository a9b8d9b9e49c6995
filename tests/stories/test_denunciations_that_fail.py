"""What does not arrive is named in the report, so that a person can do something about it."""

from pathlib import Path

import sqlalchemy as sa

from bot.platforms.base import Result
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
