"""Another group as a step of the plan: asked for by who coordinates, and agreed to by everybody in it.

`/alianza Sierra` asks those who coordinate that group whether it answers for ours as well; then each
of its people who answers alarms says so alone, or not. Only who did is told, where our plan has a
step for that group, and may take the incident as anybody else. Whoever asks learns of no group that
does not answer: the same is said whether there is one of that name.

Nothing goes on to the other group's own plan. So two groups that name each other do not circle.
"""

from __future__ import annotations

from datetime import timedelta

from bot.domain.lanes import Lane
from bot.domain.permissions import Action, may
from bot.domain.plan import DEFAULT_PLAN
from handlers import contacts, incidents
from handlers.canary import GROUP
from handlers.commands import Entry
from handlers.context import Choice, Context, Due, Place
from storage.alliances import Alliance
from storage.people import Group

TOPIC = "alliance"
TIMER = "alliance"

BATCH = 50
"""People who are asked in one transaction: an alarm must not wait behind a large group."""

AGAIN = timedelta(days=1)
"""How soon a group can be asked once more."""

SHOWN = 60
"""Characters of a name that is said back."""


async def command_alliance(ctx: Context, rest: str) -> None:
    """`/alianza`, `/alianza Sierra`"""
    name = " ".join(rest.split())
    if name:
        ctx.require(Action.SET_ALLIANCES)
        await _propose(ctx, name[:SHOWN])
    else:
        await _show(ctx)


# --- asking another group -----------------------------------------------------------------------


async def _propose(ctx: Context, name: str) -> None:
    mine = ctx.speaker.group
    ally = await ctx.tx.people.group_called(name)
    if ally is not None and ally.id == mine.id:
        await ctx.reply("alliance.own")
        return
    known = await ctx.tx.alliances.between(mine.id, ally.id) if ally is not None else None
    if ally is not None and known is not None and known.agreed_at is not None:
        await ctx.reply("alliance.already", group=ally.name)
        return
    await ctx.log("alliance_asked")
    await ctx.reply("alliance.asked", group=name)
    if ally is None or ally.name == GROUP or (known and known.asked_at > ctx.now - AGAIN):
        return
    roster = await ctx.tx.people.roster(ally.id)
    alliance = await ctx.tx.alliances.ask(mine.id, ally.id, ctx.now)
    await ctx.close_prompts(TOPIC, alliance.id)
    for member in sorted(roster.coordinators):
        for place in (await ctx.places_of(member))[:1]:
            await ctx.ask(
                place,
                "alliance.request",
                (Choice("accept", "button.accept_alliance"), Choice("refuse", "button.not_for_me")),
                topic=TOPIC,
                ref=alliance.id,
                group=mine.name,
            )


async def _accept(ctx: Context, alliance: Alliance, group: Group) -> None:
    await ctx.tx.alliances.agree(alliance.id, ctx.now)
    await ctx.tx.timers.set(TIMER, alliance.id, ctx.now)
    await ctx.log("alliance_made")
    await ctx.close_prompts(TOPIC, alliance.id, "alliance.accepted", group=group.name)
    await _tell_coordination(ctx, alliance.group, "alliance.news.accepted", alliance.ally)


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Ask the next of the people who answer alarms there."""
    alliance = await ctx.tx.alliances.get(occasion.ref)
    if alliance is None or alliance.agreed_at is None:
        return
    found = await ctx.tx.alliances.to_ask(alliance, BATCH)
    group = await ctx.tx.people.group(alliance.group)
    for member in found:
        person = await ctx.tx.people.member(member)
        await ctx.tx.alliances.put(alliance.id, member, ctx.now, answers=False)
        if not may(person.roles, Action.RESPOND):
            continue
        for place in (await ctx.places_of(member))[:1]:
            await _ask_at(ctx, place, alliance, group)
    if len(found) == BATCH:
        await ctx.tx.timers.set(TIMER, alliance.id, ctx.now)


async def _ask_at(ctx: Context, place: Place, alliance: Alliance, group: Group) -> None:
    await ctx.ask(
        place,
        "alliance.offer",
        (Choice("answer", "button.answer_for"), Choice("stay_out", "button.not_for_me")),
        topic=TOPIC,
        ref=alliance.id,
        group=group.name,
    )


# --- how it stands ------------------------------------------------------------------------------


async def _show(ctx: Context) -> None:
    """Whom one answers for; for who coordinates, both sides, and how each can be ended."""
    me = ctx.speaker.member
    standing = await ctx.tx.alliances.of(me.group)
    if not ctx.may(Action.SET_ALLIANCES):  # whom the plan tells is in the plan
        standing = [alliance for alliance in standing if alliance.ally == me.group]
    if not standing:
        await ctx.reply("alliance.none" if ctx.may(Action.SET_ALLIANCES) else "alliance.none_yet")
        return
    for alliance in standing:
        ours = alliance.ally == me.group
        other = await ctx.tx.people.group(alliance.group if ours else alliance.ally)
        people = await ctx.tx.alliances.people(alliance.id)
        choices = []
        if ours:
            choices.append(
                Choice("stay_out", "button.not_any_more")
                if me.id in people
                else Choice("answer", "button.answer_for")
            )
        if ctx.may(Action.SET_ALLIANCES):
            choices.append(Choice("end", "button.end_alliance", "", {"group": other.name}))
        key = "alliance.theirs"
        if ours:
            key = "alliance.ours_with_me" if me.id in people else "alliance.ours_without_me"
        await ctx.close_prompts(TOPIC, alliance.id, only=ctx.place)
        await ctx.ask(
            ctx.place, key, choices, topic=TOPIC, ref=alliance.id, group=other.name, n=len(people)
        )


async def pressed(ctx: Context, ref: int, action: str) -> None:
    """One answer of somebody of either group."""
    alliance = await ctx.tx.alliances.get(ref)
    me = ctx.speaker.member
    if alliance is None or me.group not in (alliance.group, alliance.ally):
        await ctx.toast("toast.stale")
        return
    ours = me.group == alliance.ally
    other = await ctx.tx.people.group(alliance.group if ours else alliance.ally)
    stands = alliance.agreed_at is not None
    if stands is (action in ("accept", "refuse")) or not (ours or action in ("end", "end_it")):
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    match action:
        case "accept":
            await _accept(ctx, alliance, other)
        case "refuse":
            await ctx.close_prompts(TOPIC, ref, "alliance.refused", group=other.name)
        case "answer":
            await ctx.tx.alliances.put(ref, me.id, ctx.now, answers=True)
            await ctx.close_prompts(TOPIC, ref, "alliance.answers", only=ctx.place, group=other.name)
        case "stay_out":
            await ctx.tx.alliances.put(ref, me.id, ctx.now, answers=False)
            await ctx.close_prompts(TOPIC, ref, "alliance.stays_out", only=ctx.place, group=other.name)
            await incidents.let_go_for(ctx, other.id, frozenset({me.id}))
        case "end" if await _is_told(ctx, alliance):
            await ctx.reply("alliance.in_plan", group=other.name)
        case "end":
            await ctx.ask(
                ctx.place, "alliance.sure", (Choice("end_it", "button.end_it"),),
                topic=TOPIC, ref=ref, group=other.name,
            )  # fmt: skip
        case "end_it" if await _is_told(ctx, alliance):
            await ctx.reply("alliance.in_plan", group=other.name)
        case "end_it":
            await _end(ctx, alliance, other)


async def _is_told(ctx: Context, alliance: Alliance) -> bool:
    """Whether the speaker's own plan has a step for the other group: that is changed first, which
    takes two people where cover is lost."""
    if ctx.speaker.member.group != alliance.group:
        return False
    plan = ctx.speaker.group.plan or DEFAULT_PLAN
    return any(r.group == alliance.ally for step in plan.steps for r in step.recipients)


async def _end(ctx: Context, alliance: Alliance, other: Group) -> None:
    """Either side may, at any time; the other hears of it."""
    people = await ctx.tx.alliances.people(alliance.id)
    await ctx.close_prompts(TOPIC, alliance.id, "alliance.ended", group=other.name)
    await ctx.tx.alliances.end(alliance.id)
    await incidents.let_go_for(ctx, alliance.group, people)
    await ctx.log("alliance_ended")
    mine = ctx.speaker.member.group
    asked = mine == alliance.group
    key = "alliance.news.not_needed" if asked else "alliance.news.ended"
    await _tell_coordination(ctx, other.id, key, mine)
    await contacts.cover_may_change(ctx, alliance.group)


async def _tell_coordination(ctx: Context, group: int, key: str, other: int) -> None:
    roster = await ctx.tx.people.roster(group)
    name = (await ctx.tx.people.group(other)).name
    await ctx.tell(
        roster.coordinators, key, lane=Lane.CONVERSATION, everywhere=False, group=name
    )


ENTRIES = (
    Entry("alianza", ("alliance", "ally"), Action.ALLIANCE, command_alliance, in_menu=False),
)
