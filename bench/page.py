"""The table of docs/en/performance.md and docs/es/performance.md."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
HEADS = {
    "en": ("What", "Ours", "Peer", "Ratio", "Target", "Met"),
    "es": ("Qué", "Lo nuestro", "Con qué se compara", "Razón", "Meta", "Alcanzada"),
}
YES = {"en": ("yes", "no", "none"), "es": ("sí", "no", "ninguna")}
TO = {"en": "to", "es": "a"}


def words(language: str) -> Mapping[str, Any]:
    """What is other than in English, by the names of the results."""
    path = HERE / f"{language}.toml"
    return tomllib.loads(path.read_text("utf-8")) if path.exists() else {}


def in_words(one: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A result with its words in that language."""
    known = words(language)
    unit = known.get("units", {}).get(one["unit"], one["unit"])
    theirs = known.get(one["name"], {})
    return {**one, "unit": unit, **theirs, "note": theirs.get("note", "" if known else one["note"])}


def table(results: Mapping[str, Any], language: str) -> str:
    """The results as a table of Markdown, and below it what must be known to read it."""
    head = HEADS[language]
    yes, no, none = YES[language]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    notes: dict[str, list[str]] = {}
    for one in results["results"]:
        said = in_words(one, language)
        ours = said["ours"]
        met = "" if said["target"] == none else yes if said["met"] else f"**{no}**"
        lines.append(
            f"| {said['title']} | {_shown(ours['median'])} {said['unit']}{_range(ours, language)} | "
            f"{_shown(said['peer']['median'])} {said['unit']}: {said['against']} | "
            f"{_shown(said['ratio'])} | "
            f"{said['target']} | {met} |"
        )
        if said["note"]:
            notes.setdefault(said["note"], []).append(said["title"])
    lines.append("")
    lines += [f"- **{'; '.join(titles)}.** {note}" for note, titles in notes.items()]
    return "\n".join(lines)


def _range(ours: Mapping[str, Any], language: str) -> str:
    if ours["runs"] == 1:
        return ""
    return f" ({_shown(ours['least'])} {TO[language]} {_shown(ours['most'])})"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def page_with(results: Mapping[str, Any], language: str) -> tuple[Path, str]:
    """The page and what it is to say."""
    path = DOCS / language / "performance.md"
    before, _, rest = path.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return path, f"{before}{BEGIN}\n{table(results, language)}\n{END}{after}"
