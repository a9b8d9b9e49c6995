"""Do the links of README.md and of the pages lead somewhere? `python tools/links.py`, in `make check`.

A link into the repository must lead to a file, and an anchor to a heading. Links to elsewhere are looked
at for their form alone: there is no network where this runs. Exit status 1 with a line for each mistake.
(Building the site looks at the links between pages again, as they are built: mkdocs.yml, `validation`.)
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

sys.path.insert(0, str(Path(__file__).parents[1]))

from tools.site.anchors import FENCE, anchors, headings

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"!?\[(?:[^\]\\]|\\.)*\]\(([^()\s]+(?:\([^()\s]*\))?)\)")
CODE = re.compile(r"`[^`]*`")


def links(text: str) -> Iterator[tuple[int, str]]:
    """Line and target of each link outside of code."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield from ((number, found) for found in LINK.findall(CODE.sub("", line)))


def mistake(page: Path, target: str) -> str:
    """What is wrong with a link, "" for nothing."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        good = parts.scheme == "https" and re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc)
        return "" if good else "is no https:// address"
    there = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not there.is_relative_to(ROOT) or not there.exists():
        return "leads to no file"
    if parts.fragment and parts.fragment not in _anchors(there):
        return "leads to no heading"
    return ""


def _anchors(page: Path) -> list[str]:
    """Of a translation: those of its original (`tools.site.anchors`)."""
    pages = ROOT / "docs"
    if page.is_relative_to(pages):
        name = Path(*page.relative_to(pages).parts[1:])
        original = anchors((pages / "en" / name).read_text("utf-8"))
        return original if len(original) == len(list(headings(page.read_text("utf-8")))) else []
    return anchors(page.read_text("utf-8"))


def mistakes(pages: list[Path]) -> Iterator[str]:
    """A line for each."""
    for page in pages:
        for number, target in links(page.read_text("utf-8")):
            if why := mistake(page, target):
                yield f"{page.relative_to(ROOT)}:{number}: {target} {why}"


def main() -> int:
    """Look at all of them."""
    found = list(mistakes([ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]))
    print("\n".join(found) or "OK: each link leads somewhere.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
