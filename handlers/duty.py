"""Duty as it happens: who answers an alarm now, reminders, "I am on duty", substitutes, gaps.

One timer for each rotation; whenever it is due, or something changed, the whole rotation is looked at
(`look`), and what is due is said. Looking twice says nothing twice: what was said is in the turns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.domain import duty as rules
from bot.domain.duty import FAR, GAP_AHEAD, GAP_SOON, Ask, Stint, Turn
from bot.domain.incident import Incident
from bot.domain.people import Roster
from bot.domain.plan import Plan
from bot.texts import Key
from handlers.context import Choice, Context, Due, Place, without_details
from storage.duty import Kept
from storage.people import Member

TOPIC = "duty"
TIMER = "duty"

PATIENCE = timedelta(hours=1)
"""How long the people of a new rotation have to accept it, before a place without anybody is a gap."""


# --- who answers an alarm -----------------------------------------------------------------------


async def roster_for(
    ctx: Context, incident: Incident, without: Collection[int] = ()
) -> Roster:
    """Who may be told of an incident, and who is on duty for its person at this moment.

    `without` are people whom its alarms did not reach, whatever their accounts say. Whoever may be in
    danger themselves answers for nobody.
    """
    roster = await ctx.tx.people.roster(incident.group)
    if not any(step.on_duty for step in incident.plan.steps):
        return roster
    away = {incident.subject, *without}
    for kept in await ctx.tx.duty.of_group(incident.group, ctx.now):
        for member in kept.people | {change.member for change in kept.rotation.changes}:
            if await ctx.tx.incidents.open_about(member) is not None:
                away.add(member)
    first, after = await answering(ctx, incident.group, incident.subject, roster, away)
    return replace(roster, on_duty=first, substitutes=after)


async def roster_at(
    ctx: Context, group: int, about: int | None, plan: Plan, at: datetime
) -> Roster:
    """Who might be told of a member (None: anybody without a region) at another instant, as things
    are now and duty is planned."""
    roster = await ctx.tx.people.roster(group)
    if not any(step.on_duty for step in plan.steps):
        return roster
    then = Context(ctx.tx, at, ctx.settings)
    first, after = await answering(then, group, about or 0, roster, {about or 0})
    return replace(roster, on_duty=first, substitutes=after)


async def answering(
    ctx: Context, group: int, member: int, roster: Roster, without: Collection[int]
) -> tuple[frozenset[int], frozenset[int]]:
    """Who answers for a member, and who after them: of their region, else of the group."""
    nobody = frozenset[int]()
    able = await reached(ctx, roster) - {*without}
    kept = await ctx.tx.duty.of_group(group, ctx.now)
    region = await ctx.tx.regions.of_member(member)
    first, after = nobody, nobody
    for scope in dict.fromkeys((region.id if region is not None else None, None)):
        for one in kept:
            if one.region != scope:
                continue
            answers, then = await of_rotation(ctx, one, able)
            first, after = (first, after or answers - first) if first else (answers, then)
    return first, after


async def of_rotation(
    ctx: Context, kept: Kept, able: frozenset[int]
) -> tuple[frozenset[int], frozenset[int]]:
    """Who of one rotation answers at this moment, of those who can, and who after them."""
    stint = kept.rotation.at(ctx.now)
    if stint is None:
        return frozenset(), frozenset()
    turn = await ctx.tx.duty.turn(kept.id, stint.start)
    if turn is not None and turn.member != stint.member:
        turn = None
    line = kept.rotation.line(stint)
    return rules.answering(stint, turn, line, _there(kept, stint, able))


def _there(kept: Kept, stint: Stint, able: frozenset[int]) -> frozenset[int]:
    """Those who can, without the one whose turn it is where they did not take it on."""
    if stint.member is None or kept.rotation.holds(stint, able):
        return able
    return able - {stint.member}


async def reached(ctx: Context, roster: Roster) -> frozenset[int]:
    """Those who answer alarms and have an account that works."""
    return roster.everyone & await ctx.tx.people.reached(roster.everyone)


# --- looking at a rotation ----------------------------------------------------------------------


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Something about a rotation is due."""
    await look(ctx, occasion.ref)


async def look(ctx: Context, id: int) -> None:
    """Say what is due about a rotation, and set the timer for what is due next."""
    kept = await ctx.tx.duty.get(id)
    over = kept is None or (kept.rotation.ends_at is not None and kept.rotation.ends_at <= ctx.now)
    if kept is None or over:
        for turn in await ctx.tx.duty.turns_of(id, ctx.now):
            await _drop(ctx, turn)
        await ctx.tx.timers.set(TIMER, id, None)
        return
    roster = await ctx.tx.people.roster(kept.group)
    able = await reached(ctx, roster)
    known = {turn.start: turn for turn in await ctx.tx.duty.turns_of(id, ctx.now)}
    patience = kept.made_at + PATIENCE
    patient = bool(kept.waiting) and ctx.now < patience
    dues = [patience] if patient else []
    gaps: list[Stint] = []
    for stint in kept.rotation.stints(ctx.now, ctx.now + FAR):
        stored = known.pop(stint.start, None)
        turn = await _turn_of(ctx, kept, stint, stored)
        held = kept.rotation.holds(stint, roster.everyone)
        if held or not patient:
            level = _level(ctx, stint)
            if not held and level > turn.gap:
                gaps.append(stint)
            before = replace(turn, gap=0 if held else max(turn.gap, level))
            there = _there(kept, stint, able)
            turn, ask = rules.advance(before, kept.rotation.line(stint), there, ctx.now)
            if turn != (stored or Turn(id, stint.start, stint.end, stint.member)):
                turn = replace(turn, id=await ctx.tx.duty.save(turn))
            if ask is not None:
                silent = turn.member in before.asked and turn.member in there
                await _say(ctx, kept, turn, *ask, silent=silent)
        dues += [t for t in (turn.next_at(ctx.now),) if t is not None]
        dues.append(stint.end)
    for turn in known.values():
        await _drop(ctx, turn)
    if gaps:
        await _tell_of_gaps(ctx, kept, gaps, roster)
    await ctx.tx.timers.set(TIMER, id, min(dues) if dues else None)


def _level(ctx: Context, stint: Stint) -> int:
    """How urgent it is that nobody holds it; what has begun is told by whoever is asked instead."""
    if not ctx.now < stint.start <= ctx.now + GAP_AHEAD:
        return 0
    return 2 if stint.start <= ctx.now + GAP_SOON else 1


async def _turn_of(ctx: Context, kept: Kept, stint: Stint, turn: Turn | None) -> Turn:
    """What became of a stint so far; anew where it is another's now."""
    fresh = Turn(kept.id, stint.start, stint.end, stint.member)
    if turn is None:
        return fresh
    if turn.member == stint.member:
        return replace(turn, end=stint.end)
    await _drop(ctx, turn)
    if turn.confirmed in kept.rotation.line(stint):
        return replace(fresh, asked=turn.asked, confirmed=turn.confirmed)
    return fresh


async def _drop(ctx: Context, turn: Turn) -> None:
    """Nobody is to answer a question about a turn that is not as it was."""
    await ctx.close_prompts(TOPIC, turn.id, "duty.now.changed")
    await ctx.tx.duty.drop(turn.id)


async def look_again(ctx: Context, by: timedelta) -> None:
    """The clock was changed: every rotation is looked at."""
    await ctx.tx.duty.shift(by)
    for id in await ctx.tx.duty.going_on(ctx.now):
        await ctx.tx.timers.set(TIMER, id, ctx.now)


async def look_at_all_of(ctx: Context, member: int) -> None:
    """Somebody can be reached no more, or again."""
    for kept in await ctx.tx.duty.with_member(member, ctx.now):
        await look(ctx, kept.id)


# --- saying -------------------------------------------------------------------------------------


async def _say(
    ctx: Context, kept: Kept, turn: Turn, ask: Ask, member: int | None, *, silent: bool
) -> None:
    """To whoever is asked; and to those who coordinate, if it is not the one whose turn it is.

    `silent`: that one was asked, could hear it, and said nothing.
    """
    if member is not None:
        await _ask(ctx, kept, turn, ask, member)
    if ask not in (Ask.STAND_IN, Ask.NOBODY):
        return
    coordinators = (await ctx.tx.people.roster(kept.group)).coordinators
    if ask is Ask.NOBODY:
        why = "nobody"
    elif turn.member in turn.declined:
        why = "declined"
    else:
        why = "silent" if silent else "unheld"
    await tell(
        ctx, kept, coordinators, f"duty.news.{why}",
        name=await name_of(ctx, turn.member), subject=await name_of(ctx, member), at=turn.start,
        until=turn.end,
    )  # fmt: skip


async def _ask(ctx: Context, kept: Kept, turn: Turn, ask: Ask, member: int) -> None:
    """On the account used last: it is the one that they have at hand."""
    await ctx.close_prompts(TOPIC, turn.id)
    for place in (await ctx.places_of(member))[:1]:
        await ctx.ask(
            place,
            f"duty.{ask}",
            (Choice("confirm", "button.on_duty"), Choice("cannot", "button.cannot_be")),
            topic=TOPIC,
            ref=turn.id,
            where=await where(ctx, place, kept),
            at=turn.start,
            until=turn.end,
            within=rules.ANSWER,
        )


async def _tell_of_gaps(
    ctx: Context, kept: Kept, gaps: list[Stint], roster: Roster
) -> None:
    """All that were found at once in one message, and who would stand in."""
    bare = await _bare(ctx, kept)
    able = await reached(ctx, roster)
    for member in sorted(roster.coordinators):
        for place in (await ctx.places_of(member))[:1]:
            texts = ctx.texts(place)
            text = texts.render("duty.gap", where=await where(ctx, place, kept))
            for stint in gaps:
                stands_in = next((m for m in kept.rotation.line(stint) if m in able), None)
                values = {
                    "at": stint.start,
                    "until": stint.end,
                    "name": await name_of(ctx, stint.member),
                    "subject": await name_of(ctx, stands_in),
                }
                values = without_details(values) if place.platform in bare else values
                key = "duty.gap.stands_in" if stands_in is not None else "duty.gap.nobody"
                text = text + texts.render(key, **values)
            await ctx.put(place, text + texts.render("duty.gap.how"))


async def tell(
    ctx: Context, kept: Kept, members: Iterable[int], key: str, **values: Any
) -> None:
    """Say it to members on the account used last; `where` is the region, `name` and `subject` people."""
    bare = await _bare(ctx, kept)
    for member in sorted(members):
        for place in (await ctx.places_of(member))[:1]:
            said = without_details(values) if place.platform in bare else values
            await ctx.say(place, key, where=await where(ctx, place, kept), **said)


async def where(ctx: Context, place: Place, kept: Kept) -> Key:
    """Whose duty it is, in a reader's words. A region's name is for no platform that is told nothing."""
    if kept.region is None:
        return Key("duty.where.group")
    if place.platform in await _bare(ctx, kept):
        return Key("bare.region")
    region = await ctx.tx.regions.get(kept.region)
    return Key("duty.where.region", {"region": region.name if region is not None else "…"})


async def _bare(ctx: Context, kept: Kept) -> frozenset[str]:
    return (await ctx.tx.people.group(kept.group)).bare


async def name_of(ctx: Context, member: int | None) -> str | Key:
    """What somebody is called; nobody has a place of the order that is empty."""
    return Key("duty.noone") if member is None else (await ctx.tx.people.member(member)).name


async def named(ctx: Context, member: int | None) -> str | Key:
    """Somebody's name, for the speaker, where the group names people on this platform."""
    if member is not None and ctx.place.platform in ctx.speaker.group.bare:
        return Key("bare.name")
    return await name_of(ctx, member)


# --- what people say about a turn ---------------------------------------------------------------


async def pressed(ctx: Context, ref: int, action: str) -> None:
    """ "I am on duty", or "I cannot"."""
    me = ctx.speaker.member
    turn = await ctx.tx.duty.turn_numbered(ref)
    kept = await ctx.tx.duty.get(turn.rotation) if turn is not None else None
    if turn is None or kept is None or kept.group != me.group:
        await ctx.toast("toast.stale")
        return
    said = rules.confirmed if action == "confirm" else rules.declined
    answered = said(turn, me.id, ctx.now)
    if answered is None:
        await ctx.toast("toast.not_done")
        await ctx.reply("duty.over" if ctx.now >= turn.end else "duty.taken")
        return
    await ctx.tx.duty.save(answered)
    await ctx.toast("toast.done")
    if action == "confirm":
        await _confirmed(ctx, kept, turn)
    else:
        await ctx.close_prompts(TOPIC, turn.id, "duty.now.declined", only=ctx.place)
    await look(ctx, kept.id)


async def _confirmed(ctx: Context, kept: Kept, turn: Turn) -> None:
    me = ctx.speaker.member
    await ctx.close_prompts(
        TOPIC, turn.id, "duty.now.confirmed", only=ctx.place, at=turn.start, until=turn.end
    )
    await ctx.close_prompts(TOPIC, turn.id, "duty.now.covered")
    waited = len(turn.asked) > 1 or turn.nobody or me.id != turn.member
    if not waited:
        return
    roster = await ctx.tx.people.roster(kept.group)
    holder = {turn.member} if turn.member is not None else set()
    concerned = roster.coordinators | (holder & roster.everyone)
    await tell(
        ctx, kept, concerned - {me.id}, "duty.news.confirmed",
        name=me.name, at=turn.start, until=turn.end,
    )  # fmt: skip


# --- somebody is not there any more -------------------------------------------------------------


async def let_go(ctx: Context, person: Member, rotation: int | None = None) -> None:
    """They respond no more, or not in this rotation: their place is nobody's, and that is said."""
    for kept in await ctx.tx.duty.with_member(person.id, ctx.now):
        if rotation is not None and kept.id != rotation:
            continue
        await ctx.tx.duty.leave(person.id, kept.id)
        roster = await ctx.tx.people.roster(kept.group)
        await tell(
            ctx, kept, roster.coordinators - {person.id}, "duty.news.left", name=person.name
        )
        await look(ctx, kept.id)
