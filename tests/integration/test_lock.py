"""The lock of the file: who holds it, and who may be ended for standing still with it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from storage.database import Database
from storage.keys import KeyInMemory
from storage.lock import FileLock
from tests.support.opened import KEY

HOLDS = """
import asyncio, sys, time
from pathlib import Path
from storage.lock import FileLock
lock = FileLock(Path(sys.argv[1]))
async def hold():
    assert await lock.acquire()
    print("held", flush=True)
    time.sleep(600)
asyncio.run(hold())
"""


@asynccontextmanager
async def process(program: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """One that says something when it is ready, and is ended however it stands."""
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *arguments, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert made.stdout is not None
    await asyncio.wait_for(made.stdout.readline(), 30)
    try:
        yield made
    finally:
        if made.returncode is None:
            made.kill()
            await made.wait()


async def test_a_holder_that_stands_still_is_ended_and_its_place_is_free(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    async with process(HOLDS, str(tmp_path / "lock")) as holder:
        holder.send_signal(signal.SIGSTOP)
        assert not await lock.acquire()
        assert await lock.end_holder()
        assert await holder.wait() == -signal.SIGKILL
        assert await lock.acquire()
        assert await lock.acquire()
        await lock.release()


async def test_nobody_is_ended_for_a_number_that_is_not_the_holders(tmp_path: Path) -> None:
    """Its own number was overwritten, or given to somebody else after its end."""
    path = tmp_path / "lock"
    async with (
        process("import time; print('here', flush=True); time.sleep(600)") as neighbour,
        process(HOLDS, str(path)) as holder,
    ):
        path.write_text(str(neighbour.pid))
        assert not await FileLock(path).end_holder()
        path.write_text("nonsense")
        assert not await FileLock(path).end_holder()
        path.write_text("999999999")
        assert not await FileLock(path).end_holder()
        await asyncio.sleep(0.2)
        assert neighbour.returncode is None
        assert holder.returncode is None


async def test_nobody_is_ended_if_the_lock_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = FileLock(path)
    assert await lock.acquire()
    await lock.release()
    assert path.read_text() == str(os.getpid())  # we have it open no more, but we live
    assert not await lock.end_holder()


async def test_it_shows_that_its_holder_goes_on(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    lock.every = 0.01
    assert await lock.acquire()
    signs = set()
    async with asyncio.timeout(10):
        while len(signs) < 5:
            signs.add(lock.sign())
            await asyncio.sleep(0.01)
    await lock.release()
    last = lock.sign()
    await asyncio.sleep(0.05)
    assert lock.sign() == last


async def test_on_postgresql_it_is_taken_again_when_its_session_was_ended(
    fresh_postgres: str,
) -> None:
    database = Database(fresh_postgres, KeyInMemory(KEY))
    other = Database(fresh_postgres, KeyInMemory(KEY))
    await database.open()
    await other.open()
    assert await database.lock.acquire()
    assert not await other.lock.acquire()
    async with other.transaction() as tx:
        await tx.connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        )
    assert await database.lock.acquire()
    assert not await other.lock.acquire()
    await database.lock.release()
    assert await other.lock.acquire()
    for each in (database, other):
        await each.lock.release()
        await each.close()


@pytest.mark.parametrize("kept", [True, False])
async def test_a_change_of_keys_gives_back_only_what_it_took(tmp_path: Path, kept: bool) -> None:
    database = Database(str(tmp_path / "a.db"), KeyInMemory(KEY))
    await database.open()
    if kept:
        await database.lock.acquire()
    await database.rotate()
    assert database.lock.held is kept
    await database.lock.release()
    await database.close()
