"""Where somebody is, as far as they said: kept with their incident, and shown to who holds it.

What a person wrote of their way is for whoever goes to look for them, and for nobody else: an alarm
does not bear it. It is shown to the holder alone, where nobody but the holder reads it, and every
time is on the incident's timeline. What explains a silence ("low battery") names no place and is in
the alarm, with its time.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.domain.answers import hints
from bot.domain.incident import Incident
from bot.domain.rich import Rich
from bot.domain.trip import HINT_HOLDS, Purpose, StageState, Trip
from bot.platforms.base import Secrecy
from bot.texts import Key, Texts
from handlers import fading
from handlers.context import Context
from storage.trips import Standing
from storage.whereabouts import Note, What

EXPLAINS = (What.BATTERY, What.SIGNAL)


async def hear(ctx: Context, text: str) -> bool:
    """Remember that the speaker's phone will soon be silent, if they say so; who looks for them
    already hears it at once."""
    me = ctx.speaker.member.id
    found = hints(text)
    for hint in sorted(found):
        await ctx.tx.whereabouts.hint(me, What(hint), ctx.answered_at)
    incident = await ctx.tx.incidents.open_about(me) if found else None
    if incident is not None:
        recent = await ctx.tx.whereabouts.recent(me, ctx.now - HINT_HOLDS)
        await ctx.tx.whereabouts.attach([note.id for note in recent], incident.id)
        await show(ctx, incident)
    return bool(found)


async def attach(ctx: Context, incident: Incident) -> bool:
    """What its subject said of their way belongs to the incident from now on. Returns whether there
    was anything."""
    subject = incident.subject
    recent = await ctx.tx.whereabouts.recent(subject, ctx.now - HINT_HOLDS)
    await ctx.tx.whereabouts.attach([note.id for note in recent], incident.id)
    own = [trip for trip in await ctx.tx.trips.open_of(subject) if _matters(trip)]
    others = await ctx.tx.trips.accompanied(subject)
    for trip in (*own, *others):
        content = await _described(ctx, trip)
        await ctx.tx.whereabouts.add(
            subject, ctx.now, What.TRIP, content, incident=incident.id
        )
    return bool(recent or own or others)


def _matters(trip: Trip) -> bool:
    """A question for another day says nothing of where somebody is now."""
    asked = any(stage.state is StageState.ASKED for stage in trip.stages)
    return asked or trip.purpose is not Purpose.ONCE


async def _described(ctx: Context, trip: Trip) -> dict[str, Any]:
    """A trip as it is now, in words that stay true when its rows are gone."""
    names = []
    for companion in await ctx.tx.trips.companions(trip.id):
        if companion.member is None:
            names.append(companion.name)
        elif companion.state in (Standing.AGREED, Standing.MISSING):
            names.append((await ctx.tx.people.member(companion.member)).name)
    return {
        "purpose": trip.purpose,
        "title": trip.title,
        "by": (await ctx.tx.people.member(trip.member)).name,
        "with": names,
        "others": trip.others,
        "stages": [[s.due.isoformat(), s.place, s.state] for s in trip.stages],
    }


async def explanations(ctx: Context, incident: int) -> list[Key]:
    """The lines of an alarm that explain the silence."""
    return [
        Key(f"alarm.hint.{note.what}", {"at": note.at})
        for note in await ctx.tx.whereabouts.of_incident(incident)
        if note.what in EXPLAINS
    ]


async def show(ctx: Context, incident: Incident, *, asked: bool = False) -> None:
    """Everything that is known, to who holds the incident. `asked`: they hear if it is nothing."""
    if incident.holder is None:
        return
    notes = await ctx.tx.whereabouts.of_incident(incident.id)
    places = await ctx.places_of(incident.holder)
    if not notes:
        if asked:
            await ctx.reply("whereabouts.none", number=incident.number)
        return
    subject = await ctx.tx.people.member(incident.subject)
    bare = (await ctx.tx.people.group(incident.group)).bare
    for place in places:
        if place.platform in bare:
            await ctx.say(place, "bare.whereabouts", number=incident.number)
            continue
        texts = ctx.texts(place)
        text = texts.render("whereabouts.head", number=incident.number, name=subject.name)
        for note in notes:
            text = text + _written(texts, note)
        await ctx.put(
            place, text, purpose=fading.detail_purpose(incident.id), secrecy=Secrecy.DETAILED
        )
    await fading.details_will_fade(ctx, incident.id)
    await ctx.tx.incidents.note(incident.id, ctx.now, "place_shown", incident.holder)


def _written(texts: Texts, note: Note) -> Rich:
    content = note.content
    match note.what:
        case What.TRIP:
            return _trip(texts, content)
        case What.LOCATION:
            return texts.render(
                "whereabouts.location", at=note.at, latitude=content["latitude"],
                longitude=content["longitude"], title=content["name"],
            )  # fmt: skip
        case What.MISSING:
            return texts.render("whereabouts.missing", at=note.at, text=content["text"])
        case _:
            return texts.render(f"whereabouts.{note.what}", at=note.at)


def _trip(texts: Texts, content: Any) -> Rich:
    text = texts.render(
        f"whereabouts.{content['purpose']}", title=content["title"], name=content["by"]
    )
    if content["with"]:
        text = text + texts.render("whereabouts.with", names=tuple(content["with"]))
    if content["others"]:
        text = text + texts.render("whereabouts.others", n=content["others"])
    for due, place, state in content["stages"]:
        text = text + texts.render(
            "whereabouts.stage", at=datetime.fromisoformat(due), title=place,
            state=Key(f"stage.{state}"),
        )  # fmt: skip
    return text
