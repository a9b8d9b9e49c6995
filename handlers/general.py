"""Help, language and zone: what everyone may set for themselves."""

from __future__ import annotations

from zoneinfo import available_timezones

from bot.domain.permissions import Action
from bot.domain.schedule import MACHINE_ZONES
from bot.texts import available
from bot.texts.catalogue import own_name
from handlers.commands import Entry
from handlers.context import Context


async def command_language(ctx: Context, rest: str) -> None:
    """`/idioma en`"""
    wanted = rest.strip().casefold()
    names = {code: own_name(code).casefold() for code in available()}
    chosen = next((c for c, name in names.items() if wanted and wanted in (c, name)), None)
    if chosen is None:
        await ctx.reply("language.which", known=tuple(f"{c} ({n})" for c, n in names.items()))
        return
    await ctx.tx.people.set_member(ctx.speaker.member.id, language=chosen)
    ctx.speak(chosen)
    await ctx.reply("language.set")


async def command_zone(ctx: Context, rest: str) -> None:
    """`/zona America/Mexico_City`"""
    wanted = rest.strip().replace(" ", "_").casefold()
    zones = {z.casefold(): z for z in available_timezones() - MACHINE_ZONES}
    # The whole name first: "UTC" is also the end of "Etc/UTC".
    exact = [zones[wanted]] if wanted in zones else []
    found = exact or [z for z in zones.values() if wanted and wanted == z.split("/")[-1].casefold()]
    if len(found) != 1:
        await ctx.reply("zone.which", zone=ctx.speaker.member.zone)
        return
    await ctx.tx.people.set_member(ctx.speaker.member.id, zone=found[0])
    await ctx.reply("zone.set", zone=found[0])


ENTRIES = (
    Entry("idioma", ("language", "lengua"), Action.SETTINGS, command_language),
    Entry("zona", ("zone", "timezone"), Action.SETTINGS, command_zone),
)
