"""Images and documents of a denunciation that is being written: asked for, looked at, told of.

Nothing here fetches or opens anything. What is sent becomes a row; the engine fetches and cleans it and
comes back with what there is to keep (`cleaned`) or with why there is nothing (`lost`, `Refused`).
"""

from __future__ import annotations

from bot.domain import denunciation as rules
from bot.domain.denunciation import Denunciation, State
from bot.domain.permissions import Action, may
from bot.domain.rich import Rich
from bot.files.values import MEGA, Clean, Cleaned, Reason, Refused
from bot.platforms.base import File
from handlers import checkins, denunciations
from handlers.context import Context, Place
from storage.files import KEPT, WANTED, Wanted


async def sent(ctx: Context, file: File) -> bool:
    """Somebody who may write sent a file. False if it is for no denunciation and to be answered as
    anything that is no text is."""
    draft = await _draft(ctx)
    if draft is None:
        if await checkins.waits_for_answer(ctx):
            return False
        await ctx.reply("file.no_draft")
        return True
    if draft.corrects is not None:
        await ctx.reply("file.not_in_correction")
        return True
    if await ctx.tx.files.count(draft.id, WANTED, KEPT) >= rules.FILES_LIMIT:
        await ctx.reply("file.too_many", number=draft.number, n=rules.FILES_LIMIT)
        return True
    if file.size > ctx.settings.largest_file:
        await ctx.put(ctx.place, _why_not(ctx, ctx.place, _too_large(ctx)))
        return True
    await ctx.tx.files.want(
        group=draft.group,
        denunciation=draft.id,
        member=ctx.speaker.member.id,
        platform=ctx.place.platform,
        name=file.name,
        ref=file.ref,
        alternative=" ".join(file.caption.split())[: rules.ALTERNATIVE_LIMIT],
        now=ctx.now,
    )
    # The event holds where the original lies, and on Matrix its key: the row alone needs that.
    ctx.tx.forget_event = True
    await ctx.reply("file.looking", number=draft.number)
    return True


async def cleaned(ctx: Context, file: Wanted, result: Cleaned) -> None:
    """The cleaner is done: keep the clean bytes and say what was found, or say why not."""
    if isinstance(result, Refused):
        await _refuse(ctx, file, result)
        return
    draft = await _still_written(ctx, file)
    if draft is None:
        await ctx.tx.files.refuse(file.id)
        return
    number = await ctx.tx.files.count(draft.id, KEPT) + 1
    name = result.name(number)
    await ctx.tx.files.keep(file.id, name, result.kind.media_type, result.content)
    now_with = await ctx.tx.denunciations.get(draft.id)
    place = await _place(ctx, file)
    if place is None or now_with is None:
        return
    is_written = bool(now_with.title and now_with.text)
    await ctx.put(
        place,
        _found(ctx, place, result, number=draft.number, name=name),
        kept=()
        if is_written
        else await denunciations.seen_before(ctx, place, now_with, now_with.files[-1:]),
    )
    if is_written:
        # What is to be published is other than what was shown last.
        await ctx.close_prompts(denunciations.TOPIC, draft.id)
        await denunciations.preview(ctx, place, now_with)


async def lost(ctx: Context, file: Wanted, why: str) -> None:
    """There is nothing to clean."""
    reason = Reason(why)
    await _refuse(ctx, file, _too_large(ctx) if reason is Reason.TOO_LARGE else Refused(reason))


async def _draft(ctx: Context) -> Denunciation | None:
    """What the speaker writes just now: what they were asked about, else what they began last."""
    dialog = await ctx.dialog()
    if dialog is not None and dialog.topic == denunciations.TOPIC:
        draft = await ctx.tx.denunciations.get(int(str(dialog.data["denunciation"])))
        if _is_written_by(draft, ctx.speaker.member.id):
            return draft
    return await ctx.tx.denunciations.being_written(ctx.speaker.member.id)


async def _still_written(ctx: Context, file: Wanted) -> Denunciation | None:
    """Its draft, if its author may still write it: a role may have ended meanwhile."""
    draft = await ctx.tx.denunciations.get(file.denunciation)
    author = await ctx.tx.people.member(file.member)
    if author.left_at is not None or not may(author.roles, Action.WRITE):
        return None
    return draft if _is_written_by(draft, author.id) else None


def _is_written_by(draft: Denunciation | None, author: int) -> bool:
    return draft is not None and draft.author == author and draft.state is State.DRAFT


async def _refuse(ctx: Context, file: Wanted, refused: Refused) -> None:
    if not await ctx.tx.files.refuse(file.id) or await _still_written(ctx, file) is None:
        return
    place = await _place(ctx, file)
    if place is not None:
        await ctx.put(place, _why_not(ctx, place, refused))


async def _place(ctx: Context, file: Wanted) -> Place | None:
    """Where its sender is told: where they sent it, if they can be reached there."""
    places = await ctx.places_of(file.member)
    there = [place for place in places if place.platform == file.platform]
    return next(iter(there or places), None)


def _too_large(ctx: Context) -> Refused:
    return Refused(Reason.TOO_LARGE, ctx.settings.largest_file // MEGA)


def _why_not(ctx: Context, place: Place, refused: Refused) -> Rich:
    texts = ctx.texts(place)
    why = texts.render(f"file.refused.{refused.reason}", limit=refused.limit)
    return why + Rich.of("\n\n") + texts.render("file.rest_kept")


def _found(ctx: Context, place: Place, clean: Clean, **values: object) -> Rich:
    """What was taken out, what cannot be, and where the file is now."""
    texts = ctx.texts(place)
    text = texts.render("file.cleaned")
    for found in sorted(clean.found):
        text = text + Rich.of("\n") + texts.render(f"file.found.{found}")
    text = text + Rich.of("\n\n") + texts.render("file.look")
    return text + Rich.of("\n\n") + texts.render("file.kept", **values)
