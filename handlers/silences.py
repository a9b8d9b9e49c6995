"""An announced silence: no questions of schedules until a set end, and one question at that end.

It is no way out of being watched. What is open already is judged, trips go on, and at the end the
person is asked at once, whether they have a schedule or not. Those who coordinate hear of each end,
and of a silence that is longer than a day when it begins: whoever holds the phone may not be its
owner, and the answer in that chat is the same either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.domain import trip as rules
from bot.domain.answers import plain
from bot.domain.lanes import Lane
from bot.domain.permissions import Action
from bot.domain.trip import Purpose, Trip
from bot.domain.trip_text import read_once
from handlers import consent, readings, stages
from handlers.commands import Entry
from handlers.context import Context

END = frozenset({"fin", "terminar", "termina", "quitar", "cancelar", "end", "off", "stop", "over"})


async def command_pause(ctx: Context, rest: str) -> None:
    """`/pausa hasta mañana a las 9 sierra sin señal`; `/pausa fin` ends it; alone: what there is."""
    me = ctx.speaker.member
    silence = await open_of(ctx, me.id)
    if plain(rest).strip(" .!") in END:
        await _end(ctx, silence)
        return
    meant = None
    if rest:
        meant = read_once(rest, ctx.answered_at, me.zone)
        # "3 días por la sierra"
        meant = meant or read_once(f"en {rest}", ctx.answered_at, me.zone)
    if meant is None:
        if silence is not None and not rest:
            await ctx.reply("pause.on", until=silence.stages[-1].due)
        else:
            await ctx.reply("pause.when")
        return
    if me.withdrawn_at is not None:
        await ctx.reply("consent.first")
        await consent.command_my_plan(ctx, "")
        return
    instants, words = meant
    if len(instants) > 1:
        await readings.ask_which(ctx, "silence", instants, line=rest, words=words)
        return
    await _set(ctx, rest, instants[0], words)


async def read(ctx: Context, data: Mapping[str, Any], number: int) -> None:
    """It is known which of two times is meant."""
    instant = datetime.fromisoformat(data["instants"][number])
    await _set(ctx, str(data["line"]), instant, str(data["words"]))


async def open_of(ctx: Context, member: int) -> Trip | None:
    """The silence that somebody announced."""
    found = await ctx.tx.trips.open_of(member, Purpose.SILENCE)
    return found[-1] if found else None


async def _set(ctx: Context, text: str, until: datetime, words: str) -> None:
    me = ctx.speaker.member
    if until > ctx.now + rules.LONGEST_SILENCE:
        await ctx.reply("pause.too_long", longest=rules.LONGEST_SILENCE)
        return
    before = await open_of(ctx, me.id)
    since = before.started_at if before is not None else ctx.answered_at
    if before is not None:
        await stages.drop(ctx, before)
    # From the beginning of the first: many short ones in a row are a long one.
    silence = await ctx.tx.trips.add(me.id, Purpose.SILENCE, words, [(until, "")], since)
    await stages.set_timers(ctx, silence)
    for schedule in await ctx.tx.checkins.schedules_of(me.id):
        await ctx.tx.checkins.pause(schedule.id, until)
    await ctx.reply("pause.set", until=until)
    await readings.say_clocks(ctx, text, [until])
    if until - since > rules.ANNOUNCED:
        await _tell(ctx, me.id, "pause.news", until=until)


async def _end(ctx: Context, silence: Trip | None) -> None:
    if silence is None:
        await ctx.reply("pause.none")
        return
    await stages.drop(ctx, silence)
    for schedule in await ctx.tx.checkins.schedules_of(silence.member):
        await ctx.tx.checkins.pause(schedule.id, None)
    await ctx.reply("pause.over")
    await _tell(ctx, silence.member, "pause.news_over")


async def announce_end(ctx: Context, silence: Trip) -> None:
    """It is over, and the person is being asked."""
    await _tell(ctx, silence.member, "pause.news_asked")


async def _tell(ctx: Context, member: int, key: str, **values: Any) -> None:
    """Those who coordinate hear it; where nobody else does, the circle. The words that the person
    wrote about it are not among what they hear."""
    person = await ctx.tx.people.member(member)
    roster = await ctx.tx.people.roster(person.group)
    group = await ctx.tx.people.group(person.group)
    to = roster.coordinators - {member} or roster.responders - {member}
    await ctx.tell(
        to, key, lane=Lane.CONVERSATION, everywhere=False, bare=group.bare, name=person.name,
        **values,
    )  # fmt: skip


ENTRIES = (Entry("pausa", ("pause", "silencio", "silence"), Action.SETTINGS, command_pause),)
