"""The note for an emergency: what a member wrote for whoever comes to help, and who opened it.

Written by the member alone, sealed, and opened in an incident about them by whoever holds it, with a
reason that stands on the timeline. The member is told afterwards, where that puts nobody in danger.
What is written passes no platform that the group does not trust with names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain import aftercare as rules
from bot.domain.answers import plain
from bot.domain.incident import Incident
from bot.domain.lanes import Lane
from bot.domain.permissions import Action
from bot.platforms.base import Secrecy
from bot.texts import Key
from handlers import fading
from handlers.commands import Entry
from handlers.context import Choice, Context, Place
from storage.incidents import Event

TOPIC = "note"

MEDICAL, CALL, AVOID = "medical", "call", "avoid"
PARTS = (MEDICAL, CALL, AVOID)
"""What a note says: of the body, whom to call, what not to do."""

WORDS = {
    "salud": MEDICAL, "medica": MEDICAL, "medico": MEDICAL, "medical": MEDICAL, "health": MEDICAL,
    "llamar": CALL, "avisar": CALL, "call": CALL,
    "no": AVOID, "evitar": AVOID, "avoid": AVOID, "not": AVOID,
}  # fmt: skip
ERASE = frozenset({"borrar", "erase", "quitar", "remove"})
SHOW = frozenset({"ver", "show"})

LONGEST = 600
"""Characters of a part: what is read in an emergency is short."""

OPENED = "note_opened"
"""The line of a timeline."""

NUMBER = re.compile(r"#?(\d{1,9})\b\s*(.*)", re.DOTALL)


# --- one's own ----------------------------------------------------------------------------------


async def command_note(ctx: Context, rest: str) -> None:
    """`/ficha`, `/ficha salud asma`, `/ficha ver`, `/ficha borrar`; `/ficha 12 motivo` opens one."""
    found = NUMBER.fullmatch(rest)
    if found is not None:
        await _open_numbered(ctx, int(found[1]), found[2].strip())
        return
    if _bare(ctx, ctx.place):
        ctx.tx.forget_event = True
        await ctx.reply("note.bare")
        return
    first, _, said = rest.partition(" ")
    word = plain(first).strip(" :")
    said = said.strip(" :\n")
    if word in SHOW and not said:
        await _show_mine(ctx)
    elif word in ERASE and not said:
        await _erase(ctx)
    elif word in WORDS and said:
        await _write(ctx, WORDS[word], said)
    elif word in WORDS:
        await _ask_for(ctx, WORDS[word])
    else:
        await _overview(ctx)


def _bare(ctx: Context, place: Place) -> bool:
    return place.platform in ctx.speaker.group.bare


async def _overview(ctx: Context) -> None:
    """Which parts there are, without their words, and who opened them."""
    me = ctx.speaker.member.id
    written = await ctx.tx.notes.of(me)
    texts = ctx.texts(ctx.place)
    text = texts.render("note.head")
    for part in PARTS:
        standing = Key("note.written" if part in written else "note.empty")
        text = text + texts.render("note.line", part=Key(f"note.part.{part}"), standing=standing)
    for at, reason in await _openings(ctx, me):
        text = text + texts.render("note.opened", at=at, text=reason)
    choices = [Choice("write", f"button.note.{part}", part) for part in PARTS]
    if written:
        choices += [Choice("show", "button.show_it"), Choice("erase", "button.erase_note")]
    await ctx.close_prompts(TOPIC, -me, only=ctx.place)
    await ctx.ask(ctx.place, text + texts.render("note.how"), choices, topic=TOPIC, ref=-me)


async def _openings(ctx: Context, member: int) -> list[tuple[Any, str]]:
    """When it was opened and why, in incidents that are over and that the person may know of."""
    person = await ctx.tx.people.member(member)
    found = []
    for incident in await ctx.tx.incidents.known_to(person.group, member, only_open=False):
        if incident.subject != member or incident.open:
            continue
        timeline = await ctx.tx.incidents.timeline(incident.id)
        lines = [(event.event, event.actor) for event in timeline]
        if rules.may_be_written_to(incident.kind, incident.outcome, lines, member):
            found += [(e.at, e.details.get("text", "")) for e in timeline if e.event == OPENED]
    return sorted(found)


async def _ask_for(ctx: Context, part: str) -> None:
    await ctx.expect(TOPIC, "write", part=part)
    await ctx.reply(f"note.ask.{part}")


async def _write(ctx: Context, part: str, said: str) -> None:
    ctx.tx.forget_event = True
    if len(said) > LONGEST:
        await ctx.reply("note.too_long", n=LONGEST)
        return
    me = ctx.speaker.member.id
    written = await ctx.tx.notes.of(me)
    await ctx.tx.notes.write(me, {**written, part: said}, ctx.now)
    await ctx.reply("note.saved", part=Key(f"note.part.{part}"))


async def _erase(ctx: Context) -> None:
    await ctx.tx.notes.write(ctx.speaker.member.id, {}, ctx.now)
    await ctx.reply("note.erased")


async def _show_mine(ctx: Context) -> None:
    me = ctx.speaker.member.id
    written = await ctx.tx.notes.of(me)
    if not written:
        await ctx.reply("note.none")
        return
    purpose = fading.read_purpose(me)
    await _put(ctx, "note.mine", written, purpose)
    await fading.read_will_fade(ctx, me)


async def _put(ctx: Context, head: str, written: Mapping[str, str], purpose: str, **more: Any) -> None:
    texts = ctx.texts(ctx.place)
    text = texts.render(head, **more)
    for part in PARTS:
        if part in written:
            text = text + texts.render(
                "note.shown", part=Key(f"note.part.{part}"), text=written[part]
            )
    await ctx.put(ctx.place, text, purpose=purpose, secrecy=Secrecy.DETAILED)


# --- opening somebody's -------------------------------------------------------------------------


async def offer(ctx: Context, place: Place, incident: Incident) -> None:
    """To whoever holds it now: there is something that the person wrote for this, and for their own
    group alone."""
    holder = await ctx.tx.people.member(incident.holder) if incident.holder else None
    if holder is None or holder.group != incident.group:
        return
    if await ctx.tx.notes.exists(incident.subject):
        await ctx.ask(
            place, "note.offer", (Choice("open", "button.open_note"),),
            topic=TOPIC, ref=incident.id, number=incident.number,
        )  # fmt: skip


async def pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """A button of one's own note, or "open" in an incident."""
    if action == "open":
        incident = await ctx.tx.incidents.get(ref)
        if incident is not None:
            await _begin(ctx, incident)
        return
    if ref != -ctx.speaker.member.id or _bare(ctx, ctx.place):
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    match action:
        case "write":
            await _ask_for(ctx, argument)
        case "show":
            await _show_mine(ctx)
        case _:
            await ctx.close_prompts(TOPIC, ref, only=ctx.place)
            await _erase(ctx)


async def _may_open(ctx: Context, incident: Incident) -> str:
    """"" if the speaker may; else the key of why not."""
    me = ctx.speaker.member
    if incident.group != me.group or me.id not in incident.told or me.id == incident.subject:
        return "incident.unknown"
    if not incident.open:
        return "incident.refused.closed"
    if incident.holder != me.id:
        return "note.holder_only"
    if not await ctx.tx.notes.exists(incident.subject):
        return "note.nothing_written"
    return "note.bare" if _bare(ctx, ctx.place) else ""


async def _begin(ctx: Context, incident: Incident) -> None:
    if why := await _may_open(ctx, incident):
        await ctx.toast("toast.not_done")
        await ctx.reply(why, number=incident.number)
        return
    await ctx.toast("toast.write")
    await ctx.expect(TOPIC, "reason", incident=incident.id)
    await ctx.reply("note.why", number=incident.number)


async def _open_numbered(ctx: Context, number: int, reason: str) -> None:
    ctx.require(Action.RESPOND)
    incident = await ctx.tx.incidents.numbered(ctx.speaker.member.group, number)
    if incident is None:
        await ctx.reply("incident.unknown", number=number)
    elif reason:
        await _open(ctx, incident, reason)
    else:
        await _begin(ctx, incident)


async def _open(ctx: Context, incident: Incident, reason: str) -> None:
    """Shown to the holder, and written down with the reason."""
    if why := await _may_open(ctx, incident):
        await ctx.reply(why, number=incident.number)
        return
    me = ctx.speaker.member
    await ctx.tx.incidents.note(
        incident.id, ctx.now, OPENED, me.id, text=reason[:LONGEST]
    )
    written = await ctx.tx.notes.of(incident.subject)
    name = (await ctx.tx.people.member(incident.subject)).name
    await _put(
        ctx, "note.of", written, fading.detail_purpose(incident.id),
        number=incident.number, name=name,
    )  # fmt: skip
    await fading.details_will_fade(ctx, incident.id)


async def words(ctx: Context, step: str, data: Mapping[str, Any], text: str) -> None:
    """A part of one's note, or the reason for opening one."""
    await ctx.expect_nothing()
    if step == "reason":
        ctx.require(Action.RESPOND)
        incident = await ctx.tx.incidents.get(int(data["incident"]))
        if incident is not None:
            await _open(ctx, incident, text.strip())
    elif _bare(ctx, ctx.place):
        ctx.tx.forget_event = True
        await ctx.reply("note.bare")
    elif data.get("part") in PARTS:
        await _write(ctx, str(data["part"]), text.strip())


async def tell_of_opening(ctx: Context, incident: Incident, timeline: Sequence[Event]) -> None:
    """Afterwards, to the person: that it was opened, when and why, and by whoever held it."""
    group = await ctx.tx.people.group(incident.group)
    for event in timeline:
        if event.event == OPENED:
            await ctx.tell(
                {incident.subject}, "note.was_opened", lane=Lane.CONVERSATION,
                purpose=fading.read_purpose(incident.subject), everywhere=False, bare=group.bare,
                number=incident.number, at=event.at,
                text=str(event.details.get("text", "")),
            )  # fmt: skip
            await fading.read_will_fade(ctx, incident.subject)


ENTRIES = (Entry("ficha", ("note", "card"), Action.NOTE, command_note, in_menu=False),)
