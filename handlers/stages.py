"""The check-ins of trips: when each is asked, how it is worded, what its end does to its trip.

The question, its reminders and its miss are the business of `handlers.checkins`, as those of any
other; what people do with a trip is in `handlers.trips` and its neighbours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.domain import trip as rules
from bot.domain.answers import AFFIRMED, ALL_HERE, ARRIVED, HINTS
from bot.domain.checkin import Checkin
from bot.domain.people import Risk
from bot.domain.trip import Purpose, Stage, StageState, Trip
from bot.texts import Key
from handlers import fading
from handlers.context import Choice, Context, Place
from storage.trips import Companion, Standing

TIMER = "stage"
SOON_TIMER = "stage_soon"
TOPIC = "trip"

ANSWERS = (
    Choice("ok", "button.ok"),
    Choice("help", "button.help"),
    Choice("later", "button.later"),
)

MOST_NAMED = 10
"""People of a collective who have a button each; of the others one writes the name."""

ENOUGH: dict[Purpose, frozenset[str]] = {
    Purpose.TRIP: frozenset({ARRIVED, AFFIRMED}),
    Purpose.COLLECTIVE: frozenset({ALL_HERE, AFFIRMED}),
}
"""What says "well" where it answers the question."""


# --- timers -------------------------------------------------------------------------------------


async def set_timers(ctx: Context, trip: Trip) -> None:
    """A question at each stage that is ahead, and a word to the person shortly before it."""
    for stage in trip.stages:
        ahead = stage.state is StageState.AHEAD
        await ctx.tx.timers.set(TIMER, stage.id, stage.due if ahead else None)
        soon = None
        if ahead and trip.purpose is Purpose.TRIP and stage.due > ctx.now + 2 * rules.HEADS_UP:
            soon = stage.due - rules.HEADS_UP
        await ctx.tx.timers.set(SOON_TIMER, stage.id, soon)


async def save(ctx: Context, trip: Trip) -> None:
    """Write it as it is now, with its timers."""
    await ctx.tx.trips.save(trip)
    await set_timers(ctx, trip)
    if trip.ended_at is not None:
        await fading.trip_will_fade(ctx, trip.id)


async def drop(ctx: Context, trip: Trip) -> None:
    """Nothing of it is asked any more; a question that is open is judged all the same."""
    await save(ctx, trip.dropped(ctx.now))
    await ctx.close_prompts(TOPIC, trip.id)


async def drop_all(ctx: Context, member: int) -> None:
    """The person is asked nothing any more."""
    for trip in await ctx.tx.trips.open_of(member):
        await drop(ctx, trip)


async def grace(ctx: Context, trip: Trip) -> timedelta:
    """By the risk of the person, or of whoever is most in danger among those that they answer for."""
    return rules.GRACE[await risk(ctx, trip)]


async def risk(ctx: Context, trip: Trip) -> Risk:
    """The highest of all that it is about."""
    people = {trip.member}
    for companion in await ctx.tx.trips.companions(trip.id):
        if companion.member is not None and companion.state is Standing.AGREED:
            people.add(companion.member)
    return rules.highest([(await ctx.tx.people.member(id)).risk for id in people])


# --- words --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wording:
    """A question: its text and what may be answered."""

    key: str
    choices: Sequence[Choice] = ANSWERS
    values: dict[str, object] = field(default_factory=dict)


async def worded(
    ctx: Context, place: Place, checkin: Checkin, key: str, **values: object
) -> Wording:
    """The question of a check-in in words: `key` and its `values` are those of an ordinary check-in.

    Where a group names nobody, the places and names are left out: the person knows them.
    """
    trip = await _of(ctx, checkin)
    stage = trip.stage(checkin.stage or 0) if trip is not None else None
    if trip is None or stage is None:
        return Wording(key, values=values)
    group = await ctx.tx.people.group((await ctx.tx.people.member(trip.member)).group)
    bare = place.platform in group.bare
    about = _question(trip, stage, bare=bare)
    choices = await _choices(ctx, trip, bare=bare)
    match key:
        case "checkin.question":
            return Wording("trip.asked", choices, {"question": about})
        case "checkin.reminder":
            return Wording("trip.asked_again", choices, {"question": about})
    return Wording("trip.asked_after", choices, {"said": Key(key, values), "question": about})


def _question(trip: Trip, stage: Stage, *, bare: bool) -> Key:
    match trip.purpose:
        case Purpose.TRIP if stage.place and not bare:
            return Key("trip.question", {"place": stage.place})
        case Purpose.TRIP:
            return Key("trip.question_bare")
        case Purpose.COLLECTIVE:
            title: object = Key("bare.collective") if bare else trip.title
            return Key("collective.question", {"title": title})
        case Purpose.ONCE if trip.title and not bare:
            return Key("once.question", {"title": trip.title})
        case Purpose.ONCE:
            return Key("once.question_bare")
    return Key("pause.question")


async def _choices(ctx: Context, trip: Trip, *, bare: bool) -> Sequence[Choice]:
    match trip.purpose:
        case Purpose.TRIP:
            more = rules.extensions(trip, await risk(ctx, trip), ctx.now)
            return (
                Choice("ok", "button.arrived"),
                *((Choice("extend", "button.extend"),) if more else ()),
                Choice("help", "button.help"),
            )
        case Purpose.COLLECTIVE:
            present = await members_of(ctx, trip)
            return (
                Choice("ok", "button.all_here"),
                *[
                    Choice(
                        "missing", "button.missing", str(companion.id),
                        {"name": f"#{n}" if bare else name},
                    )
                    for n, (companion, name) in enumerate(present[:MOST_NAMED], 1)
                ],
                Choice("missing_other", "button.missing_other"),
                Choice("help", "button.we_need_help"),
                Choice("later", "button.later"),
            )  # fmt: skip
    return ANSWERS


async def members_of(ctx: Context, trip: Trip) -> list[tuple[Companion, str]]:
    """The members who agreed to be on the list and are not missing, with their names."""
    return [
        (companion, (await ctx.tx.people.member(companion.member)).name)
        for companion in await ctx.tx.trips.companions(trip.id)
        if companion.member is not None and companion.state is Standing.AGREED
    ]


async def enough(ctx: Context, checkins: Iterable[Checkin]) -> Collection[str]:
    """What says "well" besides "well", where these are the open questions."""
    lists = set(HINTS)
    for checkin in checkins:
        trip = await _of(ctx, checkin)
        if trip is not None:
            lists |= ENOUGH.get(trip.purpose, frozenset())
    return lists


async def _of(ctx: Context, checkin: Checkin) -> Trip | None:
    return None if checkin.stage is None else await ctx.tx.trips.of_stage(checkin.stage)


# --- what an answer does ------------------------------------------------------------------------


async def ended(ctx: Context, checkin: Checkin, state: StageState) -> Key | None:
    """A stage's question came to an end. Returns what the person may hear of what is next."""
    trip = await _of(ctx, checkin)
    if trip is None or checkin.stage is None:
        return None
    trip = trip.marked(checkin.stage, state, ctx.now)
    await save(ctx, trip)
    await ctx.close_prompts(TOPIC, trip.id)
    return coming(trip)


def coming(trip: Trip) -> Key | None:
    """What is next on it, in words without a place: the screen may be seen by others."""
    stage = trip.current
    if trip.purpose not in (Purpose.TRIP, Purpose.COLLECTIVE):
        return None
    if stage is None:
        return Key(f"{trip.purpose}.finished")
    return Key(f"{trip.purpose}.next", {"at": stage.due})
