"""What changed last, for readers of feeds: Atom (RFC 4287) and JSON Feed 1.1.

Every feed has everything, each in its reader's language or else in its own, and says which. An entry
keeps its id when it is corrected or withdrawn: readers then show it as changed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from feedgen.ext.base import BaseEntryExtension, BaseExtension
from feedgen.feed import FeedGenerator

from bot.archive.said import Said, tag
from bot.archive.shelf import Group, Shelf, names, version
from bot.archive.signed import address, instant
from bot.archive.site import Site
from bot.archive.words import as_html, clean, isolated
from bot.domain.publication import Kind, Publication, Version

MOST = 30
"""Entries of a feed: the last to change. The pages have all."""

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
NOTHING_YET = datetime(1970, 1, 1, tzinfo=UTC)
"""`updated` of a feed without an entry: it may not be left out (RFC 4287, section 4.1.1)."""


class _Tongue(BaseEntryExtension):  # type: ignore[misc]
    """What feedgen 1.0 cannot say of an entry: its language, and what its links are for.

    Its own `link` writes the address alone (it loses `rel`, `type` and `hreflang`), and two links
    without `rel` are two of the same kind, which RFC 4287 forbids (section 4.1.2).
    """

    def __init__(self) -> None:
        self._language = ""
        self._links: list[dict[str, str]] = []

    def language(self, language: str) -> None:
        """A BCP 47 tag."""
        self._language = language

    def link(self, **attributes: str) -> None:
        """The attributes of RFC 4287, section 4.2.7."""
        self._links.append(attributes)

    def extend_atom(self, entry: Any) -> Any:
        """Called by feedgen with the element that it has made."""
        entry.set(LANG, self._language)
        for each in self._links:
            entry.append(entry.makeelement("link", each))
        return entry


@dataclass(frozen=True, slots=True)
class Entry:
    """One denunciation as a feed shows it."""

    publication: Publication
    version: Version
    id: str
    url: str
    language: str
    title: str
    text: str


def entries(site: Site, shelf: Shelf, said: Said) -> list[Entry]:
    """The last ones to change, the newest change first."""
    return [_entry(site, said, each) for each in shelf.changed[:MOST]]


def _entry(site: Site, said: Said, publication: Publication) -> Entry:
    shown = version(publication, said.language)
    withdrawal = publication.withdrawal
    text, language = shown.text, tag(shown.language)
    if withdrawal is not None:
        text, language = withdrawal.reason, said.ui
    return Entry(
        publication,
        shown,
        identity(site, publication, shown),
        address(site, publication, shown),
        language,
        said.title(publication, shown),
        clean(text),
    )


def identity(site: Site, publication: Publication, shown: Version) -> str:
    """A tag URI (RFC 4151): of the host, the year of publication and the code; none of them changes."""
    return f"tag:{site.host},{publication.published_at:%Y}:{publication.code}/{tag(shown.language)}"


def atom(site: Site, shelf: Shelf, said: Said) -> bytes:
    """The Atom feed of one language."""
    home = f"{site.url}/{said.language}"
    feed = FeedGenerator()
    feed.register_extension("tongue", BaseExtension, _Tongue, atom=True, rss=False)
    feed.id(f"{home}/")
    feed.title(isolated(site.title))
    feed.language(said.ui)
    feed.generator("Acuerpa")
    feed.updated(shelf.last_change or NOTHING_YET)
    feed.link(href=f"{home}/index.html", rel="alternate", type="text/html", hreflang=said.ui)
    feed.link(href=f"{home}/feed.atom", rel="self", type="application/atom+xml")
    feed.author({"name": isolated(site.title)})
    for each in entries(site, shelf, said):
        publication = each.publication
        entry = feed.add_entry(order="append")
        entry.id(each.id)
        entry.title(each.title)
        entry.published(publication.published_at)
        entry.updated(publication.changed_at)
        entry.author({"name": isolated(publication.organisation) or isolated(site.title)})
        entry.tongue.link(
            href=each.url, rel="alternate", type="text/html", hreflang=tag(each.version.language)
        )
        if publication.kind is Kind.URGENT:
            alert = each.url.removesuffix(".html") + ".cap.xml"
            entry.tongue.link(href=alert, rel="related", type="application/cap+xml")
        for topic in names(Group.TOPIC, publication):
            entry.category(term=topic)
        entry.content(str(as_html(each.text)), type="html")
        entry.tongue.language(each.language)
    made: bytes = feed.atom_str(pretty=True)
    return made


def json_feed(site: Site, shelf: Shelf, said: Said) -> bytes:
    """The same as JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)."""
    home = f"{site.url}/{said.language}"
    items = []
    for each in entries(site, shelf, said):
        publication = each.publication
        item: dict[str, object] = {
            "id": each.id,
            "url": each.url,
            "title": each.title,
            "content_text": each.text,
            "date_published": instant(publication.published_at),
            "date_modified": instant(publication.changed_at),
            "authors": [{"name": isolated(publication.organisation)}],
            "language": each.language,
        }
        if topics := names(Group.TOPIC, publication):
            item["tags"] = topics
        items.append(item)
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": isolated(site.title),
        "home_page_url": f"{home}/index.html",
        "feed_url": f"{home}/feed.json",
        "language": said.ui,
        "items": items,
    }
    return (json.dumps(feed, ensure_ascii=False, indent=1) + "\n").encode()
