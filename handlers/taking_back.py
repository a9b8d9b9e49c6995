"""An alarm raised by mistake: the person's own words say so, and somebody confirms it with them.

Words that were chosen before the alarm, written within `WINDOW` of it, and nothing else: no button,
no command, no "it was nothing". What they do is little, because they can be forced from a person.
Everyone who was told hears of them, and for a while nobody new is told. The incident stays open until
who holds it, or somebody who was told, confirms that it was a false alarm; if nobody does, the plan
goes on. So each alarm is followed to an outcome, and who holds the phone can end none.

Words of duress in their place are answered with the same words, and make it an incident of duress.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.domain import duress as rules
from bot.domain import incident as incident_rules
from bot.domain.answers import plain
from bot.domain.duress import Words, WordsRefused
from bot.domain.incident import Incident, Kind
from bot.domain.lanes import Lane
from bot.domain.permissions import Action
from bot.platforms.base import PlatformName
from bot.texts import Key
from handlers import incidents, subject
from handlers.commands import Entry
from handlers.context import Choice, Context
from handlers.duress import NO_MORE

TOPIC = "taking_back"

WINDOW = timedelta(minutes=10)
"""How long after the person's own alarm the words are heard."""

OWN = (Kind.PANIC, Kind.HELP)
"""What a person raises by their own act."""

RAISED = tuple(f"{how}_{kind}" for how in ("opened", "again") for kind in OWN)
"""Lines of a timeline that such an act wrote."""

LINE = "taken_back"


# --- choosing them ------------------------------------------------------------------------------


async def command_words(ctx: Context, rest: str) -> None:
    """`/clave`: the same answer whether there are words already, since anybody may ask."""
    if plain(rest).strip() in NO_MORE:
        await ctx.tx.people.set_cancel_words(ctx.speaker.member.id, None, ctx.now)
        await ctx.reply("taking_back.none")
        return
    if rest:
        await words(ctx, "words", {}, rest)
        return
    await ctx.expect(TOPIC, "words")
    await ctx.reply("taking_back.how", within=WINDOW)
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
        await ctx.reply("taking_back.differ")
        return
    await ctx.expect_nothing()
    await ctx.tx.people.set_cancel_words(ctx.speaker.member.id, chosen, ctx.now)
    await ctx.reply("taking_back.set")


# --- hearing them -------------------------------------------------------------------------------


async def heard(ctx: Context, text: str) -> bool:
    """Whether the speaker wrote their words, or those of duress in their place, after an own alarm.

    Called after `duress.listen`, which has seen to an alarm already.
    """
    me = ctx.speaker.member.id
    kept = await ctx.tx.people.cancel_words(me)
    own = rules.heard(kept[0] if kept else None, text)
    if kept is None or not (own or ctx.duress):
        return False
    known = await subject.seen(ctx, me)
    if known is None or known.kind not in OWN:
        return False
    raised = await ctx.tx.incidents.last_noted(known.incident.id, RAISED)
    if raised is None or kept[1] > raised:
        return False  # whoever took the phone may have chosen them
    if ctx.answered_at > raised + WINDOW:
        await ctx.reply("taking_back.late")
        return True
    await ctx.reply("taking_back.heard")
    before = await ctx.tx.incidents.last_noted(known.incident.id, (LINE,))
    # In either case, so that what the person may see of it is the same.
    await ctx.tx.incidents.note(known.incident.id, ctx.now, LINE, me)
    if (before is None or before < raised) and not ctx.duress:
        await _tell(ctx, known.incident)
    return True


async def _tell(ctx: Context, incident: Incident) -> None:
    me = ctx.speaker.member
    if incident.kind is Kind.DURESS:
        await incidents.tell_the_others(
            ctx, incident, "incident.taken_back_duress", me.id, name=me.name
        )
        return
    eased = incident_rules.taken_back(incident, ctx.now)
    await ctx.tx.incidents.save(eased)
    await ctx.tx.timers.set(incidents.TIMER, eased.id, eased.next_at)
    roster = await ctx.tx.people.roster(eased.group)
    bare = (await ctx.tx.people.group(eased.group)).bare
    for member in sorted((eased.told & roster.agreed) - {me.id}):
        for place in await ctx.places_of(member):
            await ctx.ask(
                place, "incident.taken_back", (Choice("confirm", "button.confirm_false"),),
                topic=incidents.TOPIC, ref=eased.id, lane=Lane.ALARM,
                purpose=f"incident:{eased.id}:news", number=eased.number,
                name=Key("bare.name") if place.platform in bare else me.name,
            )  # fmt: skip


ENTRIES = (
    Entry("clave", ("safeword", "cancelword"), Action.DURESS, command_words, in_menu=False),
)
