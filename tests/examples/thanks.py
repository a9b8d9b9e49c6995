"""`/gracias llegaron pronto`: thank the response circle. They read it once the person says so."""

from __future__ import annotations

from bot.domain.lanes import Lane
from bot.domain.permissions import Action
from handlers.commands import Entry
from handlers.context import Choice, Context

TOPIC = "thanks"

MOST = 200
"""Characters: it is read on small screens."""


async def command_thanks(ctx: Context, rest: str) -> None:
    """`/gracias llegaron pronto`"""
    if not rest.strip():
        await ctx.reply("thanks.how")
        return
    choices = (Choice("send", "thanks.send", rest.strip()[:MOST]), Choice("drop", "button.drop"))
    await ctx.ask(ctx.place, "thanks.sure", choices, topic=TOPIC, ref=ctx.speaker.member.id)


async def pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """The person decided. The router has asked already whether they may."""
    me = ctx.speaker.member
    if ref != me.id:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    if action == "drop":
        await ctx.close_prompts(TOPIC, ref)
        return
    await ctx.close_prompts(TOPIC, ref, "thanks.sent")
    roster = await ctx.tx.people.roster(me.group)
    await ctx.tell(
        roster.responders - {me.id}, "thanks.news", lane=Lane.CONVERSATION, everywhere=False,
        bare=ctx.speaker.group.bare, subject=me.name, text=argument,
    )  # fmt: skip


ENTRIES = (Entry("gracias", ("thanks",), Action.FEEDBACK, command_thanks, in_menu=False),)

RIGHTS = {TOPIC: {"send": Action.FEEDBACK, "drop": Action.FEEDBACK}}
"""Its lines of `handlers.rights.PRESSES`."""

TEXTS = {
    "es": {
        "command.gracias": "dar las gracias a la red de respuesta",
        "thanks.how": "Escribe tus palabras después: /gracias llegaron pronto",
        "thanks.news": "{subject} da las gracias: {text}",
        "thanks.send": "Enviar",
        "thanks.sent": "Ya se lo dije a la red de respuesta.",
        "thanks.sure": "¿Se lo digo a la red de respuesta, con tu nombre?",
    },
    "en": {
        "command.gracias": "thank the response circle",
        "thanks.how": "Write your words behind it: /thanks they came soon",
        "thanks.news": "{subject} says thank you: {text}",
        "thanks.send": "Send",
        "thanks.sent": "I told the response circle.",
        "thanks.sure": "Shall I tell the response circle, with your name?",
    },
}
"""Its lines of the catalogues, sorted by key."""
