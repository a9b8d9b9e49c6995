"""A single question at a time of one's own: "pregúntame a las 22:30 cuando salga de la audiencia"."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.domain import trip as rules
from bot.domain.permissions import Action
from bot.domain.trip import Purpose, Trip
from bot.domain.trip_text import asks_once, read_once
from handlers import consent, readings, stages
from handlers.commands import Entry
from handlers.context import Choice, Context

TOPIC = "once"


async def command_once(ctx: Context, rest: str) -> None:
    """`/preguntame 22:30 cuando salga de la audiencia`; alone: what is still to be asked."""
    if not rest:
        found = await ctx.tx.trips.open_of(ctx.speaker.member.id, Purpose.ONCE)
        for trip in found:
            await _show(ctx, trip, "once.one")
        if not found:
            await ctx.reply("once.when")
        return
    await _set(ctx, rest)


async def said(ctx: Context, text: str) -> bool:
    """The same in words. True if they were of that kind."""
    rest = asks_once(text)
    if rest is None:
        return False
    await _set(ctx, rest)
    return True


async def _set(ctx: Context, text: str) -> None:
    me = ctx.speaker.member
    if me.withdrawn_at is not None:
        await ctx.reply("consent.first")
        await consent.command_my_plan(ctx, "")
        return
    if len(await ctx.tx.trips.open_of(me.id, Purpose.ONCE)) >= rules.MOST_ONCE:
        await ctx.reply("once.too_many", n=rules.MOST_ONCE)
        return
    meant = read_once(text, ctx.answered_at, me.zone)
    if meant is None:
        await ctx.reply("once.when")
        return
    instants, words = meant
    if len(instants) > 1:
        await readings.ask_which(ctx, "once", instants, line=text, words=words)
        return
    await _add(ctx, text, instants[0], words)


async def read(ctx: Context, data: Mapping[str, Any], number: int) -> None:
    """It is known which of two times is meant."""
    instant = datetime.fromisoformat(data["instants"][number])
    await _add(ctx, str(data["line"]), instant, str(data["words"]))


async def _add(ctx: Context, text: str, instant: datetime, words: str) -> None:
    trip = await ctx.tx.trips.add(
        ctx.speaker.member.id, Purpose.ONCE, words, [(instant, "")], ctx.answered_at
    )
    await stages.set_timers(ctx, trip)
    await _show(ctx, trip, "once.added")
    await readings.say_clocks(ctx, text, [instant])


async def _show(ctx: Context, trip: Trip, key: str) -> None:
    await ctx.close_prompts(TOPIC, trip.id)
    await ctx.ask(
        ctx.place, key, (Choice("drop", "button.drop_once"),), topic=TOPIC, ref=trip.id,
        at=trip.stages[-1].due, grace=await stages.grace(ctx, trip),
    )  # fmt: skip


async def drop(ctx: Context, ref: int) -> None:
    """The person does not want it any more; a question that is open is judged all the same."""
    trip = await ctx.tx.trips.get(ref)
    if trip is None or trip.member != ctx.speaker.member.id or trip.ended_at is not None:
        await ctx.toast("toast.stale")
        return
    await stages.drop(ctx, trip)
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, trip.id, "once.dropped")


ENTRIES = (
    Entry(
        "preguntame", ("pregúntame", "askme", "unavez", "once"), Action.TRIP, command_once,
        in_menu=False,
    ),
)  # fmt: skip
