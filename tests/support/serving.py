"""Asking the bot's own pages, as a monitor does."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from typing import Any

import aiohttp
import pytest

from bot.domain.lanes import Lane
from bot.engine.handling import Ended
from bot.platforms.base import Result


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Monitor:
    """Whoever asks. `where` is an address of loopback, or the path of a socket."""

    def __init__(self, where: str) -> None:
        self.where = where

    async def text(self, page: str) -> tuple[int, str]:
        """Status and words of a page."""
        unix = self.where.startswith("/")
        connector = aiohttp.UnixConnector(self.where) if unix else aiohttp.TCPConnector()
        address = "http://bot" if unix else f"http://{self.where}"
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(f"{address}/{page}") as answer,
        ):
            return answer.status, await answer.text()

    async def why(self, page: str) -> tuple[int, list[str]]:
        """Status, and why it is not well."""
        connector = aiohttp.UnixConnector(self.where) if self.where.startswith("/") else None
        address = "http://bot" if connector else f"http://{self.where}"
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(f"{address}/{page}") as answer,
        ):
            said: dict[str, Any] = await answer.json()
            assert said["ok"] is (answer.status == 200)
            return answer.status, said["why"]

    async def numbers(self) -> dict[str, float]:
        """Each line of the metrics, by its name and labels."""
        status, text = await self.text("metrics")
        assert status == 200
        lines = [line.rpartition(" ") for line in text.splitlines() if line and line[0] != "#"]
        return {name: float(value) for name, _, value in lines}


def reads_well(text: str) -> None:
    """Prometheus' own tool finds nothing to say about it."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is missing: sh tools/promtool.sh")
    # The numbers of the process are called as those of every program are.
    ours = "\n".join(line for line in text.splitlines() if "process_" not in line) + "\n"
    said = subprocess.run(["promtool", "check", "metrics"], input=ours, capture_output=True, text=True)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


LABELS = {
    "platform": {"telegram", "matrix"},
    "lane": {lane.name.lower() for lane in Lane},
    "state": {"new", "set_aside", "queued", "leased", "sending", "failed", "unknown"},
    "result": {*map(str, Result), *map(str, Ended), "done", "failed"},
}


def has_few_labels(text: str) -> None:
    """Each label is one of a few words of ours."""
    for name, value in re.findall(r'(\w+)="([^"]*)"', text):
        if name in ("le", "version", "finding", "where"):
            continue
        assert value in LABELS[name], (name, value)
