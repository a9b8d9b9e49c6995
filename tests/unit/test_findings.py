"""Whatever the audit can find has words in each language, and a line in the operator's guide."""

import re
from pathlib import Path

import pytest

from storage.audit import LATENESS, questions
from tests.proofs.watcher import TROUBLES
from tests.unit.test_texts import NOON, catalogue

ROOT = Path(__file__).parents[2]
ENGINES = {
    "backup_old", "canary_silent", "database_silent", "database_unavailable", "part_silent",
    "platform_refused", "platform_silent", "right_run_out",
}  # fmt: skip
"""Those of `bot.engine.audit` and of the parts that it asks."""

HANDLERS = {"messages_unfetched"}
"""What no audit finds, but the router, from an event."""


def every() -> set[str]:
    return ENGINES | HANDLERS | set(questions(NOON))


def test_the_engines_findings_are_these() -> None:
    engine = ROOT / "bot" / "engine"
    source = "".join((engine / name).read_text("utf-8") for name in ("audit.py", "backing.py"))
    found = set(re.findall(r'f?"((?:part|platform|database|canary|right|backup)_\w+)[":]', source))
    assert found == ENGINES
    told = {t.told.partition(":")[0] for t in TROUBLES} - {"", "silent"}
    assert told <= every()


def test_each_has_words_for_the_operators() -> None:
    for language in ("es", "en"):
        words = {key for key in catalogue(language) if key.startswith("trouble.what.")}
        assert {key.removeprefix("trouble.what.") for key in words} == every()


@pytest.mark.parametrize("language", ["es", "en"])
def test_each_has_a_line_in_the_guide(language: str) -> None:
    guide = (ROOT / "docs" / language / "operating.md").read_text("utf-8")
    cells = [line.split("|")[1] for line in guide.splitlines() if line.startswith("| `")]
    named = {name for cell in cells for name in re.findall(r"`(\w+)[:`]", cell)}
    assert named == every() | {"locked"}


def test_what_is_only_late_is_among_them() -> None:
    assert set(questions(NOON)) >= LATENESS
