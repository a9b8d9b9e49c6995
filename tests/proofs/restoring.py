"""P15, backups: what is restored is what was there at one instant, whoever went on meanwhile."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from bot.backups.making import make
from bot.backups.restoring import restore
from bot.backups.stream import identities
from bot.config import Config, load
from storage.database import Database
from storage.facts import RESTORED
from storage.keys import KeyFile, KeyInMemory
from tests.proofs.keeping import NOW, everybody, folder, join
from tests.proofs.proof import Figures
from tests.support.backups import Installation
from tests.support.opened import KEY
from tests.support.postgres import server


async def backups_under_load(figures: Figures, full: bool) -> None:
    """Backups of SQLite, and of PostgreSQL if `full`, made and restored while people join."""
    await _backups(figures, 20 if full else 1)
    if full:
        with server() as url:
            await _backups(figures, 10, url)


async def _backups(figures: Figures, backups: int, url: str = "") -> None:
    """A backup made and restored by the program itself, while people join, holds exactly those who had
    joined at some instant of it: the model is a number."""
    with folder() as at:
        (at / "new").mkdir()
        one, elsewhere = Installation(at, url), Installation(at / "new")
        config = load(one.config)
        there = load(elsewhere.config)
        database = Database(one.url, KeyInMemory(KEY))
        await database.open()
        async with database.transaction() as tx:
            group = await tx.people.add_group("Red", "", "es", "UTC", NOW)
        joined = 0
        stop = asyncio.Event()

        async def people_join() -> None:
            nonlocal joined
            while not stop.is_set():
                async with database.transaction() as tx:
                    await join(tx, group, joined)
                joined += 1

        joining = asyncio.create_task(people_join())
        for number in range(backups):
            while joined < (number + 1) * 20:
                await asyncio.sleep(0.01)
            before = joined
            made = await make(config, database, NOW + timedelta(seconds=number))
            after = joined
            figures.more["joined_meanwhile"] = max(
                after - before, int(str(figures.more.get("joined_meanwhile", 0)))
            )
            problem = await _restored(config.backup.folder, made.name, one, there, number)
            if not problem:
                people = await _people_in(Path(elsewhere.url))
                if not before <= people <= after + 1:
                    figures.lost += 1
                    problem = f"{people} people, made between {before} and {after}"
                else:
                    problem = await everybody(Path(elsewhere.url), people)
            figures.check(not problem, f"backup {number}: {problem}")
        stop.set()
        await joining
        await database.close()
    figures.runs += backups
    figures.more["backups_under_load"] = int(str(figures.more.get("backups_under_load", 0))) + backups


async def _restored(
    kept: Path | None, name: str, one: Installation, there: Config, number: int
) -> str:
    assert kept is not None
    try:
        await restore(
            kept / name, identities(one.identity), there, KeyFile(one.key),
            NOW + timedelta(days=1, seconds=number), lambda _: None, replace=True, moved=False,
        )  # fmt: skip
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


async def _people_in(path: Path) -> int:
    database = Database(str(path), KeyInMemory(KEY))
    await database.open()
    async with database.transaction() as tx:
        people = len(await tx.people.in_group(1))
        marked = await tx.facts.get(RESTORED)
    await database.close()
    return people if marked is not None else -1
