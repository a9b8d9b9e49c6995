"""What the handlers are given from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta

from bot.domain.rich import Rich

INVITATION_LIFE = timedelta(hours=24)
"""How long an invitation can be opened."""

DIALOG_LIFE = timedelta(hours=1)
"""After how long without an answer a conversation of several steps is forgotten."""

DOUBT = timedelta(minutes=2)
"""How long someone who wrote "help" without being asked has to say that it is no emergency."""

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Settings:
    """`operators`: accounts ("telegram:123", "matrix:@a:b") that may make groups and hear of trouble.

    `links` gives each platform's invitation link for a secret, or None, and `messages_of` into how many
    messages it makes a text with so many files. `token` gives fresh random
    text of at least 80 bits, safe in a link. `canary` is the wall time of `zone` at which the canary
    is to be asked every day; None for no canary. `questions`: how long after its end a check-in's
    question stays in the chat. `largest_file`: bytes that a file of a denunciation may have.
    `archive`: where the public archive can be read, without a slash at its end; "" for nowhere.
    """

    language: str
    zone: str
    token: Callable[[], str]
    operators: frozenset[str] = frozenset()
    canary: time | None = None
    questions: timedelta = timedelta(hours=24)
    largest_file: int = 10_000_000
    archive: str = ""
    links: Mapping[str, Callable[[str], str | None]] = field(default_factory=dict)
    messages_of: Mapping[str, Callable[[Rich, int], int]] = field(default_factory=dict)
