"""A denunciation leaves: at its time, to its readers, once; with a report, and a stop while it lasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.domain import denunciation as rules
from bot.domain.denunciation import Denunciation, Refusal, State
from bot.domain.lanes import Lane
from bot.domain.permissions import Action, may
from bot.domain.publication import short
from bot.domain.rich import Rich
from bot.platforms.base import Operation, Secrecy
from handlers import amending, denunciation_words, denunciations, readers
from handlers.context import Choice, Context, Due, Place, named
from handlers.denunciations import purpose
from handlers.readers import Reader
from storage.outbox import FAILED, SENT, UNKNOWN, WITHDRAWN

TOPIC = denunciations.TOPIC
TIMER = "denunciation"
WAIT_TIMER = "publish"
PROGRESS_EVERY = timedelta(seconds=3)
"""How often the progress message is edited while messages leave."""

STOP = (Choice("stop", "button.stop"),)
RETRY = (Choice("retry", "button.retry"),)


async def leave(ctx: Context, draft: Denunciation) -> None:
    """It was approved: it leaves now, or waits for its time with a button that stops it."""
    if draft.publish_at is None:
        await publish(ctx, draft)
        return
    await ctx.tx.timers.set(WAIT_TIMER, draft.id, draft.publish_at)
    for member in sorted({draft.author, *draft.agreed}):
        for place in (await ctx.places_of(member))[:1]:
            await ctx.ask(
                place, "denunciation.waits", STOP, topic=TOPIC, ref=draft.id,
                number=draft.number, at=draft.publish_at,
            )  # fmt: skip


async def on_time(ctx: Context, occasion: Due) -> None:
    """Its time has come, if those who agreed to it still may."""
    draft = await ctx.tx.denunciations.get(occasion.ref)
    if draft is None or draft.state is not State.APPROVED:
        return
    if not await _still_agreed(ctx, draft):
        back = replace(draft, state=State.DRAFT, approver=None, approved_hash="", approvals=())
        await ctx.tx.denunciations.save(back)
        await ctx.close_prompts(TOPIC, draft.id, "denunciation.not_agreed_any_more")
        for place in (await ctx.places_of(draft.author))[:1]:
            await ctx.say(place, "denunciation.agreement_ended", number=draft.number)
        return
    await ctx.close_prompts(TOPIC, draft.id, "denunciation.leaves_now")
    await publish(ctx, draft)


async def _still_agreed(ctx: Context, draft: Denunciation) -> bool:
    """Whether its author may write and enough of those who agreed may approve, at this moment."""
    author = await ctx.tx.people.member(draft.author)
    if author.left_at is not None or not may(author.roles, Action.WRITE):
        return False
    people = [await ctx.tx.people.member(member) for member in draft.agreed]
    still = [p for p in people if p.left_at is None and may(p.roles, Action.APPROVE)]
    return len(still) >= max(1, draft.needed)


async def publish(ctx: Context, draft: Denunciation) -> None:
    """One row for each reader in the broadcast lane, and the message that shows the progress."""
    if not draft.publishable:
        raise RuntimeError("a denunciation may leave only as it was approved")
    if draft.corrects is not None:
        await amending.correct(ctx, draft)
        return
    code = await denunciation_words.code_of(ctx, draft)
    draft = replace(draft, code=code, seal=short(draft.fingerprint))
    await ctx.tx.denunciations.save(draft)
    replies = await _replies(ctx, draft)
    rows = await readers.of(ctx, draft)
    by_words: dict[tuple[str, Secrecy], list[Reader]] = {}
    for reader in rows:
        by_words.setdefault((reader.language, reader.secrecy), []).append(reader)
    # Few statements however many read it: an alarm must not wait for the list to be written.
    for (language, secrecy), of in by_words.items():
        await send_to(
            ctx, draft, of, await denunciation_words.shown(ctx, draft, language),
            secrecy=secrecy, why=purpose(draft.id), replies=replies,
        )  # fmt: skip
    await _show_progress(ctx, draft, len(rows))
    await amending.begin_countdown(ctx, draft)


async def send_to(
    ctx: Context, draft: Denunciation, of: Sequence[Reader], text: Rich, *, secrecy: Secrecy, why: str,
    replies: Mapping[tuple[str, str], str],
) -> None:  # fmt: skip
    """Queue it for many; where they have what it answers to, as an answer to that."""
    body: dict[str, Any] = {"text": text.to_json(), "buttons": [], "secrecy": secrecy}
    if draft.files:
        body["kept"] = named(draft.files)
    await ctx.tx.outbox.add_many(
        [(ctx.settings.token(), r.platform, r.chat, r.kind, r.member) for r in of],
        lane=Lane.BROADCAST,
        operation=Operation.SEND,
        body=body,
        purpose=why,
        now=ctx.now,
        targets=[replies.get((r.platform, r.chat), "") for r in of],
    )


async def _replies(ctx: Context, draft: Denunciation) -> dict[tuple[str, str], str]:
    """Where the one that it continues can be seen: the outbox key of it in each chat."""
    if draft.follows is None:
        return {}
    rows = await ctx.tx.outbox.standing(purpose(draft.follows))
    return {(row.platform, row.chat): row.key for row in rows}


async def _show_progress(ctx: Context, draft: Denunciation, of: int) -> None:
    for place in (await ctx.places_of(draft.author))[:1]:
        key = await ctx.ask(
            place, "denunciation.progress", STOP, topic=TOPIC, ref=draft.id, number=draft.number,
            sent=0, of=of,
        )  # fmt: skip
        await ctx.tx.denunciations.set_progress(draft.id, key, ctx.now)
    await ctx.tx.timers.set(TIMER, draft.id, ctx.now + PROGRESS_EVERY)


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Show how far it is; at the end, what arrived and what did not."""
    ref = occasion.ref
    draft = await ctx.tx.denunciations.get(ref)
    if draft is None or draft.state not in (State.APPROVED, State.SENT, State.STOPPED):
        return
    tally = await ctx.tx.outbox.tally(purpose(ref))
    total = sum(tally.values())
    ended = sum(tally.get(state, 0) for state in (SENT, FAILED, UNKNOWN))
    values: dict[str, object] = {
        "number": draft.number,
        "sent": tally.get(SENT, 0),
        "failed": tally.get(FAILED, 0),
        "unknown": tally.get(UNKNOWN, 0),
        "of": total,
    }
    if ended == total and draft.state is State.APPROVED:
        draft = rules.sent(draft, ctx.now)
        await ctx.tx.denunciations.save(draft)
    if ended < total:
        await ctx.tx.timers.set(TIMER, ref, ctx.now + PROGRESS_EVERY)
    key = await ctx.tx.denunciations.progress_key(ref)
    prompt = await ctx.tx.conversations.prompt_of(key) if key else None
    if prompt is None or prompt.member != draft.author:
        return
    place = await ctx.place_of(prompt)
    if ended < total and draft.state is not State.STOPPED:
        await ctx.reword(prompt, ctx.texts(place).render("denunciation.progress", **values))
        return
    if ended < total:
        return
    text = "denunciation.report" if draft.state is State.SENT else "denunciation.stopped_report"
    await ctx.tx.conversations.close(prompt.id, ctx.now)
    troubles = await _troubles(ctx, place, ref)
    lines = ctx.texts(place).render(text, **values) + troubles
    await ctx.put(place, lines, operation=Operation.EDIT, target=key)
    failed = await _failed(ctx, ref)
    if failed and draft.state is State.SENT:
        await ctx.ask(
            place, "denunciation.failed_there", RETRY, topic=TOPIC, ref=ref, n=len(failed),
            number=draft.number,
        )  # fmt: skip


async def _troubles(ctx: Context, place: Place, ref: int) -> Rich:
    """The chats by title that it did not reach; members are counted, never named."""
    texts = ctx.texts(place)
    lines = Rich()
    for row in await ctx.tx.outbox.unfinished(purpose(ref)):
        # Also of a channel that was closed to us by this very message: that is what must be said.
        title = await ctx.tx.denunciations.title_of(row.platform, row.chat)
        if title is not None and row.error != WITHDRAWN:
            lines = lines + texts.render(f"denunciation.trouble.{row.state}", title=title)
    return lines


async def _failed(ctx: Context, ref: int) -> list[int]:
    """Rows that surely did not arrive. One of which nobody knows is none: it may be there."""
    rows = await ctx.tx.outbox.unfinished(purpose(ref))
    return [row.seq for row in rows if row.state == FAILED and row.error != WITHDRAWN]


# --- while it leaves ----------------------------------------------------------------------------


async def stop(ctx: Context, draft: Denunciation) -> None:
    """What has not left stays. What has can be withdrawn."""
    ctx.require(Action.STOP)
    halted = rules.stopped(draft)
    if isinstance(halted, Refusal):
        await denunciations.refuse(ctx, draft, halted)
        return
    await ctx.tx.denunciations.save(halted)
    await ctx.tx.timers.set(WAIT_TIMER, draft.id, None)
    await amending.end_countdown(ctx, draft)
    await ctx.log("denunciation_stopped", draft.author, number=draft.number)
    await ctx.toast("toast.done")
    under_way = bool(await ctx.tx.outbox.tally(purpose(draft.id)))
    await ctx.tx.outbox.withdraw(purpose(draft.id), ctx.now)
    name = ctx.speaker.member.name
    progress = await ctx.tx.denunciations.progress_key(draft.id)
    for prompt in await ctx.tx.conversations.open_about(TOPIC, draft.id):
        if prompt.outbox_key != progress:
            await ctx.close_prompt(prompt, "denunciation.stopped", name=name)
    if not under_way:
        return
    await ctx.tx.timers.set(TIMER, draft.id, ctx.now + PROGRESS_EVERY)
    if ctx.speaker.member.id != draft.author:
        await ctx.reply("denunciation.stopped_by", number=draft.number, name=name)


async def retry(ctx: Context, draft: Denunciation) -> None:
    """Those that failed, and no others, once more."""
    ctx.require(Action.STOP)
    failed = await _failed(ctx, draft.id)
    if draft.state is not State.SENT or not failed:
        await denunciations.refuse(ctx, draft, Refusal.STATE)
        return
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, draft.id, "denunciation.tried_again")
    await ctx.tx.outbox.replay(failed, ctx.now)
    await _show_progress(ctx, draft, sum((await ctx.tx.outbox.tally(
        purpose(draft.id))).values()))  # fmt: skip


