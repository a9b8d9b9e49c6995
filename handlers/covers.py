"""A day of somebody else's: who coordinates says who has it, and whoever is named may refuse."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from bot.domain.answers import keeps, plain
from bot.domain.duty import Change, Rotation
from bot.domain.plan_text import LONGEST
from bot.domain.schedule import EVERY_DAY, wall_to_instant, zone_named
from bot.domain.spoken import read_instant
from bot.texts import Key
from handlers import duty, stints
from handlers.context import Choice, Context
from handlers.rotations import GROUP
from storage.duty import OVERRIDE, Kept

TOPIC = "cover"

LONGEST_COVER = timedelta(days=31)
UNDO = timedelta(minutes=10)

NOW = frozenset({"ahora", "ya", "now"})
TODAY = frozenset({"hoy", "today"})
RANGE = re.compile(
    r"^(?:del?|desde(?:\s+el)?|from)?\s*(.+?)\s+(?:al?|hasta(?:\s+el)?|to|until)\s+(.+)$"
)


async def whose(ctx: Context, argument: str) -> None:
    """Which rotation, where there are several; then when and who."""
    kept = await ctx.tx.duty.of_group(ctx.speaker.member.group, ctx.now)
    if argument:
        kept = [one for one in kept if one.id == int(argument)]
    if not kept:
        await ctx.reply("shifts.none")
    elif len(kept) > 1:
        await stints.which(ctx, "cover", kept)
    else:
        await ctx.expect(TOPIC, "when", rotation=kept[0].id)
        await ctx.reply("cover.how")


async def words(ctx: Context, step: str, data: Mapping[str, Any], text: str) -> None:
    """ "El sábado: Carla", and whether to keep it; asked again where it is not that."""
    if step == "sure":
        keep = keeps(text)
        if keep is None:
            await ctx.reply("region.yes_or_no")
        else:
            await ctx.expect_nothing()
            does = "save" if keep else "drop"
            await pressed(ctx, data["rotation"], does, str(data["what"]))
        return
    kept = await stints.kept(ctx, data["rotation"])
    if kept is None:
        await ctx.expect_nothing()
        await ctx.reply("shifts.none")
        return
    await _cover(ctx, kept, text)


async def in_words(ctx: Context, text: str) -> None:
    """`el sábado: Carla`, or `Sierra Norte; el sábado: Carla`."""
    group = ctx.speaker.member.group
    kept = await ctx.tx.duty.of_group(group, ctx.now)
    name, semicolon, rest = text.partition(";")
    if semicolon:
        region = await ctx.tx.regions.named(group, name)
        if region is None and plain(name).strip() not in GROUP:
            await ctx.reply("region.unknown", region=name.strip()[:60])
            return
        kept = [one for one in kept if one.region == (region.id if region else None)]
        text = rest
    # One that begins later is meant only where it is the only one.
    begun = [one for one in kept if one.rotation.rule.begins(0) <= ctx.now]
    if not kept:
        await ctx.reply("shifts.none")
    elif len(begun or kept) > 1:
        await ctx.reply(
            "cover.whose",
            names=tuple([await duty.where(ctx, ctx.place, one) for one in kept]),
        )
    else:
        await _cover(ctx, (begun or kept)[0], text)


async def _cover(ctx: Context, kept: Kept, text: str) -> None:
    """The summary."""
    me = ctx.speaker.member
    when, _, name = text[:LONGEST].rpartition(":")
    span = _span(ctx, kept.rotation, " ".join(plain(when).split()))
    person = await ctx.tx.people.member_named(me.group, name.strip()) if name.strip() else None
    roster = await ctx.tx.people.roster(me.group)
    if span is None:
        await ctx.reply("cover.when_unclear", part=(when or text).strip()[:60])
        return
    if person is None:
        await ctx.reply("plan.error.unknown", names=(name.strip()[:60] or "…",))
        return
    if person.id not in roster.everyone:
        await ctx.reply("plan.error.not_agreed", names=(person.name,))
        return
    start, end = span
    what = stints.argument(start, end, person.id)
    await ctx.expect(TOPIC, "sure", rotation=kept.id, what=what)
    await ctx.ask(
        ctx.place,
        "cover.sure",
        (Choice("save", "button.save", what), Choice("drop", "button.drop", what)),
        topic=TOPIC,
        ref=kept.id,
        where=await duty.where(ctx, ctx.place, kept),
        name=person.name,
        at=start,
        until=end,
    )


def _span(ctx: Context, rotation: Rotation, text: str) -> tuple[datetime, datetime] | None:
    """From when until when: "ahora", "hoy", "el sabado", "viernes a domingo", "sabado a las 9"."""
    zone = rotation.rule.zone
    here = ctx.now.astimezone(zone_named(zone)).date()
    now = ctx.now.replace(microsecond=0)
    if text in NOW:
        stint = rotation.at(ctx.now)
        return (now, stint.end) if stint is not None else None
    if text in TODAY:
        return now, wall_to_instant(here + timedelta(days=1), time(0), zone)
    start = read_instant(text, ctx.now, zone)
    if start is not None:
        return _one_day(rotation, start)
    found = RANGE.match(text)
    start = read_instant(found[1], ctx.now, zone) if found else None
    end = read_instant(found[2], start, zone) if found and start else None
    if start is None or end is None:
        return None
    local = end.astimezone(zone_named(zone))
    if local.time() == time(0):  # a day is meant, and all of it
        end = wall_to_instant(local.date() + timedelta(days=1), time(0), zone)
    return (start, end) if end - start <= LONGEST_COVER else None


def _one_day(rotation: Rotation, start: datetime) -> tuple[datetime, datetime] | None:
    """The day, or the shift that begins on it where there is one each day; from a time on, the rest."""
    zone = rotation.rule.zone
    local = start.astimezone(zone_named(zone))
    end = wall_to_instant(local.date() + timedelta(days=1), time(0), zone)
    if local.time() != time(0):
        stint = rotation.at(start)
        return (start, stint.end) if stint is not None else None
    if rotation.rule.days == EVERY_DAY:
        stint = next((s for s in rotation.stints(start, end) if s.start >= start), None)
        number = stint.number if stint is not None else rotation.rule.number_at(end)
        if number is not None:
            return rotation.rule.begins(number), rotation.rule.begins(number + 1)
    return start, end


async def pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """Below the summary, below what was done, and below what the person was told."""
    kept = await stints.kept(ctx, ref)
    if kept is None:
        await ctx.toast("toast.stale")
        return
    match action:
        case "save":
            await ctx.expect_nothing()
            start, end, member = stints.numbers(argument)
            await _save(ctx, kept, Change(stints.instant(start), stints.instant(end), member), argument)
        case "drop":
            await ctx.expect_nothing()
            await ctx.toast("toast.done")
            await stints.close(ctx, TOPIC, ref, argument, "shifts.dropped")
        case "undo":
            await _undo(ctx, kept, argument)
        case "refuse":
            await _refuse(ctx, kept, argument)


async def _save(ctx: Context, kept: Kept, change: Change, argument: str) -> None:
    """It holds at once: whoever responds has agreed to be told, and one tap says that they cannot."""
    me = ctx.speaker.member
    roster = await ctx.tx.people.roster(kept.group)
    if change.end <= ctx.now or change.member not in roster.everyone:
        await ctx.toast("toast.not_done")
        await stints.close(ctx, TOPIC, kept.id, argument, "shifts.swap_now_void")
        return
    await ctx.toast("toast.done")
    displaced = {
        s.member for s in kept.rotation.stints(change.start, change.end) if s.member is not None
    } - {change.member, me.id}
    await ctx.tx.duty.change(kept.id, change, OVERRIDE, ctx.now)
    await ctx.log("duty_covered", change.member)
    await stints.close(ctx, TOPIC, kept.id, argument)
    key = stints.argument(change.start, change.member, ctx.now)
    await ctx.ask(
        ctx.place,
        "cover.saved",
        (Choice("undo", "button.undo", key),),
        topic=TOPIC,
        ref=kept.id,
        name=await duty.named(ctx, change.member),
        at=change.start,
        until=change.end,
        within=UNDO,
    )
    span = {"at": change.start, "until": change.end}
    if change.member != me.id:
        await _tell(ctx, kept, change)
    await duty.tell(ctx, kept, displaced & roster.everyone, "cover.news.free", **span)
    await duty.tell(
        ctx, kept, roster.coordinators - {me.id, change.member, *displaced}, "cover.news.set",
        name=me.name, subject=await duty.name_of(ctx, change.member), **span,
    )  # fmt: skip
    await duty.look(ctx, kept.id)


async def _tell(ctx: Context, kept: Kept, change: Change) -> None:
    for place in (await ctx.places_of(change.member))[:1]:
        bare = place.platform in ctx.speaker.group.bare
        await ctx.ask(
            place,
            "cover.yours",
            (Choice("refuse", "button.cannot_be", stints.argument(change.start)),),
            topic=TOPIC,
            ref=kept.id,
            where=await duty.where(ctx, place, kept),
            name=Key("bare.name") if bare else ctx.speaker.member.name,
            at=change.start,
            until=change.end,
        )


async def _undo(ctx: Context, kept: Kept, argument: str) -> None:
    start, member, made = stints.numbers(argument)
    if ctx.now > stints.instant(made) + UNDO:
        await ctx.toast("toast.not_done")
        await stints.close(ctx, TOPIC, kept.id, argument, "cover.too_late")
        return
    if not await ctx.tx.duty.undo(kept.id, member, stints.instant(start), OVERRIDE):
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await stints.close(ctx, TOPIC, kept.id, argument, "cover.undone")
    for prompt in await ctx.tx.conversations.open_about(TOPIC, kept.id):
        if prompt.member == member and any(o.argument == str(start) for o in prompt.options):
            await ctx.close_prompt(prompt, "cover.undone")
    await ctx.log("duty_undone", member)
    roster = await ctx.tx.people.roster(kept.group)
    me = ctx.speaker.member.id
    others = (roster.coordinators | ({member} & roster.everyone)) - {me}
    await duty.tell(ctx, kept, others, "cover.news.undone", at=stints.instant(start))
    await duty.look(ctx, kept.id)


async def _refuse(ctx: Context, kept: Kept, argument: str) -> None:
    """They cannot: it is whose it was, and those who coordinate hear of it."""
    me = ctx.speaker.member
    (start,) = stints.numbers(argument)
    if not await ctx.tx.duty.undo(kept.id, me.id, stints.instant(start), OVERRIDE):
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await stints.close(ctx, TOPIC, kept.id, argument, "cover.refused")
    roster = await ctx.tx.people.roster(kept.group)
    again = await stints.kept(ctx, kept.id)
    back = again.rotation.at(stints.instant(start)) if again is not None else None
    holder = {back.member} if back is not None and back.member is not None else set()
    await duty.tell(
        ctx, kept, roster.coordinators - {me.id}, "cover.news.refused",
        name=me.name, at=stints.instant(start),
    )  # fmt: skip
    await duty.tell(
        ctx, kept, (holder & roster.everyone) - {me.id} - roster.coordinators, "cover.news.back",
        at=stints.instant(start),
    )  # fmt: skip
    await duty.look(ctx, kept.id)
