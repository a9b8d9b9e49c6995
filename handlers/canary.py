"""The canary: a member who misses on purpose every day, and whose alarm the operators must get.

It goes the whole way of a real miss: schedule, question, deadline, incident, plan, outbox, platform.
Its group is like any other, but for its people: the canary has no account to be asked on, and the
operators are in it under addresses of its own, so that they may be members elsewhere too.
"""

from __future__ import annotations

from datetime import timedelta

from bot.domain.people import Role
from bot.domain.schedule import EVERY_DAY, Schedule, next_due
from handlers.context import Context, Place
from storage.people import OPERATOR

GROUP = "\N{BIRD}"
"""No group of people can have this name: it is taken before any other is made."""

MEMBER = "canary.member"
"""The fact that holds the canary's number as a member."""

SEEN = "canary.seen"

GRACE = timedelta(minutes=5)

SCHEDULE_TIMER = "schedule"


async def is_one(ctx: Context, member: int) -> bool:
    """Whether this member is the canary."""
    return await ctx.tx.facts.get(MEMBER) == str(member).encode()


async def prepare(ctx: Context) -> None:
    """Make it, or bring it to what the configuration says now."""
    if ctx.settings.canary is None:
        await _silence(ctx)
        return
    group = await ctx.tx.people.group_named(GROUP)
    settings = ctx.settings
    if group is None:
        id = await ctx.tx.people.add_group(GROUP, "", settings.language, settings.zone, ctx.now)
        canary = await ctx.tx.people.add_member(
            id, GROUP, settings.language, settings.zone, (), ctx.now
        )
        await ctx.tx.facts.set(MEMBER, str(canary).encode())
        await ctx.tx.facts.set(SEEN, ctx.now.isoformat().encode())
        group = await ctx.tx.people.group(id)
    await _operators(ctx, group.id)
    await _schedule(ctx)


async def _operators(ctx: Context, group: int) -> None:
    """Each operator hears of it, in the chat that is known of them, or else in their own."""
    for operator in sorted(ctx.settings.operators):
        platform, _, address = operator.partition(":")
        if platform not in ctx.settings.links:
            continue
        known = await ctx.tx.people.account(platform, address)
        chat = known.chat if known is not None else address
        reader = await ctx.tx.people.account(platform, OPERATOR + address)
        if reader is not None:
            await ctx.tx.people.used(reader, chat, ctx.now)
            continue
        member = await ctx.tx.people.add_member(
            group, operator, ctx.settings.language, ctx.settings.zone, [Role.RESPONDER], ctx.now
        )
        await ctx.tx.people.add_account(member, platform, OPERATOR + address, chat, ctx.now)


async def _schedule(ctx: Context) -> None:
    canary = int((await ctx.tx.facts.get(MEMBER) or b"0").decode())
    wall = ctx.settings.canary
    if wall is None:
        return
    rule = Schedule(days=EVERY_DAY, times=(wall,), zone=ctx.settings.zone, grace=GRACE)
    known = await ctx.tx.checkins.schedules_of(canary)
    for schedule in known:
        if schedule.rule == rule:
            return
        await ctx.tx.checkins.end_schedule(schedule.id)
        await ctx.tx.timers.set(SCHEDULE_TIMER, schedule.id, None)
    id = await ctx.tx.checkins.add_schedule(canary, rule, ctx.now)
    await ctx.tx.timers.set(SCHEDULE_TIMER, id, next_due(rule, ctx.now))


async def _silence(ctx: Context) -> None:
    """The configuration wants none."""
    canary = await ctx.tx.facts.get(MEMBER)
    if canary is None:
        return
    for schedule in await ctx.tx.checkins.schedules_of(int(canary.decode())):
        await ctx.tx.checkins.end_schedule(schedule.id)
        await ctx.tx.timers.set(SCHEDULE_TIMER, schedule.id, None)


async def operator_accounts(ctx: Context) -> list[Place]:
    """The chats with the operators' accounts themselves: where they can decide something.

    A person's other accounts are not named in the configuration, and are nobody's but a member's.
    """
    places: list[Place] = []
    for operator in sorted(ctx.settings.operators):
        platform, _, address = operator.partition(":")
        account = await ctx.tx.people.account(platform, address)
        if account is not None:
            places += [
                place
                for place in await ctx.places_of(account.member)
                if (place.platform, place.chat) == (account.platform, account.chat)
            ]
        elif platform in ctx.settings.links:
            places.append(Place(platform, address, ctx.settings.language, ctx.settings.zone))
    return places


async def operator_places(ctx: Context) -> list[Place]:
    """Where the operators can be told of trouble, whether they are members or not."""
    places: list[Place] = []
    for operator in sorted(ctx.settings.operators):
        platform, _, address = operator.partition(":")
        account = await ctx.tx.people.account(platform, address)
        if account is not None:
            places += await ctx.places_of(account.member)
        elif platform in ctx.settings.links:
            places.append(Place(platform, address, ctx.settings.language, ctx.settings.zone))
    return places
