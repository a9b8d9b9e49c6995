"""Text with emphasis, the same for every platform.

A text is a tuple of spans. What a person wrote is always the content of a span, never markup,
so that a name such as ``<b>`` or ``*x*`` stays what it is on every platform.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Style(StrEnum):
    """Emphasis of one span."""

    PLAIN = "plain"
    BOLD = "bold"
    ITALIC = "italic"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Span:
    """A run of characters in one style; ``\\n`` is a line break."""

    text: str
    style: Style = Style.PLAIN


@dataclass(frozen=True, slots=True)
class Rich:
    """A text to show: spans in reading order."""

    spans: tuple[Span, ...] = ()

    @classmethod
    def of(cls, text: str) -> Rich:
        """A plain text without emphasis."""
        return cls((Span(text),)) if text else cls()

    @property
    def plain(self) -> str:
        """The characters alone."""
        return "".join(span.text for span in self.spans)

    def __add__(self, other: Rich) -> Rich:
        return Rich(self.spans + other.spans)

    def to_json(self) -> list[list[str]]:
        """Lists of ``[text, style]``, for storing."""
        return [[span.text, span.style.value] for span in self.spans]

    @classmethod
    def from_json(cls, value: list[list[str]]) -> Rich:
        """The opposite of `to_json`."""
        return cls(tuple(Span(text, Style(style)) for text, style in value))
