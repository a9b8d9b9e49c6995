"""Shifts as a calendar file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from bot.domain import icalendar
from bot.domain.duty import Stint
from bot.domain.permissions import Action
from bot.domain.schedule import zone_named
from bot.platforms.base import Attachment, Secrecy
from handlers import duty, stints
from handlers.context import Context, Place
from storage.duty import Kept

AHEAD = timedelta(days=180)
FILE = "turnos.ics"


async def own(ctx: Context) -> None:
    """One's own shifts: when, and nothing of whose network or who else."""
    texts = ctx.texts(ctx.place)
    title = texts.plain("shifts.title")
    events = [_event(kept, stint, title) for kept, stint in await stints.mine(ctx, AHEAD)]
    if not events:
        await ctx.reply("shifts.no_turn")
        return
    await _send(ctx, events, "shifts.calendar")


async def of_all(ctx: Context, argument: str) -> None:
    """A rotation with its people, for who coordinates."""
    ctx.require(Action.SET_DUTY)
    if ctx.place.platform in ctx.speaker.group.bare:
        await ctx.reply("bare.calendar")
        return
    kept = await ctx.tx.duty.of_group(ctx.speaker.member.group, ctx.now)
    if argument:
        kept = [one for one in kept if one.id == int(argument)]
    elif len({one.region for one in kept}) > 1:
        await stints.which(ctx, "calendar_all", kept)
        return
    roster = await ctx.tx.people.roster(ctx.speaker.member.group)
    texts = ctx.texts(ctx.place)
    events = []
    for one in kept:
        for stint in one.rotation.stints(ctx.now, ctx.now + AHEAD):
            held = one.rotation.holds(stint, roster.everyone)
            name = await duty.name_of(ctx, stint.member if held else None)
            events.append(_event(one, stint, texts.plain("shifts.title_of", name=name)))
    if not events:
        await ctx.reply("shifts.none")
        return
    await _send(ctx, events, "shifts.calendar_all")


def _event(kept: Kept, stint: Stint, title: str) -> icalendar.Event:
    """Its number comes from the local time at which it begins: it stays if a zone's tables change."""
    local = stint.start.astimezone(zone_named(kept.rotation.rule.zone))
    which = f"{kept.made_at.timestamp()} {kept.id} {local:%Y%m%dT%H%M%S}"
    uid = hashlib.sha256(which.encode()).hexdigest()[:32]
    return icalendar.Event(f"{uid}@acuerpa.invalid", stint.start, stint.end, title)


async def _send(ctx: Context, events: Sequence[icalendar.Event], key: str) -> None:
    content = icalendar.calendar(events, "-//Acuerpa//turnos//ES", ctx.now)
    place: Place = ctx.place
    await ctx.put(
        place,
        ctx.texts(place).render(key),
        files=(Attachment(FILE, "text/calendar", content),),
        secrecy=Secrecy.DETAILED,
    )
