"""An XML feed cut down to the few elements that we read, each within a length.

The parser of feeds behind this looks at every element with patterns whose time can grow with the
square of what they see, such as an author's address. A feed of somebody hostile would halt the whole
bot, since Python matches patterns without letting anything else run. What leaves here is small, has
no entity, no markup inside texts and no surprise.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from html import escape
from typing import Any
from xml.parsers import expat

from bot.following.plain import BREAKS
from bot.following.values import NotAFeed, Why

MOST_ELEMENTS = 20_000
DEEPEST = 64
MOST_ITEMS = 1_000
"""Above each of these it is no feed that a person publishes."""

ROOTS = {"rss": "rss", "RDF": "rdf:RDF", "feed": "feed"}
"""RSS 2.0 and its elders, RSS 1.0, Atom."""

FRAMES = frozenset({"channel", "item", "entry"})
ITEMS = frozenset({"item", "entry"})

WORDS, ADDRESS, DATE = 20_000, 2_000, 100
"""Characters of each kind of element."""

LEAVES: Mapping[str, int] = {
    "title": 2_000,
    "description": WORDS,
    "summary": WORDS,
    "content": WORDS,
    "encoded": WORDS,
    "link": ADDRESS,
    "guid": ADDRESS,
    "id": ADDRESS,
    "pubDate": DATE,
    "date": DATE,
    "published": DATE,
    "updated": DATE,
    "issued": DATE,
    "modified": DATE,
}
KEPT = frozenset({"type", "href", "rel", "isPermaLink", "version"})
"""Attributes without a namespace that mean something to us."""

CONTENT = "http://purl.org/rss/1.0/modules/content/"
DC = "http://purl.org/dc/elements/1.1/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
ATOM = frozenset({"http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#"})
RSS1 = frozenset({"http://purl.org/rss/1.0/", "http://my.netscape.com/rdf/simple/0.9/"})
PREFIXES = {CONTENT: "content:", DC: "dc:"}

ENCODINGS = frozenset(
    {"utf-8", "ascii", "cp1252", "cp1250", "cp1251", "utf-16", "utf-16-le", "utf-16-be"}
    | {f"iso8859-{n}" for n in (1, 2, 5, 9, 15)}
)
"""What feeds are written in. Python knows others whose decoding is a program of its own."""

DECLARED = re.compile(
    r"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.-]{1,40})["'][^>]{0,200}\?>"""
)
DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,500}\?>")


def decoded(content: bytes, charset: str) -> str:
    """The text of a document, without its XML declaration. Raises `NotAFeed`.

    By its byte order mark, then by what it declares, then by `charset`, which the server said.
    """
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):  # fmt: skip
        if content.startswith(mark):
            return _without_declaration(_read_as(content[len(mark) :], name))
    declared = DECLARED.match(content[:600].decode("latin-1"))
    return _without_declaration(_read_as(content, declared[1] if declared else charset or "utf-8"))


def _read_as(content: bytes, name: str) -> str:
    try:
        known = codecs.lookup(name).name
    except LookupError:
        known = ""
    if known not in ENCODINGS:
        raise NotAFeed(Why.NOT_XML)
    try:
        return content.decode(known)
    except UnicodeDecodeError:
        raise NotAFeed(Why.NOT_XML) from None


def _without_declaration(text: str) -> str:
    return DECLARATION.sub("", text, count=1).lstrip()


def distilled(text: str) -> bytes:
    """A small document in UTF-8 with what we read of this one. Raises `NotAFeed`."""
    return _Distiller().run(text)


class _Distiller:
    def __init__(self) -> None:
        self._out: list[str] = []
        self._elements = self._items = 0
        self._open: list[str] = []
        """Names of the frames that are open, as they were written."""
        self._depth = self._skipped = 0
        self._leaf = ""
        self._leaf_depth = self._room = 0
        self._home: frozenset[str] = frozenset()
        self._parser = parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.EntityDeclHandler = self._entity

    def run(self, text: str) -> bytes:
        try:
            self._parser.Parse(text.encode("utf-8", "replace"), True)
        except expat.ExpatError:
            raise NotAFeed(Why.NOT_XML) from None
        return "".join(self._out).encode()

    def _entity(self, *_: Any) -> None:
        """Of any kind: before it could be used for the first time."""
        raise NotAFeed(Why.ENTITIES)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        self._depth += 1
        if self._elements > MOST_ELEMENTS or self._depth > DEEPEST:
            raise NotAFeed(Why.TOO_COMPLEX)
        space, _, local = name.rpartition(" ")
        if self._depth == 1:
            self._root(space, local, attributes)
        elif self._leaf:
            # Markup inside a text: its words are enough.
            self._characters("\n" if local.lower() in BREAKS else " ")
        elif self._skipped:
            return
        elif space in self._home and local in FRAMES:
            self._frame(local, attributes)
        elif local in LEAVES and (space in self._home or space in PREFIXES):
            self._begin_leaf(PREFIXES.get(space, "") + local, local, attributes)
        else:
            self._skipped = self._depth

    def _root(self, space: str, local: str, attributes: dict[str, str]) -> None:
        if local not in ROOTS or (local == "RDF") is not (space == RDF):
            raise NotAFeed(Why.NOT_A_FEED)
        if local == "feed" and space not in ATOM:
            raise NotAFeed(Why.NOT_A_FEED)
        self._home = RSS1 if local == "RDF" else frozenset({space})
        default = min(RSS1) if local == "RDF" else space if local == "feed" else ""
        spaces = f' xmlns:content="{CONTENT}" xmlns:dc="{DC}" xmlns:rdf="{RDF}"'
        if default:
            spaces += f' xmlns="{default}"'
        self._open.append(ROOTS[local])
        self._out.append(f"<{ROOTS[local]}{spaces}{_kept(attributes)}>")

    def _frame(self, local: str, attributes: dict[str, str]) -> None:
        self._items += local in ITEMS
        if self._items > MOST_ITEMS:
            raise NotAFeed(Why.TOO_COMPLEX)
        self._open.append(local)
        about = attributes.get(f"{RDF} about")
        said = f' rdf:about="{escape(about[:ADDRESS])}"' if about else ""
        self._out.append(f"<{local}{said}>")

    def _begin_leaf(self, written: str, local: str, attributes: dict[str, str]) -> None:
        if attributes.get("type") in ("xhtml", "application/xhtml+xml"):
            attributes = {**attributes, "type": "text"}  # its tags are gone already
        self._leaf, self._leaf_depth, self._room = written, self._depth, LEAVES[local]
        self._out.append(f"<{written}{_kept(attributes)}>")

    def _characters(self, text: str) -> None:
        if self._leaf and self._room:
            taken = text[: self._room]
            self._room -= len(taken)
            self._out.append(escape(taken))

    def _end(self, _name: str) -> None:
        if self._leaf and self._depth == self._leaf_depth:
            self._out.append(f"</{self._leaf}>")
            self._leaf = ""
        elif self._skipped == self._depth:
            self._skipped = 0
        elif not self._leaf and not self._skipped:
            self._out.append(f"</{self._open.pop()}>")
        self._depth -= 1


def _kept(attributes: Mapping[str, str]) -> str:
    return "".join(
        f' {name}="{escape(value[:ADDRESS])}"' for name, value in attributes.items() if name in KEPT
    )
