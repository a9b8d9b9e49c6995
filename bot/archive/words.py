"""What people wrote, made fit for a page, a feed or a terminal: nothing in it acts by itself."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from markupsafe import Markup

MOST_LINKS = 100
"""Addresses of one text that become links; a text of addresses alone would make a page of 300 kB."""

EXCERPT = 220
"""Characters of a text that a list shows."""

BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
"""Whatever ends a line (UAX 14, BK, CR and NL); one sign for all is kept."""

UNFIT = re.compile(r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 does not allow (section 2.2, Char), surrogates, and what it advises against: the
controls 127 to 159, which a terminal may obey, and non-characters."""

OVERRIDES = re.compile("[\u202d\u202e]")
"""Force the order of letters whatever they are. No language needs them; tricks do (UTR 36, 3.5)."""

OPENING = "\u202a\u202b\u2066\u2067\u2068"
CLOSING = {"\u202a": "\u202c", "\u202b": "\u202c"}
DIRECTED = re.compile("[\u202a-\u202c\u2066-\u2069]")
FIRST_STRONG, POP = "\u2068", "\u2069"

ADDRESS = re.compile(r"https?://[^\s<>\"'«»“”\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+", re.I)
TRAILING = ".,;:!?…"
PAIRS = {")": "(", "]": "[", "}": "{"}

LINK = Markup('<a href="{}" rel="nofollow noopener noreferrer">{}</a>')
PARAGRAPH = Markup('<p dir="auto">{}</p>\n')
BREAK = Markup("<br>\n")


def clean(text: str) -> str:
    """The same without what XML does not allow, without overrides; lines end with a line feed."""
    return OVERRIDES.sub("", UNFIT.sub("", BREAKS.sub("\n", text))).strip()


def line(text: str) -> str:
    """On one line, so that nobody's name makes a line of its own in a signed text."""
    return " ".join(clean(text).split())


def isolated(text: str) -> str:
    """One line whose marks of direction end with it, for places where no <bdi> can stand.

    What is opened is closed, what was never opened is not closed (UAX 9, section 2.7).
    """
    words = line(text)
    if not DIRECTED.search(words):
        return words
    waiting: list[str] = []
    kept: list[str] = []
    for char in words:
        if char in OPENING:
            waiting.append(CLOSING.get(char, POP))
        elif char in "\u202c\u2069":
            if not waiting or waiting[-1] != char:
                continue
            waiting.pop()
        kept.append(char)
    return FIRST_STRONG + "".join(kept) + "".join(reversed(waiting)) + POP


def excerpt(text: str, most: int = EXCERPT) -> str:
    """Its beginning on one line; what is cut ends with "…"."""
    words = isolated(text)
    if len(words) <= most:
        return words
    return isolated(words[:most].rsplit(" ", 1)[0].rstrip(TRAILING)) + "…"


def paragraphs(text: str) -> list[list[str]]:
    """Its paragraphs, each a list of lines. Lines without a letter part them."""
    blocks = re.split(r"\n\s*\n", clean(text))
    return [block.strip("\n").split("\n") for block in blocks if block.strip()]


def as_html(text: str) -> Markup:
    """Paragraphs; an http(s) address is a link, everything else is letters.

    Each paragraph finds its own direction and ends every mark of direction that it opens.
    """
    left = MOST_LINKS
    shown = []
    for block in paragraphs(text):
        rows = []
        for row in block:
            linked, left = _linked(row, left)
            rows.append(linked)
        shown.append(PARAGRAPH.format(BREAK.join(rows)))
    return Markup("").join(shown)


def _linked(row: str, left: int) -> tuple[Markup, int]:
    parts: list[str] = []
    at = 0
    for found in ADDRESS.finditer(row):
        address = _ended(found.group())
        if left <= 0:
            break
        if not _plain_address(address):
            continue
        parts += [row[at : found.start()], LINK.format(address, address)]
        at = found.start() + len(address)
        left -= 1
    return Markup("").join([*parts, row[at:]]), left


def _ended(address: str) -> str:
    """Without what belongs to the sentence around it."""
    while address and (
        address[-1] in TRAILING
        or (address[-1] in PAIRS and address.count(address[-1]) > address.count(PAIRS[address[-1]]))
    ):
        address = address[:-1]
    return address


def _plain_address(address: str) -> bool:
    """Whether it leads where it seems to: no name before an @, which looks like the host."""
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and "@" not in parts.netloc and (parts.port or 1) > 0
    except ValueError:
        return False
