"""Quiet hours: `/descanso 22:00 a 07:00`."""

from __future__ import annotations

from bot.domain.answers import plain
from bot.domain.permissions import Action
from bot.domain.quiet import LONGEST, Quiet
from bot.domain.trip_text import read_span
from handlers import schedules
from handlers.commands import Entry
from handlers.context import Context

NONE = frozenset({"no", "quitar", "ninguno", "sin", "off", "none", "remove"})


async def command_quiet(ctx: Context, rest: str) -> None:
    """`/descanso 22:00 a 07:00`, `/descanso no`; alone: what there is."""
    me = ctx.speaker.member
    if not rest:
        kept = await ctx.tx.people.quiet(me.id)
        if kept is None:
            await ctx.reply("quiet.none")
        else:
            await ctx.reply("quiet.is", **_shown(kept))
        return
    quiet = None
    if plain(rest).strip(" .!") not in NONE:
        span = read_span(rest)
        if span is None:
            await ctx.reply("quiet.how")
            return
        quiet = Quiet(*span)
        if not quiet.length or quiet.length > LONGEST:
            await ctx.reply("quiet.too_long", longest=LONGEST)
            return
    await ctx.tx.people.set_quiet(me.id, quiet)
    for schedule in await ctx.tx.checkins.schedules_of(me.id):
        await schedules.set_timer(ctx, schedule.id, schedule.rule, me.id)
    if quiet is None:
        await ctx.reply("quiet.off")
    else:
        await ctx.reply("quiet.set", **_shown(quiet))


def _shown(quiet: Quiet) -> dict[str, object]:
    return {"start": quiet.start.strftime("%H:%M"), "end": quiet.end.strftime("%H:%M")}


ENTRIES = (
    Entry("descanso", ("quiet", "quiethours"), Action.SETTINGS, command_quiet, in_menu=False),
)
