"""What concerns the whole installation: outages, a clock that was moved, trouble for the operators."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from bot.domain.checkin import LONGEST_HOLD
from bot.domain.lanes import Lane
from bot.domain.mass import Origin
from bot.domain.rich import Rich
from bot.texts import Texts
from handlers import checkins, duty, schedules, stages
from handlers.canary import operator_places
from handlers.context import Context

TOLD = "told.trouble"
"""The fact that holds what the operators were told of, and when each was last found."""

QUIET = timedelta(hours=1)
"""How long the same finding is not told again."""

OVER = timedelta(minutes=10)
"""How long nothing must be found until the operators hear that it is over."""


async def resume(ctx: Context, since: datetime) -> None:
    """We were away: ask before alarming, and say so once to those who would be alarmed."""
    for group, people in (await checkins.hold_overdue(ctx)).items():
        event = await ctx.tx.mass.open_in(group)
        if event is None or not event.takes_in(ctx.now):  # an old one whose people nobody took
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
    """Countdowns go on as they were; wall times are looked up anew if the clock went back.

    The time of a stage is a wall time that was said once: it stays where it is.
    """
    await ctx.tx.timers.shift(
        by, without=(checkins.SCHEDULE_TIMER, stages.TIMER, stages.SOON_TIMER)
    )
    await ctx.tx.checkins.shift(by)
    await ctx.tx.incidents.shift(by)
    await duty.look_again(ctx, by)
    await ctx.tx.drills.shift(by)
    if by < timedelta(0):
        for schedule in await ctx.tx.checkins.all_schedules():
            await schedules.set_timer(
                ctx, schedule.id, schedule.rule, schedule.member
            )


async def trouble(ctx: Context, findings: tuple[str, ...]) -> None:
    """What the newest audit found: the operators hear of it, not too often, and when it is over."""
    known = json.loads(await ctx.tx.facts.get(TOLD) or b"{}")
    told: dict[str, str] = known.get("told", {})
    if findings:
        fresh = {f for f in findings if f not in told or _ago(ctx, told[f], QUIET)}
        if fresh:
            for place in await operator_places(ctx):
                await ctx.put(place, _words(ctx.texts(place), findings), lane=Lane.ALARM)
        now = ctx.now.isoformat()
        known = {"told": {**told, **dict.fromkeys(fresh, now)}, "seen": now}
    elif not told or not _ago(ctx, known["seen"], OVER):
        return
    else:
        for place in await operator_places(ctx):
            await ctx.say(place, "trouble.over", lane=Lane.ALARM)
        known = {}
    await ctx.tx.facts.set(TOLD, json.dumps(known).encode())


def _ago(ctx: Context, at: str, span: timedelta) -> bool:
    """Whether it is so long ago; also if the clock was set back since."""
    return not timedelta(0) <= ctx.now - datetime.fromisoformat(at) < span


def _words(texts: Texts, findings: tuple[str, ...]) -> Rich:
    text = texts.render("trouble.head")
    for finding in findings:
        name, _, where = finding.partition(":")
        what = texts.render(f"trouble.what.{name}", where=where)
        text = text + texts.render("trouble.line", what=what, finding=finding)
    return text + texts.render("trouble.foot")
