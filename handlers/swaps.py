"""A swap of two shifts: what is given, what is taken, and the word of the other person."""

from __future__ import annotations

from datetime import time, timedelta

from bot.domain.duty import Change, Rotation, Stint, swapped
from bot.domain.schedule import wall_to_instant, zone_named
from bot.domain.spoken import read_instant
from bot.texts import Key
from handlers import duty, stints
from handlers.context import Choice, Context
from storage.duty import SWAP, Kept

TOPIC = "swap"


async def which_to_give(ctx: Context) -> None:
    """Ask which of their own the speaker gives."""
    mine = [(kept, s) for kept, s in await stints.mine(ctx, stints.AHEAD) if s.start > ctx.now]
    if not mine:
        await ctx.reply("shifts.nothing_to_swap")
        return
    await ctx.ask(
        ctx.place,
        "shifts.give",
        [
            Choice(
                "give", "button.turn", stints.argument(kept.id, s.start), {"at": s.start, "until": s.end}
            )
            for kept, s in mine[:stints.SHOWN]
        ],
        topic=stints.TOPIC,
        ref=ctx.speaker.member.id,
    )


async def which_to_take(ctx: Context, rotation: int, mine: int) -> None:
    """Ask what they take for it."""
    me = ctx.speaker.member
    kept = await stints.kept(ctx, rotation)
    theirs = await _of_others(ctx, kept) if kept is not None else []
    if not theirs:
        await ctx.reply("shifts.nobody_to_swap")
        return
    choices = [
        Choice(
            "take", "button.turn_of", stints.argument(rotation, mine, stint.start),
            {"name": await duty.named(ctx, stint.member), "at": stint.start, "until": stint.end},
        )
        for stint in theirs[: 2 * stints.SHOWN]
    ]  # fmt: skip
    at = stints.instant(mine)
    await ctx.ask(ctx.place, "shifts.take", choices, topic=stints.TOPIC, ref=me.id, at=at)


async def _of_others(ctx: Context, kept: Kept) -> list[Stint]:
    """What can be taken in exchange."""
    me = ctx.speaker.member
    roster = await ctx.tx.people.roster(me.group)
    return [
        stint
        for stint in kept.rotation.stints(ctx.now, ctx.now + stints.AHEAD)
        if stint.start > ctx.now
        and stint.member != me.id
        and kept.rotation.holds(stint, roster.everyone)
    ]


async def in_words(ctx: Context, mine: str, theirs: str) -> None:
    """`cambiar 1 dic por 8 dic`: a day names the shift that begins on it, else the one it is in."""
    me = ctx.speaker.member.id
    for kept in await ctx.tx.duty.with_member(me, ctx.now):
        given, taken = (_on_day(ctx, kept.rotation, text) for text in (mine, theirs))
        if given is not None and taken is not None and given.member == me:
            await sure(
                ctx, *stints.numbers(stints.argument(kept.id, given.start, taken.start))
            )
            return
    await ctx.reply("shifts.swap_unclear")


def _on_day(ctx: Context, rotation: Rotation, text: str) -> Stint | None:
    """The stint that a day names."""
    zone = rotation.rule.zone
    at = read_instant(text, ctx.now, zone)
    if at is None:
        return None
    local = at.astimezone(zone_named(zone))
    if local.time() != time(0):
        return rotation.at(at)
    end = wall_to_instant(local.date() + timedelta(days=1), time(0), zone)
    return next((s for s in rotation.stints(at, end) if at <= s.start), rotation.at(at))


async def sure(ctx: Context, rotation: int, mine: int, theirs: int) -> None:
    """The summary, before the other person is asked."""
    swap = await _possible(ctx, rotation, mine, theirs, ctx.speaker.member.id)
    if swap is None:
        await ctx.reply("shifts.swap_unclear")
        return
    _, given, taken = swap
    argument = stints.argument(rotation, mine, theirs)
    await ctx.ask(
        ctx.place,
        "shifts.swap_sure",
        (Choice("propose", "button.propose", argument), Choice("drop", "button.drop")),
        topic=stints.TOPIC,
        ref=ctx.speaker.member.id,
        at=given.start,
        until=given.end,
        name=await duty.named(ctx, given.member),
        from_=taken.start,
        to=taken.end,
    )


async def _possible(
    ctx: Context, rotation: int, mine: int, theirs: int, by: int
) -> tuple[Kept, Change, Change] | None:
    """The two changes, if both shifts are still to come and are still these people's."""
    kept = await stints.kept(ctx, rotation)
    other = kept.rotation.at(stints.instant(theirs)) if kept is not None else None
    if kept is None or other is None or other.member is None:
        return None
    roster = await ctx.tx.people.roster(kept.group)
    if not {by, other.member} <= roster.everyone:
        return None
    given, taken = stints.instant(mine), stints.instant(theirs)
    changes = swapped(kept.rotation, given, taken, by, other.member, ctx.now)
    return (kept, *changes) if changes is not None else None


async def propose(ctx: Context, rotation: int, mine: int, theirs: int) -> None:
    """To the other person; nothing changes before they agree."""
    me = ctx.speaker.member
    swap = await _possible(ctx, rotation, mine, theirs, me.id)
    await ctx.close_prompts(stints.TOPIC, me.id, only=ctx.place)
    if swap is None:
        await ctx.reply("shifts.swap_void")
        return
    kept, given, taken = swap
    places = (await ctx.places_of(given.member))[:1]
    for place in places:
        bare = place.platform in ctx.speaker.group.bare
        await ctx.ask(
            place,
            "shifts.swap_offer",
            (
                Choice("agree", "button.agree_swap", stints.argument(mine, theirs, me.id)),
                Choice("disagree", "button.decline", stints.argument(mine, theirs, me.id)),
            ),
            topic=TOPIC,
            ref=kept.id,
            name=Key("bare.name") if bare else me.name,
            at=given.start,
            until=given.end,
            from_=taken.start,
            to=taken.end,
        )
    key = "shifts.swap_asked" if places else "shifts.swap_unreachable"
    await ctx.reply(key, name=await duty.named(ctx, given.member))


async def answered(ctx: Context, ref: int, action: str, argument: str) -> None:
    """The other person's word."""
    me = ctx.speaker.member
    mine, theirs, by = stints.numbers(argument)
    swap = await _possible(ctx, ref, mine, theirs, by)
    if swap is None or swap[1].member != me.id:
        await ctx.toast("toast.not_done")
        await stints.close(ctx, TOPIC, ref, argument, "shifts.swap_now_void")
        return
    kept, given, taken = swap
    await ctx.toast("toast.done")
    if action == "disagree":
        await stints.close(ctx, TOPIC, ref, argument, "shifts.swap_declined")
        await duty.tell(
            ctx, kept, {by}, "shifts.news.declined", name=me.name, at=stints.instant(mine)
        )
        return
    for change in (given, taken):
        await ctx.tx.duty.change(kept.id, change, SWAP, ctx.now)
    await stints.close(ctx, TOPIC, ref, argument, "shifts.swap_done")
    values = {"at": given.start, "until": given.end, "from_": taken.start, "to": taken.end}
    await duty.tell(ctx, kept, {by}, "shifts.news.agreed", name=me.name, **values)
    roster = await ctx.tx.people.roster(kept.group)
    await duty.tell(
        ctx, kept, roster.coordinators - {me.id, by}, "shifts.news.swapped",
        name=await duty.name_of(ctx, by), subject=me.name, **values,
    )  # fmt: skip
    await duty.look(ctx, kept.id)
