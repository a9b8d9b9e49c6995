"""Whether a message that went from hand to hand says what an organisation published.

Whoever has a copy sends it to the bot, forwarded or after `/verificar`. Its short fingerprint finds what
was published; then the words themselves are compared, since a fingerprint can be copied as well.
"""

from __future__ import annotations

import re

from bot.domain.denunciation import Denunciation, State
from bot.domain.permissions import Action
from bot.domain.publication import spelled
from handlers import denunciation_words
from handlers.commands import Entry
from handlers.context import Context

CODE = re.compile(r"(?<![a-z2-7-])([a-z2-7]{5})-([a-z2-7]{5})(?![a-z2-7-])", re.IGNORECASE)
"""A short fingerprint as it stands in a message (`bot.domain.publication.spelled`)."""


PART = 60
"""Characters of a piece from which on it says something: a fingerprint alone does not."""


def code_in(text: str) -> str:
    """The last fingerprint in a text, without its hyphen; "" if there is none."""
    found = CODE.findall(text)
    return "".join(found[-1]).lower() if found else ""


async def forwarded(ctx: Context, text: str) -> bool:
    """Somebody passed a message on to us. False if it bears no fingerprint."""
    code = code_in(text)
    if not code:
        return False
    await _judge(ctx, code, text)
    return True


async def command_verify(ctx: Context, rest: str) -> None:
    """`/verificar` with a copy, or with its fingerprint alone."""
    code = code_in(rest)
    if not code:
        await ctx.reply("verify.how")
        return
    bare = len(rest.split()) == 1
    await _judge(ctx, code, "" if bare else rest)


async def _judge(ctx: Context, code: str, text: str) -> None:
    """Say what was published under this fingerprint, and whether these are its words."""
    found = await ctx.tx.denunciations.sealed_as(code)
    if not found:
        await ctx.reply("verify.unknown", code=spelled(code))
        return
    # The very same words may have been published twice: their numbers tell them apart.
    one = next((d for d in found if f"#{d.number}" in text), found[0])
    group = await ctx.tx.people.group(one.group)
    values = {
        "number": one.number, "organisation": group.organisation, "at": one.sent_at or ctx.now,
        "code": spelled(code),
    }  # fmt: skip
    if one.state is State.WITHDRAWN:
        await ctx.reply("verify.withdrawn", reason=one.reason, **values)
        return
    if text and _holds(text, one, group.language):
        await ctx.reply("verify.same_words", **values)
    elif len(text) >= PART and await _is_part(ctx, text, one, group.language):
        await ctx.reply("verify.same_part", **values)
    elif code != one.seal:
        await ctx.reply("verify.corrected_since", now=spelled(one.seal), **values)
    else:
        await ctx.reply("verify.other_words" if text else "verify.known", **values)
    if ctx.settings.archive:
        language = one.versions(group.language)[0].language
        await ctx.reply(
            "verify.address", address=f"{ctx.settings.archive}/{language}/{one.code}.html"
        )


async def _is_part(ctx: Context, text: str, draft: Denunciation, language: str) -> bool:
    """Whether a copy is a piece of what was published: a long text leaves in several messages."""
    copy = _lean(text)
    for chosen in ("", *(version.language for version in draft.versions(language))):
        whole = await denunciation_words.shown(ctx, draft, chosen)
        if copy in _lean(whole.plain):
            return True
    return False


def _lean(text: str) -> str:
    """Without what changes on the way from hand to hand: line breaks, and the marks of a quotation."""
    return " ".join(" ".join(line.lstrip("> \t") for line in text.splitlines()).split())


def _holds(text: str, draft: Denunciation, language: str) -> bool:
    """Whether a copy bears title and text of one of its languages, and nothing is put between."""
    copy = _lean(text)
    return any(
        f"{_lean(version.title)} {_lean(version.text)}" in copy
        for version in draft.versions(language)
    )


ENTRIES = (Entry("verificar", ("verify",), Action.SETTINGS, command_verify),)
