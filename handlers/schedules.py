"""When a schedule asks next, and how one begins."""

from __future__ import annotations

from datetime import datetime

from bot.domain.quiet import next_asked
from bot.domain.schedule import Schedule, next_due
from bot.domain.trip import Purpose
from handlers.canary import SCHEDULE_TIMER
from handlers.context import Context

TIMER = SCHEDULE_TIMER
TOPIC = "schedule"

MOST = 10
"""Schedules of one member, their own and proposed ones together."""


async def set_timer(ctx: Context, id: int, rule: Schedule, member: int) -> None:
    """The next question after now."""
    await ctx.tx.timers.set(TIMER, id, await next_of(ctx, rule, member, ctx.now))


async def next_of(ctx: Context, rule: Schedule, member: int, after: datetime) -> datetime:
    """When a member is asked by this rule, after an instant and outside of their quiet hours."""
    quiet = await ctx.tx.people.quiet(member)
    if quiet is None:
        return next_due(rule, after)
    return next_asked(rule, quiet, (await ctx.tx.people.member(member)).zone, after)


async def end(ctx: Context, id: int) -> bool:
    """The speaker wants this one no more. False if it is none of theirs."""
    mine = {s.id for s in await ctx.tx.checkins.schedules_of(ctx.speaker.member.id)}
    if id not in mine:
        return False
    await ctx.tx.checkins.end_schedule(id)
    await ctx.tx.timers.set(TIMER, id, None)
    await ctx.close_prompts(TOPIC, id, "schedule.ended")
    return True


async def again(ctx: Context, id: int) -> bool:
    """One that the speaker had ended asks again. False if it cannot."""
    me = ctx.speaker.member
    if me.withdrawn_at is not None or len(await ctx.tx.checkins.schedules_of(me.id)) >= MOST:
        return False
    rule = await ctx.tx.checkins.resume_schedule(id, me.id)
    if rule is None:
        return False
    await set_timer(ctx, id, rule, me.id)
    return True


async def begin(ctx: Context, member: int, rule: Schedule) -> int:
    """Ask this member by this rule from now on; after a silence that they announced."""
    id = await ctx.tx.checkins.add_schedule(member, rule, ctx.now)
    await set_timer(ctx, id, rule, member)
    for silence in await ctx.tx.trips.open_of(member, Purpose.SILENCE):
        await ctx.tx.checkins.pause(id, silence.stages[-1].due)
    return id
