"""Reading a feed of somebody else: Atom and RSS through feedparser, JSON Feed 1.1 as JSON.

Sources: RFC 4287 (Atom), the RSS Advisory Board's RSS 2.0, RSS 1.0, jsonfeed.org/version/1.1.
"""

from __future__ import annotations

import calendar
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from bot.following.distilling import decoded, distilled
from bot.following.plain import from_html, lines, one_line
from bot.following.values import Entry, Feed, NotAFeed, Why

MOST_BYTES = 1_000_000
MOST_ENTRIES = 50
TITLE, SUMMARY, FEED_TITLE, LINK, ID = 200, 1_500, 80, 500, 500
"""Characters of each."""

RAW = 20_000
"""Characters of a text that are looked at."""

JSON_FEED = "https://jsonfeed.org/version/1"


def read(content: bytes, content_type: str) -> Feed:
    """What a feed says, in plain text. Raises `NotAFeed`, and nothing else for any content.

    `content_type` is the server's word, of which only the encoding is believed, and that only where
    the document says nothing. Asks nobody anything. May take a second: not for the event loop.
    """
    try:
        return _read(content, content_type)
    except NotAFeed:
        raise
    except Exception:  # of libraries that never promised anything about hostile content
        raise NotAFeed(Why.NOT_A_FEED) from None


def _read(content: bytes, content_type: str) -> Feed:
    if len(content) > MOST_BYTES:
        raise NotAFeed(Why.TOO_LARGE)
    if not content.strip():
        raise NotAFeed(Why.EMPTY)
    text = decoded(content, _charset(content_type))
    if text.startswith("{"):
        return _of_json(text)
    if not text.startswith("<"):
        raise NotAFeed(Why.NOT_XML)
    if text[:14].lower().startswith(("<html", "<!doctype html")):
        raise NotAFeed(Why.NOT_A_FEED)  # a page, and most pages are no XML
    import feedparser  # takes memory that those who follow nobody do not need

    # Bytes that it may parse, and no text, which it may take for an address. There is no HTML left
    # to clean, and nothing relative to resolve.
    parsed = feedparser.parse(
        io.BytesIO(distilled(text)), sanitize_html=False, resolve_relative_uris=False
    )
    if not parsed.get("version"):
        raise NotAFeed(Why.NOT_A_FEED)
    return Feed(
        _line(_words(parsed.feed, "title"), FEED_TITLE),
        _first(_of_parsed(entry) for entry in parsed.entries),
    )


def _charset(content_type: str) -> str:
    for part in content_type[:200].split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'")
    return ""


def _first(entries: Iterable[Entry | None]) -> tuple[Entry, ...]:
    """The newest, each once; those without a date behind the others, in the feed's order."""
    by_id: dict[str, Entry] = {}
    for entry in entries:
        if entry is not None:
            by_id.setdefault(entry.id, entry)
    long_ago = datetime.min.replace(tzinfo=UTC)
    newest = sorted(by_id.values(), key=lambda e: e.published or long_ago, reverse=True)
    return tuple(newest[:MOST_ENTRIES])


def _entry(
    id: str, title: str, link: str, summary: str, published: datetime | None
) -> Entry | None:
    """None where there is nothing to show."""
    title = title or _line(summary, TITLE)
    if not title:
        return None
    if not id:
        id = link or hashlib.sha256(f"{title}\0{summary}".encode()).hexdigest()
    if len(id) > ID:
        id = hashlib.sha256(id.encode("utf-8", "replace")).hexdigest()
    return Entry(id, title, link, summary, published)


# --- Atom and RSS -------------------------------------------------------------------------------


def _of_parsed(entry: dict[str, Any]) -> Entry | None:
    summary = _words(entry, "summary")
    for content in entry.get("content") or ():
        summary = summary or _plain(str(content.get("value", "")), str(content.get("type", "")))
    return _entry(
        _line(str(entry.get("id") or ""), ID + 1),
        _line(_words(entry, "title"), TITLE),
        _link(entry.get("link")),
        lines(summary, SUMMARY),
        # Past feedparser's own lookup, which gives the one for the other and warns of it.
        _instant(dict.get(entry, "published_parsed") or dict.get(entry, "updated_parsed")),
    )


def _words(of: Mapping[str, Any], name: str) -> str:
    detail = of.get(f"{name}_detail") or {}
    return _plain(str(of.get(name) or ""), str(detail.get("type", "")))


def _plain(text: str, kind: str) -> str:
    return text[:RAW] if kind == "text/plain" else from_html(text[:RAW])


def _instant(parsed: Any) -> datetime | None:
    """feedparser gives nine numbers in UTC."""
    try:
        return datetime.fromtimestamp(calendar.timegm(parsed), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


# --- JSON Feed ----------------------------------------------------------------------------------


def _of_json(text: str) -> Feed:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise NotAFeed(Why.NOT_XML) from None
    if not isinstance(found, dict) or not str(found.get("version", "")).startswith(JSON_FEED):
        raise NotAFeed(Why.NOT_A_FEED)
    items = found.get("items")
    if not isinstance(items, list):
        raise NotAFeed(Why.NOT_A_FEED)
    if len(items) > 1_000:
        raise NotAFeed(Why.TOO_COMPLEX)
    return Feed(
        _line(_said(found, "title"), FEED_TITLE),
        _first(_of_item(item) for item in items if isinstance(item, dict)),
    )


def _of_item(item: Mapping[str, Any]) -> Entry | None:
    summary = _said(item, "summary") or _said(item, "content_text")
    return _entry(
        _line(_said(item, "id"), ID + 1),
        _line(_said(item, "title"), TITLE),
        _link(_said(item, "url") or _said(item, "external_url")),
        lines(summary or from_html(_said(item, "content_html")), SUMMARY),
        _moment(_said(item, "date_published") or _said(item, "date_modified")),
    )


def _said(of: Mapping[str, Any], name: str) -> str:
    value = of.get(name)
    if isinstance(value, str):
        return value[:RAW]
    # The specification asks to take an id that is a number as its text.
    return str(value) if name == "id" and isinstance(value, int | float) else ""


def _moment(text: str) -> datetime | None:
    """RFC 3339; without a zone it says no instant."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


# --- both ---------------------------------------------------------------------------------------


def _line(text: str, limit: int) -> str:
    return one_line(text[:RAW], limit)


def _link(value: object) -> str:
    """An address that a browser opens, or ""; nothing that pretends to be another one."""
    link = value if isinstance(value, str) else ""
    if not link or len(link) > LINK or not link.isprintable() or " " in link:
        return ""
    try:
        parts = urlsplit(link)
        named = parts.username is not None or parts.password is not None
        return link if parts.scheme in ("http", "https") and parts.hostname and not named else ""
    except ValueError:
        return ""
