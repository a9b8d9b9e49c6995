"""Telegram alone has forums: a group publishes in one topic of one, and the others hear nothing of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.stories.test_denunciations import TITLE, write
from tests.support.stage_bot import TelegramDevice, TelegramStage
from tests.support.world import World


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[TelegramStage]:
    made = await TelegramStage.open(tmp_path)
    yield made
    await made.close()


async def test_a_denunciation_comes_in_the_topic_in_which_it_was_asked_for(
    stage: TelegramStage,
) -> None:
    world = World(stage)
    group = await world.group("Red")
    (olga,) = await group.joined("Olga", as_="redacción")
    (rita,) = await group.joined("Rita", as_="aprobación")
    forum = await stage.api.chat("Foro", type="supergroup")
    assert isinstance(olga.device, TelegramDevice)
    in_topic = {"message_thread_id": 42, "is_topic_message": True}
    await olga.device.person.writes("/aqui", chat=forum, extra=in_topic)
    await stage.settle()
    await olga.sees("escribe ahí /aqui y cómo se llama")
    await olga.device.person.writes("/aqui Alertas", chat=forum, extra=in_topic)
    await stage.settle()
    await olga.sees("Alertas")
    await olga.presses("Sí, publicar ahí")
    await olga.shows("Publicaré en «Alertas»")
    await olga.device.person.writes("/aqui Otra vez", chat=forum, extra=in_topic)
    await stage.settle()
    await olga.sees("Ya publico en «Alertas»")
    await write(olga)
    await olga.presses("Enviar a revisión")
    await rita.reads_all()
    await rita.presses("Aprobar y publicar")
    sent = [line for line in stage.api.truth("message") if line["chat"] == forum.id]
    assert [(line["message_thread_id"], TITLE in line["text"]) for line in sent] == [(42, True)]
