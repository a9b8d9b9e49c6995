"""What looking at a feed of somebody else gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Why(StrEnum):
    """Why there is no feed; keys of the catalogues below `feed.why`."""

    # about the address and the way there
    ADDRESS = "address"  # not https, or none at all
    FORBIDDEN = "forbidden"  # it leads into a network that is not public
    ONION = "onion"  # a Tor service, and there is no Tor here
    REDIRECTS = "redirects"
    CONNECTION = "connection"
    TOO_SLOW = "too_slow"
    STATUS = "status"  # the server answers that it has no such thing
    OFFLINE = "offline"  # the demonstration asks nobody
    # about what came
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    NOT_XML = "not_xml"  # neither XML nor JSON that can be read
    ENTITIES = "entities"  # declares entities, which no feed needs
    TOO_COMPLEX = "too_complex"
    NOT_A_FEED = "not_a_feed"
    # about its signature, where a key is pinned
    UNSIGNED = "unsigned"
    SIGNATURE = "signature"  # it is there, and wrong
    NO_VERIFIER = "no_verifier"


class NotAFeed(Exception):
    """What came is no feed that we read."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert, in plain text. `link` is http(s) or "". `published` is aware, in UTC.

    `id` tells it from the others of its feed: what the feed says, or else what it is made of.
    """

    id: str
    title: str
    link: str
    summary_text: str
    published: datetime | None


@dataclass(frozen=True, slots=True)
class Feed:
    """What somebody publishes, the newest first if they say when. `title` may be ""."""

    title: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server answered. `etag` and `modified` are for the next request, "" for none.

    `verified`: its signature is that of the pinned key. Without a pinned key nobody looked.
    """

    content: bytes
    content_type: str
    etag: str
    modified: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Unchanged:
    """It is what it was the last time."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """There is nothing to read."""

    why: Why


@dataclass(frozen=True, slots=True)
class News:
    """A feed that was fetched and read; the other values are as in `Fetched`."""

    feed: Feed
    etag: str
    modified: str
    verified: bool


Looked = News | Unchanged | Unreachable
