"""Fixtures that all tests share."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random

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

# As for whoever operates a bot: what they write down for it, nobody else on the machine may read.
os.umask(0o077)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> object:
    """Remember how the test went, so that a story's end is not judged twice."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


FAILED = pytest.StashKey[bool]()

EVERYWHERE = frozenset({"test_a_miss_is_escalated"})
"""Stories that are told on each platform every time: a check-in's way to an alarm."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where `ACUERPA_STORIES` is "one", each of the other stories is told on one platform, which
    `ACUERPA_SEED` draws. `make stories` tells all of them on each."""
    if os.environ.get("ACUERPA_STORIES") == "one":
        told = list(_drawn(items))
        config.hook.pytest_deselected(items=list(set(items) - set(told)))
        items[:] = told


def _drawn(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    seed = os.environ.get("ACUERPA_SEED", "0")
    ways: dict[str, list[pytest.Item]] = {}
    for item in items:
        ways.setdefault(_story(item), []).append(item)
    for story, told in ways.items():
        # One in four on a platform with a server, which takes longer.
        weights = [6 if "sandbox" in way.nodeid else 1 for way in told]
        yield from Random(f"{seed} {story}").choices(told, weights)


def _story(item: pytest.Item) -> str:
    """What tests have in common that tell the same on several platforms."""
    platform = getattr(getattr(item, "callspec", None), "params", {}).get("world")
    if platform is None or item.path.stem in EVERYWHERE:
        return item.nodeid
    return item.nodeid.replace(str(platform), "*", 1)


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
