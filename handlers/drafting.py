"""Writing a denunciation: freely or part by part, in several languages, and what else is said of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.domain.answers import plain
from bot.domain.denunciation import TITLE_LIMIT, Denunciation, Kind, Refusal
from bot.domain.endangering import LONGEST, MOST_NAMES
from bot.domain.permissions import Action
from bot.domain.spoken import readings
from bot.domain.templates import composed, taken_apart, templates
from bot.texts import available
from bot.texts.catalogue import own_name
from handlers import denunciation_words, denunciations
from handlers.commands import Entry
from handlers.context import Choice, Context

TOPIC = "draft"

KINDS: Mapping[str, Kind] = {
    "urgente": Kind.URGENT, "urgent": Kind.URGENT, "accion": Kind.URGENT,
    "publica": Kind.COMPLAINT, "guiada": Kind.COMPLAINT, "complaint": Kind.COMPLAINT,
    "public": Kind.COMPLAINT, "guided": Kind.COMPLAINT,
    "comunicado": Kind.PRESS, "prensa": Kind.PRESS, "press": Kind.PRESS,
    "seguimiento": Kind.FOLLOW_UP, "follow": Kind.FOLLOW_UP, "follow-up": Kind.FOLLOW_UP,
}  # fmt: skip
"""What may be written after the command, in letters without accents."""

GUIDES = tuple(
    Choice("guide", f"button.guide.{kind}", kind)
    for kind in (Kind.URGENT, Kind.COMPLAINT, Kind.PRESS)
)
SETTINGS = (
    Choice("kind", "button.draft_kind"),
    Choice("when", "button.draft_when"),
    Choice("until", "button.draft_until"),
    Choice("language", "button.draft_language"),
    Choice("topics", "button.draft_topics"),
    Choice("region", "button.draft_region"),
    Choice("part", "button.draft_part"),
    Choice("names", "button.draft_names"),
    Choice("elsewhere", "button.draft_elsewhere"),
    Choice("back", "button.draft_back"),
)
SKIPPED = frozenset({"-", "—", "saltar", "skip", "nada", "no"})
AT_ONCE = frozenset({"ya", "ahora", "now", "-"})
LANGUAGE = re.compile(r"[a-z]{2,3}")


async def command_denounce(ctx: Context, rest: str) -> None:
    """`/denuncia`; `/denuncia urgente` and others begin with what that kind is made of."""
    word, _, more = plain(rest).partition(" ")
    kind = KINDS.get(word)
    if kind is Kind.FOLLOW_UP:
        await _follow_up(ctx, more)
    elif kind is not None:
        await _guide(ctx, await denunciations.begin(ctx, kind))
    else:
        draft = await denunciations.begin(ctx)
        await ctx.expect(denunciations.TOPIC, "title", denunciation=draft.id)
        await ctx.ask(
            ctx.place, "denunciation.write_title", GUIDES, topic=TOPIC, ref=draft.id,
            number=draft.number,
        )  # fmt: skip


async def _follow_up(ctx: Context, number: str) -> None:
    digits = number.lstrip("#").strip()
    first = None
    if digits.isdecimal() and len(digits) < 10:
        first = await ctx.tx.denunciations.numbered(ctx.speaker.member.group, int(digits))
    if first is None or not first.is_public:
        await ctx.reply("denunciation.follow_what")
        return
    topics, region = first.topics, first.region
    draft = await denunciations.begin(
        ctx, Kind.FOLLOW_UP, follows=first.id, topics=topics, region=region
    )
    await _guide(ctx, draft)


# --- part by part -------------------------------------------------------------------------------


async def _guide(ctx: Context, draft: Denunciation) -> None:
    await ctx.expect(denunciations.TOPIC, "part", denunciation=draft.id, written=[])
    await ctx.reply("denunciation.guide_title", number=draft.number)


async def part(ctx: Context, data: Mapping[str, Any], text: str) -> None:
    """The next part of a guided draft, the title first."""
    draft = await _mine(ctx, data)
    if draft is None:
        return
    written = [str(words) for words in data["written"]]
    template = templates()[draft.kind]
    if not written:
        title = " ".join(text.split())
        if len(title) > TITLE_LIMIT:
            await ctx.reply("denunciation.title_long", n=TITLE_LIMIT)
            return
        await ctx.close_prompts(TOPIC, draft.id)
        written.append(title)
    else:
        asked = template.parts[len(written) - 1]
        skipped = plain(text) in SKIPPED
        if skipped and asked not in template.optional:
            await ctx.reply("denunciation.needed_part")
            return
        written.append("" if skipped else text.strip())
    done = len(written) - 1
    if done < len(template.parts):
        following = template.parts[done]
        await ctx.expect(denunciations.TOPIC, "part", denunciation=draft.id, written=written)
        key = "denunciation.part_optional" if following in template.optional else "denunciation.part"
        question = ctx.texts(ctx.place).render(f"template.ask.{following}")
        await ctx.reply(key, n=done + 1, of=len(template.parts), question=question)
        return
    headings = _headings(ctx, draft)
    words = composed(
        [(headings[name], of) for name, of in zip(template.parts, written[1:], strict=True)]
    )
    step: dict[str, Any] = {"denunciation": draft.id, "title": written[0]}
    await denunciations.words(ctx, "text", step, words)
    if draft.kind is Kind.URGENT and draft.act_by is None:
        await ctx.expect(denunciations.TOPIC, "until", denunciation=draft.id)
        await ctx.reply("denunciation.until_when")


def _headings(ctx: Context, draft: Denunciation) -> dict[str, str]:
    """What stands above each part of its kind, in the language in which it is written."""
    language = draft.language or ctx.speaker.group.language
    return {
        name: ctx.written_in(language, f"template.heading.{name}")
        for name in templates()[draft.kind].parts
    }


async def one_part(ctx: Context, data: Mapping[str, Any], text: str) -> None:
    """One part in other words."""
    draft = await _mine(ctx, data)
    if draft is None:
        return
    headings = _headings(ctx, draft)
    parts = taken_apart(draft.text, headings)
    if parts is None:
        await denunciations.show(ctx, draft)
        return
    parts[str(data["part"])] = "" if plain(text) in SKIPPED else text.strip()
    words = composed([(headings[name], parts.get(name, "")) for name in headings])
    step: dict[str, Any] = {"denunciation": draft.id, "title": draft.title}
    await ctx.close_prompts(denunciations.TOPIC, draft.id, "denunciation.being_rewritten")
    await denunciations.words(ctx, "text", step, words)


# --- what else is said of it --------------------------------------------------------------------


async def settings(ctx: Context, draft: Denunciation) -> None:
    """What can be said of a draft besides its words."""
    if not denunciations.is_authors(ctx, draft):
        await denunciations.refuse(ctx, draft, Refusal.STATE)
        return
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, draft.id)
    await ctx.ask(
        ctx.place, "denunciation.settings", SETTINGS, topic=TOPIC, ref=draft.id, number=draft.number
    )


async def pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """One answer to what can be said of a draft."""
    draft = await ctx.tx.denunciations.get(ref)
    if draft is None or not denunciations.is_authors(ctx, draft):
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, ref)
    match action:
        case "guide":
            changed = await denunciations.change(ctx, draft, kind=Kind(argument))
            if changed is not None:
                await _guide(ctx, changed)
        case "kind":
            choices = [Choice("set_kind", f"kind.{kind}", kind) for kind in Kind]
            await _ask(ctx, draft, "denunciation.which_kind", choices)
        case "set_kind":
            await _changed(ctx, draft, kind=Kind(argument))
        case "when":
            await ctx.expect(denunciations.TOPIC, "when", denunciation=ref)
            await ctx.reply("denunciation.when_when")
        case "until":
            await ctx.expect(denunciations.TOPIC, "until", denunciation=ref)
            await ctx.reply("denunciation.until_when")
        case "language":
            await ctx.expect(denunciations.TOPIC, "language", denunciation=ref)
            await ctx.reply("denunciation.language_which")
        case "topics" | "topic":
            await _topics(ctx, draft, argument)
        case "region":
            await _regions(ctx, draft)
        case "set_region":
            await _changed(ctx, draft, region=int(argument) or None)
        case "part":
            await _parts(ctx, draft)
        case "one_part":
            await ctx.expect(denunciations.TOPIC, "one_part", denunciation=ref, part=argument)
            await ctx.reply("denunciation.one_part", question=ctx.texts(ctx.place).render(
                f"template.ask.{argument}"))  # fmt: skip
        case "names":
            await ctx.expect(denunciations.TOPIC, "names", denunciation=ref)
            await ctx.reply("denunciation.names_who")
        case "elsewhere":
            await _elsewhere(ctx, draft)
        case "back":
            await denunciations.show(ctx, draft)


async def _ask(ctx: Context, draft: Denunciation, key: str, choices: list[Choice]) -> None:
    await ctx.ask(ctx.place, key, choices, topic=TOPIC, ref=draft.id, number=draft.number)


async def _changed(ctx: Context, draft: Denunciation, **values: Any) -> None:
    changed = await denunciations.change(ctx, draft, **values)
    if changed is not None:
        await denunciations.show(ctx, changed)


async def _topics(ctx: Context, draft: Denunciation, argument: str) -> None:
    """One after the other, until it is enough."""
    known = await ctx.tx.readers.topics(draft.group)
    if not known:
        await ctx.reply("topic.none_yet")
        await denunciations.show(ctx, draft)
        return
    if argument:
        chosen = set(draft.topics) ^ {int(argument)}
        of = tuple(topic.id for topic in known if topic.id in chosen)
        changed = await denunciations.change(ctx, draft, topics=of)
        if changed is None:
            return
        draft = changed
    choices = [
        Choice("topic", "topic.chosen" if topic.id in draft.topics else "topic.open",
               str(topic.id), {"name": topic.name})
        for topic in known
    ]  # fmt: skip
    await _ask(ctx, draft, "denunciation.which_topics", [*choices, SETTINGS[-1]])


async def _regions(ctx: Context, draft: Denunciation) -> None:
    found = await ctx.tx.regions.of_group(draft.group)
    choices = [
        Choice("set_region", "topic.open", str(region.id), {"name": region.name}) for region in found
    ]
    everywhere = Choice("set_region", "button.draft_everywhere", "0")
    await _ask(ctx, draft, "denunciation.which_region", [*choices, everywhere])


async def _parts(ctx: Context, draft: Denunciation) -> None:
    headings = _headings(ctx, draft)
    if taken_apart(draft.text, headings) is None:
        await ctx.reply("denunciation.no_parts")
        await denunciations.show(ctx, draft)
        return
    choices = [
        Choice("one_part", f"template.heading.{name}", name) for name in templates()[draft.kind].parts
    ]
    await _ask(ctx, draft, "denunciation.which_part", choices)


# --- words --------------------------------------------------------------------------------------


async def words(ctx: Context, step: str, data: dict[str, Any], text: str) -> None:
    """Everything that is written while a draft is made."""
    ctx.require(Action.WRITE)
    match step:
        case "part":
            await part(ctx, data, text)
        case "one_part":
            await one_part(ctx, data, text)
        case "when" | "until":
            await _time(ctx, step, data, text)
        case "language":
            await _language(ctx, data, text)
        case "names":
            await _names(ctx, data, text)
        case _:
            if step == "title":
                await ctx.close_prompts(TOPIC, int(str(data["denunciation"])))
            await denunciations.words(ctx, step, data, text)


async def _time(ctx: Context, step: str, data: Mapping[str, Any], text: str) -> None:
    """When it is to leave, or until when it asks to act."""
    draft = await _mine(ctx, data)
    if draft is None:
        return
    instant: datetime | None = None
    if plain(text) not in AT_ONCE:
        found = readings(text, ctx.now, ctx.speaker.member.zone)
        if len(found) != 1:
            await ctx.reply("denunciation.time_unclear")
            return
        instant = found[0]
    await ctx.expect_nothing()
    if step == "when":
        await _changed(ctx, draft, publish_at=instant)
    else:
        kind = Kind.URGENT if instant is not None else draft.kind
        await _changed(ctx, draft, act_by=instant, kind=kind)


async def _names(ctx: Context, data: Mapping[str, Any], text: str) -> None:
    """People whom it names and no rule of ours finds: each is asked about before it is reviewed."""
    draft = await _mine(ctx, data)
    if draft is None:
        return
    names = [" ".join(name.split())[:LONGEST] for name in re.split(r"[,;\n]", text) if name.strip()]
    await ctx.expect_nothing()
    for name in names[:MOST_NAMES]:
        await ctx.tx.denunciations.set_name(draft.id, name, "")
    await denunciations.show(ctx, draft)


async def _elsewhere(ctx: Context, draft: Denunciation) -> None:
    """As it looks on the other platforms on which its author can be reached."""
    here, seen = ctx.place, 0
    for place in await ctx.places_of(draft.author):
        if place.platform == here.platform or place.platform in ctx.speaker.group.bare:
            continue
        seen += 1
        await ctx.say(place, "denunciation.preview", number=draft.number)
        await ctx.put(place, await denunciation_words.shown(ctx, draft), kept=draft.files)
    await ctx.reply("denunciation.shown_elsewhere" if seen else "denunciation.nowhere_else")
    await denunciations.preview(ctx, here, draft)


async def _language(ctx: Context, data: Mapping[str, Any], text: str) -> None:
    """In which other language, then its title and text."""
    draft = await _mine(ctx, data)
    if draft is None:
        return
    wanted = plain(text)
    by_name = {plain(own_name(code)): code for code in available()}
    code = by_name.get(wanted, wanted)
    if not LANGUAGE.fullmatch(code) or code == draft.versions(ctx.speaker.group.language)[0].language:
        await ctx.reply("denunciation.language_which")
        return
    await ctx.expect(denunciations.TOPIC, "title", denunciation=draft.id, language=code)
    await ctx.reply("denunciation.write_title_in", language=code, number=draft.number)


async def _mine(ctx: Context, data: Mapping[str, Any]) -> Denunciation | None:
    """The draft that the speaker is writing. None if it is not theirs, or gone."""
    draft = await ctx.tx.denunciations.get(int(str(data["denunciation"])))
    if draft is None or not denunciations.is_authors(ctx, draft):
        await ctx.expect_nothing()
        return None
    return draft


ENTRIES = (Entry("denuncia", ("denounce", "denunciation"), Action.WRITE, command_denounce),)
