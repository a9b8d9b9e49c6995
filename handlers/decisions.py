"""Two people: what one who coordinates asks for, and another consents to before it is done.

Where nobody else coordinates, those who run the bot are the second person, if the configuration
names any: an operator could change the database anyway, and is not the one who asks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from bot.domain import decision as rules
from bot.domain.decision import Candidate, Decision, Kind, Refusal, State
from bot.domain.lanes import Lane
from bot.domain.people import Role
from bot.domain.permissions import Action, may
from bot.domain.rich import Rich
from bot.texts import Key
from handlers.canary import operator_accounts
from handlers.context import Choice, Context, Due, NotAllowed, Place
from storage.people import Member

TOPIC = "decision"
REQUEST_TOPIC = "request"
OFFER_TOPIC = "offer"
TIMER = "decision"

ASKS_FOR: Mapping[Kind, Action] = {
    Kind.GIVE: Action.SET_ROLES,
    Kind.TAKE: Action.SET_ROLES,
    Kind.PUT_OUT: Action.SET_ROLES,
    Kind.PLAN: Action.SET_PLAN,
    Kind.RISK: Action.SET_RISK,
    Kind.INVITE: Action.INVITE,
    Kind.EXPORT: Action.EXPORT,
    Kind.RESTORE: Action.SUSPEND,
    Kind.DETAILS: Action.SET_DETAILS,
}
"""What whoever asks must still be allowed when it is carried out."""

Describe = Callable[[Context, Place], Awaitable[Rich]]
"""What will be done, in a reader's words."""

CarryOut = Callable[[Context, Decision], Awaitable[Decision]]
"""Does it, or leaves it void where the world is not as it was. Returns where it stands now."""


# --- asking -------------------------------------------------------------------------------------


async def ask_second(
    ctx: Context, kind: Kind, describe: Describe, *, about: int | None = None, **content: Any
) -> bool:
    """Put it to another person. False if there is nobody to put it to, which is explained."""
    me = ctx.speaker.member
    candidates = await ctx.tx.people.candidates(me.group)
    places: list[Place] = []
    for second in sorted(rules.seconds(candidates, me.id, about, ctx.now)):
        places += (await ctx.places_of(second))[:1]
    operators = not places
    if operators:
        places = [p for p in await operator_accounts(ctx) if p.member not in (me.id, about)]
    if not places:
        await ctx.toast("toast.not_done")
        await _nobody(ctx, candidates, about)
        return False
    decision = await ctx.tx.decisions.add(
        me.group, kind, about, content, me.id, ctx.now, ctx.now + rules.LIFE, operators=operators
    )
    await ctx.log("asked", about, kind=kind)
    await ctx.tx.timers.set(TIMER, decision.id, decision.expires_at)
    for place in places:
        texts = ctx.texts(place)
        head = texts.render("decision.please", name=me.name, group=ctx.speaker.group.name)
        await ctx.ask(
            place,
            head + await describe(ctx, place) + texts.render("decision.exactly"),
            (
                Choice("consent", "button.consent", decision.fingerprint),
                Choice("refuse", "button.do_not_consent"),
            ),
            topic=TOPIC,
            ref=decision.id,
        )
    await ctx.toast("toast.done")
    await ctx.ask(
        ctx.place,
        "decision.asked_operators" if operators else "decision.asked",
        (Choice("withdraw", "button.withdraw_request"),),
        topic=REQUEST_TOPIC,
        ref=decision.id,
        until=decision.expires_at,
    )
    return True


async def _nobody(ctx: Context, candidates: list[Candidate], about: int | None) -> None:
    """Why there is no second person, and what helps."""
    me = ctx.speaker.member.id
    new = [c for c in candidates if c.id not in (me, about)]
    if new:
        soonest = min(new, key=lambda c: c.joined_at)
        name = (await ctx.tx.people.member(soonest.id)).name
        await ctx.reply("decision.nobody_yet", name=name, at=soonest.joined_at + rules.NEWCOMER)
        return
    await ctx.reply("decision.nobody")


# --- deciding -----------------------------------------------------------------------------------


async def decided(
    ctx: Context, ref: int, action: str, shown: str, carry_out: Mapping[Kind, CarryOut]
) -> None:
    """A second person's consent or refusal."""
    decision = await ctx.tx.decisions.get(ref)
    if decision is None:
        await ctx.toast("toast.stale")
        return
    by = _second(ctx, decision)
    if action == "refuse":
        refused = rules.ended(decision, State.REFUSED)
        if decision.state is not State.WAITING or isinstance(refused, Refusal):
            await _refused(ctx, Refusal.STATE)
            return
        await ctx.toast("toast.done")
        await end(ctx, refused, "refused", by=_name(ctx, by))
        return
    consented = rules.consented(decision, by, shown, ctx.now)
    if isinstance(consented, Refusal):
        await _refused(ctx, consented)
        return
    await ctx.toast("toast.done")
    if not await still_asks(ctx, decision):
        await end(ctx, replace(decision, state=State.VOID), "void")
        return
    await ctx.tx.decisions.save(consented)
    done = await carry_out[decision.kind](ctx, consented)
    if done.state is State.VOID:
        await end(ctx, done, "void")
        return
    await end(ctx, done, "consented", by=_name(ctx, by))


async def _refused(ctx: Context, refusal: Refusal) -> None:
    await ctx.toast("toast.not_done")
    await ctx.reply(f"decision.refused.{refusal}")


def _second(ctx: Context, decision: Decision) -> Candidate | None:
    """Who the speaker is to this request; None is an operator. Raises `NotAllowed` for anyone else."""
    if ctx.known:
        me = ctx.speaker.member
        if me.group == decision.group and Role.COORDINATOR in me.roles:
            return Candidate(me.id, me.invited_by, me.joined_at)
        if me.id in (decision.asked_by, decision.about):
            raise NotAllowed
    if not ctx.is_operator:
        raise NotAllowed
    return None


def _name(ctx: Context, by: Candidate | None) -> str | Key:
    """An operator may be a member of another group, whose name is nobody's here."""
    return Key("decision.operator") if by is None else ctx.speaker.member.name


async def still_asks(ctx: Context, decision: Decision) -> bool:
    """Whether whoever asked may still ask for such a thing."""
    asker = await ctx.tx.people.member(decision.asked_by)
    return is_in(asker, decision.group) and may(asker.roles, ASKS_FOR[decision.kind])


def is_in(member: Member, group: int) -> bool:
    """Whether somebody is in a group today."""
    return member.group == group and member.left_at is None


async def end(ctx: Context, decision: Decision, how: str, **values: Any) -> None:
    """Store where it stands, close what was asked about it, and tell whoever asked.

    `how` is a key of the catalogues below `decision.now` (what becomes of the question) and
    `decision.news` (to whoever asked), and of the log.
    """
    await ctx.tx.decisions.save(decision)
    waits = decision.state in rules.OPEN
    await ctx.tx.timers.set(TIMER, decision.id, decision.expires_at if waits else None)
    mine = ctx.speaker.member if ctx.known else None
    await ctx.log(
        how,
        decision.about,
        group=decision.group,
        actor=mine.id if mine is not None and mine.group == decision.group else None,
        kind=decision.kind,
    )
    await ctx.close_prompts(TOPIC, decision.id, f"decision.now.{how}", **values)
    if not waits:
        await ctx.close_prompts(REQUEST_TOPIC, decision.id)
        await ctx.close_prompts(OFFER_TOPIC, decision.id)
    asker = await ctx.tx.people.member(decision.asked_by)
    if asker.left_at is None and (mine is None or mine.id != asker.id):
        await ctx.tell(
            {asker.id}, f"decision.news.{how}", lane=Lane.CONVERSATION, everywhere=False,
            what=Key(f"decision.kind.{decision.kind}"), **values,
        )  # fmt: skip


async def withdraw(ctx: Context, ref: int) -> None:
    """Whoever asked wants it no more."""
    decision = await ctx.tx.decisions.get(ref)
    gone = rules.ended(decision, State.WITHDRAWN) if decision else Refusal.STATE
    if decision is None or isinstance(gone, Refusal) or decision.asked_by != ctx.speaker.member.id:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await ctx.close_prompts(REQUEST_TOPIC, ref, "decision.now.withdrawn")
    await end(ctx, gone, "withdrawn")


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Nobody decided in time, or the person whom a role was offered to did not answer."""
    decision = await ctx.tx.decisions.get(occasion.ref)
    if decision is None or decision.state not in rules.OPEN:
        return
    if ctx.now < decision.expires_at:
        await ctx.tx.timers.set(TIMER, decision.id, decision.expires_at)
        return
    await end(ctx, replace(decision, state=State.EXPIRED), "expired")


async def void_all(ctx: Context, group: int, member: int, *, about_too: bool = False) -> None:
    """Somebody coordinates no more, or leaves: what they asked for is void, or is about nobody."""
    for decision in await ctx.tx.decisions.open_of(group, member):
        if about_too or decision.asked_by == member:
            await end(ctx, replace(decision, state=State.VOID), "void")
