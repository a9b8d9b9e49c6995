"""When a schedule asks next, and how one begins."""

from __future__ import annotations

from datetime import datetime

from bot.domain.quiet import next_asked
from bot.domain.schedule import Schedule, next_due
from bot.domain.trip import Purpose
from handlers.canary import SCHEDULE_TIMER
from handlers.context import Context

TIMER = SCHEDULE_TIMER

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


async def begin(ctx: Context, member: int, rule: Schedule) -> int:
    """Ask this member by this rule from now on; after a silence that they announced."""
    id = await ctx.tx.checkins.add_schedule(member, rule, ctx.now)
    await set_timer(ctx, id, rule, member)
    for silence in await ctx.tx.trips.open_of(member, Purpose.SILENCE):
        await ctx.tx.checkins.pause(id, silence.stages[-1].due)
    return id
