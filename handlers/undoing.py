"""`/deshacer`: whoever changed something alone takes it back, for ten minutes.

Of each person the last change, and only while what it made is as they left it: what two people
decided, and what others built upon since, is changed like anything else. Whoever is told of a change
is told of its undoing too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from bot.domain.people import Risk
from bot.domain.permissions import Action
from bot.texts import Key
from handlers import groups, last_change, regions, rotations, schedules
from handlers.commands import Entry
from handlers.context import Context
from storage.configuring import Kind as Begun

Undo = Callable[[Context, Mapping[str, Any]], Awaitable[bool]]
"""Takes it back; False if it is not any more as it was left."""


async def command_undo(ctx: Context, _rest: str) -> None:
    """`/deshacer`"""
    me = ctx.speaker.member
    begun = await ctx.tx.configuring.get(me.id, Begun.UNDO)
    what = begun.content.get("what", "plan") if begun is not None else ""
    if what == "plan":
        ctx.require(Action.SET_PLAN)
        await groups.undo_plan(ctx)
        return
    if begun is None or what not in UNDOES:
        await ctx.reply("undo.nothing")
        return
    right, undo = UNDOES[what]
    ctx.require(right)
    if ctx.now >= begun.changed_at + last_change.WITHIN:
        await ctx.reply("undo.late", within=last_change.WITHIN)
        return
    await ctx.tx.configuring.drop(me.id, Begun.UNDO)
    done = await undo(ctx, begun.content)
    await ctx.reply("undo.done" if done else "undo.changed", what=Key(f"undo.what.{what}"))


async def _schedule_added(ctx: Context, content: Mapping[str, Any]) -> bool:
    return await schedules.end(ctx, content["schedule"])


async def _schedule_ended(ctx: Context, content: Mapping[str, Any]) -> bool:
    return await schedules.again(ctx, content["schedule"])


async def _risk(ctx: Context, content: Mapping[str, Any]) -> bool:
    person = await ctx.tx.people.member(content["person"])
    me = ctx.speaker.member
    if person.left_at is not None or person.group != me.group or person.risk != content["after"]:
        return False
    await groups.set_risk(ctx, me.group, person.id, Risk(content["before"]), me.id)
    return True


async def _contact_days(ctx: Context, content: Mapping[str, Any]) -> bool:
    group = ctx.speaker.member.group
    if await ctx.tx.contacts.every(group) != timedelta(days=content["after"]):
        return False
    await ctx.tx.contacts.set_every(group, content["before"])
    await ctx.log("contact_days", number=content["before"])
    return True


UNDOES: Mapping[str, tuple[Action, Undo]] = {
    "schedule_added": (Action.SETTINGS, _schedule_added),
    "schedule_ended": (Action.SETTINGS, _schedule_ended),
    "region_made": (Action.SET_REGIONS, regions.undo_made),
    "region_zone": (Action.SET_REGIONS, regions.undo_zone),
    "region_ended": (Action.SET_REGIONS, regions.undo_ended),
    "rotation_saved": (Action.SET_DUTY, rotations.undo_saved),
    "rotation_ended": (Action.SET_DUTY, rotations.undo_ended),
    "risk": (Action.SET_RISK, _risk),
    "contact_days": (Action.SET_CONTACTS, _contact_days),
}
"""What was done → what taking it back asks for, and what does it. Plans are `groups.undo_plan`'s."""

ENTRIES = (Entry("deshacer", ("undo",), Action.SETTINGS, command_undo, in_menu=False),)
