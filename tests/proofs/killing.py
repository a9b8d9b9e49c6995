"""An installation whose bot is killed and started again, and the truth about what it did.

The database is read here with `tests.support.opened` alone, so that a defect of `storage` cannot
hide itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.app import settings_of
from bot.config import load
from bot.domain.people import Role
from handlers.context import Context
from storage.database import Database
from storage.keys import KeyFile
from storage.transaction import Transaction
from tests.support import opened
from tests.support.botapi import BotApi, TelegramPerson
from tests.support.stage_bot import base_config, telegram_config
from tests.support.world import ZONE
from tests.support.zygote import AffineClock, Life, Zygote

START = datetime(2026, 11, 17, 14, 59, tzinfo=UTC)
"""One minute before 09:00 where the people are."""

PATIENCE = 90.0
"""Real seconds after the last restart within which everything must have happened."""



@dataclass(frozen=True)
class Kill:
    """One SIGKILL. `point` is the failpoint at which the bot killed itself, or "" by chance."""

    at: float
    point: str = ""


SELDOM = (
    "acting.", "audit.", "outages._", "outbox.recover_expired", "worker._failed", "worker._alone",
    "due._alone",
    "outbox._message",  # an edit that is claimed together with the message that it is about
    "outbox._start_some.2",  # what waits where the platform was not heard yet: at the begin of a life
)  # fmt: skip
"""Points that a workload reaches by accident: it may die there, but none is waited for."""


@dataclass
class Points:
    """How often the bot died at each failpoint, and what the next life is told of them.

    Every point that is ever reached must be died at `each` times; `only` restricts them by the
    beginning of their names.
    """

    rng: random.Random
    each: int
    only: tuple[str, ...] = ("",)
    longest: int = 8
    died: Counter[str] = field(default_factory=Counter)

    def arms(self) -> tuple[dict[str, int], int]:
        """`armed` and `others` for one life."""
        armed = {p: 0 if self.died[p] >= self.each else self._turn() for p in sorted(self.died)}
        return armed, self._turn()

    def learn(self, life: Life) -> None:
        """What it reached, and where it died."""
        for point in life.points:
            name = point.removesuffix(" KILLED")
            if name.startswith(self.only):
                self.died[name] += point.endswith(" KILLED")
            else:
                self.died[name] = self.each  # not ours: never armed again

    @property
    def left(self) -> dict[str, int]:
        """How many deaths each point still lacks."""
        return {
            p: self.each - n
            for p, n in self.died.items()
            if n < self.each and not p.startswith(SELDOM)
        }

    @property
    def deaths(self) -> dict[str, int]:
        """How often it died at each point of ours."""
        ours = {p: n for p, n in sorted(self.died.items()) if p.startswith(self.only)}
        return {p: n for p, n in ours.items() if not p.startswith(SELDOM)}

    def _turn(self) -> int:
        """Mostly the first time, since many points come once in a life."""
        return 1 if self.rng.random() < 0.6 else self.rng.randint(1, self.longest)


class Lives:
    """A database, and one life of the bot after the other.

    Args:
        platforms: The part of the configuration that names them.
        speed: Simulated seconds in a real one.
        database: A file or an address, if not in its own folder.
    """

    def __init__(
        self, zygote: Zygote, folder: Path, platforms: str, speed: float, database: str = ""
    ) -> None:
        self.zygote = zygote
        self.folder = folder
        self.config = folder / "config.toml"
        self.database = database or str(folder / "acuerpa.db")
        self.log_file = folder / "bot.log"
        self.config.write_text(base_config(folder, self.database) + platforms, encoding="utf-8")
        self.clock = AffineClock(START, time.time(), speed)
        self.kills: list[Kill] = []
        self.patience: float | None = None
        self.last_start = 0.0
        self.longest_down = 0.0
        self._life: Life | None = None

    async def end(self) -> None:
        """Kill the last life, which does not count."""
        if self._life is not None:
            await self._life.kill()

    # --- people ---

    @asynccontextmanager
    async def seeding(self) -> AsyncIterator[tuple[Transaction, Context]]:
        """One transaction to make people and their schedules in."""
        database = Database(self.database, KeyFile(self.folder / "acuerpa.key"))
        await database.open()
        try:
            async with database.transaction() as tx:
                yield tx, Context(tx, START, settings_of(load(self.config), []))
        finally:
            await database.close()

    async def begin(self) -> None:
        """The simulated time begins to run now."""
        self.clock = AffineClock(START, time.time(), self.clock.speed)

    # --- lives ---

    async def live(
        self, armed: Mapping[str, int] | None = None, others: int = 0, **more: Any
    ) -> Life:
        """Start the bot; see `Zygote.bot` for `more`."""
        life = await self.zygote.bot(
            self.config_of_life(), self.clock, self.folder, armed=armed, others=others, log=self.log_file,
            patience=self.patience, **more,
        )  # fmt: skip
        self.last_start = time.time()
        if self.kills:
            self.longest_down = max(self.longest_down, self.last_start - self.kills[-1].at)
        self._life = life
        return life

    def config_of_life(self) -> Path:
        """What the next life is started with."""
        return self.config

    async def kill_after(self, life: Life, seconds: float) -> None:
        """SIGKILL, unless it dies at a failpoint before."""
        await asyncio.wait({life.ended}, timeout=seconds)
        at = time.time()
        await life.kill()
        if life.ended.result() != signal.SIGKILL:
            log = self.log_file.read_text("utf-8", "replace")
            raise AssertionError(f"the bot ended by itself: {log[-3000:]}")
        self.kills.append(Kill(at, life.killed_at))

    # --- the truth ---

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What is in the database."""
        key = (self.folder / "acuerpa.key").read_bytes()
        if "://" in self.database:
            found = opened.copied(self.database, key)
        else:
            found = opened.connect(Path(self.database), key)
        with closing(found) as database:
            return database.execute(statement, values).fetchall()

    def count(self, statement: str, *values: object) -> int:
        """The first value of the first row."""
        number: int = self.rows(statement, *values)[0][0]
        return number

    async def until(self, done: Callable[[], bool], within: float) -> bool:
        """Poll until it is so; False if that takes too long."""
        end = time.monotonic() + within
        while True:
            began = time.monotonic()
            if done():
                return True
            if time.monotonic() > end:
                return False
            # To look must not take more of the machine than what is looked at.
            await asyncio.sleep(max(0.1, 2 * (time.monotonic() - began)))

    def quiet(self) -> bool:
        """Nothing waits to be handled or sent."""
        return not self.count(
            "SELECT (SELECT count(*) FROM inbox WHERE state = 'new')"
            " + (SELECT count(*) FROM outbox WHERE state IN ('queued', 'leased'))"
        )

    def log(self) -> str:
        """The end of what the bot logged."""
        return (self.folder / "bot.log").read_text("utf-8", "replace")[-3000:]


class Installation(Lives):
    """The bot on a Bot API server."""

    def __init__(
        self, zygote: Zygote, api: BotApi, folder: Path, speed: float, database: str
    ) -> None:
        super().__init__(zygote, folder, telegram_config(api), speed, database)
        self.api = api

    async def begin(self) -> None:
        """The platform's clock runs with it: what somebody writes must not look older than it is."""
        await super().begin()
        await self.api.set_clock(START.timestamp(), self.clock.speed)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, zygote: Zygote, speed: float, database: str = ""
    ) -> AsyncIterator[Installation]:
        """A new one, and its end; see `Lives` for `database`."""
        with a_folder() as folder:
            async with await BotApi.start(folder) as api:
                made = cls(zygote, api, folder, speed, database)
                await made.begin()
                try:
                    yield made
                finally:
                    await made.end()

    async def member(
        self, tx: Transaction, group: int, name: str, roles: Collection[Role] = ()
    ) -> tuple[int, TelegramPerson]:
        """A member of a group with an account on Telegram."""
        person = await self.api.person(name, language="es")
        plan = (await tx.people.group(group)).plan
        id = await tx.people.add_member(group, name, "es", ZONE, roles, START, plan=plan)
        await tx.people.add_account(id, "telegram", str(person.id), str(person.id), START)
        return id, person

    def config_of_life(self) -> Path:
        """Each life reaches the server by a path of its own, so that the log says who sent what."""
        path = self.folder / "life.toml"
        ours = self.config.read_text("utf-8")
        theirs = rf'base_url = "\1/as/{len(self.kills)}"'
        path.write_text(re.sub(r'base_url = "([^"]+)"', theirs, ours), encoding="utf-8")
        return path

    def sent(self) -> dict[str, list[float]]:
        """Real times at which each message with buttons arrived, by its first button's data.

        That data is a token of the outbox row's own, so it names the row.
        """
        return {data: [at for at, _ in by] for data, by in self.sent_by().items()}

    def sent_by(self) -> dict[str, list[tuple[float, str]]]:
        """The same, with the number of the life that sent it."""
        found: dict[str, list[tuple[float, str]]] = {}
        for line in self.api.truth("message"):
            for row in line.get("reply_markup", {}).get("inline_keyboard", [])[:1]:
                data = row[0]["callback_data"]
                found.setdefault(data, []).append((line["at"], line["by"]))
        return found


@contextmanager
def a_folder() -> Iterator[Path]:
    """Where an installation lives, for as long as it does."""
    # A SIGKILL loses nothing that the kernel has: a folder in memory proves as much, and faster.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="acuerpa-kills-", dir=memory))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def first_button(body: str) -> str:
    """The data of the first button of an outbox row's body."""
    data: str = json.loads(body)["buttons"][0][0][1]
    return data


def microseconds(value: int) -> datetime:
    """An instant as the database keeps it."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
