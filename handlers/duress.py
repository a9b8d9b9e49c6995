"""Words of duress: chosen in two steps, heard like an answer, rehearsed with who coordinates.

When they are heard, the chat shows what it shows after "I am well", from the same code and with the
same work; the alarm is a timer that is due at once, and carried out by another transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.domain import duress as rules
from bot.domain.answers import plain
from bot.domain.duress import Words, WordsRefused
from bot.domain.incident import Kind
from bot.domain.lanes import Lane
from bot.domain.permissions import Action
from bot.platforms.base import PlatformName
from handlers import incidents
from handlers.commands import Entry
from handlers.context import Context, Due

TOPIC = "duress"
TIMER = "duress"

REHEARSAL = timedelta(minutes=15)
"""How long the words of somebody who rehearses them are no alarm."""

NO_MORE = frozenset({"quitar", "ninguna", "ninguno", "remove", "none"})


# --- choosing them ------------------------------------------------------------------------------


async def command_words(ctx: Context, rest: str) -> None:
    """`/palabra`: the same answer whether there are words already, since anybody may ask."""
    if plain(rest).strip() in NO_MORE:
        await ctx.tx.people.set_duress(ctx.speaker.member.id, None)
        await ctx.reply("duress.none")
        return
    if rest:
        await words(ctx, "words", {}, rest)
        return
    await ctx.expect(TOPIC, "words")
    await ctx.reply("duress.how")
    if ctx.place.platform == PlatformName.TELEGRAM:
        await ctx.reply("duress.telegram_reads")


async def words(ctx: Context, step: str, data: Mapping[str, Any], text: str) -> None:
    """The words, and once more, so that no slip of a finger is in them. Kept nowhere as written."""
    ctx.tx.forget_event = True
    if step == "words":
        try:
            rules.chosen(text)
        except WordsRefused as error:
            await ctx.expect(TOPIC, "words")
            await ctx.reply(error.code, least=rules.LEAST_LETTERS, most=rules.MOST)
            return
        chosen = Words.of(text, ctx.settings.token())
        await ctx.expect(TOPIC, "again", words=chosen.to_json())
        await ctx.reply("duress.again")
        return
    chosen = Words(*data["words"])
    if not rules.heard(chosen, text):
        await ctx.expect(TOPIC, "words")
        await ctx.reply("duress.differ")
        return
    await ctx.expect_nothing()
    await ctx.tx.people.set_duress(ctx.speaker.member.id, chosen)
    await ctx.reply("duress.set")


# --- hearing them -------------------------------------------------------------------------------


async def listen(ctx: Context, text: str) -> None:
    """Compare what the speaker wrote; if it is their words, the rest of this turn only looks on."""
    me = ctx.speaker.member.id
    ctx.duress = rules.heard(await ctx.tx.people.duress(me), text)
    if ctx.duress:
        await ctx.tx.timers.set(TIMER, me, ctx.now)


async def on_timer(ctx: Context, occasion: Due) -> None:
    """They were heard: an alarm, or the end of a rehearsal."""
    member = await ctx.tx.people.member(occasion.ref)
    if member.left_at is not None:
        return
    until = await ctx.tx.people.rehearsal(member.id)
    if until is None or occasion.due > until:
        await incidents.open_incident(ctx, member.id, Kind.DURESS)
        return
    await ctx.tx.people.set_rehearsal(member.id, None)
    roster = await ctx.tx.people.roster(member.group)
    await ctx.tell(
        roster.coordinators - {member.id}, "duress.rehearsed", lane=Lane.CONVERSATION,
        everywhere=False, name=member.name,
    )  # fmt: skip


# --- rehearsing them ----------------------------------------------------------------------------


async def command_rehearse(ctx: Context, rest: str) -> None:
    """`/ensayo Ana`: those who coordinate hear of it, and it is in the log: it is a quarter of an hour
    in which her words are no alarm."""
    me, group = ctx.speaker.member, ctx.speaker.group
    person = await ctx.tx.people.member_named(group.id, rest) if rest else None
    if person is None:
        await ctx.reply("duress.rehearse_whom", name=rest[:40])
        return
    if person.id == me.id:
        await ctx.reply("duress.rehearse_another")
        return
    if await ctx.tx.incidents.open_about(person.id) is not None:
        await ctx.reply("duress.not_now", name=person.name)
        return
    await ctx.tx.people.set_rehearsal(person.id, ctx.now + REHEARSAL)
    await ctx.log("rehearsal", person.id)
    roster = await ctx.tx.people.roster(group.id)
    await ctx.tell(
        roster.coordinators - {person.id}, "duress.rehearsal", lane=Lane.CONVERSATION,
        everywhere=False, name=person.name, by=me.name, until=ctx.now + REHEARSAL,
    )  # fmt: skip


ENTRIES = (
    Entry("palabra", ("codeword", "duress"), Action.DURESS, command_words),
    Entry("ensayo", ("rehearse", "rehearsal"), Action.REHEARSE, command_rehearse, in_menu=False),
)
