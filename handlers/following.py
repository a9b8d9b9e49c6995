"""Alerts of other organisations: followed by a group, offered to who coordinates it, never forwarded by
themselves.

`/seguir URL [key]` has the engine look at a feed every hour (Atom, RSS or JSON Feed). What is there at
the first look is not news. What comes later is offered to everybody who coordinates, and the first of
them to decide decides: it becomes an ordinary draft of theirs, which a second person approves as any
other, or nothing.

Only the engine asks that server, and it says nothing of the group.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from bot.domain import denunciation as drafts
from bot.domain import following as rules
from bot.domain.following import State
from bot.domain.lanes import Lane
from bot.domain.permissions import Action
from bot.domain.rich import Rich, Span, Style
from bot.following.values import Entry as Said
from bot.following.values import Looked, News, Unchanged, Unreachable, Why
from handlers import denunciations
from handlers.commands import Entry
from handlers.context import Choice, Context, Due, label
from storage.following import Alert, Followed

TOPIC = "feed"
ALERT_TOPIC = "followed"
TIMER = "followed"

OFFER = (
    Choice("prepare", "button.prepare_alert"),
    Choice("dismiss", "button.dismiss_alert"),
)


# --- what a group follows -----------------------------------------------------------------------


async def command_follow(ctx: Context, rest: str) -> None:
    """`/seguir https://sierra.example/feed.xml`, with a minisign public key behind it or not."""
    url, _, key = " ".join(rest.split()).partition(" ")
    group = ctx.speaker.member.group
    if not _is_address(url):
        await ctx.reply("feed.how")
        return
    if key and not _is_key(key):
        await ctx.reply("feed.bad_key")
        return
    known = await ctx.tx.following.at(group, url)
    if known is not None and known.active:
        await ctx.reply("feed.already" if known.read_at else "feed.looking")
        return
    if len(await ctx.tx.following.of(group)) >= rules.MOST_FEEDS:
        await ctx.reply("feed.too_many", n=rules.MOST_FEEDS)
        return
    await ctx.tx.following.follow(group, url, key, ctx.speaker.member.id, ctx.now)
    await ctx.log("feed_asked")
    await ctx.reply("feed.looking")


def _is_address(url: str) -> bool:
    """Whether it looks like one; the engine knows which it asks (`bot.following.addresses`)."""
    try:
        parts = urlsplit(url)
        named = parts.username is not None or parts.password is not None
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and not named
    except ValueError:
        return False
    return whole and len(url) <= rules.URL_LIMIT and url.isprintable()


def _is_key(key: str) -> bool:
    """A minisign public key: "Ed", a number of 8 bytes and 32 of the key, in base 64."""
    try:
        raw = base64.b64decode(key, validate=True)
    except (ValueError, binascii.Error):
        return False
    return len(raw) == 42 and raw.startswith(b"Ed")


async def command_followed(ctx: Context, _rest: str) -> None:
    """`/seguidas`: how it stands with each, and a button to end it."""
    found = await ctx.tx.following.of(ctx.speaker.member.group)
    if not found:
        await ctx.reply("feed.none")
        return
    for feed in found:
        key = "feed.one"
        if feed.read_at is None:
            key = "feed.one_waiting"
        elif feed.failures > 1:  # one may be under way
            key = "feed.one_failing"
        await ctx.close_prompts(TOPIC, feed.id, only=ctx.place)
        await ctx.ask(
            ctx.place, key, (Choice("stop", "button.stop_following"),), topic=TOPIC, ref=feed.id,
            title=feed.title or _host(feed.url), url=feed.url, at=feed.read_at or ctx.now,
            signed=label("feed.key_pinned" if feed.key else "feed.key_none"),
        )  # fmt: skip


async def stop(ctx: Context, ref: int) -> None:
    """The press below one of them. What it offered and nobody took up is offered no more."""
    feed = await ctx.tx.following.feed(ref)
    if feed is None or feed.group != ctx.speaker.member.group or not feed.active:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await ctx.tx.following.stop(ref)
    await ctx.log("feed_ended")
    name = ctx.speaker.member.name
    await ctx.close_prompts(TOPIC, ref, "feed.ended", name=name)
    for alert in await ctx.tx.following.offered(ref):
        await _decide(ctx, alert, State.DISMISSED, "feed.ended", name=name)


# --- what the engine found ----------------------------------------------------------------------


async def looked_at(ctx: Context, feed: Followed, found: Looked, again: datetime) -> None:
    """A feed was looked at; next time at `again` if it answered."""
    match found:
        case Unreachable(why):
            await _failed(ctx, feed, why)
        case Unchanged():
            await ctx.tx.following.looked(feed.id, again, ctx.now)
        case News() as news:
            await ctx.tx.following.looked(
                feed.id, again, ctx.now, title=news.feed.title or _host(feed.url),
                etag=news.etag, modified=news.modified,
            )  # fmt: skip
            await _read(ctx, feed, news)


async def _failed(ctx: Context, feed: Followed, why: Why) -> None:
    """At the first look there is nothing to follow; later it may come back."""
    reason = label(f"feed.why.{why}")
    if feed.read_at is None:
        await ctx.tx.following.drop(feed.id)
        await _tell_asker(ctx, feed, "feed.not_followed", url=feed.url, why=reason)
    elif feed.failures == rules.TOLD_AFTER:
        await _tell_all(
            ctx, feed, "feed.silent", title=feed.title, why=reason, at=feed.read_at,
            n=feed.failures,
        )  # fmt: skip


async def _read(ctx: Context, feed: Followed, news: News) -> None:
    by_id = {entry.id: entry for entry in news.feed.entries}
    unknown = await ctx.tx.following.unknown(feed.id, list(by_id))
    title = news.feed.title or _host(feed.url)
    if feed.read_at is None:
        await ctx.tx.following.remember(feed.id, unknown, State.KNOWN, ctx.now)
        await ctx.log("feed_followed", group=feed.group, actor=feed.added_by)
        signed = label("feed.verified" if news.verified else "feed.not_verified")
        await _tell_asker(ctx, feed, "feed.followed", title=title, n=len(by_id), signed=signed)
        return
    since = ctx.now - rules.DAY
    left = rules.OFFERS_A_DAY - await ctx.tx.following.offers_since(feed.id, since)
    offered, more = unknown[: max(0, left)], unknown[max(0, left) :]
    for id in reversed(offered):  # the newest at the end of the chat
        await _offer(ctx, feed, by_id[id], title, verified=news.verified)
    if more:
        told = await ctx.tx.following.more_since(feed.id, since)
        await ctx.tx.following.remember(feed.id, more, State.NEW, ctx.now)
        if not told:
            await _tell_all(ctx, feed, "feed.more", title=title, n=len(more))


async def _offer(ctx: Context, feed: Followed, entry: Said, title: str, *, verified: bool) -> None:
    alert = await ctx.tx.following.offer(
        feed.id, entry.id, title=entry.title, link=entry.link, summary=entry.summary_text,
        verified=verified, now=ctx.now,
    )  # fmt: skip
    await ctx.tx.timers.set(TIMER, alert.id, ctx.now + rules.DECIDE_WITHIN)
    roster = await ctx.tx.people.roster(feed.group)
    signed = label("feed.verified" if verified else "feed.not_verified")
    for member in sorted(roster.coordinators):
        for place in (await ctx.places_of(member))[:1]:
            head = ctx.texts(place).render("followed.offer", title=title, signed=signed)
            await ctx.ask(place, head + _shown(alert), OFFER, topic=ALERT_TOPIC, ref=alert.id)


def _shown(alert: Alert) -> Rich:
    """What somebody else says, as they say it."""
    below = "\n\n".join(part for part in (alert.summary, alert.link) if part)
    text = Rich((Span("\n\n"), Span(alert.title, Style.BOLD)))
    return text + Rich.of(f"\n\n{below}") if below else text


async def _tell_asker(ctx: Context, feed: Followed, key: str, **values: Any) -> None:
    """Whoever asked for it, if they coordinate still."""
    roster = await ctx.tx.people.roster(feed.group)
    if feed.added_by in roster.coordinators:
        await ctx.tell([feed.added_by], key, lane=Lane.CONVERSATION, everywhere=False, **values)


async def _tell_all(ctx: Context, feed: Followed, key: str, **values: Any) -> None:
    roster = await ctx.tx.people.roster(feed.group)
    await ctx.tell(roster.coordinators, key, lane=Lane.CONVERSATION, everywhere=False, **values)


def _host(url: str) -> str:
    return urlsplit(url).hostname or url


# --- what becomes of an alert -------------------------------------------------------------------


async def pressed(ctx: Context, ref: int, action: str) -> None:
    """The press below an offer: the first one decides."""
    alert = await ctx.tx.following.alert(ref)
    feed = await ctx.tx.following.feed(alert.feed) if alert is not None else None
    if alert is None or feed is None or feed.group != ctx.speaker.member.group:
        await ctx.toast("toast.stale")
        return
    if alert.state is not State.OFFERED:
        await ctx.toast("toast.stale")
        await ctx.close_prompts(ALERT_TOPIC, ref)
        return
    name = ctx.speaker.member.name
    if action == "dismiss":
        await ctx.toast("toast.done")
        await ctx.log("alert_dismissed")
        await _decide(ctx, alert, State.DISMISSED, "followed.dismissed", name=name)
    elif ctx.may(Action.WRITE):
        await _prepare(ctx, alert, feed)
    else:
        await ctx.toast("toast.not_done")
        await ctx.reply("followed.needs_writing")


async def _prepare(ctx: Context, alert: Alert, feed: Followed) -> None:
    """An ordinary draft of whoever pressed: it leaves as any other does, or not at all."""
    me = ctx.speaker.member
    draft = await denunciations.begin(ctx)
    source = ctx.written_in(me.language, "followed.source", title=feed.title)
    below = "\n".join(part for part in (source, alert.link) if part)
    text = "\n\n".join(part for part in (alert.summary, below) if part)
    written = drafts.written(draft, alert.title[: drafts.TITLE_LIMIT], text)
    if isinstance(written, drafts.Refusal):
        raise RuntimeError("an alert that makes no draft must not have been offered")
    await ctx.tx.denunciations.save(written)
    await ctx.toast("toast.done")
    await ctx.log("alert_prepared", number=draft.number)
    await _decide(
        ctx, alert, State.FORWARDED, "followed.prepared", name=me.name, number=draft.number
    )
    await denunciations.show(ctx, written)


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Nobody decided in time."""
    alert = await ctx.tx.following.alert(occasion.ref)
    if alert is not None and alert.state is State.OFFERED:
        await _decide(ctx, alert, State.DISMISSED, "followed.over")


async def _decide(ctx: Context, alert: Alert, state: State, key: str, **values: Any) -> None:
    """What it says stays in the chats; here nothing of it does."""
    await ctx.tx.following.decide(alert.id, state)
    await ctx.tx.timers.set(TIMER, alert.id, None)
    await ctx.close_prompts(ALERT_TOPIC, alert.id, key, **values)


ENTRIES = (
    Entry("seguir", ("follow",), Action.FOLLOW, command_follow, in_menu=False),
    Entry("seguidas", ("following", "follows"), Action.FOLLOW, command_followed, in_menu=False),
)
