"""P15: migrations, rotation of keys and restoring a backup keep everything."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
import structlog
from alembic import command

from bot.domain.people import Role
from storage import keyring
from storage.database import Database
from storage.keys import KeyInMemory, MasterKey
from storage.sealed_facts import SealedFacts
from storage.versions import alembic, revisions
from tests.proofs.proof import Figures
from tests.support.first_version import FIRST, holds_everything
from tests.support.forks import Forks
from tests.support.opened import KEY

NOW = datetime(2026, 11, 25, tzinfo=UTC)
PEOPLE = 1200

Killed = tuple[int, list[str]]
"""How many deaths, and what was wrong after which."""


async def p15(full: bool, seed: int) -> Figures:
    """Killed at each statement of each migration and at 200 of rotations; backed up under load."""
    figures = Figures()
    rng = random.Random(seed)
    await _migrations(figures, seed, full)
    await _rotations(figures, rng, 200 if full else 6, PEOPLE if full else 100)
    # Here, since the processes that are killed above import this module, each time.
    from tests.proofs.restoring import backups_under_load

    await backups_under_load(figures, full)
    return figures


# --- migrations -----------------------------------------------------------------------------------


def made(path: Path, revision: str) -> None:
    """A database as that version left it, with something of everything in it."""
    engine = sa.create_engine(f"sqlite:///{path}")
    master = MasterKey(KEY)
    ring = keyring.fresh(master.legacy_matrix_key())
    with engine.begin() as connection:
        config = alembic()
        config.attributes.update(connection=connection, master=master, ring=ring)
        command.upgrade(config, "0001")
        for statement in FIRST:
            connection.execute(sa.text(statement.replace(":", "\\:")))
        wrapped = master.wrap(b"a session", "facts.matrix.1.session")
        connection.execute(
            sa.text("INSERT INTO facts (name, value) VALUES ('matrix.1.session', :value)"),
            {"value": wrapped},
        )
        command.upgrade(config, revision)
        if revision >= "0003":
            keyring.save(connection, ring, master, None)
    engine.dispose()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=wal")


async def migrate(path: str) -> None:
    """What a start does; in a process that may be killed."""
    database = Database(path, KeyInMemory(KEY))
    await database.open()
    await database.close()


async def _migrations(figures: Figures, seed: int, full: bool) -> None:
    """Each schema in several parts, on every processor: whole, it is an hour for one."""
    parts = 8 if full else 1
    loop = asyncio.get_running_loop()
    # Spawned: a copy of a process with threads may hold a lock that nobody opens.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        found = await asyncio.gather(
            *(
                loop.run_in_executor(pool, in_a_process, revision, part, parts, seed, full)
                for revision in revisions()[:-1]
                for part in range(parts)
            )
        )
    kills = sum(killed for killed, _ in found)
    problems = [problem for _, those in found for problem in those]
    figures.lost += len(problems)
    figures.problems += problems
    figures.runs += kills
    figures.more["migration_kills"] = kills
    figures.more["schemas"] = len(revisions()) - 1


def in_a_process(revision: str, part: int, parts: int, seed: int, full: bool) -> Killed:
    """One part of the deaths while a database of this schema is migrated."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return asyncio.run(_killed_in(revision, part, parts, seed, full))


async def _killed_in(revision: str, part: int, parts: int, seed: int, full: bool) -> Killed:
    kills, problems = 0, []
    async with await Forks.start("tests.proofs.keeping:migrate") as forks:
        with folder() as at:
            made(at / "made.db", revision)
            shutil.copy(at / "made.db", at / "a.db")
            _, statements = await forks.run(0, path=str(at / "a.db"))
            every = range(1, statements + 1)
            chance = random.Random(f"{seed} {revision}")
            for die_at in (every if full else chance.sample(every, min(4, statements)))[part::parts]:
                _copy(at / "made.db", at / "a.db")
                killed, _ = await forks.run(die_at, path=str(at / "a.db"))
                kills += killed
                problem = await _readable(at / "a.db")
                if problem:
                    problems.append(f"{revision} killed at {die_at}: {problem}")
    return kills, problems


async def _readable(path: Path) -> str:
    database = Database(str(path), KeyInMemory(KEY))
    try:
        await database.open()
        await holds_everything(database)
        if await SealedFacts(database).get("matrix.1.session") != b"a session":
            return "the Matrix session is another"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        await database.close()
    return ""


def _copy(source: Path, to: Path) -> None:
    for left in to.parent.glob(f"{to.name}*"):
        left.unlink()
    shutil.copy(source, to)


@contextmanager
def folder() -> Iterator[Path]:
    """One that is gone afterwards; in memory, since a SIGKILL loses nothing that the kernel has."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="acuerpa-keeping-", dir=memory) as name:
        yield Path(name)


# --- rotations ------------------------------------------------------------------------------------


async def rotate(path: str) -> None:
    """`acuerpa keys rotate`, or the start after one that was broken off."""
    database = Database(path, KeyInMemory(KEY))
    await database.open()
    await database.rotate()
    await database.close()


async def _rotations(figures: Figures, rng: random.Random, kills: int, people: int) -> None:
    killed = finished = 0
    with folder() as at:
        path = at / "a.db"
        await filled(path, people)
        async with await Forks.start("tests.proofs.keeping:rotate") as forks:
            _, statements = await forks.run(0, path=str(path))
            while killed < kills:
                dead, _ = await forks.run(rng.randint(1, statements), path=str(path))
                killed += dead
                finished += not dead
                if dead and killed % 10 == 0:
                    problem = await everybody(path, people)
                    if problem:
                        figures.lost += 1
                        figures.problems.append(f"rotation killed {killed} times: {problem}")
        problem = await everybody(path, people)
        figures.check(not problem, f"after all rotations: {problem}")
        database = Database(str(path), KeyInMemory(KEY))
        await database.open()
        figures.more["data_keys_made"] = database.vault.current
        await database.close()
    figures.runs += killed
    figures.more["rotation_kills"] = killed


async def filled(url: str | Path, people: int) -> None:
    """A database with one group of so many people."""
    database = Database(str(url), KeyInMemory(KEY))
    await database.open()
    async with database.transaction() as tx:
        group = await tx.people.add_group("Red", "", "es", "UTC", NOW)
    for number in range(people):
        async with database.transaction() as tx:
            await join(tx, group, number)
    await database.close()


async def join(tx, group: int, number: int) -> None:  # type: ignore[no-untyped-def]
    """One more of the group's people."""
    roles = [Role.RESPONDER]
    id = await tx.people.add_member(group, f"Ana {number}", "es", "UTC", roles, NOW)
    await tx.people.add_account(id, "telegram", f"{number}", f"chat {number}", NOW)


async def everybody(path: Path, people: int) -> str:
    """What is wrong, if anything: all are to be found, by each index, and read.

    A start finishes what was broken off.
    """
    database = Database(str(path), KeyInMemory(KEY))
    try:
        await database.open()
        async with database.transaction() as tx:
            there = await tx.people.in_group(1)
            if [m.name for m in there] != [f"Ana {n}" for n in range(people)]:
                return f"{len(there)} of {people} members"
            for number in range(0, people, 7):
                member = await tx.people.member_named(1, f"Ana {number}")
                account = await tx.people.account("telegram", f"{number}")
                by_chat = await tx.people.account_in("telegram", f"chat {number}")
                if member is None or account is None or account != by_chat:
                    return f"Ana {number} is not found"
                if account.member != member.id:
                    return f"Ana {number} has the account of somebody else"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        await database.close()
    return ""
