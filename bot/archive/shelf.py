"""The denunciations in the order in which they are shown, and how they hang together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from itertools import chain

from bot.archive.site import LANGUAGE, Site
from bot.archive.words import line
from bot.domain.publication import Kind, Publication, Version, short

CODE = re.compile(r"[a-z2-7]{10}")
DIGEST = re.compile(r"[0-9a-f]{64}")


class Group(StrEnum):
    """By what denunciations are gathered; also how the names of those pages begin."""

    TOPIC = "topic"
    REGION = "region"
    ORGANISATION = "organisation"


@dataclass(frozen=True, slots=True)
class Gathered:
    """Those of one topic, region or organisation. `slug` comes from a hash, never from its letters."""

    group: Group
    name: str
    publications: tuple[Publication, ...]

    @property
    def slug(self) -> str:
        """The name of its page, less the end."""
        return slug(self.group, self.name)


def slug(group: Group, name: str) -> str:
    """Ten letters of SHA-256: the same for the same name, and no path whatever the name is."""
    return f"{group}-{short(sha256(line(name).casefold().encode()).hexdigest())}"


def is_open(publication: Publication, now: datetime) -> bool:
    """Whether it still asks to act: urgent, not taken back, not closed, and its day not past."""
    return (
        publication.kind is Kind.URGENT
        and publication.withdrawal is None
        and (publication.closed_at is None or publication.closed_at > now)
        and (publication.act_by is None or publication.act_by > now)
    )


class Shelf:
    """All of them. Raises `ValueError` for a code, a digest or a language that is none, and for two
    of one code: names of files are made from these."""

    def __init__(self, site: Site, publications: Iterable[Publication], now: datetime) -> None:
        everything = list(publications)
        self.by_code = {each.code: each for each in everything}
        if len(self.by_code) != len(everything):
            raise ValueError("two denunciations have the same code")
        for each in everything:
            _sound(each)
        newest = sorted(everything, key=lambda p: (p.published_at, p.code), reverse=True)
        urgent = [each for each in newest if is_open(each, now)]
        urgent.sort(key=lambda p: (p.act_by is None, p.act_by or p.published_at))
        self.open = tuple(urgent)
        self.rest = tuple(each for each in newest if not is_open(each, now))
        self.all = self.open + self.rest
        self.changed = tuple(sorted(newest, key=lambda p: (p.changed_at, p.code), reverse=True))
        written = chain.from_iterable((v.language for v in each.versions) for each in newest)
        more = sorted(set(written) - set(site.languages))
        self.languages = (*dict.fromkeys(site.languages), *more)
        self._after: dict[str, list[Publication]] = {}
        for each in sorted(newest, key=lambda p: (p.published_at, p.code)):
            self._after.setdefault(each.follows, []).append(each)

    def before(self, publication: Publication) -> Publication | None:
        """What it continues, if that is here."""
        found = self.by_code.get(publication.follows)
        return None if found is publication else found

    def after(self, publication: Publication) -> list[Publication]:
        """What continues it, oldest first."""
        return [each for each in self._after.get(publication.code, []) if each is not publication]

    def gathered(self, group: Group) -> list[Gathered]:
        """Every topic, region or organisation, by its name. Capital letters make no other one."""
        called: dict[str, str] = {}
        found: dict[str, list[Publication]] = {}
        for each in self.all:
            for name in names(group, each):
                key = slug(group, name)
                called.setdefault(key, name)
                if each not in found.setdefault(key, []):
                    found[key].append(each)
        made = [Gathered(group, called[key], tuple(those)) for key, those in found.items()]
        return sorted(made, key=lambda g: (g.name.casefold(), g.name))

    @property
    def last_change(self) -> datetime | None:
        """When the public last saw any of them change."""
        return self.changed[0].changed_at if self.changed else None


def names(group: Group, publication: Publication) -> list[str]:
    """Where it belongs. One that was withdrawn has its organisation alone: a place, too, may be what
    somebody must not be found by."""
    if publication.withdrawal is not None and group is not Group.ORGANISATION:
        return []
    match group:
        case Group.TOPIC:
            given: tuple[str, ...] = publication.topics
        case Group.REGION:
            given = (publication.region,)
        case Group.ORGANISATION:
            given = (publication.organisation,)
    return list(dict.fromkeys(name for name in map(line, given) if name))


def version(publication: Publication, language: str) -> Version:
    """Its words in that language, else in the one in which it was written."""
    for each in publication.versions:
        if each.language == language:
            return each
    return publication.versions[0]


def _sound(publication: Publication) -> None:
    if not CODE.fullmatch(publication.code):
        raise ValueError("a denunciation's code has ten letters a to z and digits 2 to 7")
    if not DIGEST.fullmatch(publication.fingerprint):
        raise ValueError("a denunciation's fingerprint has 64 hexadecimal digits")
    if not all(DIGEST.fullmatch(file.digest) for file in publication.files):
        raise ValueError("a file's digest has 64 hexadecimal digits")
    languages = [each.language for each in publication.versions]
    if not languages or len(set(languages)) != len(languages):
        raise ValueError("a denunciation has one version of each of its languages, and one at the least")
    if not all(map(LANGUAGE.fullmatch, languages)):
        raise ValueError("a version's language is a code such as es")
