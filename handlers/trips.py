"""Trips in chat: setting out, arriving, being later, and coming to an end.

A trip is begun in one line or in a conversation, and each of its times is a check-in. Nobody else
hears of it unless one is missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.domain import trip as rules
from bot.domain.answers import Answer, plain, says_arrived, understand, understand_yes_no
from bot.domain.checkin import OPEN
from bot.domain.checkin import put_off as put_off_question
from bot.domain.incident import Kind
from bot.domain.lanes import Lane
from bot.domain.permissions import Action
from bot.domain.rich import Rich
from bot.domain.trip import Problem, Purpose, Stage, StageState, Trip, TripError
from bot.domain.trip_text import Said, read_extension, read_trip, sets_out
from bot.platforms.base import PlatformName
from handlers import checkins, consent, fading, incidents, readings, stages
from handlers.commands import Entry
from handlers.context import Choice, Context, Due, Place

TOPIC = stages.TOPIC
ENDING = (TOPIC, "end")
"""The step of the conversation in which words like "I am well" end the trip."""

END = frozenset({"terminar", "termina", "fin", "cancelar", "cancela", "end", "finish", "cancel",
                 "stop", "quitar"})  # fmt: skip


async def under_way(ctx: Context, member: int) -> Trip | None:
    """The trip that somebody is on."""
    found = await ctx.tx.trips.open_of(member, Purpose.TRIP)
    return found[-1] if found else None


# --- setting out --------------------------------------------------------------------------------


async def command_trip(ctx: Context, rest: str) -> None:
    """`/trayecto Oaxaca 14:00, Juchitán 18:30`; alone: where I am on it, or how to begin one.

    `/trayecto llegué`, `/trayecto alargar 30 min` and `/trayecto terminar` act on the one under way.
    """
    trip = await under_way(ctx, ctx.speaker.member.id)
    by = read_extension(rest) if rest else None
    if plain(rest).strip(" .!") in END:
        await (_ask_how_they_are(ctx, trip) if trip else ctx.reply("trip.none"))
    elif says_arrived(rest):
        await (arrive(ctx, trip) if trip else ctx.reply("trip.none"))
    elif by is not None:
        await (extend(ctx, trip, by) if trip else ctx.reply("trip.none"))
    elif rest:
        await begin(ctx, rest)
    elif trip is not None:
        await show(ctx, trip, "trip.shown")
    else:
        await ctx.expect(TOPIC, "line")
        await ctx.reply("trip.how")


async def begin(ctx: Context, text: str) -> None:
    """Read a line, ask where it has two meanings, and set out."""
    me = ctx.speaker.member
    if me.withdrawn_at is not None:
        # As with a schedule: to be waited for by nobody would be a false promise.
        await ctx.reply("consent.first")
        await consent.command_my_plan(ctx, "")
        return
    trip = await under_way(ctx, me.id)
    if trip is not None:
        await show(ctx, trip, "trip.one_at_a_time")
        return
    try:
        meant = read_trip(text, ctx.answered_at, me.zone)
    except TripError as error:
        # Nothing of it is lost: the next words are read together with these.
        missing_time = error.code is Problem.NO_TIME
        await ctx.expect(TOPIC, "line", **({"before": text[:500]} if missing_time else {}))
        await ctx.reply(f"trip.error.{error.code}", **error.values)
        return
    if len(meant) == 1:
        await _set_out(ctx, text, meant[0])
        return
    differ = next(i for i, said in enumerate(meant[0]) if said != meant[1][i])
    await readings.ask_which(
        ctx,
        "trip",
        [said[differ].due for said in meant],
        line=text,
        trips=[[[s.place, s.due.isoformat()] for s in said] for said in meant],
    )


async def read(ctx: Context, data: Mapping[str, Any], number: int) -> None:
    """It is known which of two trips is meant."""
    said = [Said(place, datetime.fromisoformat(due)) for place, due in data["trips"][number]]
    if await under_way(ctx, ctx.speaker.member.id) is None:
        await _set_out(ctx, str(data["line"]), said)


async def _set_out(ctx: Context, text: str, said: Sequence[Said]) -> None:
    await ctx.expect_nothing()
    dues = [(stage.due, stage.place) for stage in said]
    trip = await ctx.tx.trips.add(
        ctx.speaker.member.id, Purpose.TRIP, "", dues, ctx.answered_at
    )
    await stages.set_timers(ctx, trip)
    await show(ctx, trip, "trip.started")
    await readings.say_clocks(ctx, text, [stage.due for stage in said])
    if ctx.place.platform == PlatformName.TELEGRAM:
        await ctx.reply("trip.telegram_reads")


async def show(ctx: Context, trip: Trip, key: str) -> None:
    """The trip as it is, with what can be done about it. An earlier showing loses its buttons."""
    await ctx.close_prompts(TOPIC, trip.id)
    texts = ctx.texts(ctx.place)
    text = texts.render(key, grace=await stages.grace(ctx, trip)) + _lines(ctx, ctx.place, trip)
    await ctx.ask(
        ctx.place, text, await _choices(ctx, trip), topic=TOPIC, ref=trip.id,
        purpose=fading.trip_purpose(trip.id),
    )  # fmt: skip


def _lines(ctx: Context, place: Place, trip: Trip) -> Rich:
    text = Rich()
    bare = place.platform in ctx.speaker.group.bare
    for stage in trip.stages:
        if stage.state is not StageState.DROPPED:
            key = "trip.line" if stage.place and not bare else "trip.line_bare"
            text = text + ctx.texts(place).render(
                key, at=stage.due, **({"place": stage.place} if key == "trip.line" else {})
            )
    return text


async def _choices(ctx: Context, trip: Trip) -> list[Choice]:
    can_extend = rules.extensions(trip, await stages.risk(ctx, trip), ctx.now)
    return [
        Choice("arrived", "button.arrived"),
        *([Choice("extend", "button.extend")] if can_extend else []),
        Choice("help", "button.help"),
        Choice("end", "button.end_trip"),
    ]


async def on_soon(ctx: Context, occasion: Due) -> None:
    """Shortly before a stage's time: a word to the person alone, so that nobody is missed for having
    lost sight of the clock."""
    trip = await ctx.tx.trips.of_stage(occasion.ref)
    stage = trip.current if trip is not None else None
    if trip is None or stage is None or stage.id != occasion.ref or stage.due <= ctx.now:
        return
    await ctx.close_prompts(TOPIC, trip.id)
    choices = await _choices(ctx, trip)
    for place in (await ctx.places_of(trip.member))[:1]:
        await ctx.ask(
            place, "trip.soon", choices, topic=TOPIC, ref=trip.id, lane=Lane.CHECKIN,
            purpose=fading.trip_purpose(trip.id), at=stage.due,
        )  # fmt: skip


# --- on the way ---------------------------------------------------------------------------------


async def pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """A button below a trip."""
    trip = await ctx.tx.trips.get(ref)
    if trip is None or trip.member != ctx.speaker.member.id or trip.ended_at is not None:
        await ctx.toast("toast.stale")
        return
    match action:
        case "arrived":
            await arrive(ctx, trip)
        case "extend":
            await offer(ctx, trip)
        case "extend_by":
            await extend(ctx, trip, timedelta(minutes=int(argument)))
        case "help":
            await _needs_help(ctx)
        case "end":
            await ctx.toast("toast.write")
            await _ask_how_they_are(ctx, trip)


async def arrive(ctx: Context, trip: Trip) -> None:
    """At the first place that is not reached yet; also before its time, and late."""
    there = (*rules.WAITING, StageState.MISSED)
    stage = next((s for s in trip.stages if s.state in there), None)
    if stage is None or ctx.came_before(trip.started_at):
        await ctx.toast("toast.stale")
        return
    checkin = await ctx.tx.checkins.of_stage(stage.id)
    if stage.state is not StageState.AHEAD and checkin is not None:
        await checkins.answer(ctx, checkin, Answer.OK)
        return
    trip = trip.marked(stage.id, StageState.REACHED, ctx.now)
    await stages.save(ctx, trip)
    await ctx.toast("toast.done")
    after = stages.coming(trip)
    assert after is not None
    await ctx.close_prompts(TOPIC, trip.id, "checkin.thanks", at=ctx.answered_at)
    await ctx.reply("checkin.thanks_and", at=ctx.answered_at, after=after)


async def _needs_help(ctx: Context) -> None:
    incident = await incidents.open_incident(ctx, ctx.speaker.member.id, Kind.HELP)
    await ctx.toast("toast.done")
    await ctx.reply("checkin.help_sent", number=incident.number)


async def offer(ctx: Context, trip: Trip) -> None:
    """How much longer? Only what is within the bound."""
    await ctx.toast("toast.done")
    choices = [
        Choice("extend_by", "button.longer", str(by // timedelta(minutes=1)), {"by": by})
        for by in rules.extensions(trip, await stages.risk(ctx, trip), ctx.now)
    ]
    if not choices:
        await ctx.reply("trip.no_extension", most=rules.EXTENSIONS)
        return
    await ctx.ask(ctx.place, "trip.extend_how", choices, topic=TOPIC, ref=trip.id)


async def extend(ctx: Context, trip: Trip, by: timedelta) -> None:
    """Its next time and all after it are so much later; nothing, and it is asked how much."""
    if not by:
        await offer(ctx, trip)
        return
    risk = await stages.risk(ctx, trip)
    later = rules.extended(trip, by, risk, ctx.now)
    stage = trip.current
    if later is None or stage is None:
        await ctx.toast("toast.not_done")
        left = rules.left_to_extend(trip, risk)
        if left:
            await ctx.reply("trip.extend_less", left=left)
        else:
            await ctx.reply("trip.no_extension", most=rules.EXTENSIONS)
        return
    await _close_question(ctx, stage)
    await stages.save(ctx, later)
    await ctx.toast("toast.done")
    await show(ctx, later, "trip.extended")


async def _close_question(ctx: Context, stage: Stage) -> None:
    checkin = await ctx.tx.checkins.of_stage(stage.id)
    if checkin is None or checkin.state not in OPEN:
        return
    await checkins.save(ctx, put_off_question(checkin, ctx.answered_at))
    await ctx.tx.outbox.withdraw(fading.question_purpose(checkin.id), ctx.now)
    await ctx.close_prompts(checkins.TOPIC, checkin.id)


async def extend_question(ctx: Context, ref: int) -> None:
    """"Later" below the question of a stage."""
    checkin = await ctx.tx.checkins.get(ref)
    trip = None
    if checkin is not None and checkin.stage is not None and checkin.state in OPEN:
        trip = await ctx.tx.trips.of_stage(checkin.stage)
    if trip is None or trip.member != ctx.speaker.member.id:
        await ctx.toast("toast.stale")
        return
    await offer(ctx, trip)


# --- the end ------------------------------------------------------------------------------------


async def _ask_how_they_are(ctx: Context, trip: Trip) -> None:
    """It takes the person's own word to end it: at that word, words of duress look the same."""
    await ctx.expect(TOPIC, "end", trip=trip.id)
    await ctx.reply("trip.end_how")


async def words(ctx: Context, step: str, data: Mapping[str, Any], text: str) -> None:
    """The stages, or how the person is who wants to end the trip."""
    means = Answer.OK if ctx.duress else understand(text)
    if means is Answer.HELP or (step == "line" and means is not Answer.UNCLEAR):
        await ctx.expect_nothing()
        await checkins.said(ctx, text)
        return
    if step == "line" and understand_yes_no(text) is False:
        await ctx.expect_nothing()
        await ctx.reply("trip.none")
        return
    if step == "line":
        before = str(data.get("before", ""))
        await begin(ctx, f"{before} {text}" if before else text)
        return
    if means is not Answer.OK:
        await ctx.reply("trip.end_how")
        return
    await ctx.expect_nothing()
    trip = await ctx.tx.trips.get(int(data["trip"]))
    if await checkins.waits_for_answer(ctx):
        await checkins.said(ctx, text)
        trip = await ctx.tx.trips.get(int(data["trip"]))
    if trip is not None and trip.ended_at is None:
        await stages.drop(ctx, trip)
    await ctx.reply("trip.ended")


async def said(ctx: Context, text: str) -> bool:
    """Words outside of any question that are about a trip. True if they were."""
    trip = await under_way(ctx, ctx.speaker.member.id)
    if trip is None:
        if sets_out(text):
            await begin(ctx, text)
            return True
        return False
    if says_arrived(text):
        await arrive(ctx, trip)
        return True
    by = read_extension(text)
    if by is not None:
        await extend(ctx, trip, by)
        return True
    return False


ENTRIES = (Entry("trayecto", ("trip", "viaje"), Action.TRIP, command_trip),)
