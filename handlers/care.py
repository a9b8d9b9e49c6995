"""The directory of care: shelters, legal, medical, psychosocial and economic help, by region.

Those who coordinate keep it, members read it. What is in it leads to places that must stay unknown:
it is sealed, shown on no platform that the group does not trust with names, and goes from the chat
after a while. An entry that nobody has looked at for long says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.domain import care as rules
from bot.domain.answers import plain
from bot.domain.care import Care, CareError
from bot.domain.care import Entry as CareEntry
from bot.domain.lanes import Lane
from bot.domain.permissions import Action
from bot.platforms.base import Secrecy
from bot.texts import Key
from handlers import fading
from handlers.commands import Entry
from handlers.context import Choice, Context, Due, Place

TOPIC = "care"
DRAFT = "care_draft"
TIMER = "care_entry"

ADD = frozenset({"agregar", "anadir", "nuevo", "nueva", "add", "new"})
CHANGE = frozenset({"cambiar", "corregir", "change", "edit"})
REMOVE = frozenset({"quitar", "borrar", "remove", "delete"})
TRUE = frozenset({"comprobado", "comprobar", "cierto", "vigente", "verified", "true"})

PAGE = 3000
"""Characters of one message: less than any platform splits, so that the whole of it can be deleted."""


# --- reading ------------------------------------------------------------------------------------


async def command_care(ctx: Context, rest: str) -> None:
    """`/cuidados`, `/cuidados legal Oaxaca`; who coordinates: `/cuidados agregar`, `/cuidados 3`."""
    first, _, more = rest.strip().partition(" ")
    word = plain(first).strip()
    if ctx.place.platform in ctx.speaker.group.bare:
        if word in ADD | CHANGE:
            ctx.tx.forget_event = True
        count = len(await ctx.tx.directory.of(ctx.speaker.member.group))
        await ctx.reply("care.bare", n=count)
        return
    number = first.removeprefix("#")
    if word in ADD:
        ctx.require(Action.SET_CARE)
        await _add(ctx, more.strip())
    elif word in CHANGE | REMOVE | TRUE:
        ctx.require(Action.SET_CARE)
        await _numbered(ctx, word, more.strip())
    elif number.isdecimal() and len(number) < 10 and ctx.may(Action.SET_CARE):
        await _numbered(ctx, "", number)
    else:
        await _list(ctx, rest)


async def _list(ctx: Context, wanted: str) -> None:
    me = ctx.speaker.member
    everything = await ctx.tx.directory.of(me.group)
    found = rules.found(everything, wanted)
    if not found:
        await ctx.reply("care.none_found" if everything else "care.none", what=wanted[:40])
        if ctx.may(Action.SET_CARE):
            await ctx.reply("care.how")
        return
    texts = ctx.texts(ctx.place)
    pages = [texts.render("care.head")]
    for entry in found:
        text = texts.render("care.entry", **_values(ctx, entry))
        if len(pages[-1].plain) + len(text.plain) > PAGE:
            pages.append(texts.render("care.head"))
        pages[-1] = pages[-1] + text
    pages[-1] = pages[-1] + texts.render("care.foot")
    for page in pages:
        await ctx.put(
            ctx.place, page, purpose=fading.read_purpose(me.id), secrecy=Secrecy.DETAILED
        )
    await fading.read_will_fade(ctx, me.id)


def _values(ctx: Context, entry: CareEntry) -> dict[str, object]:
    old = entry.due() <= ctx.now
    checked = "care.unverified" if old else "care.verified"
    return {
        "number": entry.number,
        "kind": entry.kind,
        "region": entry.region or Key("care.everywhere"),
        "name": entry.name,
        "text": entry.text,
        "verified": Key(checked, {"at": entry.verified_at}),
    }


# --- keeping it ---------------------------------------------------------------------------------


async def _add(ctx: Context, line: str) -> None:
    """In one line, or step by step."""
    ctx.tx.forget_event = bool(line)
    if len(await ctx.tx.directory.of(ctx.speaker.member.group)) >= rules.MOST:
        await ctx.reply("care.too_many", n=rules.MOST)
        return
    if not line:
        await _which_kind(ctx)
        return
    try:
        kind, region, name, text = rules.one_line(line)
    except CareError as error:
        await ctx.reply(error.code, **error.values)
        return
    await _confirm(ctx, {"kind": kind, "region": region, "name": name, "text": text})


async def _which_kind(ctx: Context) -> None:
    group = ctx.speaker.member.group
    await ctx.close_prompts(TOPIC, -group, only=ctx.place)
    await ctx.ask(
        ctx.place, "care.which_kind",
        [Choice("kind", f"care.{kind}", kind.value) for kind in Care],
        topic=TOPIC, ref=-group,
    )  # fmt: skip


async def _confirm(ctx: Context, draft: Mapping[str, Any]) -> None:
    """The whole, before anything is kept."""
    group = ctx.speaker.member.group
    await ctx.expect(DRAFT, "confirm", **draft)
    await ctx.close_prompts(TOPIC, -group, only=ctx.place)
    # What leads to a place is in a message that goes, and not in a question that stays.
    await _put(
        ctx, ctx.place, "care.draft",
        kind=Care(draft["kind"]), region=draft["region"] or Key("care.everywhere"),
        name=draft["name"], text=draft["text"],
    )  # fmt: skip
    await ctx.ask(
        ctx.place, "care.confirm",
        (Choice("save", "button.save"), Choice("drop", "button.drop")),
        topic=TOPIC, ref=-group,
    )  # fmt: skip


async def _put(ctx: Context, place: Place, key: str, **values: object) -> None:
    """Details for one reader: to devices that are theirs, and for a while."""
    assert place.member is not None
    await ctx.put(
        place, ctx.texts(place).render(key, **values),
        purpose=fading.read_purpose(place.member), secrecy=Secrecy.DETAILED,
    )  # fmt: skip
    await fading.read_will_fade(ctx, place.member)


async def words(ctx: Context, step: str, data: Mapping[str, Any], text: str) -> None:
    """The region, the name and the details, one after the other."""
    ctx.tx.forget_event = True
    if ctx.place.platform in ctx.speaker.group.bare:
        await ctx.expect_nothing()
        await ctx.reply("care.bare", n=len(await ctx.tx.directory.of(ctx.speaker.member.group)))
        return
    draft = dict(data)
    try:
        match step:
            case "region":
                draft["region"] = rules.region(text)
                await ctx.expect(TOPIC, "name", **draft)
                await ctx.reply("care.ask_name")
            case "name":
                draft["name"] = rules.name(text)
                await ctx.expect(TOPIC, "text", **draft)
                await ctx.reply("care.ask_text")
            case _:
                draft["text"] = rules.details(text)
                await _confirm(ctx, draft)
    except CareError as error:
        await ctx.expect(TOPIC, step, **data)
        await ctx.reply(error.code, **error.values)


async def pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """Of the draft (`ref` is the group below zero), or of one entry."""
    if ctx.place.platform in ctx.speaker.group.bare:
        await ctx.toast("toast.not_done")
        return
    if ref < 0:
        await _drafting(ctx, ref, action, argument)
        return
    entry = await ctx.tx.directory.get(ref)
    if entry is None or entry.group != ctx.speaker.member.group:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    match action:
        case "true":
            await _verified(ctx, entry)
        case "change":
            await ctx.expect(TOPIC, "region", kind=entry.kind.value, entry=entry.id)
            await ctx.reply("care.ask_region")
        case "remove":
            await _removed(ctx, entry)


async def _drafting(ctx: Context, ref: int, action: str, argument: str) -> None:
    if ref != -ctx.speaker.member.group:
        await ctx.toast("toast.stale")
        return
    if action == "kind":
        await ctx.toast("toast.done")
        await ctx.close_prompts(TOPIC, ref, only=ctx.place)
        await ctx.expect(TOPIC, "region", kind=Care(argument).value)
        await ctx.reply("care.ask_region")
        return
    dialog = await ctx.dialog()
    if dialog is None or dialog.topic != DRAFT:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await ctx.expect_nothing()
    if action == "drop":
        await ctx.close_prompts(TOPIC, ref, "care.dropped", only=ctx.place)
        return
    await ctx.close_prompts(TOPIC, ref, "care.saved", only=ctx.place)
    await _save(ctx, dialog.data)


async def _save(ctx: Context, draft: Mapping[str, Any]) -> None:
    """A new entry, or an old one with other words."""
    directory, group = ctx.tx.directory, ctx.speaker.member.group
    old = await directory.get(int(draft["entry"])) if "entry" in draft else None
    kind, region = Care(draft["kind"]), str(draft["region"])
    name, text = str(draft["name"]), str(draft["text"])
    if old is not None and old.group == group:
        entry = replace(
            old, kind=kind, region=region, name=name, text=text, verified_at=ctx.now
        )
        await directory.save(entry)
        await ctx.log("care_changed", number=entry.number)
    else:
        entry = await directory.add(group, kind, region, name, text, ctx.now)
        await ctx.log("care_added", number=entry.number)
    await ctx.tx.timers.set(TIMER, entry.id, entry.due())


async def _numbered(ctx: Context, word: str, rest: str) -> None:
    """`quitar 3`, `comprobado 3`, `cambiar 3 legal; Oaxaca; Nombre; detalles`, or `3` with buttons."""
    number, _, line = rest.partition(" ")
    number = number.removeprefix("#")
    entry = None
    if number.isdecimal() and len(number) < 10:
        entry = await ctx.tx.directory.numbered(ctx.speaker.member.group, int(number))
    if entry is None:
        await ctx.reply("care.unknown", number=number[:10])
    elif word in TRUE:
        await _verified(ctx, entry)
        await ctx.reply("care.now_verified", number=entry.number)
    elif word in CHANGE and line.strip():
        ctx.tx.forget_event = True
        try:
            kind, region, name, text = rules.one_line(line)
        except CareError as error:
            await ctx.reply(error.code, **error.values)
            return
        draft = {"kind": kind, "region": region, "name": name, "text": text, "entry": entry.id}
        await _confirm(ctx, draft)
    else:
        await _ask_about(ctx, entry, [ctx.place], "care.one")


async def _ask_about(ctx: Context, entry: CareEntry, places: Sequence[Place], key: str) -> None:
    for place in places:
        await _put(ctx, place, "care.entry", **_values(ctx, entry))
        await ctx.ask(
            place, key,
            (
                Choice("true", "button.care_true"),
                Choice("change", "button.care_change"),
                Choice("remove", "button.care_remove"),
            ),
            topic=TOPIC, ref=entry.id, number=entry.number, at=entry.verified_at,
        )  # fmt: skip


async def _verified(ctx: Context, entry: CareEntry) -> None:
    """Somebody looked, and it is so."""
    fresh = replace(entry, verified_at=ctx.now)
    await ctx.tx.directory.save(fresh)
    await ctx.tx.timers.set(TIMER, entry.id, fresh.due())
    await ctx.close_prompts(TOPIC, entry.id, "care.now_verified", number=entry.number)
    await ctx.log("care_verified", number=entry.number)


async def _removed(ctx: Context, entry: CareEntry) -> None:
    await ctx.tx.directory.remove(entry.id)
    await ctx.tx.timers.set(TIMER, entry.id, None)
    await ctx.close_prompts(TOPIC, entry.id, "care.now_removed", number=entry.number)
    await ctx.log("care_removed", number=entry.number)


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Nobody has looked at it for long: those who coordinate are asked, and again after a while."""
    entry = await ctx.tx.directory.get(occasion.ref)
    if entry is None:
        return
    await ctx.tx.timers.set(TIMER, entry.id, ctx.now + rules.ASKED_AGAIN)
    await ctx.close_prompts(TOPIC, entry.id)
    group = await ctx.tx.people.group(entry.group)
    roster = await ctx.tx.people.roster(group.id)
    for member in sorted(roster.coordinators):
        places = await ctx.places_of(member)
        named = [place for place in places if place.platform not in group.bare]
        if named:
            await _ask_about(ctx, entry, named[:1], "care.still_true")
        elif places:
            await ctx.say(
                places[0], "care.look_again", lane=Lane.CONVERSATION, number=entry.number
            )


ENTRIES = (
    Entry("cuidados", ("care", "cuidado"), Action.CARE, command_care),
)
