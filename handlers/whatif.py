""""What would happen tonight at 3 if Ana did not answer?": in words, as a picture, and what is wrong.

A member may ask it about themselves and reads what they agreed to, with the names that they agreed
to; who coordinates, about anyone in the group. Nobody is told anything, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.conditions import Cause
from bot.domain.forecast import Line, forecast
from bot.domain.incident import EXHAUSTED_REPEAT, Kind
from bot.domain.people import Roster
from bot.domain.permissions import Action
from bot.domain.plan import Plan, Who
from bot.domain.plan_words import CAUSES, lean
from bot.domain.schedule import ScheduleError
from bot.domain.spoken import read_instant
from bot.pictures.timeline import Bar, Row, Timeline, Tone, drawn
from bot.platforms.base import Attachment
from bot.texts import Key, Texts
from handlers import duty, plans
from handlers.commands import Entry
from handlers.context import Context
from storage.people import Member

MOST_WORDS = 12

KINDS = {
    Cause.SILENCE: Kind.MISS,
    Cause.ALARM: Kind.PANIC,
    Cause.DURESS: Kind.DURESS,
    Cause.LOST: Kind.LOST,
}


@dataclass(frozen=True, slots=True)
class Question:
    """About whom, when, and what would have happened."""

    person: Member
    at: datetime
    cause: Cause = Cause.SILENCE


async def command_what_if(ctx: Context, rest: str) -> None:
    """`/siacaso Ana 3:00`, `/siacaso 3:00`, `/siacaso Ana mañana a las 9 auxilio`"""
    await answer(ctx, rest)


async def answer(ctx: Context, text: str, plan: Plan | None = None) -> bool:
    """Answer the question; `plan` in the place of the one that the person agreed to.

    False if it was not understood, which is said.
    """
    question = await _read(ctx, text)
    if question is None:
        return False
    if ctx.place.platform in ctx.speaker.group.bare:
        await ctx.reply("bare.plan")
        return True
    await _Answer(ctx, question, plan or question.person.agreed_plan).give(own=plan is None)
    return True


async def _read(ctx: Context, text: str) -> Question | None:
    words = text.split()[:MOST_WORDS]
    words, cause = _cause(words)
    person, rest = await _person(ctx, words)
    if person is None:
        # Whether there is such a person is not said to somebody who may not ask about others.
        key = "whatif.who" if ctx.may(Action.SET_PLAN) else "whatif.only_you"
        await ctx.reply(key, name=ctx.speaker.member.name)
        return None
    at: datetime | None = ctx.now
    if rest:
        try:
            at = read_instant(" ".join(rest), ctx.now, person.zone)
        except ScheduleError:  # their zone is one that this machine's tables do not have
            at = None
    if at is None:
        await ctx.reply("whatif.when", part=" ".join(rest)[:60])
        return None
    return Question(person, at, cause)


def _cause(words: Sequence[str]) -> tuple[list[str], Cause]:
    for count in (2, 1):
        said = CAUSES.get(lean(" ".join(words[-count:]))) if len(words) >= count else None
        if said is not None:
            return list(words[:-count]), said
    return list(words), Cause.SILENCE


async def _person(ctx: Context, words: Sequence[str]) -> tuple[Member | None, Sequence[str]]:
    """Whose name the words begin with, the longest first; the speaker's own needs not be said."""
    me = ctx.speaker.member
    for count in range(len(words), 0, -1):
        found = await ctx.tx.people.member_named(me.group, " ".join(words[:count]))
        if found is not None and (found.id == me.id or ctx.may(Action.SET_PLAN)):
            return found, words[count:]
    first = lean(words[0]) if words else ""
    says_when = first[:1].isdigit() or not words or _is_time(ctx, words)
    return (me, words) if says_when else (None, words)


def _is_time(ctx: Context, words: Sequence[str]) -> bool:
    return read_instant(" ".join(words), ctx.now, "UTC") is not None


class _Answer:
    """One answer, put together."""

    def __init__(self, ctx: Context, question: Question, plan: Plan) -> None:
        self.ctx = ctx
        self.question = question
        self.plan = plan
        self.texts: Texts = ctx.texts(ctx.place)
        self.here: Texts = Texts(ctx.place.language, question.person.zone, ctx.now)

    async def give(self, *, own: bool) -> None:
        """Say it. `own`: the plan is the one that the person agreed to."""
        ctx, person = self.ctx, self.question.person
        roster = await duty.roster_at(
            ctx, person.group, person.id, self.plan, self.question.at
        )
        platforms = await ctx.tx.people.platforms_of(roster.agreed)
        lines = forecast(
            self.plan, roster, person.id, KINDS[self.question.cause], self.question.at,
            frozenset(platforms),
        )  # fmt: skip
        head = self.texts.render(
            "whatif.head" if own else "whatif.head_draft",
            name=person.name,
            at=self.here.write(self.question.at),
            zone=person.zone,
            what=Key(f"whatif.cause.{self.question.cause}"),
        )
        said = [await self._said(line, roster) for line in lines]
        warned = await self._warnings(lines, roster, platforms, own=own)
        text = "\n".join([*said, *(f"⚠️ {warning}" for warning in warned)])
        await ctx.put(
            ctx.place,
            head + self.texts.render("whatif.body", lines=text),
            files=(await self._picture(lines, roster),),
        )

    # --- words ---

    async def _said(self, line: Line, roster: Roster) -> str:
        at = self.here.write(self.question.at + line.after)
        if line.skipped is not None:
            why = f"whatif.skipped.{line.skipped}"
            step = self.plan.steps[line.step - 1]
            only = "; ".join(plans.conditions(self.texts, step.only))
            return self.texts.plain(why, at=at, step=line.step, only=only)
        values = {"at": at, "n": len(line.told), "reached": len(line.reached)}
        if line.step == 0:
            return self.texts.plain("whatif.end", repeat=EXHAUSTED_REPEAT, **values)
        step = self.plan.steps[line.step - 1]
        who = await plans.who(self.ctx, self.texts, step, roster)
        return self.texts.plain("whatif.step", step=line.step, who=who, **values)

    async def _warnings(
        self, lines: Sequence[Line], roster: Roster, platforms: dict[int, frozenset[str]],
        *, own: bool,
    ) -> list[str]:  # fmt: skip
        """What is wrong, worst first."""
        ctx, person, texts = self.ctx, self.question.person, self.texts
        warned = []
        told = frozenset[int]().union(*(line.told for line in lines))
        reached = told & frozenset(platforms)
        if not reached:
            warned.append(texts.plain("whatif.warn.nobody"))
        elif not any(line.reached for line in lines if line.after < timedelta(hours=1)):
            warned.append(texts.plain("whatif.warn.slow"))
        if reached and len(of := frozenset[str]().union(*(platforms[m] for m in reached))) == 1:
            warned.append(texts.plain("plan.warn.one_platform", platform=min(of).capitalize()))
        lost = sorted((told - reached) & roster.lives.keys())
        named = {r.member for step in self.plan.steps for r in step.recipients}
        for member in lost[: plans.MOST_LINES]:
            if ctx.may(Action.SET_PLAN) or member in named:
                name = (await ctx.tx.people.member(member)).name
                warned.append(texts.plain("whatif.warn.lost", name=name))
        own_step = any(
            r.who is Who.MEMBER and r.member == person.id
            for step in self.plan.steps for r in step.recipients
        )  # fmt: skip
        if own_step:
            warned.append(texts.plain("whatif.warn.own_step", name=person.name))
        if own and self.question.cause is Cause.SILENCE:
            if person.withdrawn_at is not None:
                warned.append(texts.plain("whatif.warn.withdrawn", name=person.name))
            elif not await ctx.tx.checkins.schedules_of(person.id):
                warned.append(texts.plain("whatif.warn.no_schedule", name=person.name))
        return warned

    # --- picture ---

    async def _picture(self, lines: Sequence[Line], roster: Roster) -> Attachment:
        rows = []
        end = max(line.after for line in lines) + EXHAUSTED_REPEAT
        for line in lines:
            if line.step == 0:
                label = self.texts.plain("plan.picture.end")
                rows.append(Row(label, (Bar(line.after, end, Tone.ALARM),)))
                continue
            step = self.plan.steps[line.step - 1]
            who = self.texts.write(await plans.who(self.ctx, self.texts, step, roster))
            tone, note = Tone.CALM, f"{len(line.reached)}/{len(line.told)}"
            if line.skipped is not None:
                tone = Tone.QUIET
                note = self.texts.plain(f"whatif.picture.{line.skipped}")
            elif not line.reached:
                tone = Tone.WAITING
            rows.append(Row(f"{line.step}. {who}", (Bar(line.after, end, tone, note),)))
        title = self.texts.plain("whatif.picture.title", name=self.question.person.name)

        def axis(span: timedelta) -> str:
            return self.here.write(self.question.at + span).split(" ")[-1]

        return Attachment(plans.PICTURE, "image/png", drawn(Timeline(title, rows, axis)))


ENTRIES = (
    Entry(
        "siacaso", ("whatif", "si_acaso"), Action.OWN_PLAN, command_what_if, in_menu=False
    ),
)
