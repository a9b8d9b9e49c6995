"""The commands: one table, from which the router, the menu and the help are made."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.domain.permissions import Action
from handlers.context import Context

COMMAND = re.compile(r"^[/!]([\w]+)(?:@\w+)?(?:\s+(.*))?$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """One command: its name in Spanish, its aliases, who may use it, and what carries it out.

    The summary is the text `command.<name>` of the catalogue.
    """

    name: str
    aliases: tuple[str, ...]
    action: Action
    run: Callable[[Context, str], Awaitable[None]]
    in_menu: bool = True


def read_command(text: str) -> tuple[str, str] | None:
    """Name in lower case and the rest, of "/auxilio", "!auxilio" or "/auxilio@bot now"."""
    found = COMMAND.match(text.strip())
    if found is None:
        return None
    return found[1].lower(), (found[2] or "").strip()
