"""The few words that generated pages need beside those of the code, in each language.

The sentences in the code (help of a command, comment of a setting) are English. `es.po` beside this file
has each of them in Spanish; `test_generated.py` says which is missing.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.pofile import read_po

HERE = Path(__file__).parent
ORIGINAL = "en"
"""The language of what stands in the code."""

LANGUAGES = ("es", "en")


@cache
def translations(language: str) -> dict[str, str]:
    """Sentence in English and in this language."""
    path = HERE / f"{language}.po"
    return {str(m.id): str(m.string) for m in read_po(BytesIO(path.read_bytes())) if m.id and m.string}


class Words:
    """What says a sentence in one language, and remembers what it could not."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.missing: list[str] = []
        self.said: set[str] = set()

    def __call__(self, sentence: str, **values: object) -> str:
        """The sentence; in English where there is no translation."""
        said = sentence
        self.said.add(sentence)
        if sentence and self.language != ORIGINAL:
            found = translations(self.language).get(sentence)
            if found is None:
                self.missing.append(sentence)
            said = found or sentence
        return said.format(**values) if values else said

    def listed(self, parts: list[str], word: str = "or") -> str:
        """ "a, b or c". """
        *first, last = parts
        return f"{', '.join(first)} {self(word)} {last}" if first else last

    @staticmethod
    def sentence(text: str) -> str:
        """With a capital and a full stop."""
        return text[:1].upper() + text[1:] + "."
