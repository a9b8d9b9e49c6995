"""The anchors of a page: a translation has those of the original, heading by heading."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown import Markdown

FENCE = re.compile(r"^\s*(```|~~~)")
HEADING = re.compile(r"^(#{1,6}) (.+?)\s*$")
GIVEN = re.compile(r"\{[^}]*#([\w-]+)[^}]*\}\s*$")


def headings(markdown: str) -> Iterator[tuple[int, int, str]]:
    """Number of the line, level and text of each heading outside of code."""
    fenced = False
    for number, line in enumerate(markdown.splitlines()):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced and (found := HEADING.match(line)):
            yield number, len(found[1]), found[2]


def anchors(markdown: str) -> list[str]:
    """The anchor of each heading, in order, as MkDocs makes it."""
    made = Markdown(extensions=["toc", "attr_list", "tables", "def_list", "fenced_code"])
    made.convert(markdown)

    def ids(tokens: list[dict[str, object]]) -> Iterator[str]:
        for token in tokens:
            yield str(token["id"])
            yield from ids(token["children"])  # type: ignore[arg-type]

    return list(ids(made.toc_tokens))  # type: ignore[attr-defined]


def anchored(translation: str, original: str) -> str:
    """The translation with the original's anchors. Where they have not as many headings it stays as it
    is: a test holds them together, and strict links would fail."""
    ids = anchors(original)
    found = list(headings(translation))
    if len(ids) != len(found):
        return translation
    lines = translation.splitlines()
    for (number, _, text), anchor in zip(found, ids, strict=True):
        if not GIVEN.search(text):
            lines[number] += f" {{#{anchor}}}"
    return "\n".join(lines) + "\n"
