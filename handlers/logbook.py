"""The log of privileged acts, for those who coordinate the group: page after page, the newest first."""

from __future__ import annotations

from typing import Any

from bot.domain.decision import Kind
from bot.domain.people import Risk, Role
from bot.domain.permissions import Action
from bot.texts import Key
from handlers.commands import Entry
from handlers.context import Choice, Context, Place
from storage.decisions import Line

TOPIC = "log"

PAGE = 10
"""Lines in one message."""


async def command_log(ctx: Context, _rest: str) -> None:
    """`/bitacora`"""
    await _page(ctx, None)


async def more(ctx: Context, ref: int, before: str) -> None:
    """The next page. A page belongs to the group in which it was asked for."""
    if ref != ctx.speaker.member.group:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, ref, only=ctx.place)
    await _page(ctx, int(before))


async def _page(ctx: Context, before: int | None) -> None:
    group = ctx.speaker.member.group
    lines = await ctx.tx.log.page(group, before, PAGE + 1)
    texts = ctx.texts(ctx.place)
    text = texts.render("log.head" if lines else "log.empty")
    for line in lines[:PAGE]:
        text = text + texts.render("log.row", at=line.at, what=await written(ctx, line))
    if len(lines) <= PAGE:
        await ctx.put(ctx.place, text)
        return
    older = Choice("more", "button.more", str(lines[PAGE - 1].id))
    await ctx.ask(ctx.place, text, (older,), topic=TOPIC, ref=group)


async def written(ctx: Context, line: Line) -> Key:
    """One line in words, with the names that people have today."""
    details: dict[str, Any] = dict(line.details)
    values: dict[str, Any] = {
        "by": await _name(ctx, line.actor),
        "name": "",
        "whom": "",
    }
    if line.about is not None:
        values["name"] = await _name(ctx, line.about)
        values["whom"] = Key("log.whom", {"name": values["name"]})
    if "kind" in details:
        values["what"] = Key(f"decision.kind.{Kind(details['kind'])}")
    if "role" in details:
        values["role"] = Role(details["role"])
    if "roles" in details:
        values["role"] = tuple(Role(role) for role in details["roles"]) or Key("role.none")
    if "risk" in details:
        values["risk"] = Risk(details["risk"])
    values |= {key: details[key] for key in ("number", "was") if key in details}
    return Key(f"log.{line.what}", values)


async def _name(ctx: Context, member: int | None) -> str | Key:
    return Key("decision.operator") if member is None else (await ctx.tx.people.member(member)).name


async def as_text(ctx: Context, place: Place, group: int) -> str:
    """All of a group's, a line each, the oldest first."""
    texts = ctx.texts(place)
    lines = []
    before = None
    while page := await ctx.tx.log.page(group, before, 200):
        lines += [
            f"{line.at:%Y-%m-%d %H:%M}Z  {texts.write(await written(ctx, line))}" for line in page
        ]
        before = page[-1].id
    return "\n".join(reversed(lines))


ENTRIES = (Entry("bitacora", ("bitácora", "log", "audit"), Action.READ_LOG, command_log),)
