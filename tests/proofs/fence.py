"""P7: only one bot acts. Two processes of which one is stopped and let go on again, over and over.

The truth is the fake server's log, in which each process has a name, and what each process wrote
down about its own transactions. On SQLite both are on one machine, and whoever waits ends a process
that stands still; on PostgreSQL the stale one comes back to life and finds itself replaced.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import tempfile
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.app import settings_of
from bot.config import load
from bot.domain.incident import Kind
from bot.domain.lanes import Lane
from bot.domain.people import Role
from bot.domain.plan import Plan, Recipient, Step, Who
from bot.domain.rich import Rich
from handlers.context import Context
from handlers.incidents import open_incident
from storage.database import Database, database_url
from storage.keys import KeyFile
from tests.proofs.proof import Figures
from tests.support.botapi import BotApi
from tests.support.postgres import server
from tests.support.rival import Rival
from tests.support.world import ZONE
from tests.support.zygote import AffineClock, Life, Zygote

START = datetime(2026, 11, 17, 14, 59, tzinfo=UTC)
SPEED = 300.0
"""Simulated seconds in a real one: a plan that is exhausted tells everyone every three real ones."""
LEASE = 0.5
INCIDENTS, READERS, COPIES = 30, 60, 60
"""Open incidents of three people each; readers, and broadcasts to each of them."""
PATIENCE = 30.0
"""Seconds in which the other process must have taken over and sent something."""
NAMES = ("uno", "dos")


async def p7(full: bool, seed: int) -> Figures:
    """Half of the swaps on each kind of database."""
    rng = random.Random(seed)
    figures = Figures(more=nothing())
    swaps = 50 if full else 3
    async with await Zygote.start() as zygote:
        await swapped(zygote, figures, rng, swaps, "sqlite")
        with server() as url:
            await swapped(zygote, figures, rng, swaps, url)
    return figures


def nothing() -> dict[str, object]:
    """What is counted: messages of a stale process, those of them that it had looked for before it
    was stopped and could not take back, its transactions, and how often its last look refused."""
    return {"stale": 0, "in_window": 0, "stale_commits": 0, "refused_late": 0}


async def swapped(
    zygote: Zygote,
    figures: Figures,
    rng: random.Random,
    swaps: int,
    url: str,
    without: Sequence[str] = (),
    *,
    until: str = "",
) -> None:
    """`swaps` swaps on one database, and what is to be said about them.

    `without` takes parts of the fence away; then a problem with the words `until` is enough.
    """
    async with Pair.open(zygote, url, without) as pair:
        await pair.seed()
        for name in NAMES:
            await pair.live(name)
        await pair.waits(lambda: pair.acting(), "nobody begins to act")
        for _ in range(swaps):
            await pair.swap(rng)
            figures.runs += 1
            if until:
                found = Figures(more=nothing())
                _judge(pair, found)
                if any(until in problem for problem in found.problems):
                    break
        await asyncio.sleep(LEASE)
        for life in pair.lives.values():
            await life.kill()
        _judge(pair, figures)


@dataclass
class Pair:
    """Two processes over one database, and a Bot API server that knows them apart."""

    zygote: Zygote
    api: BotApi
    folder: Path
    url: str
    without: Sequence[str]
    clock: AffineClock = field(default_factory=lambda: AffineClock(START, time.time(), SPEED))
    lives: dict[str, Life] = field(default_factory=dict)
    witnesses: list[tuple[str, Rival]] = field(default_factory=list)
    ended: int = 0

    @classmethod
    @asynccontextmanager
    async def open(
        cls, zygote: Zygote, url: str, without: Sequence[str]
    ) -> AsyncIterator[Pair]:
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        folder = Path(tempfile.mkdtemp(prefix="acuerpa-fence-", dir=memory))
        try:
            async with await BotApi.start(folder) as api:
                pair = cls(zygote, api, folder, _url(url, folder), without)
                try:
                    yield pair
                finally:
                    for life in pair.lives.values():
                        await life.kill()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def sqlite(self) -> bool:
        return "://" not in self.url

    def config(self, name: str) -> Path:
        """Each process reaches the server by a path of its own."""
        path = self.folder / f"{name}.toml"
        path.write_text(
            f'language = "es"\nzone = "{ZONE}"\n'
            f'[database]\nurl = "{self.url}"\n'
            f'[keys]\nfile = "{self.folder / "acuerpa.key"}"\n'
            f"[fence]\nlease = {LEASE}\n"
            f'[telegram]\ntoken = "{self.api.token}"\nbase_url = "{self.api.url}/as/{name}"\n'
            "per_second = 60\nper_chat = 1000\n",
            encoding="utf-8",
        )
        return path

    async def seed(self) -> None:
        """Incidents that nobody takes, and broadcasts to many."""
        plan = Plan((Step(timedelta(0), (Recipient(Who.CIRCLE),)),), repeat=timedelta(minutes=2))
        config = load(self.config(NAMES[0]))
        database = Database(self.url, KeyFile(self.folder / "acuerpa.key"))
        await database.open()
        async with database.transaction() as tx:
            ctx = Context(tx, START, settings_of(config, []))
            group = await tx.people.add_group("Red", "", "es", ZONE, START)
            await tx.people.set_plan(plan, group=group)
            for name in ("Berta", "Carla", "Coral"):
                await self._member(ctx, group, name, [Role.RESPONDER])
            for n in range(INCIDENTS):
                ana = await self._member(ctx, group, f"Ana {n}", [])
                await open_incident(ctx, ana, Kind.PANIC)
            readers = [str((await self.api.person(f"Olga {n}")).id) for n in range(READERS)]
            for copy in range(COPIES):
                await tx.outbox.add_many(
                    [(f"c{copy}-{r}", "telegram", r, "private", None) for r in readers],
                    lane=Lane.BROADCAST, operation="send", purpose=f"denunciation:0:{copy}",
                    body={"text": Rich.of(f"Denuncia {copy}").to_json()}, now=START,
                )  # fmt: skip
        await database.close()
        self.clock = AffineClock(START, time.time(), SPEED)

    async def _member(self, ctx: Context, group: int, name: str, roles: Sequence[Role]) -> int:
        person = await self.api.person(name, language="es")
        id = await ctx.tx.people.add_member(group, name, "es", ZONE, roles, START)
        await ctx.tx.people.add_account(id, "telegram", str(person.id), str(person.id), START)
        return id

    # --- lives ---

    async def live(self, name: str) -> None:
        """Start one, which waits for its turn."""
        witness = self.folder / f"witness-{len(self.witnesses)}"
        self.witnesses.append((name, Rival(witness)))
        self.lives[name] = await self.zygote.bot(
            self.config(name), self.clock, self.folder, standby=True, log=f"{name}.log",
            prepare="tests.support.rival:prepare",
            given={"witness": str(witness), "without": list(self.without)},
        )  # fmt: skip

    def turns(self) -> list[tuple[float, int, str]]:
        """Who took the right when: instant, number, name; in their order."""
        taken = [
            (at, number, name)
            for name, witness in self.witnesses
            for number, at in witness.took().items()
        ]
        return sorted(taken, key=lambda turn: turn[1])

    def acting(self) -> str:
        """Who has it now; "" before anybody had."""
        turns = self.turns()
        return turns[-1][2] if turns else ""

    def sent_since(self, name: str, at: float) -> bool:
        """Whether it sent a message after that instant."""
        return any(
            line["by"] == name and line["at"] > at for line in self.api.truth("message")
        )

    async def waits(self, until: Callable[[], object], problem: str) -> None:
        """Poll."""
        end = time.monotonic() + PATIENCE
        while not until():
            if time.monotonic() > end:
                logs = {n: (self.folder / f"{n}.log").read_text()[-1500:] for n in self.lives}
                raise AssertionError(f"{problem}: {self.turns()[-3:]} {logs}")
            await asyncio.sleep(0.02)

    async def swap(self, rng: random.Random) -> None:
        """Stop whoever acts, wait for the other to take over and send, and let the first go on."""
        if rng.random() < 0.3:
            await self._scare(rng)
        before = self.turns()[-1]
        stale = before[2]
        await self.waits(lambda: self.sent_since(stale, before[0]), f"{stale} sends nothing")
        await asyncio.sleep(rng.uniform(0, 0.3))
        if self.acting() != stale:
            stale = self.acting()  # it was too slow to renew: a swap of its own
        life = self.lives[stale]
        life.signal(signal.SIGSTOP)
        stopped = time.time()
        await self.waits(
            lambda: self.acting() != stale and self.sent_since(self.acting(), stopped),
            "nobody takes over",
        )
        await asyncio.sleep(rng.uniform(0, 0.2))
        life.signal(signal.SIGCONT)
        await asyncio.sleep(rng.uniform(0.1, 0.4))
        if self.sqlite:
            await asyncio.wait({life.ended}, timeout=PATIENCE)
            assert life.ended.done(), "who stood still was not ended"
        if life.ended.done():
            self.ended += 1
            assert self.sqlite, f"{stale} did not go back to waiting"
            await self.live(stale)

    async def _scare(self, rng: random.Random) -> None:
        """Stop it for about as long as its right lasts: either may act afterwards."""
        life = self.lives[self.acting()]
        life.signal(signal.SIGSTOP)
        await asyncio.sleep(rng.uniform(0.6, 1.2) * LEASE)
        life.signal(signal.SIGCONT)
        await asyncio.sleep(LEASE)
        for name, each in list(self.lives.items()):
            if each.ended.done():
                await self.live(name)

    def rows(self, statement: str) -> list[Any]:
        """What is in the database, read by a driver of its own."""
        url = database_url(self.url).set(
            drivername="sqlite" if self.sqlite else "postgresql+psycopg2"
        )
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            found = list(connection.execute(sa.text(statement)))
        engine.dispose()
        return found


def _url(kind: str, folder: Path) -> str:
    return str(folder / "acuerpa.db") if kind == "sqlite" else kind


def _judge(pair: Pair, figures: Figures) -> None:
    """Who sent and who wrote while it was the other's turn."""
    turns = pair.turns()
    instants = [at for at, _, _ in turns]
    kind = "sqlite" if pair.sqlite else "postgresql"

    def whose(at: float) -> str:
        index = bisect_right(instants, at) - 1
        return turns[index][2] if index >= 0 else ""

    sent = pair.api.truth("message")
    windows: dict[str, list[tuple[float, float]]] = {}
    for name, witness in pair.witnesses:
        windows.setdefault(name, []).extend(witness.windows())
        figures.more["refused_late"] += witness.refusals()  # type: ignore[operator]
        stale = _stale_commits(turns, name, witness)
        figures.more["stale_commits"] += len(stale)  # type: ignore[operator]
        figures.problems += [f"{kind}: {name} wrote at {at} without the right" for at in stale[:3]]
    for line in sent:
        if line["by"] != whose(line["at"]):
            frozen = any(a < line["at"] < b + 0.1 for a, b in windows[line["by"]])
            figures.more["in_window" if frozen else "stale"] += 1  # type: ignore[operator]
            if not frozen:
                figures.problems.append(f"{kind}: {line['by']} sent at {line['at']}: {turns[-4:]}")
    takeovers = sum(a[2] != b[2] for a, b in pairwise(turns))
    figures.more[f"{kind}_takeovers"] = takeovers
    figures.more[f"{kind}_sent"] = len(sent)
    _judge_copies(pair, figures, sent, takeovers, kind)


def _stale_commits(
    turns: Sequence[tuple[float, int, str]], name: str, witness: Rival
) -> list[float]:
    """Transactions that it began after the other had taken over, and before its own next turn."""
    found = []
    own = witness.took()
    ends = {number: at for at, number, _ in turns}
    for at in witness.commits():
        number = max((n for n, taken in own.items() if taken <= at), default=0)
        later = [taken for n, taken in ends.items() if n > number]
        if number and later and at > min(later):
            found.append(at)
    return found


def _judge_copies(
    pair: Pair, figures: Figures, sent: Sequence[dict[str, Any]], takeovers: int, kind: str
) -> None:
    """A broadcast arrives once; of an alarm a second copy may be there for each takeover."""
    copies = Counter(
        (str(line["chat"]), line["text"]) for line in sent if line["text"].startswith("Denuncia")
    )
    twice = sum(n - 1 for n in copies.values())
    figures.duplicated += twice
    figures.check(not twice, f"{kind}: {twice} broadcasts arrived twice")
    alarms = Counter(
        row[0]["callback_data"]
        for line in sent
        for row in line.get("reply_markup", {}).get("inline_keyboard", [])[:1]
    )
    again = sum(n - 1 for n in alarms.values())
    places = 8
    figures.more[f"{kind}_alarms_twice"] = again
    figures.check(again <= places * takeovers, f"{kind}: {again} alarms at {takeovers} takeovers")
    for (key,) in pair.rows(
        "SELECT key FROM outbox WHERE purpose LIKE 'denunciation:%' AND state = 'sent'"
    ):
        copy, _, reader = key.removeprefix("c").partition("-")
        if not copies[reader, f"Denuncia {copy}"]:
            figures.lost += 1
            figures.problems.append(f"{kind}: {key} is sent and never arrived")
