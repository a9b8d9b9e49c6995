"""How are you? One, three and seven days after an incident, for those who want it.

An answer is never judged: silence is no miss, "I would like to talk" is no alarm, and "stop" ends it.
The words say nothing of what happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.domain import aftercare as rules
from bot.domain.aftercare import State
from bot.domain.answers import Answer, plain, understand, understand_yes_no
from bot.domain.incident import Incident
from bot.domain.people import Role
from handlers.context import Choice, Context, Due
from storage.aftercare import Care
from storage.people import Member

TOPIC = "aftercare"
TIMER = "aftercare"

OPEN_FOR = timedelta(days=3)
"""How long an offer, and the last question, wait for an answer."""

TALK = frozenset(
    {
        "hablar", "quiero hablar", "quisiera hablar", "me gustaria hablar", "platicar",
        "quiero platicar", "talk", "i want to talk", "id like to talk", "i would like to talk",
    }
)  # fmt: skip
STOP = frozenset(
    {"parar", "para", "ya no", "no mas", "basta", "no preguntes mas", "stop", "no more"}
)
"""What people write, as `plain` writes it."""

QUESTIONS = (
    Choice("well", "button.care_well"),
    Choice("talk", "button.care_talk"),
    Choice("stop", "button.care_stop"),
)


# --- asking -------------------------------------------------------------------------------------


async def has_the_phone(ctx: Context, member: int) -> bool:
    """Whether nothing says that somebody else has it: no account suspended, nothing open about them."""
    accounts = await ctx.tx.people.accounts_of(member)
    in_use = accounts and all(account.suspended_at is None for account in accounts)
    return bool(in_use) and await ctx.tx.incidents.open_about(member) is None


async def offer(ctx: Context, incident: Incident) -> None:
    """Whether they want to be asked; once per incident."""
    assert incident.closed_at is not None
    if any(care.state is State.AGREED for care in await ctx.tx.aftercare.of(incident.subject)):
        return  # they are being asked already
    care = await ctx.tx.aftercare.offer(incident.id, incident.subject, incident.closed_at)
    if care is None:
        return
    await _ask(
        ctx, care, "aftercare.offer",
        (Choice("agree", "button.care_yes"), Choice("refuse", "button.not_for_me")),
    )  # fmt: skip
    await ctx.tx.timers.set(TIMER, care.id, ctx.now + OPEN_FOR)


async def _ask(ctx: Context, care: Care, key: str, choices: tuple[Choice, ...]) -> None:
    await ctx.close_prompts(TOPIC, care.id)
    for place in (await ctx.places_of(care.member))[:1]:
        await ctx.ask(place, key, choices, topic=TOPIC, ref=care.id)


async def on_timer(ctx: Context, occasion: Due) -> None:
    """The next question, or the end: nobody is asked for ever."""
    care = await ctx.tx.aftercare.get(occasion.ref)
    if care is None or care.state is State.ENDED:
        return
    if care.state is State.OFFERED or care.asked >= len(rules.DAYS):
        await _end(ctx, care)
        return
    if await has_the_phone(ctx, care.member):
        await _ask(ctx, care, "aftercare.question", QUESTIONS)
    await _wait(ctx, replace(care, asked=rules.asked_by(care.ended_at, care.asked + 1, ctx.now)))


async def _wait(ctx: Context, care: Care) -> None:
    """For the next question; after the last one, for its answer."""
    await ctx.tx.aftercare.save(care)
    zone = (await ctx.tx.people.member(care.member)).zone
    due = rules.next_question(care.ended_at, care.asked, zone, ctx.now)
    await ctx.tx.timers.set(TIMER, care.id, due or ctx.now + OPEN_FOR)


async def _end(ctx: Context, care: Care) -> None:
    await ctx.close_prompts(TOPIC, care.id)
    await ctx.tx.aftercare.save(replace(care, state=State.ENDED))
    await ctx.tx.timers.set(TIMER, care.id, None)


# --- answering ----------------------------------------------------------------------------------


async def pressed(ctx: Context, ref: int, action: str) -> None:
    """A button or a number of one of these questions."""
    care = await ctx.tx.aftercare.get(ref)
    if care is None or care.member != ctx.speaker.member.id or care.state is State.ENDED:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await _answered(ctx, care, action)


async def said(ctx: Context, text: str) -> bool:
    """Words, while one of these questions is open. True if they were an answer to it."""
    me = ctx.speaker.member.id
    for care in await ctx.tx.aftercare.of(me):
        prompts = await ctx.tx.conversations.open_about(TOPIC, care.id)
        if care.state is State.ENDED or all(ctx.came_before(p.opened_at) for p in prompts):
            continue
        action = _meant(care, text, duress=ctx.duress)
        offered = {option.action for prompt in prompts for option in prompt.options}
        if action in offered:
            await _answered(ctx, care, action)
            return True
    return False


def _meant(care: Care, text: str, *, duress: bool) -> str:
    """What words answer. Under duress they look like "well", as everywhere."""
    if care.state is State.OFFERED:
        return {True: "agree", False: "refuse", None: ""}[understand_yes_no(text)]
    if duress or understand(text) is Answer.OK:
        return "well"
    words = " ".join(plain(text).split()).strip(" .,!¡¿?")
    return "talk" if words in TALK else "stop" if words in STOP else ""


async def _answered(ctx: Context, care: Care, action: str) -> None:
    match action:
        case "agree":
            asked = rules.asked_by(care.ended_at, 0, ctx.now)
            await _close(ctx, care, "aftercare.agreed")
            await _wait(ctx, replace(care, state=State.AGREED, asked=asked))
        case "refuse" | "stop":
            await _close(ctx, care, "aftercare.ended")
            await _end(ctx, care)
        case "well":
            await _close(ctx, care, "aftercare.well")
        case "talk":
            await ctx.close_prompts(TOPIC, care.id)
            await _with_whom(ctx, care)
        case "holder" | "coordination":
            await _to(ctx, care, action)


async def _close(ctx: Context, care: Care, key: str) -> None:
    await ctx.close_prompts(TOPIC, care.id, key)
    if not ctx.pressed:
        await ctx.reply(key)


# --- somebody to talk to ------------------------------------------------------------------------


async def _with_whom(ctx: Context, care: Care) -> None:
    """The one who held it, those who coordinate, or one of these whom the person knows by name."""
    choices = [Choice("coordination", "button.care_coordination")]
    if await _holder(ctx, care) is not None:
        choices.insert(0, Choice("holder", "button.care_holder"))
    await ctx.expect(TOPIC, "whom", care=care.id)
    await ctx.ask(ctx.place, "aftercare.whom", choices, topic=TOPIC, ref=care.id)


async def _holder(ctx: Context, care: Care) -> Member | None:
    """Whoever held the incident last, if they still respond and can be reached."""
    incident = await ctx.tx.incidents.get(care.incident)
    if incident is None or incident.holder in (None, care.member):
        return None
    assert incident.holder is not None
    holder = await ctx.tx.people.member(incident.holder)
    responds = not holder.roles.isdisjoint({Role.RESPONDER, Role.COORDINATOR})
    return holder if responds and await ctx.places_of(holder.id) else None


async def words(ctx: Context, _step: str, data: Mapping[str, Any], text: str) -> None:
    """A name, after "with whom?"."""
    care = await ctx.tx.aftercare.get(int(data.get("care", 0)))
    if care is None or care.member != ctx.speaker.member.id:
        await ctx.expect_nothing()
        await ctx.reply("not_understood")
        return
    chosen = await ctx.tx.people.member_named(ctx.speaker.member.group, text[:80])
    if chosen is None or Role.COORDINATOR not in chosen.roles or chosen.id == care.member:
        await ctx.reply("aftercare.not_known", name=text.strip()[:40])
        return
    await _tell(ctx, care, {chosen.id})


async def _to(ctx: Context, care: Care, whom: str) -> None:
    holder = await _holder(ctx, care) if whom == "holder" else None
    if holder is not None:
        await _tell(ctx, care, {holder.id})
        return
    roster = await ctx.tx.people.roster(ctx.speaker.member.group)
    await _tell(ctx, care, set(roster.coordinators) - {care.member})


async def _tell(ctx: Context, care: Care, members: set[int]) -> None:
    me, group = ctx.speaker.member, ctx.speaker.group
    await ctx.expect_nothing()
    key = "aftercare.told" if members else "aftercare.nobody"
    await ctx.close_prompts(TOPIC, care.id, key)
    if not ctx.pressed:
        await ctx.reply(key)
    await ctx.tell(
        members, "aftercare.wants_to_talk", purpose=f"aftercare:{care.id}:talk",
        bare=group.bare, name=me.name,
    )  # fmt: skip
