"""The words of a denunciation: as the public reads them, and as those see them who decide about it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from bot.domain.denunciation import Denunciation, File, Kind, Version
from bot.domain.publication import short, spelled
from bot.domain.rich import Rich, Span, Style
from bot.texts import Texts
from handlers.context import Context, Place
from storage.people import Group

COUNTED = 7
"""Days before its end from which an urgent action says each day how many are left."""

BETWEEN = "\n\n· · ·\n\n"
"""What parts one language from the next."""


async def shown(ctx: Context, draft: Denunciation, language: str = "") -> Rich:
    """The words exactly as they will be published, with those that stand for its files.

    In all languages side by side, or in one of them; a reader whose language it does not have reads
    the one in which it was written.
    """
    group = await ctx.tx.people.group(draft.group)
    versions = chosen(draft, group, language)
    number, code = draft.number, ""
    if draft.corrects is not None:
        original = await ctx.tx.denunciations.get(draft.corrects)
        number = original.number if original is not None else number
    if draft.follows is not None:
        first = await ctx.tx.denunciations.get(draft.follows)
        code = first.code if first is not None else ""
    texts = Texts(versions[0].language, group.zone, ctx.now)
    text = _head(texts, draft, ctx.now)
    for at, version in enumerate(versions):
        text = text + Rich.of(BETWEEN if at else "")
        text = text + Rich((Span(version.title, Style.BOLD), Span(f"\n\n{version.text}\n\n")))
    described = _described(draft.files)
    text = text + Rich.of(f"{described}\n" if described else "")
    text = text + Rich((Span(f"— {group.organisation} · #{number}", Style.ITALIC),))
    if code:
        text = text + texts.render("denunciation.follows", code=spelled(code))
    text = text + texts.render("denunciation.seal", code=spelled(short(draft.fingerprint)))
    address = ctx.settings.archive
    if address and draft.corrects is None:
        code = await code_of(ctx, draft)
        text = text + Rich.of(f"\n{address}/{versions[0].language}/{code}.html")
    return text


async def code_of(ctx: Context, draft: Denunciation) -> str:
    """The address of its page: its short fingerprint, unless the very same was published before."""
    if draft.code:
        return draft.code
    code = short(draft.fingerprint)
    if await ctx.tx.denunciations.is_free(code):
        return code
    return short(hashlib.sha256(f"{draft.fingerprint} {draft.id}".encode()).hexdigest())


def chosen(draft: Denunciation, group: Group, language: str) -> tuple[Version, ...]:
    """Those that a reader of this language reads; all for ""."""
    versions = draft.versions(group.language)
    if not language:
        return versions
    return tuple(v for v in versions if v.language == language) or versions[:1]


def _head(texts: Texts, draft: Denunciation, now: datetime) -> Rich:
    """What stands above the title: what kind it is, and what became of it."""
    lines = Rich()
    if draft.kind is Kind.URGENT and draft.act_by is not None:
        days = days_left(draft, now)
        key = "denunciation.urgent_until" if days > COUNTED else "denunciation.urgent_days"
        key = "denunciation.urgent_closed" if draft.closed_at else key
        lines = lines + texts.render(key, until=draft.act_by, days=days)
    elif draft.kind is not Kind.COMPLAINT:
        lines = lines + texts.render(f"denunciation.head.{draft.kind}")
    if draft.corrected_at is not None:
        lines = lines + texts.render("denunciation.corrected_on", at=draft.corrected_at)
    return lines + Rich.of("\n") if lines.spans else lines


def days_left(draft: Denunciation, now: datetime) -> int:
    """Whole days until an urgent action ends; 0 for the last one and for none."""
    return max(0, (draft.act_by - now).days) if draft.act_by is not None else 0


def withdrawn(ctx: Context, draft: Denunciation, group: Group, language: str) -> Rich:
    """What stands where its words were."""
    texts = Texts(language or group.language, group.zone, ctx.now)
    return texts.render(
        "denunciation.withdrawn", number=draft.number, organisation=group.organisation,
        reason=draft.reason, code=spelled(draft.code),
    )  # fmt: skip


def _described(files: Sequence[File]) -> str:
    return "".join(f"{f.name}: {f.alternative}\n" for f in files if f.alternative)


async def facts(ctx: Context, place: Place, draft: Denunciation) -> Rich:
    """What its author and its reviewers must know of it besides its words: when it leaves, to whom."""
    texts = ctx.texts(place)
    lines = Rich()
    if draft.corrects is not None:
        original = await ctx.tx.denunciations.get(draft.corrects)
        lines = lines + texts.render(
            "denunciation.fact.corrects", number=original.number if original else draft.number
        )
    if draft.publish_at is not None:
        lines = lines + texts.render("denunciation.fact.publish_at", at=draft.publish_at)
    if draft.kind is Kind.URGENT and draft.act_by is None:
        lines = lines + texts.render("denunciation.fact.no_date")
    names = {topic.id: topic.name for topic in await ctx.tx.readers.topics(draft.group)}
    of = tuple(names[topic] for topic in draft.topics if topic in names)
    if of:
        lines = lines + texts.render("denunciation.fact.topics", topics=of)
    if draft.region is not None:
        region = await ctx.tx.regions.get(draft.region)
        if region is not None:
            lines = lines + texts.render("denunciation.fact.region", region=region.name)
    if draft.needed > 1:
        lines = lines + texts.render("denunciation.fact.needed", n=draft.needed)
    text = await shown(ctx, draft)
    for platform in sorted(ctx.settings.messages_of):
        messages = number_of_messages(ctx, platform, text, len(draft.files))
        if messages > 1:
            lines = lines + texts.render(
                "denunciation.fact.messages", platform=platform.capitalize(), n=messages
            )
    return lines


def number_of_messages(ctx: Context, platform: str, text: Rich, files: int) -> int:
    """Into how many messages a platform makes it; 1 for one that is not there any more."""
    count = ctx.settings.messages_of.get(platform)
    return count(text, files) if count is not None else 1
