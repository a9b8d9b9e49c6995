"""Invitations: made by who coordinates, shown as a word, a link and a picture, listed and revoked."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

from bot.domain.answers import plain
from bot.domain.decision import Decision, Kind, State
from bot.domain.people import Role
from bot.domain.permissions import Action
from bot.domain.rich import Rich
from bot.platforms.base import Attachment
from bot.texts import Key
from handlers import decisions
from handlers.commands import Entry
from handlers.context import Choice, Context, Place
from handlers.settings import INVITATION_LIFE
from storage.invitations import Invitation

TOPIC = "invitations"
WORD_LIMIT = 40

ROLE_WORDS = {
    "integrante": frozenset[Role](),
    "member": frozenset[Role](),
    "respuesta": frozenset({Role.RESPONDER}),
    "red": frozenset({Role.RESPONDER}),
    "responder": frozenset({Role.RESPONDER}),
    "coordinacion": frozenset({Role.COORDINATOR, Role.RESPONDER}),
    "coordinator": frozenset({Role.COORDINATOR, Role.RESPONDER}),
    "redaccion": frozenset({Role.AUTHOR}),
    "author": frozenset({Role.AUTHOR}),
    "aprobacion": frozenset({Role.APPROVER}),
    "approver": frozenset({Role.APPROVER}),
    "observancia": frozenset({Role.OBSERVER}),
    "observer": frozenset({Role.OBSERVER}),
}
"""What may stand behind `/invitar`, as `bot.domain.answers.plain` writes it; several words may."""

FIRST_ROLES = ROLE_WORDS["coordinator"]
"""What the person who opens the first invitation of a group becomes."""

WEIGHTY = frozenset({Role.COORDINATOR, Role.APPROVER})
"""Roles that are half of every two people: whoever could give them alone would be both."""

MOST_LIVE = 20
"""Invitations of one person that still let somebody in."""

MOST_A_DAY = 50

QR_SCALE = 8
"""Pixels of one square: legible from one phone to another."""


def secret_hash(secret: str) -> str:
    """What is kept of an invitation. The secret has 128 random bits: a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def invite(
    ctx: Context,
    group: int,
    roles: frozenset[Role],
    member: int | None = None,
    *,
    made_by: int | None = None,
) -> str:
    """A new secret for one account. `made_by` None is an operator's."""
    secret = ctx.settings.token()
    await ctx.tx.invitations.add(
        secret_hash(secret), group, roles, ctx.now, ctx.now + INVITATION_LIFE,
        made_by=made_by, member=member,
    )  # fmt: skip
    return secret


async def show_invitation(ctx: Context, place: Place, key: str, secret: str) -> None:
    """The links with their pictures, and the word."""
    links = [link for make in ctx.settings.links.values() if (link := make(secret))]
    pictures = [
        Attachment(f"{n}.png", "image/png", qr(content))
        for n, content in enumerate(links or [secret], 1)
    ]
    text = ctx.texts(place).render(key, life=INVITATION_LIFE, links="\n".join(links))
    await ctx.put(place, text, files=pictures)
    # Alone in a message, so that it can be forwarded or copied with one touch.
    await ctx.say(place, "invite.secret", secret=secret)


def qr(content: str) -> bytes:
    """A picture that another phone reads, when two people meet."""
    import segno  # takes memory that few need

    out = BytesIO()
    segno.make(content, error="m", micro=False).save(out, kind="png", scale=QR_SCALE, border=4)
    return out.getvalue()


async def still_good(ctx: Context, invitation: Invitation) -> bool:
    """Whether whoever made it may still let somebody in."""
    if invitation.made_by is None:
        return True
    maker = await ctx.tx.people.member(invitation.made_by)
    if not decisions.is_in(maker, invitation.group):
        return False
    return invitation.member == maker.id or Role.COORDINATOR in maker.roles


# --- making -------------------------------------------------------------------------------------


async def command_invite(ctx: Context, rest: str) -> None:
    """`/invitar red coordinación`"""
    roles: frozenset[Role] = frozenset()
    for word in rest.split():
        if plain(word) not in ROLE_WORDS:
            known = tuple(w for w in ("integrante", "red", "coordinación", "redacción",
                                      "aprobación", "observancia"))  # fmt: skip
            await ctx.reply("invite.unknown_role", word=word[:WORD_LIMIT], known=known)
            return
        roles |= ROLE_WORDS[plain(word)]
    me = ctx.speaker.member
    if not await _within_quota(ctx):
        return
    if roles & WEIGHTY and len(await ctx.tx.people.candidates(me.group)) > 1:

        async def describe(ctx: Context, place: Place) -> Rich:
            return ctx.texts(place).render("invite.what", roles=tuple(sorted(roles)))

        await decisions.ask_second(ctx, Kind.INVITE, describe, roles=sorted(roles))
        return
    await _made(ctx, ctx.place, me.group, roles, me.id)


async def _within_quota(ctx: Context) -> bool:
    me = ctx.speaker.member
    live = [i for i in await ctx.tx.invitations.live_of(me.group, ctx.now) if i.made_by == me.id]
    today = await ctx.tx.invitations.made_since(me.id, ctx.now - timedelta(days=1))
    if len(live) >= MOST_LIVE:
        await ctx.reply("invite.too_many", n=MOST_LIVE)
    elif today >= MOST_A_DAY:
        await ctx.reply("invite.too_many_today", n=MOST_A_DAY)
    else:
        return True
    return False


async def _made(
    ctx: Context, place: Place, group: int, roles: frozenset[Role], made_by: int
) -> None:
    await ctx.log("invited", group=group, actor=made_by, roles=sorted(roles))
    secret = await invite(ctx, group, roles, made_by=made_by)
    await show_invitation(ctx, place, "invite.made", secret)


async def carry_out(ctx: Context, decision: Decision) -> Decision:
    """Two people want it: the invitation goes to whoever asked for it."""
    roles = frozenset(Role(role) for role in decision.content["roles"])
    for place in (await ctx.places_of(decision.asked_by))[:1]:
        await _made(ctx, place, decision.group, roles, decision.asked_by)
        return decision
    return replace(decision, state=State.VOID)


async def command_account(ctx: Context, _rest: str) -> None:
    """`/cuenta`: a one-time word that adds another account of the same person."""
    me = ctx.speaker.member
    if not await _within_quota(ctx):
        return
    secret = await invite(ctx, me.group, frozenset(), me.id, made_by=me.id)
    await show_invitation(ctx, ctx.place, "invite.account", secret)


# --- listing and revoking -----------------------------------------------------------------------


async def command_invitations(ctx: Context, _rest: str) -> None:
    """`/invitaciones`: those that still let somebody in, whoever made them."""
    live = await ctx.tx.invitations.live_of(ctx.speaker.member.group, ctx.now)
    if not live:
        await ctx.reply("invitations.none")
        return
    for invitation in live[-MOST_LIVE:]:
        by: str | Key = Key("decision.operator")
        if invitation.made_by is not None:
            by = (await ctx.tx.people.member(invitation.made_by)).name
        await ctx.ask(
            ctx.place,
            "invitations.one",
            (Choice("revoke", "button.revoke"),),
            topic=TOPIC,
            ref=invitation.id,
            roles=tuple(sorted(invitation.roles)) or Key("role.none"),
            by=by,
            at=invitation.created_at,
            until=invitation.expires_at,
        )


async def revoke(ctx: Context, ref: int) -> None:
    """It lets nobody in any more."""
    invitation = await ctx.tx.invitations.get(ref, ctx.now)
    mine = invitation is not None and invitation.group == ctx.speaker.member.group
    if not mine or not await ctx.tx.invitations.revoke(ref, ctx.now):
        await ctx.toast("toast.stale")
        await ctx.close_prompts(TOPIC, ref, "invitations.gone", only=ctx.place)
        return
    await ctx.toast("toast.done")
    await ctx.log("invitation_revoked")
    await ctx.close_prompts(TOPIC, ref, "invitations.revoked")


ENTRIES = (
    Entry("invitar", ("invite",), Action.INVITE, command_invite),
    Entry("invitaciones", ("invitations",), Action.INVITE, command_invitations),
    Entry("cuenta", ("account",), Action.SETTINGS, command_account),
)
