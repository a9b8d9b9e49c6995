"""A schedule that somebody who coordinates proposes: it holds once the member says so, and only then.

To one member or to everyone in the group, each of whom decides alone. The proposal travels with the
question, so that a yes is to exactly what was shown.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from bot.domain.answers import plain
from bot.domain.lanes import Lane
from bot.domain.permissions import Action, may
from bot.domain.schedule import EVERY_DAY, Schedule, ScheduleError
from bot.domain.spoken import NotUnderstood, ScheduleParts, read_schedule
from handlers import consent, schedules
from handlers.context import Choice, Context, Due, Place
from storage.configuring import Kind
from storage.people import Member

TOPIC = "proposal"
TIMER = "proposal"

BATCH = 50
"""People who are asked in one transaction: an alarm must not wait behind a large group."""

EVERYONE = frozenset({"todas", "todas las personas", "todo el grupo", "grupo", "everyone", "all"})
"""The words for the whole group, as `bot.domain.answers.plain` writes them."""


def split(text: str) -> tuple[str, str] | None:
    """ "Ana: 9:00 lunes a viernes" in two; None for a schedule of one's own.

    What stands before the colon of a time is never a name: it ends in a digit.
    """
    name, colon, rule = text.partition(":")
    name = " ".join(name.split())
    if not colon or not name or name[-1].isdigit() or not any(c.isalpha() for c in name):
        return None
    return name, rule.strip()


def rule_of(parts: ScheduleParts, zone: str, grace: timedelta) -> Schedule:
    """A rule in somebody's zone; `grace` where none was said. Raises `ScheduleError`."""
    grace = parts.grace or grace
    return Schedule(
        days=parts.days or EVERY_DAY,
        times=parts.times,
        zone=zone,
        grace=grace,
        reminders=(grace / 2,) if parts.reminders is None else parts.reminders,
    )


# --- proposing ----------------------------------------------------------------------------------


async def propose(ctx: Context, name: str, text: str, grace: timedelta) -> None:
    """`/horario Ana: 9:00 lunes a viernes`, `/horario todas: 9:00 y 21:00`"""
    ctx.require(Action.PROPOSE)
    me, group = ctx.speaker.member, ctx.speaker.group
    everyone = plain(name) in EVERYONE
    person = None if everyone else await ctx.tx.people.member_named(group.id, name)
    if person is None and not everyone:
        await ctx.reply("proposal.unknown", name=name[:40])
        return
    parts = read_schedule(text)
    if isinstance(parts, NotUnderstood):
        await ctx.reply("proposal.not_understood", part=parts.text or text[:60] or name[:40])
        return
    try:
        rule = rule_of(parts, person.zone if person else group.zone, grace)
    except ScheduleError as error:
        await ctx.reply(f"schedule.error.{error.code}", **error.values)
        return
    if person is None:
        await ctx.tx.configuring.put(
            me.id, Kind.SCHEDULE, ctx.now, rule=rule.to_json(), after=0
        )
        await ctx.tx.timers.set(TIMER, me.id, ctx.now)
        await ctx.reply("proposal.sent_to_all", **_words(ctx, ctx.place, rule))
        return
    if person.id == me.id:
        await ctx.reply("proposal.yourself")
        return
    asked = await _ask(ctx, person, me, rule)
    key = "proposal.sent" if asked else "proposal.unreachable"
    await ctx.reply(key, name=person.name, **_words(ctx, ctx.place, rule))


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Ask the next of a group, each in their own zone."""
    me = await ctx.tx.people.member(occasion.ref)
    begun = await ctx.tx.configuring.get(me.id, Kind.SCHEDULE)
    if begun is None or me.left_at is not None or not may(me.roles, Action.PROPOSE):
        return
    people = [
        person
        for person in await ctx.tx.people.in_group(me.group)
        if person.id > begun.content["after"] and person.id != me.id
    ]
    for person in people[:BATCH]:
        rule = Schedule.from_json({**begun.content["rule"], "zone": person.zone})
        await _ask(ctx, person, me, rule)
    if len(people) > BATCH:
        after = people[BATCH - 1].id
        await ctx.tx.configuring.put(
            me.id, Kind.SCHEDULE, ctx.now, rule=begun.content["rule"], after=after
        )
        await ctx.tx.timers.set(TIMER, me.id, ctx.now)
        return
    await ctx.tx.configuring.drop(me.id, Kind.SCHEDULE)


async def _ask(ctx: Context, person: Member, by: Member, rule: Schedule) -> bool:
    """Put it to a member, on the account used last. An earlier proposal is overtaken."""
    await ctx.close_prompts(TOPIC, person.id)
    for place in (await ctx.places_of(person.id))[:1]:
        argument = json.dumps([by.id, rule.to_json()], separators=(",", ":"))
        await ctx.ask(
            place,
            "proposal.text",
            (
                Choice("accept", "button.accept_schedule", argument),
                Choice("decline", "button.decline_schedule", argument),
            ),
            topic=TOPIC,
            ref=person.id,
            name=by.name,
            **_words(ctx, place, rule),
        )
        return True
    return False


def _words(ctx: Context, place: Place, rule: Schedule) -> dict[str, Any]:
    texts = ctx.texts(place)
    return {
        "times": tuple(t.strftime("%H:%M") for t in rule.times),
        "days": tuple(texts.plain(f"day.{day}") for day in sorted(rule.days)),
        "grace": rule.grace,
        "zone": rule.zone,
    }


# --- answering ----------------------------------------------------------------------------------


async def pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """The member's own word. Whoever proposed it hears it."""
    me = ctx.speaker.member
    if ref != me.id:
        await ctx.toast("toast.stale")
        return
    by, value = json.loads(argument)
    if action == "decline":
        await ctx.toast("toast.done")
        await ctx.close_prompts(TOPIC, ref, "proposal.declined")
        await _tell(ctx, by, "proposal.news.declined")
        return
    if me.withdrawn_at is not None:
        await ctx.toast("toast.not_done")
        await ctx.reply("consent.first")
        await consent.command_my_plan(ctx, "")
        return
    if len(await ctx.tx.checkins.schedules_of(me.id)) >= schedules.MOST:
        await ctx.toast("toast.not_done")
        await ctx.reply("schedule.too_many", n=schedules.MOST)
        return
    rule = Schedule.from_json(value)
    await ctx.toast("toast.done")
    await schedules.begin(ctx, me.id, rule)
    first = await schedules.next_of(ctx, rule, me.id, ctx.now)
    await ctx.close_prompts(TOPIC, ref, "proposal.accepted", first=first)
    await _tell(ctx, by, "proposal.news.accepted")


async def _tell(ctx: Context, by: int, key: str) -> None:
    me = ctx.speaker.member
    proposer = await ctx.tx.people.member(by)
    if proposer.left_at is None and proposer.group == me.group:
        await ctx.tell({by}, key, lane=Lane.CONVERSATION, everywhere=False, name=me.name)
