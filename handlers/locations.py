"""A location that somebody shares: kept with the trip or the incident that it belongs to, or not at all.

The answer in the chat is the same whether there is an incident that the person knows nothing of.
"""

from __future__ import annotations

from bot.domain.trip import Purpose
from bot.platforms.base import Location
from handlers import checkins, whereabouts
from handlers.context import Context
from storage.whereabouts import What

UNDER_WAY = (Purpose.TRIP, Purpose.COLLECTIVE)


async def shared(ctx: Context, location: Location) -> None:
    """Keep it where it belongs; it is no answer to "are you well?"."""
    me = ctx.speaker.member
    incident = await ctx.tx.incidents.open_about(me.id)
    trip = next(
        (trip for trip in await ctx.tx.trips.open_of(me.id) if trip.purpose in UNDER_WAY), None
    )
    content = {
        "latitude": f"{location.latitude:.5f}",
        "longitude": f"{location.longitude:.5f}",
        "name": location.name[:100],
    }
    if incident is not None:
        await ctx.tx.whereabouts.add(
            me.id, ctx.answered_at, What.LOCATION, content, incident=incident.id
        )
        await ctx.tx.incidents.note(incident.id, ctx.now, "place_given", me.id)
        await whereabouts.show(ctx, incident)
    elif trip is not None:
        await ctx.tx.whereabouts.add(
            me.id, ctx.answered_at, What.LOCATION, content, trip=trip.id
        )
    await ctx.reply("location.kept" if trip is not None else "location.noted")
    if await checkins.waits_for_answer(ctx):
        await checkins.ask_again(ctx, "checkin.reminder")
