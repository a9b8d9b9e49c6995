"""A plan in words and as a picture, for one reader; and what is wrong with it today."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bot.domain.conditions import Conditions
from bot.domain.cover import latest
from bot.domain.people import Roster
from bot.domain.plan import Plan, Recipient, Step
from bot.pictures.timeline import Bar, Row, Timeline, Tone, drawn
from bot.platforms.base import Attachment
from bot.texts import Key, Texts
from handlers import duty
from handlers.context import Context, Place

PICTURE = "acuerpa.png"
"""What the file is called; it says nothing of what is on it."""

MOST_LINES = 12
"""Lines about people in one summary; the rest is counted."""


# --- in words -----------------------------------------------------------------------------------


async def describe(ctx: Context, place: Place, plan: Plan, *, about: int) -> str:
    """A line a step. `about` is the group: a role is shown with how many have it, never who."""
    texts = ctx.texts(place)
    roster = await ctx.tx.people.roster(about)
    lines = []
    for number, step in enumerate(plan.steps, 1):
        line = texts.plain(
            "plan.step",
            number=number,
            when=when(step.after),
            who=await who(ctx, texts, step, roster),
        )
        lines.append(line + manner(texts, step))
    lines.append(texts.plain("plan.end", repeat=plan.repeat, news=plan.news))
    return "\n".join(lines)


def when(after: timedelta) -> Key:
    """At once, or after how long."""
    return Key("plan.after", {"after": after}) if after > timedelta(0) else Key("plan.at_once")


async def who(ctx: Context, texts: Texts, step: Step, roster: Roster) -> tuple[str, ...]:
    """The people of a step: a role with how many have it, a person by name."""
    found: list[str] = []
    for recipient in step.recipients:
        if recipient.member is not None:
            found.append((await ctx.tx.people.member(recipient.member)).name)
            continue
        found.append(await role(ctx, texts, recipient, len(recipient.resolve(roster))))
    return tuple(found)


async def role(ctx: Context, texts: Texts, recipient: Recipient, count: int) -> str:
    """A role or another group, with how many people that is."""
    if recipient.group is None:
        return texts.plain(f"who.{recipient.who}", n=count)
    group = await ctx.tx.people.group(recipient.group)
    return texts.plain("who.group", n=count, group=group.name)


def manner(texts: Texts, step: Step) -> str:
    """What a step has in brackets, with a blank before it; nothing where it has nothing."""
    parts = list(conditions(texts, step.only))
    if step.repeat is not None:
        parts.append(texts.plain("plan.own_repeat", repeat=step.repeat))
    if step.last_resort:
        parts.append(texts.plain("plan.last_resort"))
    return f" ({'; '.join(parts)})" if parts else ""


def conditions(texts: Texts, only: Conditions) -> Iterator[str]:
    """When a step holds, one condition each."""
    if only.hours is not None:
        hours = only.hours
        yield texts.plain(
            "plan.only.hours", start=f"{hours.start:%H:%M}", end=f"{hours.end:%H:%M}"
        )
    if only.causes:
        yield texts.plain("plan.only.causes", causes=tuple(sorted(only.causes)))
    if only.risks:
        yield texts.plain("plan.only.risks", risks=tuple(sorted(only.risks)))


async def changes(ctx: Context, place: Place, before: Plan, after: Plan, group: int) -> str:
    """For whom what changes: when each hears at the latest, where that is another time than now."""
    texts = ctx.texts(place)
    roster = await ctx.tx.people.roster(group)
    then, now = latest(before, roster), latest(after, roster)
    lines = []
    # Of another group, no more is said than the plan says: how many of its people answer.
    for member in sorted({*then, *now} & roster.lives.keys()):
        if then.get(member) == now.get(member):
            continue
        lines.append(
            texts.plain(
                "plan.change",
                name=(await ctx.tx.people.member(member)).name,
                before=_at(then.get(member)),
                after=_at(now.get(member)),
            )
        )
    if len(lines) > MOST_LINES:
        more = len(lines) - MOST_LINES
        lines = [*lines[:MOST_LINES], texts.plain("plan.changes_more", n=more)]
    return texts.plain("plan.changes", lines="\n".join(lines)) if lines else ""


def _at(after: timedelta | None) -> Key:
    return Key("plan.not_always") if after is None else when(after)


# --- what is wrong ------------------------------------------------------------------------------


async def warnings(ctx: Context, place: Place, plan: Plan, group: int) -> str:
    """What would make the plan weaker than it reads today; each on a line, and nothing if nothing."""
    texts = ctx.texts(place)
    roster = await duty.roster_at(ctx, group, None, plan, ctx.now)
    platforms = await ctx.tx.people.platforms_of(roster.agreed)
    lines = []
    for number, step in enumerate(plan.steps, 1):
        people = step.resolve(roster, without=None)
        if not people:
            lines.append(texts.plain("plan.warn.nobody", n=number))
        elif people.isdisjoint(platforms):
            lines.append(texts.plain("plan.warn.unreachable", n=number))
    reached = [platforms[member] for member in roster.everyone if member in platforms]
    if not reached:
        lines.append(texts.plain("plan.warn.nobody_at_all"))
    elif len(only := frozenset[str]().union(*reached)) == 1:
        lines.append(texts.plain("plan.warn.one_platform", platform=min(only).capitalize()))
    return "".join(f"\n⚠️ {line}" for line in lines)


# --- as a picture -------------------------------------------------------------------------------


async def picture(ctx: Context, place: Place, plan: Plan, group: int) -> tuple[Attachment, ...]:
    """The steps over a line of time; nothing for a platform on which nobody is named."""
    if place.platform in (await ctx.tx.people.group(group)).bare:
        return ()
    texts = ctx.texts(place)
    roster = await ctx.tx.people.roster(group)
    end = plan.steps[-1].after + max(plan.repeat_after(len(plan.steps)) * 3, plan.repeat)
    rows = []
    for number, step in enumerate(plan.steps, 1):
        people = texts.write(await who(ctx, texts, step, roster))
        tone = Tone.WAITING if step.only else Tone.CALM
        note = manner(texts, step).strip(" ()")
        rows.append(Row(f"{number}. {people}", (Bar(step.after, end, tone, note),)))
    rows.append(
        Row(texts.plain("plan.picture.end"), (Bar(end, end + plan.repeat, Tone.ALARM),))
    )
    title = texts.plain("plan.picture.title", repeat=plan.repeat)
    image = drawn(Timeline(title, rows, short))
    return (Attachment(PICTURE, "image/png", image),)


def short(span: timedelta) -> str:
    """ "15 min", "1:30 h": for the axis of a picture, in any language."""
    minutes = round(span / timedelta(minutes=1))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02} h"
