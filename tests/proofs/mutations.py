"""`python -m tests.proofs.mutations [name …]`: each safeguard is taken away once, and a test sees it.

A test that cannot fail proves nothing. `mutations.toml` names what is taken away and the test that
must turn red; each mutation has a copy of the tree of its own, and the tree itself is never touched.
Exit status 1 if one survives, or if a test does not say anything.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_suffix(".toml")

LIMIT = 120.0
"""Seconds that one test may take; most need five."""

LIMIT_OF_ALL = 600.0
"""Seconds that all of them together may take."""

NOT_COPIED = (".git", ".venv", "__pycache__", ".*_cache", "*.egg-info", ".hypothesis")


class Verdict(StrEnum):
    """What a test said. Whatever is neither green nor red says nothing about the program."""

    GREEN = "green"
    RED = "red"
    NOTHING = "said nothing"  # it was not found, could not be loaded, or did not end


@dataclass(frozen=True, slots=True)
class Mutation:
    """In `file`, `old` becomes `new`, and `test` (as pytest names it) must turn red."""

    name: str
    file: str
    old: str
    new: str
    test: str

    def applied(self, text: str) -> str:
        """The file's text with it. Raises `ValueError` unless `old` stands there exactly once."""
        if (times := text.count(self.old)) != 1:
            raise ValueError(f"{self.name}: {self.file} has the old text {times} times")
        return text.replace(self.old, self.new)


def mutations() -> list[Mutation]:
    """All of them."""
    return [Mutation(**one) for one in tomllib.loads(LIST.read_text("utf-8"))["mutation"]]


@contextmanager
def _copy(of: Path, mutation: Mutation | None = None) -> Iterator[Path]:
    """A tree of its own: what Python compiled of another would be taken for what stands here."""
    with TemporaryDirectory(prefix="acuerpa-mutation-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(of, tree, ignore=shutil.ignore_patterns(*NOT_COPIED))
        if mutation is not None:
            path = tree / mutation.file
            path.write_text(mutation.applied(path.read_text("utf-8")), "utf-8")
        yield tree


def _run(tree: Path, *tests: str, limit: float = LIMIT) -> tuple[Verdict, str]:
    """Run tests in a tree. What they said, and their words."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        words, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        words, _ = process.communicate()
        return Verdict.NOTHING, f"{words}\nit did not end within {limit:.0f} s"
    said = {0: Verdict.GREEN, 1: Verdict.RED}
    return said.get(process.returncode, Verdict.NOTHING), words


def _are_green(tree: Path, tests: list[str]) -> bool:
    """Whether all are, before anything is taken away."""
    verdict, words = _run(tree, *tests, limit=LIMIT_OF_ALL)
    if verdict is not Verdict.GREEN:
        print(f"{verdict}, and nothing was taken away yet\n{words[-3000:]}", flush=True)
    return verdict is Verdict.GREEN


def _is_red(tree: Path, mutation: Mutation) -> bool:
    """Whether its test sees it."""
    with _copy(tree, mutation) as mutated:
        verdict, words = _run(mutated, mutation.test)
    shown = {Verdict.RED: "red", Verdict.GREEN: "SURVIVED"}.get(verdict, "UNCLEAR")
    print(f"{mutation.name}: {shown} ({mutation.test})", flush=True)
    if verdict is Verdict.NOTHING:
        print(words[-2000:], flush=True)
    return verdict is Verdict.RED


def main() -> int:
    """Those named, or all."""
    parser = argparse.ArgumentParser(prog="tests.proofs.mutations", description=__doc__)
    parser.add_argument("names", nargs="*")
    wanted = parser.parse_args().names
    chosen = [m for m in mutations() if not wanted or m.name in wanted]
    if unknown := set(wanted) - {m.name for m in chosen}:
        parser.error(f"no such mutation: {sorted(unknown)}")
    began = time.monotonic()
    with _copy(ROOT) as tree:  # whoever goes on working in the tree meanwhile changes nothing here
        good = _are_green(tree, list(dict.fromkeys(m.test for m in chosen)))
        red = [_is_red(tree, mutation) for mutation in chosen]
    took = time.monotonic() - began
    print(f"mutations red={sum(red)} of={len(chosen)} took_s={took:.0f}")
    return 0 if good and all(red) else 1


if __name__ == "__main__":
    sys.exit(main())
