"""`Rich` as Telegram wants it: a text and entities whose offsets count UTF-16 units.

Entities and not markup, so that nothing a person wrote can be read as markup.
Source: https://core.telegram.org/api/entities
"""

from __future__ import annotations

from typing import Any

from bot.domain.rich import Rich, Span, Style

TEXT_LIMIT = 4096
"""UTF-16 units in one message (https://core.telegram.org/bots/api#sendmessage)."""

CAPTION_LIMIT = 1024
"""UTF-16 units in the caption of a file (https://core.telegram.org/bots/api#sendphoto)."""

_TYPES = {Style.BOLD: "bold", Style.ITALIC: "italic", Style.CODE: "code"}
"""https://core.telegram.org/bots/api#messageentity"""

_SEPARATORS = ("\n\n", "\n", " ")
"""Where a text may be cut, best first."""


def units(text: str) -> int:
    """The length of `text` in UTF-16 units."""
    return len(text) + sum(1 for character in text if character > "\uffff")


def to_entities(rich: Rich) -> tuple[str, list[dict[str, Any]]]:
    """The characters and the emphasis of `rich`.

    Half a surrogate pair, which a person's client may send, cannot be encoded and becomes "\ufffd".
    """
    text = ""
    entities: list[dict[str, Any]] = []
    offset = 0
    for span in rich.spans:
        words = span.text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        length = units(words)
        if length and span.style in _TYPES:
            entities.append({"type": _TYPES[span.style], "offset": offset, "length": length})
        text += words
        offset += length
    return text, entities


def split(rich: Rich, limit: int = TEXT_LIMIT) -> list[Rich]:
    """`rich` in parts of at most `limit` UTF-16 units, cut between paragraphs, lines or words.

    A separator in the latter half of what fits is taken; failing that, the cut is between two
    characters. The separator itself is dropped, and so are parts of white space alone, which
    Telegram refuses. At least one part.
    """
    text = rich.plain
    parts: list[Rich] = []
    start = 0
    while start < len(text):
        end = _fitting(text, start, limit)
        following = end
        if end < len(text):
            for separator in _SEPARATORS:
                cut = text.rfind(separator, start + (end - start) // 2, end + len(separator))
                if cut > start:
                    end, following = cut, cut + len(separator)
                    break
        if text[start:end].strip():
            parts.append(_slice(rich, start, end))
        start = following
    return parts or [rich]


def _fitting(text: str, start: int, limit: int) -> int:
    """The end of the longest run from `start` that has at most `limit` units."""
    size = 0
    for index in range(start, len(text)):
        size += 2 if text[index] > "\uffff" else 1
        if size > limit:
            return index
    return len(text)


def _slice(rich: Rich, start: int, end: int) -> Rich:
    """The characters from `start` to `end`, each in its style."""
    spans: list[Span] = []
    position = 0
    for span in rich.spans:
        words = span.text[max(0, start - position) : max(0, end - position)]
        if words:
            spans.append(Span(words, span.style))
        position += len(span.text)
    return Rich(tuple(spans))
