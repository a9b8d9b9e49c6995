"""What pages read from the code is all of it, in both languages, and what tables by hand say of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.config import Config, load
from handlers.entries import ENTRIES, HELP_WORDS
from tests.proofs import own_tables
from tools.site.generated import (
    PARTS,
    SENSES,
    answer_words,
    chat_commands,
    decisions,
    examples,
    filled,
    settings,
    terminal,
)
from tools.site.settings import example, sections
from tools.site.terminal import commands
from tools.site.words import LANGUAGES, Words, translations

ROOT = Path(__file__).parents[2]

PUBLISHES = "Whoever writes denunciations or approves denunciations"
HEADINGS = {
    own_tables.EVERYONE: "Every member",
    own_tables.RESPONDS: "Whoever responds or coordinates",
    own_tables.COORDINATES: "Whoever coordinates",
    own_tables.COORDINATES | {own_tables.OPERATOR}: "Whoever coordinates or runs the bot",
    own_tables.WRITES: "Whoever writes denunciations",
    own_tables.PUBLISHES: PUBLISHES,
    frozenset({own_tables.OPERATOR}): "Whoever runs the bot",
}
"""Whom P16's table by hand means, in the page's words."""


def under(page: str) -> dict[str, str]:
    """First name of each command → the heading that it stands under."""
    found, heading = {}, ""
    for line in page.splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif line.startswith("`/"):
            for name in re.findall(r"`/([\wáéíóúñ]+)`", line):
                found[name] = heading
    return found


@pytest.mark.parametrize("part", PARTS)
def test_whatever_the_code_says_has_its_spanish(part: str) -> None:
    words = Words("es")
    assert PARTS[part](words)
    assert words.missing == [], "tools/site/es.po lacks these"


def test_nothing_is_translated_that_nobody_says() -> None:
    words = Words("es")
    for part in PARTS.values():
        part(words)
    # What is said on some occasions alone stands in the tool itself.
    tool = "".join(path.read_text("utf-8") for path in (ROOT / "tools" / "site").glob("*.py"))
    unused = set(translations("es")) - words.said
    assert {sentence for sentence in unused if f'"{sentence}"' not in tool} == set()


def test_who_may_is_what_the_table_by_hand_says() -> None:
    shown = under(chat_commands(Words("en")))
    for name, who in own_tables.COMMANDS.items():
        whom = who or own_tables.IN_PUBLIC[name]
        assert shown[name] == HEADINGS[whom], name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_name_of_every_command_is_shown(language: str) -> None:
    shown = under(chat_commands(Words(language)))
    names = {name for entry in ENTRIES for name in (entry.name, *entry.aliases)}
    assert names | set(HELP_WORDS) <= set(shown)


def test_where_it_may_be_written_is_shown_if_that_is_not_in_private() -> None:
    page = chat_commands(Words("en"))
    assert page.count("(in any chat)") == 1
    assert page.count("(in a group, channel or room)") == 1
    assert {name for name, who in own_tables.IN_PUBLIC.items() if who} == {"auxilio", "aqui"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_examples_begin_with_a_name_of_their_command(language: str) -> None:
    known = {entry.name: {entry.name, *entry.aliases} for entry in ENTRIES}
    shown = examples()
    assert set(shown) == set(known)
    for name, each in shown.items():
        firsts = {line.split()[0].removeprefix("/") for line in each[language]}
        assert len(firsts) == 1, f"{name}: one name for a language"
        assert firsts <= known[name], name


def paths() -> Iterable[str]:
    return [command.path for command in commands()]


@pytest.mark.parametrize("path", paths())
def test_the_terminals_own_help_has_the_same_options(path: str) -> None:
    (command,) = (each for each in commands() if each.path == path)
    shown = CliRunner().invoke(cli, [*path.split(), "--help"], env={"COLUMNS": "200"}).output
    said = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", shown)) - {"--help"}
    ours = {name for option in command.options for name in option.name.split("/") if name[:2] == "--"}
    assert said == ours
    page = terminal(Words("en"))
    assert f"acuerpa {path}\n" in page
    assert command.help, f"acuerpa {path} says nothing of itself"


def test_every_option_says_what_it_is_for() -> None:
    silent = [(c.path, o.name) for c in commands() for o in c.options if not o.help]
    assert silent == []


def test_every_setting_is_in_the_example_and_says_what_it_is_for() -> None:
    said = example((ROOT / "config.example.toml").read_text("utf-8"))
    silent, absent = [], []
    for section in sections():
        for setting in section.settings:
            if not any((section.name, name) in said.settings for name in setting.names):
                absent.append(f"[{section.name}] {setting.names[0]}")
            if not setting.about:
                silent.append(f"[{section.name}] {setting.names[0]}")
    assert absent == []
    assert silent == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_every_setting_with_its_variable(language: str) -> None:
    page = settings(Words(language))
    for name, info in Config.model_fields.items():
        for kind in (info.annotation, *getattr(info.annotation, "__args__", ())):
            for setting in getattr(kind, "model_fields", ()):
                assert f"`ACUERPA_{name.upper()}__{setting.upper()}`" in page
    for name in ("LANGUAGE", "ZONE", "OPERATORS"):
        assert f"`ACUERPA_{name}`" in page


def test_a_variable_of_the_page_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[fence]\nlease = 15\n[files]\nmax_mb = 3\n', "utf-8")
    monkeypatch.setenv("ACUERPA_FENCE__LEASE", "7")
    monkeypatch.setenv("ACUERPA_ZONE", "America/Tijuana")
    read = load(path)
    assert (read.fence.lease, read.zone, read.files.max_mb) == (7, "America/Tijuana", 3)


def test_comments_are_of_what_they_stand_at() -> None:
    said = example(
        "# Of the whole file.\n\n# About both.\none = 1  # the first\ntwo = 2\n\n"
        "[part]\n# Of the part.\nthree = 3     # goes on\n              # for two lines\n"
        "# Of four and five.\n# four = 4\n# five = 5\n# alone\nsix = \"#\"\n"
    )
    assert said.settings["", "one"] == "the first"
    assert said.settings["", "two"] == "About both."
    assert said.sections == {"": "About both.", "part": "Of the part."}
    assert said.settings["part", "three"] == "goes on for two lines"
    assert said.settings["part", "four"] == said.settings["part", "five"] == "Of four and five."
    assert said.settings["part", "six"] == "alone"


def test_every_list_of_words_is_shown_but_those_about_slips() -> None:
    found = tomllib.loads((ROOT / "bot" / "domain" / "answer_words.toml").read_text("utf-8"))
    lists = {name for language in found.values() for name, each in language.items() if each}
    assert lists - set(SENSES) == {"forgiven", "never_typo", "spellings"}
    page = answer_words(Words("es"))
    assert all(word in page for word in found["es"]["ok"] + found["en"]["help_phrases"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_decision_is_listed(language: str) -> None:
    page = decisions(Words(language))
    names = sorted(p.name for p in (ROOT / "docs" / language / "decisions").glob("0*.md"))
    assert re.findall(r"\]\(([^)]+)\)", page) == names


def test_an_unknown_name_is_no_empty_place() -> None:
    with pytest.raises(KeyError):
        filled("<!-- generated: nothing -->", Words("en"))
    assert filled("<!-- generated: decisions -->", Words("en")) != ""
