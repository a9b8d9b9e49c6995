"""What was published and is not as it was: put right, taken back, or over because its date is.

Where a message can be edited it is; where it cannot (it has files, was split, is too old, or the
platform says no), its readers are told in a new one that answers to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.domain import denunciation as rules
from bot.domain.denunciation import Denunciation, Kind, Refusal, State
from bot.domain.lanes import Lane
from bot.domain.people import Role
from bot.domain.permissions import Action
from bot.domain.publication import short
from bot.domain.rich import Rich
from bot.platforms.base import Operation, Secrecy
from handlers import denunciation_words, denunciations
from handlers.commands import Entry
from handlers.context import Choice, Context, Due
from handlers.denunciations import purpose
from storage.outbox import Row

TOPIC = denunciations.TOPIC
TIMER = "countdown"

WITHDRAW = (Choice("withdraw_now", "button.withdraw_now"), Choice("keep", "button.keep_published"))


# --- corrections --------------------------------------------------------------------------------


async def command_correct(ctx: Context, rest: str) -> None:
    """`/corregir 3`: other words for what was published, which need the same consents."""
    published, _ = await _numbered(ctx, rest)
    if published is None:
        return
    if published.state is not State.SENT:
        await denunciations.refuse(ctx, published, Refusal.STATE)
        return
    draft = await denunciations.begin(
        ctx, published.kind, corrects=published.id, act_by=published.act_by,
        topics=published.topics, region=published.region, follows=published.follows,
        language=published.language, others=published.others,
    )  # fmt: skip
    await ctx.expect(TOPIC, "title", denunciation=draft.id)
    await ctx.reply(
        "denunciation.correct_title", number=published.number, title=published.title
    )


async def correct(ctx: Context, by: Denunciation) -> None:
    """Its readers see the corrected words in place of the old ones, or are told of them."""
    published = await ctx.tx.denunciations.get(by.corrects or 0)
    now = rules.corrected(published, by, ctx.now) if published is not None else Refusal.STATE
    if published is None or isinstance(now, Refusal):
        await ctx.tx.denunciations.save(replace(by, state=State.STOPPED))
        for place in (await ctx.places_of(by.author))[:1]:
            await ctx.say(place, "denunciation.refused.state", number=by.number)
        return
    now = replace(now, seal=short(now.fingerprint))
    await ctx.tx.denunciations.save(now)
    await ctx.tx.denunciations.save(rules.sent(by, ctx.now))
    await ctx.log("denunciation_corrected", by.author, number=published.number)
    await end_countdown(ctx, now)
    if now.closed_at is None:
        await begin_countdown(ctx, now)
    told = await _amend(ctx, published, now)
    for place in (await ctx.places_of(by.author))[:1]:
        await ctx.say(place, "denunciation.corrected", number=published.number, n=told)


# --- taking back --------------------------------------------------------------------------------


async def command_withdraw(ctx: Context, rest: str) -> None:
    """`/retirar 3 motivo`: asked once more, then at once; a person may be in danger by it."""
    published, reason = await _numbered(ctx, rest)
    if published is None:
        return
    await ask_to_withdraw(ctx, published, reason)


async def ask_to_withdraw(ctx: Context, published: Denunciation, reason: str) -> None:
    """What will happen, and whether it is meant."""
    ctx.require(Action.STOP)
    if not reason.strip():
        await ctx.expect(TOPIC, "reason", denunciation=published.id)
        await ctx.reply("denunciation.withdraw_why", number=published.number)
        return
    withdrawn = rules.withdrawn(published, reason, ctx.now)
    if isinstance(withdrawn, Refusal):
        await denunciations.refuse(ctx, published, withdrawn)
        return
    await ctx.expect_nothing()
    await ctx.ask(
        ctx.place, "denunciation.withdraw_sure",
        [replace(WITHDRAW[0], argument=withdrawn.reason), WITHDRAW[1]],
        topic=TOPIC, ref=published.id, number=published.number, reason=withdrawn.reason,
    )  # fmt: skip


async def withdraw(ctx: Context, published: Denunciation, reason: str) -> None:
    """Its words go from wherever they can be taken, and the reason stands in their place."""
    ctx.require(Action.STOP)
    withdrawn = rules.withdrawn(published, reason, ctx.now)
    if isinstance(withdrawn, Refusal):
        await denunciations.refuse(ctx, published, withdrawn)
        return
    await ctx.tx.denunciations.save(withdrawn)
    await ctx.tx.files.drop(published.id)
    await ctx.tx.outbox.withdraw(purpose(published.id), ctx.now)
    await end_countdown(ctx, published)
    await ctx.log("denunciation_withdrawn", published.author, number=published.number)
    await ctx.toast("toast.done")
    name = ctx.speaker.member.name
    await ctx.close_prompts(TOPIC, published.id, "denunciation.withdrawn_by", name=name)
    await _amend(ctx, published, withdrawn)
    # Nobody withdraws in silence: everyone who writes or approves for the organisation hears of it.
    people = await ctx.tx.people.in_group(published.group)
    told = {p.id for p in people if p.roles & {Role.AUTHOR, Role.APPROVER}} - {ctx.speaker.member.id}
    await ctx.tell(
        told, "denunciation.was_withdrawn", everywhere=False, lane=Lane.CONVERSATION,
        number=published.number, name=name,
    )  # fmt: skip


async def keep(ctx: Context, published: Denunciation) -> None:
    """It stays as it is."""
    await ctx.toast("toast.done")
    for prompt in await ctx.tx.conversations.open_about(TOPIC, published.id):
        if prompt.member == ctx.speaker.member.id:
            await ctx.close_prompt(prompt)


# --- its date -----------------------------------------------------------------------------------


async def begin_countdown(ctx: Context, draft: Denunciation) -> None:
    """From a week before its end an urgent action says each day how long it still lasts."""
    if draft.kind is not Kind.URGENT or draft.act_by is None:
        return
    left = min(denunciation_words.COUNTED, denunciation_words.days_left(draft, ctx.now))
    at = draft.act_by - timedelta(days=left)
    if at <= ctx.now:
        at = draft.act_by - timedelta(days=max(0, left - 1))
    await ctx.tx.timers.set(TIMER, draft.id, at)


async def end_countdown(ctx: Context, draft: Denunciation) -> None:
    """Nothing of it changes by itself any more."""
    await ctx.tx.timers.set(TIMER, draft.id, None)


async def on_timer(ctx: Context, occasion: Due) -> None:
    """One day less, or the end."""
    published = await ctx.tx.denunciations.get(occasion.ref)
    if published is None or published.act_by is None or published.state is not State.SENT:
        if published is not None and published.state is State.APPROVED:
            await ctx.tx.timers.set(TIMER, published.id, ctx.now + timedelta(minutes=10))
        return
    if ctx.now < published.act_by:
        await _amend(ctx, published, published, quietly=True)
        await begin_countdown(ctx, published)
        return
    over = rules.closed(published, ctx.now)
    if isinstance(over, Refusal):
        return
    await ctx.tx.denunciations.save(over)
    await _amend(ctx, published, over, quietly=True)
    for place in (await ctx.places_of(published.author))[:1]:
        await ctx.say(place, "denunciation.over", number=published.number)


# --- the messages -------------------------------------------------------------------------------


async def _amend(
    ctx: Context, before: Denunciation, after: Denunciation, *, quietly: bool = False
) -> int:
    """Change what can be seen of it. `quietly`: nobody needs a new message for this.

    Returns how many chats are told in a new one. Few statements however many have it, so that no
    alarm waits for them.
    """
    rows = await ctx.tx.outbox.standing(purpose(after.id))
    languages = await _languages(ctx, after, rows)
    alike: dict[tuple[str, str, Secrecy], list[Row]] = {}
    for row in rows:
        secrecy = Secrecy.MINIMAL if row.member is not None else Secrecy.PUBLIC
        alike.setdefault((row.platform, languages[row.key], secrecy), []).append(row)
    anew = 0
    for (platform, language, secrecy), same in alike.items():
        old = await denunciation_words.shown(ctx, before, language)
        split = denunciation_words.number_of_messages(ctx, platform, old, 0) > 1
        text = await _text(ctx, after, language)
        if not before.files and not split:
            await _send(
                ctx, same, Operation.EDIT, text, secrecy, "" if quietly else amended(after.id)
            )
        elif not quietly:
            anew += len(same)
            await _announce(ctx, after, same, text, secrecy)
    return anew


async def _text(ctx: Context, after: Denunciation, language: str) -> Rich:
    """How it reads now."""
    if after.state is State.WITHDRAWN:
        group = await ctx.tx.people.group(after.group)
        return denunciation_words.withdrawn(ctx, after, group, language)
    return await denunciation_words.shown(ctx, after, language)


async def _send(
    ctx: Context, rows: Sequence[Row], operation: Operation, text: Rich, secrecy: Secrecy, why: str
) -> None:
    """The same for many, each about the row that it has already."""
    await ctx.tx.outbox.add_many(
        [(ctx.settings.token(), r.platform, r.chat, r.chat_kind, r.member) for r in rows],
        lane=Lane.BROADCAST,
        operation=operation,
        body={"text": text.to_json(), "buttons": [], "secrecy": secrecy},
        purpose=why,
        now=ctx.now,
        targets=[row.key for row in rows],
    )


def amended(id: int) -> str:
    """What the edits of a publication are for: one that fails is told in a new message."""
    return f"denunciation:{id}:edit"


async def _announce(
    ctx: Context, after: Denunciation, rows: Sequence[Row], text: Rich, secrecy: Secrecy
) -> None:
    """A new message in answer to the old one; the old one goes if it was withdrawn."""
    await _send(ctx, rows, Operation.SEND, text, secrecy, f"denunciation:{after.id}:news")
    if after.state is State.WITHDRAWN:
        await _send(ctx, rows, Operation.DELETE, Rich(), secrecy, "")


async def not_edited(ctx: Context, id: int, row: Row) -> None:
    """The platform did not let us edit: its readers are told in a new message."""
    after = await ctx.tx.denunciations.get(id)
    original = await ctx.tx.outbox.get(row.target)
    if after is None or original is None:
        return
    secrecy = Secrecy(row.body.get("secrecy", Secrecy.MINIMAL))
    await _announce(ctx, after, [original], Rich.from_json(row.body["text"]), secrecy)


async def _languages(
    ctx: Context, draft: Denunciation, rows: list[Row]
) -> dict[str, str]:
    """In which language each row was written, by its key."""
    spoken = await ctx.tx.readers.languages(draft.group)
    wishes = await ctx.tx.readers.wishes(draft.group)
    channels = {
        (to.platform, to.chat): to.language
        for to in await ctx.tx.denunciations.destinations(draft.group)
    }
    found: dict[str, str] = {}
    for row in rows:
        if row.member is None:
            found[row.key] = channels.get((row.platform, row.chat), "")
        else:
            wish = wishes.get(row.member)
            found[row.key] = (wish.language if wish else "") or spoken.get(row.member, "")
    return found


async def _numbered(ctx: Context, rest: str) -> tuple[Denunciation | None, str]:
    """The one that is meant, and the words after its number. None if there is none; that was said."""
    number, _, words = rest.strip().partition(" ")
    digits = number.lstrip("#")
    found = None
    if digits.isdecimal() and len(digits) < 10:
        found = await ctx.tx.denunciations.numbered(ctx.speaker.member.group, int(digits))
    if found is None or found.corrects is not None or not found.code:
        await ctx.reply("denunciation.which")
        return None, ""
    return found, words.strip()


async def reason(ctx: Context, id: int, text: str) -> None:
    """Why it is withdrawn."""
    published = await ctx.tx.denunciations.get(id)
    if published is None or published.group != ctx.speaker.member.group:
        await ctx.expect_nothing()
        return
    await ask_to_withdraw(ctx, published, text)


ENTRIES = (
    Entry("corregir", ("correct",), Action.WRITE, command_correct),
    Entry("retirar", ("withdraw",), Action.STOP, command_withdraw),
)
