"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.stage_sandbox import SandboxStage
from tests.support.world import World


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> object:
    """Remember how the test went, so that a story's end is not judged twice."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


FAILED = pytest.StashKey[bool]()


@pytest_asyncio.fixture(params=["sandbox"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """The world of a story, on each platform in turn."""
    made = World(await SandboxStage.open(tmp_path / "acuerpa.db"))
    yield made
    await made.close(failed=request.node.stash.get(FAILED, False))
