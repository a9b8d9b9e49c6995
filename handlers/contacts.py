"""Contacts that are true: who is told of alarms confirms with a tap, and cover counts nobody else.

A timer per group looks when somebody is due (`bot.domain.contact`). Whoever is flagged is told of
every alarm as before. Those who coordinate see how it stands (`/contactos`), and hear of it by
themselves when somebody is flagged and when fewer than two people are left to count on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.domain import contact as rules
from bot.domain.answers import plain, understand_yes_no
from bot.domain.contact import Contact
from bot.domain.cover import Level, counted, level, uncovered
from bot.domain.incident import Kind
from bot.domain.lanes import Lane
from bot.domain.permissions import Action
from bot.domain.plan import DEFAULT_PLAN
from bot.domain.rich import Rich
from bot.texts import Key
from handlers import duty, last_change
from handlers.canary import GROUP, operator_places
from handlers.commands import Entry
from handlers.context import Choice, Context, Due, Place

TOPIC = "contact"
TIMER = "contacts"
COVER_TIMER = "cover"
IGNORED_TIMER = "ignored"

BATCH = 50
"""People who are asked in one transaction: an alarm must not wait behind a large group."""

SETTLE = timedelta(minutes=15)
"""How long a contact must be lost before those who coordinate are told what it means for the cover:
an app that is set up anew is back within minutes."""

CONFIRM = (Choice("confirm", "button.reachable"),)

EVERY = re.compile(r"(?:cada|every)\s+(\d{1,4})\b.*", re.IGNORECASE)


# --- asking -------------------------------------------------------------------------------------


async def watch(ctx: Context, group: int) -> None:
    """From now on somebody looks after this group's contacts, if nobody does."""
    if await ctx.tx.timers.when(TIMER, group) is None:
        await ctx.tx.timers.set(TIMER, group, ctx.now + timedelta(days=rules.EVERY))


async def watch_all(ctx: Context) -> None:
    """Every group; for those that were made before there was such a thing."""
    for group in await ctx.tx.contacts.groups():
        await watch(ctx, group)


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Ask, remind and flag whoever is due, and look again when the next one is."""
    group = await ctx.tx.people.group(occasion.ref)
    if group.name == GROUP:
        return
    every = await ctx.tx.contacts.every(group.id)
    next_at = ctx.now + every
    flagged = []
    left = BATCH
    for contact in await ctx.tx.contacts.of_group(group.id):
        zone = (await ctx.tx.people.member(contact.member)).zone
        due = rules.civil(max(contact.next_at(every), ctx.now), zone)
        if due <= ctx.now and left:
            left -= 1
            contact, found = rules.advance(contact, every, ctx.now)
            await ctx.tx.contacts.save(contact)
            if found is rules.Due.FLAG:
                flagged.append(contact.member)
            else:
                await _ask(ctx, contact, f"contact.{found}")
            due = rules.civil(max(contact.next_at(every), ctx.now), zone)
        next_at = min(next_at, due)
    await ctx.tx.timers.set(TIMER, group.id, next_at)
    if flagged:
        await _tell_flagged(ctx, group.id, flagged, "contact.flagged")
    await cover_may_change(ctx, group.id, ctx.now)


async def _ask(ctx: Context, contact: Contact, key: str) -> None:
    """On the account used last, or on the next where that one took none of it."""
    await ctx.close_prompts(TOPIC, contact.member)
    places = await ctx.places_of(contact.member)
    tried = await ctx.tx.outbox.chats_of(_purpose(contact.member), contact.asked_at)
    better = [p for p in places if tried.get((p.platform, p.chat)) is not False]
    for place in (better or places)[:1]:
        await _ask_at(ctx, place, contact.member, key)


async def _ask_at(ctx: Context, place: Place, member: int, key: str) -> None:
    text = ctx.texts(place).render(key)
    if len(await ctx.tx.people.accounts_of(member)) == 1:
        text = text + Rich.of("\n\n") + ctx.texts(place).render("contact.one_channel")
    await ctx.ask(
        place, text, CONFIRM, topic=TOPIC, ref=member, lane=Lane.CHECKIN, purpose=_purpose(member)
    )


def _purpose(member: int) -> str:
    return f"contact:{member}:question"


async def not_delivered(ctx: Context, member: int) -> None:
    """The question does not get through where it was sent: ask on another account of theirs."""
    contact = await ctx.tx.contacts.of(member)
    if contact.asked_at is None:
        return
    tried = await ctx.tx.outbox.chats_of(_purpose(member), contact.asked_at)
    if any(tried.values()):
        return
    places = await ctx.places_of(member)
    for place in [p for p in places if (p.platform, p.chat) not in tried][:1]:
        await _ask_at(ctx, place, member, "contact.ask")


# --- what people do -----------------------------------------------------------------------------


async def pressed(ctx: Context, ref: int) -> None:
    """The tap."""
    me = ctx.speaker.member
    if ref != me.id:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, me.id, "contact.thanks")
    await reacted(ctx)


async def reacted(ctx: Context) -> None:
    """The speaker used a button of an alarm, of a drill, or that of the question: they are there."""
    me = ctx.speaker.member
    roster = await ctx.tx.people.roster(me.group)
    if me.id not in roster.everyone:
        return
    before = await ctx.tx.contacts.of(me.id)
    await ctx.tx.contacts.save(rules.confirmed(before, ctx.now))
    await ctx.close_prompts(TOPIC, me.id, "contact.thanks")
    if not before.counts:
        await ctx.tell(
            roster.coordinators - {me.id}, "contact.back", lane=Lane.CONVERSATION,
            everywhere=False, bare=ctx.speaker.group.bare, name=me.name,
        )  # fmt: skip
        await cover_may_change(ctx, me.group)


async def told_again(ctx: Context, incident: int) -> None:
    """Nobody took a real one, and everyone was told again: whoever said nothing is noted, soon, in a
    transaction for which no alarm waits."""
    await ctx.tx.timers.set(IGNORED_TIMER, incident, ctx.now)


async def on_ignored(ctx: Context, occasion: Due) -> None:
    """Who had an alarm before them for a while, was told again, and did nothing at all about it."""
    incident = await ctx.tx.incidents.get(occasion.ref)
    if incident is None or incident.holder is not None or incident.kind is Kind.CANARY:
        return
    timeline = await ctx.tx.incidents.timeline(incident.id)
    told = await ctx.tx.outbox.arrived(f"incident:{incident.id}:alarm", ctx.now - rules.ANSWER)
    silent = told - {event.actor for event in timeline} - {incident.subject}
    await ignored(ctx, incident.group, silent, f"i{incident.id}")


async def ignored(ctx: Context, group: int, members: Iterable[int], what: str) -> None:
    """They were told of an incident or a drill, and nothing came back."""
    silent = frozenset(members)
    fresh = []
    for before in await ctx.tx.contacts.of_group(group):
        if before.member not in silent:
            continue
        after = rules.ignored(before, what, ctx.now)
        if after != before:
            await ctx.tx.contacts.save(after)
        if after.silent and not before.silent:
            fresh.append(after.member)
    if fresh:
        await _tell_flagged(ctx, group, fresh, "contact.silent")


async def _tell_flagged(ctx: Context, group: int, members: list[int], key: str) -> None:
    roster = await ctx.tx.people.roster(group)
    names = tuple([(await ctx.tx.people.member(member)).name for member in members])
    await ctx.tell(
        roster.coordinators, key, lane=Lane.CONVERSATION, everywhere=False,
        bare=(await ctx.tx.people.group(group)).bare, name=names, n=rules.SILENT,
    )  # fmt: skip
    for member in members:
        if key == "contact.silent":
            await _ask(ctx, await ctx.tx.contacts.of(member), "contact.are_you_there")
    await cover_may_change(ctx, group, ctx.now)


# --- the cover ----------------------------------------------------------------------------------


async def cover_may_change(ctx: Context, group: int, at: datetime | None = None) -> None:
    """Somebody counts no more, or again: look at it, soon unless said otherwise."""
    await ctx.tx.timers.set(COVER_TIMER, group, at or ctx.now + SETTLE)


async def on_cover(ctx: Context, occasion: Due) -> None:
    """Those who coordinate hear when fewer than two people are left; of nobody, the operators too."""
    group = await ctx.tx.people.group(occasion.ref)
    roster = await ctx.tx.people.roster(group.id)
    now = level(await _counted(ctx, group.id))
    before = await ctx.tx.contacts.cover_told(group.id, now)
    if now >= before:
        return
    key = "cover.nobody" if now is Level.NOBODY else "cover.one"
    await ctx.tell(roster.coordinators, key, lane=Lane.CONVERSATION)
    if now is Level.NOBODY:
        for place in await operator_places(ctx):
            await ctx.say(place, "cover.operators", group=group.name)


async def _counted(ctx: Context, group: int) -> frozenset[int]:
    roster = await ctx.tx.people.roster(group)
    confirmed = [c.member for c in await ctx.tx.contacts.of_group(group) if c.counts]
    return counted(roster, confirmed, await ctx.tx.people.reached(roster.everyone))


# --- the view -----------------------------------------------------------------------------------


async def command_contacts(ctx: Context, rest: str) -> None:
    """`/contactos`; `/contactos confirmo`; `/contactos cada 7 días`"""
    word = plain(rest).strip(" .!")
    if found := EVERY.fullmatch(rest.strip()):
        await _set_every(ctx, int(found[1]))
    elif word in ("confirmo", "confirm") or understand_yes_no(rest):
        await pressed(ctx, ctx.speaker.member.id)
        await ctx.reply("contact.thanks")
    elif rest:
        await ctx.reply("contact.how")
    else:
        await _show(ctx)


async def _set_every(ctx: Context, days: int) -> None:
    ctx.require(Action.SET_CONTACTS)
    if not rules.LEAST <= days <= rules.MOST:
        await ctx.reply("contact.days_wrong", least=rules.LEAST, most=rules.MOST)
        return
    group = ctx.speaker.member.group
    before = await ctx.tx.contacts.every(group)
    if before.days != days:
        await last_change.remember(ctx, "contact_days", before=before.days, after=days)
    await ctx.tx.contacts.set_every(group, days)
    await ctx.log("contact_days", number=days)
    await ctx.tx.timers.set(TIMER, group, ctx.now)  # what is due has changed
    await ctx.reply("contact.days_set", days=timedelta(days=days))


async def _show(ctx: Context) -> None:
    me, group = ctx.speaker.member, ctx.speaker.group
    texts = ctx.texts(ctx.place)
    every = await ctx.tx.contacts.every(group.id)
    text = texts.render(
        "contact.mine", until=(await ctx.tx.contacts.of(me.id)).until(every), days=every
    )
    if ctx.may(Action.SET_CONTACTS):
        text = await _of_all(ctx, every) + Rich.of("\n\n") + text
    await ctx.close_prompts(TOPIC, me.id)
    await ctx.ask(ctx.place, text, CONFIRM, topic=TOPIC, ref=me.id)


async def _of_all(ctx: Context, every: timedelta) -> Rich:
    """How it stands with everyone, for those who coordinate: pseudonyms, no accounts."""
    group = ctx.speaker.group
    texts = ctx.texts(ctx.place)
    roster = await ctx.tx.people.roster(group.id)
    people = await ctx.tx.contacts.of_group(group.id)
    counts = await _counted(ctx, group.id)
    text = texts.render("contact.head", n=len(counts), total=len(people), days=every)
    reached = await ctx.tx.people.reached(roster.everyone)
    if ctx.place.platform in group.bare:
        text = text + texts.render("contact.bare")
    else:
        for contact in people:
            person = await ctx.tx.people.member(contact.member)
            accounts = len(await ctx.tx.people.accounts_of(contact.member))
            state = _state(contact, every, reached=contact.member in reached)
            text = text + texts.render("contact.line", name=person.name, state=state)
            if accounts == 1:
                text = text + texts.render("contact.single")
    plan = group.plan or DEFAULT_PLAN
    now = await duty.roster_at(ctx, group.id, None, plan, ctx.now)
    from_others = await ctx.tx.people.reached(now.allied)
    if steps := uncovered(plan, now, counts | from_others):
        text = text + texts.render("contact.uncovered", steps=tuple(str(s) for s in steps))
    return text


def _state(contact: Contact, every: timedelta, *, reached: bool) -> Key:
    if not reached:
        return Key("contact.state.unreachable")
    if contact.silent:
        return Key("contact.state.silent", {"n": len(contact.ignored)})
    if contact.flagged_at is not None:
        return Key("contact.state.flagged", {"at": contact.confirmed_at})
    if contact.asked_at is not None:
        return Key("contact.state.asked", {"at": contact.asked_at})
    return Key("contact.state.confirmed", {"until": contact.until(every)})


ENTRIES = (Entry("contactos", ("contacts",), Action.CONTACT, command_contacts, in_menu=False),)
