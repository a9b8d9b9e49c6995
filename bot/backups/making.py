"""Having a backup made, by the running bot or at the command line."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import asdict
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import structlog

from bot.backups.configuration import without_secrets
from bot.backups.values import BackupError, backups_in, taken_at
from bot.backups.work import Made, Order
from bot.config import Config
from storage.database import Database

log = structlog.get_logger(__name__)

LONGEST = 4 * 3600.0
"""Seconds after which one that is being made is given up."""

MOST_ANSWER = 1 << 20


async def make(config: Config, database: Database, at: datetime, folder: Path | None = None) -> Made:
    """One more, now, in the folder of the configuration if not in another. Raises `BackupError`.

    The database is only read, and a bot goes on meanwhile.
    """
    where = folder or config.backup.folder
    if where is None:
        raise BackupError("backup.folder: is not set: name one in [backup], or give --to")
    order = Order(
        url=database.url.render_as_string(hide_password=False),
        master=(await database.master()).reveal().hex(),
        recipients=list(config.backup.recipients),
        folder=str(where.absolute()),
        scratch=str(scratch_of(config, database).absolute()),
        keep=config.backup.keep,
        store=str(config.matrix.store.absolute()) if config.matrix else "",
        texts=str(config.texts.folder.absolute()) if config.texts.folder else "",
        configuration=without_secrets(config),
        program=version("acuerpa"),
        at=at.isoformat(),
    )
    return await _by_another_process(order)


def scratch_of(config: Config, database: Database) -> Path:
    """Where copies lie for a while: beside the database, where what they hold lies anyway."""
    if config.backup.scratch is not None:
        return config.backup.scratch
    return Path(str(database.url.database)).parent if database.sqlite else Path()


async def _by_another_process(order: Order) -> Made:
    # Our own secrets in the environment are not for it.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ACUERPA_") and name != "CREDENTIALS_DIRECTORY"
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "bot.backups.work",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, env=environment, limit=MOST_ANSWER,
    )  # fmt: skip
    try:
        async with asyncio.timeout(LONGEST):
            answer, _ = await process.communicate(json.dumps(asdict(order)).encode())
    except TimeoutError:
        raise BackupError("backup: it took too long: look at the disks; nothing is left of it") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        told = json.loads(answer)
    except ValueError:
        told = {"failed": f"backup: its process ended ({process.returncode}): is there memory enough?"}
    if "failed" in told:
        raise BackupError(str(told["failed"]))
    return Made(**told["made"])


class Backups:
    """Those of one installation, for the engine: see `bot.engine.backing`."""

    def __init__(self, config: Config, database: Database) -> None:
        self._config = config
        self._database = database
        self.every = timedelta(hours=config.backup.every)

    async def newest(self) -> datetime | None:
        """When the newest that is there was taken; None without any. Raises `OSError`."""
        return await asyncio.to_thread(newest_in, self._config.backup.folder)

    async def make(self, now: datetime) -> None:
        """One more. Raises `BackupError`, whose words hold no content."""
        made = await make(self._config, self._database, now)
        log.info("backup.made", rows=made.rows, bytes=made.bytes, removed=made.removed)
        for what in made.missing:
            log.warning("backup.without", what=what)


def newest_in(folder: Path | None) -> datetime | None:
    """When the newest backup of a folder was taken. Raises `OSError`."""
    if folder is None or not folder.exists():
        return None
    found = backups_in(folder)
    return taken_at(found[0].name) if found else None
