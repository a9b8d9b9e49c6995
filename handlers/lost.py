"""A phone in other hands: suspended at one coordinator's word, given back at two people's.

Suspended is silence: what comes from there is not heard, nothing goes there, and what we said there
is deleted as far as the platform lets us. Plans look for another way at once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.decision import Decision, Kind, State
from bot.domain.incident import Kind as Incident
from bot.domain.lanes import Lane
from bot.domain.permissions import Action
from bot.domain.rich import Rich
from handlers import checkins, decisions, duty, fading, incidents
from handlers.commands import Entry
from handlers.context import Choice, Context, Due, Place
from handlers.invitations import invite, show_invitation
from storage.people import Account, Member

TOPIC = "lost"
TIMER = "lost"

ANSWER = timedelta(minutes=10)
"""How long the network waits for a word on whether the person is well; then it is an alarm."""


async def command_lost(ctx: Context, rest: str) -> None:
    """`/perdido Ana`"""
    me = ctx.speaker.member
    person = await _named(ctx, rest, "lost.whom")
    if person is None:
        return
    if person.id == me.id:
        await ctx.reply("lost.another")  # else there would be nobody left to give it back
        return
    if not await _in_use(ctx, person.id):
        await ctx.reply("lost.is_so", name=person.name)
        return
    await suspend(ctx, person)
    await ctx.log("suspended", person.id)
    await ctx.tx.timers.set(TIMER, person.id, ctx.now + ANSWER)
    roster = await ctx.tx.people.roster(me.group)
    for member in sorted(roster.coordinators - {person.id}):
        key = "lost.done" if member == me.id else "lost.news"
        for place in await ctx.places_of(member):
            await ctx.ask(
                place, key,
                (Choice("alarm", "button.alarm_now"), Choice("known", "button.is_well")),
                topic=TOPIC, ref=person.id, lane=Lane.ALARM,
                name=person.name, by=me.name, within=ANSWER,
            )  # fmt: skip


async def _named(ctx: Context, rest: str, otherwise: str) -> Member | None:
    person = await ctx.tx.people.member_named(ctx.speaker.member.group, rest) if rest else None
    if person is None:
        await ctx.reply(otherwise, name=rest[:40])
    return person


async def _in_use(ctx: Context, member: int) -> list[Account]:
    accounts = await ctx.tx.people.accounts_of(member)
    return [account for account in accounts if account.suspended_at is None]


async def suspend(ctx: Context, person: Member) -> None:
    """All accounts of somebody, from this instant."""
    for account in await _in_use(ctx, person.id):
        await ctx.tx.people.suspend(account.id, ctx.now)
        await ctx.tx.conversations.end_all_in(account.platform, account.chat, ctx.now)
        await fading.clear_chat(ctx, account.platform, account.chat)
    await decisions.void_all(ctx, person.group, person.id)
    await ctx.tx.invitations.revoke_all_of(person.id, ctx.now)
    await incidents.let_go(ctx, person)
    for incident in await ctx.tx.incidents.known_to(person.group, person.id, only_open=True):
        await incidents.not_reached(ctx, incident.id, person.id)
    await duty.look_at_all_of(ctx, person.id)


async def pressed(ctx: Context, ref: int, action: str) -> None:
    """Whether the person is known to be well."""
    person = await ctx.tx.people.member(ref)
    if not decisions.is_in(person, ctx.speaker.member.group):
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await ctx.tx.timers.set(TIMER, ref, None)
    name = ctx.speaker.member.name
    if action == "alarm":
        await ctx.close_prompts(TOPIC, ref, "lost.alarmed", name=name)
        await incidents.open_incident(ctx, ref, Incident.LOST)
        return
    await ctx.close_prompts(TOPIC, ref, "lost.known", name=name)
    await ctx.log("known_well", ref)
    await checkins.stop_asking(ctx, ref)


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Nobody knows: it is an alarm."""
    person = await ctx.tx.people.member(occasion.ref)
    if person.left_at is None and not await _in_use(ctx, person.id):
        await ctx.close_prompts(TOPIC, person.id, "lost.alarmed_itself")
        await incidents.open_incident(ctx, person.id, Incident.LOST)


# --- giving it back -----------------------------------------------------------------------------


async def command_restore(ctx: Context, rest: str) -> None:
    """`/recuperar Ana`: a second person consents, then an invitation lets her back in."""
    person = await _named(ctx, rest, "lost.restore_whom")
    if person is None:
        return
    if await _in_use(ctx, person.id):
        await ctx.reply("lost.not_suspended", name=person.name)
        return

    async def describe(ctx: Context, place: Place) -> Rich:
        return ctx.texts(place).render("lost.restore_what", name=person.name)

    await decisions.ask_second(ctx, Kind.RESTORE, describe, about=person.id)


async def carry_out(ctx: Context, decision: Decision) -> Decision:
    """The one-time word goes to whoever asked, to be shown in person."""
    assert decision.about is not None
    person = await ctx.tx.people.member(decision.about)
    if not decisions.is_in(person, decision.group) or await _in_use(ctx, person.id):
        return replace(decision, state=State.VOID)
    for place in (await ctx.places_of(decision.asked_by))[:1]:
        secret = await invite(
            ctx, decision.group, frozenset(), person.id, made_by=decision.asked_by
        )
        await ctx.log("restoring", person.id, group=decision.group, actor=decision.asked_by)
        await show_invitation(ctx, place, "lost.restore_with", secret)
        return decision
    return replace(decision, state=State.VOID)


async def came_back(ctx: Context, person: Member) -> None:
    """They are reached again, on an account that two people let in."""
    roster = await ctx.tx.people.roster(person.group)
    await ctx.log("restored", person.id, group=person.group)
    await ctx.tx.timers.set(TIMER, person.id, None)
    await ctx.close_prompts(TOPIC, person.id, "lost.back")
    await ctx.tell(
        roster.coordinators - {person.id}, "lost.is_back", lane=Lane.CONVERSATION,
        everywhere=False, name=person.name,
    )  # fmt: skip


ENTRIES = (
    Entry("perdido", ("lost", "perdida"), Action.SUSPEND, command_lost),
    Entry("recuperar", ("restore", "recover"), Action.SUSPEND, command_restore, in_menu=False),
)
