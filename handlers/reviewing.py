"""Who else has to agree before something is published, and how they are asked.

The rules are the organisation's (`/revision`). Whatever they say, nothing leaves without the consent of
somebody other than its author to exactly what leaves.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from bot.domain import denunciation as rules
from bot.domain.answers import plain
from bot.domain.approval import HOURS, MOST, Rules
from bot.domain.denunciation import Denunciation, Refusal, State
from bot.domain.endangering import names_in, stands_in
from bot.domain.lanes import Lane
from bot.domain.people import Role
from bot.domain.permissions import Action, may
from bot.texts import Key
from handlers import denunciation_words, denunciations, publishing
from handlers.commands import Entry
from handlers.context import Choice, Context, Due
from storage.files import WANTED

TOPIC = denunciations.TOPIC
NAMED_TOPIC = "named"
TIMER = "review"

REVIEW = (Choice("approve", "button.approve"), Choice("return", "button.return"))
LATER = (Choice("agree_later", "button.agree_later"), Choice("withdraw", "button.withdraw_it"))
NAMED = (
    Choice("yes", "button.named_yes"),
    Choice("no", "button.named_no"),
    Choice("nobody", "button.named_nobody"),
)


# --- to review ----------------------------------------------------------------------------------


async def to_review(ctx: Context, draft: Denunciation) -> None:
    """The author hands it over, once everybody who is named in it agreed to that."""
    if not denunciations.is_authors(ctx, draft) or draft.state is not State.DRAFT:
        await denunciations.refuse(ctx, draft, Refusal.STATE)
        return
    if await ctx.tx.files.count(draft.id, WANTED):
        await _not_yet(ctx, draft, Refusal.FILES)
        return
    if await _asks_about_names(ctx, draft):
        return
    group_rules = await ctx.tx.denunciations.rules(draft.group)
    needed = group_rules.needed_for(draft.kind)
    review = rules.to_review(draft, needed, ctx.now)
    if isinstance(review, Refusal):
        await _not_yet(ctx, draft, review)
        return
    reviewers = group_rules.asked(await _approvers(ctx, draft.group), draft.author)
    if len(reviewers) < max(1, needed):
        await ctx.toast("toast.not_done")
        key = "denunciation.too_few_reviewers" if reviewers else "denunciation.no_reviewer"
        await ctx.reply(key, n=needed)
        return
    await ctx.tx.denunciations.save(review)
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, draft.id, "denunciation.in_review")
    for reviewer in reviewers:
        await _ask(ctx, review, reviewer)
    await ctx.tx.timers.set(TIMER, draft.id, ctx.now + group_rules.deadline)


async def _not_yet(ctx: Context, draft: Denunciation, refusal: Refusal) -> None:
    """Say what is missing, with the draft below it as it is now."""
    await denunciations.refuse(ctx, draft, refusal)
    await ctx.close_prompts(TOPIC, draft.id)
    await denunciations.preview(ctx, ctx.place, draft)


async def _approvers(ctx: Context, group: int) -> frozenset[int]:
    people = await ctx.tx.people.in_group(group)
    return frozenset(member.id for member in people if Role.APPROVER in member.roles)


async def _ask(ctx: Context, draft: Denunciation, reviewer: int) -> None:
    """Put it to one of them, where the group lets its drafts be read."""
    group = await ctx.tx.people.group(draft.group)
    author = await ctx.tx.people.member(draft.author)
    places = await ctx.places_of(reviewer)
    trusted = [place for place in places if place.platform not in group.bare]
    for place in (trusted or places)[:1]:
        if not trusted:
            await ctx.say(place, "bare.review", number=draft.number)
            continue
        texts = ctx.texts(place)
        text = texts.render("denunciation.please_review", number=draft.number, name=author.name)
        text = text + await denunciation_words.facts(ctx, place, draft)
        await ctx.put(place, text + denunciations.warnings(ctx, place, draft))
        await ctx.ask(
            place, await denunciation_words.shown(ctx, draft),
            [replace(c, argument=draft.fingerprint) for c in REVIEW],
            topic=TOPIC, ref=draft.id, kept=draft.files,
        )  # fmt: skip


# --- who is named -------------------------------------------------------------------------------


async def _asks_about_names(ctx: Context, draft: Denunciation) -> bool:
    """Whether something about a name has to be said first: it was asked, or it was refused."""
    texts = denunciations.texts_of(draft)
    said = await ctx.tx.denunciations.names(draft.id)
    given = [n for n, answer in said.items() if not answer and stands_in(n, texts)]
    for name in dict.fromkeys((*names_in(texts), *given)):
        if not said.get(name):
            await ctx.toast("toast.done")
            await ctx.close_prompts(NAMED_TOPIC, draft.id)
            await ctx.ask(
                ctx.place, "denunciation.named", [replace(c, argument=name) for c in NAMED],
                topic=NAMED_TOPIC, ref=draft.id, name=name,
            )  # fmt: skip
            return True
    against = tuple(n for n, answer in said.items() if answer == "no" and stands_in(n, texts))
    if against:
        await denunciations.refuse(ctx, draft, Refusal.NAMED, names=against)
        await ctx.close_prompts(TOPIC, draft.id)
        await denunciations.preview(ctx, ctx.place, draft)
    return bool(against)


async def named(ctx: Context, ref: int, action: str, name: str) -> None:
    """Whether somebody who is named agreed to be."""
    draft = await ctx.tx.denunciations.get(ref)
    if draft is None or not denunciations.is_authors(ctx, draft):
        await ctx.toast("toast.stale")
        return
    await ctx.tx.denunciations.set_name(ref, name, action)
    await ctx.close_prompts(NAMED_TOPIC, ref, f"denunciation.named_{action}")
    await to_review(ctx, draft)


# --- deciding -----------------------------------------------------------------------------------


async def approve(ctx: Context, draft: Denunciation, fingerprint: str) -> None:
    """One more consent; enough of them let it leave."""
    ctx.require(Action.APPROVE)
    me = ctx.speaker.member
    group_rules = await ctx.tx.denunciations.rules(draft.group)
    if group_rules.reviewers and me.id not in group_rules.asked({me.id}, draft.author):
        named_others = group_rules.asked(await _approvers(ctx, draft.group), draft.author)
        if named_others:
            await denunciations.refuse(ctx, draft, Refusal.NOT_ASKED)
            return
    approved = rules.approved(draft, me.id, fingerprint)
    if isinstance(approved, Refusal):
        await denunciations.refuse(ctx, draft, approved)
        return
    if rules.is_late(draft, ctx.now):
        await denunciations.refuse(ctx, draft, Refusal.PAST)
        return
    if not await may_write(ctx, draft):
        await denunciations.refuse(ctx, draft, Refusal.STATE)
        return
    await ctx.tx.denunciations.save(approved)
    await ctx.log("denunciation_approved", draft.author, number=draft.number)
    await ctx.toast("toast.done")
    if approved.state is not State.APPROVED:
        missing = approved.needed - len(approved.agreed)
        for prompt in await ctx.tx.conversations.open_about(TOPIC, draft.id):
            if prompt.member == me.id:
                await ctx.close_prompt(prompt, "denunciation.agreed_first", n=missing)
        for place in (await ctx.places_of(draft.author))[:1]:
            await ctx.say(
                place, "denunciation.one_agreed", number=draft.number, name=me.name, n=missing
            )
        return
    await ctx.tx.timers.set(TIMER, draft.id, None)
    await ctx.tx.denunciations.forget_names(draft.id)
    await ctx.close_prompts(TOPIC, draft.id, "denunciation.approved", name=me.name)
    await publishing.leave(ctx, approved)
    await _ask_later(ctx, approved, group_rules)


async def may_write(ctx: Context, draft: Denunciation) -> bool:
    """Whether its author still is who may write."""
    author = await ctx.tx.people.member(draft.author)
    return author.left_at is None and may(author.roles, Action.WRITE)


async def give_back(ctx: Context, draft: Denunciation) -> None:
    """Not like this: its author can change it."""
    ctx.require(Action.APPROVE)
    back = rules.returned(draft)
    if isinstance(back, Refusal):
        await denunciations.refuse(ctx, draft, back)
        return
    await ctx.tx.denunciations.save(back)
    await ctx.tx.timers.set(TIMER, draft.id, None)
    await ctx.log("denunciation_returned", draft.author, number=draft.number)
    await ctx.toast("toast.done")
    name = ctx.speaker.member.name
    await ctx.close_prompts(TOPIC, draft.id, "denunciation.returned", name=name)
    for place in (await ctx.places_of(draft.author))[:1]:
        await ctx.say(place, "denunciation.returned_to_you", number=draft.number, name=name)
        await denunciations.preview(ctx, place, back)


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Nobody decided for too long: its author, the reviewers and who coordinates hear of it, once."""
    draft = await ctx.tx.denunciations.get(occasion.ref)
    if draft is None or draft.state is not State.IN_REVIEW:
        return
    group_rules = await ctx.tx.denunciations.rules(draft.group)
    roster = await ctx.tx.people.roster(draft.group)
    asked = group_rules.asked(await _approvers(ctx, draft.group), draft.author)
    waiting = frozenset(asked) - draft.agreed
    told = waiting | roster.coordinators | {draft.author}
    for member in sorted(told):
        key = "denunciation.still_waits_for_you" if member in waiting else "denunciation.still_waits"
        for place in (await ctx.places_of(member))[:1]:
            await ctx.say(place, key, number=draft.number, n=group_rules.hours)


# --- after it left ------------------------------------------------------------------------------


async def _ask_later(ctx: Context, draft: Denunciation, group_rules: Rules) -> None:
    """It left with fewer consents than the group asks for otherwise: the others look at it now."""
    if draft.needed >= group_rules.needed:
        return
    asked = group_rules.asked(await _approvers(ctx, draft.group), draft.author)
    group = await ctx.tx.people.group(draft.group)
    for reviewer in sorted(set(asked) - draft.agreed):
        for place in (await ctx.places_of(reviewer))[:1]:
            if place.platform in group.bare:
                continue
            await ctx.ask(
                place, "denunciation.look_later", LATER, topic=TOPIC, ref=draft.id,
                number=draft.number,
            )  # fmt: skip


async def agree_later(ctx: Context, draft: Denunciation) -> None:
    """One of those who were not asked before agrees to what left."""
    ctx.require(Action.APPROVE)
    agreed = rules.agreed_later(draft, ctx.speaker.member.id)
    if isinstance(agreed, Refusal):
        await denunciations.refuse(ctx, draft, agreed)
        return
    await ctx.tx.denunciations.save(agreed)
    await ctx.log("denunciation_approved", draft.author, number=draft.number)
    await ctx.toast("toast.done")
    await _close_mine(ctx, draft.id, "denunciation.agreed_to_it")


async def _close_mine(ctx: Context, ref: int, key: str) -> None:
    for prompt in await ctx.tx.conversations.open_about(TOPIC, ref):
        if prompt.member == ctx.speaker.member.id:
            await ctx.close_prompt(prompt, key)


# --- the rules ----------------------------------------------------------------------------------


async def command_rules(ctx: Context, rest: str) -> None:
    """`/revision`; `/revision dos`, `6 horas`, `urgente sí`, `Rita, Elsa` or `todas`."""
    group = ctx.speaker.member.group
    known = await ctx.tx.denunciations.rules(group)
    if not rest.strip():
        await _show_rules(ctx, known)
        return
    approvers = await _approvers(ctx, group)
    wanted = await _read_rules(ctx, known, rest, approvers)
    if wanted is None:
        await ctx.reply("review_rules.unclear")
        return
    if len(wanted.reviewers or approvers) < wanted.needed:
        await ctx.reply("review_rules.too_few", n=wanted.needed)
        return
    await ctx.tx.denunciations.set_rules(group, wanted)
    await ctx.log("review_rules_set")
    await _show_rules(ctx, wanted)
    roster = await ctx.tx.people.roster(group)
    told = (approvers | roster.coordinators) - {ctx.speaker.member.id}
    await ctx.tell(
        told, "review_rules.changed", lane=Lane.CONVERSATION, everywhere=False, **_described(wanted)
    )


async def _read_rules(
    ctx: Context, known: Rules, rest: str, approvers: Collection[int]
) -> Rules | None:
    words = plain(rest).split()
    match words:
        case ["una" | "uno" | "one" | "1"]:
            return replace(known, needed=1)
        case ["dos" | "two" | "2"]:
            return replace(known, needed=MOST)
        case ["todas" | "todos" | "todes" | "all"]:
            return replace(known, reviewers=frozenset())
        case ["urgente" | "urgent", "si" | "yes"]:
            return replace(known, urgent=True)
        case ["urgente" | "urgent", "no"]:
            return replace(known, urgent=False)
        case [number, "hora" | "horas" | "hour" | "hours" | "h"] if number.isdecimal():
            hours = int(number) if len(number) < 5 else 0
            return replace(known, hours=hours) if HOURS[0] <= hours <= HOURS[1] else None
    named: set[int] = set()
    for name in rest.split(","):
        person = await ctx.tx.people.member_named(ctx.speaker.member.group, name.strip())
        if person is None or person.id not in approvers:
            return None
        named.add(person.id)
    return replace(known, reviewers=frozenset(named))


async def _show_rules(ctx: Context, known: Rules) -> None:
    await ctx.reply("review_rules.now", **_described(known))


def _described(known: Rules) -> dict[str, Any]:
    """How it is done, without a name: who reviews is for those who are asked to know."""
    who = Key("review_rules.all")
    if known.reviewers:
        who = Key("review_rules.chosen", {"n": len(known.reviewers)})
    urgent = Key("review_rules.urgent_yes" if known.urgent else "review_rules.urgent_no")
    return {
        "needed": Key(f"review_rules.needed_{known.needed}"), "who": who, "hours": known.hours,
        "urgent": urgent,
    }  # fmt: skip


ENTRIES = (Entry("revision", ("review",), Action.SET_REVIEW, command_rules),)

