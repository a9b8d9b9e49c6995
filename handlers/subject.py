"""The person whom an incident is about: what they see of it, and what their word does.

Their phone may be in other hands. It learns nothing of the network; and where words of duress were
heard, it learns nothing of that either: everything looks as it would after an answer, until those
who were told bring the incident to an end.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import incident as rules
from bot.domain.checkin import CLOCKS_APART
from bot.domain.duress import HIDDEN, PRETENDED, shown_to_subject
from bot.domain.incident import Incident, Kind, Notice, Outcome, Refusal
from handlers import incident_acts, incidents
from handlers.context import Choice, Context
from handlers.incidents import SILENT, TIMER, TOPIC

ACTS = ("safe", "not_safe")
"""What the person may answer to "shall I close it?"."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An open incident as the person knows it, and what they take it for."""

    incident: Incident
    kind: Kind


async def seen(ctx: Context, member: int) -> Seen | None:
    """The open one about a member, as far as they can know of it."""
    return await seen_of(ctx, await ctx.tx.incidents.open_about(member))


async def seen_of(ctx: Context, incident: Incident | None) -> Seen | None:
    """The same of one that is known to be open."""
    if incident is None:
        return None
    kind = await _taken_for(ctx, incident)
    return None if kind is None else Seen(incident, kind)


async def _taken_for(ctx: Context, incident: Incident) -> Kind | None:
    if incident.kind not in HIDDEN:
        return incident.kind
    timeline = await ctx.tx.incidents.timeline(incident.id)
    return shown_to_subject(incident.kind, (event.event for event in timeline))


def _believed(ctx: Context, incident: Incident) -> bool:
    """Whether the person's word counts: not under duress, nor after it, nor against who misses them."""
    return not ctx.duress and incident.kind not in HIDDEN


async def late_answer(ctx: Context, known: Seen) -> None:
    """ "I am well" after the miss: everyone who was told hears it, and the person is asked to close.

    The question says nothing of the network, since the phone may be in other hands.
    """
    incident = known.incident
    await _tell_of_the_answer(ctx, incident)
    await ctx.close_prompts(TOPIC, incident.id, only=ctx.place)
    if known.kind not in SILENT:
        await ctx.reply("subject.thanks")
        return
    await ctx.ask(
        ctx.place,
        "subject.close",
        (Choice("safe", "button.close_yes"), Choice("not_safe", "button.close_no")),
        topic=TOPIC,
        ref=incident.id,
    )


async def overheard(ctx: Context, incident: Incident | None) -> None:
    """ "I am well" from somebody of whom others say that they are missing: news for who looks for them.

    `incident` is what is open about them. The chat shows what it shows without one: its holder is not
    told that there is any.
    """
    me = ctx.speaker.member
    if incident is None or incident.kind is not Kind.MISSING or ctx.came_before(incident.opened_at):
        return
    timeline = await ctx.tx.incidents.timeline(incident.id)
    if not ctx.duress and all(event.event != "answered_late" for event in timeline):
        await incidents.tell_the_others(
            ctx, incident, "incident.answered_late", me.id, name=me.name
        )
        await ctx.tx.incidents.note(incident.id, ctx.now, "answered_late", me.id)


async def _tell_of_the_answer(ctx: Context, incident: Incident) -> None:
    """To everyone who was told, once: the tenth "I am well" is no more news than the second.

    Words that were long on their way say when they were said, and not how the person is now. What
    is said under duress is on the timeline, and no news.
    """
    me = ctx.speaker.member
    timeline = await ctx.tx.incidents.timeline(incident.id)
    if _believed(ctx, incident) and all(event.event != "answered_late" for event in timeline):
        if ctx.now - ctx.answered_at < CLOCKS_APART:
            await incidents.tell_the_others(
                ctx, incident, "incident.answered_late", me.id, name=me.name
            )
        else:
            await incidents.tell_the_others(
                ctx, incident, "incident.came_late", me.id, name=me.name, at=ctx.answered_at
            )
    await ctx.tx.incidents.note(incident.id, ctx.now, "answered_late", me.id)


async def answered_in_time(ctx: Context, incident: Incident, checkin: int) -> None:
    """The answer to this check-in was in time, and came late to us.

    If that check-in is all that the incident is about and nobody has done anything about it yet,
    there was nothing to be alarmed about. Otherwise it is news, and people decide.
    """
    if not await _is_of_this_miss_alone(ctx, incident, checkin):
        await _tell_of_the_answer(ctx, incident)
        return
    me = ctx.speaker.member
    if not _believed(ctx, incident):
        await ctx.tx.incidents.note(incident.id, ctx.now, PRETENDED, me.id)
        return
    done = rules.resolve(incident, Outcome.FALSE_ALARM, ctx.now)
    if isinstance(done, Refusal):
        return
    await ctx.tx.incidents.save(done)
    await ctx.tx.timers.set(TIMER, done.id, None)
    await ctx.tx.incidents.note(
        done.id, ctx.now, "resolved", me.id, outcome=Outcome.FALSE_ALARM.value
    )
    await incidents.close_questions(
        ctx, done, "incident.now_closed", outcome=Outcome.FALSE_ALARM
    )
    await ctx.tx.outbox.withdraw(incidents.alarm_purpose(done.id), ctx.now)
    await incidents.tell_the_others(
        ctx, done, "incident.in_time", name=me.name, at=ctx.answered_at
    )


async def _is_of_this_miss_alone(ctx: Context, incident: Incident, checkin: int) -> bool:
    timeline = await ctx.tx.incidents.timeline(incident.id)
    about = [event.details["checkin"] for event in timeline if "checkin" in event.details]
    by_itself = {
        *Notice, *(f"opened_{kind}" for kind in SILENT), "unreachable", "answered_late",
    }  # fmt: skip
    untouched = all(event.event in by_itself for event in timeline)
    return incident.kind in SILENT and about == [checkin] and untouched


async def says(ctx: Context, incident: Incident, *, safe: bool) -> None:
    """The answer to "shall I close it?"."""
    me = ctx.speaker.member.id
    if me != incident.subject or await _taken_for(ctx, incident) not in SILENT:
        await incident_acts.refused(ctx, incident, Refusal.NOT_HOLDER)
        return
    await ctx.toast("toast.done")
    if not incident.open:
        await ctx.close_prompts(TOPIC, incident.id, "subject.closed", only=ctx.place)
        return
    key = "subject.closed" if safe else "subject.kept_open"
    await ctx.close_prompts(TOPIC, incident.id, key, only=ctx.place)
    name = ctx.speaker.member.name
    if not _believed(ctx, incident):
        line = PRETENDED if safe else "kept_open"
        await ctx.tx.incidents.note(incident.id, ctx.now, line, me)
        await incidents.tell_the_others(ctx, incident, f"incident.{line}_duress", me, name=name)
    elif safe:
        await incident_acts.resolve(ctx, incident, Outcome.SAFE, me)
    else:
        await ctx.tx.incidents.note(incident.id, ctx.now, "kept_open", me)
        await incidents.tell_the_others(ctx, incident, "incident.kept_open", me, name=name)
