"""Regions: made by who coordinates; who is in one says so themselves, and may say otherwise.

Where somebody's region is decides who is called at night: it counts once the person has agreed to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from bot.domain.answers import keeps, plain
from bot.domain.names import NameRefused, cleaned
from bot.domain.permissions import Action
from bot.domain.plan_text import AND, LONGEST
from bot.domain.schedule import MACHINE_ZONES
from bot.texts import Key
from handlers import duty, last_change, rotations
from handlers.commands import Entry
from handlers.context import Choice, Context
from storage.regions import Region

TOPIC = "region"
OWN_TOPIC = "own_region"

MAKE = re.compile(r"^(?:crear|nueva|hacer|make|new|create)\s+(.+)$", re.IGNORECASE | re.DOTALL)
END = re.compile(r"^(?:terminar|acabar|quitar|end)\s+(.+)$", re.IGNORECASE | re.DOTALL)
ZONE = re.compile(r"^(?:zona|zone)\s+(.+?)\s*:\s*(\S.*)$", re.IGNORECASE | re.DOTALL)
NONE = frozenset({"ninguna", "ninguno", "none", "fuera", "salir", "out", "no"})

MOST = 40
"""Regions of one group."""

SHOWN = 60


# --- what who coordinates does ------------------------------------------------------------------


async def command_region(ctx: Context, rest: str) -> None:
    """`/region`, `/region crear Sierra Norte`, `/region Sierra Norte: Ana, Berta`, ..."""
    rest = rest[:LONGEST]
    if not rest:
        await _show(ctx)
    elif found := MAKE.match(rest):
        await _name(ctx, found[1])
    elif found := END.match(rest):
        region = await _named(ctx, found[1])
        if region is not None:
            await _sure_to_end(ctx, region)
    elif found := ZONE.match(rest):
        region = await _named(ctx, found[1])
        if region is not None:
            await _zone(ctx, region, found[2])
    else:
        name, colon, names = rest.partition(":")
        region = await _named(ctx, name)
        if region is not None and colon and names.strip():
            await _who(ctx, region, names)
        elif region is not None:
            await _one(ctx, region)


async def _named(ctx: Context, name: str) -> Region | None:
    region = await ctx.tx.regions.named(ctx.speaker.member.group, name.strip())
    if region is None:
        await ctx.reply("region.unknown", region=name.strip()[:SHOWN])
    return region


async def _show(ctx: Context) -> None:
    group = ctx.speaker.member.group
    texts = ctx.texts(ctx.place)
    regions = await ctx.tx.regions.of_group(group)
    text = texts.render("region.head" if regions else "region.none")
    for region in regions:
        people = await ctx.tx.regions.people(region.id)
        text = text + texts.render(
            "region.line", region=region.name, people=len(people), zone=region.zone
        )
    await ctx.ask(
        ctx.place,
        text,
        (
            *(Choice("one", "button.region", str(r.id), {"region": r.name}) for r in regions),
            Choice("make", "button.make_region"),
        ),
        topic=TOPIC,
        ref=group,
    )


async def _one(ctx: Context, region: Region) -> None:
    people = await ctx.tx.regions.people(region.id)
    names = tuple([await duty.named(ctx, member) for member in sorted(people)])
    here = str(region.id)
    await ctx.ask(
        ctx.place,
        "region.one",
        (
            Choice("who", "button.put_in", here),
            Choice("zone", "button.set_zone", here),
            Choice("end", "button.end_region", here),
        ),
        topic=TOPIC,
        ref=region.group,
        region=region.name,
        zone=region.zone,
        names=names or Key("duty.noone"),
    )


async def pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """One step about a region."""
    me = ctx.speaker.member
    dialog = await ctx.dialog()
    data = dict(dialog.data) if dialog is not None and dialog.topic == TOPIC else {}
    region = await ctx.tx.regions.get(int(argument)) if argument else None
    if ref != me.group or (argument and (region is None or region.group != ref)):
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    match action:
        case "make":
            await ctx.expect(TOPIC, "name")
            await ctx.reply("region.which_name")
        case "one" if region is not None:
            await _one(ctx, region)
        case "who" if region is not None:
            await ctx.expect(TOPIC, "who", region=region.id)
            await ctx.reply("region.whom", region=region.name)
        case "zone" if region is not None:
            await ctx.expect(TOPIC, "zone", region=region.id)
            await ctx.reply("region.which_zone", zone=region.zone)
        case "end" if region is not None:
            await _sure_to_end(ctx, region)
        case "end_it" if region is not None:
            await ctx.close_prompts(TOPIC, ref, only=ctx.place)
            await _end(ctx, region)
        case "save" if data:
            await ctx.expect_nothing()
            await ctx.close_prompts(TOPIC, ref, only=ctx.place)
            await _save(ctx, data)
        case "drop":
            await ctx.expect_nothing()
            await ctx.close_prompts(TOPIC, ref, "region.dropped", only=ctx.place)
        case _:
            await ctx.close_prompts(TOPIC, ref, only=ctx.place)
            await ctx.reply("region.again")


async def words(ctx: Context, step: str, data: Mapping[str, Any], text: str) -> None:
    """What is written at a step; where it cannot be, it is asked again."""
    text = text[:LONGEST]
    if step == "name":
        await _name(ctx, text)
        return
    if step == "sure":
        await _in_a_word(ctx, data, text)
        return
    region = await ctx.tx.regions.get(data["region"])
    if region is None or region.group != ctx.speaker.member.group:
        await ctx.expect_nothing()
        await ctx.reply("region.again")
    elif step == "who":
        await _who(ctx, region, text)
    else:
        await _zone(ctx, region, text)


async def _in_a_word(ctx: Context, data: Mapping[str, Any], text: str) -> None:
    """The summary is kept, or not."""
    kept = keeps(text)
    if kept is None:
        await ctx.reply("region.yes_or_no")
        return
    await ctx.expect_nothing()
    group = ctx.speaker.member.group
    await ctx.close_prompts(TOPIC, group, "" if kept else "region.dropped", only=ctx.place)
    if kept:
        await _save(ctx, data)


async def _name(ctx: Context, text: str) -> None:
    """Then the summary."""
    group = ctx.speaker.group
    try:
        name = cleaned(text)
    except NameRefused:
        await ctx.reply("region.name_wrong")
        return
    if plain(name) in rotations.GROUP or plain(name) in NONE:
        await ctx.reply("region.name_wrong")
    elif await ctx.tx.regions.named(group.id, name) is not None:
        await ctx.reply("region.taken", region=name)
    elif len(await ctx.tx.regions.of_group(group.id)) >= MOST:
        await ctx.reply("region.too_many", n=MOST)
    else:
        await _sure(ctx, "region.sure_to_make", {"name": name}, region=name, zone=group.zone)


async def _zone(ctx: Context, region: Region, text: str) -> None:
    wanted = text.strip().replace(" ", "_").casefold()
    zones = {z.casefold(): z for z in available_timezones() - MACHINE_ZONES}
    exact = [zones[wanted]] if wanted in zones else []
    found = exact or [z for z in zones.values() if wanted == z.split("/")[-1].casefold()]
    if len(found) != 1:
        await ctx.reply("region.zone_unknown", zone=text.strip()[:SHOWN])
        return
    data = {"region": region.id, "zone": found[0]}
    await _sure(ctx, "region.sure_of_zone", data, region=region.name, zone=found[0])


async def _who(ctx: Context, region: Region, text: str) -> None:
    people, unknown = [], []
    for name in (n.strip(" ;.") for n in AND.split(text)):
        if name:
            person = await ctx.tx.people.member_named(region.group, name)
            if person is None:
                unknown.append(name[:SHOWN])
            else:
                people.append(person)
    if unknown or not people:
        await ctx.reply("plan.error.unknown", names=tuple(unknown) or ("…",))
        return
    data = {"region": region.id, "people": [person.id for person in people]}
    names = tuple(person.name for person in people)
    await _sure(ctx, "region.sure_to_ask", data, region=region.name, names=names)


async def _sure(ctx: Context, key: str, data: dict[str, Any], **values: Any) -> None:
    await ctx.expect(TOPIC, "sure", **data)
    await ctx.ask(
        ctx.place,
        key,
        (Choice("save", "button.save"), Choice("drop", "button.drop")),
        topic=TOPIC,
        ref=ctx.speaker.member.group,
        **values,
    )


async def _save(ctx: Context, data: Mapping[str, Any]) -> None:
    """What the summary said."""
    group = ctx.speaker.group
    if "name" in data:
        if await ctx.tx.regions.named(group.id, data["name"]) is not None:
            await ctx.reply("region.taken", region=data["name"])
            return
        id = await ctx.tx.regions.add(group.id, data["name"], group.zone, ctx.now)
        await ctx.log("region_made")
        await last_change.remember(ctx, "region_made", region=id)
        await ctx.reply("region.made", region=data["name"])
        return
    region = await ctx.tx.regions.get(data["region"])
    if region is None or region.group != group.id:
        await ctx.reply("region.again")
    elif "zone" in data:
        await last_change.remember(
            ctx, "region_zone", region=region.id, before=region.zone, after=data["zone"]
        )
        await ctx.tx.regions.set_zone(region.id, data["zone"])
        await ctx.reply("region.zone_set", region=region.name, zone=data["zone"])
    else:
        for member in data["people"]:
            await _propose(ctx, region, member)
        await ctx.reply("region.asked", region=region.name)


async def _sure_to_end(ctx: Context, region: Region) -> None:
    await ctx.ask(
        ctx.place,
        "region.sure_to_end",
        (
            Choice("end_it", "button.end_region", str(region.id)),
            Choice("drop", "button.do_not"),
        ),
        topic=TOPIC,
        ref=region.group,
        region=region.name,
    )


async def _end(ctx: Context, region: Region) -> None:
    """Its duty ends with it; who was in it is looked after by the group's from now on."""
    theirs = [k for k in await ctx.tx.duty.of_group(region.group, ctx.now) if k.region == region.id]
    for kept in theirs:
        await rotations.end(ctx, kept)
    people = await ctx.tx.regions.people(region.id)
    await last_change.remember(
        ctx, "region_ended", name=region.name, zone=region.zone, people=sorted(people),
        before=[rotations.packed(kept) for kept in theirs],
    )  # fmt: skip
    await ctx.tx.regions.end(region.id)
    await ctx.log("region_ended")
    await ctx.close_prompts(OWN_TOPIC, region.id)
    for member in sorted(people):
        for place in (await ctx.places_of(member))[:1]:
            bare = place.platform in ctx.speaker.group.bare
            name = Key("bare.region") if bare else region.name
            await ctx.say(place, "own_region.ended", region=name)
    await ctx.reply("region.ended", region=region.name)


# --- taking that back ---------------------------------------------------------------------------


async def undo_made(ctx: Context, content: Mapping[str, Any]) -> bool:
    """It is no more. False if somebody is in it by now, or on duty for it."""
    region = await ctx.tx.regions.get(content["region"])
    if region is None or region.group != ctx.speaker.member.group:
        return False
    kept = await ctx.tx.duty.of_group(region.group, ctx.now)
    if await ctx.tx.regions.people(region.id) or any(k.region == region.id for k in kept):
        return False
    await ctx.close_prompts(OWN_TOPIC, region.id, "own_region.no_more")
    await ctx.tx.regions.end(region.id)
    await ctx.log("region_ended")
    return True


async def undo_zone(ctx: Context, content: Mapping[str, Any]) -> bool:
    """Its zone as it was. False if it has another one by now."""
    region = await ctx.tx.regions.get(content["region"])
    if region is None or region.group != ctx.speaker.member.group or region.zone != content["after"]:
        return False
    await ctx.tx.regions.set_zone(region.id, content["before"])
    return True


async def undo_ended(ctx: Context, content: Mapping[str, Any]) -> bool:
    """It is there again, with those who were in it and their duty, as far as they are still there."""
    group = ctx.speaker.member.group
    if await ctx.tx.regions.named(group, content["name"]) is not None:
        return False
    id = await ctx.tx.regions.add(group, content["name"], content["zone"], ctx.now)
    await ctx.log("region_made")
    for member in content["people"]:
        person = await ctx.tx.people.member(member)
        if person.left_at is None and await ctx.tx.regions.of_member(member) is None:
            await ctx.tx.regions.put(member, id, ctx.now)
            for place in (await ctx.places_of(member))[:1]:
                bare = place.platform in ctx.speaker.group.bare
                name = Key("bare.region") if bare else content["name"]
                await ctx.say(place, "own_region.again", region=name)
    before = [{**data, "region": id} for data in content["before"]]
    return await rotations.undo_ended(ctx, {"before": before})


# --- one's own ----------------------------------------------------------------------------------


async def _propose(ctx: Context, region: Region, member: int) -> None:
    """Are you in it? An earlier such question about the same region is overtaken."""
    person = await ctx.tx.people.member(member)
    current = await ctx.tx.regions.of_member(member)
    if person.left_at is not None or (current is not None and current.id == region.id):
        return
    for prompt in await ctx.tx.conversations.open_about(OWN_TOPIC, region.id):
        if prompt.member == member:
            await ctx.close_prompt(prompt)
    for place in (await ctx.places_of(member))[:1]:
        bare = place.platform in ctx.speaker.group.bare
        await ctx.ask(
            place,
            "own_region.offer",
            (Choice("agree", "button.agree_region"), Choice("refuse", "button.do_not")),
            topic=OWN_TOPIC,
            ref=region.id,
            region=Key("bare.region") if bare else region.name,
        )


async def command_own(ctx: Context, rest: str) -> None:
    """`/miregion`, `/miregion Sierra Norte`, `/miregion ninguna`"""
    me = ctx.speaker.member
    current = await ctx.tx.regions.of_member(me.id)
    if not rest:
        if current is None:
            await ctx.reply("own_region.none")
            return
        await ctx.ask(
            ctx.place,
            "own_region.mine",
            (Choice("leave", "button.leave_region"),),
            topic=OWN_TOPIC,
            ref=current.id,
            region=current.name,
        )
    elif plain(rest).strip() in NONE:
        await _leave(ctx, current)
    else:
        region = await ctx.tx.regions.named(me.group, rest)
        if region is None:
            await ctx.reply("own_region.unknown", region=rest[:SHOWN])
            return
        await _into(ctx, region)
        await ctx.reply("own_region.set", region=region.name)


async def answered(ctx: Context, ref: int, action: str) -> None:
    """The person's word about being in a region."""
    me = ctx.speaker.member
    region = await ctx.tx.regions.get(ref)
    if region is None or region.group != me.group:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    if action == "leave":
        await ctx.close_prompts(OWN_TOPIC, ref, only=ctx.place)
        await _leave(ctx, await ctx.tx.regions.of_member(me.id))
    elif action == "agree":
        await _into(ctx, region)
        await ctx.close_prompts(OWN_TOPIC, ref, "own_region.agreed", only=ctx.place)
    else:
        await ctx.close_prompts(OWN_TOPIC, ref, "own_region.refused", only=ctx.place)


async def _into(ctx: Context, region: Region) -> None:
    me = ctx.speaker.member
    await ctx.tx.regions.put(me.id, region.id, ctx.now)
    await _tell(ctx, "region.news.in", region)


async def _leave(ctx: Context, region: Region | None) -> None:
    me = ctx.speaker.member
    if region is None:
        await ctx.reply("own_region.none")
        return
    await ctx.tx.regions.put(me.id, None, ctx.now)
    await ctx.reply("own_region.left")
    await _tell(ctx, "region.news.out", region)


async def _tell(ctx: Context, key: str, region: Region) -> None:
    """Those who coordinate know by which duty somebody is looked after."""
    me = ctx.speaker.member
    roster = await ctx.tx.people.roster(me.group)
    for member in sorted(roster.coordinators - {me.id}):
        for place in (await ctx.places_of(member))[:1]:
            bare = place.platform in ctx.speaker.group.bare
            await ctx.say(
                place, key,
                name=Key("bare.name") if bare else me.name,
                region=Key("bare.region") if bare else region.name,
            )  # fmt: skip


ENTRIES = (
    Entry(
        "region", ("región", "regiones", "regions"), Action.SET_REGIONS, command_region,
        in_menu=False,
    ),
    Entry("miregion", ("miregión", "myregion"), Action.OWN_REGION, command_own, in_menu=False),
)  # fmt: skip
