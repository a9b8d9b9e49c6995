"""The pages in HTML. They are whole without a script, and ask nobody else for anything.

Links between them are relative, so that a copy on a stick, or behind another address, works too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.archive.media import Medium
from bot.archive.said import Said, name_of, tag
from bot.archive.shelf import Gathered, Group, Shelf
from bot.archive.signed import address, instant
from bot.archive.site import Site
from bot.archive.views import Link, Views, When
from bot.archive.words import as_html, excerpt, isolated
from bot.domain.publication import Publication

ON_A_PAGE = 20
"""Denunciations of one page of a list."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src 'self'",
        "style-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
"""Content-Security-Policy (level 3): this archive's own images and style, and nothing else. Framing
can be forbidden by the server's header alone."""


@cache
def _asset(name: str) -> bytes:
    return files(__package__).joinpath("templates", name).read_bytes()


@cache
def style_name() -> str:
    """With its hash, so that no browser keeps an old style for new pages."""
    return f"style.{sha256(_asset('style.css')).hexdigest()[:8]}.css"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("bot.archive"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals.update(policy=POLICY, style=style_name())
    return made


def assets() -> dict[str, bytes]:
    """The style and the sign of the archive."""
    return {style_name(): _asset("style.css"), "icon.svg": _asset("icon.svg")}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page is: its name, the way up to the top, and the same page in other languages."""

    name: str
    up: str
    canonical: str
    alternates: tuple[Link, ...] = ()
    switch: tuple[Link, ...] = ()


class Pages:
    """The pages of one language. `signed` says whether signatures lie beside the texts."""

    def __init__(
        self, site: Site, shelf: Shelf, said: Said, media: Mapping[str, Medium], now: datetime,
        *, signed: bool,
    ) -> None:  # fmt: skip
        self._site = site
        self._shelf = shelf
        self._said = said
        self._views = Views(shelf, said, media, now)
        self._signed = signed

    def all(self) -> Iterator[tuple[str, bytes]]:
        """Name and content of each."""
        yield from self._lists()
        yield self._browse()
        yield self._verify()
        for each in self._shelf.all:
            if any(v.language == self._said.language for v in each.versions):
                yield self._denunciation(each)

    def _lists(self) -> Iterator[tuple[str, bytes]]:
        title = isolated(self._site.title)
        yield from self._list("index", self._shelf.all, title, "", home=True)
        for group in Group:
            for gathered in self._shelf.gathered(group):
                label = self._said(f"group.{group.value}")
                name = isolated(gathered.name)
                yield from self._list(gathered.slug, gathered.publications, name, label, home=False)

    def _list(
        self, stem: str, those: Sequence[Publication], title: str, label: str, *, home: bool
    ) -> Iterator[tuple[str, bytes]]:
        count = max(1, -(-len(those) // ON_A_PAGE))
        names = [stem if n == 1 else f"{stem}-{n}" for n in range(1, count + 1)]
        urgent = set(self._shelf.open)
        for number, name in enumerate(names, 1):
            part = those[(number - 1) * ON_A_PAGE : number * ON_A_PAGE]
            yield self._page(
                "list.html",
                self._place(name),
                heading=title,
                label=label,
                home=home,
                first=number == 1,
                urgent=self._views.cards(p for p in part if p in urgent),
                others=self._views.cards(p for p in part if p not in urgent),
                number=number,
                count=count,
                total=len(those),
                newer=f"{names[number - 2]}.html" if number > 1 else "",
                older=f"{names[number]}.html" if number < count else "",
                description=self._said("about", title=isolated(self._site.title)),
            )

    def _browse(self) -> tuple[str, bytes]:
        def links(those: list[Gathered]) -> list[tuple[Link, int]]:
            return [(Link(f"{g.slug}.html", isolated(g.name)), len(g.publications)) for g in those]

        groups = [(self._said(f"groups.{g.value}"), links(self._shelf.gathered(g))) for g in Group]
        return self._page(
            "browse.html",
            self._place("browse"),
            heading=self._said("browse"),
            groups=groups,
            description=self._said("about", title=isolated(self._site.title)),
        )

    def _verify(self) -> tuple[str, bytes]:
        said = self._said
        keys = [
            (key, self._when(key.since), self._when(key.until) if key.until else None)
            for key in reversed(self._site.keys)
        ]
        statements = [
            (self._when(s.at), as_html(s.text), f"../{stem}", bool(s.signature))
            for stem, s in zip(statement_names(self._site), self._site.statements, strict=True)
        ]
        return self._page(
            "verify.html",
            self._place("verify"),
            heading=said("verify"),
            keys=keys,
            statements=statements,
            description=said("verify_about"),
        )

    def _denunciation(self, publication: Publication) -> tuple[str, bytes]:
        said = self._said
        shown = next(v for v in publication.versions if v.language == said.language)
        whole = self._views.whole(publication, shown)
        switch = {
            v.language: Link(f"../{v.language}/{publication.code}.html", "", tag(v.language))
            for v in publication.versions
        }
        alternates = tuple(
            Link(address(self._site, publication, v), "", tag(v.language)) for v in publication.versions
        )
        withdrawn = publication.withdrawal
        return self._page(
            "denunciation.html",
            self._place(publication.code, switch, alternates),
            heading=said.title(publication, shown),
            whole=whole,
            description=excerpt(withdrawn.reason if withdrawn else shown.text, 160),
        )

    def _when(self, at: datetime) -> When:
        return When(instant(at), self._said.date(at))

    def _place(
        self, stem: str, switch: Mapping[str, Link] | None = None, alternates: tuple[Link, ...] = ()
    ) -> _Place:
        own = self._said.language
        common = switch is None
        links = []
        for language in self._shelf.languages:
            target = (switch or {}).get(language)
            href = target.href if target else f"../{language}/{stem if common else 'index'}.html"
            links.append(Link(href, name_of(language), tag(language), current=language == own))
        if common:
            alternates = tuple(
                Link(f"{self._site.url}/{language}/{stem}.html", "", tag(language))
                for language in self._shelf.languages
            )
        return _Place(
            f"{own}/{stem}.html", "../", f"{self._site.url}/{own}/{stem}.html", alternates, tuple(links)
        )

    def _page(self, template: str, place: _Place, **values: object) -> tuple[str, bytes]:
        content = _environment().get_template(template).render(
            t=self._said,
            ui=self._said.ui,
            direction=self._said.direction,
            site=self._site,
            site_title=isolated(self._site.title),
            contact=as_html(self._site.contact),
            signed=self._signed,
            key=self._site.key,
            place=place,
            language=self._said.language,
            **values,
        )  # fmt: skip
        return place.name, content.encode()


def doors(site: Site, shelf: Shelf, said: Mapping[str, Said]) -> Iterator[tuple[str, bytes]]:
    """The two pages that are in all languages at once: the entrance, and what is not there."""
    for template, up in (("index.html", ""), ("404.html", site.root)):
        rooms = [(said[lang], tag(lang), name_of(lang), f"{up}{lang}/") for lang in shelf.languages]
        content = _environment().get_template(f"door_{template}").render(
            site_title=isolated(site.title),
            rooms=rooms,
            up=up,
            ui=rooms[0][0].ui,
            direction=rooms[0][0].direction,
            canonical=f"{site.url}/",
            url=site.url,
        )  # fmt: skip
        yield template, content.encode()


def statement_names(site: Site) -> list[str]:
    """Where the statements about keys are, in their order."""
    return [f"keys/statement-{n}.txt" for n, _ in enumerate(site.statements, 1)]


def keys(site: Site) -> Iterator[tuple[str, bytes]]:
    """The public keys, and what was said when one took another's place."""
    for key in site.keys:
        yield f"keys/{key.id}.pub", f"{key.text.rstrip()}\n".encode()
    for name, each in zip(statement_names(site), site.statements, strict=True):
        yield name, each.text.encode()
        if each.signature:
            yield f"{name}.minisig", f"{each.signature.rstrip()}\n".encode()
