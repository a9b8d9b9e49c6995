"""The plan by conversation: shown, changed step by step, and kept as a draft until it is confirmed.

Nothing that is done here changes the plan: the draft goes to the summary of `handlers.groups`, which
says what changes for whom and asks a second person where cover is lost. The one-line form and TOML
lead to the same summary.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from bot.domain.answers import Answer, understand
from bot.domain.conditions import ALWAYS, Cause, Conditions
from bot.domain.people import Risk
from bot.domain.permissions import Action
from bot.domain.plan import DEFAULT_PLAN, Plan, PlanError
from bot.domain.plan_defaults import ADVICE
from bot.domain.plan_edit import arranged, with_change, with_step, without_step
from bot.domain.plan_text import (
    NEWS,
    REPEAT,
    SHOWN,
    DraftStep,
    read_delay,
    read_people,
    read_step,
)
from bot.domain.plan_toml import PlanFileError, line_of, looks_like_toml, read_toml, written
from bot.domain.plan_words import NIGHT, RISKS, Manner, lean, read_manner
from bot.domain.rich import Rich, Span, Style
from bot.domain.spoken import read_duration
from bot.texts import Key
from handlers import checkins, consent, groups, plans, whatif
from handlers.commands import Entry
from handlers.context import Choice, Context
from handlers.groups import UnknownPeople

TOPIC = "plan_edit"

VERBS = {
    "exportar": "export", "export": "export", "copiar": "export", "toml": "export",
    "importar": "import", "import": "import",
    "editar": "open", "edit": "open", "cambiar": "open", "change": "open",
    "borrador": "resume", "draft": "resume",
    "deshacer": "undo", "undo": "undo",
    "riesgo": "advice", "risk": "advice",
}  # fmt: skip
"""What may stand behind `/plan`, beside a plan itself."""

PRESETS: Mapping[str, Conditions] = {
    "always": ALWAYS,
    "night": Conditions(hours=NIGHT),
    "alarm": Conditions(causes=frozenset({Cause.ALARM})),
    "silence": Conditions(causes=frozenset({Cause.SILENCE})),
    "high": Conditions(risks=frozenset({Risk.HIGH})),
}
"""Conditions that are one tap away; any other can be written."""

NEVER = frozenset({"no", "ninguna", "ninguno", "none", "never", "la del plan", "as the plan"})
"""Words for a step without a repeat of its own."""


# --- showing ------------------------------------------------------------------------------------


async def command_plan(ctx: Context, rest: str) -> None:
    """`/plan`; `/plan ya: Berta; 30 min: toda la red`; `/plan riesgo alto`; `/plan exportar`"""
    first, *others = rest.split(maxsplit=1) or [""]
    more = others[0] if others else ""
    verb = VERBS.get(lean(first))
    if not rest:
        await _show(ctx)
    elif verb == "import":
        await _import(ctx, more)
    elif verb == "advice":
        await _advise(ctx, more)
    elif verb is not None and not more:
        await _menu(ctx, verb)
    elif looks_like_toml(rest):
        await _import(ctx, rest)
    else:
        await groups.one_line(ctx, rest)


async def _show(ctx: Context) -> None:
    """The plan in words and as a picture, how many live under it, and what can be done."""
    group, me = ctx.speaker.group, ctx.speaker.member
    plan = group.plan or DEFAULT_PLAN
    steps = await plans.describe(ctx, ctx.place, plan, about=group.id)
    text = ctx.texts(ctx.place).render("plan.shown" if group.plan else "plan.default", steps=steps)
    wrong = await plans.warnings(ctx, ctx.place, plan, group.id)
    picture = await plans.picture(ctx, ctx.place, plan, group.id)
    await ctx.put(ctx.place, text + Rich.of(wrong), files=picture)
    agreed, people = await consent.agreed_count(ctx, group)
    choices = [_to("open"), _to("advice"), _to("whatif"), _to("export")]
    if await groups.draft_of(ctx) is not None:
        choices.insert(0, _to("resume"))
    if await groups.can_undo(ctx):
        choices.append(_to("undo"))
    await ctx.close_prompts(TOPIC, me.id, only=ctx.place)
    await ctx.ask(
        ctx.place, "plan.agreed", choices, topic=TOPIC, ref=me.id, agreed=agreed, people=people
    )


def _to(what: str) -> Choice:
    return Choice("menu", f"button.plan.{what}", what)


async def _view(ctx: Context, plan: Plan, key: str = "plan.edit.view", **values: Any) -> None:
    """The draft, and what can be done with it."""
    await groups.keep_draft(ctx, plan)
    group = ctx.speaker.group
    await _ask(
        ctx,
        key,
        [
            _to("add"), _to("change"), _to("remove"), _to("rhythm"), _to("advice"),
            _to("whatif"), _to("done"), _to("discard"),
        ],
        step="menu",
        steps=await plans.describe(ctx, ctx.place, plan, about=group.id),
        warnings=await plans.warnings(ctx, ctx.place, plan, group.id),
        **values,
    )  # fmt: skip


async def _ask(
    ctx: Context, key: str, choices: Sequence[Choice], *, step: str, n: int = 0, **values: Any
) -> None:
    """One question of the conversation; the next words are for it as well."""
    me = ctx.speaker.member.id
    await ctx.close_prompts(TOPIC, me, only=ctx.place)
    await ctx.expect(TOPIC, "words", about=step, n=n)
    await ctx.ask(ctx.place, key, choices, topic=TOPIC, ref=me, n=n, **values)


async def _draft(ctx: Context) -> Plan:
    """What the speaker works on; the group's plan where they have not begun."""
    return await groups.draft_of(ctx) or ctx.speaker.group.plan or DEFAULT_PLAN


# --- choosing -----------------------------------------------------------------------------------


async def pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """One press of the conversation."""
    if ref != ctx.speaker.member.id:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    first, _, more = argument.partition(" ")
    match action:
        case "menu":
            await _menu(ctx, argument)
        case "step":
            await _step(ctx, _number(argument))
        case "gone":
            await _changed(ctx, lambda plan: without_step(plan, _number(argument)))
        case "part":
            await _part(ctx, _number(first), more)
        case "preset":
            only = PRESETS.get(more, ALWAYS)
            await _changed(ctx, lambda plan: with_change(plan, _number(first), only=only))
        case "advice":
            await _advise(ctx, argument)
        case "use" if argument in list(Risk):
            await groups.propose(ctx, ADVICE[Risk(argument)].plan)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 5 else 0


async def _menu(ctx: Context, what: str) -> None:
    back = _to("back")
    match what:
        case "open" | "resume" | "back":  # what was begun is never written over by opening it
            await _view(ctx, await _draft(ctx))
        case "add":
            await _ask(ctx, "plan.edit.add", [back], step="add")
        case "change":
            await _which(ctx, "plan.edit.which", lambda *of: Choice("step", *of))
        case "remove":
            await _which(ctx, "plan.edit.which_gone", lambda *of: Choice("gone", *of))
        case "rhythm":
            plan = await _draft(ctx)
            await _ask(
                ctx, "plan.edit.rhythm", [back], step="rhythm", repeat=plan.repeat, news=plan.news
            )
        case "advice":
            await _advise(ctx, "")
        case "whatif":
            await _ask(ctx, "plan.edit.whatif", [back], step="whatif")
        case "export":
            await _export(ctx)
        case "import":
            await _import(ctx, "")
        case "undo":
            await groups.undo_plan(ctx)
        case "done":
            await _done(ctx)
        case "discard":
            await ctx.expect_nothing()
            await ctx.close_prompts(TOPIC, ctx.speaker.member.id, only=ctx.place)
            await groups.discard(ctx)
            await ctx.reply("plan.dropped")


async def _which(ctx: Context, key: str, choice: Callable[..., Choice]) -> None:
    """A button for each step."""
    plan = await _draft(ctx)
    choices = [
        choice("button.plan.step", str(n), {"n": n, "when": plans.when(step.after)})
        for n, step in enumerate(plan.steps, 1)
    ]
    steps = await plans.describe(ctx, ctx.place, plan, about=ctx.speaker.group.id)
    await _ask(ctx, key, [*choices, _to("back")], step="which", steps=steps)


PARTS = ("when", "who", "repeat", "only", "last")


async def _step(ctx: Context, n: int) -> None:
    """What can be changed about one step."""
    plan = await _draft(ctx)
    if not 1 <= n <= len(plan.steps):
        await _view(ctx, plan)
        return
    step = plan.steps[n - 1]
    texts = ctx.texts(ctx.place)
    roster = await ctx.tx.people.roster(ctx.speaker.group.id)
    choices = [Choice("part", f"button.plan.{part}", f"{n} {part}") for part in PARTS]
    await _ask(
        ctx, "plan.edit.step", [*choices, _to("back")], step="part", n=n,
        when=plans.when(step.after),
        who=await plans.who(ctx, texts, step, roster),
        manner=plans.manner(texts, step),
    )  # fmt: skip


async def _part(ctx: Context, n: int, part: str) -> None:
    plan = await _draft(ctx)
    if not 1 <= n <= len(plan.steps) or part not in PARTS:
        await _view(ctx, plan)
        return
    step = plan.steps[n - 1]
    if part == "last":
        last = not step.last_resort
        await _changed(ctx, lambda plan: with_change(plan, n, last_resort=last))
        return
    choices = []
    if part == "only":
        choices = [Choice("preset", f"button.plan.only.{code}", f"{n} {code}") for code in PRESETS]
    await _ask(ctx, f"plan.edit.{part}", [*choices, _to("back")], step=part, n=n)


async def _changed(ctx: Context, change: Callable[[Plan], Plan]) -> None:
    """Another draft, or why not; either way the conversation goes on."""
    plan = await _draft(ctx)
    try:
        await _view(ctx, change(plan))
    except PlanError as error:
        await groups.explain(ctx, error)
        await _view(ctx, plan)


async def _done(ctx: Context) -> None:
    """To the summary, with the picture before it."""
    plan, group = await _draft(ctx), ctx.speaker.group
    await ctx.expect_nothing()
    await ctx.close_prompts(TOPIC, ctx.speaker.member.id, only=ctx.place)
    picture = await plans.picture(ctx, ctx.place, plan, group.id)
    if picture:
        text = ctx.texts(ctx.place).render("plan.edit.picture", n=len(plan.steps))
        await ctx.put(ctx.place, text, files=picture)
    await groups.propose(ctx, plan)


# --- writing ------------------------------------------------------------------------------------


async def words(ctx: Context, _step: str, data: Mapping[str, Any], text: str) -> None:
    """What is written during the conversation: the word of a button, or what was asked for."""
    step, n = data.get("about", "menu"), int(data.get("n", 0))
    if await _pressed_by_word(ctx, text):
        return
    # "Ayuda" and "estoy bien" mean what they always mean, whatever somebody was writing.
    of_plan = isinstance(read_step(text), DraftStep) or looks_like_toml(text)
    of_plan = of_plan or (step == "only" and isinstance(read_manner(text), Manner))
    if not of_plan and understand(text) is not Answer.UNCLEAR and await checkins.said(ctx, text):
        return
    if step == "import" or looks_like_toml(text):
        await _import(ctx, text)
        return
    read = READERS.get(step, _read_step)
    await read(ctx, n, text.strip())


async def _pressed_by_word(ctx: Context, text: str) -> bool:
    """Whether these words are the label of an answer that is open here, or its first word."""
    said = lean(text)
    me = ctx.speaker.member.id
    options = [
        option
        for prompt in await ctx.tx.conversations.open_about(TOPIC, me)
        if (prompt.platform, prompt.chat) == (ctx.place.platform, ctx.place.chat)
        for option in prompt.options
    ]
    whole = [o for o in options if lean(o.label) == said]
    begun = [o for o in options if lean(o.label).split(" ")[0] == said]
    meant = whole or begun
    if len(meant) != 1:
        return False
    await pressed(ctx, me, meant[0].action, meant[0].argument)
    return True


async def _not_understood(ctx: Context, text: str, key: str = "plan.edit.not_understood") -> None:
    """Asked again in the same place: nothing of the draft is lost."""
    await ctx.reply(key, part=text[:SHOWN])


async def _read_step(ctx: Context, _n: int, text: str) -> None:
    """A whole step: "30 min (de noche): Berta, coordinación"."""
    found = read_step(text)
    if isinstance(found, str):
        await _not_understood(ctx, found)
        return
    plan = await _draft(ctx)
    try:
        step = await groups.step_of(ctx.tx, ctx.speaker.group.id, found)
        changed = with_step(plan, step)
    except (PlanError, UnknownPeople) as error:
        await groups.explain(ctx, error)
        return
    await _view(ctx, changed)


async def _read_when(ctx: Context, n: int, text: str) -> None:
    after = read_delay(text)
    if after is None:
        await _not_understood(ctx, text, "plan.edit.not_understood_when")
        return
    await _changed(ctx, lambda plan: with_change(plan, n, after=after))


async def _read_who(ctx: Context, n: int, text: str) -> None:
    people = read_people(text)
    if people is None:
        await _not_understood(ctx, text)
        return
    plan = await _draft(ctx)
    try:
        draft = DraftStep(plan.steps[0].after, *people)
        step = await groups.step_of(ctx.tx, ctx.speaker.group.id, draft)
    except UnknownPeople as error:
        await groups.explain(ctx, error)
        return
    await _changed(ctx, lambda plan: with_change(plan, n, recipients=step.recipients))


async def _read_repeat(ctx: Context, n: int, text: str) -> None:
    repeat = None if lean(text) in NEVER else read_duration(text)
    if repeat is None and lean(text) not in NEVER:
        await _not_understood(ctx, text, "plan.edit.not_understood_when")
        return
    await _changed(ctx, lambda plan: with_change(plan, n, repeat=repeat))


async def _read_only(ctx: Context, n: int, text: str) -> None:
    manner = read_manner(text)
    if isinstance(manner, str) or not (manner.only or lean(text) in NEVER):
        await _not_understood(
            ctx, manner if isinstance(manner, str) else text, "plan.edit.not_understood_only"
        )
        return
    await _changed(ctx, lambda plan: with_change(plan, n, only=manner.only))


async def _read_rhythm(ctx: Context, _n: int, text: str) -> None:
    spans = {}
    for part in filter(None, (p.strip() for p in text.replace("\n", ";").split(";"))):
        found = REPEAT.match(part.casefold()) or NEWS.match(part.casefold())
        span = read_duration(found[1]) if found else None
        if found is None or span is None:
            await _not_understood(ctx, part, "plan.edit.not_understood_rhythm")
            return
        spans["repeat" if found.re is REPEAT else "news"] = span

    def change(plan: Plan) -> Plan:
        return arranged(
            plan.steps, spans.get("repeat", plan.repeat), spans.get("news", plan.news)
        )

    await _changed(ctx, change)


async def _read_what_if(ctx: Context, _n: int, text: str) -> None:
    plan = await groups.draft_of(ctx)
    await whatif.answer(ctx, text, plan)


READERS: Mapping[str, Callable[[Context, int, str], Awaitable[None]]] = {
    "when": _read_when,
    "who": _read_who,
    "repeat": _read_repeat,
    "only": _read_only,
    "rhythm": _read_rhythm,
    "whatif": _read_what_if,
}
"""What takes the words of a step of the conversation; any other takes a step of the plan."""


# --- plans to begin with ------------------------------------------------------------------------


async def _advise(ctx: Context, word: str) -> None:
    """`/plan riesgo alto`: a plan for that risk, and why it is so; without a word, which there are."""
    risk = RISKS.get(lean(word)) or next((r for r in Risk if r == word), None)
    if risk is None:
        choices = [Choice("advice", f"button.plan.advice.{r}", r.value) for r in Risk]
        await _ask(ctx, "plan.advice.which", [*choices, _to("back")], step="menu")
        return
    advice = ADVICE[risk]
    await _ask(
        ctx,
        "plan.advice.one",
        [Choice("use", "button.plan.use", risk.value), _to("advice"), _to("back")],
        step="menu",
        steps=await plans.describe(ctx, ctx.place, advice.plan, about=ctx.speaker.group.id),
        why=Key(f"plan.advice.{risk}"),
        every=advice.every,
        risk=risk,
    )


# --- as a text ----------------------------------------------------------------------------------


async def _export(ctx: Context) -> None:
    """The plan as TOML, in one message that can be copied.

    One person is enough: it says what `/plan` shows to the same person in the same chat, and nothing
    else. The group's record, which says what happened to whom, takes two (`handlers.exports`).
    """
    group = ctx.speaker.group
    if ctx.place.platform in group.bare:
        await ctx.reply("bare.plan")
        return
    plan = group.plan or DEFAULT_PLAN
    named = {r.member for step in plan.steps for r in step.recipients if r.member is not None}
    names = {member: (await ctx.tx.people.member(member)).name for member in named}
    others = {r.group for step in plan.steps for r in step.recipients if r.group is not None}
    groups_named = {id: (await ctx.tx.people.group(id)).name for id in others}
    await ctx.reply("plan.file.here")
    text = written(plan, names.__getitem__, ctx.place.language, groups_named.__getitem__)
    await ctx.put(ctx.place, Rich((Span(text, Style.CODE),)))


async def _import(ctx: Context, text: str) -> None:
    """A plan from a text: to the same summary as any other."""
    if not text:
        await _ask(ctx, "plan.file.paste", [_to("back")], step="import")
        return
    try:
        draft = read_toml(text)
        plan = await groups.plan_of(ctx.tx, ctx.speaker.group.id, draft)
    except PlanFileError as error:
        await ctx.reply("plan.file.error", line=error.line, why=Key(error.code, {"part": error.part}))
        return
    except PlanError as error:
        await groups.explain(ctx, error)
        return
    except UnknownPeople as error:
        line = min(line_of(text, name) for name in error.names)
        why = Key(error.key, {"names": error.names})
        await ctx.reply("plan.file.error", line=line, why=why)
        return
    await ctx.expect_nothing()
    await ctx.close_prompts(TOPIC, ctx.speaker.member.id, only=ctx.place)
    await groups.propose(ctx, plan)


ENTRIES = (Entry("plan", (), Action.SET_PLAN, command_plan),)
