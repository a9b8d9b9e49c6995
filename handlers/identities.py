"""Whose account is whose, as far as only people can tell: doubts, and comparisons of pictures.

The person whom it is about never decides it: what comes from their account is what is in doubt.
Source of the rule that somebody is asked: issue four of six, "Matrix identity".
"""

from __future__ import annotations

from bot.domain.lanes import Lane
from bot.domain.people import Role
from bot.platforms.base import (
    ComparisonAsked,
    ComparisonEnded,
    IdentityChanged,
    Incoming,
    PicturesShown,
)
from bot.texts import Key
from handlers.canary import operator_places
from handlers.context import Choice, Context, NotAllowed, Place
from storage.conversations import Prompt
from storage.outbox import Row
from storage.people import Account, Member

TOPIC = "identity"
COMPARISON_TOPIC = "comparison"

OPERATOR = "operator"
"""Who speaks with a person, if it is no member."""


async def reported(ctx: Context, event: Incoming) -> None:
    """The platform has something to tell about an account. Of strangers nobody wants to know."""
    account = await ctx.tx.people.account(event.platform, event.account)
    if account is None:
        return
    changed = isinstance(event.body, IdentityChanged)
    if account.suspended_at is not None and not changed:
        return  # in other hands: nobody compares anything with it
    member = await ctx.tx.people.member(account.member)
    match event.body:
        case IdentityChanged(what, confirm):
            choices = (
                Choice("confirm", "button.it_is_they", confirm),
                Choice("doubt", "button.not_sure"),
            )
            for place in await _others(ctx, member):
                if not await _may_name(ctx, place, member):
                    await ctx.say(place, "bare.identity")
                    continue
                text = ctx.texts(place).render(f"identity.{what}", name=member.name)
                await ctx.ask(place, text, choices, topic=TOPIC, ref=account.id)
        case ComparisonAsked(begin, decline):
            choices = (
                Choice("begin", "button.speaking", begin),
                Choice("decline", "button.cannot_now", decline),
            )
            await ctx.tx.facts.set(_comparing(account), b"")
            others = await _named(ctx, await _others(ctx, member), member)
            for place in others:
                text = ctx.texts(place).render("comparison.asked", name=member.name)
                await ctx.ask(place, text, choices, topic=COMPARISON_TOPIC, ref=account.id)
            if not others:
                await ctx.decide(account, decline)
            await _tell(ctx, account, "comparison.wait" if others else "comparison.nobody")
        case PicturesShown(pictures, same, different):
            await ctx.close_prompts(COMPARISON_TOPIC, account.id)
            choices = (
                Choice("same", "button.same", same),
                Choice("different", "button.different", different),
            )
            for place in await _comparing_places(ctx, account, member):
                texts = ctx.texts(place)
                text = texts.render("comparison.pictures", name=member.name)
                for picture in pictures:
                    called = texts.plain(f"picture.{picture}")
                    text = text + texts.render("comparison.line", picture=picture, what=called)
                await ctx.ask(place, text, choices, topic=COMPARISON_TOPIC, ref=account.id)
        case ComparisonEnded(proven):
            await ctx.close_prompts(COMPARISON_TOPIC, account.id)
            if proven:
                await ctx.close_prompts(TOPIC, account.id)
            key = "comparison.proven" if proven else "comparison.failed"
            for place in await _comparing_places(ctx, account, member):
                await ctx.say(place, key, name=member.name)
            await _tell(ctx, account, f"{key}.you")


async def decided(ctx: Context, prompt: Prompt, action: str, argument: str) -> None:
    """Somebody who may vouch for others says what they found out."""
    account = await ctx.tx.people.account_numbered(prompt.ref)
    gone = account is None or account.suspended_at is not None
    if account is None or (gone and prompt.topic == COMPARISON_TOPIC):
        await ctx.toast("toast.stale")
        return
    member = await ctx.tx.people.member(account.member)
    _require(ctx, member)
    await ctx.toast("toast.done")
    if action == "doubt":
        # The question stays open: who is not sure today may know tomorrow.
        await ctx.reply("identity.stays", name=member.name)
        return
    await ctx.decide(account, argument)
    match action:
        case "confirm":
            await _log(ctx, "identity_confirmed", member)
            await ctx.close_prompts(TOPIC, account.id, "identity.confirmed", by=_who(ctx, member))
        case "begin":
            who = str(ctx.speaker.member.id) if ctx.known else OPERATOR
            await ctx.tx.facts.set(_comparing(account), who.encode())
            by = _who(ctx, member)
            await ctx.close_prompts(COMPARISON_TOPIC, account.id, "comparison.begun", by=by)
        case _:
            if action == "same":
                await _log(ctx, "pictures_compared", member)
            await ctx.close_prompts(COMPARISON_TOPIC, account.id)


async def not_detailed(ctx: Context, row: Row) -> None:
    """A detailed text found no device that is the person's own for certain: they are told so."""
    account = await ctx.tx.people.account_in(row.platform, row.chat)
    if account is not None and account.suspended_at is None:
        await _tell(ctx, account, "details.unproven")


def _require(ctx: Context, member: Member) -> None:
    """Raises `NotAllowed` unless the speaker may vouch for this member, and is somebody else."""
    if ctx.known:
        if ctx.speaker.member.id == member.id:
            raise NotAllowed
        if _works_with(ctx, member) and Role.COORDINATOR in ctx.speaker.member.roles:
            return
    if not ctx.is_operator:
        raise NotAllowed


def _works_with(ctx: Context, member: Member) -> bool:
    return ctx.known and ctx.speaker.member.group == member.group


def _who(ctx: Context, member: Member) -> str | Key:
    """Who decided, in words for those who coordinate the member's group: no name of another group."""
    return ctx.speaker.member.name if _works_with(ctx, member) else Key("decision.operator")


async def _log(ctx: Context, what: str, member: Member) -> None:
    actor = ctx.speaker.member.id if _works_with(ctx, member) else None
    await ctx.log(what, member.id, group=member.group, actor=actor)


async def _others(ctx: Context, member: Member) -> list[Place]:
    """Where those are who can ask this member in another way: the coordination, or the operators."""
    roster = await ctx.tx.people.roster(member.group)
    places = [
        place
        for other in sorted(roster.coordinators - {member.id})
        for place in await ctx.places_of(other)
    ]
    if places:
        return places
    return [place for place in await operator_places(ctx) if place.member != member.id]


async def _comparing_places(ctx: Context, account: Account, member: Member) -> list[Place]:
    """Where the person is who speaks with the member now; if nobody began, all who were asked."""
    began = (await ctx.tx.facts.get(_comparing(account)) or b"").decode()
    if began.isdecimal():
        return (await _named(ctx, await ctx.places_of(int(began)), member))[:1]
    if began == OPERATOR:
        places = [place for place in await operator_places(ctx) if place.member != member.id]
        return await _named(ctx, places, member)
    return await _named(ctx, await _others(ctx, member), member)


async def _may_name(ctx: Context, place: Place, member: Member) -> bool:
    """Whether the member's group trusts this platform with names."""
    return place.platform not in (await ctx.tx.people.group(member.group)).bare


async def _named(ctx: Context, places: list[Place], member: Member) -> list[Place]:
    return [place for place in places if await _may_name(ctx, place, member)]


def _comparing(account: Account) -> str:
    return f"comparison.{account.id}"


async def _tell(ctx: Context, account: Account, key: str) -> None:
    """Say it to the person, in the chat of this account."""
    person = await ctx.tx.people.member(account.member)
    place = Place(account.platform, account.chat, person.language, person.zone, member=person.id)
    await ctx.say(place, key, lane=Lane.CONVERSATION)
