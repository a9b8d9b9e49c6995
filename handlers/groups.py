"""Groups: making one, and its plan."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.people import Risk
from bot.domain.permissions import Action
from bot.domain.plan import DEFAULT_PLAN, Plan, PlanError, Recipient, Step, Who
from bot.domain.plan_text import Draft, read_plan
from bot.texts import Key, Texts
from handlers.commands import Entry
from handlers.context import Choice, Context
from handlers.joining import ROLE_WORDS, invite, show_invitation
from storage.people import Group
from storage.transaction import Transaction

TOPIC = "plan"
FIRST_ROLES = ROLE_WORDS["coordinator"]
"""What the person who opens the first invitation of a group becomes."""

NAME_LIMIT = 60


async def create(ctx: Context, name: str) -> tuple[int, str] | None:
    """A group and its first coordinator's invitation. None if the name is taken."""
    if await ctx.tx.people.group_named(name) is not None:
        return None
    id = await ctx.tx.people.add_group(
        name, name, ctx.settings.language, ctx.settings.zone, ctx.now
    )
    return id, await invite(ctx, id, FIRST_ROLES)


def is_operator(ctx: Context) -> bool:
    """Whether the speaker's account is named in the configuration."""
    event = ctx.event
    return event is not None and f"{event.platform}:{event.account}" in ctx.settings.operators


async def command_group(ctx: Context, rest: str) -> None:
    """`/grupo NAME`, by an operator's account."""
    name = " ".join(rest.split())
    if not 1 <= len(name) <= NAME_LIMIT:
        await ctx.reply("group.name")
        return
    made = await create(ctx, name)
    if made is None:
        await ctx.reply("group.taken", name=name)
        return
    await ctx.reply("group.made", name=name)
    await show_invitation(ctx, "invite.made", made[1])


# --- the plan -----------------------------------------------------------------------------------


class UnknownPeople(Exception):
    """Names in a plan that nobody in the group has, or who have not agreed to be told."""

    def __init__(self, key: str, names: tuple[str, ...]) -> None:
        super().__init__(key)
        self.key = key
        self.names = names


async def plan_of(tx: Transaction, group: int, draft: Draft) -> Plan:
    """A plan with people in place of names. Raises `PlanError` or `UnknownPeople`."""
    roster = await tx.people.roster(group)
    unknown, silent = [], []
    steps = []
    for step in draft.steps:
        recipients = [Recipient(who) for who in step.roles]
        for name in step.names:
            person = await tx.people.member_named(group, name)
            if person is None:
                unknown.append(name)
            elif person.id not in roster.agreed:
                silent.append(person.name)
            else:
                recipients.append(Recipient(Who.MEMBER, person.id))
        steps.append((step.after, tuple(recipients)))
    if unknown:
        raise UnknownPeople("plan.error.unknown", tuple(unknown))
    if silent:
        raise UnknownPeople("plan.error.not_agreed", tuple(silent))
    made = tuple(Step(after, who) for after, who in sorted(steps, key=lambda s: s[0]))
    return Plan(made, draft.repeat or DEFAULT_PLAN.repeat, draft.news or DEFAULT_PLAN.news)


async def command_plan(ctx: Context, rest: str) -> None:
    """`/plan ya: Berta; 30 min: toda la red; repetir 10 min; noticias 60 min`"""
    if not rest:
        plan = ctx.speaker.group.plan
        key = "plan.shown" if plan else "plan.default"
        await ctx.reply(key, steps=await describe(ctx, plan or DEFAULT_PLAN))
        return
    draft = read_plan(rest)
    if isinstance(draft, str):
        await ctx.reply("plan.not_understood", part=draft)
        return
    try:
        plan = await plan_of(ctx.tx, ctx.speaker.group.id, draft)
    except PlanError as error:
        await ctx.reply(error.code, **error.values)
        return
    except UnknownPeople as error:
        await ctx.reply(error.key, names=error.names)
        return
    await ctx.expect(TOPIC, "confirm", plan=plan.to_json())
    await ctx.ask(
        ctx.place,
        "plan.confirm",
        (Choice("save", "button.save"), Choice("drop", "button.drop")),
        topic=TOPIC,
        ref=ctx.speaker.group.id,
        steps=await describe(ctx, plan),
    )


async def decided(ctx: Context, action: str) -> None:
    """The press below the summary of a plan; rights are checked again."""
    ctx.require(Action.SET_PLAN)
    dialog = await ctx.tx.conversations.dialog(ctx.place.platform, ctx.place.chat, ctx.now)
    if dialog is None or dialog.topic != TOPIC:
        await ctx.toast("toast.stale")
        return
    await ctx.expect_nothing()
    await ctx.toast("toast.done")
    group: Group = ctx.speaker.group
    if action == "save":
        await ctx.tx.people.set_plan(Plan.from_json(dialog.data["plan"]), group=group.id)
    key = "plan.saved" if action == "save" else "plan.dropped"
    await ctx.close_prompts(TOPIC, group.id, key, only=ctx.place)


async def describe(ctx: Context, plan: Plan) -> str:
    """The plan in words, a line a step."""
    texts = ctx.texts(ctx.place)
    lines = []
    for number, step in enumerate(plan.steps, 1):
        who = tuple([await _who(ctx, texts, recipient) for recipient in step.recipients])
        when = (
            Key("plan.after", {"after": step.after})
            if step.after > timedelta(0)
            else Key("plan.at_once")
        )
        lines.append(texts.plain("plan.step", number=number, when=when, who=who))
    lines.append(texts.plain("plan.end", repeat=plan.repeat, news=plan.news))
    return "\n".join(lines)


async def _who(ctx: Context, texts: Texts, recipient: Recipient) -> str:
    if recipient.member is not None:
        return (await ctx.tx.people.member(recipient.member)).name
    return texts.plain(f"who.{recipient.who}")


RISKS = {
    "alto": Risk.HIGH, "high": Risk.HIGH,
    "medio": Risk.MEDIUM, "medium": Risk.MEDIUM, "normal": Risk.MEDIUM,
    "bajo": Risk.LOW, "low": Risk.LOW,
}  # fmt: skip
"""The words for a level of risk."""


async def command_risk(ctx: Context, rest: str) -> None:
    """`/riesgo Ana alto`: who is at high risk is never held back, nor bundled with others."""
    name, _, word = rest.strip().rpartition(" ")
    risk = RISKS.get(word.casefold())
    if risk is None or not name:
        await ctx.reply("risk.how")
        return
    person = await ctx.tx.people.member_named(ctx.speaker.group.id, name)
    if person is None:
        await ctx.reply("risk.unknown", name=name[:NAME_LIMIT])
        return
    await ctx.tx.people.set_member(person.id, risk=risk)
    await ctx.reply(f"risk.set.{risk}", name=person.name)


ENTRIES = (
    Entry("plan", (), Action.SET_PLAN, command_plan),
    Entry("riesgo", ("risk",), Action.SET_PLAN, command_risk),
)
