"""One's own name: what the network calls a person, and theirs to change.

The texts need no form of address beside it: none of them says "she" or "he" of anybody.
"""

from __future__ import annotations

from datetime import timedelta

from bot.domain.lanes import Lane
from bot.domain.names import LIMIT, NameRefused, alike, cleaned
from bot.domain.permissions import Action
from handlers import incidents, subject
from handlers.commands import Entry
from handlers.context import Context

MOST = 3
"""Changes within `WITHIN`: an alarm must bear a name that people know."""

WITHIN = timedelta(days=7)


async def command_name(ctx: Context, rest: str) -> None:
    """`/nombre Luz`"""
    me = ctx.speaker.member
    if not rest.strip():
        await ctx.reply("name.now", name=me.name)
        return
    try:
        name = cleaned(rest)
    except NameRefused as error:
        await ctx.reply(error.code, n=LIMIT)
        return
    if await subject.seen(ctx, me.id) or await ctx.tx.checkins.open_of(me.id):
        # Whoever is looked for now is looked for under the name that people know.
        await ctx.reply("name.not_now")
        return
    like = await ctx.tx.people.member_like(me.group, name)
    if (like is not None and like.id != me.id) or name == me.name:
        await ctx.reply("joining.name_taken")
        return
    if not alike(name, me.name) and await _too_often(ctx):
        await ctx.reply("name.too_often", n=MOST, within=WITHIN)
        return
    await ctx.tx.people.rename(me, name)
    await ctx.log("renamed", me.id)
    await ctx.reply("name.set", name=name)
    roster = await ctx.tx.people.roster(me.group)
    await ctx.tell(
        roster.coordinators - {me.id}, "name.news", lane=Lane.CONVERSATION, everywhere=False,
        bare=ctx.speaker.group.bare, subject=me.name, name=name,
    )  # fmt: skip
    await _in_hidden_danger(ctx, me.name)


async def _too_often(ctx: Context) -> bool:
    lines = await ctx.tx.log.page(ctx.speaker.member.group, None, 200)
    me, since = ctx.speaker.member.id, ctx.now - WITHIN
    changes = [line for line in lines if line.what == "renamed" and line.actor == me]
    return sum(line.at > since for line in changes) >= MOST


async def _in_hidden_danger(ctx: Context, was: str) -> None:
    """Under duress their chat shows what it always shows; those who were told learn of it."""
    me = ctx.speaker.member
    hidden = await ctx.tx.incidents.open_about(me.id)
    if hidden is None:
        return
    await ctx.tx.incidents.note(hidden.id, ctx.now, "renamed", me.id)
    await incidents.tell_the_others(ctx, hidden, "incident.renamed", me.id, name=was)


ENTRIES = (Entry("nombre", ("name", "rename"), Action.SETTINGS, command_name, in_menu=False),)
