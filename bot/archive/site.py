"""What an archive has besides its denunciations: a name, an address, the keys that it signs with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from bot.domain.denunciation import File

LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
"""What a language's folder may be called: an ISO 639 code, with subtags as in BCP 47."""

KEY = re.compile(r"[0-9A-Za-z]{1,64}")
"""What a key's file may be called: minisign's ids have 16 hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signs, or signed until then. `text` is the whole of minisign's public key file."""

    id: str
    text: str
    since: datetime
    until: datetime | None = None

    def __post_init__(self) -> None:
        if not KEY.fullmatch(self.id):
            raise ValueError("the id of a public key has letters and digits alone")

    @property
    def line(self) -> str:
        """The line that minisign takes after -P; "" in a file that holds none."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        return lines[-1] if lines else ""


@dataclass(frozen=True, slots=True)
class Statement:
    """What was said when one key took the place of another, signed with the older one of the two.

    `signature` is the text of a minisign signature file over `text`; `key` is the id of the key.
    """

    at: datetime
    text: str
    signature: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """An archive. `url` is absolute and ends without a slash; it may be an onion service's.

    `languages` are those with a catalogue: each has an index, also before anything was written in
    it. The first is what a page falls back on. `zone` is the IANA zone in which dates are said.
    Raises `ValueError` for what could not be an address, or the name of a folder.
    """

    title: str
    url: str
    languages: tuple[str, ...] = ("es", "en")
    contact: str = ""
    keys: tuple[PublicKey, ...] = ()
    statements: tuple[Statement, ...] = ()
    zone: str = "UTC"

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        whole = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
        if not whole or parts.query or parts.fragment or re.search(r"[\s<>&,\"']|/$", self.url):
            raise ValueError("the archive's url must be http(s)://… without a slash at its end")
        if not self.languages or not all(map(LANGUAGE.fullmatch, self.languages)):
            raise ValueError("the archive's languages must be codes such as es, and one at the least")
        ZoneInfo(self.zone)

    @property
    def host(self) -> str:
        """The name of the machine, for ids that are to be unique in the world."""
        return urlsplit(self.url).hostname or ""

    @property
    def root(self) -> str:
        """The address's path, with a slash at its end: "/" unless the archive is in a folder."""
        return urlsplit(self.url).path + "/"

    @property
    def key(self) -> PublicKey | None:
        """The one that signs now."""
        return next((key for key in reversed(self.keys) if key.until is None), None)


@dataclass(frozen=True, slots=True)
class Built:
    """What came of it. `name` is the hash of the content, `changed` whether the public sees another.

    `size` is in bytes, of `files` files. `missing` are those whose bytes could not be had, or were
    not the ones that their digest says: their words stand in their place.
    """

    name: str
    path: Path
    changed: bool
    files: int
    size: int
    missing: tuple[File, ...] = ()
