"""Many misses in chat: one digest to each, with a way to open each case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain import mass as rules
from bot.domain.incident import Incident, Notice
from bot.domain.lanes import Lane
from bot.domain.mass import MassEvent, Origin
from bot.domain.people import Risk
from handlers.context import Choice, Context, Place
from storage.people import Member

TOPIC = "mass"
TIMER = "mass"

PAGE = 10
"""Cases that one message lists; more are a button away."""


async def event_for(ctx: Context, member: Member) -> MassEvent | None:
    """The event that a miss of this member, just noted, is part of; None if it stands alone."""
    if member.risk is Risk.HIGH:
        return None
    event = await ctx.tx.mass.open_in(member.group)
    if event is None or not event.takes_in(ctx.now):
        recent = await ctx.tx.incidents.missed_since(member.group, ctx.now - rules.WINDOW)
        soon = await ctx.tx.checkins.soon_missed(member.group, ctx.now + rules.SOON)
        if not rules.is_many(recent, soon + 1):
            return None
        event = await ctx.tx.mass.add(member.group, Origin.MANY, ctx.now)
    joined = replace(event, joined_at=ctx.now)
    await ctx.tx.mass.save(joined)
    return joined


async def gather(ctx: Context, event: int, notice: Notice) -> None:
    """One of its cases has something to say: the digest that says it comes soon."""
    at = ctx.now + rules.GATHER
    set_for = await ctx.tx.timers.when(TIMER, event)
    if set_for is None or (notice is not Notice.REPEAT and set_for > at):
        await ctx.tx.timers.set(TIMER, event, at)


async def due(ctx: Context, ref: int) -> Incident | None:
    """Send the digest. A case that stayed the only one is returned, for an alarm of its own."""
    event = await ctx.tx.mass.get(ref)
    if event is None or event.closed_at is not None:
        return None
    everything = await ctx.tx.incidents.of_mass(ref)
    cases = rules.unclaimed(everything)
    if not cases:
        if everything and not any(case.open for case in everything):
            await ctx.tx.mass.save(replace(event, closed_at=ctx.now))
        return None
    if len(everything) == 1 and not event.told:
        return replace(cases[0], mass=None)
    roster = await ctx.tx.people.roster(event.group)
    to = rules.readers(event, cases, ctx.now)
    for member in sorted(to & roster.agreed):
        for place in await ctx.places_of(member):
            await ctx.tx.outbox.withdraw(
                digest_purpose(ref), ctx.now, platform=place.platform, chat=place.chat
            )
            await _digest(ctx, place, event, rules.listed_for(cases, member), 0)
    event = replace(event, told={**event.told, **dict.fromkeys(to, ctx.now)})
    await ctx.tx.mass.save(event)
    await ctx.tx.timers.set(TIMER, ref, rules.next_digest(event, cases, ctx.now))
    return None


async def more(ctx: Context, ref: int, start: int) -> None:
    """The next page of the list, as it is now."""
    event = await ctx.tx.mass.get(ref)
    me = ctx.speaker.member
    if event is None or not (
        event.group == me.group or await ctx.tx.alliances.answers(me.id, event.group)
    ):
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    cases = rules.unclaimed(await ctx.tx.incidents.of_mass(ref))
    await _digest(ctx, ctx.place, event, rules.listed_for(cases, me.id), start)


def digest_purpose(event: int) -> str:
    """What the rows of an event's digests are for."""
    return f"mass:{event}:digest"


async def in_plain_words(ctx: Context, place: Place, ref: int) -> None:
    """The platform refuses the digest as it is: the numbers alone."""
    cases = rules.unclaimed(await ctx.tx.incidents.of_mass(ref))
    if cases:
        await ctx.say(
            place,
            "mass.plain",
            lane=Lane.ALARM,
            purpose=digest_purpose(ref),
            numbers=tuple(f"#{case.number}" for case in cases[:PAGE]),
            total=len(cases),
        )


async def _digest(
    ctx: Context, place: Place, event: MassEvent, cases: Sequence[Incident], start: int
) -> None:
    """A page of the cases that nobody holds, each with its button."""
    page = cases[start : start + PAGE]
    bare = place.platform in (await ctx.tx.people.group(event.group)).bare
    somebody = ctx.texts(place).plain("bare.name")
    names = [
        (case, somebody if bare else (await ctx.tx.people.member(case.subject)).name)
        for case in page
    ]
    choices = [
        Choice("case", "button.case", str(case.id), {"number": case.number, "name": name})
        for case, name in names
    ]
    if start + PAGE < len(cases):
        choices.append(Choice("more", "button.more", str(start + PAGE)))
    await ctx.ask(
        place,
        f"mass.{event.origin}",
        choices,
        topic=TOPIC,
        ref=event.id,
        lane=Lane.ALARM,
        purpose=digest_purpose(event.id),
        total=len(cases),
        since=min((case.opened_at for case in cases), default=event.opened_at),
        names=tuple(f"#{case.number} {name}" for case, name in names),
    )
