"""How a message ended, and for whom that is news: its plan, its deadline, people who look after us.

A contact that is lost, an alarm that is refused, a server that does not answer: each moves the plan
on, and none of them ends in silence.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.lanes import Lane
from bot.platforms.base import Result
from handlers import amending, canary, checkins, contacts, drills, duty, identities, incidents, mass
from handlers.context import Context, Place
from storage.outbox import Row

SENT, STUCK = "sent", "stuck"
"""Two of the ends of `bot.engine.handling.Ended`; all others mean that it will not arrive."""

OPERATORS_TOLD = "aside.told"
"""The fact that holds when the operators were told last that a message did not arrive."""

TELL_AGAIN = timedelta(minutes=10)
"""How often they are told at the most: the list has the rest."""


async def ended(ctx: Context, row: Row, end: str, result: Result) -> None:
    """A message of the outbox was sent, is stuck, or will never arrive."""
    if result in (Result.BLOCKED, Result.UNREADABLE):
        await _closed(ctx, row)
    elif result is Result.UNPROVEN:
        await identities.not_detailed(ctx, row)
    elif end == SENT and row.attempts > 1:
        await _opened(ctx, row)
    what, _, rest = row.purpose.partition(":")
    number, _, part = rest.partition(":")
    if number.isdecimal() and (what, part) == ("denunciation", "edit"):
        if end not in (SENT, STUCK):
            await amending.not_edited(ctx, int(number), row)
        return
    if not number.isdecimal() or part not in ("alarm", "digest", "question"):
        return
    id = int(number)
    if end == SENT:
        if what == "incident":
            await incidents.arrived(ctx, id)
        elif what == "drill" and row.member is not None:
            await drills.reached(ctx, id, row.member)
        return
    if what == "drill":
        await drills.not_reached(ctx, id)  # what is practised is nobody's trouble
        return
    if end != STUCK and result is not Result.BLOCKED:
        await _tell_operators(ctx)
        if row.body["buttons"] and row.member is not None:
            person = await ctx.tx.people.member(row.member)
            place = Place(row.platform, row.chat, person.language, person.zone, member=person.id)
            if what == "incident":
                await incidents.in_plain_words(ctx, place, id)
            elif what == "mass":
                await mass.in_plain_words(ctx, place, id)
    match what:
        case "incident" if row.member is not None:
            await incidents.not_reached(ctx, id, row.member)
        case "mass" if row.member is not None:
            for case in await ctx.tx.incidents.of_mass(id):
                if case.notifying:
                    await incidents.not_reached(ctx, case.id, row.member)
        case "checkin":
            await checkins.not_delivered(ctx, id)
        case "contact":
            await contacts.not_delivered(ctx, id)


async def _opened(ctx: Context, row: Row) -> None:
    """What could not be read or taken at first has arrived: whoever was out of reach is not now."""
    account = await ctx.tx.people.account_in(row.platform, row.chat)
    if account is not None and not account.reachable:
        await ctx.tx.people.set_reachable(account.id, True)


async def _closed(ctx: Context, row: Row) -> None:
    """A chat is closed to us, or nobody there can read what we write."""
    account = await ctx.tx.people.account_in(row.platform, row.chat)
    if account is None:
        await ctx.tx.denunciations.end_destination(row.platform, row.chat)
        return
    await channel_down(ctx, account.id, account.member)


async def channel_down(ctx: Context, account: int, member: int) -> None:
    """An account is closed to us: every open incident that counted on it looks again."""
    fresh = await ctx.tx.people.set_reachable(account, False)
    person = await ctx.tx.people.member(member)
    if fresh:
        roster = await ctx.tx.people.roster(person.group)
        await ctx.tell(roster.coordinators - {member}, "contact.lost", name=person.name)
        await contacts.cover_may_change(ctx, person.group)
    for incident in await ctx.tx.incidents.known_to(person.group, member, only_open=True):
        await incidents.not_reached(ctx, incident.id, member)
    if fresh:
        await duty.look_at_all_of(ctx, member)


async def channel_up(ctx: Context) -> None:
    """An account of the speaker's works again: what they could not be told of, they hear at once."""
    me = ctx.speaker.member
    roster = await ctx.tx.people.roster(me.group)
    digests: set[int] = set()
    for incident in await ctx.tx.incidents.known_to(me.group, me.id, only_open=True):
        if incident.holder is not None or me.id not in (incident.told & roster.agreed):
            continue
        if incident.mass is not None:
            digests.add(incident.mass)
        elif incident.subject != me.id:
            await incidents.tell_here(ctx, incident)
    for event in sorted(digests):
        await mass.more(ctx, event, 0)


async def _tell_operators(ctx: Context) -> None:
    """A message that was waited for is set aside: a person must look at it."""
    told = await ctx.tx.facts.get(OPERATORS_TOLD)
    if told is not None:
        since = ctx.now - datetime.fromisoformat(told.decode())
        if timedelta(0) <= since < TELL_AGAIN:
            return
    await ctx.tx.facts.set(OPERATORS_TOLD, ctx.now.isoformat().encode())
    for place in await canary.operator_places(ctx):
        await ctx.say(place, "set_aside.message", lane=Lane.ALARM)
