"""What the page of commands says can be written is written to the bot, which understands it."""

from __future__ import annotations

import logging
import random
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import structlog

from bot.domain.people import Role
from bot.domain.permissions import Held, Standing
from bot.platforms.base import ChatKind, Text
from bot.texts import Texts
from handlers.entries import ENTRIES
from tests.proofs.own_enumerated import Enumeration
from tests.proofs.own_scene import Scene, Someone
from tests.proofs.proof import Figures
from tests.simulation.seeds import memory
from tests.simulation.sqlite import MemoryDatabase
from tools.site.generated import examples, who_may

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHO: dict[Held, str] = {
    Standing.MEMBER: "ana",
    Role.RESPONDER: "berta",
    Role.COORDINATOR: "coral",
    Role.AUTHOR: "olga",
    Role.APPROVER: "rita",
    Standing.OPERATOR: "opal",
}
"""Of the people of P16's scene, who writes it."""

NOT_UNDERSTOOD = ("not_allowed", "unknown_command", ".not_understood", ".error.", "_wrong")
"""Ends and parts of the keys by which the bot says that something was not understood."""

WORDS = re.compile(r" .*[^\W\d]")
"""Something behind the command that is more than a number: there is one incident to mean."""

AS_ALONE = frozenset(
    {
        "cuidados",  # an empty directory
        "corregir", "leer", "retirar",  # nothing was published
        "simulacro",  # one runs already
        "guardia",  # who asks has no shifts
        "tablero",  # the same, and a picture
        "ficha",  # the note is another one's
    }
)  # fmt: skip
"""Of these the scene holds too little: with something behind it, it is answered as without."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cases() -> AsyncIterator[Enumeration]:
    """A group in the middle of everything."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    scene = Scene(MemoryDatabase(memory()))
    await scene.fill()
    made = Enumeration(scene, Figures(), random.Random(1), full=False)
    await made.prepare()
    yield made
    await scene.database.close()
    structlog.reset_defaults()


async def answered(
    cases: Enumeration, who: Someone, language: str, text: str, kind: ChatKind
) -> tuple[list[str], list[str]]:
    """The keys of the texts that were said because of it, and what the person reads."""
    keys: list[str] = []
    real = Texts.render

    def render(self: Texts, key: str, **values: object) -> object:
        keys.append(str(key))
        return real(self, key, **values)

    for name in ("Ana", "Berta", "Carla"):
        text = text.replace(name, cases.scene.people[name.lower()].name)
    async with cases._undone() as tx:
        if who.member is not None:
            await tx.people.set_member(who.member, language=language, roles=frozenset(Role))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Texts, "render", render)
            outcome = await cases._event(tx, cases._incoming(who, Text(text), kind))
    return keys, [said for chat, said, _ in outcome.said if who.key in chat]


@pytest.mark.parametrize("language", ["es", "en"])
async def test_each_is_understood(cases: Enumeration, language: str) -> None:
    wrong = []
    seen = 0
    for entry in ENTRIES:
        who = cases.scene.people[WHO[who_may(entry.action)[0]]]
        kind = ChatKind.GROUP if entry.name == "aqui" else ChatKind.PRIVATE
        lines = examples()[entry.name][language]
        alone: list[str] = []
        if any(WORDS.search(line) for line in lines):
            alone = (await answered(cases, who, language, lines[0].split()[0], kind))[1]
        for line in lines:
            keys, said = await answered(cases, who, language, line, kind)
            seen += 1
            if any(part in key for key in keys for part in NOT_UNDERSTOOD):
                wrong.append(f"{line}: {keys} {said}")
            elif WORDS.search(line) and said == alone and entry.name not in AS_ALONE:
                wrong.append(f"{line}: is answered as if nothing stood behind it: {said}")
    assert "\n".join(wrong) == ""
    assert seen > 100


async def test_what_is_not_understood_is_seen_here(cases: Enumeration) -> None:
    coral = cases.scene.people["coral"]
    for text in ("/plan cuando sea: red", "/horario a veces", "/nada", "/simulacro cada mes 25:00"):
        keys, _ = await answered(cases, coral, "es", text, ChatKind.PRIVATE)
        assert any(part in key for key in keys for part in NOT_UNDERSTOOD), (text, keys)


@pytest.mark.parametrize(
    ("spanish", "english", "key"),
    [
        ("/denuncia pública", "/denounce public", "denunciation.guide_title"),
        ("/denuncia seguimiento 9", "/denounce follow-up 9", "denunciation.follow_what"),
        ("/simulacro cada mes 10:00 a 18:00", "/drill monthly 10:00 to 18:00", "drill.monthly"),
        ("/simulacro cada mes 10:00 a 18:00", "/drill monthly 10:00 - 18:00", "drill.monthly"),
    ],
)
async def test_in_english_the_same_words_lead_to_the_same(
    cases: Enumeration, spanish: str, english: str, key: str
) -> None:
    coral = cases.scene.people["coral"]
    for language, text in (("es", spanish), ("en", english)):
        keys, _ = await answered(cases, coral, language, text, ChatKind.PRIVATE)
        assert any(one.startswith(key) for one in keys), (text, keys)
