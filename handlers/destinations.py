"""Where an organisation publishes: channels, groups and rooms that the bot was let into."""

from __future__ import annotations

from bot.domain.permissions import Action
from bot.platforms.base import ChatKind
from bot.texts import available
from bot.texts.catalogue import own_name
from handlers.commands import Entry
from handlers.context import Choice, Context
from storage.denunciations import Destination

TOPIC = "destination"


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
            topic=TOPIC, ref=added.id, title=title,
        )  # fmt: skip


async def decided(ctx: Context, ref: int, action: str, argument: str) -> None:
    """The press below "shall I publish there?", or below what is published there."""
    ctx.require(Action.DESTINATIONS)
    to = await ctx.tx.denunciations.destination_numbered(ref)
    if to is None or to.group != ctx.speaker.member.group:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    match action:
        case "add":
            await ctx.tx.denunciations.restore_destination(ref)
            await ctx.log("destination_added")
            await ctx.close_prompts(TOPIC, ref, "destination.added", title=to.title)
        case "languages":
            await _ask_language(ctx, to)
        case "language":
            await ctx.tx.denunciations.set_destination_language(ref, argument)
            await ctx.close_prompts(TOPIC, ref)
            again = await ctx.tx.denunciations.destination_numbered(ref)
            if again is not None:
                await _show(ctx, again)
        case _:
            platform, _, chat = argument.partition(" ")
            await ctx.tx.denunciations.end_destination(platform, chat)
            await ctx.log("destination_ended")
            await ctx.close_prompts(TOPIC, ref, "destination.not_added")


async def _ask_language(ctx: Context, to: Destination) -> None:
    await ctx.close_prompts(TOPIC, to.id)
    choices = [Choice("language", "topic.open", code, {"name": own_name(code)}) for code in available()]
    every = Choice("language", "button.every_language")
    await ctx.ask(
        ctx.place, "destination.which_language", [every, *choices], topic=TOPIC, ref=to.id,
        title=to.title,
    )  # fmt: skip


async def command_destinations(ctx: Context, _rest: str) -> None:
    """`/destinos`"""
    found = await ctx.tx.denunciations.destinations(ctx.speaker.member.group)
    if not found:
        await ctx.reply("destination.none")
        return
    for to in found:
        await _show(ctx, to)


async def _show(ctx: Context, to: Destination) -> None:
    text = ctx.texts(ctx.place).render("destination.one", title=to.title)
    if to.language:
        text = text + ctx.texts(ctx.place).render(
            "destination.in_language", language=own_name(to.language)
        )
    choices = (
        Choice("leave", "button.end_destination", f"{to.platform} {to.chat}"),
        Choice("languages", "button.destination_language"),
    )
    await ctx.ask(ctx.place, text, choices, topic=TOPIC, ref=to.id)


async def command_here(ctx: Context, rest: str) -> None:
    """`/aqui Alertas`, written in a topic of a forum: that topic is a place to publish in of its own."""
    event = ctx.event
    title = " ".join(rest.split())[:TITLE_LIMIT]
    if event is None or event.chat_kind is ChatKind.PRIVATE or not title:
        await ctx.reply("destination.how_here")
        return
    known = await ctx.tx.denunciations.destination_in(event.platform, event.chat)
    if known is not None:
        await ctx.reply("destination.already", title=known.title)
        return
    await offered(ctx, title, event.chat, event.chat_kind, event.platform)


TITLE_LIMIT = 100
"""Characters of what a topic is called here."""

ENTRIES = (
    Entry("aqui", ("here",), Action.BRING_BOT, command_here, in_menu=False),
    Entry("destinos", ("destinations",), Action.DESTINATIONS, command_destinations),
)
