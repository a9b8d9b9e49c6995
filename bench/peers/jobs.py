"""APScheduler with a job for each member, in its SQL job store: `python -m bench.peers.jobs FOLDER …`.

Each job does in one transaction what ours does, without sealing: it keeps the check-in and queues the
question. What is printed: jobs per second, and seconds for which the event loop stood still in
`AsyncIOScheduler`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import pickle
import resource
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import time_machine
from apscheduler.executors.debug import DebugExecutor
from apscheduler.job import Job
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import STATE_RUNNING, BaseScheduler
from apscheduler.triggers.cron import CronTrigger

metadata = sa.MetaData()
checkins = sa.Table(
    "checkins", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("member", sa.Integer),
    sa.Column("due", sa.Float), sa.Column("state", sa.Text),
)  # fmt: skip
outbox = sa.Table(
    "outbox", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("member", sa.Integer),
    sa.Column("body", sa.Text),
)  # fmt: skip

_engine: Any = None
_lock = threading.Lock()
_done: list[float] = []


def ask(member: int, due: float) -> None:
    """The job."""
    with _lock, _engine.begin() as connection:  # SQLite has one writer at a time
        connection.execute(checkins.insert(), {"member": member, "due": due, "state": "due"})
        connection.execute(outbox.insert(), {"member": member, "body": "¿Estás bien?"})
    _done.append(time.time())


def note(member: int, due: float) -> None:
    """A job that is only measured."""
    _done.append(time.time() - due)


def made(scheduler: Any, number: int, at: datetime, function: Any) -> Job:
    """One that was to run at `at`, and is to run again every day."""
    return Job(
        scheduler, id=f"member-{number}", name="ask", trigger=CronTrigger(hour=9, timezone=UTC),
        func=function, args=(number, at.timestamp()), kwargs={}, misfire_grace_time=None, coalesce=True,
        max_instances=1, next_run_time=at, executor="default",
    )  # fmt: skip


def holding(store: SQLAlchemyJobStore, scheduler: Any, jobs: int) -> None:
    """All of them are due. Written at once: to add them one by one takes as long as to run them."""
    at = datetime.now(UTC) - timedelta(seconds=1)
    rows = []
    for number in range(jobs):
        job = made(scheduler, number, at, ask)
        state = pickle.dumps(job.__getstate__(), store.pickle_protocol)
        rows.append({"id": job.id, "next_run_time": at.timestamp(), "job_state": state})
    with store.engine.begin() as connection:
        connection.execute(store.jobs_t.insert(), rows)


def carried_out(folder: Path, jobs: int) -> dict[str, float]:
    """Jobs per second, from the look for those that are due to the end of the last."""
    global _engine
    _engine = sa.create_engine(f"sqlite:///{folder / 'peer.db'}")
    with _engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=wal")
        connection.exec_driver_sql("PRAGMA synchronous=2")
    metadata.create_all(_engine)
    store = SQLAlchemyJobStore(url=f"sqlite:///{folder / 'jobs.db'}")
    scheduler = BackgroundScheduler(jobstores={"default": store}, timezone=UTC)
    scheduler.start(paused=True)
    holding(store, scheduler, jobs)
    began = time.time()
    scheduler.resume()
    while len(_done) < jobs:
        time.sleep(0.005)
    return {"per_second": jobs / (max(_done) - began)}


async def stood_still(folder: Path, jobs: int) -> dict[str, float]:
    """Seconds for which nothing else had a turn, while so many due jobs are begun."""
    global _engine
    _engine = sa.create_engine(f"sqlite:///{folder / 'peer2.db'}")
    metadata.create_all(_engine)
    store = SQLAlchemyJobStore(url=f"sqlite:///{folder / 'jobs2.db'}")
    scheduler = AsyncIOScheduler(jobstores={"default": store}, timezone=UTC)
    scheduler.start(paused=True)
    holding(store, scheduler, jobs)
    longest, last = 0.0, time.perf_counter()
    scheduler.resume()
    while len(_done) < jobs:
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return {"stall": longest}


async def late(members: int, many: int, seconds: float) -> dict[str, list[float]]:
    """Seconds from due to begun, of `many` among `members` jobs that are due within `seconds`."""
    scheduler = AsyncIOScheduler(jobstores={"default": MemoryJobStore()}, timezone=UTC)
    scheduler.start(paused=True)
    store = scheduler._jobstores["default"]
    begin = datetime.now(UTC) + timedelta(seconds=15)
    # In their order, since the store keeps them so by looking for each one's place.
    ats = [begin + timedelta(seconds=seconds * n / many) for n in range(many)]
    ats += [begin + timedelta(days=1, seconds=n) for n in range(members - many)]
    for number, at in enumerate(ats):
        store.add_job(made(scheduler, number, at, note))
    assert datetime.now(UTC) < begin, "it takes too long to add them"
    scheduler.resume()
    while len(_done) < many:
        await asyncio.sleep(0.1)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"late": _done[:many], "memory": most}


class Stepped(BaseScheduler):  # type: ignore[misc]
    """A scheduler whose clock is moved to the next job instead of waiting for it."""

    def shutdown(self, wait: bool = True) -> None:
        """Nothing of it goes on by itself."""

    def wakeup(self) -> None:
        """Nobody sleeps."""

    def lived_until(self, end: datetime, clock: Any) -> None:
        """All that is due until then, in its order."""
        while (wait := self._process_jobs()) is not None:
            at = datetime.now(UTC) + timedelta(seconds=max(wait, 0.001))
            if at >= end:
                return
            clock.move_to(at)


def say(member: int, rows: int) -> None:
    """The job of a simulated day."""
    with _engine.begin() as connection:
        for _ in range(rows):
            connection.execute(outbox.insert(), {"member": member, "body": "¿Estás bien?"})


def simulated(jobs: int, days: int, rows: int) -> dict[str, float]:
    """Days in a second of the processor."""
    global _engine
    _engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    metadata.create_all(_engine)
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    with time_machine.travel(begin, tick=False) as clock:
        scheduler = Stepped(executors={"default": DebugExecutor()}, timezone=UTC)
        for number in range(jobs):
            at = CronTrigger(hour=6 + number % 12, minute=number // 12 % 60, timezone=UTC)
            scheduler.add_job(say, at, args=(number, rows), misfire_grace_time=None)
        scheduler.start(paused=True)
        scheduler.state = STATE_RUNNING
        before = time.process_time()
        scheduler.lived_until(begin + timedelta(days=days), clock)
        took = time.process_time() - before
    return {"days_per_s": days / took}


def main() -> None:
    """Print what was measured, as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["rate", "stall", "late", "days"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rows", type=int, default=1)
    given = parser.parse_args()
    match given.what:
        case "rate":
            found: Any = carried_out(given.folder, given.jobs)
        case "stall":
            found = asyncio.run(stood_still(given.folder, given.jobs))
        case "days":
            found = simulated(given.jobs, given.count, given.rows)
        case _:
            found = asyncio.run(late(given.jobs, given.count, given.seconds))
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    # By its own name, so that the job store can name the functions.
    from bench.peers import jobs

    jobs.main()
