"""The text of a denunciation that is signed: what a person keeps, and a machine can check.

Format, version 1. UTF-8 without a byte order mark; each line ends with a line feed.

- Headers: a name, a colon, a space, a value on one line. First `Acuerpa-Archive: 1`, then `Address`,
  `Code`, `Number`, `Organisation`, `Kind`, `Language`, `Published`, and where they apply `Act-By`,
  `Closed`, `Corrected`, `Withdrawn`, `Follows`, `Region`, `Topic` (one line each), then
  `Fingerprint`, `File` (one line each: SHA-256, size in bytes or "-" if it is not here, media type,
  the words that stand for it) and last `Title`.
- Instants are UTC as in RFC 3339, whole seconds: `2026-11-24T18:00:00Z`.
- An empty line, then the words as they are shown.
- One that was withdrawn has no `Title`, `File`, `Region` or `Topic`; after the empty line stands why.

The order is fixed, so that the same denunciation always gives the same bytes. What people wrote is
in it as `bot.archive.words.clean` leaves it: without what a terminal would obey.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from bot.archive.media import Medium, name_of
from bot.archive.said import tag
from bot.archive.shelf import Group, names
from bot.archive.site import Site
from bot.archive.words import clean, line
from bot.domain.publication import Publication, Version, spelled


def instant(value: datetime) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def name_of_text(publication: Publication, version: Version) -> str:
    """Where it is."""
    return f"{version.language}/{publication.code}.txt"


def address(site: Site, publication: Publication, version: Version) -> str:
    """Of the page that shows it."""
    return f"{site.url}/{version.language}/{publication.code}.html"


def text(site: Site, media: Mapping[str, Medium], publication: Publication, version: Version) -> bytes:
    """The bytes that the signature is over."""
    head = "".join(f"{k}: {v}\n" for k, v in _headers(site, media, publication, version))
    words = publication.withdrawal.reason if publication.withdrawal else version.text
    return f"{head}\n{clean(words)}\n".encode()


def _headers(
    site: Site, media: Mapping[str, Medium], publication: Publication, version: Version
) -> Iterator[tuple[str, object]]:
    withdrawal = publication.withdrawal
    yield "Acuerpa-Archive", 1
    yield "Address", address(site, publication, version)
    yield "Code", spelled(publication.code)
    yield "Number", publication.number
    yield "Organisation", line(publication.organisation)
    yield "Kind", publication.kind.value
    yield "Language", tag(version.language)
    for name, at in (
        ("Published", publication.published_at),
        ("Act-By", publication.act_by),
        ("Closed", publication.closed_at),
        ("Corrected", publication.corrected_at),
        ("Withdrawn", withdrawal.at if withdrawal else None),
    ):
        if at is not None:
            yield name, instant(at)
    if publication.follows:
        yield "Follows", spelled(publication.follows)
    for region in names(Group.REGION, publication):
        yield "Region", region
    for topic in names(Group.TOPIC, publication):
        yield "Topic", topic
    yield "Fingerprint", publication.fingerprint
    if withdrawal is not None:
        return
    for file in publication.files:
        there = media.get(name_of(file))
        yield "File", line(f"{file.digest} {there.size if there else '-'} {file.mime} {file.alternative}")
    yield "Title", line(version.title)
