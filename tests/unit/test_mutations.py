"""The list of mutations does not rot: each has its place, its test, and its line in the docs."""

from __future__ import annotations

import pytest

from tests.proofs.mutations import ROOT, Mutation, mutations
from tools.site.generated import filled
from tools.site.words import Words

ALL = mutations()


@pytest.mark.parametrize("mutation", ALL, ids=lambda m: m.name)
def test_what_it_takes_away_stands_exactly_once_in_the_program(mutation: Mutation) -> None:
    text = (ROOT / mutation.file).read_text("utf-8")
    assert mutation.applied(text) != text
    compile(mutation.applied(text), mutation.file, "exec")
    file, _, test = mutation.test.partition("::")
    name = test.partition("[")[0]
    assert f"def {name}(" in (ROOT / file).read_text("utf-8")


def test_the_docs_have_each_of_them_and_its_test() -> None:
    page = (ROOT / "docs" / "en" / "reliability.md").read_text("utf-8")
    shown = filled(page, Words("en"))
    rows = [f"| {m.name} | `{m.test.rpartition('/')[2]}` |" for m in ALL]
    assert [row for row in rows if row not in shown] == []


def test_no_two_have_one_name() -> None:
    assert len({m.name for m in ALL}) == len(ALL)


def test_a_text_that_is_not_there_or_there_twice_is_refused() -> None:
    mutation = Mutation("the lock is left open", "door.py", "lock()", "pass", "")
    for text in ("", "lock()\nlock()\n"):
        with pytest.raises(ValueError, match="has the old text"):
            mutation.applied(text)
