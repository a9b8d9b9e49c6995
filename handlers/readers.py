"""Who reads denunciations: what each reader chose, and the daily message of those who want one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain.answers import plain
from bot.domain.denunciation import Denunciation, State
from bot.domain.lanes import Lane
from bot.domain.permissions import Action
from bot.domain.publication import spelled
from bot.domain.schedule import wall_to_instant
from bot.platforms.base import ChatKind, Secrecy
from bot.texts import available
from bot.texts.catalogue import own_name
from handlers import denunciation_words
from handlers.commands import Entry
from handlers.context import Choice, Context, Due
from storage.readers import Wish

TOPIC = "subscription"
TOPICS_TOPIC = "topics"
TIMER = "daily"

AT = time(18)
"""When a daily message comes, by the group's clock: at the end of the working day."""

BATCH = 50
"""Readers whose daily message is written in one transaction: no alarm waits for all of them."""

MOST_TOPICS = 20
TOPIC_LIMIT = 40
"""Characters of a topic's name: it is a button."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One chat that it goes to, in one language ("" for all side by side)."""

    platform: str
    chat: str
    kind: str
    member: int | None
    language: str

    @property
    def secrecy(self) -> Secrecy:
        """A public chat may get it in clear; in a private one the chat is nobody else's."""
        return Secrecy.MINIMAL if self.kind == ChatKind.PRIVATE else Secrecy.PUBLIC


async def of(ctx: Context, draft: Denunciation) -> list[Reader]:
    """Where it goes now, each chat once; for those who want one message a day it is put aside."""
    readers = [
        Reader(to.platform, to.chat, to.chat_kind, None, to.language)
        for to in await ctx.tx.denunciations.destinations(draft.group)
    ]
    wishes = await ctx.tx.readers.wishes(draft.group)
    spoken = await ctx.tx.readers.languages(draft.group)
    daily: list[int] = []
    for account in await ctx.tx.people.subscribers(draft.group):
        wish = wishes.get(account.member, Wish())
        if account.member == draft.author or not wish.wants(draft):
            continue
        if wish.daily:
            daily.append(account.member)
            continue
        language = wish.language or spoken.get(account.member, "")
        readers.append(
            Reader(
                account.platform, account.chat, ChatKind.PRIVATE, account.member, language
            )
        )
    await _put_off(ctx, daily, draft)
    return readers


async def _put_off(ctx: Context, members: list[int], draft: Denunciation) -> None:
    if not members:
        return
    await ctx.tx.readers.put_off(members, draft.id)
    group = await ctx.tx.people.group(draft.group)
    await ctx.tx.timers.set(TIMER, group.id, _next(ctx.now, group.zone))


def _next(now: datetime, zone: str) -> datetime:
    """The next time at which a daily message comes there."""
    here = now.astimezone(ZoneInfo(zone)).date()
    today = wall_to_instant(here, AT, zone)
    return today if today > now else wall_to_instant(here + timedelta(days=1), AT, zone)


async def on_timer(ctx: Context, occasion: Due) -> None:
    """What was published since the last one, in one message for each who wants it so."""
    waiting = await ctx.tx.readers.waiting(occasion.ref, BATCH)
    for member in waiting:
        await _daily(ctx, member)
    if len(waiting) == BATCH:
        await ctx.tx.timers.set(TIMER, occasion.ref, ctx.now)


async def _daily(ctx: Context, member: int) -> None:
    waiting = await ctx.tx.readers.take_digest(member)
    reader = await ctx.tx.people.member(member)
    if reader.left_at is not None or not reader.subscribed:
        return
    found = [await ctx.tx.denunciations.get(id) for id in waiting]
    # One that is just leaving counts: it would not be in tomorrow's either.
    going = (State.APPROVED, State.SENT)
    public = [d for d in found if d is not None and d.code and d.state in going]
    group = await ctx.tx.people.group(reader.group)
    wish = await ctx.tx.readers.wish(reader.id)
    for place in (await ctx.places_of(reader.id))[:1] if public else ():
        texts = ctx.texts(place)
        text = texts.render("subscribe.daily", n=len(public))
        for one in public:
            version = denunciation_words.chosen(one, group, wish.language or reader.language)[0]
            text = text + texts.render(
                "subscribe.daily_one", number=one.number, title=version.title,
                code=spelled(one.code),
            )  # fmt: skip
            if ctx.settings.archive:
                address = f"{ctx.settings.archive}/{version.language}/{one.code}.html"
                text = text + texts.render("subscribe.daily_link", address=address)
        text = text + texts.render("subscribe.daily_end")
        await ctx.put(place, text, lane=Lane.BROADCAST)


# --- what one chooses ---------------------------------------------------------------------------


async def command_subscribe(ctx: Context, rest: str) -> None:
    """`/suscribir`: how it stands, with everything that can be chosen; `no` and `diario` in one line."""
    me = ctx.speaker.member
    match plain(rest).strip():
        case "no":
            await _end(ctx)
            return
        case "diario" | "daily":
            await _set(ctx, replace(await ctx.tx.readers.wish(me.id), daily=True))
        case "ya" | "now":
            await _set(ctx, replace(await ctx.tx.readers.wish(me.id), daily=False))
    if not me.subscribed:
        await ctx.tx.people.set_member(me.id, subscribed=True)
    await _show(ctx)


async def command_read_one(ctx: Context, rest: str) -> None:
    """`/leer 3`: one that was published, whole, for whoever reads them once a day."""
    digits = rest.strip().lstrip("#")
    found = None
    if digits.isdecimal() and len(digits) < 10:
        found = await ctx.tx.denunciations.numbered(ctx.speaker.member.group, int(digits))
    if found is None or not found.is_public:
        await ctx.reply("denunciation.which")
        return
    me = ctx.speaker.member
    group = ctx.speaker.group
    wish = await ctx.tx.readers.wish(me.id)
    language = wish.language or me.language
    if found.state is State.WITHDRAWN:
        await ctx.put(ctx.place, denunciation_words.withdrawn(ctx, found, group, language))
        return
    await ctx.put(
        ctx.place, await denunciation_words.shown(ctx, found, language), kept=found.files
    )


async def _end(ctx: Context) -> None:
    me = ctx.speaker.member
    await ctx.tx.people.set_member(me.id, subscribed=False)
    await ctx.tx.readers.take_digest(me.id)
    if await ctx.tx.conversations.open_about(TOPIC, me.id):
        await ctx.close_prompts(TOPIC, me.id, "subscribe.off")
    else:
        await ctx.reply("subscribe.off")


async def _set(ctx: Context, wish: Wish) -> None:
    await ctx.tx.readers.set_wish(ctx.speaker.member.id, wish)


async def _show(ctx: Context) -> None:
    """How it stands, and what can be otherwise."""
    me = ctx.speaker.member
    wish = await ctx.tx.readers.wish(me.id)
    topics = await ctx.tx.readers.topics(me.group)
    regions = await ctx.tx.regions.of_group(me.group)
    texts = ctx.texts(ctx.place)
    chosen = tuple(topic.name for topic in topics if topic.id in wish.topics)
    where = tuple(region.name for region in regions if region.id in wish.regions)
    text = texts.render("subscribe.daily_on" if wish.daily else "subscribe.on")
    if chosen:
        text = text + texts.render("subscribe.topics", topics=chosen)
    if where:
        text = text + texts.render("subscribe.regions", regions=where)
    if wish.language:
        text = text + texts.render("subscribe.language", language=own_name(wish.language))
    choices = [Choice("stop", "button.unsubscribe")]
    choices.append(
        Choice("now", "button.at_once") if wish.daily else Choice("daily", "button.daily")
    )
    choices += [Choice("topics", "button.my_topics")] if topics else []
    choices += [Choice("regions", "button.my_regions")] if regions else []
    choices.append(Choice("languages", "button.my_language"))
    await ctx.close_prompts(TOPIC, me.id)
    await ctx.ask(ctx.place, text, choices, topic=TOPIC, ref=me.id)


async def pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """One answer to how it stands."""
    me = ctx.speaker.member
    if ref != me.id:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    wish = await ctx.tx.readers.wish(me.id)
    match action:
        case "stop":
            await _end(ctx)
            return
        case "daily" | "now":
            # What waits already comes in the evening all the same.
            await _set(ctx, replace(wish, daily=action == "daily"))
        case "topics" | "topic":
            topics = wish.topics ^ ({int(argument)} if argument else set())
            await _set(ctx, replace(wish, topics=topics))
            await _ask_topics(ctx, topics)
            return
        case "regions" | "region":
            regions = wish.regions ^ ({int(argument)} if argument else set())
            await _set(ctx, replace(wish, regions=regions))
            await _ask_regions(ctx, regions)
            return
        case "languages":
            await ctx.close_prompts(TOPIC, ref)
            choices = [
                Choice("language", "topic.open", code, {"name": own_name(code)})
                for code in available()
            ]
            own = Choice("language", "button.own_language")
            await ctx.ask(
                ctx.place, "subscribe.which_language", [*choices, own], topic=TOPIC, ref=ref
            )
            return
        case "language":
            await _set(ctx, replace(wish, language=argument))
    await _show(ctx)


async def _ask_topics(ctx: Context, chosen: frozenset[int]) -> None:
    known = await ctx.tx.readers.topics(ctx.speaker.member.group)
    await _ask_some(ctx, "subscribe.which_topics", "topic", [(t.id, t.name) for t in known], chosen)


async def _ask_regions(ctx: Context, chosen: frozenset[int]) -> None:
    known = await ctx.tx.regions.of_group(ctx.speaker.member.group)
    pairs = [(r.id, r.name) for r in known]
    await _ask_some(ctx, "subscribe.which_regions", "region", pairs, chosen)


async def _ask_some(
    ctx: Context, key: str, action: str, of: list[tuple[int, str]], chosen: frozenset[int]
) -> None:
    me = ctx.speaker.member
    await ctx.close_prompts(TOPIC, me.id)
    choices = [
        Choice(action, "topic.chosen" if id in chosen else "topic.open", str(id), {"name": name})
        for id, name in of
    ]
    await ctx.ask(
        ctx.place, key, [*choices, Choice("show", "button.draft_back")], topic=TOPIC, ref=me.id
    )


# --- the group's topics -------------------------------------------------------------------------


async def command_topics(ctx: Context, rest: str) -> None:
    """`/temas`; `/temas agua, territorio` adds them; a button takes one away."""
    group = ctx.speaker.member.group
    names = [" ".join(name.split()) for name in rest.split(",") if name.strip()]
    known = await ctx.tx.readers.topics(group)
    if any(len(name) > TOPIC_LIMIT for name in names) or len(known) + len(names) > MOST_TOPICS:
        await ctx.reply("topic.too_many", n=MOST_TOPICS, limit=TOPIC_LIMIT)
        return
    for name in names:
        await ctx.tx.readers.add_topic(group, name)
    await _show_topics(ctx)


async def _show_topics(ctx: Context) -> None:
    group = ctx.speaker.member.group
    known = await ctx.tx.readers.topics(group)
    await ctx.close_prompts(TOPICS_TOPIC, group)
    if not known:
        await ctx.reply("topic.none")
        return
    choices = [Choice("end", "button.end_topic", str(t.id), {"name": t.name}) for t in known]
    await ctx.ask(
        ctx.place, "topic.list", choices, topic=TOPICS_TOPIC, ref=group,
        topics=tuple(t.name for t in known),
    )  # fmt: skip


async def end_topic(ctx: Context, ref: int, argument: str) -> None:
    """A topic is taken off the list."""
    if ref != ctx.speaker.member.group:
        await ctx.toast("toast.stale")
        return
    await ctx.tx.readers.end_topic(ref, int(argument))
    await ctx.toast("toast.done")
    await _show_topics(ctx)


ENTRIES = (
    Entry("suscribir", ("subscribe",), Action.SETTINGS, command_subscribe),
    Entry("leer", ("read",), Action.SETTINGS, command_read_one),
    Entry("temas", ("topics",), Action.DESTINATIONS, command_topics),
)
