"""The database is an earlier copy of itself: what must not happen twice, and what people have to know.

Between the copy and now the bot did things of which nothing is left here. What it was about to send then
has most likely left; whoever was told of #12 must not hear of another #12; an invitation that was used
lets nobody in again. Deadlines are looked after as after any outage (`handlers.installation.resume`), and
alarms go again: a second copy does less harm than none.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.lanes import Lane
from handlers import fading
from handlers.canary import operator_places
from handlers.context import Context

SOON = timedelta(minutes=10)
"""So long after the copy an answer is not too late yet."""

NUMBERS = 100
"""How far the numbers of incidents, drills and denunciations jump ahead."""


async def brought_back(ctx: Context, taken: datetime) -> None:
    """Called once, before anything else is done with a database that was `taken` then."""
    outbox = ctx.tx.outbox
    await outbox.unclaim()
    # It may be in two thousand chats already: nobody knows, and a person decides about it.
    await outbox.doubt(Lane.BROADCAST, ctx.now)
    if ctx.now - taken > SOON:
        await outbox.give_up(Lane.CONVERSATION, ctx.now)
        for checkin in await ctx.tx.checkins.overdue(ctx.now):
            # They are asked anew, and have one question then.
            await outbox.withdraw(fading.question_purpose(checkin.id), ctx.now)
    await ctx.tx.invitations.revoke_all(ctx.now)
    await ctx.tx.people.skip_numbers(NUMBERS)
    for group in await ctx.tx.people.groups():
        was = f"{taken:%Y-%m-%d %H:%M}Z"
        await ctx.log("from_backup", group=group.id, was=was)
        roster = await ctx.tx.people.roster(group.id)
        await ctx.tell(
            roster.coordinators, "from_backup.coordination", lane=Lane.CONVERSATION, everywhere=False,
            taken=taken,
        )  # fmt: skip
    for place in await operator_places(ctx):
        await ctx.say(place, "from_backup.operators", lane=Lane.ALARM, taken=taken)
