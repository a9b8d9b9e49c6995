"""The example of the page "A handler", in the real router with its lines in the tables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import MappingProxyType

import pytest
import pytest_asyncio

from bot.texts import catalogue
from handlers import entries, presses, rights
from handlers.context import Context
from storage.conversations import Option, Prompt
from tests.examples import thanks
from tests.support.stage_sandbox import SandboxStage
from tests.support.world import World

THERE = presses.pressed


async def pressed(ctx: Context, prompt: Prompt, option: Option) -> None:
    """With the two lines that the page adds."""
    match prompt.topic:
        case thanks.TOPIC:
            await thanks.pressed(ctx, prompt.ref, option.action, option.argument)
        case _:
            await THERE(ctx, prompt, option)


@pytest_asyncio.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A town whose bot knows the example."""
    (entry,) = thanks.ENTRIES
    for word in (entry.name, *entry.aliases):
        monkeypatch.setitem(entries.BY_WORD, word, entry)
    monkeypatch.setattr(
        rights, "PRESSES", MappingProxyType({**rights.PRESSES, **thanks.RIGHTS})
    )
    monkeypatch.setattr(presses, "pressed", pressed)
    for language, texts in thanks.TEXTS.items():
        for key, text in texts.items():
            monkeypatch.setitem(catalogue._catalogue(language), key, text)  # type: ignore[arg-type]
    made = World(await SandboxStage.open(tmp_path / "acuerpa.db"))
    yield made
    await made.close(failed=False)


async def test_ana_thanks_the_circle_once_she_says_so(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await ana.writes("/gracias")
    await ana.sees("Escribe tus palabras")
    await ana.writes("/gracias llegaron pronto")
    await ana.sees("¿Se lo digo a la red de respuesta")
    assert await berta.unread() == []
    await ana.presses("Enviar")
    await berta.sees("Ana da las gracias: llegaron pronto")
    await group.coordinator.sees("Ana da las gracias")


async def test_she_may_leave_it(world: World) -> None:
    group = await world.group("Red")
    ana, _ = await group.joined("Ana", "Berta")
    await ana.writes("/thanks all of you")
    await ana.sees("¿Se lo digo")
    await ana.presses("Descartar")


def test_its_texts_are_sorted_and_in_both_languages() -> None:
    keys = [list(texts) for texts in thanks.TEXTS.values()]
    assert keys[0] == keys[1] == sorted(keys[0])
