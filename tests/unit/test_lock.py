"""What is locked runs on the Python that Debian 12 brings, whatever newer one it was locked with."""

from __future__ import annotations

from importlib.metadata import distributions

from packaging.specifiers import SpecifierSet

from tools.advisories import LOCK, pinned

DEBIAN_12 = "3.11.2"


def test_everything_runs_on_the_python_of_debian_12() -> None:
    lock = LOCK.with_name("requirements-dev.lock")
    locked = set(pinned(lock.read_text("utf-8")))
    there = {d.metadata["Name"].lower().replace("_", "-"): d for d in distributions()}
    wants = {
        name: SpecifierSet(there[name].metadata["Requires-Python"] or "")
        for name in locked & there.keys()
    }
    assert len(wants) > 0.9 * len(locked)
    assert not {str(name): str(want) for name, want in wants.items() if DEBIAN_12 not in want}
