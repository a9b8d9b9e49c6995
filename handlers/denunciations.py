"""Denunciations in chat: written by one person, approved by another, published with a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.domain import denunciation as rules
from bot.domain.denunciation import Denunciation, File, Refusal, State
from bot.domain.lanes import Lane
from bot.domain.people import Role
from bot.domain.permissions import Action, may
from bot.domain.rich import Rich, Span, Style
from bot.platforms.base import ChatKind, Operation, Secrecy
from handlers.commands import Entry
from handlers.context import Choice, Context, Due, Place, named
from storage.files import KEPT, WANTED
from storage.outbox import FAILED, SENT, UNKNOWN

TOPIC = "denunciation"
TIMER = "denunciation"
DESTINATION_TOPIC = "destination"
PROGRESS_EVERY = timedelta(seconds=3)
"""How often the progress message is edited while messages leave."""

REVIEW = (Choice("approve", "button.approve"), Choice("return", "button.return"))
AFTER_WRITING = (
    Choice("review", "button.to_review"),
    Choice("rewrite", "button.rewrite"),
    Choice("discard", "button.discard"),
)
WITHOUT_FILES = Choice("no_files", "button.no_files")


def purpose(id: int) -> str:
    """What the outbox rows of a publication are for."""
    return f"denunciation:{id}"


def shown(draft: Denunciation, organisation: str) -> Rich:
    """The words exactly as they will be published, with those that stand for its files."""
    described = "".join(
        f"{file.name}: {file.alternative}\n" for file in draft.files if file.alternative
    )
    return Rich(
        (
            Span(draft.title, Style.BOLD),
            Span(f"\n\n{draft.text}\n\n" + (f"{described}\n" if described else "")),
            Span(f"— {organisation} · #{draft.number}", Style.ITALIC),
        )
    )


async def seen_before(
    ctx: Context, place: Place, draft: Denunciation, files: Sequence[File]
) -> Sequence[File]:
    """Those of a draft's files that may be shown here before it is published."""
    group = await ctx.tx.people.group(draft.group)
    return () if place.platform in group.bare else files


async def preview(ctx: Context, place: Place, draft: Denunciation) -> None:
    """The author sees what would be published, and says what becomes of it."""
    group = await ctx.tx.people.group(draft.group)
    has_files = await ctx.tx.files.count(draft.id, WANTED, KEPT)
    await ctx.ask(
        place, shown(draft, group.organisation),
        (*AFTER_WRITING, WITHOUT_FILES) if has_files else AFTER_WRITING,
        topic=TOPIC, ref=draft.id, kept=await seen_before(ctx, place, draft, draft.files),
    )  # fmt: skip


# --- writing ------------------------------------------------------------------------------------


async def command_denounce(ctx: Context, _rest: str) -> None:
    """`/denuncia`"""
    me = ctx.speaker.member
    number = await ctx.tx.people.next_number(me.group, "denunciations")
    id = await ctx.tx.denunciations.add(me.group, number, me.id, ctx.now)
    await ctx.expect(TOPIC, "title", denunciation=id)
    await ctx.reply("denunciation.write_title", number=number)


async def words(ctx: Context, step: str, data: Mapping[str, Any], text: str) -> None:
    """The title, then the text."""
    ctx.require(Action.WRITE)
    id = int(str(data["denunciation"]))
    if step == "title":
        title = " ".join(text.split())
        if len(title) > rules.TITLE_LIMIT:
            await ctx.reply("denunciation.title_long", n=rules.TITLE_LIMIT)
            return
        await ctx.expect(TOPIC, "text", denunciation=id, title=title)
        await ctx.reply("denunciation.write_text")
        return
    draft = await ctx.tx.denunciations.get(id)
    if draft is None or draft.author != ctx.speaker.member.id:
        await ctx.expect_nothing()
        return
    written = rules.written(draft, str(data["title"]), text)
    if isinstance(written, Refusal):
        await _refused(ctx, draft, written)
        return
    await ctx.expect_nothing()
    await ctx.tx.denunciations.save(written)
    await ctx.reply("denunciation.preview", number=draft.number)
    await preview(ctx, ctx.place, written)


async def _refused(ctx: Context, draft: Denunciation, refusal: Refusal) -> None:
    await ctx.toast("toast.not_done")
    await ctx.reply(f"denunciation.refused.{refusal}", number=draft.number, n=rules.TEXT_LIMIT)


async def act(ctx: Context, id: int, action: str, argument: str) -> None:
    """One press or number below a draft."""
    draft = await ctx.tx.denunciations.get(id)
    if draft is None or draft.group != ctx.speaker.member.group:
        await ctx.toast("toast.stale")
        return
    match action:
        case "review":
            await _to_review(ctx, draft)
        case "rewrite":
            await _rewrite(ctx, draft)
        case "discard":
            await _discard(ctx, draft)
        case "no_files":
            await _without_files(ctx, draft)
        case "approve":
            await _approve(ctx, draft, argument)
        case "return":
            await _return(ctx, draft)


def _only_author(ctx: Context, draft: Denunciation) -> bool:
    ctx.require(Action.WRITE)
    return draft.author == ctx.speaker.member.id


async def _rewrite(ctx: Context, draft: Denunciation) -> None:
    if not _only_author(ctx, draft) or draft.state not in (State.DRAFT, State.IN_REVIEW):
        await _refused(ctx, draft, Refusal.STATE)
        return
    # Taken back from review at once: nobody can approve words that are being replaced.
    await ctx.tx.denunciations.save(replace(draft, state=State.DRAFT))
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, draft.id, "denunciation.being_rewritten")
    await ctx.expect(TOPIC, "title", denunciation=draft.id)
    await ctx.reply("denunciation.write_title", number=draft.number)


async def _discard(ctx: Context, draft: Denunciation) -> None:
    gone = rules.discarded(draft) if _only_author(ctx, draft) else Refusal.STATE
    if isinstance(gone, Refusal):
        await _refused(ctx, draft, gone)
        return
    await ctx.tx.denunciations.save(gone)
    await _drop_files(ctx, draft)
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, draft.id, "denunciation.discarded")


async def _without_files(ctx: Context, draft: Denunciation) -> None:
    if not _only_author(ctx, draft) or draft.state is not State.DRAFT:
        await _refused(ctx, draft, Refusal.STATE)
        return
    await _drop_files(ctx, draft)
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, draft.id, "file.removed")
    await preview(ctx, ctx.place, replace(draft, files=()))


async def _drop_files(ctx: Context, draft: Denunciation) -> None:
    if await ctx.tx.files.drop(draft.id):
        ctx.tx.wipe_log = True


async def _to_review(ctx: Context, draft: Denunciation) -> None:
    review = rules.to_review(draft) if _only_author(ctx, draft) else Refusal.STATE
    if not isinstance(review, Refusal) and await ctx.tx.files.count(draft.id, WANTED):
        await _refused(ctx, draft, Refusal.FILES)
        await ctx.close_prompts(TOPIC, draft.id)
        await preview(ctx, ctx.place, draft)
        return
    if isinstance(review, Refusal):
        await _refused(ctx, draft, review)
        return
    reviewers = [
        member.id
        for member in await ctx.tx.people.in_group(draft.group)
        if Role.APPROVER in member.roles and member.id != draft.author
    ]
    if not reviewers:
        await ctx.toast("toast.not_done")
        await ctx.reply("denunciation.no_reviewer")
        return
    await ctx.tx.denunciations.save(review)
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, draft.id, "denunciation.in_review")
    bare = ctx.speaker.group.bare
    for reviewer in reviewers:
        places = await ctx.places_of(reviewer)
        trusted = [place for place in places if place.platform not in bare]
        for place in (trusted or places)[:1]:
            if not trusted:
                await ctx.say(place, "bare.review", number=draft.number)
                continue
            await ctx.say(
                place, "denunciation.please_review", number=draft.number,
                name=ctx.speaker.member.name,
            )  # fmt: skip
            await ctx.ask(
                place, shown(review, ctx.speaker.group.organisation),
                [replace(c, argument=review.fingerprint) for c in REVIEW],
                topic=TOPIC, ref=draft.id, kept=review.files,
            )  # fmt: skip


async def _return(ctx: Context, draft: Denunciation) -> None:
    ctx.require(Action.APPROVE)
    back = rules.returned(draft)
    if isinstance(back, Refusal):
        await _refused(ctx, draft, back)
        return
    await ctx.tx.denunciations.save(back)
    await ctx.log("denunciation_returned", draft.author, number=draft.number)
    await ctx.toast("toast.done")
    name = ctx.speaker.member.name
    await ctx.close_prompts(TOPIC, draft.id, "denunciation.returned", name=name)
    for place in (await ctx.places_of(draft.author))[:1]:
        await ctx.say(place, "denunciation.returned_to_you", number=draft.number, name=name)
        await preview(ctx, place, back)


# --- publishing ---------------------------------------------------------------------------------


async def _approve(ctx: Context, draft: Denunciation, fingerprint: str) -> None:
    ctx.require(Action.APPROVE)
    me = ctx.speaker.member
    approved = rules.approved(draft, me.id, fingerprint)
    if isinstance(approved, Refusal):
        await _refused(ctx, draft, approved)
        return
    author = await ctx.tx.people.member(draft.author)
    if author.left_at is not None or not may(author.roles, Action.WRITE):
        await _refused(ctx, draft, Refusal.STATE)
        return
    await ctx.tx.denunciations.save(approved)
    await ctx.log("denunciation_approved", draft.author, number=draft.number)
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, draft.id, "denunciation.approved", name=me.name)
    await _publish(ctx, approved)


async def _publish(ctx: Context, draft: Denunciation) -> None:
    """One row for each reader in the broadcast lane, and the message that shows the progress."""
    if not draft.publishable:
        raise RuntimeError("a denunciation may leave only as it was approved")
    group = await ctx.tx.people.group(draft.group)
    text = shown(draft, group.organisation)
    body: dict[str, Any] = {"text": text.to_json(), "buttons": []}
    if draft.files:
        body["kept"] = named(draft.files)
    # Few statements however many read it: an alarm must not wait for the list to be written.
    public: list[tuple[str, str, str, int | None]] = [
        (to.platform, to.chat, to.chat_kind, None)
        for to in await ctx.tx.denunciations.destinations(draft.group)
    ]
    private = [
        (account.platform, account.chat, ChatKind.PRIVATE, account.member)
        for account in await ctx.tx.people.subscribers(draft.group)
        if account.member != draft.author
    ]
    readers = len(public) + len(private)
    for places, secrecy in ((public, Secrecy.PUBLIC), (private, Secrecy.MINIMAL)):
        await ctx.tx.outbox.add_many(
            [(ctx.settings.token(), *place) for place in places],
            lane=Lane.BROADCAST,
            operation=Operation.SEND,
            body={**body, "secrecy": secrecy},
            purpose=purpose(draft.id),
            now=ctx.now,
        )
    for place in (await ctx.places_of(draft.author))[:1]:
        key = await ctx.say(place, "denunciation.progress", number=draft.number, sent=0, of=readers)
        await ctx.tx.denunciations.set_progress(draft.id, key, ctx.now)
    await ctx.tx.timers.set(TIMER, draft.id, ctx.now + PROGRESS_EVERY)


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Show how far it is; at the end, what arrived and what did not."""
    ref = occasion.ref
    draft = await ctx.tx.denunciations.get(ref)
    if draft is None or draft.state is not State.APPROVED:
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
    key = await ctx.tx.denunciations.progress_key(ref)
    if ended == total:
        await ctx.tx.denunciations.save(rules.sent(draft, ctx.now))
    else:
        await ctx.tx.timers.set(TIMER, ref, ctx.now + PROGRESS_EVERY)
    text = "denunciation.report" if ended == total else "denunciation.progress"
    row = await ctx.tx.outbox.get(key) if key else None
    for place in await ctx.places_of(draft.author):
        if row is None or (place.platform, place.chat) != (row.platform, row.chat):
            continue
        lines = ctx.texts(place).render(text, **values)
        if ended == total:
            lines = lines + await _troubles(ctx, place, ref)
        await ctx.put(place, lines, operation=Operation.EDIT, target=key)


async def _troubles(ctx: Context, place: Place, ref: int) -> Rich:
    """The chats by title that it did not reach; members are counted, never named."""
    texts = ctx.texts(place)
    lines = Rich()
    for row in await ctx.tx.outbox.unfinished(purpose(ref)):
        # Also of a channel that was closed to us by this very message: that is what must be said.
        title = await ctx.tx.denunciations.title_of(row.platform, row.chat)
        if title is not None:
            lines = lines + texts.render(f"denunciation.trouble.{row.state}", title=title)
    return lines


# --- destinations and subscriptions -------------------------------------------------------------


async def offered(ctx: Context, title: str, chat: str, kind: ChatKind, platform: str) -> None:
    """The bot was added to a chat by someone who may publish: ask them in private."""
    me = ctx.speaker.member
    for place in (await ctx.places_of(me.id))[:1]:
        await ctx.tx.denunciations.add_destination(me.group, platform, chat, kind, title)
        added = await ctx.tx.denunciations.destination_in(platform, chat)
        if added is None:
            return
        await ctx.tx.denunciations.end_destination(platform, chat)
        await ctx.ask(
            place, "destination.offer",
            (Choice("add", "button.publish_there", f"{platform} {chat}"),
             Choice("leave", "button.not_there", f"{platform} {chat}")),
            topic=DESTINATION_TOPIC, ref=added.id, title=title,
        )  # fmt: skip


async def decided_destination(ctx: Context, ref: int, action: str, argument: str) -> None:
    """The press below "shall I publish there?"."""
    ctx.require(Action.DESTINATIONS)
    platform, _, chat = argument.partition(" ")
    to = await ctx.tx.denunciations.destination_numbered(ref)
    if to is None or to.group != ctx.speaker.member.group:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    if action == "add":
        await ctx.tx.denunciations.restore_destination(ref)
        await ctx.log("destination_added")
        await ctx.close_prompts(DESTINATION_TOPIC, ref, "destination.added", title=to.title)
        return
    await ctx.tx.denunciations.end_destination(platform, chat)
    await ctx.log("destination_ended")
    await ctx.close_prompts(DESTINATION_TOPIC, ref, "destination.not_added")


async def command_destinations(ctx: Context, _rest: str) -> None:
    """`/destinos`"""
    found = await ctx.tx.denunciations.destinations(ctx.speaker.member.group)
    if not found:
        await ctx.reply("destination.none")
        return
    for to in found:
        await ctx.ask(
            ctx.place, "destination.one",
            (Choice("leave", "button.end_destination", f"{to.platform} {to.chat}"),),
            topic=DESTINATION_TOPIC, ref=to.id, title=to.title,
        )  # fmt: skip


async def command_subscribe(ctx: Context, _rest: str) -> None:
    """`/suscribir`: on, or off if it was on."""
    wanted = not ctx.speaker.member.subscribed
    await ctx.tx.people.set_member(ctx.speaker.member.id, subscribed=wanted)
    await ctx.reply("subscribe.on" if wanted else "subscribe.off")


ENTRIES = (
    Entry("denuncia", ("denounce", "denunciation"), Action.WRITE, command_denounce),
    Entry("destinos", ("destinations",), Action.DESTINATIONS, command_destinations),
    Entry("suscribir", ("subscribe",), Action.SETTINGS, command_subscribe),
)
