"""Check-ins in chat: asking, reminding, and every way of answering."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain import checkin as rules
from bot.domain.answers import Answer, says_arrived, understand
from bot.domain.checkin import Checkin
from bot.domain.incident import Kind
from bot.domain.lanes import Lane
from bot.domain.people import Risk
from bot.domain.permissions import Action
from bot.domain.quiet import last_asked, next_asked
from bot.domain.schedule import ScheduleError
from bot.domain.spoken import NotUnderstood, read_schedule
from bot.domain.trip import Purpose, StageState
from handlers import (
    canary,
    consent,
    fading,
    incident_acts,
    incidents,
    last_change,
    proposals,
    schedules,
    silences,
    stages,
    subject,
)
from handlers.commands import Entry
from handlers.context import Choice, Context, Due, Place, Question, places
from handlers.settings import DOUBT
from storage.checkins import StoredSchedule
from storage.people import Account, Member

TOPIC = "checkin"
TIMER = "checkin"
SCHEDULE_TIMER = "schedule"
DOUBT_TIMER = "doubt"
DOUBT_TOPIC = "doubt"
SCHEDULE_TOPIC = schedules.TOPIC

DEFAULT_GRACE = timedelta(minutes=45)
"""Between the question and the miss, with one reminder to the person alone half-way."""

STALE = timedelta(days=1)
"""From which age on an occurrence gives way to the newest one of its schedule."""


# --- asking -------------------------------------------------------------------------------------


async def on_schedule(ctx: Context, occasion: Due) -> None:
    """An occurrence is due: ask, and set the timer of the next one.

    One that we come to so late that it would be missed by now (we were away) is asked all the same,
    and judged a little later; somebody at high risk counts as missing at once.
    """
    await on_schedules(ctx, [occasion])


async def on_schedules(ctx: Context, occasions: Sequence[Due]) -> None:
    """The same for many, of which at nine o'clock there are as many as people: what is known of them
    is asked for at once, and what is to be said is queued at once."""
    found = await ctx.tx.checkins.schedules_numbered([occasion.ref for occasion in occasions])
    due: dict[int, tuple[StoredSchedule, Due]] = {}
    again: list[Due] = []
    for occasion in occasions:
        schedule = found.get(occasion.ref)
        if schedule is not None and schedule.member in due:
            again.append(occasion)  # what comes of the first one decides about the second
        elif schedule is not None:
            due[schedule.member] = (schedule, occasion)
    if due:
        await _ask_each(ctx, due)
    if again:
        await on_schedules(ctx, again)


async def _ask_each(ctx: Context, due: Mapping[int, tuple[StoredSchedule, Due]]) -> None:
    """One occurrence of each of these members."""
    people = await ctx.tx.people.members(list(due))
    quiets = await ctx.tx.people.quiets(list(due))
    accounts = await ctx.tx.people.accounts_of_all(list(due))
    busy = await ctx.tx.checkins.with_open(list(due))
    following, asked = [], []
    for member, (schedule, occasion) in due.items():
        person, quiet, at = people[member], quiets.get(member), occasion.due
        following.append(
            (SCHEDULE_TIMER, schedule.id, next_asked(schedule.rule, quiet, person.zone, ctx.now))
        )
        if schedule.paused_until is not None:
            if at < schedule.paused_until:
                continue
            await ctx.tx.checkins.pause(schedule.id, None)
        if _all_suspended(accounts[member]):
            continue  # there is nobody to ask, and those who coordinate know
        if ctx.now - at > STALE:
            # We were away for days, or the clock was years off: ask for the newest, if it was not
            # asked.
            at = last_asked(schedule.rule, quiet, person.zone, ctx.now) or at
        if member in busy:
            # The person is being asked already; a second question would only confuse. The open one
            # is judged in any case, also if it is that of a trip: no silence goes without an end.
            continue
        asked.append((schedule, person, at))
    await ctx.tx.timers.set_all(following)
    await _begin_each(ctx, asked, accounts)


async def _begin_each(
    ctx: Context,
    asked: Sequence[tuple[StoredSchedule, Member, datetime]],
    accounts: Mapping[int, Sequence[Account]],
) -> None:
    """Ask, for occurrences that were not asked for yet."""
    ids = await ctx.tx.checkins.new_ids([(s.id, due) for s, _, due in asked]) if asked else []
    made: list[tuple[Checkin, int]] = []
    for id, (schedule, person, due) in zip(ids, asked, strict=True):
        if id is not None:
            rule = schedule.rule
            checkin = rules.asked(id, person.id, due, rule.grace, rule.reminders, ctx.now)
            made.append((_late(ctx, checkin, rule.grace, person), schedule.id))
    if not made:
        return
    await ctx.tx.checkins.add(made)
    # Where something of an erased check-in with the same number is left, that goes first. Where that
    # cannot be nobody looks: others write there at the same time (`storage.database.Conflict`).
    left: Collection[int] = ()
    sent: Collection[str] = ()
    if ctx.tx.reuses_numbers:
        new = [checkin.id for checkin, _ in made]
        left = await ctx.tx.conversations.any_about(TOPIC, new)
        sent = await ctx.tx.outbox.known_purposes([fading.question_purpose(id) for id in new])
    questions: list[Question] = []
    people = {person.id: person for _, person, _ in asked}
    for checkin, _ in made:
        if checkin.id in left or fading.question_purpose(checkin.id) in sent:
            await _ask(ctx, checkin, "checkin.question")
            continue
        person = people[checkin.member]
        for place in places(person, accounts[person.id])[:1]:
            questions.append(await _question(ctx, place, checkin, "checkin.question"))
    await ctx.ask_all(questions)
    await ctx.tx.timers.set_all(
        [(TIMER, checkin.id, at) for checkin, _ in made if (at := checkin.next_at) is not None]
    )
    await ctx.tx.timers.set_all(
        [(fading.QUESTION_TIMER, c.id, fading.fades_at(ctx, c.miss_at)) for c, _ in made]
    )


async def on_stage(ctx: Context, occasion: Due) -> None:
    """The time of a stage has come: it is asked about, whatever else is open.

    Unlike a schedule's question it is never left out for another one: it asks about something else,
    and it is the only one that there will be. One word answers all that are open.
    """
    trip = await ctx.tx.trips.of_stage(occasion.ref)
    stage = trip.stage(occasion.ref) if trip is not None else None
    if trip is None or stage is None or stage.state is not StageState.AHEAD:
        return
    if await _is_suspended(ctx, trip.member):
        await stages.save(ctx, trip.marked(stage.id, StageState.DROPPED, ctx.now))
        return
    await ctx.close_prompts(stages.TOPIC, trip.id)
    await ctx.tx.timers.set(stages.SOON_TIMER, stage.id, None)
    await ctx.tx.trips.save(trip.marked(stage.id, StageState.ASKED, ctx.now))
    grace = await stages.grace(ctx, trip)
    await begin(ctx, trip.member, stage.due, grace, (grace / 2,), stage.id)
    if trip.purpose is Purpose.SILENCE:
        await silences.announce_end(ctx, trip)


async def begin(
    ctx: Context,
    member: int,
    due: datetime,
    grace: timedelta,
    reminders: tuple[timedelta, ...],
    stage: int,
) -> None:
    """Ask, for a stage that was not asked for yet."""
    id = await ctx.tx.checkins.new_id(member, None, due, stage)
    if id is None:
        return
    checkin = rules.asked(id, member, due, grace, reminders, ctx.now, stage)
    checkin = _late(ctx, checkin, grace, await ctx.tx.people.member(member))
    await _ask(ctx, checkin, "checkin.question")
    await save(ctx, checkin)
    await fading.question_will_fade(ctx, checkin.id, checkin.miss_at)


def _late(ctx: Context, checkin: Checkin, grace: timedelta, person: Member) -> Checkin:
    """As it is where it should have been asked long ago."""
    if not rules.overdue(checkin.due, grace, ctx.now):
        return checkin
    if person.risk is Risk.HIGH:
        return replace(rules.not_delivered(checkin), miss_at=ctx.now, reminders=())
    return rules.hold(checkin, grace, ctx.now)


async def _is_suspended(ctx: Context, member: int) -> bool:
    return _all_suspended(await ctx.tx.people.accounts_of(member))


def _all_suspended(accounts: Sequence[Account]) -> bool:
    return bool(accounts) and all(account.suspended_at is not None for account in accounts)


async def stop_asking(ctx: Context, member: int) -> None:
    """Somebody knows how the person is: what is open is no miss any more."""
    for checkin in await ctx.tx.checkins.open_of(member):
        await save(ctx, replace(checkin, state=rules.State.PAUSED, reminders=()))
        await stages.ended(ctx, checkin, StageState.DROPPED)
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
            await save(ctx, held)
            await fading.question_will_fade(ctx, held.id, held.miss_at)
    for ref, due in (await ctx.tx.timers.due_of(SCHEDULE_TIMER, ctx.now)).items():
        schedule = await ctx.tx.checkins.schedule(ref)
        if schedule is not None and rules.overdue(due, schedule.rule.grace, ctx.now):
            await count(schedule.member)
    for ref, due in (await ctx.tx.timers.due_of(stages.TIMER, ctx.now)).items():
        trip = await ctx.tx.trips.of_stage(ref)
        if trip is not None and rules.overdue(due, await stages.grace(ctx, trip), ctx.now):
            await count(trip.member)
    return waited


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
    await ctx.ask_all([await _question(ctx, place, checkin, key)])


async def _question(ctx: Context, place: Place, checkin: Checkin, key: str) -> Question:
    wording = await stages.worded(ctx, place, checkin, key)
    return Question(
        place,
        wording.key,
        wording.choices,
        TOPIC,
        checkin.id,
        Lane.CHECKIN,
        fading.question_purpose(checkin.id),
        values=wording.values,
    )


async def save(ctx: Context, checkin: Checkin) -> None:
    """Write it as it is now, with its timer."""
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
    await save(ctx, checkin)
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
            await stages.ended(ctx, checkin, StageState.MISSED)
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
    await answer(ctx, checkin, Answer(action))


async def said(ctx: Context, text: str, waiting: Sequence[Checkin] | None = None) -> bool:
    """Words, outside of any dialog. True if they were about how the person is.

    They are judged by when they were said: an answer that comes hours late is one to the question
    of that time, and not to the one that is open now. `waiting`: see `understood`.
    """
    me = ctx.speaker.member.id
    waiting = await waiting_for(ctx) if waiting is None else waiting
    means = await understood(ctx, text, waiting)
    if waiting:
        if means is Answer.UNCLEAR:
            await ask_again(ctx, "checkin.unclear")
            return True
        for checkin in waiting:
            await answer(ctx, checkin, means)
        return True
    if await undoes(ctx, text):
        return True
    if means is not Answer.HELP and await ctx.tx.checkins.open_of(me):
        await ask_again(ctx, "checkin.from_before", at=ctx.answered_at)
        return True
    incident = await ctx.tx.incidents.open_about(me)
    about_me = await subject.seen_of(ctx, incident)
    late = about_me is not None and not ctx.came_before(about_me.incident.opened_at)
    if means is Answer.OK and about_me is not None and late:
        await subject.late_answer(ctx, about_me)
        return True
    if means is Answer.OK:
        await subject.overheard(ctx, incident)
        await ctx.reply("checkin.nothing_open")
        return True
    if means is Answer.HELP:
        await _doubt(ctx)
        return True
    return False


async def undoes(ctx: Context, text: str) -> bool:
    """Whether these words undo a miss: they say that all is well, were said in time and came late.

    Nothing that was asked since then may take them for its answer.
    """
    if await understood(ctx, text) is not Answer.OK:
        return False
    until = ctx.answered_at + rules.CLOCKS_APART
    last = await ctx.tx.checkins.last_of(ctx.speaker.member.id, until)
    if last is None or not _missed(last) or not _in_time(ctx, last):
        return False
    await answer(ctx, last, Answer.OK)
    return True


async def understood(
    ctx: Context, text: str, waiting: Sequence[Checkin] | None = None
) -> Answer:
    """What words of the speaker mean, given what they were asked: `waiting`, where that is known."""
    if ctx.duress:
        return Answer.OK
    waiting = await waiting_for(ctx) if waiting is None else waiting
    if waiting:
        return understand(text, also=await stages.enough(ctx, waiting))
    if says_arrived(text):
        last = await ctx.tx.checkins.last_of(ctx.speaker.member.id)
        if last is not None and last.stage is not None and _missed(last):
            return Answer.OK  # late, and at the end of a trip that is over by now
    return understand(text)


async def ask_again(ctx: Context, key: str, *, at: datetime | None = None) -> None:
    """Whatever it was, it was no answer: the question again, and nothing counted."""
    waiting = await ctx.tx.checkins.open_of(ctx.speaker.member.id)
    for checkin in waiting[-1:]:
        await ctx.close_prompts(TOPIC, checkin.id)
        wording = await stages.worded(ctx, ctx.place, checkin, key, at=at)
        await ctx.ask(
            ctx.place,
            wording.key,
            wording.choices,
            topic=TOPIC,
            ref=checkin.id,
            purpose=fading.question_purpose(checkin.id),
            **wording.values,  # type: ignore[arg-type]
        )


async def waits_for_answer(ctx: Context) -> bool:
    """Whether the speaker has a question open."""
    return bool(await waiting_for(ctx))


async def waiting_for(ctx: Context) -> Sequence[Checkin]:
    """The check-ins that these words can be an answer to."""
    waiting = await ctx.tx.checkins.open_of(ctx.speaker.member.id)
    return [checkin for checkin in waiting if not ctx.came_before(checkin.due)]


def _in_time(ctx: Context, checkin: Checkin) -> bool:
    seen = ctx.event.first_seen if ctx.event is not None else None
    return rules.in_time(checkin, ctx.answered_at, seen)


async def answer(ctx: Context, checkin: Checkin, means: Answer) -> None:
    """Judged by the server's time of the message, so that our own delay makes no miss."""
    at = ctx.answered_at
    match means:
        case Answer.OK:
            await _well(ctx, checkin)
        case Answer.HELP:
            await _not_well(ctx, checkin)
        case Answer.LATER if checkin.state in rules.OPEN:
            later = rules.answer_later(checkin, max(at, ctx.now))
            await save(ctx, later)
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
    await save(ctx, rules.answer_ok(checkin, ctx.answered_at))
    after = await stages.ended(ctx, checkin, StageState.REACHED)
    thanks: dict[str, object] = {"at": ctx.answered_at}
    key = "checkin.thanks"
    if after is not None and not missed:
        key, thanks["after"] = "checkin.thanks_and", after
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, checkin.id, key, **thanks)  # type: ignore[arg-type]
    await ctx.tx.outbox.withdraw(fading.question_purpose(checkin.id), ctx.now)
    incident = await ctx.tx.incidents.open_about(checkin.member)
    about_me = await subject.seen_of(ctx, incident)
    if about_me is not None and missed and _in_time(ctx, checkin):
        await subject.answered_in_time(ctx, about_me.incident, checkin.id)
        await _confirm(ctx, key, **thanks)
    elif about_me is not None:
        await subject.late_answer(ctx, about_me)
    else:
        await subject.overheard(ctx, incident)
        await _confirm(ctx, key, **thanks)


async def _not_well(ctx: Context, checkin: Checkin) -> None:
    await save(ctx, rules.answer_help(checkin, ctx.answered_at))
    await ctx.tx.outbox.withdraw(fading.question_purpose(checkin.id), ctx.now)
    incident = await incidents.open_incident(ctx, checkin.member, Kind.HELP, checkin=checkin.id)
    await stages.ended(ctx, checkin, StageState.NOT_OK)
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
        await incident_acts.panic(ctx)
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
    """`/horario 09:00 y 21:00 lun-vie margen 45 min avisos 15 min`, or `/horario Ana: 9:00`"""
    if not rest:
        await _show_schedules(ctx)
        return
    parts = read_schedule(rest)
    proposed = proposals.split(rest) if isinstance(parts, NotUnderstood) else None
    if proposed is not None and ctx.may(Action.PROPOSE):
        await proposals.propose(ctx, *proposed, DEFAULT_GRACE)
        return
    if ctx.speaker.member.withdrawn_at is not None:
        # To be asked, and nobody to hear of the silence, would be a false promise.
        await ctx.reply("consent.first")
        await consent.command_my_plan(ctx, "")
        return
    if isinstance(parts, NotUnderstood):
        await ctx.reply("schedule.not_understood", part=parts.text or rest[:60])
        return
    try:
        rule = proposals.rule_of(parts, ctx.speaker.member.zone, DEFAULT_GRACE)
    except ScheduleError as error:
        await ctx.reply(f"schedule.error.{error.code}", **error.values)
        return
    if len(await ctx.tx.checkins.schedules_of(ctx.speaker.member.id)) >= schedules.MOST:
        await ctx.reply("schedule.too_many", n=schedules.MOST)
        return
    id = await schedules.begin(ctx, ctx.speaker.member.id, rule)
    await last_change.remember(ctx, "schedule_added", schedule=id)
    first = await schedules.next_of(ctx, rule, ctx.speaker.member.id, ctx.now)
    await ctx.reply(
        "schedule.added", first=first, grace=rule.grace, zone=rule.zone,
        times=tuple(t.strftime("%H:%M") for t in rule.times),
        days=_days(ctx, rule.days),
    )  # fmt: skip


def _days(ctx: Context, days: frozenset[int]) -> tuple[str, ...]:
    texts = ctx.texts(ctx.place)
    return tuple(texts.plain(f"day.{day}") for day in sorted(days))


async def _show_schedules(ctx: Context) -> None:
    mine = await ctx.tx.checkins.schedules_of(ctx.speaker.member.id)
    if not mine:
        await ctx.reply("schedule.none")
        return
    for schedule in mine:
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
            next=await schedules.next_of(ctx, rule, schedule.member, ctx.now),
        )


async def end_schedule(ctx: Context, id: int) -> None:
    """The member wants it no more."""
    if not await schedules.end(ctx, id):
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await last_change.remember(ctx, "schedule_ended", schedule=id)


async def command_state(ctx: Context, _rest: str) -> None:
    """`/estado`: is it watching me?"""
    me = ctx.speaker.member.id
    last = await ctx.tx.checkins.last_of(me)
    mine = await ctx.tx.checkins.schedules_of(me)
    nexts = [
        await schedules.next_of(ctx, s.rule, me, max(ctx.now, s.paused_until or ctx.now))
        for s in mine
    ]
    nexts += [
        stage.due
        for trip in await ctx.tx.trips.open_of(me)
        for stage in trip.stages
        if stage.state is StageState.AHEAD
    ]
    if last is not None:
        await ctx.reply(f"state.last.{last.state}", at=last.answered_at or last.due)
    elif nexts:
        await ctx.reply("state.last.none")
    if ctx.speaker.member.withdrawn_at is not None:
        await ctx.reply("state.withdrawn")
        return
    paused = [s.paused_until for s in mine if s.paused_until and s.paused_until > ctx.now]
    if paused and len(paused) == len(mine):
        await ctx.reply("state.paused", until=min(paused))
    await (ctx.reply("state.next", at=min(nexts)) if nexts else ctx.reply("schedule.none"))


ENTRIES = (
    Entry("horario", ("schedule",), Action.SETTINGS, command_schedule),
    Entry("estado", ("status", "state"), Action.SETTINGS, command_state),
)
