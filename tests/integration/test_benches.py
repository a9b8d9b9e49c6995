"""The benches still run: with too few people to measure anything, and with their real peers."""

from __future__ import annotations

import json

import pytest

from bench.__main__ import BENCHES, RESULTS, find
from bench.frame import Size

IN_SECONDS = ("due", "reply", "months")
"""Those that take no minutes even so; `python -m bench --small` runs all."""


@pytest.mark.parametrize("name", IN_SECONDS)
async def test_it_gives_what_the_page_shows(name: str) -> None:
    assert name in BENCHES
    kept = {one["name"] for one in json.loads(RESULTS.read_text("utf-8"))["results"]}
    found = [result.to_json() for result in await find(name)(Size(small=True))]
    assert found
    for result in found:
        assert result["ours"]["median"] > 0
        assert {"unit", "against", "target"} <= result.keys()
        assert result["name"] in kept
