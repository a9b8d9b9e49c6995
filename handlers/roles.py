"""Roles: given and taken by two people, accepted by the person, given up by oneself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.domain.answers import plain
from bot.domain.decision import Decision, Kind, Refusal, State, accepted, ended, offered
from bot.domain.lanes import Lane
from bot.domain.people import Role
from bot.domain.permissions import Action, may
from bot.domain.rich import Rich
from bot.texts import Key
from handlers import contacts, decisions, duty, incidents, leaving
from handlers.commands import Entry
from handlers.context import Choice, Context, Place
from storage.people import Member

TOPIC = "roles"
OWN_TOPIC = "own_roles"

ROLES = {
    "red": Role.RESPONDER, "respuesta": Role.RESPONDER, "responder": Role.RESPONDER,
    "coordinacion": Role.COORDINATOR, "coordinator": Role.COORDINATOR,
    "coordination": Role.COORDINATOR,
    "redaccion": Role.AUTHOR, "author": Role.AUTHOR, "writing": Role.AUTHOR,
    "aprobacion": Role.APPROVER, "approver": Role.APPROVER, "approval": Role.APPROVER,
    "observancia": Role.OBSERVER, "observer": Role.OBSERVER,
}  # fmt: skip
"""The words for one role, as `bot.domain.answers.plain` writes them."""

VERBS = {
    "dar": Kind.GIVE, "poner": Kind.GIVE, "give": Kind.GIVE, "add": Kind.GIVE, "+": Kind.GIVE,
    "quitar": Kind.TAKE, "take": Kind.TAKE, "remove": Kind.TAKE, "-": Kind.TAKE,
    "sacar": Kind.PUT_OUT, "fuera": Kind.PUT_OUT, "out": Kind.PUT_OUT, "expel": Kind.PUT_OUT,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of somebody's roles; `role` None where they are to leave the group."""

    kind: Kind
    role: Role | None = None

    @property
    def argument(self) -> str:
        """For an answer to carry."""
        return f"{self.kind}:{self.role or ''}"

    @classmethod
    def read(cls, argument: str) -> Change:
        """The opposite of `argument`."""
        kind, _, role = argument.partition(":")
        return cls(Kind(kind), Role(role) if role else None)

    def possible(self, person: Member) -> bool:
        """Whether it would change anything."""
        if self.kind is Kind.PUT_OUT:
            return True
        return (self.role in person.roles) is (self.kind is Kind.TAKE)


def possible(person: Member) -> list[Change]:
    """Everything that can be done about somebody's roles."""
    changes = [Change(Kind.TAKE if role in person.roles else Kind.GIVE, role) for role in Role]
    return [*sorted(changes, key=lambda c: c.kind), Change(Kind.PUT_OUT)]


# --- asking for a change ------------------------------------------------------------------------


async def command_role(ctx: Context, rest: str) -> None:
    """`/rol Berta red`, `/rol Berta quitar red`, `/rol Berta fuera`; or in steps."""
    if not rest:
        await ctx.expect(TOPIC, "whom")
        await ctx.reply("roles.whom")
        return
    name, change, unclear = _read(rest)
    person = await ctx.tx.people.member_named(ctx.speaker.member.group, name) if name else None
    if person is None:
        await ctx.reply("roles.unknown", name=(name or rest)[:40])
    elif change is not None:
        await _summary(ctx, person, change)
    else:
        await _choices(ctx, person, unclear)


def _read(rest: str) -> tuple[str, Change | None, bool]:
    """Name, change, and whether a verb stood there whose role is still to be asked for."""
    words = rest.split()
    verb = None
    role = ROLES.get(plain(words[-1])) if len(words) > 1 else None
    if role is not None:
        words.pop()
    for end in (-1, 0):
        if len(words) > 1 and verb is None and plain(words[end]) in VERBS:
            verb = VERBS[plain(words.pop(end))]
    name = " ".join(words)
    if verb is Kind.PUT_OUT:
        return name, Change(verb) if role is None else None, role is not None
    if role is None:
        return name, None, verb is not None
    return name, Change(verb or Kind.GIVE, role), False


async def words(ctx: Context, _step: str, _data: Mapping[str, Any], text: str) -> None:
    """The name, after "whose?"."""
    await ctx.expect_nothing()
    await command_role(ctx, text.strip() or "?")


async def _choices(ctx: Context, person: Member, only_taking: bool) -> None:
    changes = [c for c in possible(person) if not only_taking or c.kind is not Kind.GIVE]
    await ctx.ask(
        ctx.place,
        "roles.one",
        [
            Choice("change", f"roles.button.{c.kind}", c.argument, {"role": c.role or ""})
            for c in changes
        ],
        topic=TOPIC,
        ref=person.id,
        name=person.name,
        roles=tuple(sorted(person.roles)) or Key("role.none"),
    )


async def _summary(ctx: Context, person: Member, change: Change) -> None:
    """What will be asked of the second person, before it is."""
    if not await _sensible(ctx, person, change):
        return
    await ctx.ask(
        ctx.place,
        await _described(ctx, ctx.place, person, change) + ctx.texts(ctx.place).render("roles.sure"),
        (
            Choice("ask", "button.ask_second", change.argument),
            Choice("drop", "button.drop"),
        ),
        topic=TOPIC,
        ref=person.id,
    )


async def _sensible(ctx: Context, person: Member, change: Change) -> bool:
    """Whether it can be asked for; if not, that is explained."""
    key = ""
    if person.id == ctx.speaker.member.id and change.kind is not Kind.GIVE:
        key = "roles.your_own"
    elif not change.possible(person):
        key = "roles.is_so"
    elif await _last_coordinator(ctx, person, change):
        key = "roles.last"
    elif change.kind is Kind.PUT_OUT and await leaving.needed(ctx, person.id):
        key = "roles.not_now"
    if key:
        await ctx.toast("toast.not_done")
        await ctx.reply(key, name=person.name)
    return not key


async def _last_coordinator(ctx: Context, person: Member, change: Change) -> bool:
    """Whether nobody would coordinate the group any more."""
    loses = change.kind is Kind.PUT_OUT or change == Change(Kind.TAKE, Role.COORDINATOR)
    if not loses or Role.COORDINATOR not in person.roles:
        return False
    return len((await ctx.tx.people.roster(person.group)).coordinators) == 1


async def _described(ctx: Context, place: Place, person: Member, change: Change) -> Rich:
    return ctx.texts(place).render(
        f"roles.change.{change.kind}",
        name=person.name,
        role=change.role or "",
        roles=tuple(sorted(person.roles)) or Key("role.none"),
    )


async def pressed(ctx: Context, ref: int, action: str, argument: str) -> None:
    """One press in the conversation about somebody's roles; nothing is done before the last."""
    person = await ctx.tx.people.member(ref)
    if not decisions.is_in(person, ctx.speaker.member.group):
        await ctx.toast("toast.stale")
        return
    await ctx.close_prompts(TOPIC, ref, only=ctx.place)
    if action == "drop":
        await ctx.toast("toast.done")
        await ctx.reply("roles.dropped")
        return
    change = Change.read(argument)
    if action == "change":
        await ctx.toast("toast.done")
        await _summary(ctx, person, change)
        return
    if not await _sensible(ctx, person, change):
        return

    async def describe(ctx: Context, place: Place) -> Rich:
        return await _described(ctx, place, person, change)

    await decisions.ask_second(
        ctx, change.kind, describe, about=person.id, role=change.role, before=sorted(person.roles)
    )


# --- carrying it out ----------------------------------------------------------------------------


async def give(ctx: Context, decision: Decision) -> Decision:
    """Two people want it: now the person is asked, unless it was they who asked for it."""
    person, role = await _as_it_was(ctx, decision)
    if person is None or role is None:
        return replace(decision, state=State.VOID)
    if person.id == decision.asked_by:
        await _take_on(ctx, decision, person, role)
        return decision
    asker = await ctx.tx.people.member(decision.asked_by)
    second = await _second_name(ctx, decision)
    places = (await ctx.places_of(person.id))[:1]
    for place in places:
        await ctx.ask(
            place,
            "offer.text",
            (Choice("accept", "button.take_on"), Choice("decline", "button.not_for_me")),
            topic=decisions.OFFER_TOPIC,
            ref=decision.id,
            by=asker.name,
            second=second,
            what=Key(f"joining.role.{role}"),
        )
    return offered(decision, ctx.now) if places else replace(decision, state=State.VOID)


async def _second_name(ctx: Context, decision: Decision) -> str | Key:
    if decision.second is None:
        return Key("decision.operator")
    return (await ctx.tx.people.member(decision.second)).name


async def _as_it_was(ctx: Context, decision: Decision) -> tuple[Member | None, Role | None]:
    """The person and the role, if they have the same roles as when it was asked for."""
    if decision.about is None:
        return None, None
    person = await ctx.tx.people.member(decision.about)
    same = sorted(person.roles) == decision.content["before"]
    if not decisions.is_in(person, decision.group) or not same:
        return None, None
    role = decision.content["role"]
    return person, Role(role) if role else None


async def answered(ctx: Context, ref: int, action: str) -> None:
    """The person accepts a role, or does not."""
    decision = await ctx.tx.decisions.get(ref)
    me = ctx.speaker.member
    if decision is None or decision.about != me.id:
        await ctx.toast("toast.stale")
        return
    if action == "decline":
        declined = ended(decision, State.DECLINED)
        if isinstance(declined, Refusal):
            await ctx.toast("toast.stale")
            return
        await ctx.toast("toast.done")
        await ctx.close_prompts(decisions.OFFER_TOPIC, ref, "offer.declined")
        await decisions.end(ctx, declined, "declined", by=me.name)
        return
    taken = accepted(decision, me.id, ctx.now)
    if isinstance(taken, Refusal):
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    person, role = await _as_it_was(ctx, decision)
    if person is None or role is None or not await _both_still_may(ctx, decision):
        await ctx.close_prompts(decisions.OFFER_TOPIC, ref, "decision.now.void")
        await decisions.end(ctx, replace(decision, state=State.VOID), "void")
        return
    await ctx.close_prompts(decisions.OFFER_TOPIC, ref, "offer.accepted")
    await _take_on(ctx, decision, person, role)
    await decisions.end(ctx, taken, "accepted", by=me.name)


async def _both_still_may(ctx: Context, decision: Decision) -> bool:
    """Whether the two who gave it may still give it."""
    if decision.second is not None:
        second = await ctx.tx.people.member(decision.second)
        if not decisions.is_in(second, decision.group) or not may(second.roles, Action.SECOND):
            return False
    return await decisions.still_asks(ctx, decision)


async def _take_on(ctx: Context, decision: Decision, person: Member, role: Role) -> None:
    await ctx.tx.people.set_member(person.id, roles=person.roles | {role})
    await ctx.log(
        "role_given", person.id, group=decision.group, actor=decision.asked_by, role=role
    )


async def take(ctx: Context, decision: Decision) -> Decision:
    """A role ends."""
    person, role = await _as_it_was(ctx, decision)
    if person is None or role is None:
        return replace(decision, state=State.VOID)
    if await _last_coordinator(ctx, person, Change(Kind.TAKE, role)):
        return replace(decision, state=State.VOID)
    await ctx.log("role_taken", person.id, group=decision.group, actor=decision.asked_by, role=role)
    await _without(ctx, person, role)
    await ctx.tell(
        {person.id}, "roles.taken_from_you", lane=Lane.CONVERSATION, role=role
    )  # on all their accounts: whoever counted on being told must know that they will not be
    return decision


async def _without(ctx: Context, person: Member, role: Role) -> None:
    """Everything that a role let somebody do ends with it."""
    left = person.roles - {role}
    await ctx.tx.people.set_member(person.id, roles=left)
    if not may(left, Action.RESPOND):
        await incidents.let_go(ctx, person)
        await duty.let_go(ctx, person)
        await contacts.cover_may_change(ctx, person.group)
    if not may(left, Action.INVITE):
        await ctx.tx.invitations.revoke_all_of(person.id, ctx.now)
        await decisions.void_all(ctx, person.group, person.id)


async def put_out(ctx: Context, decision: Decision) -> Decision:
    """Somebody is in the group no more, and a stranger to the bot."""
    person, _ = await _as_it_was(ctx, decision)
    if person is None or await leaving.needed(ctx, person.id):
        return replace(decision, state=State.VOID)
    if await _last_coordinator(ctx, person, Change(Kind.PUT_OUT)):
        return replace(decision, state=State.VOID)
    # Their name is kept in this one line: a group may have to remember whom it put out.
    await ctx.log(
        "put_out", person.id, group=decision.group, actor=decision.asked_by, was=person.name
    )
    for place in await ctx.places_of(person.id):
        await ctx.say(place, "roles.put_out")
    await leaving.erase(ctx, person)
    return decision


# --- one's own ----------------------------------------------------------------------------------


async def command_own_roles(ctx: Context, _rest: str) -> None:
    """`/tareas`"""
    me = ctx.speaker.member
    if not me.roles:
        await ctx.reply("own_roles.none")
        return
    texts = ctx.texts(ctx.place)
    text = texts.render("own_roles.head")
    for role in sorted(me.roles):
        text = text + texts.render("joining.line", what=texts.render(f"joining.role.{role}"))
    await ctx.ask(
        ctx.place,
        text,
        [Choice("give_up", "button.give_up", role, {"role": role}) for role in sorted(me.roles)],
        topic=OWN_TOPIC,
        ref=me.id,
    )


async def give_up(ctx: Context, ref: int, argument: str) -> None:
    """Nobody has to go on with a task: one's own word is enough, and those who coordinate hear it."""
    me, role = ctx.speaker.member, Role(argument)
    if ref != me.id or role not in me.roles:
        await ctx.toast("toast.stale")
        return
    if await _last_coordinator(ctx, me, Change(Kind.TAKE, role)):
        await ctx.toast("toast.not_done")
        await ctx.reply("own_roles.last")
        return
    await ctx.toast("toast.done")
    await ctx.close_prompts(OWN_TOPIC, me.id, only=ctx.place)
    await ctx.log("role_left", me.id, role=role)
    await _without(ctx, me, role)
    await ctx.reply("own_roles.given_up", role=role)
    roster = await ctx.tx.people.roster(me.group)
    await ctx.tell(
        roster.coordinators - {me.id}, "own_roles.news", lane=Lane.CONVERSATION, everywhere=False,
        name=me.name, role=role,
    )  # fmt: skip


ENTRIES = (
    Entry("rol", ("role", "tarea", "task"), Action.SET_ROLES, command_role),
    Entry("tareas", ("tasks", "roles"), Action.OWN_ROLES, command_own_roles),
)
"""The commands about roles."""
