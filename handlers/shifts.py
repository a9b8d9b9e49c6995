"""`/guardia`: who is on duty, one's own shifts, a swap of two, a day for somebody else, a calendar."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from bot.domain import icalendar
from bot.domain.answers import keeps, plain
from bot.domain.duty import Change, Rotation, Stint, Turn, swapped
from bot.domain.permissions import Action
from bot.domain.plan_text import LONGEST
from bot.domain.rich import Rich
from bot.domain.schedule import EVERY_DAY, wall_to_instant, zone_named
from bot.domain.spoken import read_instant
from bot.platforms.base import Attachment, Secrecy
from bot.texts import Key
from handlers import duty
from handlers.commands import Entry
from handlers.context import Choice, Context, Place
from handlers.rotations import GROUP
from storage.duty import OVERRIDE, SWAP, Kept

TOPIC = "shifts"
SWAP_TOPIC = "swap"
COVER_TOPIC = "cover"

SHOWN = 5
"""Shifts that one message lists."""

AHEAD = timedelta(days=90)
"""How far ahead shifts can be seen and swapped."""

CALENDAR = timedelta(days=180)
LONGEST_COVER = timedelta(days=31)
UNDO = timedelta(minutes=10)
FILE = "turnos.ics"

NOW = frozenset({"ahora", "ya", "now"})
TODAY = frozenset({"hoy", "today"})
YES = frozenset({"si", "estoy", "confirmo", "aqui estoy", "yes", "here", "i am here", "confirm"})
CANNOT = frozenset({"no puedo", "no", "i cannot", "cannot", "i can't", "i cant"})
CALENDARS = re.compile(r"^(?:calendario|calendar|ical)(?:\s+(?:de\s+)?(todo|todas|all))?$")
SWAP_WORDS = re.compile(
    r"^(?:cambiar|cambio|swap|trade)(?:\s+(?:el\s+)?(.+?)\s+(?:por|for)\s+(?:el\s+)?(.+))?$"
)
QUIT = re.compile(r"^(?:salir|dejar|leave|quit)$")
RANGE = re.compile(
    r"^(?:del?|desde(?:\s+el)?|from)?\s*(.+?)\s+(?:al?|hasta(?:\s+el)?|to|until)\s+(.+)$"
)


# --- the command --------------------------------------------------------------------------------


async def command_duty(ctx: Context, rest: str) -> None:
    """`/guardia`, and in one line: `cambiar 1 dic por 8 dic`, `calendario`, `el sábado: Carla`, ..."""
    rest = rest[:LONGEST]
    said = " ".join(plain(rest).split())
    if not rest:
        await _show(ctx)
    elif said in YES or said in CANNOT:
        await _word(ctx, "confirm" if said in YES else "cannot")
    elif found := CALENDARS.match(said):
        await (_calendar_of_all(ctx, "") if found[1] else _calendar(ctx))
    elif QUIT.match(said):
        await _which_to_quit(ctx)
    elif found := SWAP_WORDS.match(said):
        await (_swap_in_words(ctx, found[1], found[2]) if found[1] else _which_to_give(ctx))
    elif ":" in rest:
        ctx.require(Action.SET_DUTY)
        await _cover_in_words(ctx, rest)
    else:
        await ctx.reply("shifts.how")


async def _show(ctx: Context) -> None:
    """Who has it and who is next, to those who may know; to everyone their own shifts."""
    me = ctx.speaker.member
    texts = ctx.texts(ctx.place)
    kept = await ctx.tx.duty.of_group(me.group, ctx.now)
    text = texts.render("shifts.head" if kept else "shifts.none")
    knows = ctx.may(Action.ON_DUTY)
    for one in kept if knows else ():
        text = text + await _now(ctx, one)
    if kept and not knows:
        text = text + texts.render("shifts.somebody" if await _anybody(ctx) else "shifts.nobody")
    mine = await _mine(ctx, AHEAD)
    text = text + _listed(ctx, mine)
    choices: list[Choice] = []
    if any(stint.start > ctx.now for _, stint in mine):
        choices.append(Choice("swap", "button.swap"))
    if mine:
        choices.append(Choice("calendar", "button.calendar"))
    if any(me.id in one.people for one in kept):
        choices.append(Choice("quit", "button.quit_rotation"))
    if kept and ctx.may(Action.SET_DUTY):
        choices += [
            Choice("cover", "button.cover"), Choice("calendar_all", "button.calendar_all"),
        ]  # fmt: skip
    if not choices:
        await ctx.put(ctx.place, text)
        return
    await ctx.ask(ctx.place, text, choices, topic=TOPIC, ref=me.id)


async def _now(ctx: Context, kept: Kept) -> Rich:
    """One rotation at this moment and after its next hand-off."""
    roster = await ctx.tx.people.roster(kept.group)
    able = await duty.reached(ctx, roster)
    answers, _ = await duty.of_rotation(ctx, kept, able)
    ahead = list(kept.rotation.stints(ctx.now, ctx.now + AHEAD))[:2]
    here = [s for s in ahead if s.start <= ctx.now]
    after = next((s for s in ahead if s.start > ctx.now), None)
    names = tuple([await duty.named(ctx, member) for member in sorted(answers)])
    return ctx.texts(ctx.place).render(
        "shifts.now",
        where=await duty.where(ctx, ctx.place, kept),
        names=names or Key("duty.noone"),
        until=here[0].end if here else Key("shifts.not_yet"),
        after=await duty.named(ctx, after.member if after else None),
    )


async def _anybody(ctx: Context) -> bool:
    """Whether somebody is on duty for the speaker."""
    me = ctx.speaker.member
    roster = await ctx.tx.people.roster(me.group)
    first, _ = await duty.answering(ctx, me.group, me.id, roster, {me.id})
    return bool(first)


async def _mine(ctx: Context, ahead: timedelta) -> list[tuple[Kept, Stint]]:
    me = ctx.speaker.member.id
    found = [
        (kept, stint)
        for kept in await ctx.tx.duty.with_member(me, ctx.now)
        for stint in kept.rotation.stints(ctx.now, ctx.now + ahead)
        if stint.member == me and kept.rotation.holds(stint, (me,))
    ]
    return sorted(found, key=lambda pair: pair[1].start)


def _listed(ctx: Context, mine: Sequence[tuple[Kept, Stint]]) -> Rich:
    texts = ctx.texts(ctx.place)
    if not mine:
        return Rich()
    text = texts.render("shifts.mine")
    for _, stint in mine[:SHOWN]:
        text = text + texts.render("shifts.turn", at=stint.start, until=stint.end)
    return text


async def _word(ctx: Context, action: str) -> None:
    """The answer to the newest question about a turn, in a word."""
    open_here = await ctx.tx.conversations.open_in(ctx.place.platform, ctx.place.chat)
    me = ctx.speaker.member.id
    asked = next((p for p in open_here if p.topic == duty.TOPIC and p.member == me), None)
    if asked is not None:
        ctx.require(Action.ON_DUTY)
        await duty.pressed(ctx, asked.ref, action)
        return
    for kept, stint in await _mine(ctx, AHEAD):
        turn = await ctx.tx.duty.turn(kept.id, stint.start)
        if turn is None:
            turn = Turn(kept.id, stint.start, stint.end, stint.member)
            await ctx.tx.duty.save(turn)
            turn = await ctx.tx.duty.turn(kept.id, stint.start)
        if turn is not None:
            await duty.pressed(ctx, turn.id, action)
            await ctx.reply(f"shifts.{action}", at=stint.start, until=stint.end)
            return
    await ctx.reply("shifts.no_turn")


async def pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """What was chosen below `/guardia`."""
    if ref != ctx.speaker.member.id:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    match action:
        case "swap":
            await _which_to_give(ctx)
        case "give":
            await _which_to_take(ctx, *_numbers(argument))
        case "take":
            await _sure_to_swap(ctx, *_numbers(argument))
        case "propose":
            await _propose(ctx, *_numbers(argument))
        case "calendar":
            await _calendar(ctx)
        case "quit":
            await _which_to_quit(ctx)
        case "quit_it":
            await _quit(ctx, int(argument))
        case "cover":
            await _whose_to_cover(ctx, argument)
        case "calendar_all":
            await _calendar_of_all(ctx, argument)
        case "drop":
            await ctx.expect_nothing()
            await ctx.close_prompts(TOPIC, ref, "shifts.dropped", only=ctx.place)


def _numbers(argument: str) -> tuple[int, ...]:
    return tuple(int(number) for number in argument.split(":"))


def _argument(*values: int | datetime) -> str:
    """Numbers and instants for an answer to carry; hand-offs are at whole seconds."""
    return ":".join(str(int(v.timestamp()) if isinstance(v, datetime) else v) for v in values)


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def _close(ctx: Context, topic: str, ref: int, argument: str, key: str = "") -> None:
    """Close the questions about this one thing in the speaker's chat; others of the rotation stay."""
    here = (ctx.place.platform, ctx.place.chat)
    for prompt in await ctx.tx.conversations.open_about(topic, ref):
        about = any(option.argument == argument for option in prompt.options)
        if about and (prompt.platform, prompt.chat) == here:
            await ctx.close_prompt(prompt, key)


async def _kept(ctx: Context, id: int) -> Kept | None:
    kept = await ctx.tx.duty.get(id)
    return kept if kept is not None and kept.group == ctx.speaker.member.group else None


# --- a swap of two ------------------------------------------------------------------------------


async def _which_to_give(ctx: Context) -> None:
    mine = [(kept, s) for kept, s in await _mine(ctx, AHEAD) if s.start > ctx.now]
    if not mine:
        await ctx.reply("shifts.nothing_to_swap")
        return
    await ctx.ask(
        ctx.place,
        "shifts.give",
        [
            Choice(
                "give", "button.turn", _argument(kept.id, s.start), {"at": s.start, "until": s.end}
            )
            for kept, s in mine[:SHOWN]
        ],
        topic=TOPIC,
        ref=ctx.speaker.member.id,
    )


async def _which_to_take(ctx: Context, rotation: int, mine: int) -> None:
    me = ctx.speaker.member
    kept = await _kept(ctx, rotation)
    theirs = await _of_others(ctx, kept) if kept is not None else []
    if not theirs:
        await ctx.reply("shifts.nobody_to_swap")
        return
    choices = [
        Choice(
            "take", "button.turn_of", _argument(rotation, mine, stint.start),
            {"name": await duty.named(ctx, stint.member), "at": stint.start, "until": stint.end},
        )
        for stint in theirs[: 2 * SHOWN]
    ]  # fmt: skip
    await ctx.ask(ctx.place, "shifts.take", choices, topic=TOPIC, ref=me.id, at=_at(mine))


async def _of_others(ctx: Context, kept: Kept) -> list[Stint]:
    """What can be taken in exchange."""
    me = ctx.speaker.member
    roster = await ctx.tx.people.roster(me.group)
    return [
        stint
        for stint in kept.rotation.stints(ctx.now, ctx.now + AHEAD)
        if stint.start > ctx.now
        and stint.member != me.id
        and kept.rotation.holds(stint, roster.everyone)
    ]


async def _swap_in_words(ctx: Context, mine: str, theirs: str) -> None:
    """`cambiar 1 dic por 8 dic`: a day names the shift that begins on it, else the one it is in."""
    me = ctx.speaker.member.id
    for kept in await ctx.tx.duty.with_member(me, ctx.now):
        given, taken = (_on_day(ctx, kept.rotation, text) for text in (mine, theirs))
        if given is not None and taken is not None and given.member == me:
            await _sure_to_swap(
                ctx, *_numbers(_argument(kept.id, given.start, taken.start))
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


async def _sure_to_swap(ctx: Context, rotation: int, mine: int, theirs: int) -> None:
    swap = await _possible(ctx, rotation, mine, theirs, ctx.speaker.member.id)
    if swap is None:
        await ctx.reply("shifts.swap_unclear")
        return
    _, given, taken = swap
    argument = _argument(rotation, mine, theirs)
    await ctx.ask(
        ctx.place,
        "shifts.swap_sure",
        (Choice("propose", "button.propose", argument), Choice("drop", "button.drop")),
        topic=TOPIC,
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
    kept = await _kept(ctx, rotation)
    other = kept.rotation.at(_at(theirs)) if kept is not None else None
    if kept is None or other is None or other.member is None:
        return None
    roster = await ctx.tx.people.roster(kept.group)
    if not {by, other.member} <= roster.everyone:
        return None
    changes = swapped(kept.rotation, _at(mine), _at(theirs), by, other.member, ctx.now)
    return (kept, *changes) if changes is not None else None


async def _propose(ctx: Context, rotation: int, mine: int, theirs: int) -> None:
    """To the other person; nothing changes before they agree."""
    me = ctx.speaker.member
    swap = await _possible(ctx, rotation, mine, theirs, me.id)
    await ctx.close_prompts(TOPIC, me.id, only=ctx.place)
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
                Choice("agree", "button.agree_swap", _argument(mine, theirs, me.id)),
                Choice("disagree", "button.decline", _argument(mine, theirs, me.id)),
            ),
            topic=SWAP_TOPIC,
            ref=kept.id,
            name=Key("bare.name") if bare else me.name,
            at=given.start,
            until=given.end,
            from_=taken.start,
            to=taken.end,
        )
    key = "shifts.swap_asked" if places else "shifts.swap_unreachable"
    await ctx.reply(key, name=await duty.named(ctx, given.member))


async def swap_answered(ctx: Context, ref: int, action: str, argument: str) -> None:
    """The other person's word."""
    me = ctx.speaker.member
    mine, theirs, by = _numbers(argument)
    swap = await _possible(ctx, ref, mine, theirs, by)
    if swap is None or swap[1].member != me.id:
        await ctx.toast("toast.not_done")
        await _close(ctx, SWAP_TOPIC, ref, argument, "shifts.swap_now_void")
        return
    kept, given, taken = swap
    await ctx.toast("toast.done")
    if action == "disagree":
        await _close(ctx, SWAP_TOPIC, ref, argument, "shifts.swap_declined")
        await duty.tell(
            ctx, kept, {by}, "shifts.news.declined", name=me.name, at=_at(mine)
        )
        return
    for change in (given, taken):
        await ctx.tx.duty.change(kept.id, change, SWAP, ctx.now)
    await _close(ctx, SWAP_TOPIC, ref, argument, "shifts.swap_done")
    values = {"at": given.start, "until": given.end, "from_": taken.start, "to": taken.end}
    await duty.tell(ctx, kept, {by}, "shifts.news.agreed", name=me.name, **values)
    roster = await ctx.tx.people.roster(kept.group)
    await duty.tell(
        ctx, kept, roster.coordinators - {me.id, by}, "shifts.news.swapped",
        name=await duty.name_of(ctx, by), subject=me.name, **values,
    )  # fmt: skip
    await duty.look(ctx, kept.id)


# --- a day for somebody else --------------------------------------------------------------------


async def _whose_to_cover(ctx: Context, argument: str) -> None:
    """Which rotation, where there are several; then when and who."""
    kept = await ctx.tx.duty.of_group(ctx.speaker.member.group, ctx.now)
    if argument:
        kept = [one for one in kept if one.id == int(argument)]
    if not kept:
        await ctx.reply("shifts.none")
    elif len(kept) > 1:
        await _which(ctx, "cover", kept)
    else:
        await ctx.expect(COVER_TOPIC, "when", rotation=kept[0].id)
        await ctx.reply("cover.how")


async def _which(ctx: Context, action: str, kept: Sequence[Kept]) -> None:
    choices = [
        Choice(action, "button.region", str(one.id), {"region": await duty.where(ctx, ctx.place, one)})
        for one in kept
    ]
    await ctx.ask(
        ctx.place, "shifts.which", choices, topic=TOPIC, ref=ctx.speaker.member.id
    )


async def cover_words(ctx: Context, step: str, data: Mapping[str, Any], text: str) -> None:
    """ "El sábado: Carla", and whether to keep it; asked again where it is not that."""
    if step == "sure":
        keep = keeps(text)
        if keep is None:
            await ctx.reply("region.yes_or_no")
        else:
            await ctx.expect_nothing()
            does = "save" if keep else "drop"
            await cover_pressed(ctx, data["rotation"], does, str(data["what"]))
        return
    kept = await _kept(ctx, data["rotation"])
    if kept is None:
        await ctx.expect_nothing()
        await ctx.reply("shifts.none")
        return
    await _cover(ctx, kept, text)


async def _cover_in_words(ctx: Context, text: str) -> None:
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
    what = _argument(start, end, person.id)
    await ctx.expect(COVER_TOPIC, "sure", rotation=kept.id, what=what)
    await ctx.ask(
        ctx.place,
        "cover.sure",
        (Choice("save", "button.save", what), Choice("drop", "button.drop", what)),
        topic=COVER_TOPIC,
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


async def cover_pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """Below the summary, below what was done, and below what the person was told."""
    kept = await _kept(ctx, ref)
    if kept is None:
        await ctx.toast("toast.stale")
        return
    match action:
        case "save":
            await ctx.expect_nothing()
            start, end, member = _numbers(argument)
            await _save_cover(ctx, kept, Change(_at(start), _at(end), member), argument)
        case "drop":
            await ctx.expect_nothing()
            await ctx.toast("toast.done")
            await _close(ctx, COVER_TOPIC, ref, argument, "shifts.dropped")
        case "undo":
            await _undo(ctx, kept, argument)
        case "refuse":
            await _refuse(ctx, kept, argument)


async def _save_cover(ctx: Context, kept: Kept, change: Change, argument: str) -> None:
    """It holds at once: whoever responds has agreed to be told, and one tap says that they cannot."""
    me = ctx.speaker.member
    roster = await ctx.tx.people.roster(kept.group)
    if change.end <= ctx.now or change.member not in roster.everyone:
        await ctx.toast("toast.not_done")
        await _close(ctx, COVER_TOPIC, kept.id, argument, "shifts.swap_now_void")
        return
    await ctx.toast("toast.done")
    displaced = {
        s.member for s in kept.rotation.stints(change.start, change.end) if s.member is not None
    } - {change.member, me.id}
    await ctx.tx.duty.change(kept.id, change, OVERRIDE, ctx.now)
    await ctx.log("duty_covered", change.member)
    await _close(ctx, COVER_TOPIC, kept.id, argument)
    key = _argument(change.start, change.member, ctx.now)
    await ctx.ask(
        ctx.place,
        "cover.saved",
        (Choice("undo", "button.undo", key),),
        topic=COVER_TOPIC,
        ref=kept.id,
        name=await duty.named(ctx, change.member),
        at=change.start,
        until=change.end,
        within=UNDO,
    )
    span = {"at": change.start, "until": change.end}
    if change.member != me.id:
        await _tell_to_cover(ctx, kept, change)
    await duty.tell(ctx, kept, displaced & roster.everyone, "cover.news.free", **span)
    await duty.tell(
        ctx, kept, roster.coordinators - {me.id, change.member, *displaced}, "cover.news.set",
        name=me.name, subject=await duty.name_of(ctx, change.member), **span,
    )  # fmt: skip
    await duty.look(ctx, kept.id)


async def _tell_to_cover(ctx: Context, kept: Kept, change: Change) -> None:
    for place in (await ctx.places_of(change.member))[:1]:
        bare = place.platform in ctx.speaker.group.bare
        await ctx.ask(
            place,
            "cover.yours",
            (Choice("refuse", "button.cannot_be", _argument(change.start)),),
            topic=COVER_TOPIC,
            ref=kept.id,
            where=await duty.where(ctx, place, kept),
            name=Key("bare.name") if bare else ctx.speaker.member.name,
            at=change.start,
            until=change.end,
        )


async def _undo(ctx: Context, kept: Kept, argument: str) -> None:
    start, member, made = _numbers(argument)
    if ctx.now > _at(made) + UNDO:
        await ctx.toast("toast.not_done")
        await _close(ctx, COVER_TOPIC, kept.id, argument, "cover.too_late")
        return
    if not await ctx.tx.duty.undo(kept.id, member, _at(start), OVERRIDE):
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await _close(ctx, COVER_TOPIC, kept.id, argument, "cover.undone")
    for prompt in await ctx.tx.conversations.open_about(COVER_TOPIC, kept.id):
        if prompt.member == member and any(o.argument == str(start) for o in prompt.options):
            await ctx.close_prompt(prompt, "cover.undone")
    await ctx.log("duty_undone", member)
    roster = await ctx.tx.people.roster(kept.group)
    me = ctx.speaker.member.id
    others = (roster.coordinators | ({member} & roster.everyone)) - {me}
    await duty.tell(ctx, kept, others, "cover.news.undone", at=_at(start))
    await duty.look(ctx, kept.id)


async def _refuse(ctx: Context, kept: Kept, argument: str) -> None:
    """They cannot: it is whose it was, and those who coordinate hear of it."""
    me = ctx.speaker.member
    (start,) = _numbers(argument)
    if not await ctx.tx.duty.undo(kept.id, me.id, _at(start), OVERRIDE):
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await _close(ctx, COVER_TOPIC, kept.id, argument, "cover.refused")
    roster = await ctx.tx.people.roster(kept.group)
    again = await _kept(ctx, kept.id)
    back = again.rotation.at(_at(start)) if again is not None else None
    holder = {back.member} if back is not None and back.member is not None else set()
    await duty.tell(
        ctx, kept, roster.coordinators - {me.id}, "cover.news.refused",
        name=me.name, at=_at(start),
    )  # fmt: skip
    await duty.tell(
        ctx, kept, (holder & roster.everyone) - {me.id} - roster.coordinators, "cover.news.back",
        at=_at(start),
    )  # fmt: skip
    await duty.look(ctx, kept.id)


# --- leaving a rotation -------------------------------------------------------------------------


async def _which_to_quit(ctx: Context) -> None:
    me = ctx.speaker.member
    mine = [k for k in await ctx.tx.duty.with_member(me.id, ctx.now) if me.id in k.people]
    if not mine:
        await ctx.reply("shifts.no_turn")
        return
    choices = [
        Choice("quit_it", "button.quit_it", str(k.id), {"where": await duty.where(ctx, ctx.place, k)})
        for k in mine
    ]
    await ctx.ask(
        ctx.place,
        "shifts.quit_sure",
        (*choices, Choice("drop", "button.do_not")),
        topic=TOPIC,
        ref=me.id,
    )


async def _quit(ctx: Context, rotation: int) -> None:
    """Nobody has to go on: one's own word is enough, and those who coordinate hear of it."""
    me = ctx.speaker.member
    kept = await _kept(ctx, rotation)
    await ctx.close_prompts(TOPIC, me.id, only=ctx.place)
    if kept is None or me.id not in kept.people:
        await ctx.reply("shifts.no_turn")
        return
    await duty.let_go(ctx, me, rotation)
    await ctx.reply("shifts.quit")


# --- calendars ----------------------------------------------------------------------------------


async def _calendar(ctx: Context) -> None:
    """One's own shifts: when, and nothing of whose network or who else."""
    texts = ctx.texts(ctx.place)
    title = texts.plain("shifts.title")
    events = [_event(kept, stint, title) for kept, stint in await _mine(ctx, CALENDAR)]
    if not events:
        await ctx.reply("shifts.no_turn")
        return
    await _send(ctx, events, "shifts.calendar")


async def _calendar_of_all(ctx: Context, argument: str) -> None:
    """A rotation with its people, for who coordinates."""
    ctx.require(Action.SET_DUTY)
    if ctx.place.platform in ctx.speaker.group.bare:
        await ctx.reply("bare.calendar")
        return
    kept = await ctx.tx.duty.of_group(ctx.speaker.member.group, ctx.now)
    if argument:
        kept = [one for one in kept if one.id == int(argument)]
    elif len({one.region for one in kept}) > 1:
        await _which(ctx, "calendar_all", kept)
        return
    roster = await ctx.tx.people.roster(ctx.speaker.member.group)
    texts = ctx.texts(ctx.place)
    events = []
    for one in kept:
        for stint in one.rotation.stints(ctx.now, ctx.now + CALENDAR):
            held = one.rotation.holds(stint, roster.everyone)
            name = await duty.name_of(ctx, stint.member if held else None)
            events.append(_event(one, stint, texts.plain("shifts.title_of", name=name)))
    if not events:
        await ctx.reply("shifts.none")
        return
    await _send(ctx, events, "shifts.calendar_all")


def _event(kept: Kept, stint: Stint, title: str) -> icalendar.Event:
    """Its number comes from the local time at which it begins: it stays if a zone's tables change."""
    local = stint.start.astimezone(zone_named(kept.rotation.rule.zone))
    which = f"{kept.made_at.timestamp()} {kept.id} {local:%Y%m%dT%H%M%S}"
    uid = hashlib.sha256(which.encode()).hexdigest()[:32]
    return icalendar.Event(f"{uid}@acuerpa.invalid", stint.start, stint.end, title)


async def _send(ctx: Context, events: Sequence[icalendar.Event], key: str) -> None:
    content = icalendar.calendar(events, "-//Acuerpa//turnos//ES", ctx.now)
    place: Place = ctx.place
    await ctx.put(
        place,
        ctx.texts(place).render(key),
        files=(Attachment(FILE, "text/calendar", content),),
        secrecy=Secrecy.DETAILED,
    )


ENTRIES = (
    Entry("guardia", ("duty", "oncall"), Action.SEE_DUTY, command_duty, in_menu=False),
)
