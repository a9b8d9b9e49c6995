"""The alarm that is one tap away: a message that stays pinned in the private chat, with one button.

Whoever looks at the phone reads nothing in it of an alarm or of a network. What explains it does, and
is taken away after a day. The question is never closed, so that the button works however old it is.
Where there are no buttons its number is written: one that no other question comes to by counting,
since "1" must never be an alarm by habit.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.permissions import Action
from bot.domain.rich import Rich
from bot.platforms.base import Operation
from handlers import fading, incident_acts
from handlers.commands import Entry
from handlers.context import Choice, Context, Due, Place

TOPIC = "panic"
TIMER = "fade_panic"

NUMBER = 505
"""It looks like SOS, and nobody writes it by accident."""

EXPLAINED = timedelta(hours=24)
"""How long what explains the button stays."""

TWICE = timedelta(seconds=20)
"""A second tap within this time is a finger that trembled: it is no second alarm, for which the plan
would tell more people at once."""

OWN = ("opened_panic", "again_panic")
"""Lines of a timeline that the person's own alarm wrote."""


async def give(ctx: Context, place: Place, member: int) -> None:
    """Put it into a private chat, and say what it is."""
    here = replace(place, member=member)
    for prompt in await ctx.tx.conversations.open_about(TOPIC, member):
        if (prompt.platform, prompt.chat) == (here.platform, here.chat):
            await ctx.close_prompt(prompt)
    key = await ctx.ask(
        here, "panic.pinned", (Choice("raise", "button.panic"),), topic=TOPIC, ref=member,
        number_from=NUMBER,
    )  # fmt: skip
    await ctx.put(here, Rich(), operation=Operation.PIN, target=key)
    await ctx.say(here, "panic.how", purpose=_purpose(member), number=NUMBER)
    await ctx.tx.timers.set(TIMER, member, ctx.now + EXPLAINED)


async def take_away(ctx: Context, member: int) -> None:
    """They are in the group no more."""
    await ctx.tx.timers.set(TIMER, member, None)
    await ctx.close_prompts(TOPIC, member)


def _purpose(member: int) -> str:
    return f"panic:{member}:how"


async def on_timer(ctx: Context, occasion: Due) -> None:
    """It was explained."""
    await fading.clear(ctx, _purpose(occasion.ref))


async def meant(ctx: Context, text: str) -> bool:
    """Whether these words are the number of the speaker's button."""
    if text.strip().strip("#.)") != str(NUMBER):
        return False
    here = (ctx.place.platform, ctx.place.chat)
    mine = await ctx.tx.conversations.open_about(TOPIC, ctx.speaker.member.id)
    return any((prompt.platform, prompt.chat) == here for prompt in mine)


async def pressed(ctx: Context, ref: int) -> None:
    """The tap. Nothing is asked back."""
    me = ctx.speaker.member.id
    if ref != me:
        await ctx.toast("toast.stale")
        return
    known = await ctx.tx.incidents.open_about(me)
    if known is not None:
        last = await ctx.tx.incidents.last_noted(known.id, OWN)
        if last is not None and ctx.now - last < TWICE:
            await ctx.toast("toast.done")
            return
    await incident_acts.panic(ctx)


async def command_button(ctx: Context, _rest: str) -> None:
    """`/boton`: here and now, at the end of the chat and pinned."""
    await give(ctx, ctx.place, ctx.speaker.member.id)


ENTRIES = (Entry("boton", ("botón", "button"), Action.SETTINGS, command_button, in_menu=False),)
