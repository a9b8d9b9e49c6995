"""What a drill found: in words and as a picture, with the times of each step and each person.

Those who coordinate read it with names; whoever took part reads their own times and numbers. On a
platform that is told no names, numbers are all there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.domain import drill as rules
from bot.domain.drill import Drill, Found, Person, Scope
from bot.domain.rich import Rich
from bot.pictures.timeline import Bar, Mark, Row, Timeline, Tone, drawn
from bot.platforms.base import Attachment
from bot.texts import Key
from handlers import feedback
from handlers.context import Context, Due, Place

TIMER = "drill_report"

BATCH = 10
"""Reports with a picture in one transaction: an alarm must not wait behind a large group."""

TONES = {
    Found.ANSWERED: Tone.DONE,
    Found.SILENT: Tone.ALARM,
    Found.NO_TIME: Tone.WAITING,
    Found.NOT_REACHED: Tone.QUIET,
}


def marked(ctx: Context, place: Place, number: int | None, key: str, **values: object) -> Rich:
    """A text of a drill: whatever it says, it begins with what it is."""
    said = ctx.texts(place).render(key, **{"number": number or 0, **values})
    return with_mark(ctx, place, number, said)


def with_mark(ctx: Context, place: Place, number: int | None, what: Rich) -> Rich:
    """The same of a text that is put together already."""
    head = "drill.marked" if number is None else "drill.marked_number"
    return ctx.texts(place).render(head, what=what, number=number or 0)


async def send(ctx: Context, drill: Drill) -> None:
    """To those who coordinate at once, to everyone else who took part soon."""
    roster = await ctx.tx.people.roster(drill.group)
    for member in sorted(roster.coordinators):
        for place in (await ctx.places_of(member))[:1]:
            await whole(ctx, place, drill)
    await ctx.tx.timers.set(TIMER, drill.id, ctx.now)


async def on_timer(ctx: Context, occasion: Due) -> None:
    """The next of those who took part."""
    drill = await ctx.tx.drills.get(occasion.ref)
    if drill is None:
        return
    members = await ctx.tx.drills.to_report(drill.id, BATCH)
    roster = await ctx.tx.people.roster(drill.group)
    people = await ctx.tx.drills.people(drill.id)
    for person in [p for p in people if p.member in members]:
        if person.member in roster.agreed - roster.coordinators:
            for place in (await ctx.places_of(person.member))[:1]:
                await _own(ctx, place, drill, people, person)
    if len(members) == BATCH:
        await ctx.tx.timers.set(TIMER, drill.id, ctx.now)
        return
    # Below zero: no incident has that number, and neither is taken for the other.
    took_part = {p.member for p in people if p.reached_at is not None} & roster.agreed
    await feedback.ask(ctx, -drill.id, drill.number, drill.group, took_part, "drill")


async def whole(ctx: Context, place: Place, drill: Drill) -> None:
    """Everything that was found, to somebody who coordinates."""
    people = await ctx.tx.drills.people(drill.id)
    bare = await _is_bare(ctx, place, drill)
    text = await _head(ctx, place, drill, people, bare=bare)
    texts = ctx.texts(place)
    for step in _steps(drill, people):
        text = text + texts.render("drill.report.step", **_step(drill, people, step))
    if bare:
        text = text + texts.render("drill.report.bare")
    else:
        for person in people:
            name = (await ctx.tx.people.member(person.member)).name
            what = _found(drill, person)
            text = text + texts.render("drill.report.person", name=name, what=what)
    if left := rules.not_run(drill):
        text = text + texts.render("drill.report.not_run", steps=tuple(str(n) for n in left))
    names = {p.member: (await ctx.tx.people.member(p.member)).name for p in people}
    await _put(ctx, place, drill, text, people, names, bare=bare)


async def _own(
    ctx: Context, place: Place, drill: Drill, people: Sequence[Person], me: Person
) -> None:
    """The reader's own times, and numbers."""
    text = await _head(ctx, place, drill, people, bare=True)
    texts = ctx.texts(place)
    text = text + texts.render("drill.report.you", what=_found(drill, me))
    names = {me.member: texts.plain("drill.report.you_label")}
    bare = await _is_bare(ctx, place, drill)
    await _put(ctx, place, drill, text, people, names, bare=bare)


async def _is_bare(ctx: Context, place: Place, drill: Drill) -> bool:
    return place.platform in (await ctx.tx.people.group(drill.group)).bare


async def _head(
    ctx: Context, place: Place, drill: Drill, people: Sequence[Person], *, bare: bool
) -> Rich:
    taken: Key | str = Key(f"drill.report.{drill.end}")
    if drill.taken_at is not None and drill.run.holder is not None:
        holder: Key | str = Key("bare.name")
        if not bare:
            holder = (await ctx.tx.people.member(drill.run.holder)).name
        after = _span(drill.taken_at - drill.run.opened_at)
        taken = Key("drill.report.taken", {"name": holder, "after": after})
    values: dict[str, object] = {
        "at": drill.run.opened_at,
        "scope": Key(f"drill.scope.{drill.scope}", {"n": drill.first}),
        "taken": taken,
        "answered": sum(p.answered_at is not None for p in people),
        "total": len(people),
    }
    if not people:
        return ctx.texts(place).render("drill.report.nobody", **values)
    return ctx.texts(place).render("drill.report.head", **values)


def _end(drill: Drill) -> datetime:
    return drill.closed_at or drill.over_at


def _found(drill: Drill, person: Person) -> Key:
    """What is known of one person, in words."""
    answered = person.answered_at
    after = _span(answered - person.told_at) if answered is not None else ""
    return Key(f"drill.found.{person.found(_end(drill))}", {"after": after})


def _steps(drill: Drill, people: Sequence[Person]) -> list[int]:
    """Those that were run, the plan's end last; none where one person alone was told."""
    if drill.scope is Scope.PERSON:
        return []
    return sorted({p.step for p in people}, key=lambda step: (step == 0, step))


def _step(drill: Drill, people: Sequence[Person], step: int) -> dict[str, object]:
    """How a step went: `told`, `reached`, and the times since the drill began."""
    them = [p for p in people if p.step == step]
    first = min((p.answered_at for p in them if p.answered_at is not None), default=None)
    return {
        "step": Key("drill.report.at_the_end") if step == 0 else _label(drill, step),
        "after": _span(them[0].told_at - drill.run.opened_at),
        "told": len(them),
        "reached": sum(p.reached_at is not None for p in them),
        "first": _span(first - them[0].told_at) if first else Key("drill.report.nobody_answered"),
    }


def _label(drill: Drill, step: int) -> Key:
    return Key("drill.report.step_label", {"n": drill.first + step - 1})


def _span(value: timedelta) -> str:
    """To the second: "4 min 20 s"."""
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    if not minutes:
        return f"{seconds} s"
    return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"


# --- the picture --------------------------------------------------------------------------------


async def _put(
    ctx: Context, place: Place, drill: Drill, text: Rich, people: Sequence[Person],
    names: dict[int, str], *, bare: bool,
) -> None:  # fmt: skip
    """Words and picture; the words alone on a platform that is told no details."""
    files: tuple[Attachment, ...] = ()
    if people and not bare:
        picture = drawn(_timeline(ctx, place, drill, people, names))
        # Where a picture is a message of its own, its name is what is read of it.
        name = ctx.texts(place).plain("drill.report.title", number=drill.number)
        files = (Attachment(f"{name.replace(' ', '-')}.png", "image/png", picture),)
    await ctx.put(place, with_mark(ctx, place, drill.number, text), files=files)


def _timeline(
    ctx: Context, place: Place, drill: Drill, people: Sequence[Person], names: dict[int, str]
) -> Timeline:
    """A row for each step, and one for each person that the reader may know of."""
    texts = ctx.texts(place)
    start, end = drill.run.opened_at, _end(drill)
    rows = []
    for step in _steps(drill, people):
        values = _step(drill, people, step)
        told = min(p.told_at for p in people if p.step == step)
        label = texts.plain("drill.report.told", told=values["told"])
        bar = Bar(told - start, (drill.taken_at or end) - start, Tone.CALM, label)
        rows.append(Row(texts.write(values["step"]), (bar,)))
    for person in people:
        if person.member in names:
            found = person.found(end)
            bar = Bar(
                person.told_at - start, (person.answered_at or end) - start, TONES[found],
                texts.write(_found(drill, person)),
            )  # fmt: skip
            taken = drill.taken_at if person.member == drill.run.holder else None
            marks = (Mark(taken - start),) if taken is not None else ()
            rows.append(Row(names[person.member], (bar,), marks))
    title = texts.plain("drill.report.title", number=drill.number)
    return Timeline(title, rows, lambda at: f"{at.total_seconds() / 60:.0f} min")
