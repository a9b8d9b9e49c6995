"""The database and the configuration of the bot that is measured."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from bench.processes import TOKEN, Api, Process
from bot.app import settings_of
from bot.config import load
from bot.domain.schedule import EVERY_DAY, Schedule
from handlers.context import Context
from storage.database import Database
from storage.keys import KeyFile
from storage.tables import EPOCH, accounts, groups, members, schedules
from storage.transaction import Transaction

ZONE = "America/Guatemala"
FIRST_CHAT = 5_000_000_000
IN_A_GROUP = 100
"""Members of one group."""
OF_A_MEMBER = 10
"""Timers of one member, as somebody has who is asked twice a day and travels."""
_AT_ONCE = 10_000

RULE = Schedule(EVERY_DAY, (time(9),), ZONE, timedelta(minutes=45), (timedelta(minutes=22),))


@dataclass(frozen=True)
class Installation:
    """A folder with all of it."""

    folder: Path

    @property
    def database(self) -> Path:
        """The file."""
        return self.folder / "acuerpa.db"

    @property
    def config(self) -> Path:
        """The file."""
        return self.folder / "config.toml"

    def configure(self, api: Api | None, per_second: float = 1000.0, at_once: int = 8) -> None:
        """Write the configuration."""
        url = api.url if api is not None else "http://127.0.0.1:1"
        self.config.write_text(
            f'language = "es"\nzone = "{ZONE}"\n'
            f'[database]\nurl = "{self.database}"\n'
            f'[keys]\nfile = "{self.folder / "acuerpa.key"}"\n'
            f'[telegram]\ntoken = "{TOKEN}"\nbase_url = "{url}"\n'
            f"per_second = {per_second}\nper_chat = 1000\nat_once = {at_once}\n",
            encoding="utf-8",
        )

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Database]:
        """Its database, the key made if there is none."""
        database = Database(str(self.database), KeyFile(self.folder / "acuerpa.key"))
        await database.open()
        try:
            yield database
        finally:
            await database.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        """The bot, as an operator starts it."""
        command = "from bot.start import main; main()"
        out = self.folder / "bot.out"
        async with Process.run("-c", command, "run", "--config", str(self.config), out=out) as bot:
            yield bot

    def context(self, tx: Transaction) -> Context:
        """What handlers get."""
        return Context(tx, datetime.now(UTC), settings_of(load(self.config), []))

    def copied(self, folder: Path) -> Installation:
        """The same again, elsewhere."""
        folder.mkdir()
        for name in ("acuerpa.db", "acuerpa.key"):
            shutil.copy(self.folder / name, folder / name)
        os.sync()
        return Installation(folder)


async def populate(
    at: Installation, people: int, *, due: datetime, due_count: int, of_each: int = OF_A_MEMBER,
    in_a_group: int = IN_A_GROUP,
) -> None:  # fmt: skip
    """So many members in groups of a hundred, each with a schedule and `of_each` timers.

    The schedules of the first `due_count` ask at `due`; all other timers are of later days.
    """
    async with at.opened() as database:
        now = datetime.now(UTC)
        async with database.transaction() as tx:
            made = [
                {"name": f"Red {n}", "organisation": "", "language": "es", "zone": ZONE,
                 "created_at": now}
                for n in range(-(-people // in_a_group))
            ]  # fmt: skip
            await tx.rows.insert_many(groups, made)
        for start in range(0, people, _AT_ONCE):
            async with database.transaction() as tx:
                await _some(tx, range(start, min(people, start + _AT_ONCE)), in_a_group, now)
    _set_timers(at, people, due, due_count, of_each)


async def _some(tx: Transaction, who: range, in_a_group: int, now: datetime) -> None:
    rows = tx.rows
    ids = await rows.insert_many(
        members,
        [
            {"group_id": 1 + n // in_a_group, "name": f"Ana {n}", "language": "es", "zone": ZONE,
             "roles": [], "plan": None, "joined_at": now, "invited_by": None}
            for n in who
        ],
    )  # fmt: skip
    await rows.insert_many(
        accounts,
        [
            {"member_id": id, "platform": "telegram", "address": str(FIRST_CHAT + n),
             "chat": str(FIRST_CHAT + n), "operator": False, "reachable": True, "used_at": now}
            for id, n in zip(ids, who, strict=True)
        ],
    )  # fmt: skip
    rule = RULE.to_json()
    await rows.insert_many(
        schedules, [{"member_id": id, "rule": rule, "created_at": now} for id in ids]
    )


def _set_timers(
    at: Installation, people: int, due: datetime, due_count: int, of_each: int
) -> None:
    """Nothing in them is sealed, and they are many: past all that makes statements."""
    at_due, later = microseconds(due), microseconds(due + timedelta(days=1))

    def rows() -> Iterator[tuple[str, int, int, int]]:
        for n in range(people):
            yield "schedule", n + 1, at_due + n if n < due_count else later + n, 0
            for k in range(1, of_each):
                yield f"other{k}", n + 1, later + k * 3_600_000_000 + n, 0

    with closing(sqlite3.connect(at.database)) as connection:
        connection.executemany(
            "INSERT INTO timers (kind, ref, due, attempts) VALUES (?, ?, ?, ?)", rows()
        )
        connection.commit()


def set_due(at: Installation, dues: Sequence[datetime]) -> None:
    """The schedules of the first members ask at these instants."""
    rows = [(microseconds(due), n + 1) for n, due in enumerate(dues)]
    with closing(sqlite3.connect(at.database)) as connection:
        connection.executemany("UPDATE timers SET due = ? WHERE kind = 'schedule' AND ref = ?", rows)
        connection.commit()


def microseconds(instant: datetime) -> int:
    """As the database keeps it."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def new_key(at: Installation) -> None:
    """One that is there before the database."""
    (at.folder / "acuerpa.key").write_bytes(secrets.token_bytes(32))
