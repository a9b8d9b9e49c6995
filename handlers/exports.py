"""A group's record as a file: what it did and how fast, for two people who coordinate it.

It names nobody whom the log does not name to them already, and holds nothing that anybody wrote.
"""

from __future__ import annotations

from bot.domain.decision import Decision, Kind
from bot.domain.permissions import Action
from bot.domain.plan import DEFAULT_PLAN
from bot.domain.rich import Rich
from bot.platforms.base import Attachment, Secrecy
from handlers import decisions, logbook, plans
from handlers.commands import Entry
from handlers.context import Choice, Context, Place

TOPIC = "export"
FILE = "acuerpa-grupo.txt"


async def command_export(ctx: Context, _rest: str) -> None:
    """`/exportar`"""
    await ctx.ask(
        ctx.place,
        "export.sure",
        (Choice("ask", "button.ask_second"), Choice("drop", "button.drop")),
        topic=TOPIC,
        ref=ctx.speaker.member.group,
    )


async def pressed(ctx: Context, ref: int, action: str) -> None:
    """Ask the second person, or not."""
    if ref != ctx.speaker.member.group:
        await ctx.toast("toast.stale")
        return
    await ctx.close_prompts(TOPIC, ref, only=ctx.place)
    if action == "drop":
        await ctx.toast("toast.done")
        await ctx.reply("roles.dropped")
        return

    async def describe(ctx: Context, place: Place) -> Rich:
        return ctx.texts(place).render("export.what")

    await decisions.ask_second(ctx, Kind.EXPORT, describe)


async def carry_out(ctx: Context, decision: Decision) -> Decision:
    """The file, to whoever asked for it and to nobody else."""
    await ctx.log("exported", group=decision.group, actor=decision.asked_by)
    for place in (await ctx.places_of(decision.asked_by))[:1]:
        content = await _content(ctx, place, decision.group)
        await ctx.put(
            place,
            ctx.texts(place).render("export.here"),
            files=(Attachment(FILE, "text/plain", content.encode()),),
            secrecy=Secrecy.DETAILED,
        )
    return decision


async def _content(ctx: Context, place: Place, id: int) -> str:
    texts = ctx.texts(place)
    group = await ctx.tx.people.group(id)
    lines = [
        texts.plain("export.head", group=group.name, at=f"{ctx.now:%Y-%m-%d %H:%M}Z"),
        "",
        await plans.describe(ctx, place, group.plan or DEFAULT_PLAN, about=id),
        "",
        texts.plain("export.columns"),
    ]
    for incident in await ctx.tx.incidents.all_of(id):
        taken = next(
            (e.at for e in await ctx.tx.incidents.timeline(incident.id) if e.event == "taken"), None
        )
        parts = [
            f"#{incident.number}",
            incident.kind.value,
            f"{incident.opened_at:%Y-%m-%d %H:%M}Z",
            str(round((taken - incident.opened_at).total_seconds() / 60)) if taken else "-",
            f"{incident.closed_at:%Y-%m-%d %H:%M}Z" if incident.closed_at else "-",
            incident.outcome.value if incident.outcome else "-",
        ]
        lines.append("\t".join(parts))
    return "\n".join([*lines, "", await logbook.as_text(ctx, place, id), ""])


ENTRIES = (Entry("exportar", ("export",), Action.EXPORT, command_export),)
