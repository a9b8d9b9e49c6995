"""`/guardia`: who is on duty and one's own shifts, and from there on a swap, a cover, a calendar."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.domain.answers import plain
from bot.domain.duty import Stint, Turn
from bot.domain.permissions import Action
from bot.domain.plan_text import LONGEST
from bot.domain.rich import Rich
from bot.texts import Key
from handlers import covers, duty, duty_calendars, stints, swaps
from handlers.commands import Entry
from handlers.context import Choice, Context
from storage.duty import Kept

YES = frozenset({"si", "estoy", "confirmo", "aqui estoy", "yes", "here", "i am here", "confirm"})
CANNOT = frozenset({"no puedo", "no", "i cannot", "cannot", "i can't", "i cant"})
CALENDARS = re.compile(r"^(?:calendario|calendar|ical)(?:\s+(?:de\s+)?(todo|todas|all))?$")
SWAP_WORDS = re.compile(
    r"^(?:cambiar|cambio|swap|trade)(?:\s+(?:el\s+)?(.+?)\s+(?:por|for)\s+(?:el\s+)?(.+))?$"
)
QUIT = re.compile(r"^(?:salir|dejar|leave|quit)$")


async def command_duty(ctx: Context, rest: str) -> None:
    """`/guardia`, and in one line: `cambiar 1 dic por 8 dic`, `calendario`, `el sábado: Carla`, ..."""
    rest = rest[:LONGEST]
    said = " ".join(plain(rest).split())
    if not rest:
        await _show(ctx)
    elif said in YES or said in CANNOT:
        await _word(ctx, "confirm" if said in YES else "cannot")
    elif found := CALENDARS.match(said):
        await (duty_calendars.of_all(ctx, "") if found[1] else duty_calendars.own(ctx))
    elif QUIT.match(said):
        await _which_to_quit(ctx)
    elif found := SWAP_WORDS.match(said):
        await (swaps.in_words(ctx, found[1], found[2]) if found[1] else swaps.which_to_give(ctx))
    elif ":" in rest:
        ctx.require(Action.SET_DUTY)
        await covers.in_words(ctx, rest)
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
    mine = await stints.mine(ctx, stints.AHEAD)
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
    await ctx.ask(ctx.place, text, choices, topic=stints.TOPIC, ref=me.id)


async def _now(ctx: Context, kept: Kept) -> Rich:
    """One rotation at this moment and after its next hand-off."""
    roster = await ctx.tx.people.roster(kept.group)
    able = await duty.reached(ctx, roster)
    answers, _ = await duty.of_rotation(ctx, kept, able)
    ahead = list(kept.rotation.stints(ctx.now, ctx.now + stints.AHEAD))[:2]
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


def _listed(ctx: Context, mine: Sequence[tuple[Kept, Stint]]) -> Rich:
    texts = ctx.texts(ctx.place)
    if not mine:
        return Rich()
    text = texts.render("shifts.mine")
    for _, stint in mine[:stints.SHOWN]:
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
    for kept, stint in await stints.mine(ctx, stints.AHEAD):
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
            await swaps.which_to_give(ctx)
        case "give":
            await swaps.which_to_take(ctx, *stints.numbers(argument))
        case "take":
            await swaps.sure(ctx, *stints.numbers(argument))
        case "propose":
            await swaps.propose(ctx, *stints.numbers(argument))
        case "calendar":
            await duty_calendars.own(ctx)
        case "quit":
            await _which_to_quit(ctx)
        case "quit_it":
            await _quit(ctx, int(argument))
        case "cover":
            await covers.whose(ctx, argument)
        case "calendar_all":
            await duty_calendars.of_all(ctx, argument)
        case "drop":
            await ctx.expect_nothing()
            await ctx.close_prompts(stints.TOPIC, ref, "shifts.dropped", only=ctx.place)


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
        topic=stints.TOPIC,
        ref=me.id,
    )


async def _quit(ctx: Context, rotation: int) -> None:
    """Nobody has to go on: one's own word is enough, and those who coordinate hear of it."""
    me = ctx.speaker.member
    kept = await stints.kept(ctx, rotation)
    await ctx.close_prompts(stints.TOPIC, me.id, only=ctx.place)
    if kept is None or me.id not in kept.people:
        await ctx.reply("shifts.no_turn")
        return
    await duty.let_go(ctx, me, rotation)
    await ctx.reply("shifts.quit")


ENTRIES = (
    Entry("guardia", ("duty", "oncall"), Action.SEE_DUTY, command_duty, in_menu=False),
)
