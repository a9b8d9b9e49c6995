"""The month in numbers, for those who coordinate: no names, and of feedback only what hides its authors.

What people said is shown for whole months alone and from three answers on. A list that grows day by
day would tell whose the last line is.
"""

from __future__ import annotations

from datetime import date, datetime, time

from babel.dates import format_skeleton

from bot.domain import summary as rules
from bot.domain.incident import Outcome
from bot.domain.permissions import Action
from bot.domain.rich import Rich
from bot.domain.summary import Past, Sort, Summary
from bot.texts import Key, Texts
from handlers.canary import GROUP
from handlers.commands import Entry
from handlers.context import Context, Due, Place
from storage.feedback import Opinion
from storage.people import Group

TIMER = "summary"

MOST_WORDS = 20
"""What people wrote, at most so many of them in one message."""


async def prepare(ctx: Context) -> None:
    """Every group has its day."""
    for group in await ctx.tx.people.groups():
        if group.name != GROUP and await ctx.tx.timers.when(TIMER, group.id) is None:
            await begin(ctx, group.id, group.zone)


async def begin(ctx: Context, group: int, zone: str) -> None:
    """From now on there is a summary on each first of a month."""
    await ctx.tx.timers.set(TIMER, group, rules.next_summary(ctx.now, zone))


async def on_timer(ctx: Context, occasion: Due) -> None:
    """The first of a month: the one before, to everyone who coordinates."""
    group = await ctx.tx.people.group(occasion.ref)
    await ctx.tx.timers.set(TIMER, group.id, rules.next_summary(ctx.now, group.zone))
    month = rules.month_before(ctx.now, group.zone)
    roster = await ctx.tx.people.roster(group.id)
    for member in sorted(roster.coordinators):
        for place in (await ctx.places_of(member))[:1]:
            await _send(ctx, place, group, month)


async def command_summary(ctx: Context, rest: str) -> None:
    """`/resumen`, `/resumen 2026-10`: a month that is over."""
    group = ctx.speaker.group
    last = rules.month_before(ctx.now, group.zone)
    month = rules.read_month(rest) if rest else last
    if month is None:
        await ctx.reply("summary.which", example=last.strftime("%Y-%m"))
    elif month > last:
        await ctx.reply("summary.not_over", example=last.strftime("%Y-%m"))
    else:
        await _send(ctx, ctx.place, group, month)


async def _send(ctx: Context, place: Place, group: Group, month: date) -> None:
    start, end = rules.bounds(month, group.zone)
    past = [
        Past(
            incident.kind,
            incident.opened_at,
            incident.closed_at,
            incident.outcome,
            [(event.event, event.at) for event in await ctx.tx.incidents.timeline(incident.id)],
        )
        for incident in await ctx.tx.incidents.opened_between(group.id, start, end)
    ]
    texts = ctx.texts(place)
    text = texts.render("summary.head", month=_month(texts, month))
    text = text + _numbers(texts, rules.summed(past))
    opinions = await ctx.tx.feedback.between(group.id, start, end)
    bare = place.platform in group.bare
    await ctx.put(place, text + await _said(ctx, texts, opinions, bare=bare))


def _month(texts: Texts, month: date) -> str:
    day = datetime.combine(month, time(12))
    return format_skeleton("yMMMM", day, locale=texts.locale)


def _numbers(texts: Texts, summary: Summary) -> Rich:
    if not summary.total:
        return texts.render("summary.nothing")
    kinds = tuple(
        texts.plain(f"summary.kind.{kind}", n=summary.kinds[kind])
        for kind in Sort
        if summary.kinds.get(kind)
    )
    outcomes = tuple(
        texts.plain(
            "summary.outcome", n=summary.outcomes[outcome],
            outcome=outcome or Key("summary.open"),
        )
        for outcome in (*Outcome, None)
        if summary.outcomes.get(outcome)
    )  # fmt: skip
    text = texts.render("summary.incidents", n=summary.total, kinds=kinds, outcomes=outcomes)
    for key, spans in (("summary.taken", summary.taken), ("summary.closed", summary.closed)):
        if spans is not None:
            text = text + texts.render(key, median=spans.median, worst=spans.worst)
    return text + texts.render(
        "summary.rest", untaken=summary.untaken, silent=summary.silent_steps,
        percent=summary.false_rate, false=summary.false_alarms, ended=summary.ended,
    )  # fmt: skip


async def _said(ctx: Context, texts: Texts, opinions: list[Opinion], *, bare: bool) -> Rich:
    """What people found: from three answers on, without the names of those who did not sign."""
    if len(opinions) < rules.ENOUGH:
        return texts.render("summary.feedback_few", n=len(opinions), enough=rules.ENOUGH)
    average = round(sum(opinion.score for opinion in opinions) / len(opinions), 1)
    text = texts.render("summary.feedback", n=len(opinions), average=str(average))
    with_words = [opinion for opinion in opinions if opinion.words]
    if bare:
        return text
    for opinion in with_words[:MOST_WORDS]:
        by: str | Key = Key("summary.anonymous")
        if opinion.member is not None:
            by = (await ctx.tx.people.member(opinion.member)).name
        text = text + texts.render("summary.words", words=opinion.words, by=by)
    return text


ENTRIES = (
    Entry("resumen", ("summary",), Action.SUMMARY, command_summary, in_menu=False),
)
