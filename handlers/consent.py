"""Consent: what happens about somebody is what they agreed to, and they may take it back.

Who joins agrees to the starting plan, which they are told of before. When a group's plan changes,
everyone is asked; until somebody agrees, the plan that they agreed to last goes on about them: an
alarm is never lost for want of an answer, and nobody is told of it whom they did not agree to. A
panic is the person's own act and always works.

Taking it back is never silent: whoever holds the phone may not be its owner. Those who coordinate
hear of it, and a question that is open is still judged.
"""

from __future__ import annotations

from bot.domain.lanes import Lane
from bot.domain.permissions import Action
from bot.domain.plan import DEFAULT_PLAN, Plan
from handlers import plans, stages
from handlers.canary import SCHEDULE_TIMER
from handlers.commands import Entry
from handlers.context import Choice, Context, Due, Place
from storage.people import Group, Member

TOPIC = "consent"
TIMER = "consent"

BATCH = 50
"""People who are asked in one transaction: an alarm must not wait behind a large group."""


def offered(group: Group, member: Member) -> Plan | None:
    """The plan that a member has not agreed to; None if theirs is the group's."""
    plan = group.plan or DEFAULT_PLAN
    return plan if plan != member.agreed_plan or member.withdrawn_at is not None else None


# --- asking -------------------------------------------------------------------------------------


async def changed(ctx: Context, group: int, *agreed: int | None) -> None:
    """The group has another plan: whoever wrote it agreed by that, everyone else is asked."""
    plan = (await ctx.tx.people.group(group)).plan or DEFAULT_PLAN
    for member in agreed:
        if member is not None:
            await ctx.tx.people.agree(member, plan, ctx.now)
            await ctx.tx.people.asked(member, ctx.now)
    await ctx.tx.timers.set(TIMER, group, ctx.now)


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Ask the next of those who were not asked yet."""
    group = await ctx.tx.people.group(occasion.ref)
    members = await ctx.tx.people.to_ask(group.id, BATCH)
    for member in members:
        await ctx.tx.people.asked(member.id, ctx.now)
        if member.withdrawn_at is None:
            await ask(ctx, group, member)
    if len(members) == BATCH:
        await ctx.tx.timers.set(TIMER, group.id, ctx.now)


async def ask(ctx: Context, group: Group, member: Member) -> None:
    """What do you say to this plan? An earlier such question is overtaken."""
    await ctx.close_prompts(TOPIC, member.id)
    plan = offered(group, member)
    if plan is None:
        return
    for place in (await ctx.places_of(member.id))[:1]:
        await _ask_at(ctx, place, member, plan)


async def _ask_at(ctx: Context, place: Place, member: Member, plan: Plan) -> None:
    again = member.withdrawn_at is not None
    await ctx.ask(
        place,
        "consent.again" if again else "consent.new",
        (
            Choice("agree", "button.agree_plan", plan.fingerprint),
            Choice("keep", "button.stay_out" if again else "button.keep_plan", plan.fingerprint),
        ),
        topic=TOPIC,
        ref=member.id,
        steps=await plans.describe(ctx, place, plan, about=member.group),
    )


# --- the member's own ---------------------------------------------------------------------------


async def command_my_plan(ctx: Context, _rest: str) -> None:
    """`/miplan`: who would be told of me, and when; agree, or take it back."""
    me, group = ctx.speaker.member, ctx.speaker.group
    await ctx.close_prompts(TOPIC, me.id)
    if me.withdrawn_at is None:
        await ctx.ask(
            ctx.place,
            "consent.mine",
            (Choice("withdraw", "button.withdraw_plan"),),
            topic=TOPIC,
            ref=me.id,
            steps=await plans.describe(ctx, ctx.place, me.agreed_plan, about=me.group),
        )
    plan = offered(group, me)
    if plan is not None:
        await _ask_at(ctx, ctx.place, me, plan)


async def pressed(ctx: Context, ref: int, action: str, shown: str) -> None:
    """The member's word about a plan, and about the one that was shown."""
    me, group = ctx.speaker.member, ctx.speaker.group
    if ref != me.id:
        await ctx.toast("toast.stale")
        return
    if action == "withdraw":
        await _withdraw(ctx)
        return
    plan = group.plan or DEFAULT_PLAN
    await ctx.toast("toast.done")
    if plan.fingerprint != shown:
        # It was changed since: nobody agrees to what they have not seen.
        await ctx.close_prompts(TOPIC, me.id, "consent.overtaken", only=ctx.place)
        await ask(ctx, group, me)
        return
    away = me.withdrawn_at is not None
    if action == "keep":
        await ctx.close_prompts(TOPIC, me.id, "consent.stayed_out" if away else "consent.kept")
        return
    await ctx.tx.people.agree(me.id, plan, ctx.now)
    await ctx.close_prompts(TOPIC, me.id, "consent.agreed")
    if away:
        await ctx.log("back", me.id)
        await _tell(ctx, "consent.back")


async def _withdraw(ctx: Context) -> None:
    """No more questions, and no silence of theirs tells anybody; those who coordinate hear of it."""
    me = ctx.speaker.member
    if me.withdrawn_at is not None:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await ctx.tx.people.withdraw(me.id, ctx.now)
    for schedule in await ctx.tx.checkins.schedules_of(me.id):
        await ctx.tx.checkins.end_schedule(schedule.id)
        await ctx.tx.timers.set(SCHEDULE_TIMER, schedule.id, None)
    await stages.drop_all(ctx, me.id)
    await ctx.close_prompts(TOPIC, me.id, "consent.withdrawn")
    await ctx.log("withdrew", me.id)
    await _tell(ctx, "consent.news")


async def _tell(ctx: Context, key: str) -> None:
    """Those who coordinate hear it; where nobody else does, the circle."""
    me = ctx.speaker.member
    roster = await ctx.tx.people.roster(me.group)
    to = roster.coordinators - {me.id} or roster.responders - {me.id}
    await ctx.tell(to, key, lane=Lane.CONVERSATION, everywhere=False, name=me.name)


async def agreed_count(ctx: Context, group: Group) -> tuple[int, int]:
    """How many of a group live under its plan, and how many they are."""
    people = await ctx.tx.people.in_group(group.id)
    return sum(offered(group, member) is None for member in people), len(people)


ENTRIES = (Entry("miplan", ("myplan", "mi_plan"), Action.OWN_PLAN, command_my_plan),)
