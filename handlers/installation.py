"""What concerns the whole installation: outages, a clock that was moved, trouble for the operators."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.checkin import LONGEST_HOLD
from bot.domain.lanes import Lane
from bot.domain.mass import Origin
from handlers import checkins
from handlers.canary import operator_places
from handlers.context import Context


async def resume(ctx: Context, since: datetime) -> None:
    """We were away: ask before alarming, and say so once to those who would be alarmed."""
    for group, people in (await checkins.hold_overdue(ctx)).items():
        if await ctx.tx.mass.open_in(group) is None:
            await ctx.tx.mass.add(group, Origin.OUTAGE, ctx.now)
        roster = await ctx.tx.people.roster(group)
        await ctx.tell(
            roster.everyone,
            "outage.digest",
            everywhere=False,
            since=since,
            until=ctx.now,
            n=people,
            told=ctx.now + LONGEST_HOLD,
        )


async def clock_changed(ctx: Context, by: timedelta) -> None:
    """Countdowns go on as they were; wall times are looked up anew if the clock went back."""
    await ctx.tx.timers.shift(by, without=checkins.SCHEDULE_TIMER)
    await ctx.tx.checkins.shift(by)
    await ctx.tx.incidents.shift(by)
    if by < timedelta(0):
        for schedule in await ctx.tx.checkins.all_schedules():
            await checkins.set_schedule_timer(ctx, schedule.id, schedule.rule)


async def trouble(ctx: Context, findings: tuple[str, ...]) -> None:
    """The audit found something: the operators hear its names."""
    for place in await operator_places(ctx):
        await ctx.say(place, "trouble.operator", lane=Lane.ALARM, findings=findings)
