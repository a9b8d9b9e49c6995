"""Incidents in chat: what opens one, who is told, and what comes of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bot.domain import incident as rules
from bot.domain.incident import Incident, Kind, Leaves, Notice, Outcome, Refusal, State
from bot.domain.lanes import Lane
from bot.domain.mass import bundled
from bot.domain.permissions import Action, may
from bot.texts import Key
from handlers import contacts, drills, duty, fading, mass, whereabouts
from handlers.context import Choice, Context, Due, Place
from storage.people import Member

TOPIC = "incident"
TIMER = "incident"

ALARM_TEXTS = {
    Kind.MISS: "alarm.miss",
    Kind.UNREACHABLE: "alarm.unreachable",
    Kind.PANIC: "alarm.panic",
    Kind.HELP: "alarm.help",
    Kind.DURESS: "alarm.duress",
    Kind.LOST: "alarm.lost",
    Kind.MISSING: "alarm.missing",
    Kind.CANARY: "alarm.canary",
}

SILENT = (Kind.MISS, Kind.UNREACHABLE)
"""What silence opens: the person's own word may end it."""

GIVEN_BACK = ("released", Notice.CLAIM_EXPIRED.value, "reopened")
"""Lines of the timeline from which on nobody has it any more."""

TO_TAKE = (Choice("take", "button.take"), Choice("escalate", "button.escalate"))
"""What everyone who is told may do."""

TO_HOLD = (
    Choice("news", "button.news"),
    Choice("resolve", "button.resolve"),
    Choice("hand_over", "button.hand_over"),
    Choice("release", "button.release"),
    Choice("escalate", "button.escalate"),
)
"""What the holder may do."""


async def open_incident(ctx: Context, subject: int, kind: Kind, **details: object) -> Incident:
    """Open one about a member and tell its first step; an open one gets the news instead.

    A second alarm about the same person never starts a second plan: it is a line on the timeline,
    and a person's own alarm escalates the incident that is open.
    """
    member = await ctx.tx.people.member(subject)
    await drills.stop_for_real(ctx, member.group, subject)
    known = await ctx.tx.incidents.open_about(subject)
    if known is not None:
        await ctx.tx.incidents.note(known.id, ctx.now, f"again_{kind}", subject, **details)
        if await whereabouts.attach(ctx, known):
            await whereabouts.show(ctx, known)
        if kind not in SILENT:
            return await _louder(ctx, known, kind)
        return known
    group = await ctx.tx.people.group(member.group)
    fresh = Incident(
        id=0,
        number=await ctx.tx.people.next_number(group.id, "incidents"),
        group=group.id,
        subject=subject,
        kind=kind,
        opened_at=ctx.now,
        plan=member.agreed_plan,
    )
    if kind in SILENT:
        event = await mass.event_for(ctx, member)
        fresh = replace(fresh, mass=event.id if event else None)
    incident = replace(fresh, id=await ctx.tx.incidents.add(fresh))
    await ctx.tx.incidents.note(incident.id, ctx.now, f"opened_{kind}", subject, **details)
    if kind is not Kind.CANARY:
        await whereabouts.attach(ctx, incident)
    return await carry_out(
        ctx, rules.opened(incident, await duty.roster_for(ctx, incident), ctx.now)
    )


async def _louder(ctx: Context, incident: Incident, kind: Kind) -> Incident:
    """Worse than silence, while an incident about them is open: whoever knows hears it now.

    What was duress stays duress: nothing that the person writes after it is believed.
    """
    if incident.kind is Kind.DURESS:
        kind = Kind.DURESS
    louder = replace(incident, kind=kind, mass=None)
    roster = await duty.roster_for(ctx, louder)
    known = louder.told & roster.agreed
    decision = rules.louder(louder, roster, ctx.now)
    told = frozenset[int]().union(*(leaving.to for leaving in decision[1]))
    again = (Leaves(Notice.REPEAT, known - told, louder.step),) if known - told else ()
    return await carry_out(ctx, (decision[0], (*decision[1], *again)))


async def on_mass_timer(ctx: Context, occasion: Due) -> None:
    """The digest of many misses; a miss that stayed alone gets its own alarm after all."""
    alone = await mass.due(ctx, occasion.ref)
    if alone is not None:
        told = Leaves(Notice.ALARM, alone.told - {alone.subject}, alone.step)
        await carry_out(ctx, (alone, (told,)))


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Whatever the plan has due."""
    incident = await ctx.tx.incidents.get(occasion.ref)
    if incident is not None:
        roster = await duty.roster_for(ctx, incident)
        await carry_out(ctx, rules.advance(incident, roster, ctx.now))


async def carry_out(ctx: Context, decision: rules.Decision) -> Incident:
    """Store what was decided, set the timer, and queue what must leave."""
    incident, leaves = decision
    await ctx.tx.incidents.save(incident)
    await ctx.tx.timers.set(TIMER, incident.id, incident.next_at)
    for leaving in leaves:
        await ctx.tx.incidents.note(
            incident.id, ctx.now, leaving.notice, step=leaving.step, to=len(leaving.to)
        )
        if leaving.notice is Notice.ASK_NEWS:
            await _ask_news(ctx, incident)
        elif incident.mass is not None and bundled(incident, leaving.notice):
            await mass.gather(ctx, incident.mass, leaving.notice)
        else:
            await _alarm(ctx, incident, leaving)
            if leaving.notice is Notice.REPEAT:
                await contacts.told_again(ctx, incident.id)
    return incident


async def _alarm(ctx: Context, incident: Incident, leaving: Leaves) -> None:
    """One alarm to each, on all their accounts; their earlier ones lose their buttons."""
    subject = await ctx.tx.people.member(incident.subject)
    purpose = alarm_purpose(incident.id)
    await _drop_buttons(ctx, incident, leaving.to)
    unreached = set()
    for member in sorted(leaving.to):
        places = await ctx.places_of(member)
        if not places:
            unreached.add(member)
        for place in places:
            # One that could not leave until now says the same: a platform that was away for hours
            # must not bring all of them at once.
            await ctx.tx.outbox.withdraw(
                purpose, ctx.now, platform=place.platform, chat=place.chat
            )
            await alarm_at(ctx, place, incident, subject.name, leaving.notice)
    for member in sorted(unreached):
        await _note_unreachable(ctx, incident.id, member)
    if unreached:
        await _skip_the_unreachable(ctx, incident.id)


async def alarm_at(
    ctx: Context, place: Place, incident: Incident, subject: str, notice: Notice
) -> None:
    """One alarm in one chat, with what its reader may do."""
    if incident.kind is Kind.CANARY:  # nobody has to do anything about it
        purpose = alarm_purpose(incident.id)
        await ctx.say(place, ALARM_TEXTS[incident.kind], lane=Lane.ALARM, purpose=purpose)
        return
    choices: Sequence[Choice] = TO_TAKE if incident.holder is None else TO_TAKE[1:]
    if place.member == incident.holder:
        choices = TO_HOLD
    bare = await is_bare(ctx, place, incident)
    reader = await ctx.tx.people.member(place.member) if place.member else None
    if reader is not None and not may(reader.roles, Action.RESPOND):
        choices = ()  # who observes is told, and does nothing
    text = Key(
        "alarm.text",
        {
            "number": await number_for(ctx, incident, reader, bare=bare),
            "what": Key(
                ALARM_TEXTS[incident.kind], {"name": Key("bare.name") if bare else subject}
            ),
            "state": await _state(ctx, incident, notice, bare=bare),
        },
    )
    texts = ctx.texts(place)
    written = texts.render(text.key, **text.values)
    for hint in await whereabouts.explanations(ctx, incident.id):
        written = written + texts.render("alarm.hint", what=hint)
    await ctx.ask(
        place,
        written,
        choices,
        topic=TOPIC,
        ref=incident.id,
        lane=Lane.ALARM,
        purpose=alarm_purpose(incident.id),
    )


async def number_for(
    ctx: Context, incident: Incident, reader: Member | None, *, bare: bool = False
) -> object:
    """Its number; for somebody of another group with whose it is, since they may have one of their
    own that is called so."""
    if bare or reader is None or reader.group == incident.group:
        return incident.number
    group = await ctx.tx.people.group(incident.group)
    return Key("alarm.number_of", {"number": incident.number, "group": group.name})


async def is_bare(ctx: Context, place: Place, incident: Incident) -> bool:
    """Whether this group names nobody on this platform."""
    return place.platform in (await ctx.tx.people.group(incident.group)).bare


def alarm_purpose(id: int) -> str:
    """What the rows of an incident's alarms are for."""
    return f"incident:{id}:alarm"


async def tell_here(ctx: Context, incident: Incident) -> None:
    """The newest alarm again, to the speaker, whom it may not have reached."""
    subject = await ctx.tx.people.member(incident.subject)
    notice = Notice.EXHAUSTED if incident.state is State.EXHAUSTED else Notice.REPEAT
    await ctx.close_prompts(TOPIC, incident.id, only=ctx.place)
    place = replace(ctx.place, member=ctx.speaker.member.id)
    await alarm_at(ctx, place, incident, subject.name, notice)


async def _state(ctx: Context, incident: Incident, notice: Notice, *, bare: bool) -> Key:
    if incident.holder is not None:
        holder = await ctx.tx.people.member(incident.holder)
        return Key("alarm.state.held", {"name": Key("bare.name") if bare else holder.name})
    if notice is Notice.EXHAUSTED:
        return Key("alarm.state.exhausted")
    if notice is Notice.REPEAT:
        return Key("alarm.state.still_nobody", {"at": incident.opened_at})
    return Key("alarm.state.nobody")


async def in_plain_words(ctx: Context, place: Place, id: int) -> None:
    """The platform refuses the alarm as it is: its number alone, without anything written by people."""
    incident = await ctx.tx.incidents.get(id)
    if incident is not None and incident.open:
        await ctx.say(
            place,
            "alarm.plain",
            lane=Lane.ALARM,
            purpose=alarm_purpose(id),
            number=incident.number,
        )


async def not_reached(ctx: Context, id: int, member: int) -> None:
    """A message about this incident does not get through to a member, for now or for good.

    Called for every attempt that fails, and for one of several accounts as well: only a member who
    has no other is news for the plan.
    """
    incident = await ctx.tx.incidents.get(id)
    if incident is None or not incident.open or member not in incident.told:
        return
    if member in await _lost(ctx, incident):
        await _note_unreachable(ctx, id, member)
        await _skip_the_unreachable(ctx, id)


async def _note_unreachable(ctx: Context, id: int, member: int) -> None:
    """Once on the timeline, however often it is tried."""
    if not await ctx.tx.incidents.noted(id, "unreachable", member):
        await ctx.tx.incidents.note(id, ctx.now, "unreachable", member)


async def _lost(ctx: Context, incident: Incident) -> frozenset[int]:
    """Those who were to be told, and who have no account that the news reached or soon will.

    The news is that nobody has it: whoever was told before somebody took it must be told again.
    """
    purposes = {alarm_purpose(incident.id)}
    if incident.mass is not None:
        purposes.add(mass.digest_purpose(incident.mass))
    dead = incident.told - await ctx.tx.people.reached(incident.told)
    since = await ctx.tx.incidents.last_noted(incident.id, GIVEN_BACK) or incident.opened_at
    return dead | (incident.told & await ctx.tx.outbox.unreached(purposes, ctx.now, since))


async def arrived(ctx: Context, id: int) -> None:
    """An alarm was accepted somewhere: that is all that the canary was for."""
    incident = await ctx.tx.incidents.get(id)
    if incident is not None and incident.kind is Kind.CANARY and incident.open:
        done = rules.resolve(incident, Outcome.SAFE, ctx.now)
        if not isinstance(done, Refusal):
            await ctx.tx.incidents.save(done)
            await ctx.tx.timers.set(TIMER, id, None)
            await ctx.tx.facts.set("canary.seen", ctx.now.isoformat().encode())


async def _skip_the_unreachable(ctx: Context, id: int) -> None:
    """Somebody cannot be reached: if nobody of the newest step can be, the next one runs now."""
    incident = await ctx.tx.incidents.get(id)
    if incident is None:
        return
    lost = await _lost(ctx, incident)
    roster = await duty.roster_for(ctx, incident, without=lost)
    moved, leaves = rules.dead_channel(incident, incident.told - lost, roster, ctx.now)
    if moved != incident:
        # All of them, before they are told anew and there is hope again.
        for member in sorted(lost):
            await _note_unreachable(ctx, id, member)
        await carry_out(ctx, (moved, leaves))


async def _ask_news(ctx: Context, incident: Incident) -> None:
    subject = await ctx.tx.people.member(incident.subject)
    if incident.holder is None:
        return
    holder = await ctx.tx.people.member(incident.holder)
    await _drop_buttons(ctx, incident, frozenset({incident.holder}))
    for place in await ctx.places_of(incident.holder):
        bare = await is_bare(ctx, place, incident)
        await ctx.ask(
            place,
            "incident.ask_news",
            TO_HOLD,
            topic=TOPIC,
            ref=incident.id,
            lane=Lane.ALARM,
            purpose=alarm_purpose(incident.id),
            number=await number_for(ctx, incident, holder, bare=bare),
            name=Key("bare.name") if bare else subject.name,
            within=rules.NEWS_ANSWER,
        )


async def _drop_buttons(ctx: Context, incident: Incident, members: frozenset[int]) -> None:
    """Only the newest message about an incident has buttons in each chat."""
    prompts = await ctx.tx.conversations.open_about(TOPIC, incident.id)
    if not prompts:
        return
    chats = {
        (account.platform, account.chat)
        for member in members
        for account in await ctx.tx.people.accounts_of(member)
    }
    for prompt in prompts:
        if (prompt.platform, prompt.chat) in chats:
            await ctx.close_prompt(prompt)


async def close_questions(ctx: Context, incident: Incident, key: str, **values: Any) -> None:
    """Show what became of it wherever it was asked about, but to the person whom it is about.

    Their question ("shall we close it?") stays while it is open and then ends in a word that says
    nothing: who has it, and that anybody does, is not for a phone that may be in other hands.
    """
    for prompt in await ctx.tx.conversations.open_about(TOPIC, incident.id):
        if prompt.member != incident.subject:
            await ctx.close_prompt(prompt, key, **values)
        elif not incident.open:
            await ctx.close_prompt(prompt, "subject.closed")


async def let_go(ctx: Context, person: Member) -> None:
    """Somebody does not respond any more: what they hold goes on with its plan at once."""
    for incident in await ctx.tx.incidents.held_by(person.id):
        await _let_go_of(ctx, incident, person.id)
    for incident in await ctx.tx.incidents.known_to(person.group, person.id, only_open=True):
        if incident.subject != person.id:
            await _drop_buttons(ctx, incident, frozenset({person.id}))


async def let_go_for(ctx: Context, group: int, people: frozenset[int]) -> None:
    """People of another group do not answer for this one any more."""
    for incident in await ctx.tx.incidents.open_in(group):
        if incident.holder in people:
            incident = await _let_go_of(ctx, incident, incident.holder)
        await _drop_buttons(ctx, incident, people)


async def _let_go_of(ctx: Context, incident: Incident, holder: int) -> Incident:
    roster = await ctx.tx.people.roster(incident.group)
    released = rules.release(incident, holder, roster, ctx.now)
    if isinstance(released, Refusal):
        return incident
    await ctx.tx.incidents.note(incident.id, ctx.now, "released", holder)
    return await carry_out(ctx, released)


async def tell_the_others(
    ctx: Context, incident: Incident, key: str, *without: int, **values: Any
) -> None:
    """News for everyone who was told, as far as they are still to be told of anything."""
    roster = await ctx.tx.people.roster(incident.group)
    purpose = f"incident:{incident.id}:news"
    if "text" in values:
        purpose = fading.detail_purpose(incident.id)
        await fading.details_will_fade(ctx, incident.id)
    people = (incident.told & roster.agreed) - {incident.subject, *without}
    group = await ctx.tx.people.group(incident.group)
    number: object = incident.number
    for to in (people - roster.allied, people & roster.allied):
        await ctx.tell(to, key, purpose=purpose, bare=group.bare, number=number, **values)
        number = Key("alarm.number_of", {"number": incident.number, "group": group.name})


