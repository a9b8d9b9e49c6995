"""Many things in one transaction, as long as none of them fails: then each has its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio

from bot.engine import due, together, worker
from bot.engine.due import DueTimers
from bot.engine.handling import Handlers, Occasion
from bot.engine.together import Together
from bot.engine.worker import Worker
from bot.platforms.base import ChatKind, Incoming, Platform, PlatformName, RawEvent, Text
from storage.database import Conflict, Database, Unavailable
from storage.fence import NotActing
from storage.keys import KeyInMemory
from storage.timers import Timer
from storage.transaction import Transaction
from tests.support.opened import KEY

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


@dataclass
class Poison:
    """Handlers that write down what they did in the database, and fail about some things."""

    of: set[int] = field(default_factory=set)
    error: type[Exception] = ValueError
    forgotten: set[str] = field(default_factory=set)
    aside: int = 0
    at_once: frozenset[str] = frozenset()

    async def timer(self, tx: Transaction, occasion: Occasion) -> None:
        await self._do(tx, occasion.ref)

    async def timers(self, tx: Transaction, occasions: Sequence[Occasion]) -> None:
        for occasion in occasions:
            await self.timer(tx, occasion)

    async def incoming(self, tx: Transaction, event: Incoming, now: datetime) -> None:
        assert isinstance(event.body, Text)
        if event.body.text in self.forgotten:
            tx.forget_event = True
        await self._do(tx, int(event.body.text))

    async def set_aside(self, tx: Transaction, event: Incoming | None, now: datetime) -> None:
        self.aside += 1

    async def _do(self, tx: Transaction, what: int) -> None:
        done = await tx.facts.get(f"done-{what}") or b""
        await tx.facts.set(f"done-{what}", done + b"x")
        if what in self.of:
            raise self.error


class Once(Poison):
    """Each of them fails once."""

    async def _do(self, tx: Transaction, what: int) -> None:
        try:
            await super()._do(tx, what)
        finally:
            self.of.discard(what)


class Clock:
    at = NOW

    def now(self) -> datetime:
        return self.at


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(str(tmp_path / "a.db"), KeyInMemory(KEY))
    await made.open()
    yield made
    await made.close()


async def test_what_is_asked_for_within_a_pause_is_committed_together(database: Database) -> None:
    for pause, commits in ((0.0, 2), (0.05, 1)):
        together = Together(database, lambda pause=pause: pause)  # type: ignore[misc]
        seen: list[float] = []
        database.observe = seen.append
        first = asyncio.create_task(together.do(lambda tx: tx.facts.set("a", b"1")))
        if not pause:
            await first  # it waits for nobody
        for _ in range(5):
            await asyncio.sleep(0)
        await together.do(lambda tx: tx.facts.set("b", b"2"))
        await first
        assert len(seen) == commits


async def done(database: Database, of: int) -> list[int]:
    """How often each of so many things was done, as far as it was committed."""
    async with database.transaction() as tx:
        return [len(await tx.facts.get(f"done-{n}") or b"") for n in range(of)]


@contextmanager
def counted(database: Database) -> Iterator[list[int]]:
    """Transactions that were begun."""
    begun: list[int] = []
    transaction = database.transaction

    def counting(**how: Any) -> Any:
        begun.append(1)
        return transaction(**how)

    database.transaction = counting  # type: ignore[method-assign]
    yield begun
    database.transaction = transaction  # type: ignore[method-assign]


# --- timers -----------------------------------------------------------------------------------


async def timers(database: Database, handlers: Poison, clock: Clock, many: int) -> DueTimers:
    async with database.transaction() as tx:
        for n in range(many):
            await tx.timers.set("a", n, NOW + timedelta(milliseconds=n))
    clock.at = NOW + timedelta(seconds=1)

    async def before() -> datetime:
        return clock.now()

    return DueTimers(database, cast(Handlers, handlers), clock, before)


async def test_many_timers_take_few_commits(database: Database) -> None:
    drained = await timers(database, Poison(), Clock(), 40)
    with counted(database) as begun:
        assert await drained.drain() == 40
    assert len(begun) < 15
    assert await done(database, 40) == [1] * 40


async def test_a_timer_that_fails_undoes_no_other(database: Database) -> None:
    handlers, clock = Poison({3, 17}), Clock()
    drained = await timers(database, handlers, clock, 20)
    await drained.drain()
    assert await done(database, 20) == [int(n not in (3, 17)) for n in range(20)]
    handlers.of.clear()
    clock.at += due.RETRY
    await drained.drain()
    assert await done(database, 20) == [1] * 20


async def test_timers_are_committed_after_a_while(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "TURN", 0.0)
    monkeypatch.setattr(due, "FEW", 1)
    drained = await timers(database, Poison(), Clock(), 10)
    with counted(database) as begun:
        await drained.drain()
    assert len(begun) >= 10


@pytest.mark.parametrize("together", [False, True])
async def test_what_takes_as_long_as_there_are_of_them_is_not_done_all_at_once(
    database: Database, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty misses are three transactions; sixty questions, which are asked together, are one."""
    monkeypatch.setattr(due, "TURN", 0.0)
    handlers = Poison(at_once=frozenset({"a"} if together else ()))
    carried: list[int] = []
    carry_out = due.DueTimers._carry_out

    async def carrying(self: DueTimers, tx: Transaction, some: Sequence[Timer]) -> None:
        carried.append(len(some))
        await carry_out(self, tx, some)

    monkeypatch.setattr(due.DueTimers, "_carry_out", carrying)
    drained = await timers(database, handlers, Clock(), 60)
    await drained.drain()
    assert carried == ([60] if together else [25, 25, 10])


@pytest.mark.parametrize("what", ["timers", "events"])
async def test_what_was_in_the_way_of_another_process_is_done_again_as_it_was(
    database: Database, what: str
) -> None:
    """Each of twenty alone would be in the way many times as often."""
    handlers = Once({3, 17}, Conflict)
    if what == "timers":
        drained: DueTimers | Worker = await timers(database, handlers, Clock(), 20)
    else:
        drained = await events(database, handlers, Clock(), 20)
    with counted(database) as begun:
        assert await drained.drain() == 20
    assert len(begun) < 12
    assert await done(database, 20) == [1] * 20


@pytest.mark.parametrize("error", [Conflict, Unavailable, NotActing])
async def test_whose_fault_it_is_not(
    database: Database, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process in the way for long: each timer alone. No disk, or no right: none, and all
    later."""
    handlers, clock = Poison({3}, error), Clock()
    drained = await timers(database, handlers, clock, 5)
    if error is Conflict:
        task = asyncio.create_task(drained.drain())
        async with asyncio.timeout(20):
            while sum(await done(database, 5)) < 3:
                await asyncio.sleep(0.01)
        handlers.of.clear()  # it is not in the way any more
        await task
        assert await done(database, 5) == [1] * 5
        return
    with pytest.raises(error):
        await drained.drain()
    assert await done(database, 5) == [0] * 5
    handlers.of.clear()
    clock.at += due.LEASE
    await drained.drain()
    assert await done(database, 5) == [1] * 5


# --- events -----------------------------------------------------------------------------------


class Parses:
    """A platform of which every event is the number that it holds."""

    def parse(self, event: RawEvent) -> Incoming:
        body = Text(event.raw["text"])
        return Incoming(
            PlatformName.TELEGRAM, event.event_id, "1", event.chat, ChatKind.PRIVATE, NOW, body
        )


async def events(database: Database, handlers: Poison, clock: Clock, many: int) -> Worker:
    async with database.transaction() as tx:
        raw = [(str(n), "7", {"text": str(n)}) for n in range(many)]
        await tx.inbox.store("telegram", raw, "1", NOW)
    platforms = {"telegram": cast(Platform, Parses())}
    return Worker(database, platforms, cast(Handlers, handlers), clock)


async def test_many_events_take_few_commits(database: Database) -> None:
    working = await events(database, Poison(), Clock(), 40)
    with counted(database) as begun:
        assert await working.drain() == 40
    assert len(begun) < 15
    assert await done(database, 40) == [1] * 40


async def test_an_event_that_fails_undoes_no_other(database: Database) -> None:
    handlers = Poison({3, 17})
    working = await events(database, handlers, Clock(), 20)
    async with asyncio.timeout(60):
        await working.drain()
    assert await done(database, 20) == [int(n not in (3, 17)) for n in range(20)]
    async with database.transaction() as tx:
        assert len(await tx.inbox.aside()) == handlers.aside == 2


async def test_what_is_to_be_forgotten_is_that_one_event(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "TURN", 10.0)
    working = await events(database, Poison(forgotten={"2"}), Clock(), 5)
    await working.drain()
    async with database.transaction() as tx:
        await tx.inbox.replay()
        await tx.connection.exec_driver_sql("UPDATE inbox SET state = 'new'")
        assert [event.raw for event in await tx.inbox.waiting(9)] == [
            {} if n == 2 else {"text": str(n)} for n in range(5)
        ]


# --- pieces -----------------------------------------------------------------------------------


@asynccontextmanager
async def at_once(database: Database, *works: Any) -> AsyncIterator[list[Any]]:
    """What each piece gave, or raised; all are asked for while another one is under way."""
    pieces = Together(database)

    async def first(tx: Transaction) -> None:
        await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(pieces.do(work)) for work in (first, *works)]
    found = await asyncio.gather(*tasks, return_exceptions=True)
    yield found[1:]


def doing(what: int, error: Exception | None = None) -> Any:
    async def work(tx: Transaction) -> int:
        done = await tx.facts.get(f"done-{what}") or b""
        await tx.facts.set(f"done-{what}", done + b"x")
        if error is not None:
            raise error
        return what

    return work


async def test_pieces_are_committed_together(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "TURN", 10.0)
    with counted(database) as begun:
        async with at_once(database, *(doing(n) for n in range(9))) as found:
            assert found == list(range(9))
    assert len(begun) == 1
    assert await done(database, 9) == [1] * 9


async def test_a_piece_that_fails_undoes_no_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "TURN", 10.0)
    works = [doing(n, ValueError() if n == 2 else None) for n in range(5)]
    async with at_once(database, *works) as found:
        assert [type(one) for one in found] == [int, int, ValueError, int, int]
    assert await done(database, 5) == [1, 1, 0, 1, 1]


@pytest.mark.parametrize("error", [Unavailable("full"), NotActing("replaced")])
async def test_without_a_disk_or_a_right_nothing_is_done(
    database: Database, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "TURN", 10.0)
    async with at_once(database, doing(0), doing(1, error), doing(2)) as found:
        assert found == [error] * 3
    assert await done(database, 3) == [0] * 3


async def test_who_asks_alone_is_told_what_failed(database: Database) -> None:
    pieces = Together(database)
    with pytest.raises(ValueError, match="itself"):
        await pieces.do(doing(0, ValueError("itself")))
    assert await pieces.do(doing(1)) == 1
    assert await done(database, 2) == [0, 1]


async def test_what_nobody_waits_for_any_more_is_not_begun(database: Database) -> None:
    pieces = Together(database)
    entered = asyncio.Event()

    async def slow(tx: Transaction) -> None:
        entered.set()
        await asyncio.sleep(0.05)

    first = asyncio.create_task(pieces.do(slow))
    await entered.wait()
    second = asyncio.create_task(pieces.do(doing(0)))
    await asyncio.sleep(0)
    second.cancel()
    await first
    assert await done(database, 1) == [0]
