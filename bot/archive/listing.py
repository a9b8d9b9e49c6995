"""For machines: the map of the pages, the robots' file, and the list of every file with its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from xml.etree import ElementTree as ET  # nosec B405

from bot.archive.cap import written
from bot.archive.media import Medium
from bot.archive.said import tag
from bot.archive.shelf import Shelf
from bot.archive.signed import address, instant
from bot.archive.site import Site
from bot.archive.words import line
from bot.domain.publication import Publication

LIST = "archive.json"
SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
XHTML = "http://www.w3.org/1999/xhtml"
MOST_PAGES = 50_000
"""Addresses of one map (sitemaps.org, "Sitemap index"); the newest denunciations come first."""


def sitemap(site: Site, shelf: Shelf) -> bytes:
    """Every page with words, and beside it the same page in its other languages.

    Those that were withdrawn are in it too: whoever kept the words is to look again.
    """
    root = ET.Element("urlset", {"xmlns": SITEMAP, "xmlns:xhtml": XHTML})
    for name in ("index", "verify"):
        others = {tag(lang): f"{site.url}/{lang}/{name}.html" for lang in shelf.languages}
        for url in others.values():
            changed = shelf.last_change if name == "index" else None
            _page(root, url, instant(changed) if changed else "", others)
    for each in shelf.all:
        others = {tag(v.language): address(site, each, v) for v in each.versions}
        for url in others.values():
            if len(root) < MOST_PAGES:
                _page(root, url, instant(each.changed_at), others)
    return written(root)


def _page(root: ET.Element, url: str, changed: str, others: Mapping[str, str]) -> None:
    page = ET.SubElement(root, "url")
    ET.SubElement(page, "loc").text = url
    if changed:
        ET.SubElement(page, "lastmod").text = changed
    for language, href in others.items() if len(others) > 1 else ():
        ET.SubElement(page, "xhtml:link", rel="alternate", hreflang=language, href=href)


def robots(site: Site) -> bytes:
    """Everything may be read: to be found is what it is for (RFC 9309)."""
    return f"User-agent: *\nAllow: /\n\nSitemap: {site.url}/sitemap.xml\n".encode()


def manifest(site: Site, shelf: Shelf, pages: Mapping[str, bytes], media: Mapping[str, Medium]) -> bytes:
    """Every file but this one and its signature, with its SHA-256 and its size in bytes."""
    files = {n: (hashlib.sha256(c).hexdigest(), len(c)) for n, c in pages.items()}
    files |= {n: (n.split("/")[1].split(".")[0], m.size) for n, m in media.items()}
    content = {
        "version": 1,
        "title": line(site.title),
        "url": site.url,
        "languages": [tag(language) for language in shelf.languages],
        "denunciations": [_described(each) for each in sorted(shelf.all, key=lambda p: p.code)],
        "files": {n: {"sha256": digest, "size": size} for n, (digest, size) in sorted(files.items())},
    }
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _described(publication: Publication) -> dict[str, object]:
    facts: dict[str, object] = {
        "code": publication.code,
        "number": publication.number,
        "organisation": line(publication.organisation),
        "kind": publication.kind.value,
        "fingerprint": publication.fingerprint,
        "languages": [tag(v.language) for v in publication.versions],
        "published": instant(publication.published_at),
        "changed": instant(publication.changed_at),
    }
    if publication.withdrawal:
        facts["withdrawn"] = instant(publication.withdrawal.at)
    return facts
