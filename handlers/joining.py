"""Joining: an invitation is opened, the person is told what is kept, agrees, and is a member."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.domain.lanes import Lane
from bot.domain.names import LIMIT, NameRefused, cleaned
from bot.platforms.base import PlatformName
from bot.texts import Key
from handlers import consent, lost, panic_button
from handlers.commands import read_command
from handlers.context import Choice, Context
from handlers.invitations import secret_hash, still_good
from storage.invitations import Invitation
from storage.people import Account

TOPIC = "joining"
SECRET = re.compile(r"[A-Za-z0-9_-]{22,64}")

MOST_GUESSES = 10
"""Answers that an account gets within an hour to words that let nobody in; then it hears nothing.
One that does let somebody in works all the same."""


def secret_in(text: str) -> str | None:
    """The invitation in "/start SECRET", "sandbox:SECRET" or a message that is nothing else."""
    command = read_command(text)
    word = command[1] if command and command[0] in ("start", "entrar", "join") else text.strip()
    word = word.removeprefix("sandbox:")
    return word if SECRET.fullmatch(word) else None


async def opened(ctx: Context, secret: str) -> None:
    """Somebody shows an invitation.

    Wrong, used, revoked and expired ones get the same words after the same work.
    """
    invitation = await _live(ctx, secret_hash(secret))
    if ctx.known:
        await ctx.reply("joining.in_already")
        return
    if invitation is None:
        await _not_valid(ctx)
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


async def _live(ctx: Context, hashed: str) -> Invitation | None:
    invitation = await ctx.tx.invitations.by_hash(hashed, ctx.now)
    if invitation is not None and not await still_good(ctx, invitation):
        return None
    return invitation


async def _not_valid(ctx: Context) -> None:
    """One answer for all that let nobody in, until there were too many of them."""
    if ctx.event is None:
        return
    guesses = await ctx.tx.invitations.guessed(ctx.place.platform, ctx.event.account, ctx.now)
    if guesses <= MOST_GUESSES:
        await ctx.reply("joining.not_valid")


async def _second_account(ctx: Context, invitation: Invitation) -> None:
    if invitation.member is None or ctx.event is None:
        return
    if not await ctx.tx.invitations.use(invitation.id, ctx.now):
        await _not_valid(ctx)
        return
    member = await ctx.tx.people.member(invitation.member)
    earlier = await ctx.places_of(member.id)
    await ctx.tx.people.add_account(
        member.id, ctx.place.platform, ctx.event.account, ctx.place.chat, ctx.now
    )
    await ctx.log("account_added", member.id, group=member.group, actor=member.id)
    await ctx.reply("joining.linked", name=member.name)
    await panic_button.give(ctx, ctx.place, member.id)
    for place in earlier:
        await ctx.say(place, "joining.linked_elsewhere", lane=Lane.ALARM)
    if not earlier:
        await lost.came_back(ctx, member)


async def comes_back(ctx: Context, account: Account, text: str) -> None:
    """A suspended account shows something: only what two people gave its owner is heard."""
    secret = secret_in(text)
    invitation = await _live(ctx, secret_hash(secret)) if secret is not None else None
    if invitation is None or invitation.member != account.member:
        return
    if not await ctx.tx.invitations.use(invitation.id, ctx.now):
        return
    await ctx.tx.people.restore(account.id, ctx.place.chat, ctx.now)
    member = await ctx.tx.people.member(account.member)
    await ctx.reply("joining.linked", name=member.name)
    await panic_button.give(ctx, ctx.place, member.id)
    await lost.came_back(ctx, member)


async def decided(ctx: Context, action: str) -> None:
    """The press after "what is kept"."""
    dialog = await ctx.dialog()
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


async def words(ctx: Context, step: str, data: Mapping[str, Any], text: str) -> None:
    """What a person writes while joining."""
    if step == "agree":
        await ctx.reply("joining.please_choose")
        return
    try:
        name = cleaned(text)
    except NameRefused as error:
        await ctx.reply(error.code, n=LIMIT)
        return
    invitation = await _live(ctx, str(data["invitation"]))
    if invitation is None or ctx.event is None:
        await ctx.expect_nothing()
        await _not_valid(ctx)
        return
    if await ctx.tx.people.member_like(invitation.group, name) is not None:
        await ctx.reply("joining.name_taken")
        return
    if not await ctx.tx.invitations.use(invitation.id, ctx.now):
        await ctx.expect_nothing()
        await _not_valid(ctx)
        return
    await _joins(ctx, invitation, name)


async def _joins(ctx: Context, invitation: Invitation, name: str) -> None:
    """They are a member now; those who coordinate hear of it, and by whose invitation."""
    assert ctx.event is not None
    group = await ctx.tx.people.group(invitation.group)
    member = await ctx.tx.people.add_member(
        group.id, name, ctx.place.language, group.zone, invitation.roles, ctx.now,
        invited_by=invitation.made_by,
    )  # fmt: skip
    await ctx.tx.people.add_account(
        member, ctx.place.platform, ctx.event.account, ctx.place.chat, ctx.now
    )
    await ctx.expect_nothing()
    await ctx.log(
        "joined", member, group=group.id, actor=invitation.made_by, roles=sorted(invitation.roles)
    )
    await ctx.reply("joining.welcome", name=name, group=group.name)
    await panic_button.give(ctx, ctx.place, member)
    by: str | Key = Key("decision.operator")
    if invitation.made_by is not None:
        by = (await ctx.tx.people.member(invitation.made_by)).name
    roster = await ctx.tx.people.roster(group.id)
    await ctx.tell(
        roster.coordinators - {member}, "joining.news", lane=Lane.CONVERSATION,
        everywhere=False, name=name, by=by,
        roles=tuple(sorted(invitation.roles)) or Key("role.none"),
    )  # fmt: skip
    await ctx.tx.people.asked(member, ctx.now)
    await consent.ask(ctx, group, await ctx.tx.people.member(member))
