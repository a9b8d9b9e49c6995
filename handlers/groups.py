"""Groups: making one, its plan, and how much danger its members live in."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.cover import loses
from bot.domain.decision import Decision, Kind, State
from bot.domain.people import Risk
from bot.domain.permissions import Action
from bot.domain.plan import DEFAULT_PLAN, Plan, PlanError, Recipient, Step, Who
from bot.domain.plan_text import Draft, read_plan
from bot.domain.rich import Rich
from handlers import consent, contacts, decisions, plans
from handlers.commands import Entry
from handlers.context import Choice, Context, Place
from handlers.invitations import FIRST_ROLES, invite, show_invitation
from storage.people import Group
from storage.transaction import Transaction

TOPIC = "plan"

NAME_LIMIT = 60


async def create(ctx: Context, name: str) -> tuple[int, str] | None:
    """A group and its first coordinator's invitation. None if the name is taken."""
    if await ctx.tx.people.group_named(name) is not None:
        return None
    id = await ctx.tx.people.add_group(
        name, name, ctx.settings.language, ctx.settings.zone, ctx.now
    )
    await ctx.log("group_made", group=id)
    await contacts.watch(ctx, id)
    return id, await invite(ctx, id, FIRST_ROLES)


def is_operator(ctx: Context) -> bool:
    """Whether the speaker's account is named in the configuration."""
    return ctx.is_operator


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
    await show_invitation(ctx, ctx.place, "invite.made", made[1])


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
    group = ctx.speaker.group
    if not rest:
        plan = group.plan
        key = "plan.shown" if plan else "plan.default"
        steps = await plans.describe(ctx, ctx.place, plan or DEFAULT_PLAN, about=group.id)
        await ctx.reply(key, steps=steps)
        agreed, people = await consent.agreed_count(ctx, group)
        await ctx.reply("plan.agreed", agreed=agreed, people=people)
        return
    draft = read_plan(rest)
    if isinstance(draft, str):
        await ctx.reply("plan.not_understood", part=draft)
        return
    try:
        plan = await plan_of(ctx.tx, group.id, draft)
    except PlanError as error:
        await ctx.reply(error.code, **error.values)
        return
    except UnknownPeople as error:
        await ctx.reply(error.key, names=error.names)
        return
    await ctx.expect(TOPIC, "confirm", plan=plan.to_json())
    await ctx.ask(
        ctx.place,
        "plan.confirm_less" if await removes_cover(ctx, group, plan) else "plan.confirm",
        (Choice("save", "button.save"), Choice("drop", "button.drop")),
        topic=TOPIC,
        ref=group.id,
        steps=await plans.describe(ctx, ctx.place, plan, about=group.id),
    )


async def removes_cover(ctx: Context, group: Group, plan: Plan) -> bool:
    """Whether this plan needs a second person.

    The first plan of a group with one coordinator does not: somebody has to begin, and it acts on
    nobody who has not agreed to it.
    """
    before = group.plan
    if before is None and len(await ctx.tx.people.candidates(group.id)) > 1:
        before = DEFAULT_PLAN
    roster = await ctx.tx.people.roster(group.id)
    return before is not None and loses(before, plan, roster)


async def decided(ctx: Context, action: str) -> None:
    """The press below the summary of a plan; rights are checked again."""
    ctx.require(Action.SET_PLAN)
    dialog = await ctx.dialog()
    if dialog is None or dialog.topic != TOPIC:
        await ctx.toast("toast.stale")
        return
    await ctx.expect_nothing()
    group: Group = ctx.speaker.group
    if action == "drop":
        await ctx.toast("toast.done")
        await ctx.close_prompts(TOPIC, group.id, "plan.dropped", only=ctx.place)
        return
    plan = Plan.from_json(dialog.data["plan"])
    if await removes_cover(ctx, group, plan):
        await ctx.close_prompts(TOPIC, group.id, only=ctx.place)
        earlier = group.plan or DEFAULT_PLAN

        async def describe(ctx: Context, place: Place) -> Rich:
            before = await plans.describe(ctx, place, earlier, about=group.id)
            after = await plans.describe(ctx, place, plan, about=group.id)
            return ctx.texts(place).render("plan.what", before=before, after=after)

        await decisions.ask_second(
            ctx, Kind.PLAN, describe, plan=plan.to_json(), before=_fingerprint(group)
        )
        return
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, group.id, "plan.saved", only=ctx.place)
    await _save(ctx, group.id, plan, ctx.speaker.member.id)


def _fingerprint(group: Group) -> str:
    return (group.plan or DEFAULT_PLAN).fingerprint


async def _save(ctx: Context, group: int, plan: Plan, *agreed: int | None) -> None:
    await ctx.tx.people.set_plan(plan, group=group)
    await ctx.log("plan_set", group=group, actor=agreed[0])
    await consent.changed(ctx, group, *agreed)


async def carry_out_plan(ctx: Context, decision: Decision) -> Decision:
    """Two people want it, and the plan is still the one that they compared it with."""
    group = await ctx.tx.people.group(decision.group)
    plan = Plan.from_json(decision.content["plan"])
    roster = await ctx.tx.people.roster(group.id)
    named = {r.member for step in plan.steps for r in step.recipients if r.member is not None}
    if _fingerprint(group) != decision.content["before"] or not named <= roster.agreed:
        return replace(decision, state=State.VOID)
    await _save(ctx, group.id, plan, decision.asked_by, decision.second)
    return decision


# --- risk ---------------------------------------------------------------------------------------

RISKS = {
    "alto": Risk.HIGH, "high": Risk.HIGH,
    "medio": Risk.MEDIUM, "medium": Risk.MEDIUM, "normal": Risk.MEDIUM,
    "bajo": Risk.LOW, "low": Risk.LOW,
}  # fmt: skip
"""The words for a level of risk."""

LEVELS = (Risk.LOW, Risk.MEDIUM, Risk.HIGH)
"""From the least protected on: to lower somebody's needs a second person."""


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
    if LEVELS.index(risk) < LEVELS.index(person.risk):

        async def describe(ctx: Context, place: Place) -> Rich:
            return ctx.texts(place).render(
                "risk.what", name=person.name, before=person.risk, risk=risk
            )

        await decisions.ask_second(
            ctx, Kind.RISK, describe, about=person.id, risk=risk, before=person.risk
        )
        return
    await _set_risk(ctx, person.group, person.id, risk, ctx.speaker.member.id)
    await ctx.reply(f"risk.set.{risk}", name=person.name)


async def _set_risk(ctx: Context, group: int, member: int, risk: Risk, by: int) -> None:
    await ctx.tx.people.set_member(member, risk=risk)
    await ctx.log("risk_set", member, group=group, actor=by, risk=risk)


async def carry_out_risk(ctx: Context, decision: Decision) -> Decision:
    """Two people think that somebody is in less danger."""
    assert decision.about is not None
    person = await ctx.tx.people.member(decision.about)
    same = person.risk == decision.content["before"]
    if not same or not decisions.is_in(person, decision.group):
        return replace(decision, state=State.VOID)
    risk = Risk(decision.content["risk"])
    await _set_risk(ctx, decision.group, person.id, risk, decision.asked_by)
    return decision


ENTRIES = (
    Entry("grupo", ("group",), Action.MAKE_GROUP, command_group, in_menu=False),
    Entry("plan", (), Action.SET_PLAN, command_plan),
    Entry("riesgo", ("risk",), Action.SET_RISK, command_risk),
)
