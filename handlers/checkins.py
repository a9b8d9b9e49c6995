"""Check-ins in chat: asking, reminding, and every way of answering."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain import checkin as rules
from bot.domain.answers import Answer, understand
from bot.domain.checkin import Checkin
from bot.domain.incident import Kind
from bot.domain.lanes import Lane
from bot.domain.people import Risk
from bot.domain.permissions import Action
from bot.domain.schedule import EVERY_DAY, Schedule, ScheduleError, last_due, next_due
from bot.domain.spoken import NotUnderstood, read_instant, read_schedule
from handlers import canary, consent, fading, incidents, subject
from handlers.commands import Entry
from handlers.context import Choice, Context, Due, Place
from handlers.settings import DOUBT

TOPIC = "checkin"
TIMER = "checkin"
SCHEDULE_TIMER = "schedule"
DOUBT_TIMER = "doubt"
DOUBT_TOPIC = "doubt"
SCHEDULE_TOPIC = "schedule"

ANSWERS = (
    Choice("ok", "button.ok"),
    Choice("help", "button.help"),
    Choice("later", "button.later"),
)

DEFAULT_GRACE = timedelta(minutes=45)
"""Between the question and the miss, with one reminder to the person alone half-way."""

STALE = timedelta(days=1)
"""From which age on an occurrence gives way to the newest one of its schedule."""

MAX_SCHEDULES = 10
LONGEST_PAUSE = timedelta(days=31)
"""A pause always has an end, and not one so far away that it is forgotten."""


# --- asking -------------------------------------------------------------------------------------


async def on_schedule(ctx: Context, occasion: Due) -> None:
    """An occurrence is due: ask, and set the timer of the next one.

    One that we come to so late that it would be missed by now (we were away) is asked all the same,
    and judged a little later; somebody at high risk counts as missing at once.
    """
    ref, due = occasion.ref, occasion.due
    schedule = await ctx.tx.checkins.schedule(ref)
    if schedule is None:
        return
    await set_schedule_timer(ctx, ref, schedule.rule)
    if schedule.paused_until is not None:
        if due < schedule.paused_until:
            return
        await ctx.tx.checkins.pause(ref, None)
    if await _is_suspended(ctx, schedule.member):
        return  # there is nobody to ask, and those who coordinate know
    if ctx.now - due > STALE:
        # We were away for days, or the clock was years off: ask for the newest, if it was not asked.
        due = last_due(schedule.rule, ctx.now) or due
    if await ctx.tx.checkins.open_of(schedule.member):
        return  # the person is being asked already; a second question would only confuse
    id = await ctx.tx.checkins.new_id(schedule.member, ref, due)
    if id is None:
        return
    grace = schedule.rule.grace
    checkin = rules.asked(id, schedule.member, due, grace, schedule.rule.reminders, ctx.now)
    if rules.overdue(due, grace, ctx.now):
        member = await ctx.tx.people.member(schedule.member)
        if member.risk is Risk.HIGH:
            checkin = replace(rules.not_delivered(checkin), miss_at=ctx.now, reminders=())
        else:
            checkin = rules.hold(checkin, grace, ctx.now)
    await _ask(ctx, checkin, "checkin.question")
    await _save(ctx, checkin)
    await fading.question_will_fade(ctx, checkin.id, checkin.miss_at)


async def _is_suspended(ctx: Context, member: int) -> bool:
    accounts = await ctx.tx.people.accounts_of(member)
    return bool(accounts) and all(account.suspended_at is not None for account in accounts)


async def stop_asking(ctx: Context, member: int) -> None:
    """Somebody knows how the person is: what is open is no miss any more."""
    for checkin in await ctx.tx.checkins.open_of(member):
        await _save(ctx, replace(checkin, state=rules.State.PAUSED, reminders=()))
        await ctx.tx.outbox.withdraw(fading.question_purpose(checkin.id), ctx.now)


async def hold_overdue(ctx: Context) -> dict[int, int]:
    """After an outage: everyone overdue is asked once more and judged a little later.

    People at high risk are left as they are, and so are missed at once. Returns how many of each
    group are waited for, those included whose question is still to come.
    """
    waited: dict[int, int] = {}

    async def count(member: int) -> bool:
        person = await ctx.tx.people.member(member)
        if person.risk is Risk.HIGH:
            return False
        waited[person.group] = waited.get(person.group, 0) + 1
        return True

    for checkin in await ctx.tx.checkins.overdue(ctx.now):
        if await count(checkin.member):
            held = rules.hold(checkin, checkin.miss_at - checkin.due, ctx.now)
            await _ask(ctx, held, "checkin.after_outage")
            await _save(ctx, held)
            await fading.question_will_fade(ctx, held.id, held.miss_at)
    for ref, due in (await ctx.tx.timers.due_of(SCHEDULE_TIMER, ctx.now)).items():
        schedule = await ctx.tx.checkins.schedule(ref)
        if schedule is not None and rules.overdue(due, schedule.rule.grace, ctx.now):
            await count(schedule.member)
    return waited


async def set_schedule_timer(ctx: Context, id: int, rule: Schedule) -> None:
    """The next occurrence after now."""
    await ctx.tx.timers.set(SCHEDULE_TIMER, id, next_due(rule, ctx.now))


async def _ask(ctx: Context, checkin: Checkin, key: str) -> None:
    """The question on the account used last, or on the next where that one took none.

    An earlier one of the same check-in loses its buttons.
    """
    await ctx.close_prompts(TOPIC, checkin.id)
    places = await ctx.places_of(checkin.member)
    tried = await ctx.tx.outbox.chats_of(fading.question_purpose(checkin.id))
    better = [p for p in places if tried.get((p.platform, p.chat)) is not False]
    for place in (better or places)[:1]:
        await _ask_at(ctx, place, checkin, key)


async def _ask_at(ctx: Context, place: Place, checkin: Checkin, key: str) -> None:
    await ctx.ask(
        place,
        key,
        ANSWERS,
        topic=TOPIC,
        ref=checkin.id,
        lane=Lane.CHECKIN,
        purpose=fading.question_purpose(checkin.id),
    )


async def _save(ctx: Context, checkin: Checkin) -> None:
    await ctx.tx.checkins.save(checkin)
    await ctx.tx.timers.set(TIMER, checkin.id, checkin.next_at)


async def on_timer(ctx: Context, occasion: Due) -> None:
    """A reminder, or the miss."""
    checkin = await ctx.tx.checkins.get(occasion.ref)
    if checkin is None:
        return
    if checkin.miss_at <= ctx.now and not await _arrived(ctx, checkin.id):
        checkin = rules.not_delivered(checkin)  # silence is no refusal to answer
    checkin, due = rules.advance(checkin, ctx.now)
    await _save(ctx, checkin)
    match due:
        case rules.Due.REMIND:
            await _ask(ctx, checkin, "checkin.reminder")
        case rules.Due.MISS:
            # The question stays as it is: a phone in other hands learns nothing from it.
            await ctx.tx.outbox.withdraw(fading.question_purpose(checkin.id), ctx.now)
            kind = Kind.UNREACHABLE if not checkin.delivered else Kind.MISS
            if await canary.is_one(ctx, checkin.member):
                kind = Kind.CANARY
            await incidents.open_incident(
                ctx, checkin.member, kind, due=checkin.due.isoformat(), checkin=checkin.id
            )
        case rules.Due.NOTHING:
            pass


async def not_delivered(ctx: Context, id: int) -> None:
    """The question does not get through where it was sent: ask on another account of the person's."""
    checkin = await ctx.tx.checkins.get(id)
    if checkin is None or checkin.state not in rules.OPEN or await _arrived(ctx, id):
        return
    places = await ctx.places_of(checkin.member)
    tried = await ctx.tx.outbox.chats_of(fading.question_purpose(id))
    for place in [p for p in places if (p.platform, p.chat) not in tried][:1]:
        await _ask_at(ctx, place, checkin, "checkin.question")


async def _arrived(ctx: Context, id: int) -> bool:
    """Whether a platform took a question of this check-in."""
    return any((await ctx.tx.outbox.chats_of(fading.question_purpose(id))).values())


# --- answering ----------------------------------------------------------------------------------


async def chosen(ctx: Context, id: int, action: str) -> None:
    """A button or a number of a check-in's question."""
    checkin = await ctx.tx.checkins.get(id)
    if checkin is None or checkin.member != ctx.speaker.member.id:
        await ctx.toast("toast.stale")
        return
    await _answer(ctx, checkin, Answer(action))


async def said(ctx: Context, text: str) -> bool:
    """Words, outside of any dialog. True if they were about how the person is.

    They are judged by when they were said: an answer that comes hours late is one to the question
    of that time, and not to the one that is open now.
    """
    me = ctx.speaker.member.id
    answer = Answer.OK if ctx.duress else understand(text)
    waiting = await _asked(ctx)
    if waiting:
        if answer is Answer.UNCLEAR:
            await ask_again(ctx, "checkin.unclear")
            return True
        for checkin in waiting:
            await _answer(ctx, checkin, answer)
        return True
    if answer is Answer.OK:
        until = ctx.answered_at + rules.CLOCKS_APART
        last = await ctx.tx.checkins.last_of(me, until)
        if last is not None and _missed(last) and _in_time(ctx, last):
            await _answer(ctx, last, answer)
            return True
    if answer is not Answer.HELP and await ctx.tx.checkins.open_of(me):
        await ask_again(ctx, "checkin.from_before", at=ctx.answered_at)
        return True
    about_me = await subject.seen(ctx, me)
    late = about_me is not None and not ctx.came_before(about_me.incident.opened_at)
    if answer is Answer.OK and about_me is not None and late:
        await subject.late_answer(ctx, about_me)
        return True
    if answer is Answer.OK:
        await ctx.reply("checkin.nothing_open")
        return True
    if answer is Answer.HELP:
        await _doubt(ctx)
        return True
    return False


async def ask_again(ctx: Context, key: str, *, at: datetime | None = None) -> None:
    """Whatever it was, it was no answer: the question again, and nothing counted."""
    waiting = await ctx.tx.checkins.open_of(ctx.speaker.member.id)
    for checkin in waiting[-1:]:
        await ctx.close_prompts(TOPIC, checkin.id)
        await ctx.ask(
            ctx.place,
            key,
            ANSWERS,
            topic=TOPIC,
            ref=checkin.id,
            purpose=fading.question_purpose(checkin.id),
            at=at,
        )


async def waits_for_answer(ctx: Context) -> bool:
    """Whether the speaker has a question open."""
    return bool(await _asked(ctx))


async def _asked(ctx: Context) -> list[Checkin]:
    """The check-ins that these words can be an answer to."""
    waiting = await ctx.tx.checkins.open_of(ctx.speaker.member.id)
    return [checkin for checkin in waiting if not ctx.came_before(checkin.due)]


def _in_time(ctx: Context, checkin: Checkin) -> bool:
    seen = ctx.event.first_seen if ctx.event is not None else None
    return rules.in_time(checkin, ctx.answered_at, seen)


async def _answer(ctx: Context, checkin: Checkin, answer: Answer) -> None:
    """Judged by the server's time of the message, so that our own delay makes no miss."""
    at = ctx.answered_at
    match answer:
        case Answer.OK:
            await _well(ctx, checkin)
        case Answer.HELP:
            await _not_well(ctx, checkin)
        case Answer.LATER if checkin.state in rules.OPEN:
            later = rules.answer_later(checkin, max(at, ctx.now))
            await _save(ctx, later)
            await ctx.toast("toast.done")
            await ctx.close_prompts(TOPIC, checkin.id, "checkin.later", until=checkin.miss_at)
            await _confirm(ctx, "checkin.later", until=checkin.miss_at)
        case _:
            await ctx.toast("toast.stale")


async def _confirm(ctx: Context, key: str, **values: object) -> None:
    """Words are answered with words; a press is answered by the edited question alone."""
    if not ctx.pressed:
        await ctx.reply(key, **values)


def _missed(checkin: Checkin) -> bool:
    """Whether it was missed, and no answer to it that was in time has come since."""
    if checkin.state not in (rules.State.MISSED, rules.State.UNREACHABLE):
        return False
    return checkin.answered_at is None or not rules.in_time(checkin, checkin.answered_at)


async def _well(ctx: Context, checkin: Checkin) -> None:
    missed = _missed(checkin)
    if checkin.state not in rules.OPEN and not missed:
        await ctx.toast("toast.stale")
        return
    await _save(ctx, rules.answer_ok(checkin, ctx.answered_at))
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, checkin.id, "checkin.thanks", at=ctx.answered_at)
    await ctx.tx.outbox.withdraw(fading.question_purpose(checkin.id), ctx.now)
    about_me = await subject.seen(ctx, checkin.member)
    if about_me is not None and missed and _in_time(ctx, checkin):
        await subject.answered_in_time(ctx, about_me.incident, checkin.id)
        await _confirm(ctx, "checkin.thanks", at=ctx.answered_at)
    elif about_me is not None:
        await subject.late_answer(ctx, about_me)
    else:
        await _confirm(ctx, "checkin.thanks", at=ctx.answered_at)


async def _not_well(ctx: Context, checkin: Checkin) -> None:
    await _save(ctx, rules.answer_help(checkin, ctx.answered_at))
    await ctx.tx.outbox.withdraw(fading.question_purpose(checkin.id), ctx.now)
    incident = await incidents.open_incident(ctx, checkin.member, Kind.HELP, checkin=checkin.id)
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, checkin.id, "checkin.help_sent", number=incident.number)
    await _confirm(ctx, "checkin.help_sent", number=incident.number)


# --- "help" without a question ------------------------------------------------------------------


async def _doubt(ctx: Context) -> None:
    """ "Ayuda" may ask how the bot works, or for one's life: silence within two minutes is the latter."""
    me = ctx.speaker.member.id
    await ctx.close_prompts(DOUBT_TOPIC, me)
    await ctx.ask(
        ctx.place,
        "doubt.question",
        (Choice("alarm", "button.alarm_now"), Choice("manual", "button.manual")),
        topic=DOUBT_TOPIC,
        ref=me,
        lane=Lane.ALARM,
        within=DOUBT,
    )
    await ctx.tx.timers.set(DOUBT_TIMER, me, ctx.now + DOUBT)


async def settle_doubt(ctx: Context, action: str) -> bool:
    """The answer to the doubt. Returns whether the manual is wanted."""
    me = ctx.speaker.member.id
    await ctx.tx.timers.set(DOUBT_TIMER, me, None)
    await ctx.close_prompts(DOUBT_TOPIC, me)
    if action == "alarm":
        await incidents.panic(ctx)
        return False
    await ctx.toast("toast.done")
    return True


async def on_doubt(ctx: Context, occasion: Due) -> None:
    """No word in two minutes: it was an alarm."""
    ref = occasion.ref
    await ctx.close_prompts(DOUBT_TOPIC, ref)
    incident = await incidents.open_incident(ctx, ref, Kind.PANIC)
    for place in (await ctx.places_of(ref))[:1]:
        await ctx.say(place, "panic.sent", lane=Lane.ALARM, number=incident.number)


# --- the member's own schedule ------------------------------------------------------------------


async def command_schedule(ctx: Context, rest: str) -> None:
    """`/horario 09:00 y 21:00 lun-vie margen 45 min avisos 15 min`"""
    if not rest:
        await _show_schedules(ctx)
        return
    if ctx.speaker.member.withdrawn_at is not None:
        # To be asked, and nobody to hear of the silence, would be a false promise.
        await ctx.reply("consent.first")
        await consent.command_my_plan(ctx, "")
        return
    parts = read_schedule(rest)
    if isinstance(parts, NotUnderstood):
        await ctx.reply("schedule.not_understood", part=parts.text or rest[:60])
        return
    try:
        grace = parts.grace or DEFAULT_GRACE
        rule = Schedule(
            days=parts.days or EVERY_DAY,
            times=parts.times,
            zone=ctx.speaker.member.zone,
            grace=grace,
            reminders=(grace / 2,) if parts.reminders is None else parts.reminders,
        )
    except ScheduleError as error:
        await ctx.reply(f"schedule.error.{error.code}", **error.values)
        return
    if len(await ctx.tx.checkins.schedules_of(ctx.speaker.member.id)) >= MAX_SCHEDULES:
        await ctx.reply("schedule.too_many", n=MAX_SCHEDULES)
        return
    await add_schedule(ctx, ctx.speaker.member.id, rule)
    first = next_due(rule, ctx.now)
    await ctx.reply(
        "schedule.added", first=first, grace=rule.grace, zone=rule.zone,
        times=tuple(t.strftime("%H:%M") for t in rule.times),
        days=_days(ctx, rule.days),
    )  # fmt: skip


def _days(ctx: Context, days: frozenset[int]) -> tuple[str, ...]:
    texts = ctx.texts(ctx.place)
    return tuple(texts.plain(f"day.{day}") for day in sorted(days))


async def add_schedule(ctx: Context, member: int, rule: Schedule) -> int:
    """Ask this member by this rule from now on."""
    id = await ctx.tx.checkins.add_schedule(member, rule, ctx.now)
    await set_schedule_timer(ctx, id, rule)
    return id


async def _show_schedules(ctx: Context) -> None:
    schedules = await ctx.tx.checkins.schedules_of(ctx.speaker.member.id)
    if not schedules:
        await ctx.reply("schedule.none")
        return
    for schedule in schedules:
        rule = schedule.rule
        await ctx.ask(
            ctx.place,
            "schedule.one",
            (Choice("end", "button.end_schedule"),),
            topic=SCHEDULE_TOPIC,
            ref=schedule.id,
            times=tuple(t.strftime("%H:%M") for t in rule.times),
            days=_days(ctx, rule.days),
            grace=rule.grace,
            zone=rule.zone,
            next=next_due(rule, ctx.now),
        )


async def end_schedule(ctx: Context, id: int) -> None:
    """The member wants it no more."""
    mine = {s.id for s in await ctx.tx.checkins.schedules_of(ctx.speaker.member.id)}
    if id not in mine:
        await ctx.toast("toast.stale")
        return
    await ctx.tx.checkins.end_schedule(id)
    await ctx.tx.timers.set(SCHEDULE_TIMER, id, None)
    await ctx.toast("toast.done")
    await ctx.close_prompts(SCHEDULE_TOPIC, id, "schedule.ended")


async def command_pause(ctx: Context, rest: str) -> None:
    """`/pausa hasta mañana a las 9`: no questions until then; without a time, what is paused."""
    schedules = await ctx.tx.checkins.schedules_of(ctx.speaker.member.id)
    if not schedules:
        await ctx.reply("schedule.none")
        return
    text = rest.removeprefix("hasta ").removeprefix("until ")
    until = read_instant(text, ctx.now, ctx.speaker.member.zone) if text else None
    if until is None:
        await ctx.reply("pause.when")
        return
    if until > ctx.now + LONGEST_PAUSE:
        await ctx.reply("pause.too_long", longest=LONGEST_PAUSE)
        return
    for schedule in schedules:
        await ctx.tx.checkins.pause(schedule.id, until)
    await ctx.reply("pause.set", until=until)


async def command_state(ctx: Context, _rest: str) -> None:
    """`/estado`: is it watching me?"""
    me = ctx.speaker.member.id
    last = await ctx.tx.checkins.last_of(me)
    schedules = await ctx.tx.checkins.schedules_of(me)
    nexts = [next_due(s.rule, max(ctx.now, s.paused_until or ctx.now)) for s in schedules]
    if last is not None:
        await ctx.reply(f"state.last.{last.state}", at=last.answered_at or last.due)
    elif nexts:
        await ctx.reply("state.last.none")
    if ctx.speaker.member.withdrawn_at is not None:
        await ctx.reply("state.withdrawn")
        return
    paused = [s.paused_until for s in schedules if s.paused_until and s.paused_until > ctx.now]
    if paused and len(paused) == len(schedules):
        await ctx.reply("state.paused", until=min(paused))
    await (ctx.reply("state.next", at=min(nexts)) if nexts else ctx.reply("schedule.none"))


ENTRIES = (
    Entry("horario", ("schedule",), Action.SETTINGS, command_schedule),
    Entry("pausa", ("pause",), Action.SETTINGS, command_pause),
    Entry("estado", ("status", "state"), Action.SETTINGS, command_state),
)
