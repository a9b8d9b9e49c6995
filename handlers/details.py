"""Where a group's messages name people: not on a platform that it does not trust with names.

Telegram reads what it carries. A group may say that alarms there bear a number alone; who needs help,
who goes and what was written is then on the other platform.
"""

from __future__ import annotations

from dataclasses import replace

from bot.domain.answers import plain
from bot.domain.decision import Decision, Kind, State
from bot.domain.permissions import Action
from bot.domain.rich import Rich
from bot.platforms.base import PlatformName
from handlers import decisions
from handlers.commands import Entry
from handlers.context import Context, Place
from storage.people import Group

PLATFORM = PlatformName.TELEGRAM
"""The one that can read: in the rooms of the other everything is encrypted end to end."""

NO = frozenset({"no", "sin", "without", "off"})
YES = frozenset({"si", "con", "yes", "with", "on"})


async def command_details(ctx: Context, rest: str) -> None:
    """`/detalles no`: nobody is named on Telegram; `/detalles si` needs a second person."""
    group = ctx.speaker.group
    word = plain(rest).strip()
    if word not in NO | YES:
        key = "details.off" if PLATFORM in group.bare else "details.on"
        await ctx.reply(key)
        await ctx.reply("details.how")
    elif (word in NO) is (PLATFORM in group.bare):
        await ctx.reply("details.is_so")
    elif word in NO:
        await _set(ctx, group, named=False, by=ctx.speaker.member.id)
        await ctx.reply("details.off")
    else:

        async def describe(ctx: Context, place: Place) -> Rich:
            return ctx.texts(place).render("details.what")

        await decisions.ask_second(ctx, Kind.DETAILS, describe)


async def _set(ctx: Context, group: Group, *, named: bool, by: int) -> None:
    change = group.bare - {PLATFORM} if named else group.bare | {PLATFORM}
    await ctx.tx.people.set_bare(group.id, change)
    what = "details_on" if named else "details_off"
    await ctx.log(what, group=group.id, actor=by)


async def carry_out(ctx: Context, decision: Decision) -> Decision:
    """Two people want people to be named there again."""
    group = await ctx.tx.people.group(decision.group)
    if PLATFORM not in group.bare:
        return replace(decision, state=State.VOID)
    await _set(ctx, group, named=True, by=decision.asked_by)
    return decision


ENTRIES = (Entry("detalles", ("details",), Action.SET_DETAILS, command_details, in_menu=False),)
