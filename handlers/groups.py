"""Groups: making one, its plan, and how much danger its members live in."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.cover import loses
from bot.domain.decision import Decision, Kind, State
from bot.domain.people import Risk
from bot.domain.permissions import Action
from bot.domain.plan import DEFAULT_PLAN, Plan, PlanError, Recipient, Step, Who
from bot.domain.plan_edit import arranged
from bot.domain.plan_text import Draft, DraftStep, read_plan
from bot.domain.plan_words import RISKS
from bot.domain.rich import Rich
from handlers import consent, contacts, decisions, last_change, plans, summary
from handlers.commands import Entry
from handlers.context import Choice, Context, Place
from handlers.invitations import FIRST_ROLES, invite, show_invitation
from storage.configuring import Begun as Started
from storage.configuring import Kind as Begun
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
    await summary.begin(ctx, id, ctx.settings.zone)
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


async def step_of(tx: Transaction, group: int, draft: DraftStep) -> Step:
    """A step with people in place of names. Raises `UnknownPeople`."""
    roster = await tx.people.roster(group)
    unknown, silent = [], []
    recipients = [Recipient(who) for who in draft.roles]
    alone = []
    allies = await allies_of(tx, group) if draft.groups else frozenset()
    for name in draft.groups:
        ally = await tx.people.group_called(name)
        if ally is None or ally.id not in allies:
            alone.append(name)
        else:
            recipients.append(Recipient(Who.GROUP, group=ally.id))
    for name in draft.names:
        person = await tx.people.member_named(group, name)
        if person is None:
            unknown.append(name)
        elif person.id not in roster.agreed:
            silent.append(person.name)
        else:
            recipients.append(Recipient(Who.MEMBER, person.id))
    if alone:
        raise UnknownPeople("plan.error.no_alliance", tuple(alone))
    if unknown:
        raise UnknownPeople("plan.error.unknown", tuple(unknown))
    if silent:
        raise UnknownPeople("plan.error.not_agreed", tuple(silent))
    manner = draft.manner
    return Step(
        draft.after,
        tuple(dict.fromkeys(recipients)),
        manner.repeat,
        manner.only,
        manner.last_resort,
    )


async def allies_of(tx: Transaction, group: int) -> frozenset[int]:
    """The groups that agreed to answer for this one."""
    return frozenset(a.ally for a in await tx.alliances.of(group) if a.group == group)


async def plan_of(tx: Transaction, group: int, draft: Draft) -> Plan:
    """A plan with people in place of names. Raises `PlanError` or `UnknownPeople`."""
    steps = []
    wrong: dict[str, tuple[str, ...]] = {}
    for step in draft.steps:
        try:
            steps.append(await step_of(tx, group, step))
        except UnknownPeople as error:
            wrong[error.key] = tuple(dict.fromkeys((*wrong.get(error.key, ()), *error.names)))
    for key in ("plan.error.no_alliance", "plan.error.unknown", "plan.error.not_agreed"):
        if key in wrong:
            raise UnknownPeople(key, wrong[key])
    return arranged(steps, draft.repeat or DEFAULT_PLAN.repeat, draft.news or DEFAULT_PLAN.news)


async def one_line(ctx: Context, text: str) -> None:
    """`/plan ya: Berta; 30 min: toda la red; repetir 10 min; noticias 60 min`"""
    draft = read_plan(text)
    if isinstance(draft, str):
        await ctx.reply("plan.not_understood", part=draft)
        return
    try:
        plan = await plan_of(ctx.tx, ctx.speaker.group.id, draft)
    except (PlanError, UnknownPeople) as error:
        await explain(ctx, error)
        return
    await propose(ctx, plan)


async def explain(ctx: Context, error: PlanError | UnknownPeople) -> None:
    """Why there is no such plan."""
    if isinstance(error, PlanError):
        await ctx.reply(error.code, **error.values)
    else:
        await ctx.reply(error.key, names=error.names)


async def propose(ctx: Context, plan: Plan) -> None:
    """The summary: the plan, what changes for whom, what is wrong with it. Nothing is done yet.

    It is kept as a draft, so that nothing else that happens meanwhile loses it.
    """
    group = ctx.speaker.group
    await keep_draft(ctx, plan)
    await ctx.close_prompts(TOPIC, group.id, only=ctx.place)
    before = group.plan or DEFAULT_PLAN
    await ctx.ask(
        ctx.place,
        "plan.confirm_less" if await removes_cover(ctx, group, plan) else "plan.confirm",
        (
            Choice("save", "button.save", plan.fingerprint),
            Choice("drop", "button.drop"),
        ),
        topic=TOPIC,
        ref=group.id,
        steps=await plans.describe(ctx, ctx.place, plan, about=group.id),
        changes=await plans.changes(ctx, ctx.place, before, plan, group.id),
        warnings=await plans.warnings(ctx, ctx.place, plan, group.id),
    )


async def keep_draft(ctx: Context, plan: Plan) -> None:
    """The speaker works on this plan. Whatever is interrupted, it is there when they come back."""
    me = ctx.speaker.member.id
    await ctx.tx.configuring.put(me, Begun.DRAFT, ctx.now, plan=plan.to_json())


async def draft_of(ctx: Context) -> Plan | None:
    """The plan that the speaker is working on."""
    begun = await ctx.tx.configuring.get(ctx.speaker.member.id, Begun.DRAFT)
    return Plan.from_json(begun.content["plan"]) if begun is not None else None


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


async def decided(ctx: Context, action: str, shown: str) -> None:
    """The press below the summary of a plan; rights are checked again."""
    ctx.require(Action.SET_PLAN)
    me, group = ctx.speaker.member, ctx.speaker.group
    plan = await draft_of(ctx)
    if action == "drop":
        await discard(ctx)
        await ctx.toast("toast.done")
        await ctx.close_prompts(TOPIC, group.id, "plan.dropped", only=ctx.place)
        return
    if plan is None or plan.fingerprint != shown:
        await ctx.toast("toast.stale")
        return
    if not await _are_there(ctx, group.id, plan):
        # Somebody left, or is told of nothing any more, since it was written.
        await ctx.toast("toast.not_done")
        await ctx.reply("plan.people_changed")
        return
    await discard(ctx)
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
    await ctx.close_prompts(TOPIC, group.id, "plan.saved", only=ctx.place, within=last_change.WITHIN)
    await last_change.remember(
        ctx, "plan",
        before=group.plan.to_json() if group.plan else None,
        own=me.plan.to_json() if me.plan else None,
        after=plan.fingerprint,
    )  # fmt: skip
    await _save(ctx, group.id, plan, me.id)


async def discard(ctx: Context) -> None:
    """The draft is given up."""
    await ctx.tx.configuring.drop(ctx.speaker.member.id, Begun.DRAFT)


async def can_undo(ctx: Context) -> bool:
    """Whether `/deshacer` would find something to take back."""
    begun = await ctx.tx.configuring.get(ctx.speaker.member.id, Begun.UNDO)
    return (
        begun is not None
        and _is_of_plan(begun)
        and begun.content["after"] == _fingerprint(ctx.speaker.group)
        and ctx.now < begun.changed_at + last_change.WITHIN
    )


def _is_of_plan(begun: Started) -> bool:
    return begun.content.get("what", "plan") == "plan"


async def undo_plan(ctx: Context) -> None:
    """The plan as it was, for ten minutes, by whoever changed it alone.

    Nobody loses cover by it: nobody but they themselves has agreed to the change, so everyone lives
    under the plan that they lived under all the time. Once anybody has, and for what two people
    decided, going back is a change like any other, which may take two people.
    """
    me, group = ctx.speaker.member, ctx.speaker.group
    begun = await ctx.tx.configuring.get(me.id, Begun.UNDO)
    if begun is None or not _is_of_plan(begun) or begun.content["after"] != _fingerprint(group):
        await ctx.reply("undo.nothing")
        return
    if ctx.now >= begun.changed_at + last_change.WITHIN:
        await ctx.reply("plan.undo.late", within=last_change.WITHIN)
        return
    before = Plan.from_json(begun.content["before"]) if begun.content["before"] else None
    since = await ctx.tx.people.agreed_since(group.id, begun.changed_at)
    live_under_it = {
        person.id
        for person in await ctx.tx.people.in_group(group.id)
        if person.id in since and person.agreed_plan.fingerprint == begun.content["after"]
    }
    if live_under_it - {me.id}:
        await ctx.reply("plan.undo.agreed")
        await propose(ctx, before or DEFAULT_PLAN)
        return
    undone = group.plan or DEFAULT_PLAN
    await ctx.tx.configuring.drop(me.id, Begun.UNDO)
    await keep_draft(ctx, undone)
    await ctx.tx.people.set_plan(before, group=group.id)
    await ctx.log("plan_undone")
    await consent.changed(ctx, group.id)
    own = begun.content["own"]
    await ctx.tx.people.agree(me.id, Plan.from_json(own) if own else DEFAULT_PLAN, ctx.now)
    await ctx.tx.people.asked(me.id, ctx.now)
    steps = await plans.describe(ctx, ctx.place, before or DEFAULT_PLAN, about=group.id)
    await ctx.reply("plan.undo.done", steps=steps)


async def _are_there(ctx: Context, group: int, plan: Plan) -> bool:
    """Whether everyone whom it names still agrees to be told, and each group still answers."""
    agreed = (await ctx.tx.people.roster(group)).agreed
    allies = await allies_of(ctx.tx, group)
    named = [r for step in plan.steps for r in step.recipients]
    return all(r.member is None or r.member in agreed for r in named) and all(
        r.group is None or r.group in allies for r in named
    )


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
    same = _fingerprint(group) == decision.content["before"]
    if not same or not await _are_there(ctx, group.id, plan):
        return replace(decision, state=State.VOID)
    await _save(ctx, group.id, plan, decision.asked_by, decision.second)
    return decision


# --- risk ---------------------------------------------------------------------------------------

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
    if risk != person.risk:
        await last_change.remember(
            ctx, "risk", person=person.id, before=person.risk.value, after=risk.value
        )
    await set_risk(ctx, person.group, person.id, risk, ctx.speaker.member.id)
    await ctx.reply(f"risk.set.{risk}", name=person.name)


async def set_risk(ctx: Context, group: int, member: int, risk: Risk, by: int) -> None:
    """Somebody lives in that much danger."""
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
    await set_risk(ctx, decision.group, person.id, risk, decision.asked_by)
    return decision


ENTRIES = (
    Entry("grupo", ("group",), Action.MAKE_GROUP, command_group, in_menu=False),
    Entry("riesgo", ("risk",), Action.SET_RISK, command_risk),
)
