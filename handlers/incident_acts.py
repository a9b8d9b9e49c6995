"""What people do with an incident: they look at it, take it, hand it over, say what they know, end it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.domain import incident as rules
from bot.domain.incident import Incident, Kind, Notice, Outcome, Refusal
from bot.domain.lanes import Lane
from bot.domain.permissions import Action
from bot.texts import Key
from handlers import aftermath, contacts, duty, fading, incidents, notes, plans, whereabouts
from handlers.context import Choice, Context


async def show_case(ctx: Context, incident: Incident) -> None:
    """One case of many, to somebody who was told of it: the alarm as it would have been."""
    me = ctx.speaker.member
    if not await _knows(ctx, incident) or me.id == incident.subject:
        await ctx.toast("toast.not_done")
        await ctx.reply("incident.unknown", number=incident.number)
        return
    if not incident.open:
        await refused(ctx, incident, Refusal.CLOSED)
        return
    await ctx.toast("toast.done")
    subject = await ctx.tx.people.member(incident.subject)
    await ctx.close_prompts(incidents.TOPIC, incident.id, only=ctx.place)
    place = replace(ctx.place, member=me.id)
    await incidents.alarm_at(ctx, place, incident, subject.name, Notice.ALARM)


async def act(ctx: Context, incident: Incident, action: str, argument: str = "") -> None:
    """One press, number, word or command about an incident."""
    ctx.require(Action.RESPOND)
    me = ctx.speaker.member.id
    if not await _knows(ctx, incident):
        await ctx.toast("toast.not_done")
        await ctx.reply("incident.unknown", number=incident.number)
        return
    if incident.subject == me:
        await refused(ctx, incident, Refusal.OWN)
        return
    await contacts.reacted(ctx)
    match action:
        case "take":
            await _take(ctx, incident)
        case "release":
            await _decided(ctx, incident, "released", await _released(ctx, incident))
        case "escalate":
            roster = await duty.roster_for(ctx, incident)
            decision = rules.escalate(incident, me, roster, ctx.now)
            await _decided(ctx, incident, "escalated", decision)
        case "escalate_to":
            await _escalate_to(ctx, incident, argument)
        case "news":
            await ctx.expect(incidents.TOPIC, "news", incident=incident.id)
            await ctx.toast("toast.write")
            await ctx.reply("incident.write_news", number=incident.number)
        case "hand_over":
            await _whom(ctx, incident)
        case "hand_over_to":
            await _offer(ctx, incident, int(argument))
        case "accept":
            await _accept(ctx, incident, int(argument))
        case "decline":
            await _decline(ctx, incident, int(argument))
        case "resolve":
            await _which_outcome(ctx, incident)
        case "outcome":
            await resolve(ctx, incident, Outcome(argument), me)
        case "confirm":
            await _confirm_false(ctx, incident)
        case "place" if incident.holder == me:
            await whereabouts.show(ctx, incident, asked=True)
        case "place":
            await refused(ctx, incident, Refusal.NOT_HOLDER)
        case "reopen":
            await _reopen(ctx, incident)


async def _escalate_to(ctx: Context, incident: Incident, step: str) -> None:
    """One step of the plan, by its number; or which there are."""
    if not step.isdecimal() or len(step) > 4:
        await _which_step(ctx, incident)
        return
    roster = await duty.roster_for(ctx, incident)
    decision = rules.escalate_to(incident, ctx.speaker.member.id, int(step), roster, ctx.now)
    if decision in (Refusal.NO_STEP, Refusal.EMPTY_STEP):
        await refused(ctx, incident, Refusal(decision))
        await _which_step(ctx, incident)
        return
    await _decided(ctx, incident, "escalated_to", decision, step=int(step))


async def _which_step(ctx: Context, incident: Incident) -> None:
    """A button for each step that would tell somebody.

    Roles with how many have them, and the names of those who were told already: nobody learns of
    others by asking.
    """
    if not incident.open:
        await refused(ctx, incident, Refusal.CLOSED)
        return
    roster = await duty.roster_for(ctx, incident)
    bare = await incidents.is_bare(ctx, ctx.place, incident)
    texts = ctx.texts(ctx.place)
    choices = []
    for number, step in enumerate(incident.plan.steps, 1):
        people = step.resolve(roster, without=incident.subject)
        if not people:
            continue
        who = [
            await plans.role(ctx, texts, r, len(r.resolve(roster) - {incident.subject}))
            for r in step.recipients
            if r.member is None
        ]
        named = {r.member for r in step.recipients if r.member in people}
        known = set[int]() if bare else named & incident.told
        who += [(await ctx.tx.people.member(m)).name for m in sorted(known)]
        if named - known:
            who.append(texts.plain("incident.some_people", n=len(named - known)))
        values: dict[str, object] = {"n": number, "who": tuple(who)}
        choices.append(Choice("escalate_to", "button.to_step", str(number), values))
    if not choices:
        await ctx.reply("incident.no_steps", number=incident.number)
        return
    await ctx.ask(
        ctx.place,
        "incident.which_step",
        choices,
        topic=incidents.TOPIC,
        ref=incident.id,
        number=incident.number,
    )


async def _knows(ctx: Context, incident: Incident) -> bool:
    """Whether the speaker was told of it or it is about them, and it is their group's or of one for
    which they answer."""
    me = ctx.speaker.member
    if me.id not in incident.told and me.id != incident.subject:
        return False
    return incident.group == me.group or await ctx.tx.alliances.answers(me.id, incident.group)


async def refused(ctx: Context, incident: Incident, refusal: Refusal) -> None:
    """Why an act is not done."""
    holder = ""
    if incident.holder is not None:
        holder = (await ctx.tx.people.member(incident.holder)).name
    await ctx.toast("toast.not_done")
    await ctx.reply(f"incident.refused.{refusal}", number=incident.number, holder=holder)


async def _take(ctx: Context, incident: Incident) -> None:
    me = ctx.speaker.member
    taken = rules.take(incident, me.id, ctx.now)
    if isinstance(taken, Refusal):
        if taken is Refusal.HELD and incident.holder == me.id:
            await ctx.toast("toast.done")
            return
        await refused(ctx, incident, taken)
        return
    await _hold(ctx, taken, "taken")


async def _hold(ctx: Context, incident: Incident, event: str) -> None:
    """Somebody has it now: their words, everyone else's news, the timer for news."""
    if incident.holder is None:
        return
    holder = await ctx.tx.people.member(incident.holder)
    subject = await ctx.tx.people.member(incident.subject)
    await ctx.tx.incidents.save(incident)
    await ctx.tx.timers.set(incidents.TIMER, incident.id, incident.next_at)
    await ctx.tx.incidents.note(incident.id, ctx.now, event, holder.id)
    await ctx.toast("toast.done")
    await incidents.close_questions(ctx, incident, "incident.now_held", name=holder.name)
    # Repeats that have not left would be false news by now.
    await ctx.tx.outbox.withdraw(incidents.alarm_purpose(incident.id), ctx.now)
    for place in await ctx.places_of(holder.id):
        bare = await incidents.is_bare(ctx, place, incident)
        await ctx.ask(
            place,
            "incident.yours",
            incidents.TO_HOLD,
            topic=incidents.TOPIC,
            ref=incident.id,
            number=await incidents.number_for(ctx, incident, holder, bare=bare),
            name=Key("bare.name") if bare else subject.name,
            news=incident.plan.news,
        )
        await notes.offer(ctx, place, incident)
    await incidents.tell_the_others(
        ctx, incident, "incident.taken", holder.id, name=holder.name, subject=subject.name
    )
    await whereabouts.show(ctx, incident)


async def _released(ctx: Context, incident: Incident) -> rules.Decision | Refusal:
    roster = await ctx.tx.people.roster(incident.group)
    return rules.release(incident, ctx.speaker.member.id, roster, ctx.now)


async def _decided(
    ctx: Context, incident: Incident, event: str, decision: rules.Decision | Refusal, **details: int
) -> None:
    if isinstance(decision, Refusal):
        await refused(ctx, incident, decision)
        return
    me = ctx.speaker.member
    await ctx.tx.incidents.note(incident.id, ctx.now, event, me.id, **details)
    await ctx.toast("toast.done")
    await ctx.reply(f"incident.you_{event}", number=incident.number, **details)
    await incidents.carry_out(ctx, decision)


async def news(ctx: Context, incident: Incident, text: str) -> None:
    """An update in words: on the timeline, and to everyone who was told."""
    me = ctx.speaker.member
    if not await _knows(ctx, incident):
        await ctx.reply("incident.unknown", number=incident.number)
        return
    told = rules.news(incident, me.id, ctx.now)
    if isinstance(told, Refusal):
        await refused(ctx, incident, told)
        return
    await ctx.tx.incidents.save(told)
    await ctx.tx.timers.set(incidents.TIMER, told.id, told.next_at)
    await ctx.tx.incidents.note(told.id, ctx.now, "news", me.id, text=text)
    await ctx.reply("incident.news_noted", number=told.number)
    await incidents.tell_the_others(ctx, told, "incident.news", me.id, name=me.name, text=text)


async def _whom(ctx: Context, incident: Incident) -> None:
    """Offer the people who were told already: nobody learns of others by asking."""
    me = ctx.speaker.member.id
    if incident.holder != me:
        await refused(ctx, incident, Refusal.NOT_HOLDER)
        return
    able = sorted(await _able(ctx, incident) - {me})
    await ctx.toast("toast.done")
    if not able:
        await ctx.reply("incident.nobody_to_hand_over", number=incident.number)
        return
    if await incidents.is_bare(ctx, ctx.place, incident):
        await ctx.reply("bare.hand_over", number=incident.number)
        return
    choices = [
        Choice("hand_over_to", "button.person", str(id), {"name": person.name})
        for id in able
        if (person := await ctx.tx.people.member(id))
    ]
    await ctx.ask(
        ctx.place,
        "incident.hand_over_whom",
        choices,
        topic=incidents.TOPIC,
        ref=incident.id,
        number=incident.number,
    )


async def _able(ctx: Context, incident: Incident) -> frozenset[int]:
    """Who could hold it: they were told of it, and still respond."""
    roster = await ctx.tx.people.roster(incident.group)
    able = roster.responders | roster.coordinators | roster.allied
    return (incident.told & able) - {incident.subject}


async def _offer(ctx: Context, incident: Incident, to: int) -> None:
    me = ctx.speaker.member
    if incident.holder != me.id:
        await refused(ctx, incident, Refusal.NOT_HOLDER)
        return
    if to not in await _able(ctx, incident):
        await refused(ctx, incident, Refusal.NOT_TOLD)
        return
    other = await ctx.tx.people.member(to)
    await ctx.tx.incidents.note(incident.id, ctx.now, "offered", me.id, to=to)
    await ctx.toast("toast.done")
    here = Key("bare.name") if await incidents.is_bare(ctx, ctx.place, incident) else other.name
    await ctx.reply("incident.offered", number=incident.number, name=here)
    for place in await ctx.places_of(to):
        await ctx.ask(
            place,
            "incident.offer",
            (
                Choice("accept", "button.accept_hand_over", str(me.id)),
                Choice("decline", "button.decline", str(me.id)),
            ),
            topic=incidents.TOPIC,
            ref=incident.id,
            lane=Lane.ALARM,
            number=incident.number,
            name=Key("bare.name") if await incidents.is_bare(ctx, place, incident) else me.name,
        )


async def _accept(ctx: Context, incident: Incident, giver: int) -> None:
    passed = rules.hand_over(incident, giver, ctx.speaker.member.id, ctx.now)
    if isinstance(passed, Refusal):
        await refused(ctx, incident, passed)
        return
    await _hold(ctx, passed, "handed_over")


async def _decline(ctx: Context, incident: Incident, giver: int) -> None:
    me = ctx.speaker.member
    await ctx.tx.incidents.note(incident.id, ctx.now, "declined", me.id)
    await ctx.toast("toast.done")
    await ctx.close_prompts(incidents.TOPIC, incident.id, "incident.you_declined", only=ctx.place)
    await ctx.tell(
        {giver},
        "incident.declined",
        purpose=f"incident:{incident.id}:news",
        bare=(await ctx.tx.people.group(incident.group)).bare,
        number=incident.number,
        name=me.name,
    )


async def _which_outcome(ctx: Context, incident: Incident) -> None:
    if not incident.open:
        await refused(ctx, incident, Refusal.CLOSED)
        return
    if incident.holder != ctx.speaker.member.id:
        await refused(ctx, incident, Refusal.NOT_HOLDER)
        return
    await ctx.toast("toast.done")
    await ctx.ask(
        ctx.place,
        "incident.which_outcome",
        [Choice("outcome", f"outcome.{o}", o.value) for o in Outcome],
        topic=incidents.TOPIC,
        ref=incident.id,
        number=incident.number,
    )


async def resolve(ctx: Context, incident: Incident, outcome: Outcome, actor: int) -> None:
    """Bring it to an end and tell everyone who was told."""
    if actor not in (incident.holder, incident.subject):
        await refused(ctx, incident, Refusal.NOT_HOLDER)
        return
    done = rules.resolve(incident, outcome, ctx.now)
    if isinstance(done, Refusal):
        await refused(ctx, incident, done)
        return
    person = await ctx.tx.people.member(actor)
    subject = await ctx.tx.people.member(done.subject)
    await ctx.tx.incidents.save(done)
    await ctx.tx.timers.set(incidents.TIMER, done.id, None)
    await ctx.tx.incidents.note(done.id, ctx.now, "resolved", actor, outcome=outcome.value)
    await ctx.toast("toast.done")
    await incidents.close_questions(ctx, done, "incident.now_closed", outcome=outcome)
    await ctx.tx.outbox.withdraw(incidents.alarm_purpose(done.id), ctx.now)
    await fading.end_details(ctx, done.id)
    await aftermath.ended(ctx, done)
    await incidents.tell_the_others(
        ctx, done, "incident.resolved", name=person.name, subject=subject.name, outcome=outcome,
        took=ctx.now - done.opened_at,
    )  # fmt: skip


async def _confirm_false(ctx: Context, incident: Incident) -> None:
    """Somebody who was told confirmed that it was a mistake, as the person's own words say."""
    me = ctx.speaker.member.id
    if incident.open and incident.holder is None:
        taken = rules.take(incident, me, ctx.now)
        if not isinstance(taken, Refusal):
            await ctx.tx.incidents.note(incident.id, ctx.now, "taken", me)
            incident = taken
    if incident.open and incident.holder != me:
        await refused(ctx, incident, Refusal.HELD)
        return
    await resolve(ctx, incident, Outcome.FALSE_ALARM, me)


async def _reopen(ctx: Context, incident: Incident) -> None:
    roster = await ctx.tx.people.roster(incident.group)
    await _decided(ctx, incident, "reopened", rules.reopen(incident, roster, ctx.now))


async def panic(ctx: Context, _rest: str = "") -> None:
    """The person's own alarm, by command or word. It is never asked back before it leaves."""
    incident = await incidents.open_incident(ctx, ctx.speaker.member.id, Kind.PANIC)
    await ctx.toast("toast.done")
    await ctx.reply("panic.sent", number=incident.number)


async def words(ctx: Context, _step: str, data: Mapping[str, Any], text: str) -> None:
    """The words after "write the news"."""
    await ctx.expect_nothing()
    incident = await ctx.tx.incidents.get(int(data["incident"]))
    if incident is not None:
        await news(ctx, incident, text.strip())
