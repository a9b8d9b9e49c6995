"""Joining: an invitation is opened, the person is told what is kept, agrees, and is a member."""

from __future__ import annotations

import hashlib
import re

from bot.domain.lanes import Lane
from bot.domain.people import Role
from bot.domain.permissions import Action
from bot.platforms.base import PlatformName
from handlers.commands import Entry, read_command
from handlers.context import Choice, Context
from handlers.settings import INVITATION_LIFE
from storage.people import Invitation

TOPIC = "joining"
SECRET = re.compile(r"[A-Za-z0-9_-]{22,64}")
NAME_LIMIT = 40

ROLE_WORDS = {
    "": frozenset[Role](),
    "integrante": frozenset[Role](),
    "member": frozenset[Role](),
    "respuesta": frozenset({Role.RESPONDER}),
    "red": frozenset({Role.RESPONDER}),
    "responder": frozenset({Role.RESPONDER}),
    "coordinación": frozenset({Role.COORDINATOR, Role.RESPONDER}),
    "coordinacion": frozenset({Role.COORDINATOR, Role.RESPONDER}),
    "coordinator": frozenset({Role.COORDINATOR, Role.RESPONDER}),
    "redacción": frozenset({Role.AUTHOR}),
    "redaccion": frozenset({Role.AUTHOR}),
    "author": frozenset({Role.AUTHOR}),
    "aprobación": frozenset({Role.APPROVER}),
    "aprobacion": frozenset({Role.APPROVER}),
    "approver": frozenset({Role.APPROVER}),
    "observancia": frozenset({Role.OBSERVER}),
    "observer": frozenset({Role.OBSERVER}),
}
"""What may stand behind `/invitar`; several words may."""


def secret_hash(secret: str) -> str:
    """What is kept of an invitation. The secret has 128 random bits: a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def secret_in(text: str) -> str | None:
    """The invitation in "/start SECRET", "sandbox:SECRET" or a message that is nothing else."""
    command = read_command(text)
    word = command[1] if command and command[0] in ("start", "entrar", "join") else text.strip()
    word = word.removeprefix("sandbox:")
    return word if SECRET.fullmatch(word) else None


async def opened(ctx: Context, secret: str) -> None:
    """Somebody shows an invitation. Wrong, used and expired ones get the same words."""
    invitation = await ctx.tx.people.invitation(secret_hash(secret), ctx.now)
    if invitation is None or (ctx.known and invitation.member != ctx.speaker.member.id):
        await ctx.reply("joining.in_already" if ctx.known else "joining.not_valid")
        return
    group = await ctx.tx.people.group(invitation.group)
    if invitation.member is not None:
        await _second_account(ctx, invitation)
        return
    await ctx.expect(TOPIC, "agree", invitation=secret_hash(secret))
    roles = [f"joining.role.{role}" for role in sorted(invitation.roles)]
    texts = ctx.texts(ctx.place)
    text = texts.render("joining.what_is_kept", group=group.name)
    for role in roles:
        text = text + texts.render("joining.line", what=texts.render(role))
    if ctx.place.platform == PlatformName.TELEGRAM:
        text = text + texts.render("joining.telegram_reads")
    await ctx.ask(
        ctx.place,
        text + texts.render("joining.agree"),
        (Choice("agree", "button.agree"), Choice("refuse", "button.refuse")),
        topic=TOPIC,
        ref=invitation.id,
    )


async def _second_account(ctx: Context, invitation: Invitation) -> None:
    if ctx.known or invitation.member is None or ctx.event is None:
        await ctx.reply("joining.in_already")
        return
    if not await ctx.tx.people.use_invitation(invitation.id, ctx.now):
        await ctx.reply("joining.not_valid")
        return
    member = await ctx.tx.people.member(invitation.member)
    earlier = await ctx.places_of(member.id)
    await ctx.tx.people.add_account(
        member.id, ctx.place.platform, ctx.event.account, ctx.place.chat, ctx.now
    )
    await ctx.reply("joining.linked", name=member.name)
    for place in earlier:
        await ctx.say(place, "joining.linked_elsewhere", lane=Lane.ALARM)


async def decided(ctx: Context, action: str) -> None:
    """The press after "what is kept"."""
    dialog = await ctx.tx.conversations.dialog(ctx.place.platform, ctx.place.chat, ctx.now)
    if dialog is None or dialog.topic != TOPIC:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    if action == "agree":
        await ctx.expect(TOPIC, "name", **dialog.data)
        await ctx.reply("joining.name")
        return
    await ctx.expect_nothing()
    await ctx.reply("joining.refused")


async def words(ctx: Context, step: str, data: dict[str, object], text: str) -> None:
    """What a person writes while joining."""
    if step == "agree":
        await ctx.reply("joining.please_choose")
        return
    name = " ".join(text.split())
    if not 1 <= len(name) <= NAME_LIMIT or not any(c.isalpha() for c in name):
        await ctx.reply("joining.name_wrong", n=NAME_LIMIT)
        return
    invitation = await ctx.tx.people.invitation(str(data["invitation"]), ctx.now)
    if invitation is None or ctx.event is None:
        await ctx.expect_nothing()
        await ctx.reply("joining.not_valid")
        return
    if await ctx.tx.people.member_named(invitation.group, name) is not None:
        await ctx.reply("joining.name_taken")
        return
    await ctx.tx.people.use_invitation(invitation.id, ctx.now)
    group = await ctx.tx.people.group(invitation.group)
    member = await ctx.tx.people.add_member(
        group.id, name, ctx.place.language, group.zone, invitation.roles, ctx.now
    )
    await ctx.tx.people.add_account(
        member, ctx.place.platform, ctx.event.account, ctx.place.chat, ctx.now
    )
    await ctx.expect_nothing()
    await ctx.reply("joining.welcome", name=name, group=group.name)
    roster = await ctx.tx.people.roster(group.id)
    await ctx.tell(
        roster.coordinators - {member}, "joining.news", lane=Lane.CONVERSATION,
        everywhere=False, name=name,
    )  # fmt: skip


# --- making invitations -------------------------------------------------------------------------


async def invite(
    ctx: Context, group: int, roles: frozenset[Role], member: int | None = None
) -> str:
    """A new secret for one account."""
    secret = ctx.settings.token()
    await ctx.tx.people.add_invitation(
        secret_hash(secret), group, roles, ctx.now, ctx.now + INVITATION_LIFE, member
    )
    return secret


async def show_invitation(ctx: Context, key: str, secret: str) -> None:
    links = [link for make in ctx.settings.links.values() if (link := make(secret))]
    await ctx.reply(key, life=INVITATION_LIFE, links="\n".join(links))
    # Alone in a message, so that it can be forwarded or copied with one touch.
    await ctx.reply("invite.secret", secret=secret)


async def command_invite(ctx: Context, rest: str) -> None:
    """`/invitar red coordinación`"""
    roles: frozenset[Role] = frozenset()
    for word in rest.casefold().split():
        if word not in ROLE_WORDS:
            known = tuple(w for w in ("integrante", "red", "coordinación", "redacción",
                                      "aprobación", "observancia"))  # fmt: skip
            await ctx.reply("invite.unknown_role", word=word[:NAME_LIMIT], known=known)
            return
        roles |= ROLE_WORDS[word]
    await show_invitation(ctx, "invite.made", await invite(ctx, ctx.speaker.group.id, roles))


async def command_account(ctx: Context, _rest: str) -> None:
    """`/cuenta`: a one-time word that adds another account of the same person."""
    me = ctx.speaker.member
    await show_invitation(ctx, "invite.account", await invite(ctx, me.group, frozenset(), me.id))


ENTRIES = (
    Entry("invitar", ("invite",), Action.INVITE, command_invite),
    Entry("cuenta", ("account",), Action.SETTINGS, command_account),
)
