"""The two languages of the documentation say the same, and name only what there is."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from bot.config import Config
from bot.texts.sound import gendered_in, long_sentences
from handlers.entries import BY_WORD, HELP_WORDS
from tools.links import mistake, mistakes
from tools.site.anchors import FENCE, anchored, anchors, headings
from tools.site.generated import CODE, MARKER, PARTS
from tools.site.terminal import commands

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SPANISH, ENGLISH = DOCS / "es", DOCS / "en"
PAGES = sorted(str(path.relative_to(ENGLISH)) for path in ENGLISH.rglob("*.md"))

SUMMARISED = {"reliability.md"}
"""What is whole in English alone. Spanish has the figures and says so."""

OWN_WORDS = {"plans.md"}
"""Pages whose code is itself in the reader's language."""

SPAN = re.compile(r"`([^`\n]+)`")
WRITTEN = re.compile(r"[/!]([a-zñáéíóú]+)\b(?![/.-])")
TERMINAL = re.compile(r"\bacuerpa (?!acuerpa )([a-z][a-z -]*)((?: \[?--[a-z-]+\]?)*)")
SETTING = re.compile(r"\[([a-z]+)\] ([a-z_]+)\b")
TEST = re.compile(r"\b((?:tests/[\w/]+/)?test_\w+\.py)(?:::(test_\w+))?")
OLD = re.compile(r"\bdocs/[\w-]+\.md\b")
PATH = re.compile(r"\bdocs/(?:es|en)/[\w/-]+\.md\b")

BEING_WRITTEN: set[str] = set()
"""Pages that the code names already."""

AHEAD = "tests/stories/test_thanks.py"
"""Where the example's story would stand in earnest."""

ELSEWHERE = {"revoke", "newbot", "fail", "path", "gracias"}
"""What begins with a slash and is nothing that our bot is told; the last is the example's."""

OF_THINGS = {
    "es": {"todos", "cada uno", "ellos", "miembro", "detenido", "avisado"},  # "todos los archivos"
    "en": {"she", "her", "hers", "herself"},  # Ana, of whom an example tells
}
"""Words that name people by one gender, and are said here of things or of a person with a name."""


def page(folder: Path, name: str) -> str:
    """Without what stands above a page for the site alone."""
    text = (folder / name).read_text("utf-8")
    return text.split("\n---\n", 1)[1] if text.startswith("---\n") else text


def blocks(text: str) -> list[list[str]]:
    """The blocks of code, each with its language, without comments."""
    found: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        if FENCE.match(line):
            inside = not inside
            if inside:
                found.append([line.strip().strip("`")])
        elif inside:
            found[-1].append(re.sub(r"\s*#.*", "", line).rstrip())
    return [[line for line in block if line] for block in found]


def tables(text: str) -> list[int]:
    """How many cells each row of a table has."""
    rows = [SPAN.sub("", line) for line in text.splitlines() if line.startswith("|")]
    return [len(re.findall(r"(?<!\\)\|", row)) for row in rows]


def named(text: str) -> set[str]:
    """The commands of the chat that code in the text begins with, by their first names."""
    found = set()
    for span in SPAN.findall(text):
        if (said := WRITTEN.match(span)) and said[1] not in ELSEWHERE:
            word = said[1]
            assert word in BY_WORD or word in HELP_WORDS, f"there is no command /{word}"
            found.add(BY_WORD[word].name if word in BY_WORD else HELP_WORDS[0])
    return found


def prose(text: str) -> str:
    """What is said of people: no code, no titles of books, no links' targets."""
    text = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"`[^`]*`|\*[^*\n]+\*|\]\([^)]*\)|<[^>]*>", " ", text)
    return re.sub(r'"[^"\n]*"|«[^»\n]*»', " ", text)


@cache
def sources() -> dict[str, str]:
    """What may name a page: the program, its texts, the example of a configuration, README."""
    paths = [
        *(p for f in ("bot", "handlers", "storage", "tools") for p in (ROOT / f).rglob("*.py")),
        *(ROOT / "bot").rglob("*.po"), ROOT / "config.example.toml", ROOT / "README.md",
        ROOT / "Makefile", *(p for p in (ROOT / "deploy").rglob("*") if p.is_file()),
    ]  # fmt: skip
    return {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in paths}


def test_every_page_is_there_in_both_languages() -> None:
    assert sorted(str(path.relative_to(SPANISH)) for path in SPANISH.rglob("*.md")) == PAGES


@pytest.mark.parametrize("name", [name for name in PAGES if name not in SUMMARISED])
def test_both_say_the_same_in_the_same_order(name: str) -> None:
    spanish, english = page(SPANISH, name), page(ENGLISH, name)
    assert [h[1] for h in headings(spanish)] == [h[1] for h in headings(english)]
    assert tables(spanish) == tables(english)
    assert MARKER.findall(spanish) == MARKER.findall(english)
    assert CODE.findall(spanish) == CODE.findall(english)
    assert named(spanish) == named(english)
    code = [blocks(spanish), blocks(english)]
    if name in OWN_WORDS:
        code = [[[block[0], str(len(block))] for block in each] for each in code]
    assert code[0] == code[1]
    bullets = [len(re.findall(r"^(?:- |\d+\. )", text, re.MULTILINE)) for text in (spanish, english)]
    assert bullets[0] == bullets[1]
    # One paragraph more or less is one that somebody forgot.
    assert abs(len(spanish) - 1.12 * len(english)) < max(250, 0.25 * len(english))


@pytest.mark.parametrize("name", SUMMARISED)
def test_what_is_a_summary_says_so(name: str) -> None:
    assert "es un resumen" in page(SPANISH, name)
    assert len(page(SPANISH, name)) < len(page(ENGLISH, name))


@pytest.mark.parametrize("folder", [SPANISH, ENGLISH], ids=["es", "en"])
def test_nobody_is_named_by_one_gender(folder: Path) -> None:
    found = {n: set(gendered_in(prose(page(folder, n)), folder.name)) for n in PAGES}
    assert not {n: words for n, each in found.items() if (words := each - OF_THINGS[folder.name])}


@pytest.mark.parametrize("folder", [SPANISH, ENGLISH], ids=["es", "en"])
def test_what_defenders_read_is_short_and_plain(folder: Path) -> None:
    """One sheet for somebody who reads little; `test_site.py` prints it."""
    text = page(folder, "defenders.md")
    assert len(text.split()) < 500
    plain = re.sub(r"\s*\n(?=[^\n|#-])\s*", " ", SPAN.sub("x", text).replace("**", ""))
    assert [found for found in long_sentences(plain) if not found.lstrip().startswith("|")] == []
    assert {"boton", "clave", "palabra", "perdido", "cuenta", "misdatos"} <= named(text)
    assert "](" not in text  # on paper nobody can follow a link


@pytest.mark.parametrize("folder", [SPANISH, ENGLISH], ids=["es", "en"])
def test_what_is_typed_at_a_terminal_can_be_typed(folder: Path) -> None:
    known = {command.path: {o.name.split("/")[0] for o in command.options} for command in commands()}
    seen = 0
    for name in PAGES:
        text = page(folder, name)
        for code in [*SPAN.findall(text), *("\n".join(b) for b in blocks(text))]:
            for words, options in TERMINAL.findall(code.replace("acuerpa crypto store,", "")):
                path = words.strip().split(" -")[0]
                while path and path not in known:
                    path = path.rpartition(" ")[0]  # what stands behind it is an argument
                assert path, f"{name}: there is no `acuerpa {words}`"
                given = set(re.findall(r"--[a-z-]+", f"{words} {options}"))
                assert given <= known[path] | {"--help"}, f"{name}: acuerpa {path} {given}"
                seen += 1
    assert seen > 30


@pytest.mark.parametrize("folder", [SPANISH, ENGLISH], ids=["es", "en"])
def test_settings_that_are_named_exist(folder: Path) -> None:
    known = {
        (name, setting)
        for name, info in Config.model_fields.items()
        for kind in (info.annotation, *getattr(info.annotation, "__args__", ()))
        for setting in getattr(kind, "model_fields", ())
    }
    for name in PAGES:
        for span in SPAN.findall(page(folder, name)):
            for section, setting in SETTING.findall(span):
                plain = setting.removesuffix("_file")
                assert (section, plain) in known, f"{name}: [{section}] {setting}"


@pytest.mark.parametrize("folder", [SPANISH, ENGLISH], ids=["es", "en"])
def test_tests_that_are_named_exist(folder: Path) -> None:
    files: dict[str, list[Path]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        files.setdefault(path.name, []).append(path)
    for name in PAGES:
        for file, function in TEST.findall(page(folder, name)):
            if file == AHEAD:
                continue
            there = [ROOT / file] if "/" in file else files[file]
            assert any(
                path.exists() and f"def {function}" in path.read_text("utf-8") for path in there
            ), f"{name}: {file}::{function}"


def test_pages_that_the_code_names_exist() -> None:
    homeless = [(where, found) for where, text in sources().items() for found in OLD.findall(text)]
    assert homeless == []  # which language?
    named = {found: where for where, text in sources().items() for found in PATH.findall(text)}
    assert {f: where for f, where in named.items() if not (ROOT / f).exists()}.keys() <= BEING_WRITTEN
    assert len(named) > 8
    assert not [page for page in BEING_WRITTEN if (ROOT / page).exists()]


def test_what_a_page_asks_for_can_be_generated() -> None:
    asked = Counter(found for name in PAGES for found in MARKER.findall(page(ENGLISH, name)))
    assert asked == Counter(dict.fromkeys(PARTS, 1))


def test_links_lead_somewhere() -> None:
    assert list(mistakes([ROOT / "README.md", *DOCS.rglob("*.md")])) == []


def test_a_link_that_leads_nowhere_is_seen() -> None:
    readme = ROOT / "README.md"
    assert mistake(readme, "docs/en/gone.md") == "leads to no file"
    assert mistake(readme, "docs/es/plans.md#gone") == "leads to no heading"
    assert mistake(readme, "docs/es/plans.md#another-group") == ""
    assert mistake(readme, "../../etc/passwd") == "leads to no file"
    assert mistake(readme, "http://example.org") == "is no https:// address"
    assert mistake(readme, "https://example.org/x") == ""


def test_a_translation_has_the_anchors_of_its_original() -> None:
    original = "# Plans\n\n```\n# no heading\n```\n## Another `group`\n### Another group\n"
    assert anchors(original) == ["plans", "another-group", "another-group_1"]
    translated = anchored("# Planes\n## Otro `grupo`\n### Otro grupo\n", original)
    assert anchors(translated) == anchors(original)
    assert anchored("# Planes\n", original) == "# Planes\n"
