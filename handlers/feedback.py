"""How did it go? One tap after each incident and drill, and words if somebody wishes.

An answer is kept without its author and with its day alone; who wants to be known signs it. Those who
coordinate see answers only in the summary of a whole month, and only from three on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from bot.domain.permissions import Action
from handlers.commands import Entry
from handlers.context import Choice, Context, Due, Place

TOPIC = "feedback"
TIMER = "feedback"

SCORES = range(1, 6)

LONGEST = 600
"""Characters of what somebody adds."""

OPEN_FOR = timedelta(days=7)
"""How long the question waits."""

MOST_OPEN = 3
"""Questions that wait for one person at a time."""


async def ask(
    ctx: Context, ref: int, number: int, group: int, people: Collection[int], what: str = "incident"
) -> None:
    """Ask these members about an incident, or a `drill`.

    `ref` is the incident's row; for a drill of another table, its row below zero, so that no two
    things share a question.
    """
    for member in sorted(people):
        if (await ctx.tx.people.member(member)).group != group:
            continue
        for place in (await ctx.places_of(member))[:1]:
            if await _asked_enough(ctx, place):
                continue
            await ctx.ask(
                place,
                f"feedback.question.{what}",
                [
                    Choice("score", f"feedback.score.{score}", f"{what}:{number}:{score}")
                    for score in SCORES
                ],
                topic=TOPIC,
                ref=ref,
                number=number,
            )
    await ctx.tx.timers.set(TIMER, ref, ctx.now + OPEN_FOR)


async def _asked_enough(ctx: Context, place: Place) -> bool:
    """Whoever held thirty incidents of one blackout is not asked thirty times."""
    waiting = await ctx.tx.conversations.open_in(place.platform, place.chat)
    return sum(prompt.topic == TOPIC for prompt in waiting) >= MOST_OPEN


async def on_timer(ctx: Context, occasion: Due) -> None:
    """It waited for long enough."""
    await ctx.close_prompts(TOPIC, occasion.ref)


async def pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """A score; then whether to sign it."""
    await ctx.toast("toast.done")
    match action:
        case "score":
            what, number, score = argument.split(":")
            await _scored(ctx, ref, what, int(number), int(score))
        case "sign":
            dialog = await ctx.dialog()
            if dialog is None or dialog.topic != TOPIC:
                await ctx.close_prompts(TOPIC, ref, only=ctx.place)
                return
            await ctx.tx.feedback.sign(int(dialog.data["row"]), ctx.speaker.member.id)
            await ctx.close_prompts(TOPIC, ref, "feedback.signed", only=ctx.place)
        case _:
            await ctx.expect_nothing()
            await ctx.close_prompts(TOPIC, ref, "feedback.thanks", only=ctx.place)


async def _scored(
    ctx: Context, ref: int, what: str, number: int, score: int, said: str = ""
) -> None:
    group = ctx.speaker.member.group
    row = await ctx.tx.feedback.add(group, what, number, score, ctx.now)
    await ctx.close_prompts(TOPIC, ref, only=ctx.place)
    if said:
        await ctx.tx.feedback.say(row, said[:LONGEST])
        ctx.tx.forget_event = True
        await ctx.reply("feedback.thanks")
        return
    await ctx.expect(TOPIC, "words", row=row, ref=ref)
    await ctx.ask(
        ctx.place, "feedback.more",
        (Choice("enough", "button.enough"), Choice("sign", "button.sign")),
        topic=TOPIC, ref=ref,
    )  # fmt: skip


async def words(ctx: Context, _step: str, data: Mapping[str, Any], text: str) -> None:
    """What somebody adds. It is not kept as it came: that would say whose it is."""
    await ctx.expect_nothing()
    ctx.tx.forget_event = True
    if "row" in data:
        await ctx.tx.feedback.say(int(data["row"]), text.strip()[:LONGEST])
        await ctx.close_prompts(TOPIC, int(data["ref"]), only=ctx.place)
    await ctx.reply("feedback.thanks")


ONE_LINE = re.compile(r"#?(\d{1,9})\s+([1-5])\b[\s.:,]*(.*)", re.DOTALL)


async def command_feedback(ctx: Context, rest: str) -> None:
    """`/opinion 12 4 llegaron pronto`: the answer to an open question, in one line."""
    found = ONE_LINE.fullmatch(rest.strip())
    if found is None:
        await ctx.reply("feedback.how")
        return
    number, score, said = int(found[1]), int(found[2]), found[3].strip()
    for prompt in await ctx.tx.conversations.open_in(ctx.place.platform, ctx.place.chat):
        if prompt.topic != TOPIC or prompt.member != ctx.speaker.member.id:
            continue
        for option in prompt.options:
            what, _, more = option.argument.partition(":")
            if option.action == "score" and more == f"{number}:{score}":
                await _scored(ctx, prompt.ref, what, number, score, said)
                return
    await ctx.reply("feedback.not_asked", number=number)


ENTRIES = (
    Entry(
        "opinion", ("feedback", "opinión"), Action.FEEDBACK, command_feedback, in_menu=False
    ),
)
