"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage.database import Database
from storage.keys import KeyInMemory
from tests.support.opened import KEY
from tests.support.postgres import fresh_postgres, postgres  # noqa: F401
from tests.support.stage_bot import TelegramStage
from tests.support.stage_matrix import MatrixStage
from tests.support.stage_sandbox import SandboxStage
from tests.support.synapse import synapse  # noqa: F401
from tests.support.world import Stage, World


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> object:
    """Remember how the test went, so that a story's end is not judged twice."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


FAILED = pytest.StashKey[bool]()


async def stage_on(platform: str, folder: Path, request: pytest.FixtureRequest) -> Stage:
    """One platform with a bot behind it."""
    match platform:
        case "matrix":
            return await MatrixStage.open(folder, request.getfixturevalue("synapse"))
        case "telegram":
            return await TelegramStage.open(folder)
        case _:
            return await SandboxStage.open(folder / "acuerpa.db")


@pytest_asyncio.fixture(params=["sandbox", "telegram", "matrix"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """The world of a story, on each platform in turn."""
    made = World(await stage_on(request.param, tmp_path, request))
    yield made
    await made.close(failed=request.node.stash.get(FAILED, False))


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        made = Database(str(tmp_path / "acuerpa.db"), KeyInMemory(KEY))
    else:
        made = Database(request.getfixturevalue("postgres"), KeyInMemory(KEY))
    await made.open()
    yield made
    made.fence = None
    async with made.transaction() as tx:
        await tx.erase_everything()
    await made.close()
