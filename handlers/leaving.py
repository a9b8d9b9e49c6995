"""Leaving: everything that is somebody's is erased, at once and then trace by trace."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.rich import Rich
from bot.domain.trip import Purpose
from bot.platforms.base import Operation
from handlers import contacts, decisions, duty, incidents, panic_button, stages
from handlers.canary import SCHEDULE_TIMER
from handlers.context import Context, Due
from storage.people import Member

TIMER = "erasure"
DOUBT_TIMER = "doubt"
DRAFT_TOPIC = "denunciation"

AFTER = timedelta(minutes=1)
"""When the traces are looked for: by then the last words have left."""


async def needed(ctx: Context, member: int) -> bool:
    """Whether somebody may be in danger as far as we know: then nothing of theirs is erased.

    Whoever holds their phone, or a second person at their side, could end an alarm that way.
    """
    return bool(
        await ctx.tx.incidents.open_about(member)
        or await ctx.tx.checkins.open_of(member)
        or await on_the_way(ctx, member)
    )


async def on_the_way(ctx: Context, member: int) -> bool:
    """Whether somebody is on a trip, or answers for others who are."""
    under_way = (Purpose.TRIP, Purpose.COLLECTIVE)
    return any(trip.purpose in under_way for trip in await ctx.tx.trips.open_of(member))


async def erase(ctx: Context, person: Member) -> None:
    """From now on they are a stranger to the bot, and a number in what others did with them."""
    await ctx.tx.people.set_member(person.id, roles=())  # first: they are told of nothing any more
    await incidents.let_go(ctx, person)
    await duty.let_go(ctx, person)
    await decisions.void_all(ctx, person.group, person.id, about_too=True)
    await ctx.tx.invitations.revoke_all_of(person.id, ctx.now)
    await ctx.tx.timers.set(DOUBT_TIMER, person.id, None)
    await panic_button.take_away(ctx, person.id)
    await contacts.cover_may_change(ctx, person.group)
    for schedule in await ctx.tx.checkins.schedules_of(person.id):
        await ctx.tx.timers.set(SCHEDULE_TIMER, schedule.id, None)
    await stages.drop_all(ctx, person.id)
    for draft in await ctx.tx.erasing.drafts(person.id):
        for prompt in await ctx.tx.conversations.open_about(DRAFT_TOPIC, draft):
            # Words that were shown for review are taken away, not marked.
            await ctx.tx.conversations.close(prompt.id, ctx.now)
            place = await ctx.place_of(prompt)
            await ctx.put(place, Rich(), operation=Operation.DELETE, target=prompt.outbox_key)
    group = await ctx.tx.people.group(person.group)
    await ctx.tx.erasing.begin(
        person,
        await ctx.tx.people.accounts_of(person.id),
        group,
        ctx.written_in(group.language, "erased.name", n=person.id),
        ctx.now,
    )
    await ctx.tx.timers.set(TIMER, person.id, ctx.now + AFTER)


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Look for the next traces; at the end nothing is left in the database's log either."""
    again = await ctx.tx.erasing.sweep(occasion.ref, ctx.now)
    if again is None:
        ctx.tx.wipe_log = True
    else:
        await ctx.tx.timers.set(TIMER, occasion.ref, again)
