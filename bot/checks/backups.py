"""Whether there is a backup, and how old the newest one is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from bot.backups.values import taken_at
from bot.checks.findings import Finding, Level
from bot.checks.scene import Scene

LATE = 2
"""So many times as old as it may be."""


async def look(scene: Scene) -> AsyncIterator[Finding]:
    """By the names of the files: they are encrypted, and whether they open is for a rehearsal."""
    section = scene.config.backup
    if section.folder is None:
        words = "is not set: what is lost with this machine is lost; see docs/en/operating.md"
        yield Finding(Level.WEAK, "backup.folder", words)
        return
    try:
        taken = [at for path in section.folder.iterdir() if (at := taken_at(path.name))]
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
