"""What a template is given of a denunciation: strings and links, nothing that it must decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from bot.archive.media import Medium, name_of
from bot.archive.said import Said, tag
from bot.archive.said import name_of as language_name
from bot.archive.shelf import Group, Shelf, is_open, names, slug, version
from bot.archive.signed import instant
from bot.archive.words import as_html, excerpt, isolated, line
from bot.domain.denunciation import File
from bot.domain.publication import Kind, Publication, Version, short, spelled

Write = Callable[[datetime], str]
"""How an instant is said: with the hour on its own page, without it in a list."""


@dataclass(frozen=True, slots=True)
class Link:
    """Somewhere to go. `language` is what is there, "" where it is the page's own."""

    href: str
    text: str
    language: str = ""
    language_name: str = ""
    current: bool = False


@dataclass(frozen=True, slots=True)
class When:
    """An instant for machines and for people."""

    iso: str
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """What became of it. `tone` is also a class of the style: open, past, corrected, withdrawn."""

    tone: str
    text: str
    lead: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One in a list."""

    link: Link
    kind: str
    published: When
    organisation: Link
    excerpt: str
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A file on a page. `href` is "" where its bytes are not here; `image` where it can be seen."""

    href: str
    label: str
    alternative: str
    detail: str
    image: bool
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Whole:
    """One on its own page."""

    card: Card
    notes: tuple[Note, ...]
    number: int
    language: str
    words: Markup
    withdrawn: bool
    regions: tuple[Link, ...]
    topics: tuple[Link, ...]
    files: tuple[Shown, ...]
    before: Link | None
    after: tuple[Link, ...]
    languages: tuple[Link, ...]
    seal: str
    code: str
    fingerprint: str
    stem: str
    urgent: bool


class Views:
    """Makes them for the pages of one language."""

    def __init__(self, shelf: Shelf, said: Said, media: Mapping[str, Medium], now: datetime) -> None:
        self._shelf = shelf
        self._said = said
        self._media = media
        self._now = now

    def cards(self, publications: Iterable[Publication]) -> list[Card]:
        """Those of a list."""
        return [self.card(each) for each in publications]

    def card(self, publication: Publication, shown: Version | None = None) -> Card:
        """One, in this version or in the one that suits the page."""
        shown = shown or version(publication, self._said.language)
        withdrawn = publication.withdrawal
        return Card(
            self._to(publication, shown),
            self._said(f"kind.{publication.kind.value}"),
            When(instant(publication.published_at), self._said.date(publication.published_at)),
            self._to_group(Group.ORGANISATION, publication.organisation),
            "" if withdrawn else excerpt(shown.text),
            tuple(self._notes(publication, self._said.date)),
        )

    def whole(self, publication: Publication, shown: Version) -> Whole:
        """One with everything."""
        withdrawn = publication.withdrawal
        before = self._shelf.before(publication)
        return Whole(
            card=self.card(publication, shown),
            notes=tuple(self._notes(publication, self._said.moment)),
            number=publication.number,
            language="" if withdrawn else tag(shown.language),
            words=as_html(withdrawn.reason if withdrawn else shown.text),
            withdrawn=withdrawn is not None,
            regions=self._to_groups(Group.REGION, publication),
            topics=self._to_groups(Group.TOPIC, publication),
            files=() if withdrawn else tuple(map(self._file, publication.files)),
            before=self._to(before, version(before, self._said.language)) if before else None,
            after=tuple(
                self._to(each, version(each, self._said.language))
                for each in self._shelf.after(publication)
            ),
            languages=tuple(
                Link(_href(publication, v), language_name(v.language), tag(v.language))
                for v in publication.versions
                if v is not shown
            ),
            seal=spelled(short(publication.fingerprint)),
            code=spelled(publication.code),
            fingerprint=publication.fingerprint,
            stem=publication.code,
            urgent=publication.kind is Kind.URGENT,
        )

    def _to(self, publication: Publication, shown: Version) -> Link:
        own = shown.language == self._said.language or publication.withdrawal is not None
        return Link(
            _href(publication, shown),
            self._said.title(publication, shown),
            "" if publication.withdrawal else tag(shown.language),
            "" if own else language_name(shown.language),
        )

    def _to_groups(self, group: Group, publication: Publication) -> tuple[Link, ...]:
        return tuple(self._to_group(group, name) for name in names(group, publication))

    def _to_group(self, group: Group, name: str) -> Link:
        shown = isolated(name) or self._said("no_name")
        href = f"{slug(group, name)}.html" if line(name) else ""
        return Link(href, shown)

    def _notes(self, publication: Publication, write: Write) -> Iterable[Note]:
        said = self._said
        if (withdrawn := publication.withdrawal) is not None:
            yield Note("withdrawn", said("withdrawn", date=write(withdrawn.at)))
            return
        if publication.kind is Kind.URGENT:
            yield self._urgent(publication, write)
        if publication.corrected_at is not None:
            yield Note("corrected", said("corrected", date=write(publication.corrected_at)))

    def _urgent(self, publication: Publication, write: Write) -> Note:
        said, act_by, closed = self._said, publication.act_by, publication.closed_at
        if not is_open(publication, self._now):
            if closed is not None and closed <= self._now:
                return Note("past", said("closed", date=write(closed)))
            assert act_by is not None
            return Note("past", said("over", date=write(act_by)))
        if act_by is None:
            return Note("open", said("open"))
        days = said.days_until(act_by)
        left = said("days_left", n=days) if days else said("last_day")
        counted = said("counted", today=said.today)
        return Note("open", said("act_by", date=write(act_by)), left, counted)

    def _file(self, file: File) -> Shown:
        medium = self._media.get(name_of(file))
        alternative = isolated(file.alternative)
        label = alternative or isolated(file.name) or self._said("file")
        if medium is None:
            return Shown("", label, "", self._said("file_missing"), False, 0, 0)
        detail = ", ".join(filter(None, (medium.kind, self._said.size(medium.size))))
        image = medium.width > 0
        return Shown(
            f"../{medium.name}",
            label,
            (alternative or self._said("image_without_words")) if image else "",
            detail,
            image,
            medium.width,
            medium.height,
        )


def _href(publication: Publication, shown: Version) -> str:
    return f"../{shown.language}/{publication.code}.html"
