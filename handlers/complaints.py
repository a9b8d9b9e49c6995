"""A complaint: about a measure, a response or a person. A case with a holder and a clock.

It goes to those who coordinate, never to the person it is about, and without the author's name unless
they sign it: what is answered reaches them through the bot. Where nobody of the group may judge it,
and where they let it lie twice, it goes to whoever runs the bot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.domain import complaint as rules
from bot.domain.answers import plain
from bot.domain.complaint import OPERATOR, About, Complaint, State
from bot.domain.complaint import Due as Brings
from bot.domain.lanes import Lane
from bot.domain.permissions import Action
from bot.texts import Key
from handlers.canary import operator_accounts
from handlers.commands import Entry
from handlers.context import Choice, Context, Due, Place
from storage.people import Member

TOPIC = "complaint"
CASE_TOPIC = "complaint_case"
DRAFT = "complaint_draft"
TIMER = "complaint"

KINDS = {
    "medida": About.MEASURE, "measure": About.MEASURE,
    "respuesta": About.RESPONSE, "response": About.RESPONSE,
    "persona": About.PERSON, "person": About.PERSON,
}  # fmt: skip


# --- writing one --------------------------------------------------------------------------------


async def command_complain(ctx: Context, rest: str) -> None:
    """`/queja`; `/queja respuesta: tardaron una hora`; `/queja persona Rita: no me creyó`; `/queja 3`."""
    ctx.tx.forget_event = bool(rest)
    number = rest.strip().removeprefix("#")
    if number.isdecimal() and len(number) < 10:
        await _mine(ctx, int(number))
        return
    head, colon, text = rest.partition(":")
    kind = KINDS.get(plain(head.split()[0])) if head.split() else None
    if kind is None or not colon or not text.strip():
        await _which_kind(ctx, rest.strip())
        return
    draft: dict[str, Any] = {"sort": kind.value}
    if kind is About.PERSON:
        person = await _named(ctx, " ".join(head.split()[1:]))
        if person is None:
            return
        draft |= person
    await _confirm(ctx, draft, text.strip())


async def _mine(ctx: Context, number: int | None = None) -> bool:
    """Where one's own complaints stand. False if there is none."""
    me = ctx.speaker.member.id
    mine = [
        c for c in await ctx.tx.complaints.of(me)
        if (c.state is not State.CLOSED if number is None else c.number == number)
    ]  # fmt: skip
    for complaint in mine:
        await _show_mine(ctx, ctx.place, complaint, f"complaint.standing.{complaint.state}")
    if not mine and number is not None:
        await ctx.reply("complaint.unknown", number=number)
    return bool(mine)


async def _show_mine(ctx: Context, place: Place, complaint: Complaint, key: str) -> None:
    """The newest word to the author, with what they can do."""
    bare = await _is_bare(ctx, place, complaint)
    values: dict[str, Any] = {
        "number": complaint.number,
        "until": complaint.due_at,
        "text": Key("bare.text") if bare else (complaint.answer or ""),
    }
    await ctx.close_prompts(TOPIC, complaint.id)
    choices: tuple[Choice, ...] = (Choice("settle", "button.complaint_settle"),)
    if complaint.state is State.ANSWERED:
        choices = (
            Choice("settle", "button.complaint_settled"),
            Choice("not_settled", "button.complaint_not_settled"),
        )
    if complaint.state is State.CLOSED:
        await ctx.say(place, key, **values)
        return
    text = ctx.texts(place).render(key, **values)
    await ctx.ask(place, text, choices, topic=TOPIC, ref=complaint.id)


async def _is_bare(ctx: Context, place: Place, complaint: Complaint) -> bool:
    return place.platform in (await ctx.tx.people.group(complaint.group)).bare


async def _which_kind(ctx: Context, said: str) -> None:
    """What is it about? Words that were written already are kept until that is known."""
    me = ctx.speaker.member.id
    if said:
        await ctx.expect(DRAFT, "confirm", text=said)
    else:
        await _mine(ctx)
    await ctx.close_prompts(TOPIC, -me, only=ctx.place)
    await ctx.ask(
        ctx.place, "complaint.which_kind",
        [Choice("kind", f"about.{kind}", kind.value) for kind in About],
        topic=TOPIC, ref=-me,
    )  # fmt: skip


async def _named(ctx: Context, name: str) -> dict[str, Any] | None:
    """Whom it is about. Somebody who is not in the group can be named too: in the words."""
    person = await ctx.tx.people.member_named(ctx.speaker.member.group, name) if name else None
    if person is None or person.id == ctx.speaker.member.id:
        await ctx.reply("complaint.whom_unknown", name=name[:40])
        return None
    return {"about": person.id}


async def words(ctx: Context, step: str, data: Mapping[str, Any], text: str) -> None:
    """The name, then what happened."""
    ctx.tx.forget_event = True
    draft = dict(data)
    match step:
        case "about":
            person = await _named(ctx, text.strip()[:80])
            if person is not None:
                await _then(ctx, {**draft, **person})
        case _:
            await _confirm(ctx, draft, text.strip())


async def _then(ctx: Context, draft: dict[str, Any]) -> None:
    """The words, unless they were said before."""
    if said := str(draft.pop("text", "")):
        await _confirm(ctx, draft, said)
        return
    await ctx.expect(TOPIC, "text", **draft)
    await ctx.reply("complaint.ask_text", n=rules.LONGEST)


async def _confirm(ctx: Context, draft: Mapping[str, Any], text: str) -> None:
    """To whom it goes and when somebody must have answered, before it goes."""
    if not text or len(text) > rules.LONGEST:
        await ctx.expect(TOPIC, "text", **draft)
        await ctx.reply("complaint.too_long", n=rules.LONGEST)
        return
    me = ctx.speaker.member
    made = await _made(ctx, {**draft, "text": text}, signed=False)
    await ctx.expect(DRAFT, "confirm", **{**draft, "text": text})
    await ctx.close_prompts(TOPIC, -me.id, only=ctx.place)
    await ctx.ask(
        ctx.place,
        "complaint.confirm_operator" if made.for_operators else "complaint.confirm",
        (
            Choice("send", "button.complaint_send"),
            Choice("sign", "button.complaint_sign"),
            Choice("drop", "button.drop"),
        ),
        topic=TOPIC, ref=-me.id, take=rules.TAKE_IN, answer=rules.ANSWER_IN,
    )  # fmt: skip


async def _made(ctx: Context, draft: Mapping[str, Any], *, signed: bool) -> Complaint:
    me = ctx.speaker.member
    roster = await ctx.tx.people.roster(me.group)
    fresh = Complaint(
        id=0, number=0, group=me.group, author=me.id, kind=About(draft.get("sort", About.MEASURE)),
        about=int(draft["about"]) if draft.get("about") else None, text=str(draft.get("text", "")),
        signed=signed, opened_at=ctx.now, due_at=ctx.now + rules.TAKE_IN,
    )  # fmt: skip
    return rules.sent(fresh, roster.coordinators)


async def pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """The author's buttons: while it is written (`ref` is the author below zero), and later."""
    me = ctx.speaker.member.id
    if ref < 0:
        await _drafting(ctx, ref, action, argument)
        return
    complaint = await ctx.tx.complaints.get(ref)
    if complaint is None or complaint.author != me:
        await ctx.toast("toast.stale")
        return
    settles = action == "settle"
    change = rules.settle if settles else rules.not_settled
    moved = change(complaint, ctx.now)
    if moved is None:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    key = "complaint.you_settled" if settles else "complaint.you_refused"
    await ctx.close_prompts(TOPIC, complaint.id, key)
    await _save(ctx, moved)
    await ctx.close_prompts(CASE_TOPIC, complaint.id, "complaint.settled" if settles else "")
    if not settles:
        await _put_to_judges(ctx, moved, "complaint.not_accepted", without=complaint.holder)


async def _drafting(ctx: Context, ref: int, action: str, argument: str) -> None:
    if ref != -ctx.speaker.member.id:
        await ctx.toast("toast.stale")
        return
    dialog = await ctx.dialog()
    if action == "kind":
        await ctx.toast("toast.done")
        await ctx.close_prompts(TOPIC, ref, only=ctx.place)
        draft: dict[str, Any] = {"sort": About(argument).value}
        if dialog is not None and dialog.topic == DRAFT and "sort" not in dialog.data:
            draft["text"] = dialog.data["text"]
        if argument == About.PERSON:
            await ctx.expect(TOPIC, "about", **draft)
            await ctx.reply("complaint.ask_about")
        else:
            await _then(ctx, draft)
        return
    if dialog is None or dialog.topic != DRAFT:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await ctx.expect_nothing()
    if action == "drop":
        await ctx.close_prompts(TOPIC, ref, "complaint.dropped", only=ctx.place)
        return
    await ctx.close_prompts(TOPIC, ref, only=ctx.place)
    complaint = await ctx.tx.complaints.add(
        await _made(ctx, dialog.data, signed=action == "sign")
    )
    await ctx.tx.timers.set(TIMER, complaint.id, complaint.next_at)
    await _show_mine(ctx, ctx.place, complaint, "complaint.sent")
    await _put_to_judges(ctx, complaint, "complaint.new")


async def _save(ctx: Context, complaint: Complaint) -> None:
    await ctx.tx.complaints.save(complaint)
    await ctx.tx.timers.set(TIMER, complaint.id, complaint.next_at)


# --- putting it to those who may judge it -------------------------------------------------------


async def _judges(ctx: Context, complaint: Complaint, without: int | None = None) -> list[Place]:
    """The chats of those who may take it; whoever had it before only if nobody else can be asked, and
    operators, where it is not theirs, only if not even that one can."""
    roster = await ctx.tx.people.roster(complaint.group)
    people = rules.judges(complaint, roster.coordinators)
    places: list[Place] = []
    for some in (people - {without}, people):
        for member in sorted(some if not places else ()):
            places += (await ctx.places_of(member))[:1]
    if complaint.for_operators or not places:
        there = [(place.platform, place.chat) for place in places]
        places += [
            place
            for place in await _operators(ctx, complaint)
            if (place.platform, place.chat) not in there
        ]
    return places


async def _operators(ctx: Context, complaint: Complaint) -> list[Place]:
    """Where whoever runs the bot is asked; they may be members, and nobody judges their own matter."""
    involved = {complaint.author, complaint.about} - {None}
    return [place for place in await operator_accounts(ctx) if place.member not in involved]


async def _put_to_judges(
    ctx: Context, complaint: Complaint, key: str, *, without: int | None = None
) -> None:
    await ctx.close_prompts(CASE_TOPIC, complaint.id)
    for place in await _judges(ctx, complaint, without):
        await _show_case(ctx, place, complaint, key)


async def _show_case(ctx: Context, place: Place, complaint: Complaint, key: str) -> None:
    """A complaint to somebody who may judge it: no name but one that signed, or is complained of."""
    bare = await _is_bare(ctx, place, complaint)
    texts = ctx.texts(place)
    head = texts.render(key, number=complaint.number, until=complaint.due_at)
    if bare:
        what = texts.render("complaint.elsewhere", kind=complaint.kind)
    else:
        author: object = Key("complaint.unsigned")
        if complaint.signed:
            author = (await ctx.tx.people.member(complaint.author)).name
        about: object = complaint.kind
        if complaint.about is not None:
            person = await ctx.tx.people.member(complaint.about)
            about = Key("complaint.about_person", {"name": person.name})
        what = texts.render("complaint.what", about=about, by=author, text=complaint.text)
        if complaint.answer:
            what = what + texts.render("complaint.was_answered", text=complaint.answer)
    take = Choice("take", "button.complaint_take")
    answer = Choice("answer", "button.complaint_answer")
    choices = (take,) if complaint.state is State.OPEN else (answer,)
    await ctx.ask(place, head + what, choices, topic=CASE_TOPIC, ref=complaint.id)


async def command_complaints(ctx: Context, _rest: str) -> None:
    """`/quejas`: what waits for somebody, for those who may judge it."""
    shown = 0
    waiting = await ctx.tx.complaints.open_beyond(rules.OPERATORS_FROM) if ctx.is_operator else []
    if ctx.known:
        waiting += await ctx.tx.complaints.open_in(ctx.speaker.member.group)
    for complaint in {complaint.id: complaint for complaint in waiting}.values():
        if await _may_judge(ctx, complaint) and complaint.holder in (None, _judge(ctx, complaint)):
            await ctx.close_prompts(CASE_TOPIC, complaint.id, only=ctx.place)
            await _show_case(ctx, ctx.place, complaint, "complaint.waits")
            shown += 1
    if not shown:
        await ctx.reply("complaint.none")


async def _may_judge(ctx: Context, complaint: Complaint) -> bool:
    """Nobody in their own matter; those who coordinate this group, or whoever runs the bot."""
    me: Member | None = ctx.speaker.member if ctx.known else None
    if me is not None and me.id in (complaint.author, complaint.about):
        return False
    roster = await ctx.tx.people.roster(complaint.group)
    judges = rules.judges(complaint, roster.coordinators)
    if me is not None and me.id in judges:
        return True
    return ctx.is_operator and (complaint.for_operators or not judges)


async def pressed_case(ctx: Context, ref: int, action: str) -> None:
    """Take it, or answer it."""
    complaint = await ctx.tx.complaints.get(ref)
    if complaint is None or not await _may_judge(ctx, complaint):
        await ctx.toast("toast.stale")
        return
    by = _judge(ctx, complaint)
    if action == "take":
        taken = rules.take(complaint, by, ctx.now)
        if taken is None:
            await ctx.toast("toast.stale")
            return
        await ctx.toast("toast.done")
        await _save(ctx, taken)
        await ctx.close_prompts(CASE_TOPIC, complaint.id, "complaint.taken")
        if by != OPERATOR:
            await ctx.log("complaint_taken", number=complaint.number)
        await _show_case(ctx, ctx.place, taken, "complaint.yours")
        await _tell_author(ctx, taken, "complaint.standing.taken")
        return
    if complaint.state is not State.TAKEN or complaint.holder != by:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await ctx.expect(CASE_TOPIC, "answer", complaint=complaint.id)
    await ctx.reply("complaint.ask_answer", number=complaint.number, n=rules.LONGEST)


def _judge(ctx: Context, complaint: Complaint) -> int:
    """As whom the speaker holds it: a member of the group as themselves, else whoever runs the bot."""
    if ctx.known and ctx.speaker.member.group == complaint.group:
        return ctx.speaker.member.id
    return OPERATOR


async def words_case(ctx: Context, _step: str, data: Mapping[str, Any], text: str) -> None:
    """The answer."""
    ctx.tx.forget_event = True
    complaint = await ctx.tx.complaints.get(int(data.get("complaint", 0)))
    said = text.strip()
    if complaint is None or not await _may_judge(ctx, complaint):
        await ctx.expect_nothing()
        await ctx.reply("complaint.over")
        return
    if not said or len(said) > rules.LONGEST:
        await ctx.reply("complaint.too_long", n=rules.LONGEST)
        return
    await ctx.expect_nothing()
    answered = rules.answer(complaint, _judge(ctx, complaint), said, ctx.now)
    if answered is None:
        await ctx.reply("complaint.over")
        return
    await _save(ctx, answered)
    await ctx.close_prompts(CASE_TOPIC, complaint.id)
    if answered.holder != OPERATOR:
        await ctx.log("complaint_answered", number=complaint.number)
    await ctx.reply("complaint.you_answered", number=complaint.number)
    await _tell_author(ctx, answered, "complaint.standing.answered")


async def _tell_author(ctx: Context, complaint: Complaint, key: str) -> None:
    for place in (await ctx.places_of(complaint.author))[:1]:
        await _show_mine(ctx, place, complaint, key)


# --- the clock ----------------------------------------------------------------------------------


async def on_timer(ctx: Context, occasion: Due) -> None:
    """A reminder, others, or the end."""
    complaint = await ctx.tx.complaints.get(occasion.ref)
    if complaint is None:
        return
    moved, brings = rules.advance(complaint, ctx.now)
    await _save(ctx, moved)
    match brings:
        case Brings.REMIND:
            for place in await _of_holder(ctx, moved):
                await _show_case(ctx, place, moved, "complaint.remind")
        case Brings.ONWARD:
            await _put_to_judges(ctx, moved, "complaint.onward", without=complaint.holder)
            await _tell_operators(ctx, moved)
            await _tell_author(ctx, moved, "complaint.went_on")
        case Brings.SETTLE:
            await ctx.close_prompts(TOPIC, complaint.id)
        case Brings.NOTHING:
            pass


async def _of_holder(ctx: Context, complaint: Complaint) -> list[Place]:
    if complaint.holder == OPERATOR:
        return await operator_accounts(ctx)
    return (await ctx.places_of(complaint.holder))[:1] if complaint.holder is not None else []


async def _tell_operators(ctx: Context, complaint: Complaint) -> None:
    """That one lies there, without its words, as long as it is the group's to answer."""
    if complaint.for_operators:
        return
    group = await ctx.tx.people.group(complaint.group)
    for place in await _operators(ctx, complaint):
        await ctx.say(
            place, "complaint.lies", lane=Lane.CONVERSATION,
            number=complaint.number, group=group.name,
        )  # fmt: skip


ENTRIES = (
    Entry("queja", ("complaint", "complain"), Action.COMPLAIN, command_complain, in_menu=False),
    Entry("quejas", ("complaints",), Action.COMPLAINTS, command_complaints, in_menu=False),
)
