"""Asking somebody at a terminal, in their language; with colours and a spinner where there is one.

Where there is none (a pipe, a file) it is lines out and lines in, without any control characters.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from bot.domain.rich import Rich, Style
from bot.texts import Texts

STYLES = {Style.PLAIN: "", Style.BOLD: "bold", Style.ITALIC: "italic", Style.CODE: "bold cyan"}

YES = frozenset({"s", "si", "sí", "y", "yes"})
NO = frozenset({"n", "no"})


class NoMoreAnswers(Exception):
    """Standard input is at its end, and there are questions left."""


class Again(Exception):
    """An answer that cannot be; `key` is the text that says why."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


def any_answer(answer: str) -> str:
    """A check that takes everything."""
    return answer


class Terminal:
    """`texts` is set once the language is known."""

    def __init__(self, console: Console | None = None, language: str = "es") -> None:
        self._console = console or Console(highlight=False)
        self.texts = Texts(language, "UTC", datetime.now(UTC))

    def speak(self, language: str) -> None:
        """From now on in this language."""
        self.texts = Texts(language, "UTC", datetime.now(UTC))

    @property
    def is_one(self) -> bool:
        """Whether somebody sits there: they see what is written, and write it by hand."""
        return self._console.is_terminal and sys.stdin.isatty()

    # --- saying ---

    def say(self, key: str, /, **values: object) -> None:
        """A text."""
        self._write(self._text(key, **values))

    def good(self, key: str, /, **values: object) -> None:
        """Something that was done."""
        self._write(Text.assemble(("✓ ", "green"), self._text(key, **values)))

    def bad(self, key: str, /, **values: object) -> None:
        """Something that did not go."""
        self._write(Text.assemble(("✗ ", "bold red"), self._text(key, **values)))

    def line(self, words: str = "", style: str = "") -> None:
        """Words of no language: a path, a link, a picture."""
        self._write(Text(words, style))

    @contextmanager
    def busy(self, key: str, /, **values: object) -> Iterator[None]:
        """Something turns meanwhile."""
        if not self._console.is_terminal:
            yield
            return
        with self._console.status(self._text(key, **values)):
            yield

    # --- asking ---

    def ask(
        self,
        key: str,
        default: str = "",
        check: Callable[[str], str] = any_answer,
        **values: object,
    ) -> str:
        """An answer that `check` takes, which may raise `Again`. Raises `NoMoreAnswers`."""
        while True:
            shown = self._text(key, **values)
            if default:
                shown.append(f" [{default}]", "dim")
            try:
                return check(self._read(shown) or default)
            except Again as again:
                self.bad(again.key, **again.values)

    def secret(
        self, key: str, /, check: Callable[[str], str] = any_answer, **values: object
    ) -> str:
        """The same, not shown while it is typed."""
        while True:
            try:
                return check(self._read(self._text(key, **values), hidden=True))
            except Again as again:
                self.bad(again.key, **again.values)

    def yes(self, key: str, /, *, default: bool, **values: object) -> bool:
        """Yes or no."""

        def check(answer: str) -> str:
            if answer.casefold() not in YES | NO:
                raise Again("setup.yes_or_no")
            return answer

        shown = self.texts.plain("setup.yes" if default else "setup.no")
        return self.ask(key, shown, check, **values).casefold() in YES

    def choose(self, key: str, options: Sequence[str], /, **values: object) -> int:
        """Which of them, from 0."""

        def check(answer: str) -> str:
            if not answer.isdecimal() or not 1 <= int(answer) <= len(options):
                raise Again("setup.number", most=len(options))
            return answer

        for number, option in enumerate(options, 1):
            self.line(f"  {number}. {option}")
        return int(self.ask(key, "1", check, **values)) - 1

    def _read(self, shown: Text, *, hidden: bool = False) -> str:
        shown = Text.assemble(("? ", "bold cyan"), shown, ": ")
        if not self.is_one:
            self._write(shown)
            line = sys.stdin.readline()
            if not line:
                raise NoMoreAnswers
            return line.strip()
        with self._console.capture() as question:
            self._console.print(shown, end="", soft_wrap=True)
        try:
            # It turns the echo off and throws away what was typed too early; the question comes after.
            return (getpass.getpass if hidden else input)(question.get()).strip()
        except EOFError:
            raise NoMoreAnswers from None

    def _text(self, key: str, /, **values: object) -> Text:
        rendered: Rich = self.texts.render(key, **values)
        return Text.assemble(*((span.text, STYLES[span.style]) for span in rendered.spans))

    def _write(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)
