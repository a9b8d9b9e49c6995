"""The timeline of an incident in words: who did what, and how long it took."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.incident import Incident, Outcome, State
from bot.domain.summary import Past
from bot.texts import Key
from handlers import fading, incidents
from handlers.context import Context
from storage.incidents import Event


async def show(ctx: Context, incident: Incident) -> None:
    """It with its times, to someone who was told of it."""
    me = ctx.speaker.member
    if me.id not in incident.told or me.id == incident.subject:
        await ctx.reply("incident.unknown", number=incident.number)
        return
    if await incidents.is_bare(ctx, ctx.place, incident):
        await ctx.reply("bare.line", number=incident.number)
        return
    subject = await ctx.tx.people.member(incident.subject)
    texts = ctx.texts(ctx.place)
    text = texts.render(
        "line.head", number=incident.number, name=subject.name, state=await _standing(ctx, incident)
    )
    timeline = await ctx.tx.incidents.timeline(incident.id)
    for event in timeline:
        actor = (await ctx.tx.people.member(event.actor)).name if event.actor else ""
        details = dict(event.details)
        if "outcome" in details:
            details["outcome"] = Outcome(details["outcome"])
        if event.event in ("offered",):
            details["to"] = (await ctx.tx.people.member(int(details["to"]))).name
        values = {"name": actor, "n": details.get("to", 0), **details}
        text = text + texts.render("line.row", at=event.at, what=Key(f"line.{event.event}", values))
    text = text + texts.render("line.times", **_times(incident, timeline))
    await ctx.put(ctx.place, text, purpose=fading.detail_purpose(incident.id))
    if incident.open:
        await fading.details_will_fade(ctx, incident.id)


def _times(incident: Incident, timeline: Sequence[Event]) -> dict[str, object]:
    """How long it took until somebody had it, and until it was over."""
    lines = [(event.event, event.at) for event in timeline]
    past = Past(incident.kind, incident.opened_at, incident.closed_at, incident.outcome, lines)
    never = Key("line.not_yet")
    taken, closed = past.taken_after, past.closed_after
    return {
        "taken": never if taken is None else taken,
        "closed": never if closed is None else closed,
    }


async def _standing(ctx: Context, incident: Incident) -> Key:
    if incident.state is State.CLAIMED and incident.holder is not None:
        holder = await ctx.tx.people.member(incident.holder)
        return Key("standing.claimed", {"name": holder.name})
    if incident.outcome is not None:
        return Key("standing.resolved", {"outcome": incident.outcome})
    return Key(f"standing.{incident.state}")
