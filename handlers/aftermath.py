"""Some hours after the end of an incident: care for the person, and what those who took part say.

Not at once: it may be opened again, and whoever was awake all night is to sleep first.
"""

from __future__ import annotations

from bot.domain import aftercare as rules
from bot.domain.incident import Incident, Kind
from handlers import aftercare, feedback, notes
from handlers.context import Context, Due

TIMER = "aftermath"

TOOK_PART = frozenset(
    {"taken", "handed_over", "news", "released", "escalated", "resolved", "reopened"}
)
"""Lines of a timeline whose actor did something about it."""


async def ended(ctx: Context, incident: Incident) -> None:
    """It was brought to an end just now."""
    group = await ctx.tx.people.group(incident.group)
    await ctx.tx.timers.set(
        TIMER, incident.id, rules.by_day(ctx.now + rules.QUIET, group.zone)
    )


async def on_timer(ctx: Context, occasion: Due) -> None:
    """The time has come, unless it was opened again."""
    incident = await ctx.tx.incidents.get(occasion.ref)
    if incident is None or incident.open or incident.kind is Kind.CANARY:
        return
    timeline = await ctx.tx.incidents.timeline(incident.id)
    took_part = {
        event.actor
        for event in timeline
        if event.event in TOOK_PART and event.actor not in (None, incident.subject)
    }
    lines = [(event.event, event.actor) for event in timeline]
    told = rules.may_be_written_to(incident.kind, incident.outcome, lines, incident.subject)
    if told and await aftercare.has_the_phone(ctx, incident.subject):
        await aftercare.offer(ctx, incident)
        if incident.kind in rules.RAISED:
            await notes.tell_of_opening(ctx, incident, timeline)
            took_part.add(incident.subject)
    people = {member for member in took_part if member is not None}
    await feedback.ask(ctx, incident.id, incident.number, incident.group, people)
