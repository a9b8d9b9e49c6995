"""Which of two times is meant: "a las 6:30" is said back, and nothing begins before it is chosen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain.spoken import at_change_of_clocks, read_time
from bot.texts import Key
from handlers.context import Choice, Context

TOPIC = "reading"

Carry = Callable[[Context, Mapping[str, Any], int], Awaitable[None]]
"""Goes on with what was written, now that it is known which of its readings is meant."""


async def ask_which(
    ctx: Context, what: str, instants: Sequence[datetime], **data: object
) -> None:
    """Ask; `what` names who goes on, with `data` and the number of the reading."""
    await ctx.close_prompts(TOPIC, ctx.speaker.member.id)
    await ctx.expect(
        TOPIC, "which", what=what, instants=[at.isoformat() for at in instants], **data
    )
    await ctx.ask(
        ctx.place,
        "reading.which",
        [
            Choice("choose", "button.reading", str(number), {"at": at})
            for number, at in enumerate(instants)
        ],
        topic=TOPIC,
        ref=ctx.speaker.member.id,
    )


async def chosen(ctx: Context, ref: int, argument: str, carriers: Mapping[str, Carry]) -> None:
    """A button or its number."""
    dialog = await ctx.dialog()
    if ref != ctx.speaker.member.id or dialog is None or dialog.topic != TOPIC:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await _go_on(ctx, dialog.data, int(argument), carriers)


async def words(
    ctx: Context, data: Mapping[str, Any], text: str, carriers: Mapping[str, Carry]
) -> None:
    """The time in a way that leaves no doubt; for anything else the question again."""
    zone = ZoneInfo(ctx.speaker.member.zone)
    wall = read_time(text)
    for number, instant in enumerate(data["instants"]):
        local = datetime.fromisoformat(instant).astimezone(zone)
        if wall is not None and (local.hour, local.minute) == (wall.hour, wall.minute):
            await _go_on(ctx, data, number, carriers)
            return
    instants = [datetime.fromisoformat(instant) for instant in data["instants"]]
    rest = {key: value for key, value in data.items() if key not in ("what", "instants")}
    await ask_which(ctx, data["what"], instants, **rest)


async def _go_on(
    ctx: Context, data: Mapping[str, Any], number: int, carriers: Mapping[str, Carry]
) -> None:
    await ctx.expect_nothing()
    await ctx.close_prompts(TOPIC, ctx.speaker.member.id)
    await carriers[data["what"]](ctx, data, number)


def clocks(ctx: Context, text: str, instant: datetime) -> Key | None:
    """What is to be said of a time that a change of clocks leaves out or shows twice."""
    found = at_change_of_clocks(text, instant, ctx.speaker.member.zone)
    return None if found is None else Key(f"reading.{found.value}", {"at": instant})


async def say_clocks(ctx: Context, text: str, instants: Sequence[datetime]) -> None:
    """Say it, if there is anything to say."""
    for instant in instants:
        said = clocks(ctx, text, instant)
        if said is not None:
            await ctx.reply(said.key, **said.values)
            return


