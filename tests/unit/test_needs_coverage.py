"""docs/en/needs-coverage.md names stories that there are, and for each need one told everywhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORIES = ROOT / "tests" / "stories"
NAMED = re.compile(r"`(test_\w+\.py)(?:::(test_\w+))?")


def table(heading: str) -> list[tuple[str, str]]:
    """First and last cell of each row below a heading."""
    text = (ROOT / "docs" / "en" / "needs-coverage.md").read_text("utf-8")
    part = text.split(heading, 1)[1].split("\n## ", 1)[0]
    rows = [line.strip().strip("|").split("|") for line in part.splitlines() if line.startswith("|")]
    return [(cells[0].strip(), cells[-1].strip()) for cells in rows[2:]]


def told(file: str, name: str) -> list[bool]:
    """Of each story that is named: whether it is told on every platform."""
    tree = ast.parse((STORIES / file).read_text("utf-8"))
    functions = [n for n in tree.body if isinstance(n, ast.AsyncFunctionDef | ast.FunctionDef)]
    stories = [n for n in functions if n.name.startswith("test_") and name in ("", n.name)]
    assert stories, f"there is no {file}::{name}"
    return [
        any(arg.arg == "world" for arg in story.args.args) and not story.decorator_list
        for story in stories
    ]


@pytest.mark.parametrize(("need", "stories"), table("# What the people need"))
def test_each_need_has_a_story_that_is_told_everywhere(need: str, stories: str) -> None:
    named = NAMED.findall(stories)
    everywhere = [any(told(file, name)) for file, name in named]
    assert any(everywhere), need


@pytest.mark.parametrize(("case", "stories"), table("## Bad input"))
def test_each_bad_input_has_a_story(case: str, stories: str) -> None:
    assert all(told(file, name) for file, name in NAMED.findall(stories)), case
    assert NAMED.search(stories), case
