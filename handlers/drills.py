"""Drills in chat: a plan that is run for practice, and what was found by it.

Every text of a drill goes through `marked`, and so begins with the word for it: there is no other way
out of this module. A drill uses the lane of check-ins: it is waited for like a question, and never
before an alarm. A real alarm in the group ends it at once, whoever the alarm is about; the person whom
that is about sees nothing of it, since their phone may be in other hands. Nobody learns from a drill
that there is an incident: one that would begin while a real one waits for somebody begins later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from random import Random

from bot.domain import drill as rules
from bot.domain.answers import plain
from bot.domain.drill import DEFAULT_WINDOW, Drill, End, Window
from bot.domain.duress import HIDDEN
from bot.domain.incident import Leaves, Notice, Refusal
from bot.domain.lanes import Lane
from bot.domain.people import Life, Risk, Roster
from bot.domain.permissions import Action
from bot.domain.plan import DEFAULT_PLAN
from bot.domain.spoken import NotUnderstood, read_schedule
from bot.texts import Key
from handlers import contacts, drill_report, duty, plans
from handlers.commands import Entry
from handlers.context import Choice, Context, Due, Place
from handlers.drill_report import marked
from storage.people import Group

TOPIC = "drill"
MENU_TOPIC = "drills"
TIMER = "drill"
SCHEDULE_TIMER = "drill_schedule"

LANE = Lane.CHECKIN

TO_TAKE = (Choice("take", "button.take"), Choice("escalate", "button.escalate"))
"""As in earnest."""

HERE = (Choice("here", "button.here"),)

ACTS = ("take", "escalate")
"""Commands about incidents that a drill understands as well."""

NUMBERED = re.compile(r"\s*[sd]\s*#?(\d{1,9})\b.*", re.IGNORECASE | re.DOTALL)
"""How people name one: "S3"."""

STEPS_OFFERED = 6


# --- saying -------------------------------------------------------------------------------------


async def _say(ctx: Context, place: Place, number: int, key: str, **values: object) -> None:
    lane = Lane.CONVERSATION
    await ctx.put(place, marked(ctx, place, number, key, **values), lane=lane)


async def _reply(ctx: Context, key: str, number: int | None = None, **values: object) -> None:
    await ctx.put(ctx.place, marked(ctx, ctx.place, number, key, **values))


async def _close(ctx: Context, drill: Drill, key: str, *without: int | None) -> None:
    """Show what became of it wherever it was asked about."""
    for prompt in await ctx.tx.conversations.open_about(TOPIC, drill.id):
        if prompt.member not in without:
            await ctx.close_prompt(prompt, key)


def purpose(id: int) -> str:
    """What the rows of a drill's messages are for."""
    return f"drill:{id}:alarm"


# --- beginning ----------------------------------------------------------------------------------


async def begin(
    ctx: Context, group: Group, by: int | None, *, step: int | None = None,
    person: int | None = None,
) -> Drill:  # fmt: skip
    """Run the group's plan, or a part of it. Raises `IndexError` for a step that is not there."""
    plan = group.plan or DEFAULT_PLAN
    made = rules.of_plan(plan, 0, group.id, by, ctx.now, step=step, person=person)
    number = await ctx.tx.people.next_number(group.id, "drills")
    numbered = replace(made, run=replace(made.run, number=number))
    drill = await ctx.tx.drills.add(numbered)
    await _go_on(ctx, drill)
    return drill


async def _roster(ctx: Context, drill: Drill) -> Roster:
    """Who may be told. What a plan asks of the person is answered as for somebody at medium risk in
    the group's zone: by night, the steps for the night are practised."""
    roster = await duty.roster_for(ctx, drill.run)
    group = await ctx.tx.people.group(drill.group)
    someone = {rules.NOBODY: Life(group.zone, Risk.MEDIUM)}
    # What is practised is a group's own: the people of another one are not called for it.
    return replace(roster, lives={**roster.lives, **someone}, allies={})


async def _go_on(ctx: Context, drill: Drill) -> None:
    begins = drill.run.step == 0 and ctx.now < drill.over_at
    if begins and await ctx.tx.incidents.nobody_has_one(drill.group):
        await _carry_out(ctx, (rules.held_back(drill, ctx.now), ()))
        return
    roster = await _roster(ctx, drill)
    await _carry_out(ctx, rules.advance(drill, roster, ctx.now))


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Whatever is due; of one that a real alarm ended, what was left to look as it was."""
    drill = await ctx.tx.drills.get(occasion.ref)
    if drill is not None and drill.open:
        await _go_on(ctx, drill)
    elif drill is not None:
        await _close(ctx, drill, "drill.now_over")


async def _carry_out(ctx: Context, decision: rules.Decision) -> None:
    """Store what was decided, set the timer, and queue what must leave."""
    drill, leaves = decision
    if not drill.open:
        await _is_over(ctx, drill)
        return
    await ctx.tx.drills.save(drill)
    await ctx.tx.timers.set(TIMER, drill.id, drill.next_at)
    for leaving in leaves:
        # At the plan's end everyone is told: those who had not been are of no step.
        step = 0 if leaving.notice is Notice.EXHAUSTED else leaving.step
        await ctx.tx.drills.told(drill.id, leaving.to, step, ctx.now)
        await _notify(ctx, drill, leaving)
    if leaves:
        await _skip_the_unreachable(ctx, drill.id)


async def _notify(ctx: Context, drill: Drill, leaving: Leaves) -> None:
    """One message to each, on all their accounts; their earlier ones lose their buttons."""
    state = Key(f"drill.state.{leaving.notice}")
    await _ask(ctx, drill, leaving.to, "drill.alarm", TO_TAKE, state=state)


async def _ask(
    ctx: Context, drill: Drill, members: Iterable[int], key: str, choices: tuple[Choice, ...],
    **values: object,
) -> None:  # fmt: skip
    places = [place for member in sorted(members) for place in await ctx.places_of(member)]
    chats = {(place.platform, place.chat) for place in places}
    for prompt in await ctx.tx.conversations.open_about(TOPIC, drill.id):
        if (prompt.platform, prompt.chat) in chats:
            await ctx.close_prompt(prompt)
    why = purpose(drill.id)
    for place in places:
        await ctx.tx.outbox.withdraw(why, ctx.now, platform=place.platform, chat=place.chat)
        await ctx.ask(
            place, marked(ctx, place, drill.number, key, **values), choices,
            topic=TOPIC, ref=drill.id, lane=LANE, purpose=why,
        )  # fmt: skip


# --- whom it reaches ----------------------------------------------------------------------------


async def reached(ctx: Context, id: int, member: int) -> None:
    """A platform took a message of this drill for a member."""
    await ctx.tx.drills.reached(id, member, ctx.now)


async def not_reached(ctx: Context, id: int) -> None:
    """A message of this drill does not get through, for now or for good."""
    await _skip_the_unreachable(ctx, id)


async def _skip_the_unreachable(ctx: Context, id: int) -> None:
    """If nobody of the newest step can be reached, the next one runs now, as in earnest."""
    drill = await ctx.tx.drills.get(id)
    if drill is None or not drill.open:
        return
    told = drill.run.told
    lost = told - await ctx.tx.people.reached(told)
    lost |= await ctx.tx.outbox.unreached({purpose(id)}, ctx.now, drill.run.opened_at)
    roster = await _roster(ctx, drill)
    moved, leaves = rules.dead_channel(drill, told - lost, roster, ctx.now)
    if moved != drill:
        await _carry_out(ctx, (moved, leaves))


# --- what people do -----------------------------------------------------------------------------


async def pressed(ctx: Context, ref: int, action: str) -> None:
    """One press, number or command about a drill."""
    drill = await ctx.tx.drills.get(ref)
    me = ctx.speaker.member
    if drill is None or drill.group != me.group or me.id not in drill.run.told:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await contacts.reacted(ctx)
    if not drill.open:
        await _reply(ctx, "drill.over", drill.number)
        return
    await ctx.tx.drills.answered(drill.id, me.id, ctx.now)
    if action == "take":
        await _take(ctx, drill)
    elif action == "escalate":
        await _escalate(ctx, drill)
    else:
        await _works(ctx, drill)
    await _over_if_all_answered(ctx, drill.id)


async def _take(ctx: Context, drill: Drill) -> None:
    me = ctx.speaker.member.id
    taken = rules.take(drill, me, ctx.now)
    if isinstance(taken, Refusal):
        await _works(ctx, drill)
        return
    await ctx.tx.drills.save(taken)
    await ctx.tx.timers.set(TIMER, taken.id, taken.next_at)
    await ctx.tx.outbox.withdraw(purpose(taken.id), ctx.now)
    await _close(ctx, taken, "drill.now_taken")
    await _reply(ctx, "drill.you_took", taken.number)
    people = await ctx.tx.drills.people(taken.id)
    waited = [person.member for person in people if person.answered_at is None]
    await _ask(ctx, taken, waited, "drill.roll_call", HERE, within=rules.ROLL_CALL)


async def _escalate(ctx: Context, drill: Drill) -> None:
    roster = await _roster(ctx, drill)
    decision = rules.escalate(drill, roster, ctx.now)
    if isinstance(decision, Refusal):
        await _works(ctx, drill)
        return
    await _reply(ctx, "drill.you_escalated", drill.number)
    await _carry_out(ctx, decision)


async def _works(ctx: Context, drill: Drill) -> None:
    for prompt in await ctx.tx.conversations.open_about(TOPIC, drill.id):
        if prompt.member == ctx.speaker.member.id and drill.taken_at is not None:
            await ctx.close_prompt(prompt, "drill.now_works")
    await _reply(ctx, "drill.works", drill.number)


async def _over_if_all_answered(ctx: Context, id: int) -> None:
    drill = await ctx.tx.drills.get(id)
    if drill is None or not drill.open or drill.taken_at is None:
        return
    if rules.all_answered(await ctx.tx.drills.people(id)):
        await _is_over(ctx, rules.ended(drill, End.ANSWERED, ctx.now))


async def command(ctx: Context, rest: str, action: str) -> bool:
    """`/tomar S3`, or `/tomar` where there is nothing but a drill. Whether that is what was meant."""
    me = ctx.speaker.member
    if found := NUMBERED.fullmatch(rest):
        drill = await ctx.tx.drills.numbered(me.group, int(found[1]))
        if drill is None or me.id not in drill.run.told:
            await _reply(ctx, "drill.unknown", int(found[1]))
            return True
    elif rest:
        return False
    else:
        drill = await ctx.tx.drills.open_in(me.group)
        if drill is None or me.id not in drill.run.told:
            return False
        for incident in await ctx.tx.incidents.known_to(me.group, me.id, only_open=True):
            if incident.kind not in HIDDEN or incident.subject != me.id:
                return False  # a real one comes first
    await pressed(ctx, drill.id, action)
    return True


# --- its end ------------------------------------------------------------------------------------


async def _is_over(ctx: Context, drill: Drill) -> None:
    """Nobody is asked any more; what was found is told."""
    await ctx.tx.drills.save(drill)
    await ctx.tx.timers.set(TIMER, drill.id, None)
    await ctx.tx.outbox.withdraw(purpose(drill.id), ctx.now)
    await _close(ctx, drill, "drill.now_over")
    people = await ctx.tx.drills.people(drill.id)
    silent = {p.member for p in people if p.found(ctx.now) is rules.Found.SILENT}
    if silent:
        await contacts.ignored(ctx, drill.group, silent, f"d{drill.id}")
    await drill_report.send(ctx, drill)


async def stop_for_real(ctx: Context, group: int, subject: int) -> None:
    """A real alarm: whatever is practised ends, and no report disturbs anybody.

    It is in the transaction of the alarm, which leaves first. The person whom the alarm is about has
    before them what they had, until the drill would have ended.
    """
    drill = await ctx.tx.drills.open_in(group)
    if drill is None:
        return
    await ctx.tx.drills.save(rules.ended(drill, End.REAL, ctx.now))
    await ctx.tx.timers.set(TIMER, drill.id, drill.over_at)
    await ctx.tx.outbox.withdraw(purpose(drill.id), ctx.now)
    await _close(ctx, drill, "drill.now_over", subject)
    for member in sorted(drill.run.told - {subject}):
        for place in await ctx.places_of(member):
            await _say(ctx, place, drill.number, "drill.real_from_now")


# --- by schedule --------------------------------------------------------------------------------


async def on_schedule(ctx: Context, occasion: Due) -> None:
    """The monthly one; a day later while a real incident waits for somebody."""
    window = await ctx.tx.drills.window(occasion.ref)
    if window is None:
        return
    if await ctx.tx.incidents.nobody_has_one(occasion.ref):
        await ctx.tx.timers.set(SCHEDULE_TIMER, occasion.ref, ctx.now + timedelta(days=1))
        return
    group = await ctx.tx.people.group(occasion.ref)
    await _set_next(ctx, group, window)
    if await ctx.tx.drills.open_in(group.id) is None:
        await begin(ctx, group, None)


async def _set_next(ctx: Context, group: Group, window: Window) -> None:
    # When it begins is no key that anybody could use.
    chance = Random(ctx.settings.token())  # nosec B311
    due = rules.next_drill(window, group.zone, ctx.now, chance)
    await ctx.tx.timers.set(SCHEDULE_TIMER, group.id, due)


async def _monthly(ctx: Context, rest: str) -> None:
    """`/simulacro cada mes 10:00 a 18:00`"""
    window: Window | None = DEFAULT_WINDOW
    if rest:
        parts = read_schedule(UNTIL.sub(" and ", rest))
        window = None
        if not isinstance(parts, NotUnderstood) and len(parts.times) == 2:
            try:
                window = Window(*parts.times)
            except ValueError:
                window = None
    if window is None:
        await _reply(ctx, "drill.window_wrong", text=rest[:40])
        return
    group = ctx.speaker.group
    await ctx.tx.drills.set_window(group.id, window)
    await _set_next(ctx, group, window)
    await ctx.log("drill_monthly")
    await _reply(
        ctx, "drill.monthly", since=window.start.strftime("%H:%M"),
        until=window.end.strftime("%H:%M"), zone=group.zone,
    )  # fmt: skip


async def _never(ctx: Context) -> None:
    group = ctx.speaker.member.group
    await ctx.tx.drills.set_window(group, None)
    await ctx.tx.timers.set(SCHEDULE_TIMER, group, None)
    await ctx.log("drill_never")
    await _reply(ctx, "drill.never")


# --- the command --------------------------------------------------------------------------------

WHOLE = frozenset({"ya", "todo", "todo el plan", "plan", "now", "all", "whole"})
NEVER = frozenset({"nunca", "no", "never"})
STOP = frozenset({"parar", "detener", "terminar", "stop", "end"})
STEP = re.compile(r"(?:solo\s+)?(?:el\s+)?(?:paso|step)\s+(\d{1,4})")
MONTHLY = re.compile(r"(?:cada\s+mes|mensual|monthly|every\s+month)\b[\s,:]*(?:entre|between|de|from)?")
UNTIL = re.compile(r"\s(?:to|until|till|[-–])\s")
REPORT = re.compile(r"(?:informe|report)(?:\s+[sd]?#?(\d{1,9}))?")


async def command_drill(ctx: Context, rest: str) -> None:
    """`/simulacro`, and what stands behind it: `ya`, `paso 2`, a name, `cada mes 10:00 a 18:00`,
    `nunca`, `parar`, `informe 3`."""
    text = plain(rest).strip(" .!")
    if not text:
        await _menu(ctx)
    elif text in WHOLE:
        await _begin(ctx)
    elif text in NEVER:
        await _never(ctx)
    elif text in STOP:
        await _stop(ctx)
    elif found := STEP.fullmatch(text):
        await _begin(ctx, step=int(found[1]))
    elif found := MONTHLY.match(text):
        await _monthly(ctx, text[found.end() :].strip())
    elif found := REPORT.fullmatch(text):
        await _report(ctx, int(found[1]) if found[1] else None)
    else:
        await _of_person(ctx, rest)


async def _menu(ctx: Context) -> None:
    group = ctx.speaker.group
    plan = group.plan or DEFAULT_PLAN
    choices = [Choice("whole", "button.drill_whole")]
    if len(plan.steps) > 1:
        choices += [
            Choice("step", "button.drill_step", str(n), {"n": n})
            for n in range(1, min(len(plan.steps), STEPS_OFFERED) + 1)
        ]
    window = await ctx.tx.drills.window(group.id)
    choices.append(
        Choice("never", "button.drill_never") if window
        else Choice("monthly", "button.drill_monthly")
    )  # fmt: skip
    if await ctx.tx.drills.open_in(group.id) is not None:
        choices = [Choice("stop", "button.drill_stop")]
    await ctx.close_prompts(MENU_TOPIC, group.id, only=ctx.place)
    steps = await plans.describe(ctx, ctx.place, plan, about=group.id)
    await ctx.ask(
        ctx.place, marked(ctx, ctx.place, None, "drill.menu", steps=steps), choices,
        topic=MENU_TOPIC, ref=group.id,
    )  # fmt: skip


async def chosen(ctx: Context, ref: int, action: str, argument: str) -> None:
    """An answer of the menu."""
    if ref != ctx.speaker.member.group:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await ctx.close_prompts(MENU_TOPIC, ref, only=ctx.place)
    match action:
        case "whole":
            await _begin(ctx)
        case "step":
            await _begin(ctx, step=int(argument))
        case "monthly":
            await _monthly(ctx, "")
        case "never":
            await _never(ctx)
        case "stop":
            await _stop(ctx)


async def _of_person(ctx: Context, name: str) -> None:
    group = ctx.speaker.group
    person = await ctx.tx.people.member_named(group.id, name)
    roster = await ctx.tx.people.roster(group.id)
    if person is None or person.id not in roster.agreed:
        await _reply(ctx, "drill.whom", name=name[:40])
        return
    await _begin(ctx, person=person.id)


async def _begin(ctx: Context, *, step: int | None = None, person: int | None = None) -> None:
    me, group = ctx.speaker.member, ctx.speaker.group
    known = [
        incident
        for incident in await ctx.tx.incidents.known_to(group.id, me.id, only_open=True)
        if incident.holder is None and incident.subject != me.id
    ]
    if known:
        await _reply(ctx, "drill.not_now")
        return
    if (running := await ctx.tx.drills.open_in(group.id)) is not None:
        await _reply(ctx, "drill.one_runs", running.number)
        return
    if await ctx.tx.drills.since(group.id, ctx.now - timedelta(days=1)) >= rules.MOST_A_DAY:
        await _reply(ctx, "drill.too_many", n=rules.MOST_A_DAY)
        return
    try:
        drill = await begin(ctx, group, me.id, step=step, person=person)
    except IndexError:
        await _reply(ctx, "drill.no_such_step", n=len((group.plan or DEFAULT_PLAN).steps))
        return
    await ctx.log("drill_begun", number=drill.number)
    await _reply(ctx, f"drill.begun.{drill.scope}", drill.number, n=drill.first, lasts=rules.LASTS)


async def _stop(ctx: Context) -> None:
    drill = await ctx.tx.drills.open_in(ctx.speaker.member.group)
    if drill is None:
        await _reply(ctx, "drill.none_runs")
        return
    await ctx.log("drill_stopped", number=drill.number)
    await _is_over(ctx, rules.ended(drill, End.STOPPED, ctx.now))


async def _report(ctx: Context, number: int | None) -> None:
    group = ctx.speaker.member.group
    if number is None:
        drill = await ctx.tx.drills.last_of(group)
    else:
        drill = await ctx.tx.drills.numbered(group, number)
    if drill is None or drill.open:
        await _reply(ctx, "drill.no_report")
        return
    await drill_report.whole(ctx, ctx.place, drill)


ENTRIES = (Entry("simulacro", ("drill",), Action.DRILL, command_drill, in_menu=False),)
