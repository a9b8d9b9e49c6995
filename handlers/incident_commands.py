"""Commands about incidents: which one is meant, and what is to be done about it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

from bot.domain.answers import plain
from bot.domain.duress import HIDDEN
from bot.domain.incident import Incident, Refusal
from bot.domain.permissions import Action
from handlers import drills, incident_acts, incidents, timeline
from handlers.commands import Entry
from handlers.context import Context

STEPS_WORDS = frozenset({"pasos", "paso", "a un paso", "steps", "step", "to a step"})
"""Behind `/escalar`: which steps there are."""


async def _which(ctx: Context, rest: str, *, only_open: bool = True) -> tuple[Incident | None, str]:
    """The incident that "12 rest" names, or the only one the speaker knows of; and the rest."""
    member = ctx.speaker.member
    found = re.match(r"#?(\d{1,9})\b\s*(.*)", rest, re.DOTALL)
    known = [
        incident
        for incident in await ctx.tx.incidents.known_to(member.group, member.id, only_open=False)
        # A phone in other hands must not learn of it by asking.
        if incident.kind not in HIDDEN or incident.subject != member.id
    ]
    if found:
        number = int(found[1])
        named = [i for i in known if i.number == number]
        if named:
            # What can still be done something about comes first, and one's own before others'.
            mine = member.group
            named.sort(key=lambda i: (only_open and not i.open, i.group != mine))
            return await _of_group(ctx, named, found[2])
        await ctx.reply("incident.unknown", number=number)
        return None, ""
    about = [i for i in known if i.open] or ([] if only_open else known[:1])
    if len(about) == 1:
        return about[0], rest
    if not about:
        await ctx.reply("incident.none_open")
    else:
        texts = ctx.texts(ctx.place)
        numbers = [
            f"#{texts.write(await incidents.number_for(ctx, i, member))}"
            for i in sorted(about, key=lambda i: (i.group != member.group, i.number))
        ]
        await ctx.reply("incident.which_one", numbers=tuple(numbers))
    return None, ""


async def _of_group(
    ctx: Context, named: Sequence[Incident], rest: str
) -> tuple[Incident, str]:
    """Of those of one number the one of the group that is named ("12 de Red"), else the first."""
    for incident in named:
        group = await ctx.tx.people.group(incident.group)
        of = re.match(rf"(?:(?:de|of)\s+)?{re.escape(group.name)}\b\s*(.*)", rest, re.DOTALL | re.I)
        if of and incident.group != ctx.speaker.member.group:
            return incident, of[1]
    return named[0], rest


def _acting(action: str, *, only_open: bool = True) -> Callable[[Context, str], Awaitable[None]]:
    """A command that does one thing about the incident that it names: `/tomar 12`."""

    async def command(ctx: Context, rest: str) -> None:
        if action in drills.ACTS and await drills.command(ctx, rest, action):
            return
        incident, _ = await _which(ctx, rest, only_open=only_open)
        if incident is not None:
            await incident_acts.act(ctx, incident, action)

    return command


async def command_escalate(ctx: Context, rest: str) -> None:
    """`/escalar`, `/escalar 12`, straight to a step `/escalar 12 3`, and `/escalar 12 pasos`"""
    if await drills.command(ctx, rest, "escalate"):
        return
    incident, more = await _which(ctx, rest)
    if incident is None:
        return
    found = re.search(r"\d{1,4}", more)
    if found or plain(more).strip(" .?") in STEPS_WORDS:
        await incident_acts.act(ctx, incident, "escalate_to", found[0] if found else "")
    else:  # "/escalar ya por favor" is no question
        await incident_acts.act(ctx, incident, "escalate")


async def command_hand_over(ctx: Context, rest: str) -> None:
    """`/entregar 12 Carla`"""
    incident, name = await _which(ctx, rest)
    if incident is None:
        return
    if not name.strip():
        await incident_acts.act(ctx, incident, "hand_over")
        return
    other = await ctx.tx.people.member_named(incident.group, name)
    if other is None or other.id not in incident.told or other.id == incident.subject:
        await incident_acts.refused(ctx, incident, Refusal.NOT_TOLD)
        return
    await incident_acts.act(ctx, incident, "hand_over_to", str(other.id))


async def command_news(ctx: Context, rest: str) -> None:
    """`/novedad 12 text`"""
    incident, text = await _which(ctx, rest)
    if incident is None:
        return
    if text.strip():
        await incident_acts.news(ctx, incident, text.strip())
    else:
        await incident_acts.act(ctx, incident, "news")


async def command_line(ctx: Context, rest: str) -> None:
    """`/linea 12`"""
    incident, _ = await _which(ctx, rest, only_open=False)
    if incident is not None:
        await timeline.show(ctx, incident)


async def command_case(ctx: Context, rest: str) -> None:
    """`/caso 12`"""
    incident, _ = await _which(ctx, rest)
    if incident is not None:
        await incident_acts.show_case(ctx, incident)


ENTRIES = (
    Entry("auxilio", ("panic", "sos", "panico"), Action.PANIC, incident_acts.panic),
    Entry("tomar", ("take",), Action.RESPOND, _acting("take")),
    Entry("novedad", ("news", "update"), Action.RESPOND, command_news),
    Entry("cerrar", ("resolve", "close"), Action.RESPOND, _acting("resolve")),
    Entry("entregar", ("handover",), Action.RESPOND, command_hand_over),
    Entry("soltar", ("release",), Action.RESPOND, _acting("release")),
    Entry("escalar", ("escalate",), Action.RESPOND, command_escalate),
    Entry("caso", ("case",), Action.RESPOND, command_case, in_menu=False),
    Entry("lugar", ("place", "where"), Action.RESPOND, _acting("place"), in_menu=False),
    Entry("linea", ("timeline", "línea"), Action.RESPOND, command_line),
    Entry("reabrir", ("reopen",), Action.RESPOND, _acting("reopen", only_open=False), in_menu=False),
)
