"""The short version of P16, and that it can fail: each mutation is one check taken out of the bot."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from bot.domain import complaint
from handlers import decisions, incidents, notes, presses, router
from handlers.context import Context
from tests.proofs import own_tables
from tests.proofs.own_enumerated import Enumeration
from tests.proofs.own_only import p16, several
from tests.proofs.own_scene import Scene
from tests.proofs.proof import Figures, a_seed, shown


async def test_a_member_sees_only_their_own() -> None:
    figures = await shown("P16", p16, full=False, seed=a_seed())
    assert not figures.problems


def _no_require() -> AbstractContextManager[Any]:
    """A handler, a press and a conversation that ask nobody whether they may."""
    return patch.object(Context, "require", lambda *_: None)


def _anybodys_prompt() -> AbstractContextManager[Any]:
    return patch.object(router, "_put_to", lambda *_: True)


ENUMERATED: dict[str, tuple[Callable[[], AbstractContextManager[Any]], str]] = {
    "no right is asked for": (_no_require, "talks"),
    "a question is anybody's who is in that chat": (_anybodys_prompt, "presses"),
}


FEW = ("doubt", "schedule", "joining", "incident", "duress", "roles")
"""Topics whose answers nothing but the router guards."""


@pytest.mark.parametrize("mutation", ENUMERATED)
async def test_the_enumeration_sees(mutation: str, tmp_path: Path) -> None:
    change, part = ENUMERATED[mutation]
    figures = Figures()
    scene = await Scene.on_disk(tmp_path)
    await scene.fill()
    cases = Enumeration(scene, figures, random.Random(1), full=part == "presses")
    await cases.prepare()
    few = dict([case for case in tables_of(part).items() if case[0][0] in FEW][:6])
    with change(), patch.dict(tables_of(part), few, clear=True):
        await getattr(cases, part)()
    await scene.database.close()
    found = [p for p in figures.problems if not p.startswith("not in own_tables")]
    assert found


def tables_of(part: str) -> dict[Any, Any]:
    """What a part of the enumeration goes through."""
    return own_tables.TALKS if part == "talks" else own_tables.PRESSES


async def _tells_everybody(ctx: Context, incident: Any, key: str, *_: int, **values: Any) -> None:
    everyone = {member.id for member in await ctx.tx.people.in_group(incident.group)}
    await ctx.tell(everyone - {incident.subject}, key, number=incident.number, **values)


async def _alone(ctx: Context, kind: Any, *_: Any, about: int | None = None, **content: Any) -> bool:
    """What needs two people, done by one."""
    me = ctx.speaker.member
    decision = await ctx.tx.decisions.add(
        me.group, kind, about, content, me.id, ctx.now, ctx.now, operators=False
    )
    await presses.CARRIED_OUT[kind](ctx, decision)
    return True


async def _anybody(*_: Any) -> str:
    return ""


MACHINE: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "news of an incident go to everybody": lambda: patch.object(
        incidents, "tell_the_others", _tells_everybody
    ),
    "one person is enough": lambda: patch.object(decisions, "ask_second", _alone),
    "whoever was told may open a note": lambda: patch.object(notes, "_may_open", _anybody),
    "a complaint goes to everybody who coordinates": lambda: patch.object(
        complaint, "judges", lambda _, coordinators: frozenset(coordinators)
    ),
}


@pytest.mark.parametrize("mutation", MACHINE)
async def test_the_machine_sees(mutation: str) -> None:
    with MACHINE[mutation]():
        _, _, problems = await several(seed=1, first=1, runs=100, steps=30, most=1)
    assert problems
