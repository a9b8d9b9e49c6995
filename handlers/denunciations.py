"""Denunciations in chat: a draft is written, looked at by its author, and changed until it is ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.domain import denunciation as rules
from bot.domain.denunciation import Denunciation, File, Kind, Refusal, State
from bot.domain.endangering import hazards
from bot.domain.permissions import Action
from bot.domain.rich import Rich
from bot.texts import Key
from handlers import denunciation_words
from handlers.context import Choice, Context, Place
from storage.files import KEPT, WANTED

TOPIC = "denunciation"

AFTER_WRITING = (
    Choice("review", "button.to_review"),
    Choice("rewrite", "button.rewrite"),
    Choice("settings", "button.draft_settings"),
    Choice("discard", "button.discard"),
)
WITHOUT_FILES = Choice("no_files", "button.no_files")
MOST_WARNINGS = 6
"""Findings that are shown one by one; of more there is a number."""


def purpose(id: int) -> str:
    """What the outbox rows of a publication are for."""
    return f"denunciation:{id}"


def texts_of(draft: Denunciation) -> list[str]:
    """Everything that is written in it, in all its languages."""
    words = [draft.title, draft.text]
    for version in draft.others:
        words += [version.title, version.text]
    return words


async def seen_before(
    ctx: Context, place: Place, draft: Denunciation, files: Sequence[File]
) -> Sequence[File]:
    """Those of a draft's files that may be shown here before it is published."""
    group = await ctx.tx.people.group(draft.group)
    return () if place.platform in group.bare else files


async def preview(ctx: Context, place: Place, draft: Denunciation) -> None:
    """The author sees what would be published, and says what becomes of it."""
    has_files = await ctx.tx.files.count(draft.id, WANTED, KEPT)
    await ctx.ask(
        place, await denunciation_words.shown(ctx, draft),
        (*AFTER_WRITING, WITHOUT_FILES) if has_files else AFTER_WRITING,
        topic=TOPIC, ref=draft.id, kept=await seen_before(ctx, place, draft, draft.files),
    )  # fmt: skip


async def show(ctx: Context, draft: Denunciation) -> None:
    """What is to be known of a draft besides its words, then the draft."""
    texts = ctx.texts(ctx.place)
    text = texts.render("denunciation.preview", number=draft.number)
    text = text + await denunciation_words.facts(ctx, ctx.place, draft)
    await ctx.put(ctx.place, text + warnings(ctx, ctx.place, draft))
    await preview(ctx, ctx.place, draft)


def warnings(ctx: Context, place: Place, draft: Denunciation) -> Rich:
    """What in it may put somebody in danger; its author decides."""
    found = hazards(texts_of(draft))
    if not found:
        return Rich()
    texts = ctx.texts(place)
    lines = texts.render("denunciation.look_again")
    for finding in found[:MOST_WARNINGS]:
        what = Key(f"hazard.{finding.hazard}")
        lines = lines + texts.render("denunciation.hazard", what=what, words=finding.excerpt)
    if len(found) > MOST_WARNINGS:
        lines = lines + texts.render("denunciation.hazards_more", n=len(found) - MOST_WARNINGS)
    return lines


async def refuse(ctx: Context, draft: Denunciation, refusal: Refusal, **values: object) -> None:
    """Say why not, to whoever asked."""
    await ctx.toast("toast.not_done")
    await ctx.reply(
        f"denunciation.refused.{refusal}", number=draft.number, n=rules.TEXT_LIMIT, **values
    )


async def change(ctx: Context, draft: Denunciation, **values: Any) -> Denunciation | None:
    """Something about a draft is otherwise: nobody has agreed to it any more, and nobody can agree
    to what they were shown before. None if it cannot be changed; that was said."""
    changed = rules.changed(draft, **values)
    if isinstance(changed, Refusal):
        await refuse(ctx, draft, changed)
        return None
    await ctx.tx.denunciations.save(changed)
    await ctx.close_prompts(TOPIC, draft.id, "denunciation.being_rewritten")
    return changed


def is_authors(ctx: Context, draft: Denunciation | None) -> bool:
    """Whether the speaker wrote it, and may write."""
    ctx.require(Action.WRITE)
    return draft is not None and draft.author == ctx.speaker.member.id


# --- writing ------------------------------------------------------------------------------------


async def begin(ctx: Context, kind: Kind = Kind.COMPLAINT, **values: Any) -> Denunciation:
    """A new draft of the speaker's."""
    me = ctx.speaker.member
    number = await ctx.tx.people.next_number(me.group, "denunciations")
    id = await ctx.tx.denunciations.add(me.group, number, me.id, ctx.now)
    draft = await ctx.tx.denunciations.get(id)
    assert draft is not None
    draft = replace(draft, **{"kind": kind, "language": me.language, **values})
    await ctx.tx.denunciations.save(draft)
    return draft


async def words(ctx: Context, step: str, data: Mapping[str, Any], text: str) -> None:
    """The title, then the text; in another language the same."""
    ctx.require(Action.WRITE)
    draft = await ctx.tx.denunciations.get(int(str(data["denunciation"])))
    if step == "title":
        title = " ".join(text.split())
        if len(title) > rules.TITLE_LIMIT:
            await ctx.reply("denunciation.title_long", n=rules.TITLE_LIMIT)
            return
        await ctx.expect(TOPIC, "text", **{**data, "title": title})
        await ctx.reply("denunciation.write_text")
        return
    if draft is None or not is_authors(ctx, draft):
        await ctx.expect_nothing()
        return
    title = str(data["title"])
    if language := str(data.get("language", "")):
        written = rules.translated(draft, rules.Version(language, title.strip(), text.strip()))
    else:
        written = rules.written(draft, title, text)
    if isinstance(written, Refusal):
        await refuse(ctx, draft, written)
        return
    await ctx.expect_nothing()
    await ctx.tx.denunciations.save(written)
    await show(ctx, written)


async def rewrite(ctx: Context, draft: Denunciation) -> None:
    """Begin its words anew; what else was said of it stays."""
    if not is_authors(ctx, draft) or draft.state not in (State.DRAFT, State.IN_REVIEW):
        await refuse(ctx, draft, Refusal.STATE)
        return
    # Taken back from review at once: nobody can approve words that are being replaced.
    if await change(ctx, draft) is None:
        return
    await ctx.toast("toast.done")
    await ctx.expect(TOPIC, "title", denunciation=draft.id)
    await ctx.reply("denunciation.write_title", number=draft.number)


async def discard(ctx: Context, draft: Denunciation) -> None:
    """Throw it away."""
    gone = rules.discarded(draft) if is_authors(ctx, draft) else Refusal.STATE
    if isinstance(gone, Refusal):
        await refuse(ctx, draft, gone)
        return
    await ctx.tx.denunciations.save(gone)
    await ctx.tx.denunciations.forget_names(draft.id)
    await _drop_files(ctx, draft)
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, draft.id, "denunciation.discarded")


async def without_files(ctx: Context, draft: Denunciation) -> None:
    """The words alone."""
    if not is_authors(ctx, draft) or draft.state is not State.DRAFT:
        await refuse(ctx, draft, Refusal.STATE)
        return
    await _drop_files(ctx, draft)
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, draft.id, "file.removed")
    await preview(ctx, ctx.place, replace(draft, files=()))


async def _drop_files(ctx: Context, draft: Denunciation) -> None:
    if await ctx.tx.files.drop(draft.id):
        ctx.tx.wipe_log = True
