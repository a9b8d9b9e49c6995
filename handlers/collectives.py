"""Check-ins of many at once: a caravan, a community, an assembly, for which one person answers.

Who coordinates opens it and says who answers; that person accepts first, and so does every member
who is put on the list. At each round the one who answers says that everybody is there, or who is
missing. A member who is missing is an incident of their own; somebody who is no member is one of
the person who answers, with the words for whoever takes it. Nobody answering is a miss like any
other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.domain import trip as rules
from bot.domain.answers import Answer, understand
from bot.domain.checkin import OPEN, Checkin, answer_help
from bot.domain.incident import Kind
from bot.domain.lanes import Lane
from bot.domain.people import name_key
from bot.domain.permissions import Action
from bot.domain.trip import Purpose, StageState, Trip, TripError
from bot.domain.trip_text import CollectiveParts, read_collective, read_missing
from bot.texts import Key
from handlers import checkins, fading, incidents, readings, stages
from handlers.commands import Entry
from handlers.context import Choice, Context, Due, Place
from storage.people import Member
from storage.trips import Companion, Standing
from storage.whereabouts import What

TOPIC = "collective"
TIMER = "collective"



# --- opening ------------------------------------------------------------------------------------


async def command_collective(ctx: Context, rest: str) -> None:
    """`/colectivo Caravana: Ana, 12 personas más; cada 2 horas hasta las 20:00; responde Berta`"""
    if not rest:
        await ctx.reply("collective.how")
        return
    me = ctx.speaker.member
    try:
        parts = read_collective(rest, ctx.answered_at, me.zone)
    except TripError as error:
        await ctx.reply(f"collective.error.{error.code}", **error.values)
        return
    if len(parts.ends) > 1:
        await readings.ask_which(ctx, "collective", parts.ends, line=rest)
        return
    await _open(ctx, rest, parts, parts.ends[0])


async def read(ctx: Context, data: Mapping[str, Any], number: int) -> None:
    """It is known which of two ends is meant."""
    ctx.require(Action.COLLECTIVE)
    line = str(data["line"])
    parts = read_collective(line, ctx.answered_at, ctx.speaker.member.zone)
    await _open(ctx, line, parts, datetime.fromisoformat(data["instants"][number]))


async def _open(ctx: Context, text: str, parts: CollectiveParts, end: datetime) -> None:
    me = ctx.speaker.member
    answers = await ctx.tx.people.member_named(me.group, parts.answers) if parts.answers else me
    if answers is None:
        await ctx.reply("collective.unknown_answers", name=parts.answers[:40])
        return
    every = parts.every or rules.INTERVAL[answers.risk]
    if every < rules.SHORTEST_ROUND:
        await ctx.reply("collective.too_often", least=rules.SHORTEST_ROUND)
        return
    if end > ctx.now + rules.LONGEST_TRIP or (end - ctx.now) / every > rules.MOST_ROUNDS:
        await ctx.reply("collective.too_many", n=rules.MOST_ROUNDS)
        return
    if answers.withdrawn_at is not None:
        await ctx.reply("collective.withdrawn", name=answers.name)
        return
    trip = await ctx.tx.trips.add(
        answers.id, Purpose.COLLECTIVE, parts.title, [], ctx.now, others=parts.others
    )
    outside = []
    for name in parts.names:
        person = await ctx.tx.people.member_named(me.group, name)
        if person is None:
            outside.append(name)
            await ctx.tx.trips.add_companion(trip.id, None, name, Standing.NAMED)
        elif person.id != answers.id:
            await ctx.tx.trips.add_companion(trip.id, person.id, "", Standing.ASKED)
    if outside:
        await ctx.reply("collective.outside", names=tuple(outside))
    await readings.say_clocks(ctx, text, [end])
    if answers.id == me.id:
        await _begin(ctx, trip, answers, every, end)
        return
    await _offer(ctx, trip, answers, every, end)
    await ctx.reply("collective.offered", name=answers.name, title=parts.title)


async def _offer(
    ctx: Context, trip: Trip, answers: Member, every: timedelta, end: datetime
) -> None:
    """To be put in charge is nothing that happens to anybody without a tap."""
    minutes = every // timedelta(minutes=1)
    argument = f"{minutes} {end.isoformat()}"
    await ctx.tx.timers.set(TIMER, trip.id, end)
    for place in (await ctx.places_of(answers.id))[:1]:
        await ctx.ask(
            place,
            "collective.offer",
            (
                Choice("answer", "button.take_on", argument),
                Choice("refuse", "button.not_for_me"),
            ),
            topic=TOPIC,
            ref=trip.id,
            purpose=fading.trip_purpose(trip.id),
            every=every,
            end=end,
            **await _bared(ctx, place, title=trip.title),
        )


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Nobody took charge of it in time: those who coordinate hear that it never began."""
    trip = await ctx.tx.trips.get(occasion.ref)
    if trip is None or trip.stages or trip.ended_at is not None:
        return
    await ctx.close_prompts(TOPIC, trip.id)
    await stages.save(ctx, trip.dropped(ctx.now))
    await _tell_coordination(ctx, trip, "collective.not_taken")


async def _begin(
    ctx: Context, trip: Trip, answers: Member, every: timedelta, end: datetime
) -> None:
    """The rounds are set, and who is on the list is asked whether that is right."""
    await ctx.tx.timers.set(TIMER, trip.id, None)
    times = rules.rounds(ctx.now, every, end)
    await ctx.tx.trips.add_stages(trip.id, [(at, "") for at in times])
    begun = await ctx.tx.trips.get(trip.id)
    assert begun is not None
    await stages.set_timers(ctx, begun)
    for place in (await ctx.places_of(answers.id))[:1]:
        await ctx.ask(
            place,
            "collective.begun",
            (Choice("end", "button.end_collective"),),
            topic=TOPIC,
            ref=trip.id,
            purpose=fading.trip_purpose(trip.id),
            every=every,
            end=end,
            first=times[0],
            **await _bared(ctx, place, title=trip.title),
        )
    for companion in await ctx.tx.trips.companions(trip.id):
        if companion.member is None:
            continue
        for place in (await ctx.places_of(companion.member))[:1]:
            await ctx.ask(
                place,
                "collective.consent",
                (
                    Choice("agree", "button.agree_plan", str(companion.id)),
                    Choice("stay_out", "button.stay_out", str(companion.id)),
                ),
                topic=TOPIC,
                ref=trip.id,
                purpose=fading.trip_purpose(trip.id),
                every=every,
                end=end,
                **await _bared(ctx, place, name=answers.name, title=trip.title),
            )


async def _bared(ctx: Context, place: Place, **values: str) -> dict[str, Any]:
    """Names and titles, or nothing of them where the group names nobody."""
    assert place.member is not None
    group = await ctx.tx.people.group((await ctx.tx.people.member(place.member)).group)
    if place.platform not in group.bare:
        return dict(values)
    return {
        name: Key("bare.collective") if name == "title" else Key("bare.name") for name in values
    }


async def pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """An answer to an offer, to being on the list, or the end."""
    trip = await ctx.tx.trips.get(ref)
    me = ctx.speaker.member
    if trip is None or trip.ended_at is not None:
        await ctx.toast("toast.stale")
        return
    if action in ("agree", "stay_out"):
        await _companion_says(ctx, trip, int(argument), agrees=action == "agree")
        return
    if trip.member != me.id:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    match action:
        case "answer" if not trip.stages:
            await ctx.close_prompts(TOPIC, trip.id, "offer.accepted_once", only=ctx.place)
            minutes, _, end = argument.partition(" ")
            every, until = timedelta(minutes=int(minutes)), datetime.fromisoformat(end)
            if until > ctx.now:
                await _begin(ctx, trip, me, every, until)
                await _tell_coordination(ctx, trip, "collective.taken", me.id)
        case "refuse" if not trip.stages:
            await ctx.close_prompts(TOPIC, trip.id, "offer.declined", only=ctx.place)
            await ctx.tx.timers.set(TIMER, trip.id, None)
            await stages.save(ctx, trip.dropped(ctx.now))
            await _tell_coordination(ctx, trip, "collective.refused", me.id)
        case "end" if trip.stages:
            await _finish(ctx, trip)


async def _companion_says(ctx: Context, trip: Trip, number: int, *, agrees: bool) -> None:
    me = ctx.speaker.member
    for companion in await ctx.tx.trips.companions(trip.id):
        if companion.id != number or companion.member != me.id:
            continue
        state = Standing.AGREED if agrees else Standing.DECLINED
        await ctx.tx.trips.set_companion(companion.id, state)
        await ctx.toast("toast.done")
        for prompt in await ctx.tx.conversations.open_about(TOPIC, trip.id):
            if prompt.member == me.id:
                key = "collective.agreed" if agrees else "collective.stayed_out"
                await ctx.close_prompt(prompt, key)
        if not agrees:
            await _tell(ctx, (trip.member,), "collective.one_less", name=me.name, title=trip.title)
        return
    await ctx.toast("toast.stale")


async def _finish(ctx: Context, trip: Trip) -> None:
    """Before its time. A round that is open is judged all the same; those who coordinate hear of it."""
    await stages.drop(ctx, trip)
    await ctx.close_prompts(TOPIC, trip.id, "collective.finished")
    await _tell_coordination(ctx, trip, "collective.ended_early", ctx.speaker.member.id)


async def _tell_coordination(ctx: Context, trip: Trip, key: str, *without: int) -> None:
    person = await ctx.tx.people.member(trip.member)
    roster = await ctx.tx.people.roster(person.group)
    await _tell(
        ctx, roster.coordinators - set(without), key, name=person.name, title=trip.title
    )


async def _tell(ctx: Context, members: Sequence[int] | frozenset[int], key: str, **values: str) -> None:
    for member in sorted(members):
        for place in (await ctx.places_of(member))[:1]:
            said = await _bared(ctx, place, **values)
            await ctx.say(place, key, lane=Lane.CONVERSATION, **said)


# --- a round ------------------------------------------------------------------------------------


async def open_round(ctx: Context) -> tuple[Trip, Checkin] | None:
    """The question that the speaker has open for others."""
    for trip in await ctx.tx.trips.open_of(ctx.speaker.member.id, Purpose.COLLECTIVE):
        found = await ctx.tx.checkins.open_of_stages([stage.id for stage in trip.stages])
        for checkin in found:
            if not ctx.came_before(checkin.due):
                return trip, checkin
    return None


async def pressed_missing(ctx: Context, ref: int, action: str, argument: str) -> None:
    """"Ana is missing", or somebody whose name is to be written."""
    checkin = await ctx.tx.checkins.get(ref)
    trip = None
    if checkin is not None and checkin.stage is not None and checkin.state in OPEN:
        trip = await ctx.tx.trips.of_stage(checkin.stage)
    if checkin is None or trip is None or trip.member != ctx.speaker.member.id:
        await ctx.toast("toast.stale")
        return
    if action == "missing_other":
        await ctx.toast("toast.write")
        await ctx.expect(TOPIC, "who")
        await ctx.reply("collective.who")
        return
    named = [
        c for c in await ctx.tx.trips.companions(trip.id) if c.id == int(argument)
    ]
    await _missing(ctx, trip, checkin, named, [])


async def words(ctx: Context, _step: str, _data: Mapping[str, Any], text: str) -> None:
    """The names, after "who is missing?"."""
    await ctx.expect_nothing()
    if understand(text) is Answer.HELP:
        await checkins.said(ctx, text)
        return
    found = await open_round(ctx)
    if found is None:
        await ctx.reply("collective.no_round")
        return
    await _by_name(ctx, *found, read_missing(text) or read_missing(f"falta {text}") or [text])


async def said(ctx: Context, text: str) -> bool:
    """ "Falta Ana": an answer to a round that is open. True if it was."""
    names = read_missing(text)
    found = await open_round(ctx) if names else None
    if not names or found is None:
        return False
    await _by_name(ctx, *found, names)
    return True


async def _by_name(
    ctx: Context, trip: Trip, checkin: Checkin, names: Sequence[str]
) -> None:
    present = {
        name_key(name): companion for companion, name in await stages.members_of(ctx, trip)
    }
    members = [present[name_key(n)] for n in names if name_key(n) in present]
    others = [n for n in names if name_key(n) not in present]
    await _missing(ctx, trip, checkin, members, others)


async def _missing(
    ctx: Context,
    trip: Trip,
    checkin: Checkin,
    members: Sequence[Companion],
    others: Sequence[str],
) -> None:
    """Each member is an incident of their own; all others are one of whoever answers for them."""
    me = ctx.speaker.member
    numbers = []
    for companion in members:
        if companion.member is None or companion.state is not Standing.AGREED:
            continue
        incident = await incidents.open_incident(ctx, companion.member, Kind.MISSING)
        await ctx.tx.incidents.note(incident.id, ctx.now, "reported_missing", me.id)
        await ctx.tx.trips.set_companion(companion.id, Standing.MISSING)
        numbers.append(incident.number)
    if others:
        incident = await incidents.open_incident(ctx, me.id, Kind.HELP, checkin=checkin.id)
        await ctx.tx.whereabouts.add(
            me.id, ctx.now, What.MISSING, {"text": ", ".join(others)[:500]},
            incident=incident.id,
        )  # fmt: skip
        numbers.append(incident.number)
    if not numbers:
        await ctx.toast("toast.stale")
        return
    await checkins.save(ctx, answer_help(checkin, ctx.answered_at))
    await stages.ended(ctx, checkin, StageState.NOT_OK)
    await ctx.tx.outbox.withdraw(fading.question_purpose(checkin.id), ctx.now)
    await ctx.toast("toast.done")
    key = "collective.missing_sent"
    said: dict[str, object] = {"numbers": tuple(f"#{n}" for n in numbers)}
    await ctx.close_prompts(checkins.TOPIC, checkin.id, key, **said)  # type: ignore[arg-type]
    if not ctx.pressed:
        await ctx.reply(key, **said)


ENTRIES = (
    Entry(
        "colectivo", ("collective", "caravana"), Action.COLLECTIVE, command_collective,
        in_menu=False,
    ),
)  # fmt: skip
