"""Putting a backup in the place of the database: looked at as a whole first, in one step at the end.

What is put there is no longer what the bot left: what it did since the copy is not known to it. So the
restored database says so (`storage.facts.RESTORED`), and the bot looks after that at its next start.
The Matrix device of that time is left behind for a new one, since the old one would encrypt under keys
that it has used before. `moved` is for a bot that was stopped, copied, and not started since: it goes on
as it was.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from bot.backups.making import scratch_of
from bot.backups.stream import Identity, read
from bot.backups.values import CONFIGURATION, DATABASE, STORE, STORE_FILES, BackupError, Manifest
from bot.backups.work import RESERVE, wipe
from bot.config import Config
from bot.platforms.base import PlatformError
from storage.database import Database, StorageError, why_not
from storage.facts import RESTORED
from storage.keyring import Keyring, unlock
from storage.keys import KeySource, KnownKey
from storage.placing import is_taken, place
from storage.sealed_facts import SealedFacts
from storage.tables import facts
from storage.verifying import Sound, kept_in, verified

WORK = ".acuerpa-restore"
"""The folder in which a backup is opened: beside the database, for this account alone, overwritten."""

MARKS = "matrix.%.store_mark"
"""The facts by which the bot knows that the crypto store is the one that it left."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Opened:
    """A backup whose files lie in `folder`, and are what its manifest says.

    `ring` and `source` are its keys, and where the master key comes from; None where that was not at
    hand, so that no sealed field was opened.
    """

    manifest: Manifest
    folder: Path
    sound: Sound
    ring: Keyring | None
    source: KeySource | None

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / DATABASE


@contextmanager
def work_folder(beside: Path) -> Iterator[Path]:
    """For what is opened: gone and overwritten at the end, as is what a killed process left."""
    work = beside / WORK
    try:
        wipe(work)
        work.mkdir(mode=0o700)
        yield work
    except OSError as error:
        raise BackupError(
            f"restore: it cannot be written ({error.strerror or type(error).__name__}): make room in "
            f"{beside}, and let this account write there; nothing was changed"
        ) from None
    finally:
        with suppress(OSError):
            wipe(work)


async def opened(
    file: Path, keys: Sequence[Identity], source: KeySource | None, work: Path
) -> Opened:
    """Decrypt a backup into a folder, and look whether it is whole and what it says it is.

    `source`: where the master key comes from; None looks at everything but the sealed fields. Raises
    `BackupError` and `KeyFileError`; nothing outside of `work` is changed.
    """
    try:
        _room(file.stat().st_size, work)
        manifest = read(file, keys, lambda name: work / name)
    except FileNotFoundError:
        raise BackupError(f"{file}: is not there: name the file of a backup") from None
    if DATABASE not in manifest.files:
        raise BackupError("the backup holds no database: it was not made by this program")
    database = work / DATABASE
    try:
        if source is not None:
            master, argon = await unlock(kept_in(database), source)
            sound, ring = verified(database, master)
            source = KnownKey(master, passphrase=argon is not None)
        else:
            sound, ring = verified(database, None)
    except StorageError as error:
        raise BackupError(f"the backup: {error}; nothing was changed") from None
    if (sound.schema, sound.tables) != (manifest.schema, manifest.tables):
        raise BackupError("the backup: its counts are not those of its manifest; nothing was changed")
    if ring is not None and sound.sealed != manifest.sealed:
        raise BackupError("the backup: sealed fields are missing; nothing was changed")
    return Opened(manifest, work, sound, ring, source)


def _room(size: int, work: Path) -> None:
    if shutil.disk_usage(work).free < size + RESERVE:
        raise BackupError(
            f"restore: the disk of {work.parent} has not {(size + RESERVE) >> 20} MB free: make room; "
            "nothing was changed"
        )


async def prepare(backup: Opened, *, moved: bool) -> tuple[Sound, Keyring | None]:
    """Bring the opened copy to this version's schema, and have it say what it is.

    Returns what it holds then. Raises `StorageError`.
    """
    if backup.source is None:
        raise RuntimeError("a copy is prepared with its master key")
    database = Database(str(backup.database), backup.source)
    await database.open()
    try:
        await _is_another_time(database, backup.manifest.taken, moved=moved)
    finally:
        await database.close()
    master = await backup.source.master(None, fresh=False)
    return verified(backup.database, master)


async def _is_another_time(database: Database, taken: datetime, *, moved: bool) -> None:
    """Nobody acts on it, and, unless it was only moved, what its bot did since is not known to it."""
    async with database.transaction() as tx:
        await tx.fence.end_all()
        if moved:
            return
        if await tx.facts.get(RESTORED) is None:  # else it was restored before, and never started
            await tx.facts.set(RESTORED, taken.isoformat().encode())
        names = (
            await tx.connection.execute(sa.select(facts.c.name).where(facts.c.name.like(MARKS)))
        ).scalars()
        marks = list(names)
    for name in marks:
        await SealedFacts(database).set(name, b"[]")  # no crypto store is the one that it left


async def restore(
    file: Path,
    keys: Sequence[Identity],
    config: Config,
    source: KeySource,
    now: datetime,
    say: Say,
    *,
    replace: bool,
    moved: bool,
) -> None:
    """Put it in the place of the database of the configuration.

    Raises `BackupError`, `KeyFileError` or `StorageError`, and then nothing was changed.
    """
    target = Database(config.database.url, source)
    before = f"before-{now:%Y%m%dT%H%M%SZ}"
    try:
        async with target.alone():
            if await is_taken(target) and not replace:
                raise StorageError(
                    "database.url: there is a database already: with --replace it is kept beside, under "
                    "another name; nothing was changed"
                )
            with work_folder(_beside(config, target)) as work:
                backup = await opened(file, keys, source, work)
                if moved and not backup.manifest.resting:
                    raise BackupError(
                        "--moved: the bot was running when this backup was made, and has done things "
                        "since that are not in it: leave --moved out"
                    )
                sound, ring = await prepare(backup, moved=moved)
                aside = await place(backup.database, target, before)
                store = _store(config, backup, ring, before, moved=moved)
    except (sa.exc.DBAPIError, OSError) as error:
        raise BackupError(
            f"restore: the database cannot be written ({why_not(error)}): is the server there, is there "
            "room, and may this account make tables?"
        ) from None
    finally:
        await target.close()
    taken = f"{backup.manifest.taken:%F %H:%M} UTC"
    say(f"Restored: what was there on {taken}: {sound.rows} rows, {sound.sealed} sealed fields opened.")
    if aside is not None:
        say(f"What was there before is kept: {aside}. Remove it when you are sure.")
    for line in store:
        say(line)
    if not moved:
        _tell_what_is_lost(config, taken, say)


def _beside(config: Config, target: Database) -> Path:
    """A rename is one step only on the same disk."""
    if target.sqlite:
        return Path(str(target.url.database)).resolve().parent
    return scratch_of(config, target)


def _tell_what_is_lost(config: Config, taken: str, say: Say) -> None:
    say(
        f"What happened after {taken} is not in it. At its next start the bot tells those who "
        "coordinate, asks whoever is overdue, and sends no denunciation twice: docs/en/backup.md says "
        "what is left to you."
    )
    if config.matrix is not None:
        needs = "" if config.matrix.password else ": set matrix.password_file, it has to log in"
        say(f"On Matrix it will be a new device, which its own identity signs{needs}.")
    if config.archive.folder is not None and config.archive.folder.exists():
        say(
            f"{config.archive.folder} may hold denunciations that the database does not know any more, "
            "and is written anew: copy it before you start the bot."
        )


def _store(
    config: Config, backup: Opened, ring: Keyring | None, before: str, *, moved: bool
) -> list[str]:
    """The crypto store of Matrix. One that is here is newer, and opens more: it stays if it is whole.

    The database is in its place by now, and worth it without: the bot is a new device in any case.
    """
    names = [name for name in STORE_FILES if f"{STORE}/{name}" in backup.manifest.files]
    if config.matrix is None or ring is None or STORE_FILES[0] not in names:
        return []
    from bot.platforms.matrix.store.records import Keys, intact

    folder = config.matrix.store
    there = folder / STORE_FILES[0]
    if there.exists() and not moved:
        with suppress(PlatformError):
            intact(there, Keys(ring.matrix))
            return ["The crypto store of Matrix that is here is whole, and stays."]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in STORE_FILES:
            for end in ("-wal", "-shm", ""):
                with suppress(FileNotFoundError):
                    os.rename(folder / f"{name}{end}", folder / f"{name}.{before}{end}")
        for name in names:
            half = folder / f".{name}.half"
            shutil.copyfile(backup.folder / STORE / name, half)
            half.chmod(0o600)
            os.replace(half, folder / name)
    except OSError as error:
        why = error.strerror or type(error).__name__
        return [f"The crypto store of Matrix was NOT restored ({why}); the bot can do without it."]
    return ["The crypto store of Matrix was restored."]


def configuration(file: Path, keys: Sequence[Identity], to: Path, work: Path) -> None:
    """Write the configuration that is in a backup to a new file. Raises `BackupError`."""
    if to.exists():
        raise BackupError(f"--config: {to} is there already: name another one; nothing was changed")
    try:
        manifest = read(file, keys, lambda name: work / name if name == CONFIGURATION else None)
        if CONFIGURATION not in manifest.files:
            raise BackupError("the backup holds no configuration")
        handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write((work / CONFIGURATION).read_bytes())
    except OSError as error:
        raise BackupError(f"{to}: cannot be written ({error.strerror})") from None
