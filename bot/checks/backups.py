"""Whether there is a backup, and how old the newest one is."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.checks.findings import Finding, Level
from bot.checks.scene import Scene

NAME = re.compile(r"acuerpa-(\d{8}T\d{6})Z\.age")
"""What a backup is called: when it was begun, in UTC."""

LATE = 2
"""So many times as old as it may be."""


async def look(scene: Scene) -> AsyncIterator[Finding]:
    """By the names of the files: they are encrypted, and whether they open is for a rehearsal."""
    section: Any = getattr(scene.config, "backup", None)
    if section is None:
        return
    if section.folder is None:
        words = "is not set: what is lost with this machine is lost; see docs/en/operating.md"
        yield Finding(Level.WEAK, "backup.folder", words)
        return
    try:
        taken = [at for path in Path(section.folder).iterdir() if (at := _taken(path.name))]
    except OSError as error:
        yield Finding(Level.WEAK, "backup.folder", f"cannot be read ({error.strerror}): make it")
        return
    if not taken:
        yield Finding(Level.WEAK, "backup.folder", "there is no backup in it: acuerpa backup")
        return
    age = scene.now() - max(taken)
    hours = f"{age / timedelta(hours=1):.0f} hours"
    if age <= LATE * timedelta(hours=section.every):
        yield Finding(Level.OK, "backup.folder", f"the newest backup is {hours} old")
    else:
        words = (
            f"the newest backup is {hours} old: look at the bot's log, and make one: acuerpa backup"
        )
        yield Finding(Level.WEAK, "backup.folder", words)


def _taken(name: str) -> datetime | None:
    found = NAME.fullmatch(name)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
