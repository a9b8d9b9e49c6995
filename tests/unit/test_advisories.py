"""A package with a known hole stops the build, until it is pinned otherwise or somebody answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from packaging.version import Version

from tools.advisories import KEPT, LOCK, Known, findings, from_osv, pinned, read

ENTRY = {
    "id": "PYSEC-2024-24",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "aioHTTP"},
            "ranges": [
                {"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "1c335944"}]},
                {
                    "type": "ECOSYSTEM",
                    "events": [{"introduced": "1.0.5"}, {"fixed": "3.9.2"}, {"introduced": "4.0a1"}],
                },
            ],
        }
    ],
}
LOCKED = "aiohttp=={} \\\n    --hash=sha256:00\n"


@pytest.fixture
def known() -> Known:
    advisories = tuple(from_osv(ENTRY, ["aiohttp"]))
    return Known(date(2024, 10, 10), frozenset({"aiohttp"}), advisories, {})


@pytest.mark.parametrize(
    ("version", "hole"),
    [("1.0.4", False), ("1.0.5", True), ("3.9.1", True), ("3.9.2", False), ("4.0a2", True)],
)
def test_a_version_with_a_hole_is_found(known: Known, version: str, hole: bool) -> None:
    found = findings(known, pinned(LOCKED.format(version)))
    assert bool(found) is hole
    assert not hole or "PYSEC-2024-24" in found[0]


def test_a_hole_that_is_answered_is_no_finding(known: Known) -> None:
    answered = replace(known, answered={"PYSEC-2024-24": "we serve no files by it"})
    assert not findings(answered, pinned(LOCKED.format("3.9.1")))


def test_what_was_withdrawn_says_nothing() -> None:
    assert not list(from_osv({**ENTRY, "withdrawn": "2024-05-01T00:00:00Z"}, ["aiohttp"]))


def test_versions_alone_are_understood() -> None:
    only = {"id": "X", "affected": [{"package": {"name": "a"}, "versions": ["1.0", "1.1", "dev-x"]}]}
    [advisory] = from_osv(only, ["a"])
    assert [advisory.is_about(Version(v)) for v in ("1.0", "1.1", "1.2")] == [True, True, False]


def test_a_package_that_came_later_is_named(known: Known) -> None:
    [found] = findings(known, pinned("newcomer==1.0 \\\n"))
    assert "newcomer" in found


def test_what_we_pin_is_in_none_of_them() -> None:
    known, packages = read(KEPT.read_text("utf-8")), pinned(LOCK.read_text("utf-8"))
    assert packages.keys() == known.packages
    assert len(known.advisories) > 50
    assert findings(known, packages) == []
