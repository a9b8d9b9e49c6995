"""What the removal of metadata takes and gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

MEGA = 1_000_000


class Kind(StrEnum):
    """What leaves. A photograph of any accepted kind leaves as JPEG, a drawing as PNG."""

    JPEG = "jpeg"
    PNG = "png"
    PDF = "pdf"
    TEXT = "text"

    @property
    def media_type(self) -> str:
        """The media type (RFC 6838), for platforms and web pages."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    Kind.JPEG: "image/jpeg",
    Kind.PNG: "image/png",
    Kind.PDF: "application/pdf",
    Kind.TEXT: "text/plain; charset=utf-8",
}
_NAMES = {
    Kind.JPEG: "imagen-{}.jpg",
    Kind.PNG: "imagen-{}.png",
    Kind.PDF: "documento-{}.pdf",
    Kind.TEXT: "texto-{}.txt",
}


class Found(StrEnum):
    """What was there and the person should hear of. The rest of the metadata goes without a word."""

    LOCATION = "location"  # the place where the picture was taken
    ANIMATION = "animation"  # more pictures than the first, which alone is left
    ATTACHMENTS = "attachments"  # files inside the document
    LINKS = "links"  # addresses behind words; the words are left


class Reason(StrEnum):
    """Why a file is refused. Each has a text `file.refused.…` that says what to do instead."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"  # in bytes, as it came or as it would leave
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_MANY_PAGES = "too_many_pages"
    TOO_HEAVY = "too_heavy"  # more time or memory than a file may take
    OFFICE = "office"  # a document of a word processor, a spreadsheet, slides
    MEDIA = "media"  # video or sound
    UNKNOWN = "unknown"  # of no kind that is accepted
    ENCODING = "encoding"  # a text that is not UTF-8
    DAMAGED = "damaged"
    PASSWORD = "password"  # noqa: S105 # nosec B105
    DOUBTFUL = "doubtful"  # a PDF with parts of which it is not certain what they hold
    CRASHED = "crashed"  # the process that opened it died
    UNAVAILABLE = "unavailable"  # that process cannot be shut in here, so nothing is opened


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a file may be, and how much its opening may take."""

    size: int = 20 * MEGA
    """Bytes, of what comes and of what leaves."""
    pixels: int = 64 * MEGA
    """Of one image, before anything is decoded. Telephones make up to 50 million."""
    side: int = 4096
    """Pixels of the longest side of an image that leaves; a larger one is made smaller."""
    pages: int = 300
    seconds: float = 30.0
    """From start to end, by the clock on the wall; of one processor at most as many."""
    memory: int = 1024 * MEGA
    """Bytes of address space."""


@dataclass(frozen=True, slots=True)
class Clean:
    """A file that says no more than can be seen in it."""

    kind: Kind
    content: bytes
    found: frozenset[Found] = frozenset()

    def name(self, number: int) -> str:
        """The name under which it leaves: ours, nothing of the one that it came with."""
        return _NAMES[self.kind].format(number)


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing leaves."""

    reason: Reason
    limit: int = 0
    """What the text's `{limit}` says: megabytes, millions of pixels, or pages."""


Cleaned = Clean | Refused
Cleaning = Callable[[bytes, str], Awaitable[Cleaned]]
"""What handlers are given: a file's content and the name that it came with."""
