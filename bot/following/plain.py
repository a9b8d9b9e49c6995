"""Words of others made harmless: plain text, without marks, within a length."""

from __future__ import annotations

import html
import re
import unicodedata

TAG = re.compile(r"<(/?)([a-zA-Z!?][^\s<>/]*)[^<>]*>")
"""A tag up to its end. It never goes back, so that it takes as long as the text is.

`html.parser` takes time that grows with the square of the length for some hostile texts (CVE-2025-6069),
and all people's alarms would wait for it.
"""

UNSEEN = frozenset({"script", "style"})
"""Elements whose content nobody is to read."""

BREAKS = frozenset(
    {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol"}
)
"""Elements that begin a line."""

DROPPED = frozenset({"Cc", "Cs", "Co", "Cn"})
"""Categories of Unicode that are no text."""

DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Signs that show a text in another order than it is written: what is shown must be what is sent."""

ELLIPSIS = "…"


def from_html(text: str) -> str:
    """What a page in HTML says, in plain text. Never raises, and takes time linear in its length."""
    pieces: list[str] = []
    at, hidden = 0, ""
    for tag in TAG.finditer(text):
        if not hidden:
            pieces.append(text[at : tag.start()])
        at = tag.end()
        ends, name = bool(tag[1]), tag[2].lower()
        if hidden:
            hidden = "" if ends and name == hidden else hidden
        elif name in UNSEEN and not ends:
            hidden = name
        elif name in BREAKS:
            pieces.append("\n")
    if not hidden:
        pieces.append(text[at:])
    joined = "".join(pieces)
    try:
        return html.unescape(joined)
    except ValueError:  # a reference with more digits than Python reads as a number
        return joined


def one_line(text: str, limit: int) -> str:
    """Visible characters in one line, at most `limit` of them."""
    return shortened(" ".join(_visible(text).split()), limit)


def lines(text: str, limit: int) -> str:
    """Visible characters in paragraphs, at most `limit` of them."""
    found = (" ".join(line.split()) for line in _visible(text).split("\n"))
    return shortened("\n".join(line for line in found if line), limit)


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters; what was cut off is shown to be missing."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS


def _visible(text: str) -> str:
    return "".join(
        " " if sign in "\t\r" else sign
        for sign in text
        if sign in "\n\t\r"
        or (unicodedata.category(sign) not in DROPPED and sign not in DIRECTIONS)
    )
