"""All commands, their words, the menu of an app, and the manual."""

from __future__ import annotations

from datetime import datetime

from bot.platforms.base import Command as MenuCommand
from bot.texts import Texts, available
from handlers import (
    alliances,
    amending,
    authenticity,
    board,
    care,
    checkins,
    collectives,
    complaints,
    consent,
    contacts,
    destinations,
    details,
    drafting,
    drills,
    duress,
    exports,
    feedback,
    following,
    general,
    groups,
    incident_commands,
    invitations,
    logbook,
    lost,
    my_data,
    names,
    notes,
    once,
    panic_button,
    plan_editor,
    quiet,
    readers,
    regions,
    reviewing,
    roles,
    rotations,
    shifts,
    silences,
    summary,
    taking_back,
    trips,
    undoing,
    whatif,
)
from handlers.commands import Entry
from handlers.context import Context

HELP_WORDS = ("ayuda", "help", "manual", "start", "inicio", "menu")

ENTRIES: tuple[Entry, ...] = (
    *incident_commands.ENTRIES,
    *checkins.ENTRIES,
    *trips.ENTRIES,
    *silences.ENTRIES,
    *once.ENTRIES,
    *quiet.ENTRIES,
    *collectives.ENTRIES,
    *consent.ENTRIES,
    *invitations.ENTRIES,
    *plan_editor.ENTRIES,
    *groups.ENTRIES,
    *whatif.ENTRIES,
    *roles.ENTRIES,
    *drafting.ENTRIES,
    *reviewing.ENTRIES,
    *amending.ENTRIES,
    *destinations.ENTRIES,
    *readers.ENTRIES,
    *authenticity.ENTRIES,
    *following.ENTRIES,
    *general.ENTRIES,
    *logbook.ENTRIES,
    *exports.ENTRIES,
    *my_data.ENTRIES,
    *duress.ENTRIES,
    *lost.ENTRIES,
    *details.ENTRIES,
    *regions.ENTRIES,
    *rotations.ENTRIES,
    *shifts.ENTRIES,
    *board.ENTRIES,
    *summary.ENTRIES,
    *care.ENTRIES,
    *notes.ENTRIES,
    *feedback.ENTRIES,
    *complaints.ENTRIES,
    *names.ENTRIES,
    *panic_button.ENTRIES,
    *taking_back.ENTRIES,
    *drills.ENTRIES,
    *contacts.ENTRIES,
    *alliances.ENTRIES,
    *undoing.ENTRIES,
)
BY_WORD = {word: entry for entry in ENTRIES for word in (entry.name, *entry.aliases)}


async def manual(ctx: Context) -> None:
    """What the speaker can do here, by their own rights."""
    texts = ctx.texts(ctx.place)
    text = texts.render("manual.head")
    for entry in ENTRIES:
        if entry.in_menu and ctx.may(entry.action):
            text = text + texts.render(
                "manual.line", name=entry.name, what=texts.render(f"command.{entry.name}")
            )
    await ctx.put(ctx.place, text)


def menu(now: datetime) -> dict[str, tuple[MenuCommand, ...]]:
    """The commands menu per language; "" is the fallback's."""
    menus = {}
    for language in ("", *available()):
        texts = Texts(language, "UTC", now)
        menus[language] = tuple(
            MenuCommand(entry.name, texts.plain(f"command.{entry.name}"))
            for entry in ENTRIES
            if entry.in_menu
        )
    return menus
