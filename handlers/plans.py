"""A plan in words, for one reader."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.plan import Plan, Recipient
from bot.texts import Key
from handlers.context import Context, Place


async def describe(ctx: Context, place: Place, plan: Plan, *, about: int) -> str:
    """A line a step. `about` is the group: a role is shown with how many have it, never who."""
    texts = ctx.texts(place)
    roster = await ctx.tx.people.roster(about)
    lines = []
    for number, step in enumerate(plan.steps, 1):
        who: list[str] = []
        for recipient in step.recipients:
            if recipient.member is not None:
                who.append((await ctx.tx.people.member(recipient.member)).name)
            else:
                count = len(Recipient(recipient.who).resolve(roster))
                who.append(texts.plain(f"who.{recipient.who}", n=count))
        when = (
            Key("plan.after", {"after": step.after})
            if step.after > timedelta(0)
            else Key("plan.at_once")
        )
        lines.append(texts.plain("plan.step", number=number, when=when, who=tuple(who)))
    lines.append(texts.plain("plan.end", repeat=plan.repeat, news=plan.news))
    return "\n".join(lines)
