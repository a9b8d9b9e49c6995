"""Shifts as the commands about them name them, in answers and in lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bot.domain.duty import Stint
from handlers import duty
from handlers.context import Choice, Context
from storage.duty import Kept

TOPIC = "shifts"

SHOWN = 5
"""Shifts that one message lists."""

AHEAD = timedelta(days=90)
"""How far ahead shifts can be seen and swapped."""


async def mine(ctx: Context, ahead: timedelta) -> list[tuple[Kept, Stint]]:
    """The speaker's own, the next one first."""
    me = ctx.speaker.member.id
    found = [
        (kept, stint)
        for kept in await ctx.tx.duty.with_member(me, ctx.now)
        for stint in kept.rotation.stints(ctx.now, ctx.now + ahead)
        if stint.member == me and kept.rotation.holds(stint, (me,))
    ]
    return sorted(found, key=lambda pair: pair[1].start)


def numbers(argument: str) -> tuple[int, ...]:
    """What `argument` has put together."""
    return tuple(int(number) for number in argument.split(":"))


def argument(*values: int | datetime) -> str:
    """Numbers and instants for an answer to carry; hand-offs are at whole seconds."""
    return ":".join(str(int(v.timestamp()) if isinstance(v, datetime) else v) for v in values)


def instant(seconds: int) -> datetime:
    """One of those numbers, where it is an instant."""
    return datetime.fromtimestamp(seconds, UTC)


async def close(ctx: Context, topic: str, ref: int, argument: str, key: str = "") -> None:
    """Close the questions about this one thing in the speaker's chat; others of the rotation stay."""
    here = (ctx.place.platform, ctx.place.chat)
    for prompt in await ctx.tx.conversations.open_about(topic, ref):
        about = any(option.argument == argument for option in prompt.options)
        if about and (prompt.platform, prompt.chat) == here:
            await ctx.close_prompt(prompt, key)


async def kept(ctx: Context, id: int) -> Kept | None:
    """A rotation of the speaker's group."""
    found = await ctx.tx.duty.get(id)
    return found if found is not None and found.group == ctx.speaker.member.group else None


async def which(ctx: Context, action: str, kept: Sequence[Kept]) -> None:
    """Ask which of several rotations is meant."""
    choices = [
        Choice(action, "button.region", str(one.id), {"region": await duty.where(ctx, ctx.place, one)})
        for one in kept
    ]
    await ctx.ask(
        ctx.place, "shifts.which", choices, topic=TOPIC, ref=ctx.speaker.member.id
    )
