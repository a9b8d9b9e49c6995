"""A rehearsal: a backup is opened and restored into a folder of its own, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.backups.restoring import opened, prepare
from bot.backups.stream import Identity
from bot.backups.values import BackupError, Manifest, backups_in
from storage.keys import KeySource


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What would be there. `sealed` is None where the master key was not at hand."""

    manifest: Manifest
    sealed: int | None


async def rehearse(
    file: Path, keys: Sequence[Identity], source: KeySource | None, work: Path
) -> Rehearsed:
    """Do all of a restore but its last step. Raises `BackupError` or `KeyFileError`."""
    backup = await opened(file, keys, source, work)
    if source is None:
        return Rehearsed(backup.manifest, None)
    sound, _ = await prepare(backup, moved=False)
    return Rehearsed(backup.manifest, sound.sealed)


def newest(folder: Path | None) -> Path:
    """The newest backup of a folder. Raises `BackupError`."""
    if folder is None:
        raise BackupError("backup.folder: is not set: name the backup's file")
    try:
        found = backups_in(folder)
    except OSError as error:
        raise BackupError(f"backup.folder: cannot be read ({error.strerror})") from None
    if not found:
        raise BackupError("backup.folder: there is no backup in it: make one with acuerpa backup")
    return found[0]
