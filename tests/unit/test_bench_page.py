"""Every figure of `bench/results.json` stands on the performance page, in both languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import page

RESULTS = json.loads((Path(page.HERE) / "results.json").read_text("utf-8"))


@pytest.mark.parametrize("language", page.HEADS)
def test_the_page_shows_what_was_measured(language: str) -> None:
    """Nobody wrote a figure by hand."""
    path, text = page.page_with(RESULTS, language)
    assert path.read_text("utf-8") == text


def test_every_bench_has_spanish_words_and_the_same_figures() -> None:
    known = page.words("es")
    assert {one["name"] for one in RESULTS["results"]} == set(known) - {"units"}
    for one in RESULTS["results"]:
        said = page.in_words(one, "es")
        assert said["title"] != one["title"]
        assert bool(said["note"]) == bool(one["note"])


def test_what_was_not_reached_says_why() -> None:
    for one in RESULTS["results"]:
        assert one["met"] or one["note"], one["name"]
