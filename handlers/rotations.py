"""Rotations: made by who coordinates, in steps or in one line, and taken on by each person in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from bot.domain.answers import keeps, plain
from bot.domain.duty import MOST, Change, DutyError, Rule, first_day
from bot.domain.people import Roster
from bot.domain.permissions import Action
from bot.domain.plan_text import AND, LONGEST
from bot.domain.rich import Rich
from bot.domain.schedule import EVERY_DAY
from bot.domain.spoken import NotUnderstood, read_schedule
from bot.texts import Key
from handlers import duty, last_change
from handlers.commands import Entry
from handlers.context import Choice, Context, Place
from storage.duty import OVERRIDE, Kept

TOPIC = "rotation"
OFFER_TOPIC = "rotation_offer"

GROUP = frozenset({"grupo", "todo el grupo", "el grupo", "group", "whole group", "the whole group"})
END = re.compile(r"^(?:terminar|acabar|end)\s+(.+)$", re.IGNORECASE)
SUBSTITUTES = re.compile(
    r"[;,\s]*\b(?:suplencias?|suplentes?|substitutes?)\b\s*:?\s*", re.IGNORECASE
)
OFTEN = {
    "week": re.compile(r"\b(?:cada semana|semanal(?:mente)?|por semana|weekly|every week)\b"),
    "day": re.compile(r"\b(?:cada dia|diari[oa](?:mente)?|a diario|daily|every day)\b"),
    "other": re.compile(r"\b(?:otro|otra|other)\b"),
}
"""Words for how often, as `bot.domain.answers.plain` writes them."""

SHOWN = 60
"""Characters of what was not understood."""


# --- the command --------------------------------------------------------------------------------


async def command_rotations(ctx: Context, rest: str) -> None:
    """`/turnos Sierra Norte; lunes 9:00; Ana, Berta; suplencia Carla`; or in steps."""
    if not rest:
        await _show(ctx)
        return
    if len(rest) > LONGEST:
        await ctx.reply("rotation.how")
        return
    if found := END.match(rest):
        region = await _scope(ctx, found[1])
        if region is not None:
            await _sure_to_end(ctx, region or None)
        return
    parts = [part.strip() for part in rest.split(";") if part.strip()]
    region = 0
    if len(parts) > 1 and _handoff(parts[0], "other") is None:
        found_region = await _scope(ctx, parts.pop(0))
        if found_region is None:
            return
        region = found_region
    if len(parts) < 2:
        await ctx.reply("rotation.how")
        return
    when = _handoff(parts[0], "other")
    if when is None:
        await ctx.reply("rotation.when_unclear", part=parts[0][:SHOWN])
        return
    await _people(ctx, "; ".join(parts[1:]), region=region, **when)


async def _scope(ctx: Context, text: str) -> int | None:
    """A region by its name; 0 is the whole group, None nobody's, which is said."""
    if plain(text).strip() in GROUP:
        return 0
    region = await ctx.tx.regions.named(ctx.speaker.member.group, text)
    if region is None:
        await ctx.reply("region.unknown", region=text[:SHOWN])
        return None
    return region.id


def _handoff(text: str, often: str) -> dict[str, Any] | None:
    """Days and wall time of "lunes 9:00", "cada día 20:00"; None if it is not that."""
    said = plain(text)
    for word in OFTEN.values():
        said = word.sub(" ", said)
    parts = read_schedule(said.strip())
    if isinstance(parts, NotUnderstood) or len(parts.times) != 1:
        return None
    if parts.grace is not None or parts.reminders is not None:
        return None
    days = parts.days
    if days is None:
        if often == "week" or OFTEN["week"].search(plain(text)):
            return None  # which day?
        days = EVERY_DAY
    if often == "week" and len(days) != 1:
        return None
    return {"days": sorted(days), "at": parts.times[0].isoformat("minutes")}


# --- in steps -----------------------------------------------------------------------------------


async def _show(ctx: Context) -> None:
    """What there is, and whose is to be made or changed."""
    group = ctx.speaker.member.group
    texts = ctx.texts(ctx.place)
    kept = await ctx.tx.duty.of_group(group, ctx.now)
    text = texts.render("rotation.head" if kept else "rotation.none")
    for one in kept:
        text = text + await _described(ctx, ctx.place, one)
    await ctx.expect(TOPIC, "scope")
    await ctx.ask(
        ctx.place,
        text + texts.render("rotation.whose"),
        (
            Choice("scope", "button.whole_group", "0"),
            *(
                Choice("scope", "button.region", str(region.id), {"region": region.name})
                for region in await ctx.tx.regions.of_group(group)
            ),
        ),
        topic=TOPIC,
        ref=group,
    )


async def _described(ctx: Context, place: Place, kept: Kept) -> Rich:
    rotation = kept.rotation
    names = []
    for member in rotation.order:
        said = "waits" if member in kept.waiting else "there"
        names.append(Key(f"rotation.person.{said}", {"name": await duty.named(ctx, member)}))
    substitutes = [await duty.named(ctx, member) for member in rotation.substitutes]
    return ctx.texts(place).render(
        "rotation.one",
        where=await duty.where(ctx, place, kept),
        handoff=handoff(ctx, place, rotation.rule),
        people=tuple(names),
        substitutes=tuple(substitutes) or Key("duty.noone"),
        at=max(rotation.rule.begins(0), kept.made_at),
    )


def handoff(ctx: Context, place: Place, rule: Rule) -> Key:
    """When it is handed over, in words."""
    texts = ctx.texts(place)
    values: dict[str, object] = {"time": rule.at.strftime("%H:%M"), "zone": rule.zone}
    if rule.days == EVERY_DAY:
        return Key("rotation.every.day", values)
    days = tuple(texts.plain(f"day.{day}") for day in sorted(rule.days))
    return Key("rotation.every.days", {"days": days, **values})


async def pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """One step of making or ending a rotation."""
    if ref != ctx.speaker.member.group:
        await ctx.toast("toast.stale")
        return
    dialog = await ctx.dialog()
    data = dict(dialog.data) if dialog is not None and dialog.topic == TOPIC else {}
    await ctx.toast("toast.done")
    match action:
        case "scope":
            await _chosen_scope(ctx, int(argument))
        case "remake":
            await _how_often(ctx, int(argument))
        case "often" if "region" in data:
            await _when(ctx, argument, data["region"])
        case "end":
            await _sure_to_end(ctx, int(argument) or None)
        case "end_it":
            await _end(ctx, int(argument) or None)
        case "save" if "order" in data:
            await _save(ctx, data)
        case "drop":
            await ctx.expect_nothing()
            await ctx.close_prompts(TOPIC, ref, "rotation.dropped", only=ctx.place)
        case _:
            await ctx.close_prompts(TOPIC, ref, only=ctx.place)
            await ctx.reply("rotation.again")


async def words(ctx: Context, step: str, data: Mapping[str, Any], text: str) -> None:
    """What is written at a step. Nothing is lost where it is not understood: it is asked again."""
    text = text[:LONGEST]
    match step:
        case "scope":
            region = await _scope(ctx, text)
            if region is not None:
                await _chosen_scope(ctx, region)
        case "often":
            said = plain(text)
            often = next((o for o, word in OFTEN.items() if word.search(said)), None)
            if often is None:
                await ctx.reply("rotation.often_unclear")
            else:
                await _when(ctx, often, data["region"])
        case "when":
            when = _handoff(text, data["often"])
            if when is None:
                await ctx.reply("rotation.when_unclear", part=text[:SHOWN])
            else:
                await ctx.expect(TOPIC, "who", region=data["region"], **when)
                await ctx.reply("rotation.who")
        case "sure":
            kept = keeps(text)
            if kept is None:
                await ctx.reply("region.yes_or_no")
            elif kept:
                await _save(ctx, data)
            else:
                await ctx.expect_nothing()
                group = ctx.speaker.member.group
                await ctx.close_prompts(TOPIC, group, "rotation.dropped", only=ctx.place)
        case "who":
            await _people(ctx, text, region=data["region"], days=data["days"], at=data["at"])


async def _chosen_scope(ctx: Context, region: int) -> None:
    if not await _current(ctx, region or None):
        await _how_often(ctx, region)
        return
    await ctx.ask(
        ctx.place,
        "rotation.there_is_one",
        (
            Choice("remake", "button.remake", str(region)),
            Choice("end", "button.end_rotation", str(region)),
        ),
        topic=TOPIC,
        ref=ctx.speaker.member.group,
    )


async def _current(ctx: Context, region: int | None) -> list[Kept]:
    kept = await ctx.tx.duty.of_group(ctx.speaker.member.group, ctx.now)
    return [one for one in kept if one.region == region]


async def _how_often(ctx: Context, region: int) -> None:
    await ctx.expect(TOPIC, "often", region=region)
    await ctx.ask(
        ctx.place,
        "rotation.often",
        [Choice("often", f"button.often.{often}", often) for often in OFTEN],
        topic=TOPIC,
        ref=ctx.speaker.member.group,
    )


async def _when(ctx: Context, often: str, region: int) -> None:
    await ctx.expect(TOPIC, "when", region=region, often=often)
    await ctx.reply(f"rotation.when.{often}")


async def _people(
    ctx: Context, text: str, *, region: int, days: list[int], at: str
) -> None:
    """The names in their order; then the summary."""
    roster = await ctx.tx.people.roster(ctx.speaker.member.group)
    unknown, silent = [], []
    lists: list[list[int]] = []
    for names in [*SUBSTITUTES.split(text, maxsplit=1), ""][:2]:
        ids = []
        for name in (n.strip(" ;") for n in AND.split(names)):
            if not name:
                continue
            person = await ctx.tx.people.member_named(ctx.speaker.member.group, name)
            if person is None:
                unknown.append(name[:SHOWN])
            elif person.id not in roster.everyone:
                silent.append(person.name)
            else:
                ids.append(person.id)
        lists.append(ids)
    order, substitutes = lists
    everyone = [*order, *substitutes]
    if unknown:
        await ctx.reply("plan.error.unknown", names=tuple(unknown))
    elif silent:
        await ctx.reply("plan.error.not_agreed", names=tuple(silent))
    elif not order or len(everyone) > MOST:
        await ctx.reply("rotation.error.people", most=MOST)
    elif len(set(everyone)) < len(everyone):
        await ctx.reply("rotation.error.twice")
    else:
        await _summary(ctx, region, days, at, order, substitutes)


async def _summary(
    ctx: Context, region: int, days: list[int], at: str, order: list[int], substitutes: list[int]
) -> None:
    data = {
        "region": region, "days": days, "at": at, "order": order, "substitutes": substitutes,
    }  # fmt: skip
    rule = await _rule(ctx, data)
    await ctx.expect(TOPIC, "sure", **data)
    texts = ctx.texts(ctx.place)
    there = await ctx.tx.regions.get(region) if region else None
    whose = Key("duty.where.region", {"region": there.name}) if there else Key("duty.where.group")
    await ctx.ask(
        ctx.place,
        "rotation.confirm",
        (Choice("save", "button.save"), Choice("drop", "button.drop")),
        topic=TOPIC,
        ref=ctx.speaker.member.group,
        where=texts.plain(whose.key, **whose.values),
        handoff=handoff(ctx, ctx.place, rule),
        people=tuple([await duty.name_of(ctx, m) for m in order]),
        substitutes=tuple([await duty.name_of(ctx, m) for m in substitutes]) or Key("duty.noone"),
        at=max(rule.begins(0), ctx.now),
    )


async def _rule(ctx: Context, data: Mapping[str, Any]) -> Rule:
    """Beginning at once, or where the one before it next hands over."""
    region = await ctx.tx.regions.get(data["region"]) if data["region"] else None
    zone = region.zone if region is not None else ctx.speaker.group.zone
    at = time.fromisoformat(data["at"])
    days = frozenset(data["days"])
    later = any(k.rotation.at(ctx.now) for k in await _current(ctx, data["region"] or None))
    start = first_day(days, at, zone, ctx.now, later=later)
    return Rule(days, at, zone, start, len(data["order"]))


# --- keeping and ending -------------------------------------------------------------------------


async def _save(ctx: Context, data: Mapping[str, Any]) -> None:
    """From now on, or from the next hand-off; everyone in it is asked whether they take it on."""
    me = ctx.speaker.member
    await ctx.expect_nothing()
    await ctx.close_prompts(TOPIC, me.group, only=ctx.place)
    region = data["region"] or None
    if region is not None and await ctx.tx.regions.get(region) is None:
        await ctx.reply("rotation.again")
        return
    try:
        rule = await _rule(ctx, data)
    except DutyError as error:
        await ctx.reply(error.code, **error.values)
        return
    roster = await ctx.tx.people.roster(me.group)
    people = [*data["order"], *data["substitutes"]]
    if not set(people) <= roster.everyone:
        await ctx.reply("rotation.again")  # somebody left meanwhile
        return
    before = await _current(ctx, region)
    for earlier in before:
        begun = earlier.rotation.rule.begins(0) <= ctx.now
        await _end_one(ctx, earlier, rule.begins(0) if begun else ctx.now)
    id = await ctx.tx.duty.add(
        me.group, region, rule, data["order"], data["substitutes"], ctx.now
    )
    if me.id in people:
        await ctx.tx.duty.accept(id, me.id, ctx.now)  # whoever writes it agrees by that
    await ctx.log("rotation_made")
    await last_change.remember(ctx, "rotation_saved", rotation=id, before=[packed(k) for k in before])
    kept = await ctx.tx.duty.get(id)
    assert kept is not None
    await ctx.reply("rotation.saved", at=max(rule.begins(0), ctx.now))
    for member in people:
        if member != me.id:
            await _offer(ctx, kept, member)
    await duty.tell(
        ctx, kept, roster.coordinators - {me.id}, "rotation.news.made", name=me.name
    )
    await duty.look(ctx, id)


async def _end_one(ctx: Context, kept: Kept, at: datetime) -> None:
    await ctx.tx.duty.end(kept.id, at)
    if await ctx.tx.duty.get(kept.id) is None or at <= ctx.now:
        await ctx.close_prompts(OFFER_TOPIC, kept.id, "rotation.now.over")
    await duty.look(ctx, kept.id)


async def _sure_to_end(ctx: Context, region: int | None) -> None:
    current = await _current(ctx, region)
    if not current:
        await ctx.reply("rotation.none")
        return
    await ctx.ask(
        ctx.place,
        "rotation.sure_to_end",
        (
            Choice("end_it", "button.end_rotation", str(region or 0)),
            Choice("drop", "button.do_not"),
        ),
        topic=TOPIC,
        ref=ctx.speaker.member.group,
        where=await duty.where(ctx, ctx.place, current[0]),
    )


async def _end(ctx: Context, region: int | None) -> None:
    me = ctx.speaker.member
    await ctx.expect_nothing()
    await ctx.close_prompts(TOPIC, me.group, only=ctx.place)
    current = await _current(ctx, region)
    for kept in current:
        await end(ctx, kept)
    await last_change.remember(ctx, "rotation_ended", before=[packed(kept) for kept in current])
    await ctx.reply("rotation.ended")


async def end(ctx: Context, kept: Kept) -> None:
    """Nobody is on duty by it any more; its people and those who coordinate hear of it."""
    me = ctx.speaker.member
    roster = await ctx.tx.people.roster(kept.group)
    await ctx.log("rotation_ended")
    concerned = (kept.people & roster.everyone) | roster.coordinators
    await duty.tell(ctx, kept, concerned - {me.id}, "rotation.news.ended", name=me.name)
    await _end_one(ctx, kept, ctx.now)


# --- taking that back ---------------------------------------------------------------------------


def packed(kept: Kept) -> dict[str, Any]:
    """A rotation, so that it can be made again: whoever had taken it on need not be asked."""
    rotation = kept.rotation
    return {
        "id": kept.id,
        "region": kept.region,
        "rule": rotation.rule.to_json(),
        "order": rotation.order,
        "substitutes": rotation.substitutes,
        "accepted": sorted(rotation.accepted),
        "changes": [
            [change.start.isoformat(), change.end.isoformat(), change.member]
            for change in rotation.changes
        ],
    }


async def undo_saved(ctx: Context, content: Mapping[str, Any]) -> bool:
    """The new one is over, and those before it go on. False if somebody made another one since."""
    kept = await ctx.tx.duty.get(content["rotation"])
    if kept is None or kept.group != ctx.speaker.member.group:
        return False
    if [one.id for one in await _current(ctx, kept.region) if one.made_at > kept.made_at]:
        return False
    await end(ctx, kept)
    return await undo_ended(ctx, content)


async def undo_ended(ctx: Context, content: Mapping[str, Any]) -> bool:
    """They go on as they were. False if there is another one by now."""
    me = ctx.speaker.member
    for data in content["before"]:
        region = data["region"]
        if region is not None and await ctx.tx.regions.get(region) is None:
            return False
        going_on = [one for one in await _current(ctx, region) if one.id != data["id"]]
        if going_on:
            return False
        await _again(ctx, data, me.group)
    return True


async def _again(ctx: Context, data: Mapping[str, Any], group: int) -> None:
    """It goes on as it is, with whoever left it meanwhile gone; one of which nothing is left is made
    again. What was agreed stays agreed."""
    me = ctx.speaker.member
    roster = await ctx.tx.people.roster(group)
    id = data["id"]
    if not await ctx.tx.duty.go_on(id):
        id = await _made_again(ctx, data, group, roster)
    kept = await ctx.tx.duty.get(id)
    assert kept is not None
    for member in sorted(kept.waiting):
        await _offer(ctx, kept, member)
    concerned = (kept.people & roster.everyone) | roster.coordinators
    await duty.tell(ctx, kept, concerned - {me.id}, "rotation.news.again", name=me.name)
    await duty.look(ctx, id)


async def _made_again(
    ctx: Context, data: Mapping[str, Any], group: int, roster: Roster
) -> int:
    """A new one, of the people who still answer alarms."""
    there = {m for m in (*data["order"], *data["substitutes"]) if m in roster.everyone}
    rule = Rule.from_json(data["rule"])
    id = await ctx.tx.duty.add(group, data["region"], rule, data["order"], data["substitutes"], ctx.now)
    for member in (*data["order"], *data["substitutes"]):
        if member is not None and member not in there:
            await ctx.tx.duty.leave(member, id)
        elif member in data["accepted"]:
            await ctx.tx.duty.accept(id, member, ctx.now)
    for start, until, member in data["changes"]:
        change = Change(datetime.fromisoformat(start), datetime.fromisoformat(until), member)
        if change.end > ctx.now and member in roster.everyone:
            await ctx.tx.duty.change(id, change, OVERRIDE, ctx.now)
    return id


# --- taking it on -------------------------------------------------------------------------------


async def _offer(ctx: Context, kept: Kept, member: int) -> None:
    rotation = kept.rotation
    ahead = rotation.stints(ctx.now, rotation.rule.begins(rotation.rule.places * 2))
    first = next((stint for stint in ahead if stint.member == member), None)
    for place in (await ctx.places_of(member))[:1]:
        turn: Key = Key("rotation.offer.substitute")
        if first is not None:
            turn = Key("rotation.offer.first", {"at": first.start, "until": first.end})
        await ctx.ask(
            place,
            "rotation.offer",
            (Choice("accept", "button.take_on"), Choice("decline", "button.not_for_me")),
            topic=OFFER_TOPIC,
            ref=kept.id,
            where=await duty.where(ctx, place, kept),
            handoff=handoff(ctx, place, rotation.rule),
            n=rotation.rule.places,
            turn=turn,
        )


async def answered(ctx: Context, ref: int, action: str) -> None:
    """Somebody takes it on, or does not."""
    me = ctx.speaker.member
    kept = await ctx.tx.duty.get(ref)
    if kept is None or kept.group != me.group or me.id not in kept.waiting:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    if action == "decline":
        await ctx.close_prompts(OFFER_TOPIC, ref, "rotation.now.declined", only=ctx.place)
        await duty.let_go(ctx, me, ref)
        return
    await ctx.tx.duty.accept(ref, me.id, ctx.now)
    await ctx.close_prompts(OFFER_TOPIC, ref, "rotation.now.accepted", only=ctx.place)
    if kept.waiting == {me.id}:
        roster = await ctx.tx.people.roster(kept.group)
        await duty.tell(ctx, kept, roster.coordinators - {me.id}, "rotation.news.all_accepted")
    await duty.look(ctx, ref)


ENTRIES = (
    Entry(
        "turnos", ("rotation", "rotacion", "rotación"), Action.SET_DUTY, command_rotations,
        in_menu=False,
    ),
)  # fmt: skip
